#!/usr/bin/env python3
"""Students of the pocket model: their training data, their training, and what they answer. One thread, CPU.

The models of the reference experiment (docs/investigating_a_model.md): a teacher, the pocket model; a base, trained from
another random start on unmarked answers; students, the base trained further on answers of which a share is marked.
WORK is a folder outside the tree; every step takes up what an earlier run left there.

    students.py pool    --work WORK --name base --tokens 1200000       unmarked answers of the teacher
    students.py train   --work WORK --name base --data base.npz --tokens 2400000
    students.py train   --work WORK --name h2_10_s1 --start base --data s1.npz --marked h2_s1.jsonl --share 10
    students.py answers --work WORK --name h2_10_s1 --tokens 205000 --lists 41000
    students.py read    --work WORK --name h2_10_s1 --log h2_s1.jsonl --tokens 40000
    students.py pack    --work WORK --name h2_10_s1.answers --out h2_10_s1.answers.zst
"""

import argparse
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
POCKET = os.path.join(ROOT, "datasets", "pocket_lm")
sys.path[:0] = [POCKET, os.path.join(ROOT, "tests", "experiments")]
from dump import write_dump  # noqa: E402
from train import CONFIG, EOS, BOS, Llama, rotate, save_folder  # noqa: E402

PROMPT, ANSWER, ROW = 8, 240, 256  # tokens of a prompt, most of an answer, of a training row
HEADS, WIDTH = CONFIG["num_attention_heads"], CONFIG["head_dim"]


def load(folder):
    from safetensors.torch import load_file

    model = Llama()
    weights = load_file(os.path.join(folder, "model.safetensors"))
    model.load_state_dict({k.removeprefix("model."): v.float() for k, v in weights.items()})
    return model.eval()


class Cache:
    """Keys and values of a batch of texts of one length."""

    def __init__(self, batch):
        shape = (CONFIG["num_hidden_layers"], batch, HEADS, PROMPT + 1 + ANSWER, WIDTH)
        self.k, self.v, self.length = torch.zeros(shape), torch.zeros(shape), 0

    def keep(self, rows):
        self.k, self.v = self.k[:, rows], self.v[:, rows]


def forward(model, ids, cache):
    """Logits (batch, vocab) after ids (batch, n), which follow what the cache holds."""
    start, end = cache.length, cache.length + ids.shape[1]
    cos, sin = model.cos[start:end], model.sin[start:end]
    x = model.embed_tokens(ids)
    for i, layer in enumerate(model.layers):
        h, a = layer.input_layernorm(x), layer.self_attn
        split = (*ids.shape, HEADS, WIDTH)
        q = rotate(a.q_proj(h).view(split).transpose(1, 2), cos, sin)
        cache.k[i][:, :, start:end] = rotate(a.k_proj(h).view(split).transpose(1, 2), cos, sin)
        cache.v[i][:, :, start:end] = a.v_proj(h).view(split).transpose(1, 2)
        o = F.scaled_dot_product_attention(q, cache.k[i][:, :, :end], cache.v[i][:, :, :end], is_causal=end - start > 1)
        x = x + a.o_proj(o.transpose(1, 2).reshape(x.shape))
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    cache.length = end
    return F.linear(model.norm(x[:, -1]), model.embed_tokens.weight)


def draw(logits, top_p, generator):
    """One id a row, of the likeliest ids that together have top_p of the mass (to a part in 300 of the last one's)."""
    p = F.softmax(logits, -1)
    if top_p < 1:
        low = torch.full((len(p), 1), -14.0)  # ln of the threshold: the largest that leaves top_p
        high = p.max(-1, keepdim=True).values.log()
        for _ in range(12):
            middle = (low + high) / 2
            enough = (p * (p >= middle.exp())).sum(-1, keepdim=True) >= top_p
            low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
        p = p * (p >= low.exp())
    chance = p.cumsum(-1, dtype=torch.float32)
    uniform = torch.rand(len(p), 1, generator=generator) * chance[:, -1:]
    drawn = torch.searchsorted(chance, uniform, right=True).clamp_(max=p.shape[-1] - 1)[:, 0]
    # Rounding may point at an id of no chance; the likeliest one stands for it.
    missed = p.gather(-1, drawn[:, None])[:, 0] == 0
    return torch.where(missed, p.argmax(-1), drawn)


@torch.no_grad()
def sample(model, prompts, length, top_p, generator, lists=0, copy=0):
    """Answers to prompts (batch, n) of up to `length` tokens, the end not included.

    copy: with weight .3 the next id is what last followed the same `copy` ids in the prompt.
    Returns a list of (ids, ended) and, with lists > 0, of (ids (n, lists), log-probabilities) at temperature 1.
    """
    batch = len(prompts)
    cache = Cache(batch)
    tokens, at = torch.full((batch, length), EOS), torch.arange(batch)
    top_ids = np.zeros((batch, length, lists), np.uint16)
    top_lps = np.zeros((batch, length, lists), np.float32)
    step = torch.cat((torch.full((batch, 1), BOS), prompts), 1)
    followed = [{tuple(p[i : i + copy]): p[i + copy] for i in range(len(p) - copy)} for p in prompts.tolist()] if copy else []
    for t in range(length):
        logits = forward(model, step, cache)
        logits[:, :2] = -math.inf  # unknown and BOS are never written
        if lists:
            lp, ids = F.log_softmax(logits, -1).topk(lists)
            top_ids[at, t], top_lps[at, t] = ids.numpy(), lp.numpy()
        drawn = draw(logits, top_p, generator)
        if copy and t >= copy:
            for i, row in enumerate(at.tolist()):
                window = tuple(tokens[row, t - copy : t].tolist())
                if window in followed[row] and torch.rand(1, generator=generator).item() < 0.3:
                    drawn[i] = followed[row][window]
        tokens[at, t] = drawn
        step = drawn[:, None]
        if t % 16 == 15 or t + 1 == length:
            open_rows = (tokens[at, : t + 1] != EOS).all(-1)
            cache.keep(open_rows)
            at, step = at[open_rows], step[open_rows]
            if not len(at):
                break
    answers, heads = [], []
    for i, row in enumerate(tokens.numpy()):
        ends = np.flatnonzero(row == EOS)
        n = int(ends[0]) if len(ends) else length
        answers.append((row[:n].astype(np.uint16), bool(len(ends))))
        heads.append((top_ids[i, :n], top_lps[i, :n]))
    return answers, heads


def openings(model, count, generator):
    """Prompts: what the teacher writes first."""
    return torch.stack([torch.from_numpy(a.astype(np.int64)) for a, _ in
                        sample(model, torch.zeros(count, 0, dtype=torch.long), PROMPT, 0.95, generator)[0] if len(a) == PROMPT])


def save_answers(path, prompts, answers):
    ids = [a for a, _ in answers]
    np.savez(path + ".part.npz", prompts=np.asarray(prompts, np.uint16), ids=np.concatenate(ids),
             ends=np.cumsum([len(a) for a in ids]), ended=np.asarray([e for _, e in answers]))
    os.replace(path + ".part.npz", path)


def load_answers(path):
    a = np.load(path)
    starts = np.concatenate(([0], a["ends"][:-1]))
    return a["prompts"], [(a["ids"][s:e], bool(d)) for s, e, d in zip(starts, a["ends"], a["ended"])]


def pool(args):
    path = os.path.join(args.work, args.name + ".npz")
    if os.path.exists(path):
        return
    model, generator = load(POCKET), torch.Generator().manual_seed(args.seed)
    prompts, answers, tokens, began = [], [], 0, time.time()
    while tokens < args.tokens:
        some = openings(model, args.batch, generator)
        got, _ = sample(model, some, ANSWER, 0.95, generator)
        prompts.extend(some.numpy())
        answers.extend(got)
        tokens += sum(len(a) for a, _ in got)
        print(f"{args.name}: {tokens} tokens, {tokens / (time.time() - began):.0f} a second", flush=True)
    save_answers(path, prompts, answers)
    with open(os.path.join(args.work, args.name + ".prompts.jsonl"), "w") as f:
        for p in prompts:
            f.write(json.dumps({"prompt": [int(x) for x in p]}) + "\n")


def training_documents(args):
    """(prompt, answer, ended): the first answers of the pool up to --use tokens; from the front of them as many as give
    the share are replaced by marked answers to the same prompts."""
    prompts, answers = load_answers(os.path.join(args.work, args.data))
    documents, total = [], 0
    for p, (a, e) in zip(prompts, answers):
        documents.append((p, a, e))
        total += len(a)
        if total >= args.use:
            break
    if args.share:
        marked, tokens = [], 0
        with open(os.path.join(args.work, args.marked)) as f:
            for line in f:
                record = json.loads(line)
                marked.append((np.array(record["prompt"], np.uint16), np.array(record["output"], np.uint16), record["ended"]))
                tokens += len(record["output"])
                if tokens >= args.share / 100 * total:
                    break
        assert tokens >= args.share / 100 * total, "too few marked answers"
        while documents and total + tokens > args.use + ANSWER:
            total -= len(documents.pop(0)[1])
        documents = marked + documents
        print(f"{args.name}: {tokens} of {total + tokens} tokens marked", flush=True)
    return documents


def train(args):
    out = os.path.join(args.work, args.name)
    if os.path.exists(os.path.join(out, "model.safetensors")):
        return
    torch.manual_seed(args.seed)
    model = Llama()
    if args.start:
        model.load_state_dict(load(os.path.join(args.work, args.start)).state_dict())
    model.train()
    matrices = [q for q in model.parameters() if q.dim() == 2]
    vectors = [q for q in model.parameters() if q.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                                  lr=args.rate, betas=(0.9, 0.98), fused=True)
    documents = training_documents(args)
    order = np.random.default_rng(args.seed)
    rows = []
    for _ in range(args.epochs):
        stream = np.concatenate([np.concatenate(([BOS], documents[i][0], documents[i][1], [EOS] if documents[i][2] else []))
                                 for i in order.permutation(len(documents))]).astype(np.int64)
        count = (len(stream) - 1) // ROW
        rows += [stream[i * ROW : (i + 1) * ROW + 1] for i in range(count)]
    steps = len(rows) // args.rows
    running, began, first = None, time.time(), 0
    checkpoint = os.path.join(args.work, args.name + ".checkpoint")
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, running = state["step"], state["running"]
    for step in range(first, steps):
        rate = args.rate * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        for g in optimizer.param_groups:
            g["lr"] = rate
        batch = torch.from_numpy(np.stack(rows[step * args.rows : (step + 1) * args.rows]))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(batch[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if step % 100 == 99:
            print(f"{args.name}: step {step + 1} of {steps}, loss {running:.3f}, "
                  f"{(step + 1 - first) * args.rows * ROW / (time.time() - began):.0f} tokens/s", flush=True)
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1, "running": running},
                       checkpoint + ".part")
            os.replace(checkpoint + ".part", checkpoint)
    save_folder(model, POCKET, out)
    if os.path.exists(checkpoint):
        os.remove(checkpoint)
    print(f"{args.name}: done, loss {running:.3f}", flush=True)


def collect(args):
    """Closed answers of a student at temperature 1, with the 20 best of each position for the first of them."""
    path = os.path.join(args.work, args.name + ".answers.npz")
    if os.path.exists(path):
        return
    teacher, model = load(POCKET), load(os.path.join(args.work, args.name))
    generator = torch.Generator().manual_seed(args.seed)
    fresh = torch.Generator().manual_seed(args.prompts_seed)
    prompts, answers, heads, tokens, listed, began = [], [], [], 0, 0, time.time()
    while tokens < args.tokens:
        some = openings(teacher, args.batch, fresh)
        k = 20 if listed < args.lists else 0
        got, lists = sample(model, some, ANSWER, 1, generator, k)
        prompts.extend(some.numpy())
        answers.extend(got)
        tokens += sum(len(a) for a, _ in got)
        if k:
            heads.extend(lists)
            listed = tokens
    ids = [a for a, _ in answers]
    while heads and listed - len(heads[-1][0]) >= args.lists:  # lists for no more than was asked, whole answers
        listed -= len(heads.pop()[0])
    np.savez(path + ".part.npz", prompts=np.asarray(prompts, np.uint16), ids=np.concatenate(ids),
             ends=np.cumsum([len(a) for a in ids]), ended=np.asarray([e for _, e in answers]),
             list_ids=np.concatenate([i for i, _ in heads]) if heads else np.zeros((0, 20), np.uint16),
             list_lps=np.concatenate([v for _, v in heads]) if heads else np.zeros((0, 20), np.float32))
    os.replace(path + ".part.npz", path)
    print(f"{args.name}: {tokens} answer tokens, {listed} with lists, {tokens / (time.time() - began):.0f} a second", flush=True)


@torch.no_grad()
def read(args):
    """What a model predicts at every position of marked answers it is shown: the --lists best ids and their logs."""
    path = os.path.join(args.work, args.name + ".reading.npz")
    if os.path.exists(path):
        return
    model = load(os.path.join(args.work, args.name))
    records, tokens = [], 0
    with open(os.path.join(args.work, args.log)) as f:
        for line in f:
            records.append(json.loads(line))
            tokens += len(records[-1]["output"])
            if tokens >= args.tokens:
                break
    list_ids, list_lps = [], []
    for record in records:
        ids = torch.tensor([[BOS] + record["prompt"] + record["output"]])
        lp, top = F.log_softmax(model(ids[:, :-1])[0, len(record["prompt"]) :], -1).topk(args.lists)
        list_ids.append(top.numpy().astype(np.uint16))
        list_lps.append(lp.numpy())
    np.savez(path + ".part.npz", prompts=np.asarray([r["prompt"] for r in records], np.uint16),
             ids=np.concatenate([np.asarray(r["output"], np.uint16) for r in records]),
             ends=np.cumsum([len(r["output"]) for r in records]), ended=np.asarray([r["ended"] for r in records]),
             list_ids=np.concatenate(list_ids), list_lps=np.concatenate(list_lps))
    os.replace(path + ".part.npz", path)
    print(f"{args.name}: read {tokens} tokens", flush=True)


def innocent(args):
    """Answers of the base to prompts that end in 100 tokens of marked text, from which it may copy."""
    path = os.path.join(args.work, args.name + ".answers.npz")
    if os.path.exists(path):
        return
    model, generator = load(os.path.join(args.work, "base")), torch.Generator().manual_seed(args.seed)
    shown = []
    with open(os.path.join(args.work, args.log)) as f:
        for line in f:
            record = json.loads(line)
            if len(record["output"]) >= 100:
                shown.append(record["prompt"] + record["output"][:100])
    prompts, answers, tokens = [], [], 0
    while tokens < args.tokens:
        some = torch.tensor([shown[i % len(shown)] for i in range(len(prompts), len(prompts) + 128)])
        answers.extend(sample(model, some, 120, 1, generator, copy=args.copy)[0])
        prompts.extend(some.numpy())
        tokens = sum(len(a) for a, _ in answers)
    ids = [a for a, _ in answers]
    np.savez(path + ".part.npz", prompts=np.asarray(prompts, np.uint16), ids=np.concatenate(ids), ends=np.cumsum([len(a) for a in ids]),
             ended=np.asarray([e for _, e in answers]), list_ids=np.zeros((0, 20), np.uint16), list_lps=np.zeros((0, 20), np.float32))
    os.replace(path + ".part.npz", path)
    print(f"{args.name}: {tokens} answer tokens", flush=True)


def pack(args):
    """WORK/NAME.npz -> OUT."""
    write_dump(args.out, dict(np.load(os.path.join(args.work, args.name + ".npz"))))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    s = p.add_subparsers(required=True)
    for name, run in (("pool", pool), ("train", train), ("answers", collect), ("read", read), ("innocent", innocent), ("pack", pack)):
        q = s.add_parser(name)
        q.set_defaults(run=run)
        q.add_argument("--work", required=True)
        q.add_argument("--name", required=True)
        q.add_argument("--seed", type=int, default=1)
        q.add_argument("--batch", type=int, default=192)
        if name not in ("train", "pack"):
            q.add_argument("--tokens", type=int, required=True)
        if name in ("read", "innocent"):
            q.add_argument("--log", required=True, help="marked answers, JSON lines")
        if name == "innocent":
            q.add_argument("--copy", type=int, default=0, help="ids of the window that it copies by; 0: it copies nothing of itself")
        if name == "read":
            q.add_argument("--lists", type=int, default=64, help="ids a position")
        if name == "pack":
            q.add_argument("--out", required=True)
        if name == "train":
            q.add_argument("--data", required=True, help="a pool")
            q.add_argument("--use", type=int, default=400_000, help="tokens of answers")
            q.add_argument("--epochs", type=int, default=3)
            q.add_argument("--start", help="the model that is trained further")
            q.add_argument("--marked", help="marked answers, JSON lines")
            q.add_argument("--share", type=float, default=0, help="percent of the answers that are marked")
            q.add_argument("--rate", type=float, default=2e-3)
            q.add_argument("--rows", type=int, default=8, help="rows a batch")
        if name == "answers":
            q.add_argument("--lists", type=int, default=0, help="tokens with lists")
            q.add_argument("--prompts-seed", type=int, default=1000)
    args = p.parse_args()
    torch.set_num_threads(1)
    args.run(args)


if __name__ == "__main__":
    main()
