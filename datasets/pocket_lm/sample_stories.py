#!/usr/bin/env python3
"""Write stories sampled at temperature 1 from a llama2.c checkpoint.

First step of the pocket model. Reads a checkpoint in the fp32 "v0" format of llama2.c and its SentencePiece model,
and writes one JSON string a line, one story each. Sampling is pure: temperature 1, no truncation of the distribution.
A batch starts at BOS and runs until each row meets BOS or EOS or the context is full; a full row is cut after its
last sentence.

Resumable: every finished batch is appended to the output, and a second call continues with the next batch number. The
random stream of a batch depends on --seed and its number only.

    python sample_stories.py --checkpoint stories260K.bin --tokenizer tok512.model --out WORK/stories.jsonl --minutes 8
"""

import argparse
import json
import os
import struct
import time

import numpy as np
import sentencepiece
import torch

RMS_EPS = 1e-5


class Checkpoint:
    """The weights of a llama2.c v0 file, with q and k rows reordered so that a rotation pair is (i, i + half)."""

    def __init__(self, path):
        with open(path, "rb") as f:
            header = struct.unpack("<7i", f.read(28))
            flat = np.frombuffer(f.read(), dtype="<f4")
        self.dim, self.ffn, self.layers, self.heads, self.kv_heads, vocab, self.context = header
        self.vocab = abs(vocab)
        self.head = self.dim // self.heads
        at = 0

        def take(*shape):
            nonlocal at
            n = int(np.prod(shape))
            part = torch.from_numpy(flat[at : at + n].copy()).view(*shape)
            at += n
            return part

        layers, dim, kv = self.layers, self.dim, self.kv_heads * self.head
        self.embedding = take(self.vocab, dim)
        self.attention_norm = take(layers, dim)
        self.wq = self._halves(take(layers, dim, dim), self.heads)
        self.wk = self._halves(take(layers, kv, dim), self.kv_heads)
        self.wv = take(layers, kv, dim)
        self.wo = take(layers, dim, dim)
        self.ffn_norm = take(layers, dim)
        self.w1 = take(layers, self.ffn, dim)
        self.w2 = take(layers, dim, self.ffn)
        self.w3 = take(layers, self.ffn, dim)
        self.final_norm = take(dim)
        self.cos = take(self.context, self.head // 2)
        self.sin = take(self.context, self.head // 2)
        self.output = self.embedding if vocab > 0 else take(self.vocab, dim)

    def _halves(self, w, heads):
        layers, rows, dim = w.shape
        w = w.view(layers, heads, self.head // 2, 2, dim).transpose(2, 3)
        return w.reshape(layers, rows, dim)


def rms_norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + RMS_EPS) * weight


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Sampler:
    """Samples a batch of rows in step; keys are stored transposed, so that both attention products are bmm calls."""

    def __init__(self, model, batch):
        self.m = model
        self.batch = batch
        rows = batch * model.kv_heads
        self.keys = [torch.zeros(rows, model.head, model.context) for _ in range(model.layers)]
        self.values = [torch.zeros(rows, model.context, model.head) for _ in range(model.layers)]

    def step(self, ids, position):
        m, b = self.m, ids.shape[0]
        rows, group = b * m.kv_heads, m.heads // m.kv_heads
        cos, sin = m.cos[position], m.sin[position]
        x = m.embedding[ids]
        for i in range(m.layers):
            h = rms_norm(x, m.attention_norm[i])
            q = rotate((h @ m.wq[i].T).view(b, m.heads, m.head), cos, sin) * m.head**-0.5
            k = rotate((h @ m.wk[i].T).view(b, m.kv_heads, m.head), cos, sin)
            self.keys[i][:rows, :, position] = k.reshape(rows, m.head)
            self.values[i][:rows, position] = (h @ m.wv[i].T).view(rows, m.head)
            scores = torch.bmm(q.view(rows, group, m.head), self.keys[i][:rows, :, : position + 1])
            mixed = torch.bmm(scores.softmax(-1), self.values[i][:rows, : position + 1])
            x = x + mixed.reshape(b, m.dim) @ m.wo[i].T
            h = rms_norm(x, m.ffn_norm[i])
            x = x + (torch.nn.functional.silu(h @ m.w1[i].T) * (h @ m.w3[i].T)) @ m.w2[i].T
        return rms_norm(x, m.final_norm) @ m.output.T

    def run(self, seed, bos, ends):
        """Returns a list of (ids, ended)."""
        m = self.m
        generator = torch.Generator().manual_seed(seed)
        rows = torch.arange(self.batch)  # which story each live row belongs to
        ids = torch.full((self.batch,), bos)
        history = torch.full((self.batch, m.context), bos)
        length = torch.zeros(self.batch, dtype=torch.long)
        ended = torch.zeros(self.batch, dtype=torch.bool)
        alive = torch.ones(self.batch, dtype=torch.bool)
        for position in range(m.context):
            logits = self.step(ids, position)
            mass = logits.softmax(-1).cumsum(-1)
            draw = torch.rand(len(ids), 1, generator=generator) * mass[:, -1:]
            ids = (mass <= draw).sum(-1).clamp_(max=m.vocab - 1)
            stop = torch.zeros_like(alive)
            for end in ends:
                stop |= ids == end
            ended[rows[alive & stop]] = True
            alive &= ~stop
            live = rows[alive]
            history[live, position] = ids[alive]
            length[live] = position + 1
            n = int(alive.sum())
            if n == 0:
                break
            if n <= 0.8 * len(rows):  # drop finished rows from the cache
                keep = alive.nonzero()[:, 0]
                cache = (keep[:, None] * m.kv_heads + torch.arange(m.kv_heads)).reshape(-1)
                for i in range(m.layers):
                    self.keys[i][: len(cache), :, : position + 1] = self.keys[i][cache, :, : position + 1]
                    self.values[i][: len(cache), : position + 1] = self.values[i][cache, : position + 1]
                rows, ids, alive = rows[keep], ids[keep], alive[keep]
        return [(history[i, : length[i]].tolist(), bool(ended[i])) for i in range(self.batch)]


def cut_after_sentence(text):
    end = max(text.rfind(mark) for mark in (".", "!", "?", '."', '!"', '?"'))
    if end < 0:
        return ""
    if text[end + 1 : end + 2] == '"':
        end += 1
    return text[: end + 1]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--checkpoint", required=True, help="llama2.c fp32 v0 file")
    p.add_argument("--tokenizer", required=True, help="its SentencePiece model")
    p.add_argument("--out", required=True, help="JSON lines, appended to")
    p.add_argument("--minutes", type=float, default=8, help="start no new batch after this many minutes")
    p.add_argument("--batch", type=int, default=512)
    p.add_argument("--batches", type=int, help="stop when the file holds this many batches")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)

    model = Checkpoint(args.checkpoint)
    sp = sentencepiece.SentencePieceProcessor(model_file=args.tokenizer)
    sampler = Sampler(model, args.batch)
    done = 0
    if os.path.exists(args.out):
        with open(args.out, encoding="utf-8") as f:
            done = sum(line == "\n" for line in f)  # an empty line closes a batch
    start, written, tokens = time.time(), 0, 0
    while time.time() - start < 60 * args.minutes and (args.batches is None or done < args.batches):
        stories = sampler.run(args.seed * 1_000_003 + done, sp.bos_id(), {sp.bos_id(), sp.eos_id()})
        with open(args.out, "a", encoding="utf-8") as f:
            lines = []
            for ids, ended in stories:
                text = sp.decode(ids).strip()
                text = text if ended else cut_after_sentence(text)
                if text:
                    lines.append(json.dumps(text, ensure_ascii=False) + "\n")
            f.write("".join(lines) + "\n")
        done += 1
        written += sum(map(len, lines))
        tokens += sum(len(ids) for ids, _ in stories)
        seconds = time.time() - start
        print(f"batch {done}: {written / 1e6:.1f} MB, {tokens / seconds:.0f} tokens/s, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
