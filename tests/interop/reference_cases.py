#!/usr/bin/python3
"""Random cases scored by the second implementation, one JSON object a line, for tests/verify/reference_test.cc.

usage: reference_cases.py FOLDER_OF_verdigris_ref.py COUNT SEED

A case: scheme object, three keys, ids of one text (small alphabets, so that windows repeat; special ids and ids at or
above the vocabulary occur), and what the reference says of each layer under both rules.
"""
import json, random, sys
sys.path.insert(0, sys.argv[1])
import verdigris_ref as ref

rng = random.Random(int(sys.argv[3]))
for _ in range(int(sys.argv[2])):
    planes = rng.randint(1, 8)
    vocab = rng.choice([5, 100, 127, 128, 129, 512, 32000, 50257, 128256, 262144])
    scheme = {"scheme": "green", "prf": ref.PRF, "normaliser": "none/1", "tokenizer_sha256": rng.randbytes(32).hex(),
              "unmarked_ids": rng.choice([[], [[0, 2]], [[1, 1], [3, 3]]]), "window": rng.randint(1, 8), "vocab": vocab,
              "provider_share": rng.choice([0, 1, 64, 128, 200, 255, 256]), "planes": planes,
              "threshold": rng.randint(1, 2 ** planes - 1)}
    keys = {role: rng.randbytes(32) for role in ("provider", "selector", "account")}
    alphabet = [rng.randrange(vocab) for _ in range(rng.choice([2, 4, 30]))]
    if rng.random() < .2:
        alphabet.append(rng.choice([vocab, vocab + 1, 2 ** 24 - 1]))
    ids = [rng.choice(alphabet) for _ in range(rng.randint(0, 36))]
    rows = []
    for rule in ("tuple", "first"):
        for layer in ("provider", "account"):
            n, s = ref.detect(scheme, layer, keys[layer], keys["selector"], [ids], rule)
            rows.append({"rule": rule, "layer": layer, "n": n, "s": s, "log10_p": ref.tail(scheme, n, s)})
    print(json.dumps({"scheme": scheme, "keys": {k: v.hex() for k, v in keys.items()}, "ids": ids, "rows": rows}))
