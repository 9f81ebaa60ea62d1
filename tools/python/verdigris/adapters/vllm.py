"""vLLM: processors for both of its runners, given by flag.

    VERDIGRIS_CONFIG=serving.json vllm serve MODEL --logits-processors verdigris.adapters.vllm:ProcessorV2

Both see logits before temperature, so `green` with specials `plain` is what they take, and delta is multiplied by the request's
temperature. Read: vllm 0.33.0, v1/worker/gpu/sample/{sampler,logits_processor/interface}.py, v1/worker/gpu/model_runner.py,
v1/worker/gpu/spec_decode/rejection_sampler.py, v1/sample/logits_processor/*. Tested by tests/adapters/vllm_test.py with those interfaces
and a runner loop of ours.

Given by entry point instead of by flag, vLLM would leave the processor out silently in cases where the flag stops its start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from verdigris import errors, serving
from verdigris.adapters import engines
from verdigris.adapters.device import Ids
from verdigris.adapters.rows import PLACEHOLDER, Marking, Parked, Step
from vllm.v1.sample.logits_processor.builtin import process_dict_updates
from vllm.v1.sample.logits_processor.interface import BatchUpdate
from vllm.v1.sample.logits_processor.interface import LogitsProcessor as InterfaceV1
from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsContext, LogitsProcRequestState
from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsProcessor as InterfaceV2

if TYPE_CHECKING:
    from vllm.config import VllmConfig
    from vllm.sampling_params import SamplingParams

# Below this vLLM draws the largest logit.
_GREEDY_BELOW = 1e-5


def refuse_options(config: VllmConfig, engine: engines.Engine) -> None:
    """Stops the start where the engine's options would mark twice, leave ids unmarked or show what the mark did."""
    if getattr(config, "watermark_config", None) is not None:
        raise errors.FailedPrecondition("vLLM's own watermark is on: an answer never carries two marks. Drop --watermark-config")
    if str(config.model_config.logprobs_mode).startswith("processed"):
        raise errors.FailedPrecondition(
            f"logprobs_mode {config.model_config.logprobs_mode} returns log-probabilities after the mark, which show colours: use raw_logprobs")
    speculative = config.speculative_config
    if speculative is not None and speculative.rejection_sample_method != "standard":
        raise errors.FailedPrecondition(
            f"rejection_sample_method {speculative.rejection_sample_method} does not draw from the marked distribution: use standard")
    if engine is engines.VLLM_V1 and config.parallel_config.pipeline_parallel_size > 1:
        raise errors.NotSupported("pipeline parallelism: the V1 runner has no output ids there. Use Model Runner V2")


def request_of(params: SamplingParams) -> serving.Request:
    """What a request says, in the words of `verdigris.serving`."""
    # Beam search is requests of one id each that say so, and of which the frontend reads the log-probabilities.
    beams = params.logprobs if params.watermarking is False and params.max_tokens == 1 and params.logprobs else 1
    return serving.Request(fields=params.extra_args or {}, temperature=params.temperature, greedy=params.temperature < _GREEDY_BELOW,
                           logit_bias=params.logit_bias or {}, allowed_ids=params.allowed_token_ids, beams=beams)


class _Both:
    """What both processors are."""

    _engine: engines.Engine

    @classmethod
    def validate_params(cls, sampling_params: SamplingParams) -> None:
        """In the frontend: a ValueError becomes HTTP 400. It reads the configuration, but makes no marker."""
        serving.frontend(cls._engine, hook="before").admit(request_of(sampling_params))

    def _open(self, config: VllmConfig, room: int, device: torch.device) -> None:
        refuse_options(config, self._engine)
        parallel = config.parallel_config
        # Only the last stage draws, each of its ranks the same ids.
        last = (parallel.pipeline_parallel_size - 1) * parallel.tensor_parallel_size
        self._serving = serving.open(self._engine, hook="before", leader=parallel.rank == last)
        vocab = self._serving.profile.vocab
        if config.model_config.get_vocab_size() < vocab:
            raise errors.Mismatch(f"the profile has {vocab} ids, the model {config.model_config.get_vocab_size()}: it is of another tokenizer")
        self._marking = Marking(self._serving.profile, room, device, self._serving.threads, self._serving.metrics.timed)

    def _begin(self, params: SamplingParams) -> serving.Sequence:
        return self._serving.begin(request_of(params))


class ProcessorV2(_Both, InterfaceV2):
    """Model Runner V2: slots of requests, rows of logits that point to them."""

    _engine = engines.VLLM_V2

    def __init__(self, vllm_config: VllmConfig, req_states: LogitsProcRequestState):
        drafts = vllm_config.speculative_config.num_speculative_tokens if vllm_config.speculative_config is not None else 0
        self._states = req_states
        self._open(vllm_config, req_states.max_num_reqs * (1 + drafts), req_states.device)
        self._ids = Ids(req_states.max_num_reqs, 1 + drafts, req_states.device)
        self._all = torch.arange(req_states.max_num_reqs, device=req_states.device)
        self._slots: dict[int, serving.Sequence | None] = {}
        self._scales: dict[int, float] = {}
        self._parked = Parked()
        self._resumed: set[int] = set()
        self._lengths = np.zeros(req_states.max_num_reqs, np.int64)
        self._copied = False
        self._live: frozenset[int] = frozenset()

    def add_request(self, req_idx: int, sampling_params: SamplingParams) -> bool:
        former = self._slots.pop(req_idx, None)
        if former is not None:
            self._parked.add(former)
        try:
            self._slots[req_idx] = self._begin(sampling_params)
        except serving.Refused:
            if sampling_params.extra_args:
                raise
            # A warm-up, which no frontend admits and whose ids nobody sees. Whatever else came here unadmitted gets no id of the model's.
            self._slots[req_idx] = None
        self._scales[req_idx] = float(sampling_params.temperature)
        self._resumed.discard(req_idx)
        if int(self._states.prefill_len.np[req_idx]) > int(self._states.prompt_len.np[req_idx]):
            self._resumed.add(req_idx)
        return True

    def apply_staged_writes(self) -> None:
        self._ids.start(self._states.all_token_ids.gpu, self._states.total_len.gpu, self._all)
        self._copied = True

    def apply(self, logits: torch.Tensor, ctx: LogitsContext) -> torch.Tensor:
        if self._copied:
            self._catch_up(ctx)
        step = Step()
        if logits.shape[0] == ctx.idx_mapping_np.shape[0]:
            self._plain_rows(step, ctx)
        else:
            self._draft_rows(step, ctx)
        self._marking.before_(logits, step)
        return logits

    def _catch_up(self, ctx: LogitsContext) -> None:
        """The ids that were drawn since the last step, into the histories. Once a step: a verification may come in parts."""
        lengths, last = self._ids.wait()
        self._live = frozenset(ctx.idx_mapping_np.tolist())
        self._lengths[:] = lengths
        self._copied = False
        # Not of this step, and the engine does not say when an answer has ended.
        # The sequence stays: should the slot be drawn for all the same, its rows are marked.
        for slot, sequence in self._slots.items():
            if sequence is not None and slot not in self._live and (sequence.complete() or sequence.idle_seconds >= serving.SILENCE_SECONDS):
                sequence.close()
        for slot, sequence in list(self._slots.items()):
            if sequence is None or slot not in self._slots:
                continue
            total, prompt = int(lengths[slot]), int(self._states.prompt_len.np[slot])
            missing = total - prompt - len(sequence)
            if missing < 0:
                if total == 0:
                    continue
                sequence.disagree(f"slot {slot}: the engine has {total - prompt} output ids, the history {len(sequence)}")
            if missing == 0 and slot not in self._resumed:
                continue
            if slot in self._resumed or missing > last.shape[1]:
                output = self._states.all_token_ids.gpu[slot, prompt:total].tolist()
                if slot in self._resumed:
                    self._slots[slot] = sequence = self._return_of(slot, sequence, output)
                output = output[len(sequence):]
            else:
                output = last[slot, last.shape[1] - missing:].tolist()
            sequence.push([id & PLACEHOLDER for id in output])
        self._parked.sweep()

    def _return_of(self, slot: int, fresh: serving.Sequence, output: list[int]) -> serving.Sequence:
        """A preempted answer keeps its states and its one audit line; what is not found again starts from its ids."""
        self._resumed.discard(slot)
        # The engine does not say when it frees a slot: one that this step does not draw for may be the former place of the request.
        for other, former in self._slots.items():
            if other != slot and other not in self._live and former is not None and former.same_request(fresh) and \
                    former.ids() == output[: len(former)]:
                del self._slots[other]
                return former
        return self._parked.take(fresh, output)

    def _plain_rows(self, step: Step, ctx: LogitsContext) -> None:
        # Without drafts the host knows every row: no copy, no wait for the pass.
        for row, slot in enumerate(ctx.idx_mapping_np.tolist()):
            self._row(step, row, slot, int(ctx.seq_lens_upper_bound_np[row]), ())

    def _draft_rows(self, step: Step, ctx: LogitsContext) -> None:
        slots, offsets, ids, ends = torch.stack([ctx.expanded_idx_mapping.long(), ctx.expanded_local_pos.long(), ctx.input_ids.long(),
                                                 ctx.pos.long() + 1]).cpu().numpy()
        first = 0
        for row in range(len(slots) + 1):
            if row < len(slots) and (row == first or offsets[row] > 0):
                continue
            drafts = ids[first + 1 : row].tolist()
            # From a draft that will be rejected on, rows are discarded by the engine.
            alive = drafts.index(-1) if -1 in drafts else len(drafts)
            self._row(step, first, int(slots[first]), int(ends[first]), drafts[:alive])
            first = row

    def _row(self, step: Step, row: int, slot: int, end: int, drafts: Sequence[int]) -> None:
        """Adds the rows of one request; `end` counts the ids that the first of them follows."""
        total = int(self._lengths[slot])
        # A slot without ids is a warm-up's, and a row inside of the prefill is not drawn from.
        if total == 0 or end < int(self._states.prefill_len.np[slot]):
            return
        if slot not in self._slots:
            raise errors.Internal(f"slot {slot} is drawn for and was never added, so its answer would be unmarked")
        sequence = self._slots[slot]
        if sequence is None:
            for at in range(1 + len(drafts)):
                step.force(row + at, 0)
            return
        if end != total:
            sequence.disagree(f"slot {slot}: a row follows {end} ids, the engine has {total}")
        ended = sequence.ended()
        if ended is not None:
            for at in range(1 + len(drafts)):
                step.force(row + at, ended)
            return
        windows, states = sequence.peek(drafts)
        for at in range(len(states)):
            step.add(row + at, sequence, len(sequence) + at, windows[at], int(states[at]), self._scales[slot])


class ProcessorV1(_Both, InterfaceV1):
    """The V1 runner: a row is a batch index, and output ids are lists of the engine, by reference."""

    _engine = engines.VLLM_V1

    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool):
        self._open(vllm_config, vllm_config.scheduler_config.max_num_seqs, torch.device(device))
        self._requests: dict[int, tuple[serving.Sequence, list[int], float]] = {}
        self._parked = Parked()

    def is_argmax_invariant(self) -> bool:
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        if batch_update is None:
            return
        # Whose place is given up or taken, before those that are added look for themselves among them.
        for index in [*batch_update.removed, *(added[0] for added in batch_update.added)]:
            if index in self._requests:
                self._parked.add(self._requests[index][0])
        process_dict_updates(self._requests, batch_update, self._added)
        self._parked.sweep()

    def _added(self, params: SamplingParams, prompt: list[int] | None, output: list[int]) -> tuple[serving.Sequence, list[int], float]:
        sequence = self._begin(params)
        if output:
            sequence = self._parked.take(sequence, output)
        return sequence, output, float(params.temperature)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        step = Step()
        rows = sorted(self._requests)
        if rows != list(range(logits.shape[0])):
            raise errors.Internal(f"{logits.shape[0]} rows are drawn for, and the engine named requests of rows {rows}: some would be unmarked")
        for row in rows:
            sequence, output, temperature = self._requests[row]
            step.follow(row, sequence, output, temperature)
        self._marking.before_(logits, step)
        return logits
