"""One answer, as an adapter sees it: its windows, what became of each position, and its audit line.

An adapter does, at each step:

    sequence.push(new_ids)                     # ids that the engine drew since; negative ones as 0xFFFFFFFF
    end = sequence.ended()                     # not None: this id must be the only candidate, and nothing else is done
    windows, states = sequence.peek(drafts)    # a row for the next position and one after each draft
    rows = verdigris.mark_batch_([sequence.marker] * len(states), logits, windows, states, mode=...)
    for i, row in enumerate(rows):             # `fault` where row["code"] is not 0
        sequence.note(len(sequence) + i, int(row["state"]), price)

or, where the sampler is the library's own, `draw` in place of all between. At the end `close(ids)`; where the engine does not tell the end,
`complete()` and `idle_seconds` say when.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from collections.abc import Sequence as Ids
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import verdigris
from verdigris import errors
from verdigris.serving.audit import STATES

if TYPE_CHECKING:
    from verdigris.serving.opened import Serving

MARKED, OFF, SHORT, SPECIAL, REPEATED, NO_CHOICE = range(1, 7)
SILENCE_SECONDS = 60.0
_ROW_SHORT = 3
_WORD = 0xFFFFFFFF


class Sequence:
    """One answer. One user at a time. Made by `Serving.begin`."""

    def __init__(self, serving: "Serving", *, marker: verdigris.Marker | None, account: str | None, request: str | None, unmarked: str | None,
                 index: int = 0, refused: bool = False) -> None:
        self.marker = marker
        self._serving = serving
        self.account, self.request, self._index = account, request, index
        self._unmarked = unmarked
        self._config = serving.config
        self._history = verdigris.History(serving.profile.window)
        self._ids: list[int] = []
        self._start = 0  # of the stretch that the history holds
        self._hidden = bool(self._config.hidden_until)
        self._delivered_from = 0
        self._plain = not (self._config.hidden_until or self._config.split_ids)
        self._states: dict[int, int] = {}
        self._prices: dict[int, float] = {}
        self._end: int | None = None
        self._refused = refused
        self._closed = False
        self._touched = time.monotonic()

    # ---- ids

    def __len__(self) -> int:
        """Output ids that were pushed, those that are not delivered included."""
        return len(self._ids)

    def ids(self) -> list[int]:
        return list(self._ids)

    def push(self, ids: Ids[int]) -> None:
        """Appends what was drawn. An id that is none, such as a placeholder, is a fault of the row: see `fault`."""
        self._touched = time.monotonic()
        whole = len(self._ids) + len(ids)
        try:
            if self._plain:
                self._history.push(np.array([id & _WORD for id in ids], np.uint32))
                self._ids.extend(int(id) for id in ids)
                return
            for id in ids:
                self._append(int(id) & _WORD)
        except errors.InvalidArgument as error:
            # Counted all the same: the engine has them.
            self._ids.extend(int(id) & _WORD for id in ids[len(self._ids) - whole:])
            self.fault(error.code)

    def _append(self, id: int) -> None:
        if self._hidden:
            self._ids.append(id)
            if id in self._config.hidden_until:
                self._hidden = False
                self._start = self._delivered_from = len(self._ids)
            return
        self._history.push(np.array([id], np.uint32))
        self._ids.append(id)
        if id in self._config.split_ids:
            self._history.truncate(0)
            self._start = len(self._ids)

    def truncate(self, n: int) -> None:
        """Goes back to the first n ids."""
        if not 0 <= n <= len(self._ids):
            raise errors.InvalidArgument(f"truncate to {n} of {len(self._ids)} ids")
        self._states = {at: state for at, state in self._states.items() if at <= n}
        self._prices = {at: price for at, price in self._prices.items() if at <= n}
        if self._plain:
            self._history.truncate(n)
            del self._ids[n:]
            return
        self._replace(self._ids[:n])

    def _replace(self, ids: Ids[int]) -> None:
        self._history.truncate(0)
        self._ids, self._start, self._delivered_from = [], 0, 0
        self._hidden = bool(self._config.hidden_until)
        self.push(ids)

    def follow(self, ids: Ids[int]) -> None:
        """Makes these the ids of the answer: pushes what is new, and rebuilds the windows where they are no extension of what was there."""
        known = len(self._ids)
        if len(ids) >= known and list(ids[:known]) == self._ids:
            if len(ids) > known:
                self.push(ids[known:])
            return
        common = 0
        for mine, given in zip(self._ids, ids):
            if mine != given:
                break
            common += 1
        self.truncate(common)
        self.push(ids[common:])

    def clone(self) -> "Sequence":
        """A copy that goes its own way, with its own audit line."""
        other = object.__new__(Sequence)
        other.__dict__.update(self.__dict__)
        other._history = self._history.clone()
        other._ids, other._states, other._prices = list(self._ids), dict(self._states), dict(self._prices)
        return other

    def stretch(self) -> list[int]:
        """The ids that windows are made of: those since the last split id; none while output is not delivered."""
        return [] if self._hidden else self._ids[self._start:]

    # ---- a step

    def peek(self, drafts: Ids[int] = ()) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Windows [n+1, h] and states [n+1] (1 new, 2 repeated, 3 short) of the next position and of those after each draft, as
        mark_batch_ and mask_batch take them. Output that is not delivered is 3. Drafts from the first placeholder on are left out by the
        caller: the engine discards their rows. Changes nothing."""
        if self._plain:
            return self._history.peek(np.asarray(drafts, np.uint32))
        history, hidden = self._history.clone() if len(drafts) else self._history, self._hidden
        windows = np.zeros((len(drafts) + 1, self._serving.profile.window), np.uint32)
        states = np.full(len(drafts) + 1, _ROW_SHORT, np.uint8)
        for at in range(len(drafts) + 1):
            if not hidden:
                window, state = history.peek()
                windows[at], states[at] = window[0], state[0]
            if at == len(drafts):
                break
            id = int(drafts[at])
            if hidden:
                hidden = id not in self._config.hidden_until
            elif id in self._config.split_ids:
                history.truncate(0)
            else:
                history.push(np.array([id], np.uint32))
        return windows, states

    def note(self, position: int, state: int, kl_qp: float | None = None) -> int:
        """What became of the row of this position: a state of verdigris.h, and KL(Q||P) where it was taken. A later note of the same
        position replaces the earlier one: only what is delivered counts. Returns the state that is counted: of an answer that is greedy
        by policy, off is no_choice."""
        if state == OFF and self._unmarked == "greedy":
            state = NO_CHOICE
        self._states[position] = state
        if kl_qp is not None:
            self._prices[position] = kl_qp
        return state

    def timed(self) -> AbstractContextManager[None]:
        """Around what marks a row of this answer alone; a batch is timed once, by `Serving.metrics`."""
        return self._serving.metrics.timed()

    def draw(self, draw: Callable[[verdigris.Marker | None, list[int]], verdigris.Drawn]) -> tuple[int, int] | None:
        """Draws the next id where the sampler is the library's own, and notes what became of its position.

        draw: gets the marker, None where the answer has no mark, and the ids that windows are made of. Returns the id and the state that is
        counted; None where a fault has ended the answer, whose end `ended` then has. Raises where the policy is to stop.
        """
        if self._end is not None:
            return None
        try:
            if self.marker is None:
                drawn = draw(None, [])
            else:
                with self.timed():
                    drawn = draw(self.marker, self.stretch())
        except errors.Error as error:
            self.fault(error.code)
            return None
        at = len(self)
        return drawn.id, self.note(at, drawn.state, drawn.nats if self.wants_price(at) else None)

    def wants_price(self, position: int) -> bool:
        """Whether the configuration asks for the price of this position."""
        return self._config.price > 0 and position % self._config.price == 0

    def fault(self, code: int) -> int:
        """A row could not be marked, for the reason of this code of verdigris.h. Returns the id that ends the answer, which must be the
        only candidate of the row; raises where the policy is to stop. The other rows go on."""
        self._serving.metrics.error(code)
        if self._config.on_error == "stop":
            self.close(outcome="ended")
            raise errors.CLASSES.get(code, errors.Internal)(f"request {self.request or '-'}: a row could not be marked (code {code}), and "
                                                            "policy.on_error is stop, or there are no end_ids")
        self._end = self._config.end_ids[0]
        return self._end

    def disagree(self, what: str) -> None:
        """The engine and the history differ, so windows may be wrong: raises Internal whatever the policy is."""
        self._serving.metrics.error(errors.Internal.code)
        self.close(outcome="ended")
        raise errors.Internal(f"request {self.request or '-'}: {what}")

    def ended(self) -> int | None:
        """The id that must be the only candidate from now on, after a fault; else None."""
        return self._end

    # ---- the end

    def complete(self) -> bool:
        """Whether the last id ends the answer, for engines that do not tell."""
        return bool(self._ids) and (self._ids[-1] in self._config.end_ids)

    @property
    def idle_seconds(self) -> float:
        """Since ids came last. At SILENCE_SECONDS, 60, an engine that does not tell the end has ended the answer."""
        return time.monotonic() - self._touched

    def same_request(self, other: "Sequence") -> bool:
        """Whether both are of one request: the same log id and account, and what became of its wish. A client may give log ids twice."""
        return (self.account, self.request, self._index, self._unmarked) == (other.account, other.request, other._index, other._unmarked)

    def counts(self) -> dict[str, int]:
        """Positions that are delivered, by state. What no row was seen of, such as an id that a fault forced, is off."""
        counts = dict.fromkeys(STATES, 0)
        for at in range(self._delivered_from, len(self._ids)):
            counts[STATES[self._states.get(at, OFF) - 1]] += 1
        return counts

    def discard(self) -> None:
        """Ends it without an audit line: nothing of it is delivered, as with a beam that lost, or a draft."""
        self._closed = True

    def close(self, ids: Ids[int] | None = None, *, outcome: str | None = None) -> None:
        """Writes the audit line, once. ids: all that the answer has, where the engine tells; they may be more or fewer than were pushed."""
        if self._closed:
            return
        if ids is not None:
            if len(ids) <= len(self._ids) and list(ids) == self._ids[: len(ids)]:
                self._ids = list(ids)
            else:
                self.follow(ids)
        self._closed = True
        if outcome is None:
            outcome = "refused" if self._refused else "ended" if self._end is not None else "marked" if self.marker is not None else "unmarked"
        delivered = self._ids[self._delivered_from:] if not self._hidden else []
        states = self.counts() if not self._hidden else dict.fromkeys(STATES, 0)
        prices = [price for at, price in self._prices.items() if self._delivered_from <= at < len(self._ids)]
        digest = hashlib.sha256(np.array(delivered, ">u4").tobytes()).hexdigest() if self._config.output_digest else None
        kids = list(self.marker.kids) if self.marker is not None else []
        self._serving.finish(request=self.request, index=self._index, account=self.account, kids=kids, outcome=outcome, tokens=len(delivered),
                             states=states, kl_qp=sum(prices) if prices else None, digest=digest)
