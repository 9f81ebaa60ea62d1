"""The audit file: a line for each answer, written with one call. Never text, ids, prompts or keys.

Where a line cannot be written, new requests are refused until it can; the lines of answers that were running wait in memory.
"""

from __future__ import annotations

import collections
import errno
import json
import logging
import os
import threading
import time
from typing import Any

_log = logging.getLogger("verdigris")
SCHEMA = "verdigris.audit/1"
STATES = ("marked", "off", "short", "special", "repeated", "no_choice")  # numbers 1 to 6 of the C header, in this order
_WAITING = 100_000


class Audit:
    """Appends to one file. Any number of threads, and of processes."""

    def __init__(self, path: str) -> None:
        """Raises OSError where the file cannot be written: no start."""
        self._path = path
        self._lock = threading.Lock()
        self._waiting: collections.deque[bytes] = collections.deque()
        self._torn = False
        self._file = -1
        self.lost = 0
        self._open()

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def _reopen(self) -> None:
        """Follows a file that was moved away."""
        if self._file >= 0:
            here = os.fstat(self._file)
            try:
                there = os.stat(self._path, follow_symlinks=False)
                if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
                    return
            except FileNotFoundError:
                pass
            os.close(self._file)
            self._file = -1
        self._open()

    def _put(self, line: bytes) -> None:
        # What a full disk left of a line stays as one that no reader takes for whole.
        data = b"\n" + line if self._torn else line
        done = os.write(self._file, data)
        if done != len(data):
            self._torn = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False

    def _flush(self) -> bool:
        try:
            self._reopen()
            while self._waiting:
                self._put(self._waiting[0])
                self._waiting.popleft()
            return True
        except OSError as error:
            _log.error("audit file %s: %s; new requests are refused", self._path, error.strerror)
            return False

    def write(self, line: dict[str, Any]) -> bool:
        """Appends a line; False where it has to wait."""
        data = json.dumps(line, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode() + b"\n"
        with self._lock:
            if len(self._waiting) >= _WAITING:
                self.lost += 1
                return False
            self._waiting.append(data)
            return self._flush()

    @property
    def failing(self) -> bool:
        """Whether lines are waiting, after another try to write them."""
        with self._lock:
            return bool(self._waiting) and not self._flush()

    def close(self) -> None:
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1


def timestamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
