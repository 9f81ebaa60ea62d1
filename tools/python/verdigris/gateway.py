"""What a gateway puts into a request: whose answer it is, signed, so that no client can choose another's label.

    fields = verdigris.gateway.sign(verdigris.gateway.load_key("gateway.key"), "acct-7", request="r-81")

The fields are flat strings and numbers, as engines carry them: `vllm_xargs` of vLLM, `custom_params` of SGLang, an argument elsewhere. The
gateway authenticates the client, drops all fields of these names that came from it, and signs its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verdigris import _native, errors

KEY_BYTES = 32
MAC_BYTES = 16
MAX_AHEAD_SECONDS = 600
FIELDS = ("verdigris_account", "verdigris_request", "verdigris_mark", "verdigris_expires", "verdigris_mac")
_DOMAIN = b"verdigris/1/account-label\x00"
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,63}")
_MAX_SECRET_BYTES = 4096


def is_label(text: object) -> bool:
    """Whether this can be the label of an account, or the id of a request."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def load_key(path: str | os.PathLike[str]) -> bytes:
    """The gateway key: 32 bytes in base64, in a file that its owner alone can read."""
    try:
        text = _native.read_secret(os.fspath(path), _MAX_SECRET_BYTES).removesuffix(b"\n")
        key = base64.b64decode(text, validate=True)
        if len(key) != KEY_BYTES or base64.b64encode(key) != text:
            raise binascii.Error
    except binascii.Error:
        raise errors.Malformed(f"gateway key {os.fspath(path)}: must be {KEY_BYTES} bytes in base64") from None
    return key


def _mac(key: bytes, account: str, request: str, mark: int, expires: int) -> str:
    name = request.encode("ascii")
    message = _DOMAIN + expires.to_bytes(8, "big") + bytes([mark, len(name)]) + name + account.encode("ascii")
    return hmac.new(key, message, hashlib.sha256).digest()[:MAC_BYTES].hex()


def sign(key: bytes, account: str, *, request: str, mark: bool = True, expires: int | None = None) -> dict[str, str | int]:
    """The fields of a request of this account.

    request: the id under which the answer is logged. mark: what the client asks for, where the policy leaves it the choice.
    expires: seconds since 1970, at most 600 ahead; a minute from now by default.
    """
    if len(key) != KEY_BYTES:
        raise errors.InvalidArgument(f"the gateway key must have {KEY_BYTES} bytes, got {len(key)}")
    if not is_label(account) or not is_label(request):
        raise errors.InvalidArgument("account and request must be labels: 1 to 64 of A-Z a-z 0-9 . _ : @ / + -, a letter or digit first")
    when = int(time.time()) + 60 if expires is None else expires
    if not 0 <= when < 1 << 63:
        raise errors.InvalidArgument("expires must be seconds since 1970")
    return {"verdigris_account": account, "verdigris_request": request, "verdigris_mark": int(mark), "verdigris_expires": when,
            "verdigris_mac": _mac(key, account, request, int(mark), when)}


@dataclass(frozen=True)
class Signed:
    """What a gateway said about a request."""

    account: str
    request: str
    mark: bool
    expires: int


class BadFields(ValueError):
    """Fields that no gateway with this key has made. The message has nothing of the fields but their names."""


def _integer(fields: Mapping[str, Any], name: str, highest: int) -> int:
    # Engines carry numbers as strings or floats at times.
    value = fields[name]
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        raise BadFields(f"{name} must be an integer from 0 to {highest}")
    return value


def mark_of(fields: Mapping[str, Any]) -> bool:
    """`verdigris_mark`, which must be 0 or 1; True where it is missing."""
    return _integer(fields, "verdigris_mark", 1) == 1 if "verdigris_mark" in fields else True


def verify(key: bytes, fields: Mapping[str, Any], *, now: float | None = None) -> Signed:
    """What the fields say; raises BadFields where one is missing or malformed, or the mac is wrong or old.

    now: seconds since 1970; -1 leaves out the check of the time, for a request that waited after it was admitted.
    """
    for name in FIELDS:
        if fields.get(name) is None:
            raise BadFields(f"{name} is missing")
    for name in ("verdigris_account", "verdigris_request"):
        if not is_label(fields[name]):
            raise BadFields(f"{name} must be a label")
    mark, expires = _integer(fields, "verdigris_mark", 1), _integer(fields, "verdigris_expires", (1 << 63) - 1)
    given = fields["verdigris_mac"]
    wanted = _mac(key, fields["verdigris_account"], fields["verdigris_request"], mark, expires)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
        raise BadFields("verdigris_mac is wrong")
    clock = time.time() if now is None else now
    if clock >= 0 and expires < clock:
        raise BadFields("verdigris_expires is past")
    if clock >= 0 and expires > clock + MAX_AHEAD_SECONDS:
        raise BadFields(f"verdigris_expires is more than {MAX_AHEAD_SECONDS} s ahead")
    return Signed(fields["verdigris_account"], fields["verdigris_request"], mark == 1, expires)
