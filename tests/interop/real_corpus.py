#!/usr/bin/env python3
"""A real corpus end to end: human text of many kinds with marked answers, each some 450 tokens, of three of a hundred accounts planted in it, scanned in
shards, merged, reported. What was planted must be found under its own key, and nothing else.

usage: real_corpus.py --tool VERDIGRIS --root SOURCE --text FOLDER

Skipped (exit 77) where the folder is absent.

False alarm: 1e-7. Benjamini-Hochberg at level .01 with R findings rejects p <= .01 R / m, so of m true nulls 1.5 are expected among the
R = 150 that planted answers can give; with the keys random and documents apart their number is Poisson at most, and above 12 with a
chance of 6e-9, and to spare for documents that share text.
"""

import argparse
import gzip
import json
import pathlib
import random
import subprocess
import sys
import tempfile

SKIPPED = 77
ACCOUNTS = 100
PLANTED = {"a003": 25, "a050": 20, "a099": 15}  # answers of an account
INSIDE = 10  # of each: between human text
MOST_FALSE = 12


def texts_of(value):
    if isinstance(value, str):
        if len(value) >= 400:
            yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_of(part)


def human_texts(folder):
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                yield from texts_of(json.loads(line))
        elif path.suffix == ".json":
            yield from texts_of(json.loads(path.read_text(encoding="utf-8")))
        elif path.suffix == ".txt":
            text = path.read_text(encoding="utf-8", errors="replace")
            for start in range(0, len(text), 3500):
                yield text[start:start + 3500]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, type=pathlib.Path)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--text", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    if not arguments.text.is_dir():
        print(f"skipped: {arguments.text} is not there")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="verdigris-corpus-") as folder:
        return check(arguments.tool.resolve(), arguments.root.resolve(), arguments.text.resolve(), pathlib.Path(folder))


def check(tool, root, text, folder):
    def verdigris(*words):
        done = subprocess.run([str(tool), *map(str, words)], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"verdigris {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    verdigris("keygen", "-o", "master.key")
    verdigris("profile", "new", "--tokenizer", root / "datasets/pocket_lm/tokenizer.model", "--account-share", 0.5, "-o", "p.json")
    derive = ("derive", "--from", "master.key", "--profile", "p.json", "--epoch", 1)
    for role in ("provider", "selector"):
        verdigris(*derive, "--role", role, "-o", f"{role}.key")
    labels = [f"a{i:03}" for i in range(ACCOUNTS)]
    for label in labels:
        verdigris(*derive, "--account", label, "-o", f"{label}.key")

    rng = random.Random(1)
    human = [{"id": f"human-{i}", "text": document} for i, document in enumerate(human_texts(text))]
    documents = list(human)
    planted = {}
    for label, answers in PLANTED.items():
        for i in range(answers):
            answer = ""
            while len(answer) < 1800:  # some 450 tokens; where a story ends before, the next one follows
                answer += verdigris("generate", "--profile", "p.json", "--key", "provider.key", "--key", "selector.key", "--key", f"{label}.key",
                                   "--prompt", rng.choice(["Once upon a time", "One day, a", "The little girl"]), "--max-tokens", 600, "--seed", rng.getrandbits(31))
            if i < INSIDE:
                around = rng.choice(human)["text"]
                answer = around[:1000] + "\n" + answer + "\n" + around[1000:2000]
            planted[f"{label}-{i}"] = label
            documents.append({"id": f"{label}-{i}", "text": answer})
    rng.shuffle(documents)
    (folder / "corpus").mkdir()
    files = 12
    for number in range(files):
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in documents[number::files]).encode()
        path = folder / "corpus" / f"part-{number:02}.jsonl{'.gz' if number % 2 else ''}"
        path.write_bytes(gzip.compress(rows, mtime=0) if number % 2 else rows)

    keys = [word for label in ["provider", "selector", *labels] for word in ("--key", f"{label}.key")]
    scan = ("scan", "--profile", "p.json", *keys, "--control", "bh", "--alpha", 0.01)
    shards = list(range(5))
    rng.shuffle(shards)
    for shard in shards:
        verdigris(*scan, "-o", f"shard{shard}", "--shard", f"{shard}/5", "corpus")
    verdigris("merge", *(f"shard{shard}" for shard in shards), "shard2", "-o", "merged")
    verdigris(*scan, "-o", "whole", "corpus")
    for name in ("results.jsonl", "groups.jsonl", "errors.jsonl", "summary.json"):
        assert (folder / "merged" / name).read_bytes() == (folder / "whole" / name).read_bytes(), f"{name}: shards and the whole differ"
    verdigris("report", "merged", "-o", "report.html")
    assert (folder / "report.html").stat().st_size < 5 << 20

    summary = json.loads((folder / "merged/summary.json").read_text())
    kids = {dict(line.split(": ", 1) for line in (folder / f"{label}.key").read_text().splitlines()[1:])["kid"]: label for label in ["provider", *labels]}
    m = sum(test["m"] for test in summary["tests"])
    by_account, by_provider, false = set(), set(), []
    below_tau = 0
    for row in map(json.loads, (folder / "merged/results.jsonl").read_text(encoding="utf-8").splitlines()):
        below_tau += row["id"] not in planted
        if not row["finding"]:
            continue
        label = kids[row["kids"][0]]
        if row["id"] in planted and label in (planted[row["id"]], "provider"):
            (by_provider if label == "provider" else by_account).add(row["id"])
        else:
            false.append((row["id"], label, row["log10_p"]))
    findings = len(by_account) + len(by_provider) + len(false)
    print(f"{len(documents)} documents, {summary['counts']['tokens']} tokens, {len(summary['tests'])} tests each, m {m}; {len(planted)} planted: "
          f"{len(by_account)} found under the account's key, {len(by_provider)} under the provider's; {len(false)} of {findings} findings false {false}; "
          f"{below_tau} p of human text below .001 (at most {m / 1000:.0f} expected)")
    assert len(by_account) >= 0.9 * len(planted), "planted answers are found under their account's key"
    assert len(by_provider) >= 0.9 * len(planted), "and under the provider's"
    assert findings <= 150 and len(false) <= MOST_FALSE, "the false discovery rate holds"
    return 0


if __name__ == "__main__":
    sys.exit(main())
