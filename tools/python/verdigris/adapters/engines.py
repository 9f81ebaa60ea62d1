"""What each adapter is and what it relies on, as data: the guide of engines, the check of versions and the check of sources read it.

Nothing here imports an engine.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Relied:
    """A function or class of the engine that the adapter calls, overrides or replaces, and the arguments it counts on. Of a compiled file,
    whose name is a pattern, the names that must be in it."""

    file: str
    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Engine:
    """An adapter. `oldest` and `newest` bound the versions it was tested with; "" where it was not. `without`: rows of the table of
    conformance that ask for what the engine does not have, each with the reason."""

    name: str
    package: str
    module: str
    entry: str
    oldest: str
    newest: str
    hook: str
    boundary: str
    drafts: str
    account: str
    checked: str
    refused: tuple[str, ...]
    limits: tuple[str, ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    relied: tuple[Relied, ...] = ()


_V2 = "vllm/v1/worker/gpu/sample/logits_processor/interface.py"
_V1 = "vllm/v1/sample/logits_processor/interface.py"

VLLM_V2 = Engine(
    name="vLLM, Model Runner V2", package="vllm", module="verdigris.adapters.vllm", entry="--logits-processors verdigris.adapters.vllm:ProcessorV2",
    oldest="0.33.0", newest="0.33.0", hook="before temperature", boundary="`prompt_len` of the slot",
    drafts="each row, against Q", account="`vllm_xargs`", checked="interface",
    refused=("`--watermark-config`", "`logprobs_mode` processed_*", "a `rejection_sample_method` other than standard", "beam search",
             "temperature 0, where the policy does not serve it", "a `preserve` profile, or a scheme other than green"),
    limits=("not run on a GPU", "the warm-up of the engine leaves `refused` lines in the audit under `signed`",
            "an answer that goes on behind an id of `end_ids`, or waits for a minute, may have a line of its first part alone",
            "under batch-sharded sampling the audit counts positions of other ranks as off", "replicas on one machine need `metrics` of their own"),
    relied=(
        Relied(_V2, "LogitsProcessor.__init__", ("self", "vllm_config", "req_states")),
        Relied(_V2, "LogitsProcessor.validate_params", ("cls", "sampling_params")),
        Relied(_V2, "LogitsProcessor.add_request", ("self", "req_idx", "sampling_params")),
        Relied(_V2, "LogitsProcessor.apply_staged_writes", ("self",)),
        Relied(_V2, "LogitsProcessor.apply", ("self", "logits", "ctx")),
        Relied(_V2, "LogitsContext", ("expanded_idx_mapping", "idx_mapping_np", "expanded_local_pos", "input_ids", "pos", "seq_lens_upper_bound_np")),
        Relied(_V2, "LogitsProcRequestState", ("device", "max_num_reqs", "all_token_ids", "prompt_len", "prefill_len", "total_len")),
        Relied("vllm/sampling_params.py", "SamplingParams", ("temperature", "extra_args", "logit_bias", "allowed_token_ids", "n", "watermarking",
                                                            "max_tokens", "logprobs")),
    ),
)

VLLM_V1 = Engine(
    name="vLLM, V1 runner", package="vllm", module="verdigris.adapters.vllm", entry="--logits-processors verdigris.adapters.vllm:ProcessorV1",
    oldest="0.33.0", newest="0.33.0", hook="before temperature", boundary="the engine's list of output ids",
    drafts="the engine refuses them", account="`vllm_xargs`", checked="interface",
    refused=("pipeline parallelism", "`--watermark-config`", "`logprobs_mode` processed_*", "beam search", "temperature 0, where the policy does not serve it",
             "a `preserve` profile, or a scheme other than green"),
    limits=("not run on a GPU", "penalties follow the mark, so prices are approximate"),
    relied=(
        Relied(_V1, "LogitsProcessor.__init__", ("self", "vllm_config", "device", "is_pin_memory")),
        Relied(_V1, "LogitsProcessor.validate_params", ("cls", "sampling_params")),
        Relied(_V1, "LogitsProcessor.update_state", ("self", "batch_update")),
        Relied(_V1, "LogitsProcessor.apply", ("self", "logits")),
        Relied(_V1, "LogitsProcessor.is_argmax_invariant", ("self",)),
        Relied(_V1, "BatchUpdate", ("batch_size", "removed", "added", "moved")),
        Relied(_V1, "MoveDirectionality", ("UNIDIRECTIONAL", "SWAP")),
        Relied("vllm/v1/sample/logits_processor/builtin.py", "process_dict_updates", ("req_entries", "batch_update", "new_state")),
    ),
)

SGLANG = Engine(
    name="SGLang", package="sglang", module="verdigris.adapters.sglang", entry="plugin, `--sampling-backend verdigris`",
    oldest="0.5.23", newest="0.5.23", hook="after truncation", boundary="`Req.output_ids`", drafts="refused", account="`custom_params`",
    checked="fake",
    refused=("speculative algorithms", "`--enable-watermark`", "`--enable-custom-logit-processor`", "beam search", "fully greedy batches, by policy"),
    limits=("not run on a GPU", "the engine itself was not run", "a position with one candidate left counts as marked",
            "health checks that generate carry no fields, so they are refused under `signed`"),
    groups=(("sglang.srt.plugins", "verdigris.adapters.sglang:register"),),
    relied=(
        Relied("sglang/srt/layers/sampler.py", "register_sampler_backend", ("backend", "factory")),
        Relied("sglang/srt/layers/sampler.py", "Sampler._sample_from_probs", ("self", "probs", "sampling_info", "positions", "simple_sampling_case")),
        Relied("sglang/srt/layers/sampler.py", "Sampler.forward", ("self", "logits_output", "sampling_info", "return_logprob", "positions")),
        Relied("sglang/srt/layers/sampler.py", "sampling_from_probs_torch", ("probs", "sampling_seed", "positions")),
        Relied("sglang/srt/layers/sampler.py", "_SamplingMaskCapture", ("weights", "token_ids", "selected_weight", "batch_rows")),
        Relied("sglang/srt/plugins/hook_registry.py", "HookRegistry.register", ("cls", "target", "hook", "hook_type")),
        Relied("sglang/srt/plugins/hook_registry.py", "HookType", ("BEFORE", "AFTER", "AROUND")),
        Relied("sglang/srt/managers/schedule_batch.py", "Req.__init__", ("self", "rid", "origin_input_ids", "sampling_params")),
        Relied("sglang/srt/model_executor/forward_batch_info.py", "ForwardBatch.init_new", ("cls", "batch", "model_runner")),
        Relied("sglang/srt/model_executor/model_runner.py", "ModelRunner.forward", ("self", "forward_batch")),
        Relied("sglang/srt/model_executor/model_runner.py", "ModelRunner.sample", ("self", "logits_output", "forward_batch")),
        Relied("sglang/srt/sampling/sampling_params.py", "SamplingParams.verify", ("self", "vocab_size")),
    ),
)

TRANSFORMERS = Engine(
    name="transformers", package="transformers", module="verdigris.adapters.transformers", entry="`generate(watermarking_config=VerdigrisConfig(...))`",
    oldest="5.24.0", newest="5.24.0", hook="after truncation", boundary="width of the first call", drafts="each row", account="argument",
    checked="real", refused=("`generate_batch`", "`assistant_ensemble_weight`", "beam search with an unbiased scheme"),
    limits=("logits on a device are copied to the host and back at each step", "not run on a GPU"),
    relied=(
        Relied("transformers/generation/configuration_utils.py", "BaseWatermarkingConfig.construct_processor", ("self", "vocab_size")),
    ),
)

LLAMA_CPP = Engine(
    name="llama.cpp", package="llama-cpp-python", module="verdigris.adapters.llama_cpp", entry="C++ sampler just before `dist`",
    oldest="0.3.36", newest="0.3.36", hook="after truncation", boundary="the first `apply`", drafts="yes", account="host", checked="real",
    refused=("mirostat", "adaptive-p", "a chain that ends in greedy, by policy"),
    limits=("llama-server takes a patch, which applies to the source in llama-cpp-python 0.3.36 and compiles there; the server was not run",),
    without=(("C12", "llama.cpp has no beam search"),),
)

_OG = "onnxruntime_genai/onnxruntime_genai.cpython-*.so"

ONNXRUNTIME_GENAI = Engine(
    name="onnxruntime-genai", package="onnxruntime-genai", module="verdigris.adapters.onnxruntime_genai", entry="own loop, `Loop`",
    oldest="0.18.0", newest="0.18.0", hook="after truncation", boundary="length at `append_tokens`", drafts="refused", account="argument", checked="real",
    refused=("beams", "penalties, `no_repeat_ngram_size`, `min_length`", "`ngram_size` of speculative decoding", "temperature 0, by policy and profile"),
    limits=("`Engine`, `Request` and `MtpGenerator` have no place for a mark", "`set_guidance` and other processors of the engine that leave it without "
            "the drawn id stop the answer", "the loop's draw takes the host's time: a row of float32 logits is copied at each step"),
    without=(("C9", "the engine preempts nothing"),),
    relied=(
        Relied(_OG, "Generator", ("append_tokens", "get_logits", "set_logits", "generate_next_token", "get_next_tokens", "is_done", "rewind_to", "token_count")),
        Relied(_OG, "GeneratorParams", ("get_search_options", "set_search_options", "get_speculative_options", "num_beams", "random_seed")),
        Relied(_OG, "Tokenizer", ("eos_token_ids", "pad_token_id")),
    ),
)

TENSORRT_LLM = Engine(
    name="TensorRT-LLM", package="tensorrt-llm", module="verdigris.adapters.tensorrt_llm", entry="`BatchedLogitsProcessor`, PyTorch backend",
    oldest="", newest="", hook="before temperature", boundary="first call", drafts="refused", account="`client_id` table", checked="fake",
    refused=("more than one beam or draft a row", "a `preserve` profile, or a scheme other than green"),
    limits=("never run with the engine, on any machine", "options of the engine are not seen, so its own watermark or penalties are not refused",
            "an answer ends for the audit at `forget`, which the gateway calls"),
    without=(("C15", "the engine takes log-probabilities, and was not looked at"),),
)

ENGINES = (TRANSFORMERS, VLLM_V2, VLLM_V1, SGLANG, LLAMA_CPP, ONNXRUNTIME_GENAI, TENSORRT_LLM)
