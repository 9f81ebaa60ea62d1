#!/usr/bin/env python3
"""Measure a finished pocket model: validation loss, entropy of its own samples, and the samples themselves.

Uses the stored float16 weights, cast to float32. Samples start at BOS, at --temperature without truncation, and
end at EOS or after --length tokens; the entropy is that of the distribution sampled from, averaged over every sampled
position, EOS included.

    python measure.py --model pocket_lm --work WORK --tokens 20000
"""

import argparse
import math
import os

import sentencepiece
import torch
from safetensors.torch import load_file

from train import BOS, EOS, CONFIG, Corpus, Llama, validation


def load(folder):
    model = Llama()
    weights = load_file(os.path.join(folder, "model.safetensors"))
    model.load_state_dict({name.removeprefix("model."): w.float() for name, w in weights.items()})
    return model.eval()


@torch.no_grad()
def sample(model, batch, length, seed, temperature=1.0):
    """Returns id lists without BOS, and for each the entropy in bits at every sampled position."""
    generator = torch.Generator().manual_seed(seed)
    past = [[] for _ in range(CONFIG["num_hidden_layers"])]
    ids = torch.full((batch, 1), BOS)
    rows, bits, open_rows = [[] for _ in range(batch)], [[] for _ in range(batch)], set(range(batch))
    for _ in range(length):
        logp = (model(ids, past)[:, -1].double() / temperature).log_softmax(-1)
        p = logp.exp()
        entropy = -(p * logp).sum(-1) / math.log(2)
        ids = torch.multinomial(p, 1, generator=generator)
        for i in sorted(open_rows):
            rows[i].append(int(ids[i]))
            bits[i].append(float(entropy[i]))
            if rows[i][-1] == EOS:
                open_rows.discard(i)
        if not open_rows:
            break
    return rows, bits


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="folder with model.safetensors and tokenizer.model")
    p.add_argument("--work", help="folder with corpus.npz; without it no validation loss")
    p.add_argument("--tokens", type=int, default=20000, help="sample at least this many")
    p.add_argument("--length", type=int, default=500)
    p.add_argument("--temperature", type=float, default=1.0)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--show", type=int, default=4, help="print this many samples")
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(1)

    model = load(args.model)
    sp = sentencepiece.SentencePieceProcessor(model_file=os.path.join(args.model, "tokenizer.model"))
    if args.work:
        for kind, v in validation(
            model, Corpus(os.path.join(args.work, "corpus.npz")), CONFIG["max_position_embeddings"]
        ).items():
            print(f"{kind}: {v['nats']:.3f} nats a token, {v['bits_per_byte']:.3f} bits a byte, {v['tokens']} tokens")
    rows, bits, seed = [], [], args.seed
    while sum(map(len, bits)) < args.tokens:
        more_rows, more_bits = sample(model, args.batch, args.length, seed, args.temperature)
        rows, bits, seed = rows + more_rows, bits + more_bits, seed + 1
    every = torch.tensor([b for row in bits for b in row])
    low = 100 * (every < 0.5).double().mean()
    ended = sum(row[-1] == EOS for row in rows)
    print(
        f"entropy: {every.mean():.2f} bits over {len(every)} tokens, median {every.median():.2f}, "
        f"{low:.0f} % below 0.5 bit"
    )
    print(f"samples: {len(rows)}, {ended} ended, {len(every) / len(rows):.0f} tokens each")
    for row in rows[: args.show]:
        print("---\n" + sp.decode([t for t in row if t != EOS]))


if __name__ == "__main__":
    main()
