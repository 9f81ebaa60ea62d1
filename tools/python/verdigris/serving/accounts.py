"""Who may ask, and under which account's key the answer is marked."""

import hashlib
import re

import verdigris
from verdigris import gateway

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
        with open(path, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"{path}: longer than {MAX_FILE_BYTES} bytes")
        return ApiKeys(content.decode("ascii", "replace"), path)

    @property
    def labels(self) -> set[str]:
        return set(self._labels.values())

    def label_of(self, authorization: str | None) -> str | None:
        """The label of an Authorization header; None where it has no key that is known."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._labels.get(hashlib.sha256(token.strip().encode("utf-8", "replace")).hexdigest())


class Marking:
    """The marker of each account. Whatever cannot be marked is refused at the start."""

    def __init__(self, profile: verdigris.Profile, keys: list[verdigris.Key], tokenizer_sha256: str, labels: set[str] | None) -> None:
        if profile.tokenizer_sha256 != tokenizer_sha256:
            raise ValueError(f"the profile is of tokenizer {profile.tokenizer_sha256}, the model's is {tokenizer_sha256}")
        self.profile = profile
        common = [key for key in keys if key.role != "account"]
        accounts = {key.account: key for key in keys if key.role == "account"}
        if len(accounts) < sum(key.role == "account" for key in keys):
            raise ValueError("two account keys of one label")
        self._alone: verdigris.Marker | None = None
        self._markers: dict[str, verdigris.Marker] = {}
        if profile.provider_share == 256:  # no account has a layer
            self._alone = verdigris.Marker(profile, common)
        elif labels is None:
            if len(accounts) != 1:
                raise ValueError(f"without --api-keys there must be one account key, got {len(accounts)}")
            self._alone = verdigris.Marker(profile, keys)
        else:
            missing = sorted(labels - set(accounts))
            if missing:
                raise ValueError(f"no account key for label {missing[0]!r}")
            one = verdigris.Marker(profile, [*common, accounts[min(labels)]])
            self._markers = {label: one.with_account(accounts[label]) for label in labels}

    def marker_of(self, label: str | None) -> verdigris.Marker:
        return self._alone if self._alone is not None else self._markers[label or ""]
