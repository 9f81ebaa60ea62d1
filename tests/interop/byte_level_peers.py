#!/usr/bin/env python3
"""Ids of byte-level tokenizers against tiktoken 0.14.0 and tokenizers 0.23.3 over much mixed text.

usage: byte_level_peers.py --program ENCODE_MANY --root ROOT --venv FOLDER [--megabytes N] [--seed S]

Text is drawn from the files of shared/data/text beside the repository: slices as they are, slices with characters, whole scripts,
spaces, digits and ill-formed bytes put in, and random characters. N megabytes go to each of seven tokenizers, and a quarter as
much through the expressions of the seven patterns. Prints the amounts and the number of documents that differ; exit 1 if there is
one, 77 where the text or the packages are not there (they are installed into FOLDER if PyPI can be reached).
"""

import argparse
import base64
import gzip
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

PACKAGES = ("tiktoken==0.14.0", "tokenizers==0.23.3")


def in_venv(folder):
    """Runs this program again with the packages, or ends it with 77."""
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if subprocess.run([python, "-c", "import tiktoken, tokenizers"], stderr=subprocess.DEVNULL).returncode != 0:
        if subprocess.run([python, "-m", "pip", "-q", "install", *PACKAGES]).returncode != 0:
            print("skipped: tiktoken and tokenizers cannot be installed")
            sys.exit(77)
    os.execv(python, [str(python), *sys.argv])


def alphabet():
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in keep]
    return {**{b: chr(b) for b in keep}, **{b: chr(256 + n) for n, b in enumerate(others)}}


def documents(texts, letters, rng, size):
    """Documents of together `size` bytes."""
    while size > 0:
        text = rng.choice(texts)
        at = rng.randrange(len(text))
        part = text[at:at + rng.choice((50, 500, 4000, 40000))]
        kind = rng.random()
        if kind > 0.4:
            chars = list(part)
            for _ in range(1 + len(chars) // rng.choice((5, 30, 200))):
                place = rng.randrange(len(chars) + 1)
                chars[place:place] = rng.choice((rng.choice(letters), rng.choice(letters) * rng.randint(1, 90), " " * rng.randint(1, 9),
                                                 str(rng.randrange(10 ** rng.randint(1, 9))), "'s", "\u0301", "\n  \n", "\r\n", chr(rng.randrange(0x3000)),
                                                 chr(rng.choice((rng.randrange(0xD800), rng.randrange(0xE000, 0x110000))))))
            part = "".join(chars)
        if 0.6 < kind < 0.65:
            part = "".join(rng.choice(letters) for _ in range(rng.randint(1, 3000)))
        data = part.upper().encode() if 0.65 < kind < 0.7 else part.encode()
        if 0.9 < kind:
            data = bytearray(data)
            for _ in range(1 + len(data) // 100):
                data[rng.randrange(len(data))] = rng.randrange(256) if data else 0
            data = bytes(data)
        if data:
            size -= len(data)
            yield data


def ours(program, arguments, batch):
    feed = b"".join(struct.pack("<I", len(d)) + d for d in batch)
    out = subprocess.run([program, *arguments], input=feed, stdout=subprocess.PIPE, check=True).stdout
    at, rows = 0, []
    for _ in batch:
        count, = struct.unpack_from("<I", out, at)
        rows.append(list(struct.unpack_from(f"<{count}I", out, at + 4)))
        at += 4 + 4 * count
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--venv", required=True, type=pathlib.Path)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    data = arguments.root.parent / "shared/data"
    if not (data / "text").is_dir():
        print("skipped: no folder shared/ beside the repository")
        return 77
    if pathlib.Path(sys.prefix).resolve() != arguments.venv.resolve():
        in_venv(arguments.venv)
    import tiktoken
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    vectors = json.loads((arguments.root / "tests/vectors/pre_tokenizer.json").read_text())
    letters = vectors["alphabet"]
    texts = [p.read_bytes().decode("utf-8", "replace") for p in sorted((data / "text").rglob("*")) if p.is_file()]
    texts = [t for t in texts if t]

    def read(raw):
        return raw.decode("utf-8", "replace")

    def ranks_of(name):
        lines = gzip.decompress((data / f"tokenizers/{name}").read_bytes()).split(b"\n")
        return {base64.b64decode(a): int(b) for a, b in (line.split() for line in lines if line)}

    char = alphabet()
    back = {c: b for b, c in char.items()}
    vocab = json.loads((data / "tokenizers/gpt2_encoder.json").read_text())
    vocab.pop("<|endoftext|>")
    merges = [tuple(line.split(" ")) for line in (data / "tokenizers/gpt2_vocab.bpe").read_text().split("\n")[1:] if line]
    with tempfile.TemporaryDirectory(prefix="verdigris-peers-") as folder:
        folder = pathlib.Path(folder)
        jobs = []  # name, arguments of our program, reference, share of the text

        def by_tiktoken(name, pattern, path, ranks):
            encoding = tiktoken.Encoding(name, pat_str=vectors["patterns"][pattern], mergeable_ranks=ranks, special_tokens={})
            jobs.append((name, ["ranks", str(path), pattern], lambda batch: encoding.encode_ordinary_batch([read(d) for d in batch], num_threads=1), 1))

        gpt2 = {bytes(back[c] for c in k): v for k, v in vocab.items()}
        (folder / "gpt2.tiktoken").write_text("".join(f"{base64.b64encode(k).decode()} {v}\n" for k, v in gpt2.items()))
        by_tiktoken("gpt2", "gpt2", folder / "gpt2.tiktoken", gpt2)
        for name in ("cl100k", "o200k"):
            by_tiktoken(name, name, data / f"tokenizers/{name}_base.tiktoken.gz", ranks_of(f"{name}_base.tiktoken.gz"))

        byte = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        byte_regex = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        digits = pre_tokenizers.Digits(individual_digits=True)

        def split(name):
            return pre_tokenizers.Split(Regex(vectors["patterns"][name]), "isolated")

        for name, pre, ignore, compose in (("llama-3", [split("llama-3"), byte], True, False), ("qwen2", [split("qwen2"), byte], False, True),
                                           ("qwen3.5", [split("qwen3.5"), byte], False, True), ("smollm", [digits, byte_regex], False, False)):
            t = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=ignore))
            t.pre_tokenizer = pre_tokenizers.Sequence(pre)
            if compose:
                t.normalizer = normalizers.NFC()
            t.save(str(folder / f"{name}.json"))
            jobs.append((f"gpt2 with {name}", ["json", str(folder / f"{name}.json")],
                         lambda batch, t=t: [t.encode(read(d)).ids for d in batch], 1))
        for name in ("gpt2", "cl100k", "llama-3", "qwen2", "qwen3.5", "o200k", "smollm"):
            pre = pre_tokenizers.Sequence([digits, split("gpt2")]) if name == "smollm" else split(name)
            jobs.append((f"pieces of {name}", ["pieces", name],
                         lambda batch, pre=pre: [[len(p.encode()) for p, _ in pre.pre_tokenize_str(read(d))] for d in batch], 0.25))

        total, wrong = 0, 0
        for job, (name, our_arguments, reference, share) in enumerate(jobs):
            rng = random.Random(f"{arguments.seed} {job}")
            size, differ, count, start = 0, 0, 0, time.time()
            batch = []
            for document in documents(texts, letters, rng, int(arguments.megabytes * share * 1e6)):
                batch.append(document)
                size += len(document)
                if sum(map(len, batch)) < 4_000_000 and size < arguments.megabytes * share * 1e6:
                    continue
                for raw, got, want in zip(batch, ours(arguments.program, our_arguments, batch), reference(batch)):
                    count += 1
                    if got != list(want):
                        differ += 1
                        if differ <= 3:
                            first = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
                            print(f"  {name}: {len(raw)} bytes, seed {arguments.seed}: at {first}: {got[first:first + 4]}, want {list(want[first:first + 4])}")
                batch = []
            total += size
            wrong += differ
            print(f"{name}: {size / 1e6:.1f} MB, {count} documents, {differ} differ ({time.time() - start:.0f} s)", flush=True)
        print(f"in all: {total / 1e6:.1f} MB, {wrong} documents differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
