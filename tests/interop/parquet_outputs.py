#!/usr/bin/env python3
"""Findings written as Parquet, read by pyarrow and DuckDB; and units that pyarrow and DuckDB stored as Parquet, merged.

usage: parquet_outputs.py --tool VERDIGRIS --root ROOT [--parquet VENV]

Without --parquet the build has no Arrow: both must be refused by name, with the way around it. Exit 77 where VENV lacks pyarrow or
DuckDB.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

FILES = ("results.jsonl", "groups.jsonl", "errors.jsonl", "summary.json")
COUNTS = ("tokens", "short", "special", "repeated", "duplicate", "scored", "other_layer")


def flat(row):
    """A row of results.jsonl as the table has it."""
    out = {name: row.get(name, 0 if name == "baseline" else "") for name in
           ("uri", "segment", "offset", "length", "ordinal", "part", "id", "group", "test", "variant", "log10_p", "log10_e", "n", "s", "text")}
    out |= {name: row["counts"][name] for name in COUNTS}
    out |= {"kids": " ".join(row["kids"]), "log10_q": row.get("log10_q"), "spans": " ".join(f"{span[2]}-{span[3]}" for span in row["spans"]),
            "finding": bool(row["finding"]), "baseline": bool(row.get("baseline", 0))}
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--parquet", type=pathlib.Path, help="the folder of the Python whose pyarrow the build uses")
    arguments = parser.parse_args()
    if arguments.parquet:
        try:
            import duckdb
            import pyarrow.parquet
        except ImportError as missing:
            python = arguments.parquet / "bin/python"
            if not python.exists() or os.path.samefile(sys.prefix, arguments.parquet):
                print("skipped:", missing)
                return 77
            os.execv(python, [str(python), *sys.argv])

    def run(*command, status=0):
        done = subprocess.run([arguments.tool, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == status, (command, done.returncode, done.stderr)
        return done.stderr

    with tempfile.TemporaryDirectory(prefix="verdigris-test-") as name:
        folder = pathlib.Path(name)
        made = [sys.executable, arguments.root / "tests/report/make_results.py", folder / "r", "--documents", "140000", "--marked", "60", "--hostile"]
        subprocess.run(made, check=True)
        halves = [arguments.root / f"tests/cli/data/merge/{half}" for half in "ab"]
        if not arguments.parquet:
            said = run("report", folder / "r", "--format", "parquet", "-o", folder / "f.parquet", status=3)
            assert "VERDIGRIS_PARQUET" in said and "--format csv" in said and not (folder / "f.parquet").exists(), said
            (folder / "rows").write_bytes(b"PAR1" + bytes(100))
            said = run("merge", *halves, "--rows", folder / "rows", "-o", folder / "out", status=3)
            assert "VERDIGRIS_PARQUET" in said and "python -m verdigris.corpus" in said, said
            print("a build without Arrow refuses both by name")
            return 0

        # Findings, and all rows: what is in results.jsonl, type by type.
        results = [json.loads(line) for line in (folder / "r/results.jsonl").open(encoding="utf-8")]
        for options, rows in ([], [row for row in results if row["finding"]]), (["--all"], results):
            path = folder / "f.parquet"
            run("report", folder / "r", "--format", "parquet", "-o", path, *options)
            assert len(rows) > 20
            table = pyarrow.parquet.read_table(path)
            assert table.to_pylist() == [{name: flat(row)[name] for name in table.column_names} for row in rows]
            found = duckdb.sql(f"select uri, n, log10_q from '{path}'").fetchall()
            assert found == [(row["uri"], row["n"], row.get("log10_q")) for row in rows]
            run("report", folder / "r", "--format", "csv", "-o", folder / "f.csv", *options)
            with (folder / "f.csv").open(newline="", encoding="utf-8") as lines:
                assert next(csv.reader(lines)) == table.column_names
        metadata = pyarrow.parquet.read_metadata(path)
        assert {metadata.row_group(0).column(i).compression for i in range(metadata.num_columns)} == {"ZSTD"}

        # More rows than a row group holds.
        with (folder / "r/results.jsonl").open("w") as out:
            out.writelines(json.dumps(row) + "\n" for row in results for _ in range(200000 // len(results)))
        summary = json.loads((folder / "r/summary.json").read_text())
        for i, test in enumerate(summary["tests"]):
            for member in "rows", "findings":
                test[member] *= 200000 // len(results)
        (folder / "r/summary.json").write_text(json.dumps(summary) + "\n")
        run("report", folder / "r", "--format", "parquet", "--all", "-o", path)
        metadata = pyarrow.parquet.read_metadata(path)
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert sizes == [131072, 200000 // len(results) * len(results) - 131072], sizes

        # Units of half b, as an engine stores them.
        run("merge", *halves, "-o", folder / "whole")
        units = [(path.stem, path.read_bytes()) for path in sorted(halves[1].glob("done/*/*.unit"))]
        assert len(units) > 1
        ids, bodies = zip(*units)
        rows = folder / "rows"
        rows.mkdir()
        table = pyarrow.table({"other": list(range(len(ids))), "unit_id": ids, "body": pyarrow.array(bodies, pyarrow.binary())})
        for compression in "zstd", "snappy", "none":
            for old in rows.iterdir():
                old.unlink()
            (rows / "_SUCCESS").touch()
            pyarrow.parquet.write_table(table.slice(0, 1), rows / "part-0.parquet", compression=compression, use_dictionary=False)
            pyarrow.parquet.write_table(table.slice(1), rows / "part-1.parquet", compression=compression, row_group_size=1)
            run("merge", halves[0], "--rows", rows, "-o", folder / compression)
            for file in FILES:
                assert (folder / "whole" / file).read_bytes() == (folder / compression / file).read_bytes(), (compression, file)
        whole = folder / "duck.parquet"
        duckdb.register("units", table)
        duckdb.sql(f"copy (from units) to '{whole}' (format parquet)")
        run("merge", halves[0], "--rows", whole, "--rows", rows, "-o", folder / "duck")  # each unit twice
        assert (folder / "whole/summary.json").read_bytes() == (folder / "duck/summary.json").read_bytes()

        # What cannot be used is named, and nothing is written.
        def refused(table, words):
            pyarrow.parquet.write_table(table, folder / "bad.parquet", row_group_size=1)
            said = run("merge", halves[0], "--rows", folder / "bad.parquet", "-o", folder / "bad", status=3)
            assert words in said and not (folder / "bad/summary.json").exists(), said

        refused(table.drop(["body"]), "columns unit_id and body")
        refused(pyarrow.table({"unit_id": ids, "body": [1] * len(ids)}), "columns unit_id and body")
        refused(pyarrow.table({"unit_id": ["x", *ids[1:]], "body": bodies}), "row 1: unit_id must be 64 digits")
        refused(pyarrow.table({"unit_id": ids, "body": pyarrow.array([bodies[0], None, *bodies[2:]], pyarrow.binary())}), "row 2 cannot be read")
        damaged = bytearray(whole.read_bytes())
        for at in range(40, len(damaged) // 2, 97):
            damaged[at] ^= 1
        (folder / "damaged.parquet").write_bytes(damaged)
        assert "damaged.parquet" in run("merge", halves[0], "--rows", folder / "damaged.parquet", "-o", folder / "bad", status=3)
        whole.write_bytes(whole.read_bytes()[:-20])
        assert "no sound Parquet" in run("merge", halves[0], "--rows", whole, "-o", folder / "bad", status=3)
        print("findings in Parquet, and rows from Parquet, as they are elsewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
