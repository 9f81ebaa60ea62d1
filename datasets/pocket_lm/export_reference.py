#!/usr/bin/env python3
"""Write reference_logits.json: what the stored weights must yield, for tests that have no torch.

The numbers come from transformers' LlamaForCausalLM with the float16 weights cast to float32; the model of train.py
must agree. Each case has the ids (BOS first), the text where the ids were made from one (for tests of the tokenizer),
and for some positions the next-token row after ids[0..position]: some raw logits, the id of the largest, and
log(sum(exp(row))).

    python export_reference.py --model pocket_lm
"""

import argparse
import json
import os

import numpy as np
import sentencepiece
import torch
from transformers import LlamaForCausalLM

from measure import load, sample
from train import BOS, EOS

BOTCHAN = (
    "Because of an hereditary recklessness, I have been playing always a losing game since my childhood. "
    "During my grammar school days, I was once laid up for about a week by jumping from the second story "
    "of the school building. Some may ask why I committed such a rash act. There was no particular reason "
    "for doing such a thing except I happened to be looking out into the yard from the second floor of "
    'the newly-built school house, when one of my classmates, joking, shouted at me; "Say, you big bluff, '
    "I'll bet you can't jump down from there! O, you chicken-heart, ha, ha!\" So I jumped down. The "
    "janitor of the school had to carry me home on his back, and when my father saw me, he yelled "
    'derisively, "What a fellow you are to go and get your bones dislocated by jumping only from a second '
    'story!"\n'
    "\"I'll see I don't get dislocated next time,\" I answered.\n"
    "One of my relatives once presented me with a pen-knife. I was showing it to my friends, reflecting "
    "its pretty blades against the rays of the sun, when one of them chimed in that the blades gleamed "
    "all right, but seemed rather dull for cutting with."
)
STORY = "Once upon a time, there was a little girl named Lily."
ODD = "  Zwölf  Türen:\t3.14159 × 10⁻⁷\n\n漢字 🙂 end "
SAMPLE_SEED, SAMPLE_LENGTH = 7, 120


def positions(length):
    return sorted({0, 1, length // 8, length // 3, 2 * length // 3, length - 1})


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="folder of the model; the file is written there")
    args = p.parse_args()
    torch.set_num_threads(1)

    sp = sentencepiece.SentencePieceProcessor(model_file=os.path.join(args.model, "tokenizer.model"))
    reference = LlamaForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    own = load(args.model)

    sampled, _ = sample(own, 16, SAMPLE_LENGTH, SAMPLE_SEED)
    sampled = next(row for row in sampled if len(row) == SAMPLE_LENGTH and EOS not in row)
    cases = [
        {"name": name, "text": text, "ids": [BOS] + sp.encode(text)}
        for name, text in (("botchan", BOTCHAN), ("story", STORY), ("odd", ODD))
    ]
    cases.append({"name": "sample", "ids": [BOS] + sampled})
    for case in cases:
        if "text" in case:
            assert sp.decode(case["ids"]) == case["text"]
        ids = torch.tensor([case["ids"]])
        with torch.no_grad():
            rows = reference(ids).logits[0].float()
            gap = (rows - own(ids)[0]).abs().max().item()
        print(f"{case['name']}: {len(case['ids'])} ids, largest difference between the two models {gap:.2g}")
        assert gap < 1e-3
        case["rows"] = []
        for position in positions(len(case["ids"])):
            row = rows[position].numpy()
            chosen = sorted(set(range(0, len(row), len(row) // 55)) | set(np.argsort(row)[-8:].tolist()))
            case["rows"].append(
                {
                    "position": position,
                    "argmax": int(row.argmax()),
                    "logsumexp": float(np.logaddexp.reduce(row.astype(np.float64))),
                    "logits": [[i, float(str(row[i]))] for i in chosen],
                }
            )
    with open(os.path.join(args.model, "reference_logits.json"), "w", encoding="utf-8") as f:
        head = ",\n".join("  " + json.dumps(case) for case in cases)
        f.write('{"weights": "float16 cast to float32", "arithmetic": "float32", "cases": [\n' + head + "\n]}\n")


if __name__ == "__main__":
    main()
