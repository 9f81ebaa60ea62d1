"""llama-cpp-python: a chain of llama.cpp's own samplers with the mark just before `dist`, through the ctypes functions of the package.

    from verdigris.adapters import llama_cpp as marked

    llama = llama_cpp.Llama("model.gguf")
    opened = marked.open(llama)                                # VERDIGRIS_CONFIG names the configuration
    for id in marked.generate(opened, llama, prompt_ids, fields=fields, temperature=0.8, seed=1): ...

Not as `logits_processor=` of Llama, which lies before temperature and truncation. Who builds chains adds `Mark(opened, request).pointer`
just before `dist`, and asks `Mark.check` after each draw. Programs in C++ take tools/adapters/llama_cpp instead.

Tested by tests/adapters/llama_cpp_test.py.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import llama_cpp
import numpy as np

import verdigris
from verdigris import errors, serving
from verdigris.adapters import engines

_ROW = np.dtype([("id", "<u4"), ("logit", "<f4"), ("p", "<f4")])
_REPEAT = {1: "new", 2: "repeated", 3: "new"}  # by the states of Sequence.peek; of one that is short the window is empty


def open(llama: llama_cpp.Llama, path: str | os.PathLike[str] | None = None, **expect: int | str) -> serving.Serving:
    """The configuration for this model, as serving.open has it. A profile of another vocabulary is refused."""
    return serving.open(engines.LLAMA_CPP, hook="after", path=path, **{"vocab": llama.n_vocab(), **expect})


class Mark:
    """A sampler that marks one answer. `pointer` goes into one chain, which then owns it; this object must live as long."""

    def __init__(self, opened: serving.Serving, request: serving.Request, index: int = 0) -> None:
        """request: admitted already."""
        self.sequence = opened.begin(request, index=index)
        self._error: Exception | None = None
        self._started = False
        interface = llama_cpp.llama_sampler_i()
        interface.name = llama_cpp.llama_sampler_i_name(lambda _: b"verdigris")
        interface.accept = llama_cpp.llama_sampler_i_accept(self._accept)
        interface.apply = llama_cpp.llama_sampler_i_apply(self._apply)
        # No clone and no reset: one object is one answer. A NULL clone stops llama.cpp where it would copy a sampler with a context.
        interface.free = llama_cpp.llama_sampler_i_free(lambda _: None)
        self._interface = interface  # llama.cpp keeps its address
        self.pointer = llama_cpp.llama_sampler_init(ctypes.pointer(interface), ctypes.c_void_p(1))

    def check(self) -> None:
        """Raises what a callback could not: nothing of the answer from there on is to be delivered."""
        if self._error is not None:
            raise self._error

    def _accept(self, _sampler: Any, token: int) -> None:
        if not self._started or self._error is not None:
            return  # prompt
        try:
            self.sequence.push([token])
        except Exception as error:  # noqa: BLE001  an exception in a callback of ctypes is printed and lost
            self._error = error

    def _apply(self, _sampler: Any, candidates: Any) -> None:
        self._started = True
        array = candidates.contents
        data = (ctypes.c_uint8 * (_ROW.itemsize * array.size)).from_address(ctypes.cast(array.data, ctypes.c_void_p).value)
        rows = np.frombuffer(data, _ROW)
        end: int | None = None
        if self._error is None:
            try:
                end = self.sequence.ended()
                if end is None:
                    end = self._mark(rows)
            except Exception as error:  # noqa: BLE001
                self._error = error
        if end is not None or self._error is not None:
            # One candidate: the end, or where there is none to be had the id that `check` keeps from being delivered.
            rows[0] = (end if end is not None else rows["id"][0], 0.0, 1.0)
            array.size = 1
        array.sorted = False
        array.selected = -1

    def _mark(self, rows: Any) -> int | None:
        """None, or the id that must be the only candidate."""
        sequence = self.sequence
        if sequence.marker is None:
            sequence.note(len(sequence), serving.OFF)
            return None
        windows, states = sequence.peek()
        state = int(states[0])
        logits = rows["logit"].copy()
        try:
            with sequence.timed():
                price = sequence.marker.mark_(logits, windows[0][:0] if state == 3 else windows[0], repeat=_REPEAT[state], ids=rows["id"].copy())
        except (verdigris.Error, ValueError) as error:
            return sequence.fault(getattr(error, "code", errors.InvalidArgument.code))
        rows["logit"] = logits
        priced = bool(price.has_masses) and sequence.wants_price(len(sequence))
        sequence.note(len(sequence), int(price.state), float(price.kl_qp) if priced else None)
        return None


def generate(opened: serving.Serving, llama: llama_cpp.Llama, prompt: Sequence[int], *, fields: Mapping[str, Any] | None = None,
             temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0, seed: int = 0,
             max_tokens: int = 256) -> Iterator[int]:
    """Ids of one answer as they are drawn, without the one that ends it. Raises serving.Refused before the first; the audit line is
    written when the iterator ends or is closed."""
    request = serving.Request(fields=fields or {}, temperature=temperature, greedy=temperature <= 0)
    opened.admit(request)
    return _drawn(opened, llama, list(prompt), request, top_k, top_p, min_p, seed, max_tokens)


def _drawn(opened: serving.Serving, llama: llama_cpp.Llama, prompt: list[int], request: serving.Request, top_k: int, top_p: float, min_p: float,
           seed: int, max_tokens: int) -> Iterator[int]:
    mark = Mark(opened, request)
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    try:
        if top_k > 0:
            llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_top_k(top_k))
        if top_p < 1:
            llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_top_p(top_p, 1))
        if min_p > 0:
            llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_min_p(min_p, 1))
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_temp(request.temperature))
        llama_cpp.llama_sampler_chain_add(chain, mark.pointer)
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_dist(seed))
        vocabulary = llama_cpp.llama_model_get_vocab(llama.model)
        llama.reset()
        llama.eval(prompt)
        for drawn in range(max_tokens):
            id = int(llama_cpp.llama_sampler_sample(chain, llama.ctx, -1))
            mark.check()
            if llama_cpp.llama_vocab_is_eog(vocabulary, id) or mark.sequence.ended() is not None:
                return
            yield id
            if drawn + 1 < max_tokens:
                llama.eval([id])
    finally:
        llama_cpp.llama_sampler_free(chain)
        mark.sequence.close()
