#!/usr/bin/env python3
"""A corpus of 200 MB in nine domains, divided in every way (corpus.md K3), and streams that do not fit into memory (K13).

usage: large_corpus.py --tool VERDIGRIS --root ROOT [--megabytes 200] [--gigabytes .5 1.5]

Same root and byte-identical result files from 1, 2 and 7 threads, from 1, 7 and 64 shards in any order and some twice, and from a list
on standard input; one file through standard input gives the same rows but for their place. Peak memory of the streams, under a limit
of address space, within 5 % of each other.
"""

import argparse
import gzip
import json
import os
import pathlib
import random
import resource
import subprocess
import tempfile

FILES = ("results.jsonl", "groups.jsonl", "errors.jsonl", "summary.json")
DOMAINS = 9
ADDRESS_SPACE = 2 << 30


def documents(domain, seed, size):
    """JSON lines of one domain, some of them copies: words of its own, drawn as in text, the frequent ones often."""
    rng = random.Random(f"{domain} {seed}")
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    own = random.Random(domain)
    words = ["".join(own.choices(letters, weights=range(26, 0, -1), k=own.randint(1, 9))) for _ in range(20000)]
    written, number, before = 0, 0, ""
    while written < size:
        text = before if before and rng.random() < .05 else " ".join(words[int(20000 ** rng.random()) - 1] for _ in range(rng.choice((20, 300, 600, 2000))))
        line = json.dumps({"id": f"{domain}-{number}", "text": text, "url": f"https://{domain}.example/{number}"}) + "\n"
        before, number, written = text, number + 1, written + len(line)
        yield line


class Tool:
    def __init__(self, tool, root, folder):
        self.tool, self.folder = tool, folder
        for name in "master", "plain-provider":
            (folder / name).write_bytes((root / f"tests/cli/data/{name}.key").read_bytes())
            (folder / name).chmod(0o600)
        self.model = root / "tests/data/tiny_bpe.model"
        self("profile", "new", "--tokenizer", self.model, "-o", "p.json")
        self("derive", "--from", "master", "--profile", "p.json", "--epoch", "1", "--role", "provider", "-o", "k.key")

    def __call__(self, *words, statuses=(0,), **more):
        done = subprocess.run([self.tool, *map(str, words)], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)
        assert done.returncode in statuses, (words, done.returncode, done.stderr)

    def scan_words(self, run, *words):
        return ("scan", "--profile", "p.json", "--key", "k.key", "--tokenizer", self.model, "--unit-bytes", "4M", "-o", run, *words)

    def scan(self, run, *words, **more):
        # One record is no JSON, which the scan of its input says with status 3.
        self(*self.scan_words(run, "--group-by", "host", *words), statuses=(0, 3), **more)

    def same(self, a, b):
        for file in FILES:
            assert (self.folder / a / file).read_bytes() == (self.folder / b / file).read_bytes(), (a, b, file)


def divide(tool, megabytes):
    corpus = tool.folder / "corpus"
    corpus.mkdir()
    for i in range(DOMAINS):
        open_as, name = (gzip.open, f"{i}.jsonl.gz") if i % 3 == 2 else (open, f"{i}.jsonl")
        with open_as(corpus / name, "wt") as out:
            out.writelines(documents(f"d{i}", 1, megabytes * 1_000_000 // DOMAINS))
            if i == 4:
                out.write("no JSON\n")  # a record that fails everywhere
    names = sorted(f"corpus/{path.name}" for path in corpus.iterdir())
    scan = tool.scan
    scan("whole", "--threads", 1, "corpus")
    summary = json.loads((tool.folder / "whole/summary.json").read_text())
    assert summary["units"] >= megabytes / 5 and summary["groups"] == DOMAINS and summary["errors"] == {"json": 1}, summary
    for threads in 2, 7:
        scan(f"t{threads}", "--threads", threads, "corpus")
        tool.same("whole", f"t{threads}")
    rng = random.Random(1)
    for shards in 7, 64:
        run = f"s{shards}"
        order = list(range(shards)) + rng.sample(range(shards), 3)
        rng.shuffle(order)
        for i in order:
            scan(run, "--threads", 1, "--shard", f"{i}/{shards}", "corpus")
        tool("merge", run, "-o", run)
        tool.same("whole", run)
    shuffled = rng.sample(names, len(names))
    scan("list", "--files-from", "-", input="".join(name + "\n" for name in shuffled).encode())
    tool.same("whole", "list")
    # Through standard input the unit is another, and the rows are the same but for their place.
    scan("file", names[0])
    with open(tool.folder / names[0], "rb") as stream:
        scan("pipe", "--format", "jsonl", "-", stdin=stream)
    rows = []
    for run in "file", "pipe":
        lines = [json.loads(line) for line in (tool.folder / run / "results.jsonl").read_text().splitlines()]
        rows.append([{name: value for name, value in line.items() if name != "uri"} for line in lines])
    assert rows[0] == rows[1] and rows[0], "rows of a file and of the same through a pipe"
    print(f"{summary['counts']['text_bytes'] / 1e6:.0f} MB of text in {summary['units']} units: one root, one set of files, however divided")


def stream(tool, gigabytes):
    """Peak memory in KiB of a scan of a generated stream. Without groups, whose merge has up to 64 MiB of buffers, 256 KiB a unit."""
    block = "".join(documents("stream", 1, 4_000_000)).encode()
    command = [tool.tool, *map(str, tool.scan_words(f"g{gigabytes}", "--threads", 1, "--format", "jsonl", "-"))]
    child = subprocess.Popen(command, cwd=tool.folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)))
    for _ in range(round(gigabytes * 1e9 / len(block))):
        child.stdin.write(block)
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, child.returncode
    return usage.ru_maxrss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--gigabytes", type=float, nargs="*", default=[.5, 1.5])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="verdigris-test-") as name:
        tool = Tool(arguments.tool, arguments.root.resolve(), pathlib.Path(name))
        if arguments.megabytes:
            divide(tool, arguments.megabytes)
        if arguments.gigabytes:
            peaks = [stream(tool, size) for size in arguments.gigabytes]
            print("peak memory of", ", ".join(f"{size:g} GB: {peak / 1024:.1f} MiB" for size, peak in zip(arguments.gigabytes, peaks)))
            assert max(peaks) <= 1.05 * min(peaks), peaks


if __name__ == "__main__":
    main()
