"""verdigris.corpus against the command line: bodies are the unit files of `verdigris scan`, byte for byte, whoever computes them."""

import base64
import concurrent.futures
import json
import logging
import os
import pathlib
import pickle
import random
import shutil
import tempfile
import unittest
import zlib

import arrow_data
import corpora
from corpora import run_tool, scan, unit_files, write_rows
from verdigris import errors
from verdigris.corpus import Config, ScanStep, UnitScanner, load_units, scan_table, scan_units, scan_units_json, start_table

FOLDER = None  # made once, read by every test


def setUpModule():
    global FOLDER, ROWS
    FOLDER = pathlib.Path(unittest.enterModuleContext(tempfile.TemporaryDirectory()))
    corpora.make_keys(FOLDER)
    ROWS = corpora.texts(FOLDER, 240)
    corpora.write_corpus(FOLDER / "corpus", ROWS)
    scan(FOLDER, "whole", status=3)  # one input is damaged
    scan(FOLDER, "run", "-n")


def config(run="run", **changes):
    return Config(**{"run": FOLDER / run, "keys": [FOLDER / "k.key"], "tokenizer": FOLDER / "t.model", **changes})


class Files(unittest.TestCase):
    def test_bodies_are_the_unit_files_of_the_command_line(self):
        units = load_units(FOLDER / "run" / "units.jsonl")
        wanted = unit_files(FOLDER / "whole")
        self.assertEqual(dict(scan_units(units, config())), wanted)
        # Findings are there, and damage too, or the test shows little.
        self.assertTrue(any(b'"id":"m0000' in body for body in wanted.values()))
        self.assertTrue(any(b'"status":"broken"' in body for body in wanted.values()))
        self.assertTrue(any(b'"json":1' in body for body in wanted.values()))

    def test_first_seen_runs_are_those_of_the_command_line(self):
        made = ["scan", "--profile", FOLDER / "p.json", "--key", FOLDER / "k.key", "--tokenizer", FOLDER / "t.model", "--base", FOLDER,
                "--unit-bytes", "8K", "--min-scored", "20", "--assign", "first-seen", "--exact", FOLDER / "corpus"]
        run_tool(*made, "-o", FOLDER / "first", status=3)  # one input is damaged
        run_tool(*made, "-n", "-o", FOLDER / "first-list")
        rows = list(scan_units(load_units(FOLDER / "first-list" / "units.jsonl"), config("first-list")))
        self.assertEqual(dict(rows), unit_files(FOLDER / "first"))
        write_rows(FOLDER / "first.jsonl", rows)
        run_tool("merge", FOLDER / "first-list", "--rows", FOLDER / "first.jsonl", "-o", FOLDER / "first-out")
        for name in ("results.jsonl", "summary.json"):
            self.assertEqual((FOLDER / "first-out" / name).read_text(), (FOLDER / "first" / name).read_text())

    def test_a_line_is_a_segment_or_a_whole_input(self):
        units = load_units(FOLDER / "run" / "units.jsonl")
        by_input = {}
        for line in units:
            by_input.setdefault(json.loads(line.split(" ", 2)[2])["uri"], []).append(int(line.split()[0]))
        size = (FOLDER / "corpus" / "a.jsonl").stat().st_size
        self.assertEqual(by_input, {"corpus/a.jsonl": list(range((size - 1) // 8192 + 1)), "corpus/b.jsonl.gz": [0], "corpus/c.csv": [0],
                                    "corpus/d.jsonl.gz": [0]})
        # A line by itself gives its own units.
        one = dict(scan_units([units[2]], config()))
        self.assertEqual(len(one), 1)
        self.assertEqual(one, {id: unit_files(FOLDER / "whole")[id] for id in one})

    def test_merge_takes_the_rows_in_any_order_and_number(self):
        rows = list(scan_units(load_units(FOLDER / "run" / "units.jsonl"), config()))
        rows += rows[:3]
        random.Random(2).shuffle(rows)
        write_rows(FOLDER / "rows.jsonl", rows)
        run_tool("merge", FOLDER / "run", "--rows", FOLDER / "rows.jsonl", "-o", FOLDER / "out")
        run_tool("merge", FOLDER / "whole", "-o", FOLDER / "whole-out")
        self.assertEqual(corpora.results(FOLDER / "out"), corpora.results(FOLDER / "whole-out"))

    def test_missing_units_are_units(self):
        units = load_units(FOLDER / "run" / "units.jsonl")
        wanted = unit_files(FOLDER / "whole")
        rows = list(scan_units(units, config()))
        left_out = [rows[1], rows[-2]]
        write_rows(FOLDER / "some.jsonl", [row for row in rows if row not in left_out])
        run_tool("merge", FOLDER / "run", "--rows", FOLDER / "some.jsonl", "--missing", FOLDER / "missing.jsonl", "-o", FOLDER / "partial", status=3)
        missing = load_units(FOLDER / "missing.jsonl")
        self.assertEqual(len(missing), 2)
        self.assertEqual(dict(scan_units(missing, config())), {id: wanted[id] for id, _ in left_out})

    def test_json_lines(self):
        units = load_units(FOLDER / "run" / "units.jsonl")[:4]
        lines = [json.loads(line) for line in scan_units_json(units, config())]
        self.assertEqual([(line["unit_id"], base64.b64decode(line["body"])) for line in lines], list(scan_units(units, config())))

    def test_threads_share_a_config(self):
        units = load_units(FOLDER / "run" / "units.jsonl")
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            parts = list(pool.map(lambda i: dict(scan_units(units[i::3], config())), range(3)))
        self.assertEqual({id: body for part in parts for id, body in part.items()}, unit_files(FOLDER / "whole"))

    def test_scan_step_does_the_shard_of_its_rank(self):
        shutil.copytree(FOLDER / "run", FOLDER / "steps")
        step = pickle.loads(pickle.dumps(ScanStep(config("steps"))))
        done = []
        with self.assertLogs("verdigris.corpus", "ERROR") as logs:
            for rank in (2, 0, 1, 0):
                self.assertEqual(list(step.run(None, rank, 3)), [])
                done.append(len(unit_files(FOLDER / "steps")))
        self.assertTrue(0 < done[0] < done[1] < done[2] == done[3])
        self.assertEqual(unit_files(FOLDER / "steps"), unit_files(FOLDER / "whole"))
        self.assertIn("corpus/d.jsonl.gz", logs.output[0])


class Errors(unittest.TestCase):
    def one(self):
        return load_units(FOLDER / "run" / "units.jsonl")[:1]

    def refuses(self, error, text, lines=None, **changes):
        with self.assertRaisesRegex(error, text):
            list(scan_units(self.one() if lines is None else lines, config(**changes)))

    def test_a_config_with_something_missing_or_wrong(self):
        with self.assertRaisesRegex(errors.InvalidArgument, "keys must be a list of paths"):
            config(keys=str(FOLDER / "k.key"))
        with self.assertRaisesRegex(errors.InvalidArgument, "on_error must be"):
            config(on_error="never")
        self.refuses(errors.NotFound, "no run.json is there", run="nowhere")
        self.refuses(errors.InvalidArgument, "--key is missing", keys=[])
        self.refuses(errors.NotFound, "nokey", keys=[FOLDER / "nokey"])
        self.refuses(errors.NotFound, "notok", tokenizer=FOLDER / "notok")
        self.refuses(errors.Mismatch, "tests", keys=[FOLDER / "other.key"])  # compared by kid
        with self.assertRaises(errors.Mismatch):
            UnitScanner(config(keys=[FOLDER / "other.key"]))

    def test_keys_are_opened_as_the_command_line_opens_them(self):
        shutil.copy(FOLDER / "k.key", FOLDER / "open.key")
        (FOLDER / "open.key").chmod(0o644)
        self.refuses(errors.Unsafe, "open.key", keys=[FOLDER / "open.key"])
        self.assertEqual(len(list(scan_units(self.one(), config(keys=[FOLDER / "open.key"], insecure_permissions=True)))), 1)

    def test_lines_that_are_none(self):
        line = self.one()[0]
        for wrong in ("", "x", "0", "0 " + "0" * 64, line[:-1], "x" + line, line.replace(" ", "  ", 1), '{"a":1}'):
            self.refuses(errors.Malformed, "no line of load_units", [wrong])
        segment, run, rest = line.split(" ", 2)
        self.refuses(errors.FailedPrecondition, "units are of run 0000000000000000", [f"{segment} {'0' * 64} {rest}"])
        with self.assertRaises(errors.NotFound):
            load_units(FOLDER / "nowhere")
        (FOLDER / "list").write_text("[]\n")
        with self.assertRaisesRegex(errors.Malformed, "list:1"):
            load_units(FOLDER / "list")

    def test_an_input_that_changed_is_left_out_or_raised(self):
        (FOLDER / "more").mkdir()
        shutil.copytree(FOLDER / "corpus", FOLDER / "more" / "corpus")
        path = FOLDER / "more" / "corpus" / "c.csv"
        units = load_units(FOLDER / "run" / "units.jsonl")
        copies = config(base=FOLDER / "more", ignore_mtime=True)
        os.utime(path, (1, 1))
        self.refuses(errors.Mismatch, "corpus/c.csv: was written to", [units[-2]], base=FOLDER / "more", on_error="stop")
        self.assertEqual(dict(scan_units(units, copies)), unit_files(FOLDER / "whole"))
        path.write_text(path.read_text() + "x,y,z\n")
        self.refuses(errors.Mismatch, "corpus/c.csv: has .* bytes", [units[-2]], base=FOLDER / "more", ignore_mtime=True, on_error="stop")
        with self.assertLogs("verdigris.corpus", "ERROR") as logs:
            others = dict(scan_units(units, copies))
        self.assertEqual(len(logs.output), 1)
        self.assertTrue(0 < len(others) < len(unit_files(FOLDER / "whole")))

    def test_no_key_and_no_text_in_what_travels(self):
        travels = pickle.dumps(config()) + repr(config()).encode()
        for line in scan_units_json(load_units(FOLDER / "run" / "units.jsonl"), config()):
            row = json.loads(line)
            travels += line.encode() + base64.b64decode(row["body"])
        for secret in corpora.secrets(FOLDER):
            self.assertNotIn(secret, travels)
        for _, _, text in ROWS:
            self.assertTrue(len(text) < 40 or text[:40].encode() not in travels)


class Tables(unittest.TestCase):
    SEGMENTS = 4

    @classmethod
    def setUpClass(cls):
        start_table(FOLDER / "table", "reviews", cls.SEGMENTS, profile=FOLDER / "p.json", keys=[FOLDER / "k.key"], tokenizer=FOLDER / "t.model",
                    text_bytes=10 ** 6, group_by="field:site", min_scored=20)
        cls.segments = [[] for _ in range(cls.SEGMENTS)]
        for id, site, text in ROWS:
            cls.segments[zlib.crc32(id.encode()) % cls.SEGMENTS].append({"id": id, "site": site, "text": text})

    def scan(self, rows, **options):
        return scan_table(rows, config("table"), **options)

    def summary(self, rows, **options):
        return json.loads(self.scan(rows, **options)[1].split(b"\n", 1)[0])

    def test_every_document_is_tested_once_and_merge_has_the_root(self):
        rows = [self.scan(segment) for segment in self.segments]
        write_rows(FOLDER / "table.jsonl", rows)
        run_tool("merge", FOLDER / "table", "--rows", FOLDER / "table.jsonl", "-o", FOLDER / "table-out")
        summary = json.loads((FOLDER / "table-out" / "summary.json").read_text())
        self.assertEqual(summary["counts"]["documents"], len(ROWS))
        # What the same documents give as files, but for their places.
        (FOLDER / "one").mkdir()
        (FOLDER / "one" / "all.jsonl").write_text(corpora.json_lines(ROWS))
        run_tool("scan", "--profile", FOLDER / "p.json", "--key", FOLDER / "k.key", "--tokenizer", FOLDER / "t.model", "-o", FOLDER / "one-run",
                 *corpora.OPTIONS, FOLDER / "one")
        found = [{json.loads(line)["id"]: (json.loads(line)["s"], json.loads(line)["n"]) for line in (FOLDER / run / "results.jsonl").read_text().splitlines()}
                 for run in ("table-out", "one-run")]
        self.assertEqual(found[0], found[1])
        self.assertGreaterEqual(len(found[0]), 3)
        groups = [{(g["name"], g["n"], g["s"]) for g in map(json.loads, (FOLDER / run / "groups.jsonl").read_text().splitlines())}
                  for run in ("table-out", "one-run")]
        self.assertEqual(groups[0], groups[1])

    def test_order_partition_and_kind_of_rows_do_not_enter(self):
        for segment in self.segments:
            wanted = self.scan(segment)
            columns = [[row[name].encode() for row in segment] for name in ("id", "site", "text")]

            def batch(make, part=slice(None)):
                return arrow_data.Batch([(name, make(values[part])) for name, values in zip(("id", "site", "text"), columns)])

            made = arrow_data
            forms = {
                "shuffled": random.Random(3).sample(segment, len(segment)),
                "twice": segment + segment[:5],
                "bytes": [{name: value.encode() for name, value in row.items()} for row in segment],
                **{format: batch(lambda values: made.with_offsets(format, values)) for format in ("u", "U", "z", "Z")},
                "vu": batch(lambda values: made.with_views("vu", values)),
                "vz": batch(lambda values: made.with_views("vz", values)),
                "offset": batch(lambda values: made.with_offsets("u", values, [b"before", None])),
                **{f"dictionary {index}": batch(lambda values: made.with_dictionary(index, values)) for index in "cCsSiIlL"},
                "dictionary of views": batch(lambda values: made.with_dictionary("i", values, "vu")),
                "stream": made.Stream([batch(lambda values: made.with_offsets("u", values), slice(0, 7)),
                                       batch(lambda values: made.with_offsets("u", values), slice(7, None))]),
                "batches": iter([batch(lambda values: made.with_views("vu", values), slice(0, 1)), batch(lambda values: made.with_offsets("U", values), slice(1, None))]),
            }
            for name, rows in forms.items():
                with self.subTest(name):
                    self.assertEqual(self.scan(rows), wanted)
        self.assertEqual({kind: arrow_data.RELEASED.count(kind) > 0 for kind in ("schema", "array", "stream")},
                         {"schema": True, "array": True, "stream": True})

    def test_an_id_with_two_texts_fails_and_so_does_one_without(self):
        segment = self.segments[1]
        twice, none = segment[0], segment[1]
        summary = self.summary([*segment, {**twice, "text": "another"}])
        self.assertEqual((summary["counts"]["documents"], summary["counts"]["failed"], summary["counts"]["errors"]),
                         (len(segment) - 1, 1, {"duplicate_id": 1}))
        # Whichever of the two comes first.
        self.assertEqual(self.scan([{**twice, "text": "another"}, *segment]), self.scan([*segment, {**twice, "text": "another"}]))
        rows = [row if row is not none else {**row, "text": None} for row in segment]
        self.assertEqual(self.summary(rows)["counts"]["errors"], {"no_text": 1})
        column = arrow_data.with_offsets("u", [None if row["text"] is None else row["text"].encode() for row in rows])
        names = [("id", arrow_data.with_offsets("u", [row["id"].encode() for row in rows])),
                 ("site", arrow_data.with_offsets("u", [row["site"].encode() for row in rows]))]
        self.assertEqual(self.scan(arrow_data.Batch([*names, ("text", column)])), self.scan(rows))
        # A column that is null all over, as one without any value is.
        nothing = arrow_data.Batch([*names, ("text", ("n", len(rows), 0, []))])
        self.assertEqual(self.summary(nothing)["counts"]["errors"], {"no_text": len(rows)})

    def test_segments(self):
        self.assertEqual([self.summary(segment)["last"] for segment in self.segments], [0, 0, 0, 1])
        empty = self.summary([], segment=2)
        self.assertEqual((empty["unit"]["segment"], empty["counts"]["documents"], empty["last"]), (2, 0, 0))
        self.assertEqual(self.scan(self.segments[2], segment=2), self.scan(self.segments[2]))
        for error, text, rows, options in (
                (errors.InvalidArgument, "there are no rows", [], {}), (errors.InvalidArgument, "segment must be below 4, got 4", [], {"segment": 4}),
                (errors.Mismatch, "rows of segment 1 were given as those of segment 2", self.segments[1], {"segment": 2}),
                (errors.Mismatch, "rows of segments 1 and 3 came together", self.segments[1] + self.segments[3], {}),
                (errors.InvalidArgument, "a row has no id", [{"id": None, "text": "x", "site": "y"}], {})):
            with self.assertRaisesRegex(error, text):
                self.scan(rows, **options)

    def test_arrow_data_that_are_wrong(self):
        made, ids, site = arrow_data, [b"d1", b"d1"], [b"s", b"s"]
        good = made.with_offsets("u", ids)

        def table(text):
            return made.Batch([("id", good), ("site", made.with_offsets("u", site)), ("text", text)])

        def views(length, buffer, offset):
            view = made.struct.pack("<i4sii", length, b"abcd", buffer, offset)
            return ("vu", 2, 0, [b"\3", view * 2, b"x" * 20, made.struct.pack("<q", 20)])

        rows = [
            (errors.InvalidArgument, "text must be of strings or bytes", table(("l", 2, 0, [None, bytes(16)]))),
            (errors.InvalidArgument, "text must be of strings or bytes", table(("+r", 2, 0, []))),
            (errors.InvalidArgument, "no column named text", made.Batch([("id", good), ("site", good)])),
            (errors.InvalidArgument, "two columns named text", made.Batch([("id", good), ("site", good), ("text", good), ("text", good)])),
            (errors.InvalidArgument, "must be a table", made.Batch([("id", good)], format="u")),
            (errors.Malformed, "text: offsets must ascend", table(("u", 2, 0, [None, made.struct.pack("<3i", 0, 2, 1), b"ab"]))),
            (errors.Malformed, "text: offsets must ascend", table(("U", 2, 0, [None, made.struct.pack("<3q", -1, 2, 3), b"abc"]))),
            (errors.Malformed, "text: has no buffer of places", table(("u", 2, 0, [None, None, b"ab"]))),
            (errors.Malformed, "text: has no buffer of text", table(("u", 2, 0, [None, made.struct.pack("<3i", 0, 2, 3), None]))),
            (errors.Malformed, "text: has too few buffers", table(("u", 2, 0, [None, bytes(12)]))),
            (errors.Malformed, "text: is shorter than its batch", made.Batch([("id", good), ("site", good), ("text", made.with_offsets("u", [b"a"]))], length=2)),
            (errors.Malformed, "text: length and offset", table(("u", 2, -1, [None, bytes(12), b"ab"]))),
            (errors.Malformed, "text: a length must not be negative", table(views(-1, 0, 0))),
            (errors.Malformed, "text: a view names a buffer", table(views(13, 1, 0))),
            (errors.Malformed, "text: a view ends outside", table(views(13, 0, 8))),
            (errors.Malformed, "text: a view ends outside", table(views(13, 0, -1))),
            (errors.Malformed, "text: an index is outside", table(("c", 2, 0, [None, b"\5\5"], made.with_offsets("u", [b"a"])))),
            (errors.Malformed, "text: an index is outside", table(("L", 2, 0, [None, b"\xff" * 16], made.with_offsets("u", [b"a"])))),
            (errors.Io, "ended early: the source broke", made.Stream([table(good)], error="the source broke")),
        ]
        for error, text, data in rows:
            with self.subTest(text), self.assertRaisesRegex(error, text):
                self.scan(data)
        taken = table(good)
        capsules = taken.__arrow_c_array__()
        taken.__arrow_c_array__ = lambda: capsules
        self.scan(taken)
        with self.assertRaisesRegex(errors.InvalidArgument, "already taken"):
            self.scan(taken)

    def test_tables_and_files_are_not_taken_for_each_other(self):
        lines = load_units(FOLDER / "table" / "units.jsonl")
        self.assertEqual(len(lines), self.SEGMENTS)
        with self.assertRaisesRegex(errors.InvalidArgument, "reviews is a table"):
            list(scan_units(lines[:1], config("table")))
        with self.assertRaisesRegex(errors.Mismatch, "no run over a table"):
            scan_table(self.segments[0], config())
        made = {"profile": FOLDER / "p.json", "keys": [FOLDER / "k.key"], "tokenizer": FOLDER / "t.model"}
        with self.assertRaisesRegex(errors.InvalidArgument, "there is no option colour"):
            start_table(FOLDER / "t2", "reviews", 4, **made, colour="red")
        with self.assertRaisesRegex(errors.InvalidArgument, "unit_bytes"):
            start_table(FOLDER / "t2", "reviews", 0, **made)
        with self.assertRaisesRegex(errors.Mismatch, "units.jsonl"):
            start_table(FOLDER / "table", "others", 4, **made)


if __name__ == "__main__":
    logging.lastResort = None  # what is logged is tested, not shown
    unittest.main()
