"""TensorRT-LLM, PyTorch backend. It was never run with the engine, on any machine, and nothing reads the engine's sources:
tests/adapters/tensorrt_llm_test.py calls it as the engine's documentation says.

    from verdigris.adapters.tensorrt_llm import Processor
    processor = Processor()                        # VERDIGRIS_CONFIG names the configuration
    processor.expect(client_id, fields)            # the gateway, before the request goes in
    executor = ...ExecutorConfig(..., logits_post_processor_config=LogitsPostProcessorConfig(processor_batched=processor))

`__call__(req_ids, logits, token_ids, stream_ptr, client_ids)` changes logits in place, before temperature: `green` with specials `plain`.
The engine gives no boundary: what `token_ids` holds at the first call of a request is its prompt. Beams are refused. Because it was
not run with the engine, it does not start without VERDIGRIS_UNTESTED_ENGINE=1, and audit lines show that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from verdigris import errors, serving
from verdigris.adapters import engines
from verdigris.adapters.rows import Marking, Step

_ENGINE = engines.TENSORRT_LLM


class Processor:
    """A BatchedLogitsProcessor. It does not import the engine, which asks for a callable of these arguments alone."""

    def __init__(self) -> None:
        self._serving = serving.open(_ENGINE, hook="before")
        self._marking: Marking | None = None
        self._expected: dict[int, serving.Request] = {}
        self._running: dict[int, tuple[serving.Sequence, int, float]] = {}

    def expect(self, client_id: int, request: serving.Request) -> None:
        """Whose answer the requests of this client id are; raises Refused. Called by the gateway before the request goes in."""
        self._serving.admit(request)
        self._expected[client_id] = request

    def forget(self, req_id: int) -> None:
        """Writes the audit line of an answer that has ended."""
        running = self._running.pop(req_id, None)
        if running is not None:
            running[0].close()

    def __call__(self, req_ids: Sequence[int], logits: Sequence[torch.Tensor], token_ids: Sequence[Sequence[Sequence[int]]],
                 stream_ptr: int | None, client_ids: Sequence[int | None]) -> None:
        if stream_ptr is None or not torch.cuda.is_available():
            self._apply(req_ids, logits, token_ids, client_ids)
            return
        with torch.cuda.stream(torch.cuda.ExternalStream(stream_ptr)):
            self._apply(req_ids, logits, token_ids, client_ids)

    def _apply(self, req_ids: Sequence[int], logits: Sequence[torch.Tensor], token_ids: Sequence[Sequence[Sequence[int]]],
               client_ids: Sequence[int | None]) -> None:
        for req_id, row, beams, client_id in zip(req_ids, logits, token_ids, client_ids):
            if len(beams) != 1:
                raise errors.NotSupported(f"{len(beams)} beams: a mark of one answer is not that of another")
            if row.numel() != row.shape[-1]:
                raise errors.NotSupported("several rows of one answer, as drafts have them")
            if req_id not in self._running:
                self._running[req_id] = self._first(client_id, len(beams[0]))
            sequence, prompt, temperature = self._running[req_id]
            vocab = self._serving.profile.vocab
            if row.shape[-1] < vocab:
                raise errors.Mismatch(f"the profile has {vocab} ids, the model {row.shape[-1]}: it is of another tokenizer")
            if self._marking is None:
                self._marking = Marking(self._serving.profile, 1, row.device, self._serving.threads, self._serving.metrics.timed)
            step = Step()
            step.follow(0, sequence, list(beams[0][prompt:]), temperature)
            self._marking.before_(row.view(1, -1), step)

    def _first(self, client_id: int | None, prompt: int) -> tuple[serving.Sequence, int, float]:
        request = self._expected.get(client_id) if client_id is not None else None
        if request is None:
            raise errors.FailedPrecondition(f"client id {client_id} was not announced: call expect() before the request")
        return self._serving.begin(request), prompt, request.temperature
