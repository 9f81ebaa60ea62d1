"""The one configuration file of every engine: strict JSON, each member checked, nothing passed over."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from verdigris import _native, errors, gateway
from verdigris.serving import strict_json

SCHEMA = "verdigris.serving/1"
VARIABLE = "VERDIGRIS_CONFIG"
MAX_BYTES = 1 << 20
MAX_ID = (1 << 24) - 1
_MAX_IDS = 1024


@dataclass(frozen=True)
class Config:
    """A configuration that was checked. Paths are absolute; those of the file are relative to its folder."""

    path: str
    profile: str
    epoch: int
    provider: str | None
    selector: str | None
    accounts: str | None  # a folder
    accounts_provider: str | None  # "module:function", in place of a folder
    source: str  # signed, gateway, fixed, none
    gateway_key: str | None
    label: str | None
    mode: str = "enforce"
    greedy: str = "refuse"
    on_error: str = "end"
    end_ids: tuple[int, ...] = ()
    split_ids: frozenset[int] = frozenset()
    hidden_until: frozenset[int] = frozenset()
    max_logit_bias: float = 1.0
    audit_file: str = ""
    output_digest: bool = True
    price: int = 0  # 0 off, else one row in this many
    metrics: tuple[str, int] | None = None
    threads: int = 1


class _Object:
    """A JSON object that members are taken from; what is left is unknown."""

    def __init__(self, file: str, name: str, value: object) -> None:
        self.file, self.name = file, name
        if not isinstance(value, dict):
            raise errors.Malformed(f"{file}: {name or 'the file'} must be an object")
        self._left: dict[str, Any] = dict(value)

    def _path(self, name: str) -> str:
        return f"{self.name}.{name}" if self.name else name

    def bad(self, name: str, rule: str) -> errors.Malformed:
        return errors.Malformed(f"{self.file}: {self._path(name)} must be {rule}")

    def has(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str) -> Any:
        return self._left.pop(name, None)

    def text(self, name: str, *, optional: bool = False) -> str | None:
        present = name in self._left
        value = self.take(name)
        if not present and optional:
            return None
        if not isinstance(value, str) or not value or "\0" in value:
            raise self.bad(name, "a string that is not empty")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self._left.pop(name, choices[0])
        if not isinstance(value, str) or value not in choices:
            raise self.bad(name, "one of " + ", ".join(choices))
        return value

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self._left.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.bad(name, f"an integer from {low} to {high}")
        return value

    def ids(self, name: str) -> tuple[int, ...]:
        value = self._left.pop(name, [])
        fine = isinstance(value, list) and len(value) <= _MAX_IDS
        if not fine or not all(isinstance(id, int) and not isinstance(id, bool) and 0 <= id <= MAX_ID for id in value):
            raise self.bad(name, f"a list of at most {_MAX_IDS} token ids from 0 to {MAX_ID}")
        return tuple(value)

    def object(self, name: str, *, optional: bool = False) -> "_Object":
        if optional and name not in self._left:
            return _Object(self.file, self._path(name), {})
        if name not in self._left:
            raise self.bad(name, "there")
        return _Object(self.file, self._path(name), self.take(name))

    def end(self) -> None:
        for name in self._left:
            raise errors.Malformed(f"{self.file}: unknown member {self._path(name[:64])!r}")


def _parse_json(path: str, content: bytes) -> object:
    try:
        return strict_json.parse(content)
    except strict_json.NotJson as error:
        raise errors.Malformed(f"{path}:{error.line}: {error}" if error.line else f"{path}: {error}") from None


def _address(top: _Object) -> tuple[str, int] | None:
    text = top.text("metrics", optional=True)
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
        raise top.bad("metrics", "an address such as 127.0.0.1:9464")
    return host.strip("[]"), int(port)


def parse(content: bytes, path: str) -> Config:
    """The configuration in these bytes; `path` is where they are from."""
    top = _Object(path, "", _parse_json(path, content))
    base = os.path.dirname(os.path.abspath(path))

    def place(text: str | None) -> str | None:
        return None if text is None else os.path.join(base, text)

    schema = top.take("schema")
    if schema != SCHEMA:
        raise errors.Unsupported(f"{path}: schema must be {SCHEMA}")
    profile, epoch = place(top.text("profile")), top.integer("epoch", 0, (1 << 32) - 1)

    keys = top.object("keys")
    provider, selector = place(keys.text("provider", optional=True)), place(keys.text("selector", optional=True))
    folder = function = None
    if keys.has("accounts"):
        given = keys.take("accounts")
        if isinstance(given, dict):
            inner = _Object(path, "keys.accounts", given)
            function = inner.text("provider")
            module, colon, attribute = (function or "").partition(":")
            if not colon or not all(part.isidentifier() for part in module.split(".")) or not attribute.isidentifier():
                raise inner.bad("provider", "module:function")
            inner.end()
        elif isinstance(given, str) and given and "\0" not in given:
            folder = place(given)
        else:
            raise keys.bad("accounts", 'a folder, or {"provider":"module:function"}')
    keys.end()

    account = top.object("account", optional=True)
    source = account.choice("source", ("signed", "gateway", "fixed", "none"))
    gateway_key = place(account.text("gateway_key")) if source == "signed" else None
    label = account.text("label") if source == "fixed" else None
    if label is not None and not gateway.is_label(label):
        raise account.bad("label", "1 to 64 of A-Z a-z 0-9 . _ : @ / + -, a letter or digit first")
    account.end()
    if source != "none" and folder is None and function is None:
        raise keys.bad("accounts", f"there, since account.source is {source}")

    policy = top.object("policy", optional=True)
    mode = policy.choice("mode", ("enforce", "opt_out", "opt_in"))
    if mode != "enforce" and source not in ("signed", "gateway"):
        raise policy.bad("mode", f"enforce where account.source is {source}: nobody may then say otherwise")
    greedy, on_error = policy.choice("greedy", ("refuse", "serve")), policy.choice("on_error", ("end", "stop"))
    end_ids, split_ids, hidden_until = policy.ids("end_ids"), policy.ids("split_ids"), policy.ids("hidden_until")
    bias = policy.take("max_logit_bias") if policy.has("max_logit_bias") else 1
    if isinstance(bias, bool) or not isinstance(bias, int | float) or not 0 <= bias <= 100:
        raise policy.bad("max_logit_bias", "a number from 0 to 100, in nats")
    policy.end()

    audit = top.object("audit")
    file = place(audit.text("file"))
    digest = audit.integer("output_digest", 0, 1, 1)
    price = audit.take("price") if audit.has("price") else "off"
    if price not in ("off", "all") and (isinstance(price, bool) or not isinstance(price, int) or not 1 <= price <= 1_000_000):
        raise audit.bad("price", "off, all, or N for one row in N")
    rows_a_price: int = price if isinstance(price, int) else int(price == "all")
    audit.end()

    metrics, threads = _address(top), top.integer("threads", 1, 256, 1)
    top.end()
    assert profile is not None and file is not None
    return Config(path=path, profile=profile, epoch=epoch, provider=provider, selector=selector, accounts=folder, accounts_provider=function,
                  source=source, gateway_key=gateway_key, label=label, mode=mode, greedy=greedy, on_error=on_error if end_ids else "stop",
                  end_ids=end_ids, split_ids=frozenset(split_ids), hidden_until=frozenset(hidden_until), max_logit_bias=float(bias),
                  audit_file=file, output_digest=digest == 1, price=rows_a_price, metrics=metrics, threads=threads)


def load(path: str | os.PathLike[str] | None = None) -> Config:
    """The configuration in this file, or in the one that VERDIGRIS_CONFIG names. Without either there is no start."""
    chosen = os.fspath(path) if path is not None else os.environ.get(VARIABLE, "")
    if not chosen:
        raise errors.FailedPrecondition(f"no configuration: set {VARIABLE} to a file, for every process of the engine")
    return parse(_native.read_trusted(chosen, MAX_BYTES), chosen)
