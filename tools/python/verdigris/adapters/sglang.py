"""SGLang: a plugin that registers the sampling backend `verdigris`.

    VERDIGRIS_CONFIG=serving.json python -m sglang.launch_server --model-path MODEL --sampling-backend verdigris

The sampler takes the place of `_sample_from_probs`: temperature is done, truncation is that of the engine's torch function, then comes the
mark, then the draw. `probs` stays as it was, so log-probabilities are those of P. Read: sglang 0.5.23, srt/layers/sampler.py,
srt/plugins/*, srt/model_executor/{forward_batch_info,model_runner}.py. The engine was not run: tests/adapters/sglang_test.py stands in for
it, and tests/adapters/signatures_test.py reads its sources.

The engine logs a plugin or a hook that fails and goes on. So the backend's name is registered last, and a pass whose rows are not known,
because a hook is missing, raises instead of drawing unmarked ids.
"""

from __future__ import annotations

import os
from typing import Any

import torch

from verdigris import errors, serving
from verdigris.adapters import engines
from verdigris.adapters.rows import Marking, Step

BACKEND = "verdigris"
_ENGINE = engines.SGLANG
_ROWS = "verdigris_rows"


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
    """The sequences of the running requests, and the rows of the pass that is being drawn for."""

    def __init__(self, opened: serving.Serving):
        self._serving = opened
        self._sequences: dict[str, serving.Sequence] = {}

    def step(self, rows: list[tuple[str, Any, list[int], int | None]]) -> Step:
        """rows: request id, its parameters, its output ids, and the id that is drawn but not yet among them."""
        step = Step()
        for row, (name, params, output, pending) in enumerate(rows):
            sequence = self._sequences.get(name)
            if sequence is None:
                sequence = self._sequences[name] = self._serving.begin(request_of(params))
            ids = output if pending is None else [*output, pending]
            if len(ids) > len(sequence) + 1 and len(sequence) > 0:
                sequence.disagree(f"row {row}: the engine has {len(ids)} output ids, the history {len(sequence)}")
            step.follow(row, sequence, ids)
        self._sweep({name for name, *_ in rows})
        return step

    def _sweep(self, running: set[str]) -> None:
        """Closes answers that are complete or silent. A retracted request keeps its name, and returns before that."""
        for name, sequence in list(self._sequences.items()):
            if name not in running and (sequence.complete() or sequence.idle_seconds >= serving.SILENCE_SECONDS):
                self._sequences.pop(name).close()


def rows_of(batch: Any, forward: Any) -> list[tuple[str, Any, list[int], int | None]]:
    """What `step` takes, from a batch of the scheduler: under overlap the output of a request lags by the id that goes in."""
    rows = []
    inputs: list[int] | None = None
    for at, request in enumerate(batch.reqs):
        output = list(request.output_ids)
        pending = None
        if forward.forward_mode.is_decode():
            fed = int(forward.seq_lens_cpu[at]) - len(request.origin_input_ids)
            lag = fed - len(output)
            if lag not in (0, 1):
                raise errors.Internal(f"row {at}: the engine's output lags by {lag} ids, 0 or 1 was expected")
            if lag == 1:
                if inputs is None:
                    inputs = forward.input_ids.tolist()
                pending = inputs[at]
        rows.append((request.rid, request.sampling_params, output, pending))
    return rows


def make_sampler(base: type, draw: Any, capture: Any) -> type:
    """The sampler class; `base`, `draw` and `capture` are the engine's Sampler, sampling_from_probs_torch and _SamplingMaskCapture."""

    class Sampler(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._opened = serving.open(_ENGINE, hook="after_device")
            self._tracked = Rows(self._opened)
            self._marking: Marking | None = None
            self._pass: list[tuple[str, Any, list[int], int | None]] | None = None

        def of_pass(self, rows: list[tuple[str, Any, list[int], int | None]] | None) -> None:
            self._pass = rows

        def _sample_from_probs(self, probs: torch.Tensor, sampling_info: Any, positions: torch.Tensor, simple_sampling_case: bool) -> Any:
            rows, self._pass = self._pass, None
            if rows is None or len(rows) != probs.shape[0]:
                raise errors.Internal("the rows of this pass are not known: a hook of the plugin is missing, see the engine's log")
            if self._marking is None or self._marking.room < len(rows):
                self._marking = Marking(self._opened.profile, max(64, 2 * len(rows)), probs.device, self._opened.threads)
            left = probs.clone() if simple_sampling_case else truncated(probs, sampling_info)
            marked = left.clone() if sampling_info.sampling_mask_batch_indices is not None else left
            self._marking.after_(marked, self._tracked.step(rows))
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


def _around_sample(sample: Any, runner: Any, logits_output: Any, forward: Any, *rest: Any, **named: Any) -> Any:
    of_pass = getattr(runner.sampler, "of_pass", None)
    if of_pass is not None:
        of_pass(getattr(forward, _ROWS, None))
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
    HookRegistry.register("sglang.srt.model_executor.model_runner.ModelRunner.sample", _around_sample, HookType.AROUND)
    HookRegistry.register("sglang.srt.sampling.sampling_params.SamplingParams.verify", _after_verify, HookType.AFTER)
    sampler.register_sampler_backend(BACKEND, factory)
