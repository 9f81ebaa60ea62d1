"""A configuration that is in use: markers by account, admission, sequences, audit and metrics of one engine process."""

from __future__ import annotations

import atexit
import collections
import importlib.metadata
import logging
import os
import signal
import threading
import weakref
from typing import Any, Protocol

import verdigris
from verdigris import errors
from verdigris.serving import config as configuration
from verdigris.serving.account_keys import AccountKeys, load_layer_keys, open_accounts
from verdigris.serving.admission import Admission, Admitted, Hook, Refused, Request
from verdigris.serving.audit import SCHEMA, STATES, Audit, timestamp
from verdigris.serving.config import Config
from verdigris.serving.metrics import Endpoint, Metrics
from verdigris.serving.sequence import Sequence

_log = logging.getLogger("verdigris")
UNTESTED = "VERDIGRIS_UNTESTED_ENGINE"
_MARKERS = 4096


class Engine(Protocol):
    """What is said of an engine: the package, and the versions that the adapter was tested with, "" where it was not."""

    @property
    def package(self) -> str: ...
    @property
    def oldest(self) -> str: ...
    @property
    def newest(self) -> str: ...


def _numbers(version: str) -> tuple[int, ...]:
    """1.2.3rc1+cpu as (1, 2, 3)."""
    numbers = []
    for part in version.split("+")[0].split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def check_version(engine: Engine, version: str | None = None) -> str:
    """How audit lines name the engine: package/version, with !untested where VERDIGRIS_UNTESTED_ENGINE=1 let pass a version that was not
    tested; raises NotSupported without it. version: of the engine; else that of the installed package."""
    if version is None:
        try:
            version = importlib.metadata.version(engine.package)
        except importlib.metadata.PackageNotFoundError:
            version = "unknown"
    name = f"{engine.package}/{version}"
    tested = engine.newest and _numbers(engine.oldest) <= _numbers(version) <= _numbers(engine.newest) and _numbers(version)
    if tested:
        return name
    if os.environ.get(UNTESTED) != "1":
        known = f"{engine.oldest} to {engine.newest} are" if engine.newest else "no version is"
        raise errors.NotSupported(f"{name} is untested, {known} tested; set {UNTESTED}=1 to use it all the same, which every audit line then shows")
    return name + "!untested"


def _check_hook(config: Config, profile: verdigris.Profile, hook: Hook) -> None:
    if hook == "before":
        if profile.scheme != "green":
            raise errors.NotSupported(f"{config.path}: scheme {profile.scheme} cannot be applied before temperature; use green")
        if profile.member("specials") != "plain":
            raise errors.NotSupported(f"{config.path}: specials preserve cannot be applied before temperature. specials is no part of the scheme: "
                                      "a profile with plain keeps all keys")
        if config.price:
            raise errors.NotSupported(f"{config.path}: audit.price must be off: there are no probabilities before temperature")
    if hook == "after_device":
        if profile.scheme != "green":
            raise errors.NotSupported(f"{config.path}: scheme {profile.scheme} cannot be applied on a device; use green")
        if config.price:
            raise errors.NotSupported(f"{config.path}: audit.price must be off on a device")


class _Rules:
    """What a frontend and an engine have in common: admission, and its audit line."""

    def __init__(self, engine: Engine, hook: Hook, path: str | os.PathLike[str] | None, argmax: bool, version: str | None) -> None:
        self.engine_name = check_version(engine, version)
        self.config: Config = configuration.load(path)
        self.profile = verdigris.Profile.load(self.config.profile)
        _check_hook(self.config, self.profile, hook)
        self.threads = self.config.threads
        self.metrics = Metrics()
        self._accounts: AccountKeys | None = open_accounts(self.config, self.profile)
        if self.config.source == "fixed" and not self._known(self.config.label or ""):
            raise errors.FailedPrecondition(f"{self.config.path}: account.label: there is no key of this label, scheme and epoch in keys.accounts")
        # Elsewhere than after truncation on the host, engines search by the log-probabilities of P.
        self._admission = Admission(self.config, self.profile, argmax, self._known, beams=hook == "after")
        try:
            self.audit = Audit(self.config.audit_file)
        except OSError as error:
            raise errors.Io(f"{self.config.audit_file}: {error.strerror}") from None
        self._writes_audit = True
        _reread_on_hangup(self)

    def _known(self, label: str) -> bool:
        try:
            return self._accounts is None or self._accounts.get(label) is not None
        except errors.Error as error:
            _log.error("account keys: %s", error)
            return False

    def reread(self) -> None:
        """Reads the account keys again at the next request, as SIGHUP does."""
        if self._accounts is not None:
            self._accounts.reread()

    def line(self, *, request: str | None, index: int, account: str | None, kids: list[str], outcome: str, tokens: int, states: dict[str, int],
             kl_qp: float | None, digest: str | None) -> dict[str, Any]:
        return {"schema": SCHEMA, "time": timestamp(), "engine": self.engine_name, "request": request, "index": index, "account": account,
                "profile": self.profile.digest, "kids": kids, "policy": self.config.mode, "outcome": outcome, "tokens": tokens, "states": states,
                "kl_qp_nats": kl_qp, "output_sha256": digest}

    def finish(self, *, account: str | None, outcome: str, tokens: int, states: dict[str, int], **rest: Any) -> None:
        """Counts an answer and writes its line. Called by `Sequence.close`."""
        self.metrics.answer(outcome, states)
        if account is not None and outcome != "refused" and self.metrics.account_tokens(account, tokens):
            _log.warning("2,000,000 tokens were served under one account key: rotate it")
        if self._writes_audit:
            self.audit.write(self.line(account=account, outcome=outcome, tokens=tokens, states=states, **rest))

    def _admit(self, request: Request, waited: bool) -> Admitted:
        if self._writes_audit and self.audit.failing:
            raise Refused("audit", "the audit file cannot be written")
        return self._admission.admit(request, waited=waited)

    def admit(self, request: Request) -> Admitted:
        """Whether this request is served. Raises Refused, a ValueError, for HTTP 400, and writes the audit line of that."""
        try:
            return self._admit(request, False)
        except Refused as refusal:
            self.finish(request=refusal.request, index=0, account=refusal.account, kids=[], outcome="refused", tokens=0,
                        states=dict.fromkeys(STATES, 0), kl_qp=None, digest=None)
            raise


class Frontend(_Rules):
    """Admission alone, for a process that marks nothing. It has labels, and no marker."""


class Serving(_Rules):
    """Everything that an adapter needs; see `open`."""

    def __init__(self, engine: Engine, hook: Hook, path: str | os.PathLike[str] | None, argmax: bool, version: str | None, leader: bool,
                 expect: dict[str, int | str]) -> None:
        super().__init__(engine, hook, path, argmax, version)
        self._expect: dict[str, int | str] = {"epoch": self.config.epoch, **expect}
        self._layers = load_layer_keys(self.config, self.profile)
        self._lock = threading.Lock()
        self._markers: collections.OrderedDict[str | None, tuple[verdigris.Key | None, verdigris.Marker]] = collections.OrderedDict()
        self._writes_audit = leader
        self._open_sequences: weakref.WeakSet[Sequence] = weakref.WeakSet()
        self._check_marker()
        self.endpoint: Endpoint | None = None
        if self.config.metrics is not None and leader:
            try:
                self.endpoint = Endpoint(self.config.metrics, lambda: self.metrics.text(self.audit.failing))
            except OSError as error:
                raise errors.Io(f"{self.config.path}: metrics: {error.strerror}") from None
        atexit.register(_close_at_exit, weakref.ref(self))

    def _check_marker(self) -> None:
        """Keys, profile and what is expected of them belong together, before the first request."""
        if self.config.source in ("fixed", "none"):
            self._marker_of(self.config.label)
        else:  # without an account there is no marker yet: as much of its checks as can be made
            for name, value in self._expect.items():
                if name != "epoch" and str(self.profile.member(name)) != str(value):
                    raise errors.Mismatch(f"{self.config.profile}: the profile has another {name} than the engine")
            roles = {key.role for key in self._layers}
            share = self.profile.provider_share
            for role, needed in (("provider", share > 0), ("selector", 0 < share < 256)):
                if needed and role not in roles:
                    raise errors.FailedPrecondition(f"{self.config.path}: keys.{role} is missing, which provider_share {share} needs")

    def _marker_of(self, account: str | None) -> verdigris.Marker:
        key = None
        if account is not None and self._accounts is not None:
            key = self._accounts.get(account)
            if key is None:
                raise Refused("account", "unknown account", account)
        with self._lock:
            known = self._markers.get(account)
            if known is not None and known[0] is key:
                self._markers.move_to_end(account)
                return known[1]
            marker = verdigris.Marker(self.profile, [*self._layers, *([key] if key is not None else [])], **self._expect)
            self._markers[account] = (key, marker)
            while len(self._markers) > _MARKERS:
                self._markers.popitem(last=False)
            return marker

    def begin(self, request: Request, *, index: int = 0) -> Sequence:
        """The sequence of an answer that begins. index: which of the answers of the request.

        The rules are applied once more, but for the time that the request may have waited. Where they now refuse, as when the account's key
        went away, the answer ends at once (`ended`), or Refused is raised where policy.on_error is stop.
        """
        try:
            admitted = self._admit(request, True)
            marker = self._marker_of(admitted.account) if admitted.unmarked is None else None
        except Refused as refusal:
            if self.config.on_error == "stop":
                raise
            sequence = Sequence(self, marker=None, account=refusal.account, request=refusal.request, unmarked="policy", index=index, refused=True)
            sequence.fault(errors.FailedPrecondition.code)
        else:
            sequence = Sequence(self, marker=marker, account=admitted.account, request=admitted.request, unmarked=admitted.unmarked, index=index)
        self._open_sequences.add(sequence)
        return sequence

    def close(self) -> None:
        """Writes the lines of answers that were not closed, and gives the address of metrics back."""
        for sequence in list(self._open_sequences):
            sequence.close()
        if self.endpoint is not None:
            self.endpoint.close()
            self.endpoint = None
        self.audit.close()


def _close_at_exit(reference: "weakref.ref[Serving]") -> None:
    serving = reference()
    if serving is not None:
        serving.close()


_rereading: "weakref.WeakSet[_Rules]" = weakref.WeakSet()
_former: list[Any] = []


def _on_hangup(number: int, frame: Any) -> None:
    for rules in list(_rereading):
        rules.reread()
    if callable(_former[0]):
        _former[0](number, frame)


def _reread_on_hangup(rules: _Rules) -> None:
    _rereading.add(rules)
    if not _former and threading.current_thread() is threading.main_thread():
        # Without a handler before, SIGHUP would have ended the process; from here on it asks for a reread alone.
        _former.append(signal.signal(signal.SIGHUP, _on_hangup))


def open(engine: Engine, hook: Hook, *, path: str | os.PathLike[str] | None = None, argmax: bool = False, version: str | None = None,
         leader: bool = True, **expect: int | str) -> Serving:
    """Opens what the configuration names, for a process that marks. Every fault raises verdigris.Error, and the engine must not start.

    engine   a row of verdigris.adapters.engines
    hook     where the adapter marks: before (temperature), after (truncation, on the host), after_device
    path     of the configuration; without it that of VERDIGRIS_CONFIG
    argmax   the adapter can mark at temperature 0, under a profile whose zero_temperature is argmax
    version  of the engine, where it is not that of the installed package
    leader   False in all but one of the processes that mark the same answers, such as tensor-parallel ranks: they write no audit lines
    expect   vocab, tokenizer_sha256, scheme_id, as the engine knows them; a difference raises Mismatch
    """
    return Serving(engine, hook, path, argmax, version, leader, expect)


_frontends: dict[tuple[str, Hook, str], Frontend] = {}
_frontends_lock = threading.Lock()


def frontend(engine: Engine, hook: Hook, *, path: str | os.PathLike[str] | None = None, argmax: bool = False, version: str | None = None) -> Frontend:
    """Admission for the process that talks to clients, opened at the first call and kept: `frontend(...).admit(request)`."""
    key = (engine.package, hook, os.fspath(path) if path is not None else os.environ.get(configuration.VARIABLE, ""))
    with _frontends_lock:
        if key not in _frontends:
            _frontends[key] = Frontend(engine, hook, path, argmax, version)
        return _frontends[key]
