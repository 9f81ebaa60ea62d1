"""Rows of one step of an engine: windows in, masks and delta out.

The engines differ in where a row's ids come from; what happens to a row on a device is here, once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch

import verdigris
from verdigris import errors, serving
from verdigris.adapters.device import Masks, add_mask_, marked_probs_

PLACEHOLDER = 0xFFFFFFFF  # -1 of the engines, as the library sees it


@dataclass
class Step:
    """Rows that are marked, or counted as unmarked; rows that an answer's end is forced in."""

    rows: list[int] = field(default_factory=list)
    sequences: list[serving.Sequence] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    windows: list[np.ndarray] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)
    forced: dict[int, int] = field(default_factory=dict)

    def add(self, row: int, sequence: serving.Sequence, position: int, window: np.ndarray, state: int, scale: float = 1.0) -> None:
        self.rows.append(row)
        self.sequences.append(sequence)
        self.positions.append(position)
        self.windows.append(window)
        self.states.append(state)
        self.scales.append(scale)

    def follow(self, row: int, sequence: serving.Sequence, output: list[int], scale: float = 1.0) -> None:
        """The next position of an answer of which the engine has these ids: what is new is pushed, and the row added; or its end is forced.
        A negative id, which the engine should have filled in before, is a fault."""
        if len(output) < len(sequence):
            sequence.disagree(f"row {row}: the engine has {len(output)} output ids, the history {len(sequence)}")
        fresh = output[len(sequence):]
        if sequence.ended() is None:
            if any(id < 0 for id in fresh):
                sequence.fault(errors.InvalidArgument.code)
            else:
                sequence.push(fresh)
        ended = sequence.ended()
        if ended is not None:
            self.force(row, ended)
            return
        windows, states = sequence.peek(())
        self.add(row, sequence, len(sequence), windows[0], int(states[0]), scale)

    def force(self, row: int, id: int) -> None:
        self.forced[row] = id

    def settle(self, rows: np.ndarray) -> None:
        """Notes the states, and ends the answers whose row was at fault. `rows`: those of the whole tensor."""
        for row, sequence, position in zip(self.rows, self.sequences, self.positions):
            code = int(rows["code"][row])
            if code:
                self.forced[row] = sequence.fault(code)
            else:
                sequence.note(position, int(rows["state"][row]))


class Parked:
    """Sequences whose place in the engine went to another: ended, or preempted and to return. One answer has one audit line."""

    def __init__(self) -> None:
        self._sequences: list[serving.Sequence] = []

    def add(self, sequence: serving.Sequence) -> None:
        if sequence.complete():
            sequence.close()
        else:
            self._sequences.append(sequence)

    def take(self, fresh: serving.Sequence, output: list[int]) -> serving.Sequence:
        """The sequence of this request that is the start of these ids, else the fresh one."""
        for sequence in self._sequences:
            if sequence.same_request(fresh) and sequence.ids() == output[: len(sequence)]:
                self._sequences.remove(sequence)
                return sequence
        return fresh

    def sweep(self) -> None:
        """Closes those that did not return."""
        for sequence in [sequence for sequence in self._sequences if sequence.idle_seconds >= serving.SILENCE_SECONDS]:
            self._sequences.remove(sequence)
            sequence.close()


def special_ids(profile: verdigris.Profile, width: int) -> list[int] | None:
    """Ids that keep their probability under `preserve`: the profile's, and those that are no ids; None under `plain`."""
    if profile.member("specials") == "plain":
        return None
    pairs = json.loads(profile.member("unmarked_ids"))
    return [id for first, last in pairs for id in range(first, last + 1) if id < width] + list(range(profile.vocab, width))


def force_(tensor: torch.Tensor, forced: dict[int, int], nothing: float, one: float) -> None:
    """Leaves one candidate in each of these rows."""
    for row, id in forced.items():
        tensor[row].fill_(nothing)
        tensor[row, id] = one


class Marking:
    """Applies a step to logits or probabilities; `room` is the most rows that a step may have, `timed` goes around what the host does
    for a step."""

    def __init__(self, profile: verdigris.Profile, room: int, device: torch.device, threads: int = 1,
                 timed: Callable[[], AbstractContextManager[None]] = nullcontext):
        self.room = room
        self._vocab = profile.vocab
        self._window = profile.window
        self._delta = int(profile.member("delta_milli")) / 1000
        self._profile = profile
        self._threads = threads
        self._timed = timed
        self._device = device
        self._masks = Masks(room, -(-self._vocab // 8), device)
        self._special: torch.Tensor | None = None

    def _arrays(self, step: Step, height: int) -> tuple[list[verdigris.Marker | None], np.ndarray, np.ndarray]:
        """Markers, windows and states of all `height` rows of a tensor; without a marker where a row is not of the step."""
        markers: list[verdigris.Marker | None] = [None] * height
        windows, states = np.zeros((height, self._window), np.uint32), np.ones(height, np.uint8)
        for row, sequence, window, state in zip(step.rows, step.sequences, step.windows, step.states):
            markers[row], windows[row], states[row] = sequence.marker, window, state
        return markers, windows, states

    def upload(self, step: Step, height: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Masks of all `height` rows of a tensor, zero where a row is not marked, and their delta: on the device, behind a copy of their own."""
        with self._timed():
            masks, delta = self._masks.host(height)
            delta[:] = 0
            delta[step.rows] = np.array(step.scales, np.float64) * self._delta
            markers, windows, states = self._arrays(step, height)
            _, rows = verdigris.mask_batch(markers, windows, states, out=masks, threads=self._threads)
            masks[rows["code"] != 0] = 0  # a row at fault has no mask of its own
            step.settle(rows)
            return self._masks.upload(height)

    def before_(self, logits: torch.Tensor, step: Step) -> None:
        """Adds delta times scale to green ids."""
        if step.rows and logits.device.type == "cpu" and logits.stride(1) == 1:
            with self._timed():
                markers, windows, states = self._arrays(step, logits.shape[0])
                scale = np.ones(logits.shape[0])
                scale[step.rows] = step.scales
                step.settle(verdigris.mark_batch_(markers, logits, windows, states, mode="bias", scale=scale, threads=self._threads))
        elif step.rows:
            masks, delta = self.upload(step, logits.shape[0])
            add_mask_(logits, masks, delta, self._vocab)
            self._masks.used()
        force_(logits, step.forced, float("-inf"), 0.0)

    def after_(self, probs: torch.Tensor, step: Step, uploaded: tuple[torch.Tensor, torch.Tensor] | None = None) -> None:
        """Turns probabilities after truncation into those of the mark. uploaded: what `upload` gave, where it was called before, beside the pass."""
        if step.rows:
            masks, delta = self.upload(step, probs.shape[0]) if uploaded is None else uploaded
            marked_probs_(probs, masks, delta, self._specials(probs))
            self._masks.used()
        force_(probs, step.forced, 0.0, 1.0)

    def _specials(self, probs: torch.Tensor) -> torch.Tensor | None:
        if self._special is None:
            ids = special_ids(self._profile, probs.shape[1])
            if ids is None:
                return None
            self._special = torch.tensor(ids, dtype=torch.int64, device=probs.device)
        return self._special
