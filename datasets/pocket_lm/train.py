#!/usr/bin/env python3
"""Train the pocket model, a small Llama, on one thread, and export it in the Hugging Face layout.

Third step of the pocket model. Reads WORK/corpus.npz and WORK/tokenizer.model (make_corpus.py). Documents are packed
into rows of 512 tokens, BOS before each and EOS after each; the next document is prose whenever less than
--prose-share of the tokens so far was prose, else a story, and each kind is shuffled anew in every epoch. AdamW; the
learning rate warms up, then follows a half cosine. The schedule runs over training seconds, so that a run ends on
time on a machine of any speed.

Resumable: WORK/checkpoint.pt is rewritten every --save-minutes and taken up by the next call. The folder --out
receives model.safetensors (float16, tied embedding stored once), config.json, generation_config.json, tokenizer.model
and tokenizer_config.json after --early-minutes and again at the end.

    python train.py --work WORK --out pocket_lm --minutes 55
"""

import argparse
import json
import math
import os
import shutil
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

BOS, EOS = 1, 2
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 352,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 5,
    "num_key_value_heads": 4,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "float16",
    "use_cache": True,
    "vocab_size": 4096,
}


class RmsNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, CONFIG["rms_norm_eps"])


def rotation(length):
    """cos and sin, each (length, head_dim), in the rotate-half convention."""
    half = CONFIG["head_dim"] // 2
    frequency = CONFIG["rope_theta"] ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = torch.arange(length, dtype=torch.float32)[:, None] * frequency
    angle = torch.cat((angle, angle), -1)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        size = CONFIG["hidden_size"]
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(size, size, bias=False))

    def forward(self, x, cos, sin, past=None):
        batch, length, size = x.shape
        split = (batch, length, CONFIG["num_attention_heads"], CONFIG["head_dim"])
        q = rotate(self.q_proj(x).view(split).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(x).view(split).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(split).transpose(1, 2)
        if past is not None:
            if past:
                k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
            past[:] = [k, v]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, size))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        size, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
        self.gate_proj = nn.Linear(size, inner, bias=False)
        self.up_proj = nn.Linear(size, inner, bias=False)
        self.down_proj = nn.Linear(inner, size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = RmsNorm(CONFIG["hidden_size"])
        self.self_attn = Attention()
        self.post_attention_layernorm = RmsNorm(CONFIG["hidden_size"])
        self.mlp = Mlp()

    def forward(self, x, cos, sin, past=None):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, past)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """Parameter names are those of LlamaForCausalLM without the leading "model."."""

    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(CONFIG["vocab_size"], CONFIG["hidden_size"])
        self.layers = nn.ModuleList(Layer() for _ in range(CONFIG["num_hidden_layers"]))
        self.norm = RmsNorm(CONFIG["hidden_size"])
        cos, sin = rotation(CONFIG["max_position_embeddings"])
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * CONFIG["num_hidden_layers"]) if residual else 0.02)

    def hidden(self, ids, past=None):
        """past, when given, is a list of one list a layer: the cached keys and values."""
        start = past[0][0].shape[2] if past and past[0] else 0
        cos, sin = self.cos[start : start + ids.shape[1]], self.sin[start : start + ids.shape[1]]
        x = self.embed_tokens(ids)
        for i, layer in enumerate(self.layers):
            x = layer(x, cos, sin, past[i] if past is not None else None)
        return self.norm(x)

    def forward(self, ids, past=None):
        return F.linear(self.hidden(ids, past), self.embed_tokens.weight)


def save_folder(model, work, out):
    from safetensors.torch import save_file

    os.makedirs(out, exist_ok=True)
    weights = {"model." + name: p.detach().to(torch.float16).contiguous() for name, p in model.state_dict().items()}
    part = os.path.join(out, "model.safetensors.part")
    save_file(weights, part, metadata={"format": "pt"})
    os.chmod(part, 0o644)
    os.replace(part, os.path.join(out, "model.safetensors"))
    shutil.copyfile(os.path.join(work, "tokenizer.model"), os.path.join(out, "tokenizer.model"))
    for name, value in (
        ("config.json", CONFIG),
        (
            "generation_config.json",
            {"bos_token_id": BOS, "do_sample": True, "eos_token_id": EOS, "temperature": 1.0, "top_k": 0},
        ),
        (
            "tokenizer_config.json",
            {
                "add_bos_token": True,
                "add_eos_token": False,
                "bos_token": "<s>",
                "clean_up_tokenization_spaces": False,
                "eos_token": "</s>",
                "legacy": True,
                "model_max_length": CONFIG["max_position_embeddings"],
                "tokenizer_class": "LlamaTokenizer",
                "unk_token": "<unk>",
            },
        ),
    ):
        with open(os.path.join(out, name), "w", encoding="utf-8") as f:
            json.dump(value, f, indent=2, sort_keys=True)
            f.write("\n")


class Corpus:
    def __init__(self, path):
        self.arrays = dict(np.load(path))

    def documents(self, name):
        ids, ends = self.arrays[name + "_ids"], self.arrays[name + "_ends"]
        return [ids[a:b] for a, b in zip(np.concatenate(([0], ends[:-1])), ends)]

    def bytes(self, name):
        return int(self.arrays[name + "_bytes"])


def training_rows(corpus, share, seed, length):
    """Endless rows of length + 1 tokens; consecutive rows share one token."""
    kinds = {}
    for number, kind in enumerate(("story", "prose")):
        documents = corpus.documents(kind + "_train")
        kinds[kind] = (documents, np.random.default_rng((seed, number)), [])
    prose = total = 0
    tail = np.zeros(0, dtype=np.int64)
    while True:
        kind = "prose" if prose < share * total else "story"
        documents, generator, order = kinds[kind]
        if not order:
            order.extend(generator.permutation(len(documents)))
        document = documents[order.pop()]
        tail = np.concatenate((tail, [BOS], document.astype(np.int64), [EOS]))
        total += len(document) + 2
        prose += (len(document) + 2) * (kind == "prose")
        while len(tail) > length:
            yield tail[: length + 1]
            tail = tail[length:]


@torch.no_grad()
def validation(model, corpus, length):
    """Nats a token and bits a byte for story and prose; each document alone, cut into pieces of the context length."""
    result = {}
    for kind in ("story", "prose"):
        nats = tokens = 0
        for document in corpus.documents(kind + "_valid"):
            ids = torch.from_numpy(np.concatenate(([BOS], document.astype(np.int64), [EOS])))
            for at in range(0, len(ids) - 1, length):
                piece = ids[at : at + length + 1]
                logits = model(piece[None, :-1])[0]
                nats += F.cross_entropy(logits, piece[1:], reduction="sum").item()
                tokens += len(piece) - 1
        result[kind] = {
            "nats": nats / tokens,
            "bits_per_byte": nats / math.log(2) / corpus.bytes(kind + "_valid"),
            "tokens": tokens,
        }
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "--work", required=True, help="folder with corpus.npz and tokenizer.model; holds the checkpoint and the log"
    )
    p.add_argument("--out", required=True, help="folder that receives the model")
    p.add_argument("--minutes", type=float, default=58, help="training time in all, validation included")
    p.add_argument("--early-minutes", type=float, default=10)
    p.add_argument("--save-minutes", type=float, default=3)
    p.add_argument(
        "--short-until",
        type=float,
        default=0.65,
        help="share of the time in which rows are cut in two halves, for speed",
    )
    p.add_argument("--rows", type=int, default=4, help="rows of 512 tokens in a batch")
    p.add_argument("--rate", type=float, default=2.5e-3, help="peak learning rate")
    p.add_argument("--prose-share", type=float, default=0.3)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    length = CONFIG["max_position_embeddings"]
    corpus = Corpus(os.path.join(args.work, "corpus.npz"))
    model = Llama()
    matrices = [q for q in model.parameters() if q.dim() == 2]
    vectors = [q for q in model.parameters() if q.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=args.rate, betas=(0.9, 0.98), fused=True,
    )  # fmt: skip
    print(f"{sum(q.numel() for q in model.parameters())} parameters", flush=True)
    rows = training_rows(corpus, args.prose_share, args.seed, length)
    step, seconds, early = 0, 0.0, False
    checkpoint = os.path.join(args.work, "checkpoint.pt")
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds, early = state["step"], state["seconds"], state["early"]
        for _ in range(step * args.rows):
            next(rows)

    def save():
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": seconds,
                "early": early,
            },
            checkpoint + ".part",
        )
        os.replace(checkpoint + ".part", checkpoint)

    def report():
        model.eval()
        result = validation(model, corpus, length)
        model.train()
        line = {
            "step": step,
            "tokens": step * args.rows * length,
            "seconds": round(seconds),
            "train": running,
            "valid": result,
        }
        print(json.dumps(line), flush=True)
        with open(os.path.join(args.work, "log.jsonl"), "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")

    budget, warmup = 60 * args.minutes, 100
    running, saved = None, seconds
    while seconds < budget:
        began = time.time()
        rate = (
            args.rate * min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * seconds / budget)))
        )
        for g in optimizer.param_groups:
            g["lr"] = rate
        batch = torch.from_numpy(np.stack([next(rows) for _ in range(args.rows)]))
        inputs = batch[:, :-1].reshape(-1, length // 2 if seconds < args.short_until * budget else length)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if step % 50 == 0:
            print(
                f"step {step} loss {running:.3f} rate {rate:.5f} {inputs.numel() / (time.time() - began):.0f} tokens/s",
                flush=True,
            )
        seconds += time.time() - began
        if seconds - saved > 60 * args.save_minutes:
            began, saved = time.time(), seconds
            report()
            if not early and seconds > 60 * args.early_minutes:
                early = True
                save_folder(model, args.work, args.out)
                print("early export", flush=True)
            save()
            seconds += time.time() - began
    report()
    save()
    save_folder(model, args.work, args.out)
    print("final export", flush=True)


if __name__ == "__main__":
    main()
