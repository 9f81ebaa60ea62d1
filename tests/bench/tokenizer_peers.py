#!/usr/bin/env python3
"""tokenizer_bench beside tiktoken's encode_ordinary on the same documents, in one run, one thread each.

usage: tokenizer_peers.py BENCH ROOT      with tiktoken 0.14.0 installed, and the folder shared/ beside ROOT
"""
import base64
import gzip
import json
import pathlib
import subprocess
import sys
import time

import tiktoken

FILES = ("wikitext2_valid.txt", "waterbench_lcc_code.jsonl", "wagahaiwa_ja.txt", "udhr/hin.xml", "udhr/arb.xml", "udhr/vie.xml", "udhr/cmn_hans.xml")


def main():
    bench, root = sys.argv[1], pathlib.Path(sys.argv[2])
    data = root.parent / "shared/data"
    documents = []
    for name in FILES:
        raw = (data / "text" / name).read_bytes()
        at = 0
        while at < len(raw):
            end = min(at + 3500, len(raw))
            while end < len(raw) and raw[end] & 0xC0 == 0x80:
                end += 1
            documents.append(raw[at:end].decode())
            at = end
    size = sum(len(d.encode()) for d in documents)
    patterns = json.loads((root / "tests/vectors/pre_tokenizer.json").read_text())["patterns"]
    encodings = {}
    for name in ("cl100k", "o200k"):
        lines = gzip.decompress((data / f"tokenizers/{name}_base.tiktoken.gz").read_bytes()).split(b"\n")
        ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in lines if line)}
        # tiktoken's own spelling of cl100k is possessive, and faster than the one that the vectors run.
        pattern = patterns[name]
        if name == "cl100k":
            pattern = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
        encodings[name] = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    theirs = {name: [] for name in encodings}
    ours = {}
    for _ in range(3):  # turn and turn about, so that both meet the machine alike
        for name, encoding in encodings.items():
            start = time.process_time()
            for document in documents:
                encoding.encode_ordinary(document)
            theirs[name].append(size / (time.process_time() - start) / 1e6)
        out = json.loads(subprocess.run([bench, "--benchmark_format=json", "--benchmark_min_time=0.3"], check=True, stdout=subprocess.PIPE).stdout)
        for row in out["benchmarks"]:
            ours.setdefault(row["name"], []).append(size / row["cpu_time"] / 1e3 if "bytes_per_second" in row else row["cpu_time"])
    print(f"{len(documents)} documents, {size / 1e6:.1f} MB; MB/s of processor time, best of 3")
    for name in encodings:
        peer = max(theirs[name])
        stem = name[0].upper() + name[1:]
        cold, warm = max(ours[stem + "Cold"]), max(ours[stem + "Warm"])
        print(f"{name}: tiktoken {peer:.1f}; cold {cold:.1f} ({cold / peer:.2f} x), warm {warm:.1f} ({warm / peer:.2f} x)")
    print(f"loading cl100k: {min(ours['LoadCl100k']):.0f} ms")


if __name__ == "__main__":
    main()
