"""detect, detect_batch and adjust: findings are those of the command line, member for member.

Expected adjusted p-values: Holm, Benjamini-Hochberg and Benjamini-Yekutieli computed here from their definitions. Keys and draws are fixed: nothing is tested by chance."""

import json
import math
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import numpy as np

import key_files
import verdigris
from verdigris import errors

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ["VERDIGRIS_TOOL"]
POCKET = SOURCE / "datasets" / "pocket_lm"


class Detect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        subprocess.run([TOOL, "profile", "new", "--tokenizer", POCKET / "tokenizer.model", "-o", "profile.json"], cwd=cls.folder, check=True, capture_output=True)
        cls.profile = verdigris.Profile.load(str(cls.folder / "profile.json"))
        path = cls.folder / "provider.key"
        path.touch(mode=0o600)
        path.write_bytes(key_files.tree(cls.profile.scheme_id)["provider"])
        cls.keys = [verdigris.Key.load(str(cls.folder / "provider.key"))]
        pocket, marker, rng = verdigris.Pocket(), verdigris.Marker(cls.profile, cls.keys), random.Random(1)
        cls.ids = {}
        for name, with_marker in (("marked", marker), ("unmarked", None)):
            session, ids = pocket.session(), []
            session.feed([pocket.bos_id])
            while len(ids) < 400:
                ids.append(session.draw(rng.random(), temperature=1.2, marker=with_marker, output=ids).id)
                session.feed(ids[-1:])
            cls.ids[name] = ids
        cls.texts = {name: pocket.tokenizer.decode(ids).decode("utf-8", "replace") for name, ids in cls.ids.items()}

    def command_line(self, data, *options):
        command = [TOOL, "detect", "--profile", "profile.json", "--key", "provider.key", "--tokenizer", POCKET / "tokenizer.model", "--json", *options, "-"]
        done = subprocess.run(command, cwd=self.folder, input=data, capture_output=True)
        self.assertIn(done.returncode, (0, 1, 5), done.stderr)
        return json.loads(done.stdout)

    def test_findings_are_those_of_the_command_line(self):
        for name, verdict in (("marked", "detected"), ("unmarked", "not_detected")):
            for rule in ("first", "tuple"):
                with self.subTest(name=name, rule=rule):
                    text = self.texts[name]
                    options = {"alpha": 1e-5, "rule": rule, "tokenizer": POCKET / "tokenizer.model"}
                    finding = verdigris.detect(text, self.profile, self.keys, **options)
                    self.assertEqual(finding.to_dict(), self.command_line(text.encode(), "--alpha", "1e-5", "--rule", rule))
                    self.assertEqual(verdigris.detect(text.encode(), self.profile, self.keys, **options).to_json(), finding.to_json())
                    ids = self.ids[name]
                    of_ids = verdigris.detect(ids, self.profile, self.keys, alpha=1e-5, rule=rule)
                    self.assertEqual(of_ids.to_dict(), self.command_line(" ".join(map(str, ids)).encode(), "--alpha", "1e-5", "--rule", rule, "--ids", "text"))
                    self.assertEqual(verdigris.detect(np.array(ids), self.profile, self.keys, alpha=1e-5, rule=rule).to_json(), of_ids.to_json())
                    self.assertEqual(of_ids.verdict, verdict)
                    self.assertEqual(of_ids.detected, verdict == "detected")
                    self.assertEqual((of_ids.tokens, of_ids.log10_p), (400, of_ids.to_dict()["log10_p"]))

    def test_batches_equal_single_calls(self):
        texts = [self.texts["marked"], self.ids["marked"], b"", self.texts["unmarked"].encode()]
        options = {"tokenizer": POCKET / "tokenizer.model"}
        batch = verdigris.detect_batch(iter(texts), self.profile, self.keys, **options)
        self.assertEqual([finding.to_json() for finding in batch], [verdigris.detect(text, self.profile, self.keys, **options).to_json() for text in texts])

    def test_what_is_refused(self):
        rows = [({"alpha": 0}, errors.InvalidArgument, "alpha"), ({"rule": "all"}, errors.InvalidArgument, "rule"),
                ({"tokenizer": "/nowhere"}, errors.NotFound, "/nowhere")]
        for options, kind, said in rows:
            with self.assertRaisesRegex(kind, said):
                verdigris.detect("text", self.profile, self.keys, **options)
        with self.assertRaisesRegex(errors.Malformed, "^output id 4294967295 at 0$"):
            verdigris.detect([-1, 5, 6], self.profile, self.keys)
        with self.assertRaises(errors.Mismatch):
            verdigris.detect([5, 6, 7], self.profile, [])
        with self.assertRaises(TypeError):
            verdigris.detect([5, 6, 7], self.profile, [None])


class Adjust(unittest.TestCase):
    def test_against_the_definitions(self):
        rng = random.Random(2)
        for count in (0, 1, 2, 50):
            logs = [round(-6 * rng.random() ** 4, 3) for _ in range(count)]
            p = [10**x for x in logs]
            harmonic = sum(1 / i for i in range(1, count + 1))
            order = sorted(range(count), key=lambda i: p[i])
            expected = {"holm": [0.0] * count, "bh": [0.0] * count, "by": [0.0] * count}
            most = 0.0
            for place, i in enumerate(order):
                most = max(most, min(1, (count - place) * p[i]))
                expected["holm"][i] = most
            for control, factor in (("bh", 1), ("by", harmonic)):
                least = 1.0
                for place in reversed(range(count)):
                    least = min(least, factor * p[order[place]] * count / (place + 1))
                    expected[control][order[place]] = least
            for control, values in expected.items():
                rejected, adjusted = verdigris.adjust(logs, control=control, alpha=.05)
                self.assertEqual((rejected.dtype, adjusted.dtype), (bool, np.float64))
                np.testing.assert_allclose(adjusted, [math.log10(value) for value in values], atol=1e-9)
                self.assertEqual(rejected.tolist(), [value <= .05 for value in values])

    def test_what_is_refused(self):
        for call in (lambda: verdigris.adjust([0.1]), lambda: verdigris.adjust([math.nan]), lambda: verdigris.adjust([-1], control="none"), lambda: verdigris.adjust([-1], alpha=1)):
            with self.assertRaises(errors.InvalidArgument):
                call()
        self.assertTrue(verdigris.adjust(np.array([-math.inf]))[0].all())


if __name__ == "__main__":
    unittest.main()
