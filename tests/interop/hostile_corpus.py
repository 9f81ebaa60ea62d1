#!/usr/bin/env python3
"""Every kind of hostile and broken input (corpus.md C15), alone and among 100 good ones (K12).

usage: hostile_corpus.py --tool VERDIGRIS --root ROOT [--parquet]

Each must end with its status and its code, the units of the 100 others must be, byte by byte, those of a scan without it, and memory
must stay within 1.2 times of that, or of a scan of a text as long as records may be, for those that are longer. With --parquet the build reads Parquet.
"""

import argparse
import gzip
import json
import os
import pathlib
import random
import socket
import stat
import struct
import subprocess
import tempfile

GOOD = 100
TEXT = "The copper roof turns green in the rain, and then it is left alone for years until somebody asks what it was. "


def zstd_of_zeros(blocks, window=0x58):
    """A frame of so many blocks of 128 KiB, each a single byte repeated."""
    return b"\x28\xb5\x2f\xfd" + bytes([0, window]) + b"".join(struct.pack("<I", (i == blocks - 1) | 1 << 1 | 131072 << 3)[:3] + b"\0" for i in range(blocks))


def npy(ids, descr):
    head = ("{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }" % (descr, len(ids))).encode()
    head += b" " * ((-len(head) - 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head + struct.pack("<%d%s" % (len(ids), {"<u2": "H", "<i8": "q"}[descr]), *ids)


def megatron(pointers):
    sizes = [10] * len(pointers)
    return (b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, len(sizes), len(sizes) + 1) + struct.pack("<%di" % len(sizes), *sizes) +
            struct.pack("<%dq" % len(pointers), *pointers) + struct.pack("<%dq" % (len(sizes) + 1), *range(len(sizes) + 1)))


def warc(body, length=None, head=b""):
    return b"WARC/1.0\r\nWARC-Type: conversion\r\n" + head + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body + b"\r\n\r\n"


def lines(*rows):
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


# What is large is written in pieces: a child's peak memory begins with that of its parent.
def zeros_in_gzip(path):
    with gzip.open(path, "wb", 9) as out:
        for _ in range(160):
            out.write(bytes(1 << 20))


def long_line(path):
    with path.open("wb") as out:
        out.write(b'{"text":"')
        for _ in range(100):
            out.write(b"a" * 1_000_000)
        out.write(b'"}\n' + lines(WHOLE))


def fifo(path):
    os.mkfifo(path)


def device(path):
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        fifo(path)  # which is a row of its own; devices are made by root alone


def large_footer(path):
    with path.open("wb") as out:
        out.write(b"PAR1")
        out.seek(66 << 20)
        out.write(struct.pack("<I", 65 << 20) + b"PAR1")


def unix_socket(path):
    here = os.getcwd()
    os.chdir(path.parent)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def loop(path):
    path.symlink_to(path.name)


WHOLE = {"text": TEXT * 5}
DEEP = b'{"text":' + b"[" * 65 + b"]" * 65 + b"}"
SURROGATE = b'{"text":"' + TEXT.encode() * 5 + b'\\ud800 and \xff"}'
# What it is, the file's name, its bytes or what makes it; the code; options; what is expected of it:
#   "broken": its unit is, "record": one record fails and the other stays, "path": it is no input, "count": a count that is not an error.
TEXTS = [
    ("a bomb of gzip", "b.txt.gz", zeros_in_gzip, "bomb", [], "broken"),
    ("a bomb of zstd", "b.jsonl.zst", zstd_of_zeros(4000), "bomb", [], "broken"),
    ("more than --max-inflated", "b.jsonl.gz", gzip.compress(lines(*[WHOLE] * 4000)), "bomb", ["--max-inflated", "1M"], "broken"),
    ("a window of zstd of 2^28", "b.jsonl.zst", zstd_of_zeros(1, window=18 << 3), "window", [], "broken"),
    ("gzip cut off", "b.jsonl.gz", gzip.compress(lines(WHOLE, {"text": random.Random(1).randbytes(3000).hex()}))[:-900], "corrupt", [], "broken"),
    ("gzip with another sum", "b.jsonl.gz", gzip.compress(lines(WHOLE, WHOLE))[:-8] + b"12345678", "corrupt", [], "broken"),
    ("zstd cut off", "b.jsonl.zst", zstd_of_zeros(2)[:-2], "corrupt", [], "broken"),
    ("zstd that is none", "b.jsonl.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "corrupt", [], "broken"),
    ("a line of 100 MB", "b.jsonl", long_line, "too_long", [], "record"),
    ("ill-formed UTF-8 and a lone surrogate", "b.jsonl", lines(SURROGATE, WHOLE), "invalid_utf8", [], "count"),
    ("ill-formed JSON", "b.jsonl", lines(b'{"text":"', WHOLE), "json", [], "record"),
    ("JSON of 65 levels", "b.jsonl", lines(DEEP, WHOLE), "json", [], "record"),
    ("JSON without the field", "b.jsonl", lines({"txt": "x"}, WHOLE), "no_text", [], "record"),
    ("JSON with a number there", "b.jsonl", lines({"text": 1}, WHOLE), "no_text", [], "record"),
    ("JSON with the name twice", "b.jsonl", lines(b'{"text":"a","text":"b"}', WHOLE), "duplicate_key", [], "record"),
    ("a quote of CSV open at the end", "b.csv", b"text\n" + TEXT.replace(",", "").encode() * 5 + b'\n"open', "csv", [], "record"),
    ("a ragged row of CSV", "b.csv", b"id,text\n1\n2," + TEXT.replace(",", "").encode() * 5 + b"\n", "csv", [], "record"),
    ("4,097 columns of CSV", "b.csv", b"text" + b",x" * 4096 + b"\n", "csv", [], "broken"),
    ("a WARC record beyond the file", "b.warc", warc(TEXT.encode() * 5) + warc(b"x", length=1 << 40), "warc", [], "broken"),
    ("a WARC head over 64 KiB", "b.warc", warc(TEXT.encode() * 5) + warc(b"x", head=b"X: " + b"y" * 70000 + b"\r\n"), "warc", [], "broken"),
    ("a damaged WARC record, and a member of gzip behind it", "b.warc.gz", gzip.compress(warc(b"x", length=1 << 40)) + gzip.compress(warc(TEXT.encode() * 5)), "warc", [],
     "record"),
    ("Parquet without footer", "b.parquet", b"PAR1" + bytes(300) + b"\x10\0\0\0PAR1", "parquet", [], "parquet"),
    ("encrypted Parquet", "b.parquet", b"PARE" + bytes(300) + b"\x10\0\0\0PARE", "unknown_format", [], "path"),
    ("a footer of Parquet over 64 MiB", "b.parquet", large_footer, "parquet", [], "parquet"),
    ("a device", "b.jsonl", device, "skipped", [], "path"),
    ("a pipe", "b.jsonl", fifo, "skipped", [], "path"),
    ("a socket", "b.jsonl", unix_socket, "skipped", [], "path"),
    ("a link to itself", "b.jsonl", loop, "skipped", [], "path"),
    ("a link into nothing", "b.jsonl", lambda path: path.symlink_to("../../nothing"), "skipped", [], "path"),
    ("a file of no known kind", "b.unknown", b"what is this", "unknown_format", [], "path"),
    ("a name with controls", "b\n\x1b[2J ..x.jsonl", lines(WHOLE), "", [], "name"),
]
IDS = [
    ("an id of 2^24", "b.npy", npy([5] * 200 + [1 << 24], "<i8"), "id_out_of_range", [], "failed"),
    ("a negative id", "b.npy", npy([5] * 200 + [-1], "<i8"), "id_out_of_range", [], "failed"),
    ("ids above the vocabulary", "b.npy", npy([60000] + [i % 900 + 3 for i in range(300)], "<u2"), "ids_above_vocab", [], "count"),
    ("an array that is cut off", "b.npy", npy([5] * 200, "<u2")[:-9], "npy", [], "broken"),
    ("Megatron pointers outside of the data", "b.idx", megatron([0, 1 << 40]), "megatron", [], "broken"),
    ("Megatron pointers that descend", "b.idx", megatron([20, 0]), "megatron", [], "broken"),
]


class Scan:
    """A scan of some inputs in one folder: its status, its units by input, what it said, and its memory."""

    def __init__(self, tool, common, folder, run, options=(), after_list=None):
        command = [tool, "scan", *common, *options, "--base", folder, "--min-scored", "20", "--threads", "1", "-o", run, folder]
        if after_list:
            subprocess.run([*command, "-n"], stdout=subprocess.DEVNULL, check=True)
            after_list()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = child.stdout.read().decode(errors="strict")
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.status, self.memory = child.returncode, usage.ru_maxrss
        self.units = {}
        for path in sorted(pathlib.Path(run).glob("done/*/*.unit")):
            summary = json.loads(path.read_bytes().split(b"\n", 1)[0])
            self.units.setdefault(summary["unit"]["uri"], []).append((summary, path.read_bytes()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--parquet", action="store_true")
    arguments = parser.parse_args()
    data = arguments.root / "tests/cli/data"
    with tempfile.TemporaryDirectory(prefix="verdigris-test-") as name:
        folder = pathlib.Path(name)
        key = folder / "key"
        key.write_bytes((data / "plain-provider.key").read_bytes())
        key.chmod(0o600)
        ids_of = ["--profile", data / "plain.json", "--key", key]
        model = arguments.root / "tests/data/tiny_bpe.model"

        def made(*command):
            subprocess.run([arguments.tool, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

        master = folder / "master"
        master.write_bytes((data / "master.key").read_bytes())
        master.chmod(0o600)
        made("profile", "new", "--tokenizer", model, "-o", "p.json")
        made("derive", "--from", "master", "--profile", "p.json", "--epoch", "1", "--role", "provider", "-o", "text.key")
        texts_of = ["--profile", folder / "p.json", "--key", folder / "text.key", "--tokenizer", model]

        done = 0
        for rows, common, kind in (TEXTS, texts_of, "text"), (IDS, ids_of, "ids"):
            good = folder / f"good-{kind}"
            good.mkdir()
            for i in range(GOOD):
                if kind == "ids":
                    (good / f"{i:03}.npy").write_bytes(npy([(i * 7 + j * j) % 900 + 3 for j in range(400)], "<u2"))
                else:
                    (good / f"{i:03}.jsonl").write_bytes(lines({"text": f"{i} " + TEXT * (1 + i % 7)}, WHOLE))
            alone = Scan(arguments.tool, common, good, folder / f"run-good-{kind}")
            assert alone.status == 0 and len(alone.units) == GOOD, alone.said
            largest = 0
            if kind == "text":
                # What a record may take: one below --max-record-bytes.
                long = folder / "long"
                long.mkdir()
                with (long / "a.txt").open("w") as out:
                    for _ in range(60):
                        out.write(TEXT * (1_000_000 // len(TEXT)))
                largest = Scan(arguments.tool, common, long, folder / "run-long").memory
            for number, row in enumerate(rows):
                check(arguments, folder / f"{kind}-{number}", common, good, alone, largest, row)
                done += 1
            changes(arguments, folder / f"changed-{kind}", common, good, alone)
    print(f"{done} kinds of input, and inputs that change, alone and among {GOOD}")


def put(where, file, what):
    path = where / file
    made = what
    if callable(what):
        made = what(path)
    if isinstance(made, bytes):
        path.write_bytes(made)
    if file.endswith(".idx"):
        path.with_suffix(".bin").write_bytes(struct.pack("<20H", *range(3, 23)))


def check(arguments, folder, common, good, without, largest, row):
    what, file, content, code, options, expected = row
    unsupported = expected == "parquet" and not arguments.parquet
    folder.mkdir()
    for number, others in enumerate((False, True)):
        where = folder / f"in{number}"
        where.mkdir()
        if others:
            for path in good.iterdir():
                os.link(path, where / path.name)
        put(where, file, content)
        scan = Scan(arguments.tool, common, where, folder / f"run{number}", options)
        place = f"{what}, {'among others' if others else 'alone'}: exit {scan.status}\n{scan.said}"
        units = dict(scan.units)
        for uri, one in without.units.items() if others else ():
            # Where an option of reading belongs to the case, units are the same but for the run's list.
            assert [unit[1] for unit in units.pop(uri)] == [unit[1] for unit in one], (place, uri)
        mine = [summary for one in units.values() for summary, _ in one]
        errors = {}
        for summary in mine:
            for name, count in summary["counts"]["errors"].items():
                errors[name] = errors.get(name, 0) + count
        assert "\x1b" not in scan.said, place
        # A reader's buffers are there once; the allocator is not asked to be exact.
        most = largest if code in ("bomb", "too_long") else max(without.memory, 20480)
        # Arrow's libraries are larger than all else.
        assert expected == "parquet" or scan.memory <= 1.2 * most + 8192, (place, scan.memory, most)
        if expected in ("count", "name"):
            assert scan.status == 0 and sum(summary["counts"]["tested"] for summary in mine) >= 1, place
            assert expected == "name" or sum(summary["counts"][code] for summary in mine) >= 1, place
            continue
        if expected == "path" or unsupported:
            named = "unsupported" if unsupported else code
            assert scan.status == (3 if others else 2) or (unsupported and scan.status == 3), place
            assert not mine and named in scan.said, place
            continue
        assert scan.status == 3, place
        broken = [summary["status"] for summary in mine]
        if expected in ("broken", "parquet"):
            assert broken[-1] == "broken" and code in scan.said, (place, broken, errors)
        else:
            assert set(broken) == {"complete"} and errors == {code: 1}, (place, broken, errors)
            assert expected == "failed" or sum(summary["counts"]["tested"] for summary in mine) == 1, place


def changes(arguments, folder, common, good, without):
    """Inputs that grow, shrink or are replaced once they are listed."""
    folder.mkdir()
    suffix = next(good.iterdir()).suffix
    for number, change in enumerate(("grows", "shrinks", "is replaced")):
        where = folder / f"in{number}"
        where.mkdir()
        for path in good.iterdir():
            (where / path.name).write_bytes(path.read_bytes())
        victim = where / f"050{suffix}"

        def after_list(victim=victim, change=change):
            whole = victim.read_bytes()
            if change == "is replaced":
                victim.unlink()
            victim.write_bytes({"grows": whole + b"\n", "shrinks": whole[:-3], "is replaced": whole}[change])

        scan = Scan(arguments.tool, common, where, folder / f"run{number}", after_list=after_list)
        place = f"one that {change}: exit {scan.status}\n{scan.said}"
        assert scan.status in (3, 4), place
        # The list is compared first: a scan that goes on with another list says so and touches nothing.
        assert victim.name in scan.said or "units.jsonl" in scan.said, place
        for uri, one in scan.units.items():
            assert uri != victim.name and one == without.units[uri], (place, uri)


if __name__ == "__main__":
    main()
