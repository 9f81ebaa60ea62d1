"""What the tests of corpora share: keys, a corpus of several formats, and the command line over it."""

import base64
import csv
import gzip
import json
import os
import pathlib
import random
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ["VERDIGRIS_TOOL"]
OPTIONS = ["--unit-bytes", "8K", "--group-by", "field:site", "--min-scored", "20"]


def run_tool(*arguments, status=0, **options):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, **options)
    if done.returncode != status:
        raise AssertionError(f"verdigris {arguments[0]} ended with {done.returncode}, not {status}: {done.stderr}")
    return done


def make_keys(folder):
    """p.json, k.key and other.key, of another epoch, and the tokenizer they go with, t.model."""
    shutil.copy(SOURCE / "datasets" / "pocket_lm" / "tokenizer.model", folder / "t.model")
    shutil.copy(SOURCE / "tests" / "cli" / "data" / "master.key", folder / "master.key")
    (folder / "master.key").chmod(0o600)
    run_tool("profile", "new", "--scheme", "green", "--tokenizer", folder / "t.model", "--delta", "4", "-o", folder / "p.json")
    for name, epoch in (("k.key", 1), ("other.key", 2)):
        run_tool("derive", "--from", folder / "master.key", "--profile", folder / "p.json", "--epoch", epoch, "--role", "provider",
                 "-o", folder / name)


def marked_texts(folder, count):
    return [run_tool("generate", "--profile", folder / "p.json", "--key", folder / "k.key", "--seed", seed, "--max-tokens", 150,
                     "--prompt", "Once upon a time").stdout for seed in range(count)]


def texts(folder, count, marked=3, seed=1):
    """(id, site, text): prose of known words, and some that the pocket model marked."""
    words = (SOURCE / "tests" / "data" / "tiny_corpus.txt").read_text().split()
    draw = random.Random(seed)
    rows = [(f"d{i:05}", f"site{i % 5}", " ".join(draw.choices(words, k=draw.randrange(1, 200)))) for i in range(count - marked)]
    rows += [(f"m{i:05}", "site1", text) for i, text in enumerate(marked_texts(folder, marked))]
    draw.shuffle(rows)
    return rows


def json_lines(rows):
    return "".join(json.dumps({"id": id, "site": site, "text": text}) + "\n" for id, site, text in rows)


def write_corpus(folder, rows):
    """The rows in four files: JSON lines that can be sought, the same compressed, CSV, and one that is damaged."""
    folder.mkdir()
    third = len(rows) // 3
    (folder / "a.jsonl").write_text(json_lines(rows[:third]) + "{not json\n")
    with gzip.open(folder / "b.jsonl.gz", "wt") as file:
        file.write(json_lines(rows[third:2 * third]))
    with open(folder / "c.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "site", "text"), *rows[2 * third:]])
    (folder / "d.jsonl.gz").write_bytes(gzip.compress(json_lines(rows[:20]).encode())[:-30])


def scan(folder, run, *arguments, key="k.key", status=0):
    """A scan of folder/corpus into folder/run."""
    return run_tool("scan", "--profile", folder / "p.json", "--key", folder / key, "--tokenizer", folder / "t.model", "-o", folder / run,
                    "--base", folder, *OPTIONS, *arguments, folder / "corpus", status=status)


def unit_files(run):
    return {path.stem: path.read_bytes() for path in (run / "done").rglob("*.unit")}


def write_rows(path, rows):
    path.write_text("".join(json.dumps({"unit_id": unit_id, "body": base64.b64encode(body).decode()}) + "\n" for unit_id, body in rows))


def results(folder):
    """The result files, which are byte-identical whoever did the work."""
    return {name: (folder / name).read_bytes() for name in ("results.jsonl", "groups.jsonl", "errors.jsonl", "summary.json")}


def secrets(folder):
    """The bytes of the keys in every form in which they could leak."""
    forms = []
    for path in folder.glob("*.key"):
        key = base64.b64decode(next(line for line in path.read_text().splitlines() if line.startswith("key: ")).removeprefix("key: "))
        forms += [key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key).rstrip(b"=")]
    return forms
