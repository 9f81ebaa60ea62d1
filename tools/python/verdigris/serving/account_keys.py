"""Keys of accounts by label: a folder that is read again when it changes, or a function of the provider's own.

Signals are left alone: a reread is asked for by `reread`, which `Serving` calls on SIGHUP where it may.
"""

from __future__ import annotations

import collections
import importlib
import logging
import os
import threading
import time
from collections.abc import Callable

import verdigris
from verdigris import errors
from verdigris.serving.config import Config

_log = logging.getLogger("verdigris")
_CHECK_SECONDS = 1.0
_CACHED = 4096


def _checked(key: verdigris.Key, where: str, role: str, scheme_id: str, epoch: int) -> verdigris.Key:
    if key.role != role:
        raise errors.Mismatch(f"{where}: a key of role {role} is needed, this is of role {key.role}")
    if key.scheme_id != scheme_id:
        raise errors.Mismatch(f"{where}: the key is of another scheme than the profile")
    if key.epoch != epoch:
        raise errors.Mismatch(f"{where}: the key is of epoch {key.epoch}, the configuration says {epoch}")
    return key


def load_layer_keys(config: Config, profile: verdigris.Profile) -> list[verdigris.Key]:
    """Provider and selector key, as the configuration names them."""
    named = (("provider", config.provider), ("selector", config.selector))
    return [_checked(verdigris.Key.load(path), path, role, profile.scheme_id, config.epoch) for role, path in named if path is not None]


class AccountKeys:
    """Account keys by label. Any number of threads."""

    def get(self, label: str) -> verdigris.Key | None:
        """The key of this label; None where there is none."""
        raise NotImplementedError

    def reread(self) -> None:
        """Forgets what is cached: the next look-up reads again."""


class Folder(AccountKeys):
    """Each *.key of role account, of this scheme and epoch. A folder that cannot be read later on leaves the keys that are known."""

    def __init__(self, folder: str, scheme_id: str, epoch: int) -> None:
        self._folder, self._scheme_id, self._epoch = folder, scheme_id, epoch
        self._lock = threading.Lock()
        self._checked_at = time.monotonic()
        self._stamp = self._look()
        self._keys = self._load()
        self._stale = False

    def _look(self) -> tuple[tuple[str, int, int, int], ...]:
        try:
            with os.scandir(self._folder) as entries:
                found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries if entry.name.endswith(".key")]
        except OSError as error:
            raise errors.Io(f"{self._folder}: {error.strerror}") from None
        return tuple(sorted((name, status.st_ino, status.st_mtime_ns, status.st_size) for name, status in found))

    def _load(self) -> dict[str, verdigris.Key]:
        keys: dict[str, verdigris.Key] = {}
        for name, *_ in self._stamp:
            path = os.path.join(self._folder, name)
            key = verdigris.Key.load(path)
            if key.role != "account":
                raise errors.Mismatch(f"{path}: a key of role {key.role} has no place among account keys")
            if key.scheme_id != self._scheme_id or key.epoch != self._epoch:
                continue  # of an epoch before or after, which may lie there
            if key.account in keys:
                raise errors.Mismatch(f"{path}: a second key of its label")
            keys[key.account] = key
        return keys

    def _refresh(self) -> None:
        now = time.monotonic()
        if not self._stale and now - self._checked_at < _CHECK_SECONDS:
            return
        stale, self._stale, self._checked_at = self._stale, False, now
        former = self._stamp
        try:
            self._stamp = self._look()
            if stale or self._stamp != former:
                self._keys = self._load()
        except errors.Error as error:
            self._stamp = former
            _log.error("account keys: %s; the keys known before stay in use", error)

    def get(self, label: str) -> verdigris.Key | None:
        with self._lock:
            self._refresh()
            return self._keys.get(label)

    def reread(self) -> None:
        self._stale = True  # a plain store: this may run in a signal handler, in a thread that holds the lock


class Function(AccountKeys):
    """A function of the provider: label to the bytes of a key file, or None. Keys are cached, absent labels are not."""

    def __init__(self, name: str, scheme_id: str, epoch: int, where: str) -> None:
        self._name, self._scheme_id, self._epoch = name, scheme_id, epoch
        module, _, attribute = name.partition(":")
        try:
            function = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise errors.FailedPrecondition(f"{where}: keys.accounts.provider {name}: {type(error).__name__}") from None
        if not callable(function):
            raise errors.FailedPrecondition(f"{where}: keys.accounts.provider {name} cannot be called")
        self._function: Callable[[str], bytes | None] = function
        self._cache: collections.OrderedDict[str, verdigris.Key] = collections.OrderedDict()
        self._lock = threading.Lock()
        self._stale = False

    def get(self, label: str) -> verdigris.Key | None:
        with self._lock:
            if self._stale:
                self._stale = False
                self._cache.clear()
            if label in self._cache:
                self._cache.move_to_end(label)
                return self._cache[label]
        try:
            content = self._function(label)
            if content is None:
                return None
            key = verdigris.Key.parse(content)
        except Exception as error:  # of foreign code; its text may have the key
            raise errors.FailedPrecondition(f"{self._name}: {type(error).__name__}") from None
        _checked(key, self._name, "account", self._scheme_id, self._epoch)
        if key.account != label:
            raise errors.Mismatch(f"{self._name}: gave the key of another label")
        with self._lock:
            self._cache[label] = key
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return key

    def reread(self) -> None:
        self._stale = True


def open_accounts(config: Config, profile: verdigris.Profile) -> AccountKeys | None:
    """What the configuration names; None where no account has a layer."""
    if config.source == "none":
        if profile.provider_share != 256:
            raise errors.FailedPrecondition(f"{config.path}: account.source none needs a profile whose provider_share is 256, "
                                            f"this has {profile.provider_share}")
        return None
    if config.accounts is not None:
        return Folder(config.accounts, profile.scheme_id, config.epoch)
    assert config.accounts_provider is not None
    return Function(config.accounts_provider, profile.scheme_id, config.epoch, config.path)

