"""TensorRT-LLM, PyTorch backend. It was never run with the engine, on any machine, and nothing reads the engine's sources:
tests/adapters/tensorrt_llm_test.py calls it as the engine's documentation says.

    from verdigris import serving
    from verdigris.adapters.tensorrt_llm import Processor
    processor = Processor()                        # VERDIGRIS_CONFIG names the configuration
    processor.expect(client_id, serving.Request(fields=fields, temperature=0.8))    # the gateway, before the request goes in
    processor.forget(req_id)                       # and after its answer; of a request that never came, withdraw(client_id)
    executor = ...ExecutorConfig(..., logits_post_processor_config=LogitsPostProcessorConfig(processor_batched=processor))

`__call__(req_ids, logits, token_ids, stream_ptr, client_ids)` changes logits in place, before temperature: `green` with specials `plain`.
The engine gives no boundary: what `token_ids` holds at the first call of a request is its prompt. Beams are refused. Because it was
not run with the engine, it does not start without VERDIGRIS_UNTESTED_ENGINE=1, and audit lines show that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from verdigris import errors, serving
from verdigris.adapters import engines
from verdigris.adapters.rows import Marking, Step

_ENGINE = engines.TENSORRT_LLM


@dataclass(frozen=True)
class _Answer:
    """One that runs. prompt: ids of it in what the engine hands over."""

    sequence: serving.Sequence
    prompt: int
    client_id: int
    request: serving.Request


class Processor:
    """A BatchedLogitsProcessor. It does not import the engine, which asks for a callable of these arguments alone."""

    def __init__(self) -> None:
        self._serving = serving.open(_ENGINE, hook="before")
        self._marking: Marking | None = None
        self._expected: dict[int, serving.Request] = {}
        self._running: dict[int, _Answer] = {}

    def expect(self, client_id: int, request: serving.Request) -> None:
        """Whose answer the requests of this client id are; raises Refused. Called by the gateway before the request goes in."""
        self._serving.admit(request)
        self._expected[client_id] = request

    def withdraw(self, client_id: int) -> None:
        """A request that was announced does not come."""
        self._expected.pop(client_id, None)

    def forget(self, req_id: int) -> None:
        """Writes the audit line of an answer that has ended. With the last of a request goes what was announced of it."""
        ended = self._running.pop(req_id, None)
        if ended is None:
            return
        ended.sequence.close()
        # Unless the id was announced again, or another answer of the same request runs.
        if self._expected.get(ended.client_id) is ended.request and all(other.request is not ended.request for other in self._running.values()):
            self.withdraw(ended.client_id)

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
            answer = self._running[req_id]
            vocab = self._serving.profile.vocab
            if row.shape[-1] < vocab:
                raise errors.Mismatch(f"the profile has {vocab} ids, the model {row.shape[-1]}: it is of another tokenizer")
            if self._marking is None:
                self._marking = Marking(self._serving.profile, 1, row.device, self._serving.threads, self._serving.metrics.timed)
            step = Step()
            step.follow(0, answer.sequence, list(beams[0][answer.prompt:]), answer.request.temperature)
            self._marking.before_(row.view(1, -1), step)

    def _first(self, client_id: int | None, prompt: int) -> _Answer:
        request = self._expected.get(client_id) if client_id is not None else None
        if client_id is None or request is None:
            raise errors.FailedPrecondition(f"client id {client_id} was not announced: call expect() before the request")
        return _Answer(self._serving.begin(request), prompt, client_id, request)
