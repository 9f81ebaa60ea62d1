"""What the server asks of a model, and what models that hand out whole rows of logits have in common."""

from __future__ import annotations

import abc
import functools
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import verdigris
from verdigris import errors

Messages = tuple[tuple[str, str], ...]  # roles and texts
Rows = NDArray[np.float32]
Listed = tuple[NDArray[np.float64], NDArray[np.uint32], NDArray[np.float64]]

MAX_CONTEXT = 4096  # of models whose memory of a text grows with it
_ROWS_AT_A_TIME = 64  # of logits that are all wanted
_IDS_AT_A_TIME = 512


class BadPrompt(ValueError):
    """A prompt that this model cannot answer; the message has nothing of its text."""


class Session(Protocol):
    """One text that is being read or written. A copy goes its own way."""

    def feed(self, ids: list[int]) -> None: ...
    def copy(self) -> Session: ...
    def read(self, ids: list[int], k: int) -> Listed:
        """Feeds ids, and gives what the model held of each before it came: its ln p, the k likeliest ids, and their ln p. The session
        must not be empty."""

    def log_probability(self, id: int) -> float: ...
    def ranked(self, k: int) -> tuple[list[int], list[float]]: ...
    def draw(self, uniform: float, *, temperature: float, top_k: int, top_p: float, min_p: float, bias: dict[int, float],
             marker: verdigris.Marker | None, output: list[int]) -> verdigris.Drawn: ...


class Pieces:
    """The bytes that tokens add to a text, and the names under which they are shown: their text, if no other has it."""

    def __init__(self, tokenizer: verdigris.Tokenizer, pieces: list[bytes]) -> None:
        special = frozenset(tokenizer.special_ids)
        self.bytes = pieces
        self.names = [""] * len(pieces)

        def order(id: int) -> tuple[bool, bool]:  # of tokens of one text, the one that tokenizers use comes first
            name = tokenizer.piece_name(id)
            return name == f"<0x{pieces[id].hex().upper()}>".encode(), pieces[id] == tokenizer.piece_bytes(id)

        taken: set[str] = set()
        for id in sorted(range(len(pieces)), key=order):
            name = tokenizer.piece_name(id).decode("utf-8", "replace") if id in special else _utf8_or_nothing(pieces[id])
            if id not in special and (not name or name in taken):
                name = "bytes:" + "".join(f"\\x{byte:02x}" for byte in pieces[id])
            taken.add(name)
            self.names[id] = name


def _utf8_or_nothing(piece: bytes) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return ""


class Model(abc.ABC):
    """A language model with its tokenizer.

    start     the id that stands before every prompt, where the model was taught so
    ends      ids that end an answer
    context   ids that a prompt and its answer have at most; None: any number, of which the oldest go
    parallel  answers that may be at work at once
    """

    def __init__(self, tokenizer: verdigris.Tokenizer, *, start: int | None, ends: frozenset[int], context: int | None, parallel: int) -> None:
        self.tokenizer, self.start, self.ends, self.context, self.parallel = tokenizer, start, ends, context, parallel
        self.vocab = tokenizer.vocab
        self.special = frozenset(tokenizer.special_ids)
        inside = [tokenizer.piece_bytes(id) for id in range(self.vocab)]
        self._inside = Pieces(tokenizer, inside)
        # Where the tokenizer puts a space before every text, it takes it away again when it decodes one.
        self._at_start = Pieces(tokenizer, [piece[1:] if piece[:1] == b" " and tokenizer.decode([id])[:1] != b" " else piece
                                            for id, piece in enumerate(inside)])

    def pieces(self, at_start: bool) -> Pieces:
        """Of tokens at the start of a text, or within one."""
        return self._at_start if at_start else self._inside

    def ids_of(self, prompt: str | list[int] | Messages) -> list[int]:
        """A prompt's ids, without the start of text that stands before every prompt. Special tokens in a text are ordinary text. Raises
        BadPrompt."""
        if isinstance(prompt, str):
            return self.tokenizer.encode(prompt)
        return self.ids_of_chat(prompt) if isinstance(prompt, tuple) else prompt

    def ids_of_chat(self, messages: Messages) -> list[int]:
        """Of a model that knows no roles: their texts with a line feed between."""
        return self.tokenizer.encode("\n".join(text for _, text in messages))

    @abc.abstractmethod
    def session(self) -> Session: ...


class Engine(abc.ABC):
    """A model that computes one text at a time, and can go back in it. What it gives depends on the text and on how it was divided among
    calls, never on the texts before: the same request gets the same answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[int] = []

    @abc.abstractmethod
    def rewind(self, n: int) -> bool:
        """Forgets all but the first n ids; False where it cannot, and then all are forgotten."""

    @abc.abstractmethod
    def compute(self, ids: list[int], position: int, each: bool) -> Rows:
        """Takes ids from this position on, and gives the logits after each of them, or after the last."""

    def after(self, before: list[int], ids: list[int], each: bool) -> Rows:
        """The logits after each of `ids`, or after the last, of the text that begins with `before`."""
        with self._lock:
            known = len(before)
            fits = self._held[:known] == before
            if len(self._held) > known or not fits:
                fits = self.rewind(known if fits else 0) and fits
            self._held = []  # where something is raised, the next call starts anew
            if not fits:
                self._take(before, 0, False)
            rows = self._take(ids, known, each)
            self._held = before + ids
            return rows

    def _take(self, ids: list[int], position: int, each: bool) -> Rows:
        step = _ROWS_AT_A_TIME if each else _IDS_AT_A_TIME
        parts = [self.compute(ids[at:at + step], position + at, each) for at in range(0, len(ids), step)]
        return np.concatenate(parts) if each else parts[-1]


class RowSession:
    """A text of an Engine. Draws are those of the library's own sampler, from the whole row."""

    def __init__(self, engine: Engine, ids: Sequence[int] = (), row: Rows | None = None) -> None:
        self._engine, self._ids, self._row = engine, list(ids), row

    def copy(self) -> "RowSession":
        return RowSession(self._engine, self._ids, self._row)

    def _now(self) -> Rows:
        if self._row is None:
            raise errors.FailedPrecondition("the session has been fed no token")
        return self._row

    def feed(self, ids: list[int]) -> None:
        if ids:
            self._row = self._engine.after(self._ids, ids, False)[-1]
            self._ids = self._ids + ids

    def read(self, ids: list[int], k: int) -> Listed:
        own, top, top_ln = [], [], []
        for at in range(0, len(ids), _ROWS_AT_A_TIME):
            part = ids[at:at + _ROWS_AT_A_TIME]
            rows = self._engine.after(self._ids, part, True)
            for id, row in zip(part, [self._now(), *rows[:-1]], strict=True):
                own.append(verdigris.log_probability(row, id))
                best, ln = verdigris.ranked(row, k)
                top.append(best)
                top_ln.append(ln)
            self._row = rows[-1].copy()
            self._ids = self._ids + part
        return np.array(own), np.array(top, np.uint32).reshape(len(ids), -1), np.array(top_ln, np.float64).reshape(len(ids), -1)

    def log_probability(self, id: int) -> float:
        return verdigris.log_probability(self._now(), id)

    def ranked(self, k: int) -> tuple[list[int], list[float]]:
        return verdigris.ranked(self._now(), k)

    def draw(self, uniform: float, *, temperature: float, top_k: int, top_p: float, min_p: float, bias: Mapping[int, float],
             marker: verdigris.Marker | None, output: list[int]) -> verdigris.Drawn:
        return verdigris.draw(self._now(), uniform, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, bias=bias, marker=marker,
                              output_ids=output)


def check_vocab(path: str, tokenizer: verdigris.Tokenizer, width: int) -> None:
    """A model may have more logits than its tokenizer has ids, which are then cut off, never fewer."""
    if width < tokenizer.vocab:
        raise errors.Mismatch(f"{path}: the model has {width} ids, its tokenizer {tokenizer.vocab}")


@functools.cache
def threads() -> int:
    """Of the arithmetic of a model: one, or as many as OMP_NUM_THREADS says."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isascii() and given.isdigit() and 1 <= int(given) <= 1024 else 1
