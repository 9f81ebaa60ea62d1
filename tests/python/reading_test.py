"""Reading dumps against the model itself."""

import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import verdigris
from verdigris import reading_dump

SOURCE = pathlib.Path(__file__).resolve().parents[2]
POCKET = verdigris.Pocket()
STORY = POCKET.tokenizer.encode("Once upon a time, there was a little girl. She liked to play outside.")


class Lists(unittest.TestCase):
    def dump(self, texts, *flags, status=0):
        """Records of a dump, or what stands on standard error."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "reading.jsonl")
            lines = "".join(json.dumps(text) + "\n" if isinstance(text, dict) else text for text in texts)
            done = subprocess.run([sys.executable, "-m", "verdigris.reading_dump", "-", "-o", out, *flags], input=lines,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertEqual([path.name for path in pathlib.Path(folder).iterdir()], ["reading.jsonl"] if status == 0 else [])
            return [json.loads(line) for line in out.read_text().splitlines()] if status == 0 else done.stderr

    def test_lists_are_the_predictions_before_each_token(self):
        texts = [{"id": "a", "prompt": STORY[:5], "output": STORY[5:]}, {"id": "b", "output": STORY},
                 {"id": "c", "prompt": [1, *STORY[:2]], "output": STORY[2:]}, {"id": "d", "prompt": STORY, "output": []}]
        expected = POCKET.all_log_probabilities([1, *STORY])
        for k in (3, 20, 0):
            records = self.dump(texts, "--k", str(k))
            self.assertEqual([(record["id"], record["output"]) for record in records], [(text["id"], text["output"]) for text in texts])
            self.assertEqual([record["prompt"] for record in records], [text.get("prompt", []) for text in texts])
            for record, start in zip(records, (5, 0, 2, len(STORY))):
                self.assertEqual(len(record["lists"]), len(record["output"]))
                for i, listed in enumerate(record["lists"]):
                    row = expected[start + i]
                    order = np.lexsort((np.arange(POCKET.vocab), -row))
                    wanted = order[:k] if k else [id for id in order if row[id] >= -12 * math.log(2)]
                    self.assertEqual([id for id, _ in listed], [int(id) for id in wanted])
                    self.assertLess(max(abs(ln - row[id]) for id, ln in listed), 1e-6)

    def test_texts_are_cut_by_the_models_tokenizer(self):
        record, = self.dump([{"id": "a", "prompt": "Once upon", "output": " a time"}], "--k", "1")
        self.assertEqual((record["prompt"], record["output"]), (POCKET.tokenizer.encode("Once upon"), POCKET.tokenizer.encode(" a time")))

    def test_long_texts_are_read_as_the_pocket_model_reads_them(self):
        """The windows that other models are given, with the pocket model behind them."""
        for count in (1, 511, 512, 513, 768, 769, 1400):
            ids = [1] + [(i * 2654435761 >> 7) % 4000 + 3 for i in range(count - 1)]
            rows = np.concatenate([POCKET.all_log_probabilities(ids[start:new.stop])[new.start - start:]
                                   for start, new in reading_dump.windows(count, POCKET.context)])
            self.assertEqual(rows.shape[0], count)
            self.assertLess(np.abs(rows - POCKET.all_log_probabilities(ids)).max(), 1e-12)

    def test_ties_go_to_the_smaller_id(self):
        row = np.log(np.array([.1, .2, .1, .2, .1, .2, .1]))
        self.assertEqual([id for id, _ in reading_dump.listed(row, 4)], [1, 3, 5, 0])
        self.assertEqual([id for id, _ in reading_dump.listed(row, 0)], [1, 3, 5, 0, 2, 4, 6])
        self.assertEqual(len(reading_dump.listed(row, 100)), 7)
        with self.assertRaisesRegex(ValueError, "no numbers"):
            reading_dump.listed(np.array([np.nan, 0]), 1)

    def test_faults_name_the_line_and_leave_no_file(self):
        good = {"id": "a", "output": STORY}
        rows = [
            ([good, "{"], "line 2: "), ([good, "[]\n"], "line 2: must be an object"), ([good, good], "line 2: this id is there twice"),
            ([{"id": "a"}], "line 1: output must be"), ([{"id": "a", "output": [1.5]}], "line 1: output must be"),
            ([{"id": "a", "output": [4096]}], "4096 is not one of the model's 4096"), ([{"id": "", "output": []}], "line 1: must be"),
            ([{"id": "a", "prompt": [-1], "output": [5]}], "line 1: token id -1"),
            ([{"id": "a", "prompt": [5], "output": [5] * 32768}], "line 1: the text has 32769 tokens, the limit is 32768"),
        ]
        for texts, message in rows:
            self.assertIn(message, self.dump(texts, status=3))
        self.assertIn("/nowhere", self.dump([good], "--tokenizer", "/nowhere", status=3))

    def test_rows_come_window_by_window(self):
        """No text is held whole: a row of each of 4,096 tokens at a real model's vocabulary would be 4 GB."""
        reader = reading_dump._reader("pocket")
        parts = [part.shape[0] for part in reader.log_probabilities([5] * 1400)]
        self.assertEqual(sum(parts), 1400)
        self.assertLessEqual(max(parts), POCKET.context)

    def test_a_model_whose_package_is_not_there_names_it(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "texts").write_text(json.dumps({"id": "a", "output": [5]}))
            # None is how Python is told that a module is not there.
            program = "import sys; sys.modules['torch'] = None; from verdigris.reading_dump import main; sys.exit(main(sys.argv[1:]))"
            done = subprocess.run([sys.executable, "-c", program, "--model", folder, f"{folder}/texts", "-o", f"{folder}/out"], capture_output=True,
                                  text=True)
        self.assertEqual((done.returncode, done.stderr),
                         (3, f"reading_dump: error: {folder}: needs torch, which cannot be imported: pip install torch transformers\n"))

    @unittest.skipUnless(importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"),
                         "torch or transformers is not installed")
    def test_models_that_transformers_does_not_take(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, content in ((None, b""), ("config.json", b"{}"), ("config.json", (SOURCE / "datasets/pocket_lm/config.json").read_bytes()),
                                  ("pytorch_model.bin", b"\x80"), ("model.safetensors", b"\0" * 9)):
                if name is not None:
                    pathlib.Path(folder, name).write_bytes(content)
                self.assertIn("transformers does not take it", self.dump([{"id": "a", "output": STORY}], "--model", folder, status=3))

    @unittest.skipUnless(importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"),
                         "torch or transformers is not installed")
    def test_transformers_reads_the_same_model_alike(self):
        reader = reading_dump.TransformersReader(str(SOURCE / "datasets/pocket_lm"))
        ids = [1] + [(i * 2654435761 >> 7) % 4000 + 3 for i in range(700)]
        rows = np.concatenate(list(reader.log_probabilities(ids)))
        self.assertLess(np.abs(rows - POCKET.all_log_probabilities(ids)).max(), 1e-3)


if __name__ == "__main__":
    unittest.main()
