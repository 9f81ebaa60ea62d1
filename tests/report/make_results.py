#!/usr/bin/env python3
"""Makes the four result files of a corpus (corpus.md C13) for tests and pictures: m documents, of them some marked.

usage: make_results.py OUT [--documents M] [--marked N] [--tests K] [--hostile] [--groups N] [--errors N] [--long-names]
"""

import argparse
import hashlib
import json
import math
import pathlib
import random

HOSTILE = ["<script>alert(1)</script>.txt", "a\nb.txt", "\u001b]0;title\u0007.txt", "=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\tTAB", "\rCR",
           "../../etc/passwd", "\u202egnp.exe", "\"quoted\", 'name' & <b>", "javascript:alert(1)", "%00.txt", "]]>--><style>*{display:none}</style>", "\u0000nul",
           "\u2028separator", "אבג.txt", "a" * 1000]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--marked", type=int, default=120)
    parser.add_argument("--tests", type=int, default=1)
    parser.add_argument("--groups", type=int, default=8)
    parser.add_argument("--errors", type=int, default=5)
    parser.add_argument("--hostile", action="store_true", help="names that a page, a terminal or a spreadsheet could obey")
    parser.add_argument("--long-names", action="store_true", help="names of 1,024 bytes that grow when they are escaped")
    arguments = parser.parse_args()
    rng = random.Random(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    tau, alpha = -3.0, -2.0
    m = arguments.documents
    names = [f"cc/part-{i:05d}.jsonl.zst" for i in range(40)]
    tests, rows = [], []
    for test in range(arguments.tests):
        kid = hashlib.sha256(b"kid %d" % test).hexdigest()[:16]
        histogram, uniform = [0] * 300, [0] * 20
        p_values = [rng.random() for _ in range(m - arguments.marked)]
        small = sorted(math.log10(p) for p in p_values if p <= 1e-3)
        for p in p_values:
            uniform[min(19, math.ceil(p * 20) - 1)] += 1
            if p > 1e-3:
                histogram[min(299, int(-math.log10(p) * 100))] += 1
        logs = sorted([-abs(rng.gauss(14, 6)) - 3 for _ in range(arguments.marked)] + small)
        uniform[0] += arguments.marked
        found = 0
        for i, p in enumerate(logs):
            if p <= alpha + math.log10((i + 1) / m):
                found = i + 1
        for i, p in enumerate(logs):
            q = min(p - math.log10((j + 1) / m) for j, p in list(enumerate(logs))[i:i + 1])
            number = len(rows)
            name = rng.choice(names)
            if arguments.hostile:
                name = HOSTILE[number % len(HOSTILE)]
            if arguments.long_names:
                name = ("\"'<>&" * 205)[:1020] + str(number % 1000)
            n = rng.randint(60, 900)
            document = b"%d %d" % (test, i if i % 5 else i - i % 10)
            rows.append({"schema": "verdigris.document/1", "uri": name, "segment": rng.randint(0, 30), "offset": rng.randint(0, 60_000_000), "length": n * 5,
                         "ordinal": number, "part": 0, "test": test, "id": HOSTILE[(number + 3) % len(HOSTILE)] if arguments.hostile else f"doc-{number}",
                         "group": HOSTILE[number % len(HOSTILE)] if arguments.hostile else rng.choice(["example.org", "news.example.net", "forum.example.com"]),
                         "kids": [kid], "variant": "as-is", "text": hashlib.sha256(document).hexdigest()[:32], "n": n, "s": str(int(n * .45)),
                         "counts": {"tokens": n + 20, "short": 2, "special": 8, "repeated": 10, "duplicate": 0, "scored": n, "other_layer": 0},
                         "spans": [[10, n, 40, n * 5 - 3]] if p < -8 else [], "log10_p": p, "log10_e": -p * .8 - 1.5,
                         **({"log10_q": min(0.0, q)} if i < found else {}), "finding": int(i < found), "baseline": int(i < found and i % 7 == 3)})
        own = rows[-len(logs):] if logs else []
        lengths = [0] * 6 + [int(m * share) for share in (.16, .24, .27, .19, .09, .05)]
        tests.append({"kids": [kid], "variant": "as-is", "m": m, "rows": len(own), "findings": found, "baseline": sum(row["baseline"] for row in own),
                      "distinct_texts": len({row["text"] for row in own if row["finding"]}), "histogram": histogram, "uniform": uniform, "lengths": lengths,
                      "power": {"length": 431, "effect": .394, "log10_alpha": -4.9, "power": .953, "tokens_needed": 381}})
    rows.sort(key=lambda row: (row["uri"].encode(), row["segment"], row["ordinal"], row["part"], row["test"]))
    groups = [{"schema": "verdigris.group/1", "name": HOSTILE[i % len(HOSTILE)] if arguments.hostile else f"site-{i}.example.org", "test": 0, "n": 40_000 + i, "s": str(10_000 + 97 * i),
               "full": int(i % 3 == 0), "sample_log2": 6 if i % 2 else 0, "inflation": 1 + rng.random(), "documents": rng.randint(3, 4000), "log10_p": -12.5 / (i + 1),
               "finding": int(i < 2)} for i in range(arguments.groups)]
    codes = ["corrupt", "json", "too_long", "no_text", "bomb"]
    errors = [{"uri": HOSTILE[i % len(HOSTILE)] if arguments.hostile else names[i % 40], "code": codes[i % 5], **({"segment": 1, "offset": 1000 * i, "ordinal": i} if i % 5 else {})}
              for i in range(arguments.errors)]
    counted = {code: sum(error["code"] == code for error in errors) for code in codes}
    summary = {"schema": "verdigris.corpus/1", "run": hashlib.sha256(b"run").hexdigest(), "root": hashlib.sha256(b"root").hexdigest(),
               "profile": hashlib.sha256(b"profile").hexdigest(), "scheme": "green", "alpha_log10": alpha, "tau_log10": tau, "control": "bh", "units": 1690, "partial": 0,
               "counts": {"documents": m + 3100 + len(errors), "failed": len(errors), "tested": m, "untested": 3100, "text_bytes": m * 3500, "tokens": m * 800},
               "errors": {code: count for code, count in counted.items() if count}, "groups": len(groups), "group_findings": min(2, len(groups)), "tests": tests}
    for name, lines in (("results", rows), ("groups", groups), ("errors", errors)):
        with open(arguments.out / f"{name}.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n" for line in lines)
    (arguments.out / "summary.json").write_text(json.dumps(summary, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
