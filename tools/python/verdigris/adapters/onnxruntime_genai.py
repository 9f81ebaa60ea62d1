"""onnxruntime-genai: a loop of our own around its Generator. The library's sampler draws from the engine's logits, and the engine is left one
candidate, so that its own draw has no choice.

    import onnxruntime_genai as og
    from verdigris.adapters import onnxruntime_genai as marked

    model, opened = og.Model("folder"), marked.open()          # VERDIGRIS_CONFIG names the configuration
    params = og.GeneratorParams(model)
    params.set_search_options(do_sample=True, temperature=0.8, top_k=50, max_length=300)
    with marked.Loop(opened, model, og.Tokenizer(model), params, [prompt_ids], [fields]) as loop:
        while not loop.is_done():
            ids = loop.step()                                  # an id a row, None of one that has ended

Temperature, top-k, top-p, do_sample and random_seed are those of the search options, and what the sampler does not have is refused:
beams, penalties, a least length, drafts. Prompts of one batch may differ in length. The engine's Engine and Request have no place for a mark.

Tested by tests/adapters/onnxruntime_genai_test.py.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import onnxruntime_genai as og
from numpy.typing import NDArray

import verdigris
from verdigris import errors, serving
from verdigris.adapters import engines

Fields = Mapping[str, Any]

# Search options at which the engine does what the sampler does; at others the draw would have to be its own.
_NEUTRAL = {"num_beams": 1, "num_return_sequences": 1, "repetition_penalty": 1, "no_repeat_ngram_size": 0, "min_length": 0, "diversity_penalty": 0}


def open(path: str | os.PathLike[str] | None = None, **expect: int | str) -> serving.Serving:
    """The configuration for this adapter, as serving.open has it."""
    return serving.open(engines.ONNXRUNTIME_GENAI, hook="after", path=path, argmax=True, **expect)


def _check(params: og.GeneratorParams) -> dict[str, Any]:
    """The search options; raises NotSupported for one that the loop does not follow."""
    options: dict[str, Any] = params.get_search_options()
    for name, value in _NEUTRAL.items():
        if options.get(name, value) != value:
            raise errors.NotSupported(f"{name} must be {value}, got {options[name]:g}: the mark is drawn here, and the engine would draw otherwise; "
                                      f"set_search_options({name}={value})")
    if params.get_speculative_options().get("ngram_size", 0) != 0:
        raise errors.NotSupported("ngram_size must be 0: drafts are not verified against the marked distribution")
    return options


class _Row:
    """An answer: its sequence, random numbers of its own, and whether it has ended."""

    def __init__(self, sequence: serving.Sequence, uniforms: random.Random) -> None:
        self.sequence, self.uniforms, self.ended = sequence, uniforms, False


class Loop:
    """One generator of the engine, which answers some prompts at once."""

    def __init__(self, opened: serving.Serving, model: og.Model, tokenizer: og.Tokenizer, params: og.GeneratorParams, prompts: Sequence[Sequence[int]],
                 fields: Sequence[Fields] | None = None, *, min_p: float = 0.0, logit_bias: Mapping[int, float] | None = None) -> None:
        """fields: of each prompt; see verdigris.gateway. `params` get the size of the batch. Raises serving.Refused where a request is
        against policy, and NotSupported for search options that the loop does not follow."""
        options = _check(params)
        self._opened, self._bias = opened, dict(logit_bias or {})
        temperature = float(options["temperature"]) if options["do_sample"] else 0.0
        self._sampling: dict[str, Any] = {"temperature": temperature, "top_k": int(options["top_k"]), "top_p": float(options["top_p"]), "min_p": min_p}
        if not prompts or not all(len(prompt) for prompt in prompts):
            raise errors.InvalidArgument("there must be prompts, each of an id at least")
        self._requests = [self._request(one) for one in (fields if fields is not None else [{}] * len(prompts))]
        if len(self._requests) != len(prompts):
            raise errors.InvalidArgument(f"fields are those of {len(self._requests)} requests, there are {len(prompts)} prompts")
        for request in self._requests:
            opened.admit(request)
        self._ends = frozenset(int(id) for id in tokenizer.eos_token_ids)
        params.set_search_options(batch_size=len(prompts))
        self._generator = og.Generator(model, params)
        self._width = max(map(len, prompts))
        # On the right, where the engine's attention does not see it.
        padded = [[*prompt, *[int(tokenizer.pad_token_id)] * (self._width - len(prompt))] for prompt in prompts]
        self._generator.append_tokens(np.array(padded if len(prompts) > 1 else padded[0], np.int32))
        self._last_prompt_id = padded[0][-1]
        self._seed = int(options["random_seed"]) if options["random_seed"] >= 0 else secrets.randbits(63)
        self._turn = 0
        self._rows = self._begun()
        self.logits: NDArray[np.float32] | None = None

    def __enter__(self) -> "Loop":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _request(self, fields: Fields) -> serving.Request:
        temperature = float(self._sampling["temperature"])
        return serving.Request(fields=fields, temperature=temperature, greedy=temperature == 0, logit_bias=self._bias)

    def _begun(self) -> list[_Row]:
        turn, self._turn = self._turn, self._turn + 1
        return [_Row(self._opened.begin(request), random.Random(f"{self._seed} {turn} {at}")) for at, request in enumerate(self._requests)]

    def is_done(self) -> bool:
        """Whether all answers have ended, or the engine has reached max_length."""
        return all(row.ended for row in self._rows) or bool(self._generator.is_done())

    def output(self, row: int = 0) -> list[int]:
        """The ids of an answer so far, that which ended it included."""
        return self._rows[row].sequence.ids()

    def step(self) -> list[int | None]:
        """Draws the next id of each answer. `logits` has what the model said before the mark: float32 [rows, ids]."""
        vocab = self._opened.profile.vocab
        whole = self._generator.get_logits()
        if whole.shape[-1] < vocab:
            raise errors.Mismatch(f"the profile has {vocab} ids, the model {whole.shape[-1]}: it is of another tokenizer")
        self.logits = whole[:, -1, :vocab].copy()  # columns that are no ids are never drawn
        forced = np.full(whole.shape, -np.inf, np.float32)
        drawn: list[int | None] = [None if row.ended else self._draw(at, row) for at, row in enumerate(self._rows)]
        for at, id in enumerate(drawn):
            forced[at, -1, id if id is not None else 0] = 0  # of a row that has ended the engine draws padding
        self._generator.set_logits(forced)
        self._generator.generate_next_token()
        for row, id, got in zip(self._rows, drawn, self._generator.get_next_tokens().tolist(), strict=True):
            if id is None:
                continue
            if got != id:
                row.sequence.disagree(f"the engine took id {got} where {id} was its only candidate")
            row.ended = row.sequence.ended() is not None or id in self._ends
            row.sequence.push([id])
        return drawn

    def _draw(self, at: int, row: _Row) -> int:
        assert self.logits is not None
        logits = self.logits[at]

        def draw(marker: verdigris.Marker | None, output: list[int]) -> verdigris.Drawn:
            return verdigris.draw(logits, row.uniforms.random(), bias=self._bias, marker=marker, output_ids=output, **self._sampling)

        drawn = row.sequence.draw(draw)
        if drawn is not None:
            return drawn[0]
        end = row.sequence.ended()
        assert end is not None
        return end

    def append(self, ids: Sequence[int], fields: Fields | None = None) -> None:
        """More of the prompt of a batch of one, such as the next message of a chat: another answer begins behind it, whose windows do not
        reach back. fields: of its request, where it is not the same."""
        self._only_row("append")
        if not ids:
            raise errors.InvalidArgument("there must be ids to append")
        requests = [self._request(fields)] if fields is not None else self._requests
        for request in requests:
            self._opened.admit(request)
        self.close()
        self._generator.append_tokens(np.array(ids, np.int32))
        self._requests, self._last_prompt_id = requests, int(ids[-1])
        self._width = self._generator.token_count()
        self._rows = self._begun()

    def rewind(self, n: int) -> None:
        """Goes back to the first n ids of the answer of a batch of one."""
        row = self._only_row("rewind")
        row.sequence.truncate(n)
        row.ended = False
        # The engine has logits again only after an id was appended.
        self._generator.rewind_to(self._width + n - 1)
        self._generator.append_tokens(np.array([row.sequence.ids()[-1] if n else self._last_prompt_id], np.int32))

    def _only_row(self, what: str) -> _Row:
        if len(self._rows) != 1:
            raise errors.NotSupported(f"{what}: the engine can do that with a batch of one alone, this has {len(self._rows)} rows")
        return self._rows[0]

    def close(self) -> None:
        """Writes the audit lines of these answers."""
        for row in self._rows:
            row.sequence.close()
