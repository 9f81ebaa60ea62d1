"""transformers 5: the place of the marks that the library has itself, after temperature and truncation.

    from verdigris import serving
    from verdigris.adapters.transformers import VerdigrisConfig, open

    opened = open()                                           # VERDIGRIS_CONFIG names the configuration
    config = VerdigrisConfig(opened, fields)                  # fields: of verdigris.gateway.sign; account="acct-7" behind a gateway
    output = model.generate(**inputs, do_sample=True, watermarking_config=config)
    config.finish(output)                                     # audit lines; without it they lack the last id

Not as `logits_processor=`, which runs before temperature and truncation. Row r answers from the width of the first call on, so left padding
is prompt. Rows of a batch may be of several accounts: one object of fields for each prompt. `generate_batch` is refused, since it may drop
processors with no more than a warning, and so is `assistant_ensemble_weight`, which does not verify drafts against the marked distribution.

Tested by tests/adapters/transformers_test.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor
from transformers.generation.configuration_utils import BaseWatermarkingConfig

import verdigris
from verdigris import errors, serving
from verdigris.adapters import engines

Fields = Mapping[str, Any]


def open(path: str | os.PathLike[str] | None = None, **expect: int | str) -> serving.Serving:
    """The configuration for this adapter, as serving.open has it."""
    return serving.open(engines.TRANSFORMERS, hook="after", path=path, **expect)


def _settings_of_caller() -> Any:
    """The GenerationConfig of the call of generate() that asks for a processor. The library does not hand it on, and what it says decides
    whether an answer can be marked; where it is not found nothing is generated."""
    caller = sys._getframe(2)
    if "continuous_batching" in caller.f_code.co_filename or (caller.f_back and "continuous_batching" in caller.f_back.f_code.co_filename):
        raise errors.NotSupported("generate_batch may leave answers unmarked: use generate")
    settings = caller.f_locals.get("generation_config")
    if settings is None:
        raise errors.Internal("the caller of construct_processor has no generation_config: this version of transformers is not known")
    return settings


def _biases(settings: Any) -> dict[int, float]:
    given = settings.sequence_bias or {}
    pairs = given.items() if isinstance(given, Mapping) else given
    biases: dict[int, float] = {}
    for ids, bias in pairs:
        for id in ids:
            biases[int(id)] = max(biases.get(int(id), 0.0), float(bias), key=abs)
    return biases


def _ends(settings: Any) -> frozenset[int]:
    ids = settings.eos_token_id
    if ids is None:
        return frozenset()
    return frozenset(int(id) for id in (ids.flatten().tolist() if isinstance(ids, torch.Tensor) else np.ravel(ids)))


class VerdigrisConfig(BaseWatermarkingConfig):
    """The mark of one call of generate(). Made anew for each; it holds no key, and is not written to files."""

    def __init__(self, opened: serving.Serving, fields: Fields | Sequence[Fields] | None = None, *, account: str | None = None) -> None:
        """fields: of a request, or a list with those of each prompt. account: in place of them, its label, behind a gateway."""
        if account is not None:
            if fields is not None:
                raise errors.InvalidArgument("give fields or account, not both")
            fields = {"verdigris_account": account}
        self._opened = opened
        self._fields: list[Fields] = [fields or {}] if fields is None or isinstance(fields, Mapping) else list(fields)
        self._processor: _Processor | None = None

    def __copy__(self) -> "VerdigrisConfig":
        return self

    def __deepcopy__(self, memo: object) -> "VerdigrisConfig":
        return self

    def __repr__(self) -> str:
        return f"VerdigrisConfig({self._opened.profile.digest})"

    def __iter__(self) -> Any:
        yield from self.to_dict().items()

    def to_dict(self) -> dict[str, Any]:
        return {"profile": self._opened.profile.digest}

    def to_json_string(self) -> str:
        return f'{{"profile": "{self._opened.profile.digest}"}}\n'

    @classmethod
    def from_dict(cls, config_dict: Any, **kwargs: Any) -> "VerdigrisConfig":
        raise errors.NotSupported("a file has no keys: make a VerdigrisConfig from verdigris.serving")

    def update(self, **kwargs: Any) -> None:
        raise errors.NotSupported("a VerdigrisConfig does not change: make another")

    def validate(self) -> None:
        pass  # by construct_processor, which sees the settings of the call

    def construct_processor(self, vocab_size: int, device: Any = "cpu") -> "_Processor":
        settings = _settings_of_caller()
        if settings.assistant_ensemble_weight is not None:
            raise errors.NotSupported("assistant_ensemble_weight does not verify drafts against the marked distribution: leave it out")
        beams = settings.num_beams or 1
        if getattr(settings, "is_assistant", False):
            return _Processor(self, settings, beams, audited=False)
        greedy = not settings.do_sample
        temperature = 1.0 if settings.temperature is None else float(settings.temperature)
        requests = [serving.Request(fields=fields, temperature=temperature, greedy=greedy, logit_bias=_biases(settings), beams=beams)
                    for fields in self._fields]
        for request in requests:
            self._opened.admit(request)
        self.finish()
        self._processor = _Processor(self, settings, beams, audited=True, requests=requests)
        return self._processor

    def finish(self, output: Any = None) -> None:
        """Writes the audit lines of the last call. output: what generate() returned; without it the last id of each answer is not counted."""
        processor, self._processor = self._processor, None
        if processor is not None:
            processor.finish(getattr(output, "sequences", output))


class _Processor(LogitsProcessor):
    """The rows of one call of generate()."""

    def __init__(self, config: VerdigrisConfig, settings: Any, beams: int, audited: bool, requests: Sequence[serving.Request] = ()) -> None:
        self._opened, self._former = config._opened, config._processor
        self._beams, self._audited = beams, audited
        self._requests = list(requests) if audited else self._former._requests if self._former is not None else []
        self._returns = 1 if beams > 1 else settings.num_return_sequences or 1
        self._ends = _ends(settings)
        self._prompt: int | None = None
        self._rows: list[serving.Sequence] = []

    def _begin(self, width: int, rows: int) -> None:
        former = self._former if not self._audited else None
        self._prompt = former._prompt if former is not None and former._prompt is not None else width
        per_request = self._beams * self._returns if self._audited else rows
        if len(self._requests) == 1:
            per_request = rows
        if len(self._requests) * per_request != rows:
            raise errors.InvalidArgument(f"fields are of {len(self._requests)} prompts, generate() has {rows // max(1, self._beams * self._returns)}")
        for row in range(rows):
            sequence = self._opened.begin(self._requests[row // per_request], index=row % per_request)
            if not self._audited:  # its drafts are no answer
                sequence.discard()
            self._rows.append(sequence)

    def _follow(self, output: list[list[int]]) -> None:
        """Gives each row its sequence: as they were, or those of the beams that they go on from."""
        if self._beams > 1:
            former = {tuple(sequence.ids()): sequence for sequence in self._rows}
            chosen = []
            for row, ids in enumerate(output):
                parent = former.get(tuple(ids[:-1])) if ids else None
                own = self._rows[row]
                chosen.append(parent.clone() if parent is not None and parent.account == own.account else own)
            self._rows = chosen
        for sequence, ids in zip(self._rows, output):
            sequence.follow(ids)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        if self._prompt is None:
            self._begin(input_ids.shape[1], input_ids.shape[0])
        if input_ids.shape[0] != len(self._rows):
            raise errors.Internal(f"generate() has {input_ids.shape[0]} rows, it had {len(self._rows)}")
        output = input_ids[:, self._prompt:].tolist()
        done = [bool(self._ends.intersection(ids)) for ids in output]
        self._follow([self._until_end(ids) for ids in output])
        with self._opened.metrics.timed():
            return self._marked(scores, done)

    def _marked(self, scores: torch.Tensor, done: list[bool]) -> torch.Tensor:
        # A copy: rows of P may be kept by the caller (output_logits). From a device this is a copy to the host.
        marked = scores.to("cpu", torch.float32, copy=True)
        live = [row for row in range(len(self._rows)) if not done[row]]
        forced = {row: self._rows[row].ended() for row in live if self._rows[row].ended() is not None}
        to_mark = [row for row in live if row not in forced]
        if to_mark:
            self._mark(marked, to_mark, forced)
        for row, id in forced.items():
            marked[row] = float("-inf")
            marked[row, id] = 0.0
        return marked.to(scores.device, scores.dtype)

    def _mark(self, scores: torch.Tensor, rows: list[int], forced: dict[int, Any]) -> None:
        sequences = [self._rows[row] for row in rows]
        peeked = [sequence.peek() for sequence in sequences]
        windows, states = np.concatenate([window for window, _ in peeked]), np.concatenate([state for _, state in peeked])
        chosen = scores if len(rows) == len(scores) else scores[rows]
        results = verdigris.mark_batch_([sequence.marker for sequence in sequences], chosen, windows, states, mode="distribution",
                                        threads=self._opened.threads)
        if chosen is not scores:
            scores[rows] = chosen
        for row, sequence, result in zip(rows, sequences, results):
            if result["code"]:
                forced[row] = sequence.fault(int(result["code"]))
                continue
            priced = bool(result["has_masses"]) and sequence.wants_price(len(sequence))
            sequence.note(len(sequence), int(result["state"]), float(result["kl_qp"]) if priced else None)

    def _until_end(self, ids: list[int]) -> list[int]:
        """Without the padding after the end."""
        for at, id in enumerate(ids):
            if id in self._ends:
                return ids[: at + 1]
        return ids

    def finish(self, output: torch.Tensor | None) -> None:
        if output is None or self._prompt is None:
            for sequence in self._rows:
                sequence.close()
            return
        answers = [self._until_end(ids) for ids in output[:, self._prompt:].tolist()]
        if self._beams == 1:
            if len(answers) != len(self._rows):
                raise errors.InvalidArgument(f"the output has {len(answers)} rows, generate() had {len(self._rows)}")
            for sequence, ids in zip(self._rows, answers):
                sequence.close(ids)
            return
        self._finish_beams(answers)

    def _finish_beams(self, answers: list[list[int]]) -> None:
        """The beams that were delivered, each by itself: states are those of its replay, since beams ended and changed places before."""
        per_request = max(1, len(answers) // len(self._requests))
        for row, ids in enumerate(answers):
            sequence = self._opened.begin(self._requests[min(row // per_request, len(self._requests) - 1)], index=row % per_request)
            for id in ids:
                windows, states = sequence.peek()
                if sequence.marker is not None:
                    _, result = verdigris.mask_batch([sequence.marker], windows, states)
                    sequence.note(len(sequence), int(result["state"][0]))
                sequence.push([id])
            if any(former.ended() is not None for former in self._rows):
                sequence.close(outcome="ended")
            else:
                sequence.close()
        for sequence in self._rows:
            sequence.discard()
