#!/usr/bin/env python3
"""2,000 documents written by other programs in every format and compression, read by the readers of corpora (corpus.md K1).

usage: corpus_peers.py --program READ_RECORDS --root ROOT --venv FOLDER [--parquet]

Writers are pyarrow, DuckDB, warcio, numpy and Python's own csv, json and gzip. The inputs of shared/data/vectors/tokenizers.json
are among the documents where that is beside the repository; the others are drawn from a fixed seed, with quotes, delimiters, line
ends, controls and characters of every length. Each file must give all documents, equal byte by byte, and nothing else. With
--parquet, damaged Parquet must give codes and no crash. Exit 77 where the packages are not there (they are installed into FOLDER
if PyPI can be reached).
"""

import argparse
import csv
import gzip
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

PACKAGES = ("pyarrow", "duckdb", "warcio", "numpy")


def in_venv(folder):
    """Runs this program again with the packages, or ends it with 77."""
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if subprocess.run([python, "-c", "import " + ", ".join(PACKAGES)], stderr=subprocess.DEVNULL).returncode != 0:
        if subprocess.run([python, "-m", "pip", "-q", "install", *PACKAGES]).returncode != 0:
            print("skipped:", ", ".join(PACKAGES), "cannot be installed")
            sys.exit(77)
    os.execv(python, [str(python), *sys.argv])


def documents(root):
    rng = random.Random(20261127)
    pieces = ["word", "Ünïcode", "漢字", "😀", "\n", "\r\n", "\r", "\t", ",", '"', '""', "\\", "\\n", "'", " ", "  ", "\x01", "\x7f", "\u2028", "\ufeff",
              "null", "{", "}", "http://x.org/", "=1+2", "12.5", "WARC/1.0\r\n"]
    vectors = root.parent / "shared/data/vectors/tokenizers.json"
    # Those that are no UTF-8 cannot be written by these programs; formats_test.cc has them.
    out = [one["text"] for one in json.loads(vectors.read_text())["inputs"] if "text" in one] if vectors.exists() else []
    while len(out) < 2000:
        out.append("".join(rng.choice(pieces) + rng.choice(("", " ", "abc")) for _ in range(rng.choice((1, 5, 50, 500)))))
    return out


class Checker:
    def __init__(self, program, folder, texts):
        self.program, self.folder, self.texts, self.checked = program, folder, texts, 0
        # Ids without 0, at which arrays are cut.
        self.ids = [[1 + ord(c) % 60000 for c in text[:300]] for text in texts]

    def read(self, path, *arguments):
        done = subprocess.run([self.program, *arguments, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, (path.name, done.returncode, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def same(self, name, found, wanted):
        if found == wanted:
            self.checked += 1
            return
        at = next((i for i, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1]), min(len(found), len(wanted)))
        raise AssertionError(f"{name}: {len(found)} records for {len(wanted)}; first difference at {at}: {found[at:at + 1]!r} for {wanted[at:at + 1]!r}")

    def texts_of(self, name, *arguments, wanted=None):
        rows = self.read(self.folder / name, *arguments)
        records = [row for row in rows if "kind" in row]
        assert all(row["failure"] == "" for row in records), (name, [row["failure"] for row in records if row["failure"]][:3])
        assert rows[-1]["broken"] == "", name
        texts = [bytes.fromhex(row["text"]).decode() for row in records if row["kind"] == 0]
        self.same(name, texts, self.texts if wanted is None else wanted)
        return records

    def ids_of(self, name, *arguments, wanted=None):
        rows = self.read(self.folder / name, *arguments)
        self.same(name, [row["ids"] or row["failure"] for row in rows if "kind" in row], [ids for ids in self.ids if ids] if wanted is None else wanted)


def compressed(folder, name):
    """The file again as one member of gzip, as three, and as zstd of Arrow."""
    import pyarrow
    data = (folder / name).read_bytes()
    third = len(data) // 3 + 1
    (folder / f"{name}.gz").write_bytes(gzip.compress(data))
    (folder / f"three.{name}.gz").write_bytes(b"".join(gzip.compress(data[i:i + third]) for i in range(0, len(data), third)))
    with pyarrow.CompressedOutputStream(str(folder / f"{name}.zst"), "zstd") as stream:
        stream.write(data)
    return name, f"{name}.gz", f"three.{name}.gz", f"{name}.zst"


def text_formats(check, table, database):
    import pyarrow.csv
    folder, texts = check.folder, check.texts
    for ascii_only in (True, False):
        name = f"python{ascii_only}.jsonl"
        (folder / name).write_bytes("".join(json.dumps({"id": i, "text": text}, ensure_ascii=ascii_only) + "\n" for i, text in enumerate(texts)).encode())
        for file in compressed(folder, name):
            records = check.texts_of(file)
            assert [bytes.fromhex(row["name"]).decode() for row in records] == [str(i) for i in range(len(texts))]
    database.sql(f"copy documents to '{folder}/duck.jsonl' (format json)")
    database.sql(f"copy documents to '{folder}/duck.json.gz' (format json, compression gzip)")
    check.texts_of("duck.jsonl")
    check.texts_of("duck.json.gz", "--format", "jsonl")

    for name, delimiter in (("python.csv", ","), ("python.tsv", "\t")):
        with open(folder / name, "w", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(("id", "text"))
            writer.writerows(enumerate(texts))
        for file in compressed(folder, name):
            check.texts_of(file)
    pyarrow.csv.write_csv(table, folder / "arrow.csv")
    check.texts_of("arrow.csv")
    database.sql(f"copy documents to '{folder}/duck.csv' (header)")
    database.sql(f"copy documents to '{folder}/duck_bare.csv' (header false, compression zstd)")
    check.texts_of("duck.csv")
    database.sql(f"copy (select text, id from documents) to '{folder}/duck.tsv' (header, delimiter '\t')")
    check.texts_of("duck.tsv")

    lines = [text for text in texts if text and not set("\r\n") & set(text)]
    (folder / "lines").write_bytes("".join(text + "\n" for text in lines).encode())
    for file in compressed(folder, "lines"):
        check.texts_of(file, "--format", "lines", wanted=lines)
    for i, text in enumerate(texts[:50]):
        (folder / "one").mkdir(exist_ok=True)
        (folder / "one" / f"{i:02}.txt").write_bytes(text.encode())
        check.texts_of(f"one/{i:02}.txt", wanted=[text])


def warc(check):
    from io import BytesIO
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter
    for name, zipped in (("w.warc.gz", True), ("w.warc", False)):
        with open(check.folder / name, "wb") as file:
            writer = WARCWriter(file, gzip=zipped)
            writer.write_record(writer.create_warcinfo_record("x", {"software": "test"}))
            for i, text in enumerate(check.texts):
                uri = f"http://example.org/{i}"
                if i % 3 == 0:
                    headers = StatusAndHeaders("200 OK", [("Content-Type", "text/plain; charset=utf-8")], protocol="HTTP/1.1")
                    record = writer.create_warc_record(uri, "response", payload=BytesIO(text.encode()), http_headers=headers)
                else:
                    kind = "conversion" if i % 3 == 1 else "resource"
                    record = writer.create_warc_record(uri, kind, payload=BytesIO(text.encode()), warc_content_type="text/plain")
                writer.write_record(record)
        records = check.texts_of(name)
        assert records[0]["kind"] == 2, "warcinfo is no text"
        assert [bytes.fromhex(row["group"]).decode() for row in records[1:]] == [f"http://example.org/{i}" for i in range(len(check.texts))]


def arrays(check):
    import numpy
    folder = check.folder
    flat = [id for ids in check.ids for id in [*ids, 0]]
    full = [ids for ids in check.ids if ids]
    for dtype in ("<u2", ">u2", "<u4", "<i4", "<i8", ">i8"):
        name = f"a{ord(dtype[0])}{dtype[1:]}.npy"
        numpy.save(folder / name, numpy.array(flat, dtype=dtype))
        for file in compressed(folder, name):
            check.ids_of(file, "--eos", "0", "--unit-bytes", "50000")
    square = numpy.array([ids[:20] for ids in check.ids if len(ids) >= 20], dtype="<i4")
    numpy.save(folder / "square.npy", square)
    check.ids_of("square.npy", "--unit-bytes", "7777", wanted=square.tolist())
    for dtype in ("u2", "u4"):
        numpy.array(flat, dtype="<" + dtype).tofile(folder / f"flat.{dtype}")
        for file in compressed(folder, f"flat.{dtype}"):
            check.ids_of(file, "--format", "tokens", "--dtype", "u16" if dtype == "u2" else "u32", "--eos", "0", "--unit-bytes", "50000")
    bare = numpy.memmap(folder / "bare.npy", dtype="<u2", mode="w+", shape=(len(flat),))
    bare[:] = flat
    bare.flush()
    check.ids_of("bare.npy", "--format", "tokens", "--dtype", "u16", "--eos", "0")
    # As Megatron's IndexedDatasetBuilder writes it.
    for code, dtype in ((4, "<i4"), (8, "<u2")):
        width = numpy.dtype(dtype).itemsize
        sizes = [len(ids) for ids in full]
        pointers = [0, *numpy.cumsum(numpy.array(sizes, dtype="<i8") * width).tolist()][:-1]
        head = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, code, len(sizes), len(sizes) + 1)
        (folder / f"m{code}.idx").write_bytes(head + numpy.array(sizes, "<i4").tobytes() + numpy.array(pointers, "<i8").tobytes() + numpy.arange(len(sizes) + 1, dtype="<i8").tobytes())
        numpy.array([id for ids in full for id in ids], dtype).tofile(folder / f"m{code}.bin")
        check.ids_of(f"m{code}.idx", "--unit-bytes", "50000")
    with open(folder / "ids.jsonl", "w") as file:
        file.writelines(json.dumps({"ids": ids}) + "\n" for ids in full)
    check.ids_of("ids.jsonl", "--ids-field", "ids")


def parquet(check, table, database):
    import pyarrow
    import pyarrow.parquet
    folder = check.folder
    for compression in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
        ways = (("1.0", True, None), ("2.0", False, "PLAIN"), ("2.0", False, "DELTA_BYTE_ARRAY"), ("2.0", False, "DELTA_LENGTH_BYTE_ARRAY"))
        for version, dictionary, encoding in ways if compression == "zstd" else ways[:2]:
            name = f"{compression}{version}{dictionary}{encoding}.parquet"
            pyarrow.parquet.write_table(table, folder / name, compression=compression, data_page_version=version, use_dictionary=dictionary, row_group_size=300,
                                        column_encoding={"text": encoding} if encoding else None, data_page_size=4096, write_page_checksum=True)
            records = check.texts_of(name)
            assert [row["offset"] for row in records] == list(range(len(check.texts)))
            assert [bytes.fromhex(row["name"]).decode() for row in records] == [str(i) for i in range(len(check.texts))]
    database.sql(f"copy documents to '{folder}/duck.parquet' (format parquet, compression zstd, row_group_size 2048)")
    check.texts_of("duck.parquet")
    nested = pyarrow.table({"a": pyarrow.array([{"b": text if i % 7 else None} if i % 5 else None for i, text in enumerate(check.texts)])})
    pyarrow.parquet.write_table(nested, folder / "nested.parquet", row_group_size=500)
    rows = [row for row in check.read(folder / "nested.parquet", "--text-field", "a.b") if "kind" in row]
    check.same("nested", [row["failure"] or bytes.fromhex(row["text"]).decode() for row in rows], [text if i % 7 and i % 5 else "no_text" for i, text in enumerate(check.texts)])
    for kind in (pyarrow.list_(pyarrow.int32()), pyarrow.large_list(pyarrow.int64())):
        values = [None if i % 11 == 0 else [1, None] if i % 13 == 0 else [-1] if i % 17 == 0 else [1 << 24] if i % 19 == 0 else ids for i, ids in enumerate(check.ids)]
        pyarrow.parquet.write_table(pyarrow.table({"x": pyarrow.array(values, kind)}), folder / "ids.parquet", row_group_size=700)
        wanted = ["no_text" if i % 11 == 0 or i % 13 == 0 else "id_out_of_range" if i % 17 == 0 or i % 19 == 0 else ids or "" for i, ids in enumerate(check.ids)]
        check.ids_of("ids.parquet", "--ids-field", "x", wanted=wanted)

    # Damage: no crash, and either the texts or a code; the other row groups stand where the footer does.
    whole = (folder / "zstd1.0TrueNone.parquet").read_bytes()
    rng = random.Random(7)
    codes, kept = set(), 0
    for _ in range(120):
        damaged = bytearray(whole)
        place = rng.choice((len(damaged) - 1 - rng.randrange(8), len(damaged) - rng.randrange(9, 1200), rng.randrange(len(damaged))))
        damaged[place] ^= 1 << rng.randrange(8)
        if rng.random() < 0.1:
            damaged = damaged[:rng.randrange(len(damaged))] + b"PAR1"
        (folder / "damaged.parquet").write_bytes(damaged)
        rows = check.read(folder / "damaged.parquet", "--format", "parquet")
        failures = {row["failure"] for row in rows if "kind" in row} | {row["broken"] for row in rows if "broken" in row}
        codes |= failures
        kept += any(row.get("failure") == "parquet" for row in rows) and sum(1 for row in rows if row.get("kind") == 0) >= 1500
    assert "parquet" in codes and codes <= {"", "parquet", "no_text", "too_long", "duplicate_key"}, codes
    assert kept > 10, kept
    for tail in (b"PARE", struct.pack("<I", 0x7FFFFFFF) + b"PAR1", struct.pack("<I", 65 << 20) + b"PAR1"):
        (folder / "damaged.parquet").write_bytes(whole[:-len(tail)] + tail)
        assert check.read(folder / "damaged.parquet")[-1]["broken"] == "parquet", tail


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--venv", type=pathlib.Path, required=True)
    parser.add_argument("--parquet", action="store_true", help="the build reads Parquet")
    arguments = parser.parse_args()
    try:
        import duckdb
        import numpy  # noqa: F401
        import pyarrow
        import warcio  # noqa: F401
    except ImportError:
        if pathlib.Path(sys.prefix) == arguments.venv:
            raise
        in_venv(arguments.venv)
    texts = documents(arguments.root.resolve())
    table = pyarrow.table({"id": list(range(len(texts))), "text": texts})
    database = duckdb.connect()
    database.register("source", table)
    database.sql("create table documents as select * from source")
    with tempfile.TemporaryDirectory(prefix="verdigris-corpus-") as folder:
        check = Checker(arguments.program, pathlib.Path(folder), texts)
        text_formats(check, table, database)
        warc(check)
        arrays(check)
        if arguments.parquet:
            parquet(check, table, database)
        print(f"{check.checked} files of {len(texts)} documents read as they were written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
