"""SGLang: a plugin that registers the sampling backend `verdigris`.

    VERDIGRIS_CONFIG=serving.json python -m sglang.launch_server --model-path MODEL --sampling-backend verdigris

The sampler takes the place of `_sample_from_probs`: temperature is done, truncation is that of the engine's torch function, then comes the
mark, then the draw. `probs` stays as it was, so log-probabilities are those of P. Read: sglang 0.5.23, srt/layers/sampler.py,
srt/plugins/*, srt/model_executor/{forward_batch_info,model_runner}.py. The engine was not run: tests/adapters/sglang_test.py stands in for
it, and tests/adapters/signatures_test.py reads its sources.

Before a pass is launched the ids that the scheduler does not have yet begin their way to the host; while it runs, histories take them and
masks are made and go to the device; after it the sampler applies them. The engine does not hand the sampler its batch, so what was made
waits on the batch until `ModelRunner.sample` has it.

The engine logs a plugin or a hook that fails and goes on. So the backend's name is registered last, and a pass that nothing was made for,
because a hook is missing, raises instead of drawing unmarked ids.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch

from verdigris import errors, serving
from verdigris.adapters import engines
from verdigris.adapters.device import Ids
from verdigris.adapters.rows import Marking, Step

BACKEND = "verdigris"
_ENGINE = engines.SGLANG
_ROWS, _READY = "verdigris_rows", "verdigris_ready"
_ROOM = 64


@dataclass
class Row:
    """A request of a pass. late: an id was drawn that is not yet among the output; it is the one that goes into the pass."""

    name: str
    params: Any
    output: list[int]
    late: bool


@dataclass
class Ready:
    """What the sampler applies to the rows of one pass."""

    step: Step
    height: int
    uploaded: tuple[torch.Tensor, torch.Tensor] | None


def refuse_options(arguments: Any) -> None:
    """Stops the start where ids would be drawn elsewhere, marked twice or shown to client code."""
    if arguments.speculative_algorithm is not None:
        raise errors.NotSupported("speculative algorithms verify drafts without the sampler, so they would be unmarked: drop --speculative-algorithm")
    if arguments.enable_watermark:
        raise errors.FailedPrecondition("SGLang's own watermark is on: an answer never carries two marks. Drop --enable-watermark")
    if arguments.enable_custom_logit_processor:
        raise errors.FailedPrecondition("--enable-custom-logit-processor runs code of clients on logits: drop it")
    if arguments.device != "cuda":
        raise errors.NotSupported(f"device {arguments.device} draws elsewhere than in the sampler: use cuda")


def request_of(params: Any) -> serving.Request:
    """What a request says, in the words of `verdigris.serving`."""
    # verify() runs before normalisation, after __post_init__ has turned temperature 0 into top_k 1.
    beams = params.beam_width if params.beam_width is not None else 1
    return serving.Request(fields=params.custom_params or {}, temperature=params.temperature, greedy=params.top_k == 1,
                           logit_bias={int(id): bias for id, bias in (params.logit_bias or {}).items()}, allowed_ids=None, beams=beams)


def truncated(probs: torch.Tensor, info: Any) -> torch.Tensor:
    """Top-k, then top-p, then min-p, as top_k_top_p_min_p_sampling_from_probs_torch leaves them, by id and not by rank."""
    ordered, ids = probs.sort(dim=-1, descending=True)
    before = torch.cumsum(ordered, dim=-1) - ordered
    ordered[torch.arange(probs.shape[-1], device=probs.device).view(1, -1) >= info.top_ks.view(-1, 1)] = 0.0
    ordered[before > info.top_ps.view(-1, 1)] = 0.0
    if info.need_min_p_sampling:
        ordered[ordered < (ordered[:, 0] * info.min_ps).view(-1, 1)] = 0.0
    return torch.zeros_like(probs).scatter_(1, ids, ordered)


class Rows:
    """The sequences of the running requests, and the rows of the pass that is being drawn for.

    A request is known by the object of its parameters, which the engine keeps through a retraction. Its name comes from the client, who may
    give it to the next request, and with several frontends to two at once.
    """

    def __init__(self, opened: serving.Serving):
        self._serving = opened
        self._sequences: dict[tuple[str, int], tuple[Any, serving.Sequence]] = {}  # with the object, or another might get its address

    def step(self, rows: list[Row], late: dict[int, int]) -> Step:
        """late: of rows that are, the id that is not among their output."""
        step = Step()
        keys = [(row.name, id(row.params)) for row in rows]
        times = Counter(keys)
        for at, (row, key) in enumerate(zip(rows, keys)):
            if key not in self._sequences:
                self._sequences[key] = row.params, self._serving.begin(request_of(row.params))
            sequence = self._sequences[key][1]
            if times[key] > 1 and sequence.ended() is None:
                sequence.fault(errors.InvalidArgument.code)  # whose ids are whose cannot be told
            ended = sequence.ended()
            if ended is not None:
                step.force(at, ended)
                continue
            ids = [*row.output, late[at]] if row.late else row.output
            if len(ids) > len(sequence) + 1 and len(sequence) > 0:
                sequence.disagree(f"row {at}: the engine has {len(ids)} output ids, the history {len(sequence)}")
            step.follow(at, sequence, ids)
        self._sweep(set(keys))
        return step

    def _sweep(self, running: set[tuple[str, int]]) -> None:
        """Closes answers that are complete or silent. A retracted request returns before that."""
        for key, (_, sequence) in list(self._sequences.items()):
            if key not in running and (sequence.complete() or sequence.idle_seconds >= serving.SILENCE_SECONDS):
                self._sequences.pop(key)[1].close()


def rows_of(batch: Any, forward: Any) -> list[Row]:
    """The requests of a batch of the scheduler: under overlap the output of one lags by the id that goes in."""
    rows = []
    for at, request in enumerate(batch.reqs):
        output, late = list(request.output_ids), False
        if forward.forward_mode.is_decode():
            lag = int(forward.seq_lens_cpu[at]) - len(request.origin_input_ids) - len(output)
            if lag not in (0, 1):
                raise errors.Internal(f"row {at}: the engine's output lags by {lag} ids, 0 or 1 was expected")
            late = lag == 1
        rows.append(Row(request.rid, request.sampling_params, output, late))
    return rows


def make_sampler(base: type, draw: Any, capture: Any) -> type:
    """The sampler class; `base`, `draw` and `capture` are the engine's Sampler, sampling_from_probs_torch and _SamplingMaskCapture."""

    class Sampler(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._opened = serving.open(_ENGINE, hook="after_device")
            self._tracked = Rows(self._opened)
            self._marking: Marking | None = None
            self._ids: Ids | None = None
            self._made: Ready | None = None
            self._pass: Ready | None = None

        def before_pass(self, rows: list[Row], inputs: torch.Tensor) -> None:
            """Begins the copy of late ids. inputs: what goes into the pass, of a decode an id a row."""
            if self._marking is None or self._marking.room < len(rows):
                room = max(_ROOM, 2 * len(rows))
                self._marking = Marking(self._opened.profile, room, inputs.device, self._opened.threads, self._opened.metrics.timed)
                self._ids = Ids(room, 1, inputs.device)
            if any(row.late for row in rows):
                assert self._ids is not None
                slots = torch.arange(len(rows), device=inputs.device)
                self._ids.start(inputs.view(-1, 1), torch.ones_like(slots), slots)

        def beside_pass(self, rows: list[Row]) -> Ready:
            """Makes what the sampler applies, while the pass runs."""
            assert self._marking is not None and self._ids is not None
            late = {at: row_ids[0] for at, row_ids in enumerate(self._ids.wait()[1].tolist())} if any(row.late for row in rows) else {}
            step = self._tracked.step(rows, late)
            self._made = Ready(step, len(rows), self._marking.upload(step, len(rows)) if step.rows else None)
            return self._made

        def of_pass(self, ready: Ready | None) -> None:
            self._pass = ready

        def _sample_from_probs(self, probs: torch.Tensor, sampling_info: Any, positions: torch.Tensor, simple_sampling_case: bool) -> Any:
            ready, self._pass = self._pass, None
            if ready is None or self._marking is None or ready.height != probs.shape[0]:
                raise errors.Internal("the rows of this pass are not known: a hook of the plugin is missing, see the engine's log")
            # Of an older one the masks on the device may be another's by now.
            if ready is not self._made:
                raise errors.Internal("another pass was launched before this one was drawn for")
            if probs.shape[1] < self._opened.profile.vocab:
                raise errors.Mismatch(f"the profile has {self._opened.profile.vocab} ids, the model {probs.shape[1]}: it is of another tokenizer")
            left = probs.clone() if simple_sampling_case else truncated(probs, sampling_info)
            marked = left.clone() if sampling_info.sampling_mask_batch_indices is not None else left
            self._marking.after_(marked, ready.step, ready.uploaded)
            ids = draw(marked, sampling_seed=sampling_info.sampling_seed, positions=positions)
            kept = sampling_info.sampling_mask_batch_indices
            if kept is None:
                return ids, None
            # The weights a client may see are those of P.
            weights = left.index_select(0, kept)
            chosen = torch.gather(weights, 1, ids.index_select(0, kept).long().view(-1, 1)).squeeze(1)
            return ids, capture(weights=weights, token_ids=None, selected_weight=chosen, batch_rows=kept)

    return Sampler


def _after_init_new(forward: Any, cls: Any, batch: Any, model_runner: Any, **_: Any) -> None:
    if hasattr(getattr(model_runner, "sampler", None), "of_pass"):
        setattr(forward, _ROWS, rows_of(batch, forward))


def _around_forward(run: Any, runner: Any, forward: Any, *rest: Any, **named: Any) -> Any:
    rows = getattr(forward, _ROWS, None)
    if rows is None:
        return run(runner, forward, *rest, **named)
    runner.sampler.before_pass(rows, forward.input_ids)
    output = run(runner, forward, *rest, **named)
    setattr(forward, _READY, runner.sampler.beside_pass(rows))
    return output


def _around_sample(sample: Any, runner: Any, logits_output: Any, forward: Any, *rest: Any, **named: Any) -> Any:
    of_pass = getattr(runner.sampler, "of_pass", None)
    if of_pass is not None:
        of_pass(getattr(forward, _READY, None))
    return sample(runner, logits_output, forward, *rest, **named)


def _chosen() -> bool:
    """Whether this server marks. The plugin is loaded by every server where the package is installed."""
    from sglang.srt.runtime_context import get_server_args
    try:
        return bool(get_server_args().sampling_backend == BACKEND)
    except ValueError:  # this process has none
        return bool(os.environ.get("VERDIGRIS_CONFIG"))


def _after_verify(result: Any, params: Any, *_: Any, **__: Any) -> None:
    if _chosen():
        _admit(params)


def _admit(params: Any) -> None:
    try:
        serving.frontend(_ENGINE, hook="after_device").admit(request_of(params))
    except serving.Refused as refused:
        raise ValueError(str(refused)) from None


def register() -> None:
    """The entry point. Does nothing where the server does not ask for the backend by name."""
    from sglang.srt.layers import sampler
    from sglang.srt.plugins.hook_registry import HookRegistry, HookType

    def factory() -> Any:
        from sglang.srt.runtime_context import get_server_args
        refuse_options(get_server_args())
        return make_sampler(sampler.Sampler, sampler.sampling_from_probs_torch, sampler._SamplingMaskCapture)()

    HookRegistry.register("sglang.srt.model_executor.forward_batch_info.ForwardBatch.init_new", _after_init_new, HookType.AFTER)
    HookRegistry.register("sglang.srt.model_executor.model_runner.ModelRunner.forward", _around_forward, HookType.AROUND)
    HookRegistry.register("sglang.srt.model_executor.model_runner.ModelRunner.sample", _around_sample, HookType.AROUND)
    HookRegistry.register("sglang.srt.sampling.sampling_params.SamplingParams.verify", _after_verify, HookType.AFTER)
    sampler.register_sampler_backend(BACKEND, factory)
