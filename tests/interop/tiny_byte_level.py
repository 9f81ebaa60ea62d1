#!/usr/bin/env python3
"""Makes the small byte-level tokenizers of tests/data, and what the reference libraries say of them (tests/vectors/tiny_byte_level.json).

    pip install tiktoken==0.14.0 tokenizers==0.23.3
    tests/interop/tiny_byte_level.py ROOT

A vocabulary of 256 bytes and 150 merges is trained on tests/data/tiny_corpus.txt; ids of merges ascend, so the same tokens are a
tiktoken file too. The ids of every input of tests/vectors/pre_tokenizer.json are written down: by tiktoken for patterns of
tiktoken, by tokenizers for tokenizer.json files of other patterns, with special tokens as ordinary text.
"""
import base64
import hashlib
import json
import pathlib
import struct
import sys

import tiktoken
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers


def text_of(case):
    return (bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()).decode("utf-8", "replace")


def alphabet():
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in keep]
    return {**{b: chr(b) for b in keep}, **{b: chr(256 + n) for n, b in enumerate(others)}}


def gguf(pre, names, types, merges):
    def text(s):
        return struct.pack("<Q", len(s.encode())) + s.encode()

    def record(name, kind, value):
        return text(name) + struct.pack("<I", kind) + value

    def array(kind, values):
        return struct.pack("<IQ", kind, len(values)) + b"".join(values)

    records = [record("general.architecture", 8, text("none")), record("tokenizer.ggml.model", 8, text("gpt2")),
               record("tokenizer.ggml.pre", 8, text(pre)), record("tokenizer.ggml.tokens", 9, array(8, [text(n) for n in names])),
               record("tokenizer.ggml.token_type", 9, array(5, [struct.pack("<i", t) for t in types])),
               record("tokenizer.ggml.merges", 9, array(8, [text(m) for m in merges])),
               record("tokenizer.ggml.add_bos_token", 7, b"\0")]
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(records)) + b"".join(records) + b"\0" * 64  # where weights would be


def main():
    root = pathlib.Path(sys.argv[1])
    data = root / "tests/data"
    cases = json.loads((root / "tests/vectors/pre_tokenizer.json").read_text())
    texts = [text_of(case) for case in cases["inputs"]]
    char = alphabet()
    back = {c: b for b, c in char.items()}

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    trained.train_from_iterator([(data / "tiny_corpus.txt").read_text()],
                                trainers.BpeTrainer(vocab_size=406, initial_alphabet=sorted(back), show_progress=False))
    learned = [tuple(m) for m in json.loads(trained.to_str())["model"]["merges"]]
    # Bytes have their own value as id, merges follow in their order.
    names = [char[b] for b in range(256)] + [a + b for a, b in learned]
    assert len(set(names)) == len(names) == 406
    vocab = {name: i for i, name in enumerate(names)}
    (data / "tiny_vocab.json").write_text(json.dumps(vocab, ensure_ascii=False) + "\n")
    (data / "tiny_merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in learned))
    ranks = {bytes(back[c] for c in name): i for i, name in enumerate(names)}
    (data / "tiny.tiktoken").write_text("".join(f"{base64.b64encode(k).decode()} {v}\n" for k, v in ranks.items()))

    byte = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    byte_regex = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)

    def hugging(pre, ignore=False, compose=False):
        t = Tokenizer(models.BPE(vocab=vocab, merges=learned, ignore_merges=ignore))
        t.pre_tokenizer = pre_tokenizers.Sequence(pre)
        if compose:
            t.normalizer = normalizers.NFC()
        t.add_special_tokens(["<|end|>", "<|start|>"])
        t.add_tokens([AddedToken("    ", normalized=False), AddedToken("harbour", normalized=False), AddedToken("<|end|>x", normalized=False)])
        t.encode_special_tokens = True
        return t

    def split(name):
        return pre_tokenizers.Split(Regex(cases["patterns"][name]), "isolated")

    digits = pre_tokenizers.Digits(individual_digits=True)
    out = {}
    for name in ("gpt2", "cl100k", "o200k"):
        encoding = tiktoken.Encoding("x", pat_str=cases["patterns"][name], mergeable_ranks=ranks, special_tokens={})
        out["tiktoken " + name] = [encoding.encode_ordinary(t) for t in texts]
    for name, t in (("gpt2", hugging([byte_regex])), ("llama-3", hugging([split("cl100k"), byte], ignore=True)),
                    ("qwen2", hugging([split("qwen2"), byte], compose=True)), ("qwen3.5", hugging([split("qwen3.5"), byte], compose=True)),
                    ("smollm", hugging([digits, byte_regex]))):
        if name == "qwen2":
            t.save(str(data / "tiny_tokenizer.json"))
        out["json " + name] = [t.encode(x).ids for x in texts]
    types = [1] * 406 + [3, 3, 4, 4, 4]
    (data / "tiny.gguf").write_bytes(gguf("qwen2", names + ["<|end|>", "<|start|>", "    ", "harbour", "<|end|>x"], types, [f"{a} {b}" for a, b in learned]))

    rows = ",\n".join(json.dumps(k) + ": [\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in v) + "]" for k, v in out.items())
    files = {f: hashlib.sha256((data / f).read_bytes()).hexdigest() for f in
             ("tiny.gguf", "tiny.tiktoken", "tiny_merges.txt", "tiny_tokenizer.json", "tiny_vocab.json")}
    (root / "tests/vectors/tiny_byte_level.json").write_text(
        '{\n"source": "tests/interop/tiny_byte_level.py: tiktoken 0.14.0, tokenizers 0.23.3; inputs of pre_tokenizer.json",\n"files": '
        + json.dumps(files) + ",\n" + rows + "\n}\n")


if __name__ == "__main__":
    main()
