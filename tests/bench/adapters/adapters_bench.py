#!/usr/bin/env python3
"""What a mark costs beside what engines and libraries do: one script, one run, one thread.

adapters_bench.py [--only NAME] [--rounds 10] [--calls 200] [--json FILE]

Times are CPU seconds of the process, so that waiting for a busy core does not count. Each comparison interleaves its sides in one process,
`rounds` times up to `calls` calls (fewer where a side is slow), and gives the ratio of medians with a 95 % bootstrap interval over rounds.
Never compare numbers of two runs. Wants torch and transformers, and the sources of
vLLM on the path (tests/adapters/engines_run.py fetch); a side that does not import is left out, and the table says so.
"""

import argparse
import ctypes
import json
import os
import pathlib
import sys
import time
import unittest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "python"))
import verdigris  # noqa: E402
from key_files import profile as profile_file  # noqa: E402
from key_files import tree  # noqa: E402
from verdigris.adapters import device  # noqa: E402

SIZES = (32_000, 49_152, 128_256)


def marker_of(scheme, vocab, share=128):
    """A marker of scheme and vocabulary, under keys that are nobody's. share: of 256 windows those of the provider."""
    profile = verdigris.Profile.parse(profile_file(scheme, vocab, share))
    files = tree(profile.scheme_id)
    names = ("provider", "selector", "acct-7") if share < 256 else ("provider",)
    return verdigris.Marker(profile, [verdigris.Key.parse(files[name]) for name in names])


def timed(call, calls):
    begin = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begin) / calls


def compare(sides, rounds, calls):
    """Seconds a call of each side: [sides, rounds], the sides in turn."""
    enough = [max(1, min(calls, int(.05 / max(timed(call, 1), 1e-9)))) for call in sides]
    return np.array([[timed(call, n) for call, n in zip(sides, enough)] for _ in range(rounds)]).T


def ratio(times, seed=1):
    """Median ratio of the first side to the second, and its 95 % bootstrap interval over rounds."""
    first, second = times
    picks = np.random.default_rng(seed).integers(0, len(first), (2000, len(first)))
    many = np.median(first[picks], 1) / np.median(second[picks], 1)
    return np.median(first) / np.median(second), *np.quantile(many, (.025, .975))


class Table:
    def __init__(self, options):
        self.options, self.rows, self.left_out = options, [], []

    def add(self, name, ours, theirs, per=1, unit="us"):
        """per: units of work in one call, rows or tokens."""
        times = compare((ours, theirs), self.options.rounds, self.options.calls)
        middle, low, high = ratio(times)
        each = np.median(times, 1) / per * 1e6
        self.rows.append({"what": name, "ours_us": each[0], "theirs_us": each[1], "ratio": middle, "low": low, "high": high})
        print(f"| {name} | {each[0]:.3g} | {each[1]:.3g} | {middle:.3g} ({low:.3g} to {high:.3g}) |", flush=True)

    def alone(self, name, call, per=1, goal=""):
        times = compare((call,), self.options.rounds, self.options.calls)[0] / per * 1e6
        picks = np.random.default_rng(1).integers(0, len(times), (2000, len(times)))
        low, high = np.quantile(np.median(times[picks], 1), (.025, .975))
        self.rows.append({"what": name, "us": float(np.median(times)), "low": low, "high": high, "goal": goal})
        print(f"| {name} | {np.median(times):.3g} ({low:.3g} to {high:.3g}) | {goal} |", flush=True)


def against_transformers(table):
    from transformers import SynthIDTextWatermarkLogitsProcessor, WatermarkLogitsProcessor
    for vocab in SIZES:
        marker, ids = marker_of("green", vocab), [5, 6, 7]
        theirs = WatermarkLogitsProcessor(vocab, "cpu", greenlist_ratio=.25, bias=2.0, hashing_key=15485863, seeding_scheme="lefthash", context_width=1)
        for rows in (1, 8):
            logits, given, markers = torch.randn(rows, vocab), torch.tensor([ids] * rows), [marker] * rows
            windows, states = (np.repeat(part, rows, 0) for part in history_of(ids).peek())
            table.add(f"green, bias, a row of {rows}, V {vocab:,}, to WatermarkLogitsProcessor",
                      lambda: verdigris.mark_batch_(markers, logits, windows, states, mode="bias"), lambda: theirs(given, logits), per=rows)
        logits = torch.randn(1, vocab)
        synthid = SynthIDTextWatermarkLogitsProcessor(ngram_len=5, keys=list(range(1, 31)), sampling_table_size=2**16, sampling_table_seed=0,
                                                      context_history_size=1024, device="cpu")
        long = torch.tensor([[5, 6, 7, 8, 9, 10]])
        tournament, clean = marker_of("tournament", vocab, 256), torch.randn(vocab).numpy()
        row, few = clean.copy(), clean[:1000].copy()
        candidates = np.random.default_rng(1).permutation(vocab)[:1000].astype(np.uint32)

        def ours():
            row[:] = clean
            tournament.mark_(row, ids)

        def ours_of_few():
            few[:] = clean[:1000]
            tournament.mark_(few, ids, ids=candidates)

        # SynthID's processor has no list of candidates: it draws for all ids of the row, those that truncation took included.
        table.add(f"tournament of 30 layers, 1,000 candidates, V {vocab:,}, to SynthIDTextWatermarkLogitsProcessor", ours_of_few, lambda: synthid(long, logits))
        table.add(f"tournament of 30 layers, a row, V {vocab:,}, to SynthIDTextWatermarkLogitsProcessor", ours, lambda: synthid(long, logits))


def history_of(ids):
    history = verdigris.History(2)
    history.push(ids)
    return history


def against_vllm(table):
    from vllm.v1.watermarking.gumbel import GumbelWatermarkDetector, GumbelWatermarker
    for vocab in SIZES:
        marker, theirs = marker_of("gumbel", vocab, 256), GumbelWatermarker(42)
        clean = np.random.default_rng(1).standard_normal(vocab, np.float32)
        row, tensor, context = clean.copy(), torch.from_numpy(clean.copy()).view(1, -1), torch.tensor([[1, 2, 3, 4]])

        def ours():
            row[:] = clean
            marker.mark_(row, [5, 6, 7])

        table.add(f"gumbel, a row, V {vocab:,}, to GumbelWatermarker on a CPU", ours, lambda: theirs.sample(tensor, context))
    ids = np.random.default_rng(2).integers(3, 49_152, 2000).tolist()
    detector = GumbelWatermarkDetector(42)
    marker = marker_of("gumbel", 49_152, 256)
    table.add("gumbel, scores of 2,000 ids, a token, to GumbelWatermarkDetector", lambda: marker.score(ids), lambda: detector.detect(ids), per=2000)


def detectors(table):
    from transformers import WatermarkDetector, WatermarkingConfig
    from transformers import LlamaConfig
    ids = np.random.default_rng(2).integers(3, 49_152, 400)
    model = LlamaConfig(vocab_size=49_152, bos_token_id=1)
    theirs = WatermarkDetector(model_config=model, device="cpu", watermarking_config=WatermarkingConfig(greenlist_ratio=.25, bias=2.0, seeding_scheme="lefthash"))
    marker, listed, tensor = marker_of("green", 49_152), ids.tolist(), torch.tensor(ids).view(1, -1)

    def other():
        theirs._get_ngram_score_cached.cache_clear()  # it would answer every call but the first
        theirs(tensor)

    table.add("green, scores of 400 ids, a token, to WatermarkDetector", lambda: marker.score(listed), other, per=400)


def host(table):
    """S10, on the host: what a step costs before anything reaches a device."""
    vocab = 128_256
    marker = marker_of("green", vocab)
    for rows in (1, 64, 256):
        windows = np.random.default_rng(1).integers(3, vocab, (rows, 2)).astype(np.uint32)
        states, out = np.ones(rows, np.uint8), np.zeros((rows, marker.mask_bytes), np.uint8)
        table.alone(f"mask, a row of {rows}, V 128,256", lambda: verdigris.mask_batch([marker] * rows, windows, states, out=out), rows, "5 us" if rows > 1 else "")
    clean = np.random.default_rng(1).standard_normal(200).astype(np.float32)
    candidates = np.arange(1000, 1200, dtype=np.uint32)
    row = clean.copy()

    def some():
        row[:] = clean
        marker.mark_(row, [5, 6, 7], repeat="new", ids=candidates)

    table.alone("200 candidates", some, 1, "6 us")
    ids = np.random.default_rng(1).integers(3, vocab, 100_000).astype(np.uint32)

    def pushed():
        verdigris.History(2).push(ids)

    table.alone("history, an id of 100,000", pushed, len(ids), ".1 us")
    account = verdigris.Key.parse(tree(marker.profile.scheme_id)["acct-8"])
    table.alone("marker of another account", lambda: marker.with_account(account), 1, "20 us")
    logits = torch.randn(64, vocab)
    masks = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (64, marker.mask_bytes), np.uint8))
    delta = torch.full((64,), 2.0)
    table.add("add_mask_ on CPU tensors, 64 rows, to logits.add_(1)", lambda: device.add_mask_(logits, masks, delta, vocab), lambda: logits.add_(1))


def overhead(table):
    """S8: a decode step of a small random Llama, marked and unmarked in turn, 1 and 8 rows."""
    from transformers import LlamaConfig, LlamaForCausalLM
    vocab = 49_152
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=vocab, hidden_size=576, intermediate_size=1536, num_hidden_layers=8, num_attention_heads=9,
                                         num_key_value_heads=3, bos_token_id=1)).eval()
    marker = marker_of("green", vocab)
    for rows in (1, 8):
        histories = [history_of([5, 6, 7 + row]) for row in range(rows)]
        given = torch.randint(3, vocab, (rows, 1))

        def step(marked):
            with torch.inference_mode():
                logits = model(given, use_cache=False).logits[:, -1].clone()
            if marked:
                peeked = [history.peek() for history in histories]
                verdigris.mark_batch_([marker] * rows, logits, np.concatenate([w for w, _ in peeked]), np.concatenate([s for _, s in peeked]), mode="bias")
            torch.multinomial(torch.softmax(logits, -1), 1)

        table.add(f"decode step, Llama of 8 x 576, V 49,152, {rows} rows, marked to unmarked", lambda: step(True), lambda: step(False))


def llama(table):
    """S8: a token of SmolLM2 in llama.cpp, one sequence: decode, chain of temperature, top-k 40, the mark, dist; marked and unmarked in turn."""
    sys.path.insert(0, str(HERE.parents[1] / "adapters"))
    try:
        from llama_cpp_test import ACCOUNTS, MODEL, VOCAB, Folder
    except unittest.SkipTest as skipped:
        raise ImportError(str(skipped)) from None
    import llama_cpp
    from verdigris import serving
    from verdigris.adapters import llama_cpp as marked
    model = llama_cpp.Llama(MODEL, n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False)
    folder = Folder(mode="opt_out")
    opened = folder.open(model)
    memory = llama_cpp.llama_get_memory(model.ctx)
    prompt = model.tokenize(b"Once upon a time", add_bos=False)
    for top_k in (40, 0):
        chains = []
        for mark in (True, False):
            fields = folder.fields(ACCOUNTS[0], mark=mark)
            kept = marked.Mark(opened, serving.Request(fields=fields)) if mark else None
            chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
            for sampler in ([llama_cpp.llama_sampler_init_top_k(top_k)] if top_k else []) + [llama_cpp.llama_sampler_init_temp(1.0)] + \
                    ([kept.pointer] if mark else []) + [llama_cpp.llama_sampler_init_dist(1)]:
                llama_cpp.llama_sampler_chain_add(chain, sampler)
            chains.append((chain, kept))
        model.reset()
        model.eval(prompt)

        def step(chain):
            # At one place, so that attention has as many ids to read in all calls.
            id = llama_cpp.llama_sampler_sample(chain, model.ctx, -1)
            llama_cpp.llama_memory_seq_rm(memory, 0, len(prompt), -1)
            model.n_tokens = len(prompt)
            model.eval([id])

        table.add(f"token of SmolLM2-135M Q4_1 in llama.cpp, V {VOCAB:,}, {f'top-k {top_k}' if top_k else 'no truncation'}, marked to unmarked",
                  lambda: step(chains[0][0]), lambda: step(chains[1][0]))
        if top_k:
            array = (llama_cpp.llama_token_data * top_k)(*[(id, id / 10, 0.0) for id in range(20, 20 + top_k)])

            def alone():
                given = llama_cpp.llama_token_data_array(data=array, size=top_k, selected=-1, sorted=False)
                llama_cpp.llama_sampler_apply(chains[0][1].pointer, ctypes.byref(given))

            table.alone(f"the mark on {top_k} candidates through ctypes", alone)
    for _, kept in chains:
        if kept is not None:
            kept.sequence.discard()
    opened.close()
    folder.close()


PARTS = {"transformers": against_transformers, "vllm": against_vllm, "detectors": detectors, "host": host, "overhead": overhead, "llama": llama}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--json", type=pathlib.Path)
    table = Table(parser.parse_args())
    print(f"torch {torch.__version__}, verdigris {verdigris.__version__}, one thread, microseconds")
    for name, part in PARTS.items():
        if table.options.only in (None, name):
            print(f"\n{name}", flush=True)
            try:
                part(table)
            except ImportError as error:
                table.left_out.append(name)
                print(f"left out: {error}")
    if table.options.json:
        table.options.json.write_text(json.dumps({"rows": table.rows, "left_out": table.left_out}, indent=1, default=float) + "\n")
    return 0 if table.rows else 1


if __name__ == "__main__":
    sys.exit(main())
