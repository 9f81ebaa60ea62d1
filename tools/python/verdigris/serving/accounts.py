"""Who may ask the reference server: bearer tokens, and the account that each is of."""

import hashlib
import re

from verdigris import _native, gateway

MAX_FILE_BYTES = 1 << 20


class ApiKeys:
    """Bearer tokens by their SHA-256, each with a label. The tokens themselves are in no file."""

    def __init__(self, lines: str, path: str) -> None:
        self._labels: dict[str, str] = {}
        for number, line in enumerate(lines.splitlines(), 1):
            words = line.split(" ")
            if len(words) != 2 or not re.fullmatch(r"[0-9a-f]{64}", words[0]) or not gateway.is_label(words[1]):
                raise ValueError(f"{path}:{number}: must be the SHA-256 of a key in lower-case hex, a space, and a label")
            if words[0] in self._labels:
                raise ValueError(f"{path}:{number}: this key is there twice")
            self._labels[words[0]] = words[1]
        if not self._labels:
            raise ValueError(f"{path}: has no keys")

    @staticmethod
    def load(path: str) -> "ApiKeys":
        return ApiKeys(_native.read_trusted(path, MAX_FILE_BYTES).decode("ascii", "replace"), path)

    def label_of(self, authorization: str | None) -> str | None:
        """The label of an Authorization header; None where it has no key that is known."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._labels.get(hashlib.sha256(token.strip().encode("utf-8", "replace")).hexdigest())
