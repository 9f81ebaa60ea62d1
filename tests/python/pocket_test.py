"""The pocket model, its tokenizer, keys and errors from Python.

Expected logits: datasets/pocket_lm/reference_logits.json, from PyTorch (datasets/pocket_lm/export_reference.py).
"""

import copy
import json
import os
import pathlib
import pickle
import random
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import numpy as np

import verdigris

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ["VERDIGRIS_TOOL"]
POCKET = verdigris.Pocket()


def random_ids(count, seed):
    return [POCKET.bos_id] + [random.Random(seed + i).randrange(3, POCKET.vocab) for i in range(count - 1)]


class Logits(unittest.TestCase):
    def test_they_are_those_of_pytorch_to_1e_3(self):
        reference = json.loads((SOURCE / "datasets/pocket_lm/reference_logits.json").read_text())
        self.assertGreaterEqual(len(reference["cases"]), 3)
        for case in reference["cases"]:
            rows = POCKET.all_logits(case["ids"])
            self.assertEqual(rows.shape, (len(case["ids"]), POCKET.vocab))
            self.assertGreaterEqual(len(case["rows"]), 4)
            for row in case["rows"]:
                with self.subTest(case=case["name"], position=row["position"]):
                    alone = POCKET.logits(case["ids"][:row["position"] + 1])
                    self.assertEqual(alone.dtype, np.float32)
                    ids, expected = zip(*row["logits"])
                    self.assertGreaterEqual(len(ids), 50)
                    for logits in (alone, rows[row["position"]]):
                        self.assertEqual(int(logits.argmax()), row["argmax"])
                        self.assertLess(np.abs(logits[list(ids)] - np.array(expected)).max(), 1e-3)

    def test_all_positions_are_those_one_by_one_also_beyond_the_context(self):
        ids = random_ids(POCKET.context + 300, 1)
        rows = POCKET.all_logits(ids)
        session = POCKET.session()
        for i, id in enumerate(ids):
            session.feed([id])
            self.assertTrue(np.array_equal(session.logits(), rows[i]), i)
        self.assertTrue(np.array_equal(POCKET.logits(ids), rows[-1]))

    def test_log_probabilities_are_the_softmax_of_the_logits(self):
        ids = random_ids(40, 2)
        found = POCKET.all_log_probabilities(ids)
        logits = POCKET.all_logits(ids).astype(np.float64)
        self.assertLess(np.abs(np.exp(found).sum(1) - 1).max(), 1e-12)
        self.assertLess(np.abs((logits - logits.max(1, keepdims=True)) - (found - found.max(1, keepdims=True))).max(), 1e-12)

    def test_a_folder_is_a_model(self):
        folder = pathlib.Path(verdigris.__file__).parent / "pocket_lm"
        self.assertTrue(np.array_equal(verdigris.Pocket(folder).logits([1, 5]), POCKET.logits([1, 5])))

    def test_ids_come_as_numpy_too(self):
        self.assertTrue(np.array_equal(POCKET.logits(np.array([1, 5], np.int64)), POCKET.logits([1, 5])))

    def test_other_threads_run_while_a_model_computes(self):
        ids = random_ids(2000, 3)
        running = threading.Event()
        done = threading.Event()

        def compute():
            running.set()
            POCKET.all_logits(ids)
            done.set()

        thread = threading.Thread(target=compute)
        thread.start()
        running.wait()
        ticks = 0
        while not done.is_set():
            time.sleep(.001)
            ticks += 1
        thread.join()
        self.assertGreater(ticks, 3)  # with the interpreter locked it is 1 at most


class Sessions(unittest.TestCase):
    def test_a_copy_goes_its_own_way(self):
        one = POCKET.session()
        one.feed([1, 100, 200])
        before = one.logits()
        for other in (one.copy(), copy.copy(one)):
            other.feed([300])
            self.assertTrue(np.array_equal(other.logits(), POCKET.logits([1, 100, 200, 300])))
            self.assertEqual((len(one), len(other)), (3, 4))
        self.assertTrue(np.array_equal(one.logits(), before))

    def test_ranked_are_the_likeliest_and_read_is_what_stood_before(self):
        ids = random_ids(150, 4)  # more than are read at a time
        expected = POCKET.all_log_probabilities(ids)
        session = POCKET.session()
        session.feed(ids[:1])
        own, top, top_ln = session.read(ids[1:], 20)
        self.assertEqual((own.shape, top.shape, top_ln.shape), ((149,), (149, 20), (149, 20)))
        for i in range(149):
            order = np.lexsort((np.arange(POCKET.vocab), -expected[i]))[:20]
            self.assertEqual(order.tolist(), top[i].tolist())
            self.assertLess(np.abs(expected[i][order] - top_ln[i]).max(), 1e-12)
            self.assertAlmostEqual(expected[i][ids[i + 1]], own[i], delta=1e-12)
        ranked, ranked_ln = session.ranked(5)
        self.assertEqual(ranked, np.lexsort((np.arange(POCKET.vocab), -expected[-1]))[:5].tolist())
        self.assertAlmostEqual(session.log_probability(ranked[0]), ranked_ln[0], delta=1e-12)
        self.assertTrue(np.array_equal(session.logits(), POCKET.logits(ids)))
        self.assertEqual(session.ranked(0), ([], []))
        self.assertEqual(len(session.ranked(10**6)[0]), POCKET.vocab)

    def test_draws_have_the_shares_of_the_distribution(self):
        """Uniform numbers in the middle of 20,000 equal parts: each id's count is its probability to within 2 parts."""
        session = POCKET.session()
        session.feed([1, *POCKET.tokenizer.encode("Once upon a time, there was a")])
        parts = 20000
        for options, logits in (({}, session.logits()), ({"temperature": .5}, session.logits() / .5)):
            counts = np.bincount([session.draw((i + .5) / parts, **options).id for i in range(parts)], minlength=POCKET.vocab)
            logits = logits.astype(np.float64)
            logits[[id for id in POCKET.tokenizer.special_ids if id != POCKET.eos_id]] = -np.inf
            p = np.exp(logits - logits.max())
            self.assertLessEqual(np.abs(counts - parts * p / p.sum()).max(), 2)

    def test_draws_obey_their_options(self):
        session = POCKET.session()
        session.feed([1, *POCKET.tokenizer.encode("Once upon")])
        best = session.ranked(1)[0][0]
        for options in ({"temperature": 0}, {"top_k": 1}, {"top_p": 1e-9}, {"min_p": 1}):
            self.assertEqual(session.draw(.999, **options).id, best, options)
        self.assertEqual(session.draw(.5, bias={77: 100}).id, 77)
        self.assertEqual(session.draw(.5).state, 2)  # off


class Tokenizer(unittest.TestCase):
    def test_text_comes_back_and_pieces_add_up(self):
        tokenizer = POCKET.tokenizer
        for text in ("", "Once upon a time", "  two  spaces\n", "caf\u00e9 \u65e5\u672c \U0001f600", "</s> is text"):
            ids = tokenizer.encode(text)
            self.assertEqual(tokenizer.decode(ids), text.encode())
            # The tokenizer puts a space before every text, which decoding takes away.
            self.assertEqual(b"".join(map(tokenizer.piece_bytes, ids)), b" " + text.encode() if text else b"")
            self.assertEqual(tokenizer.encode(text.encode()), ids)
        self.assertEqual(tokenizer.special_ids, [0, 1, 2])
        self.assertEqual([tokenizer.piece_name(id) for id in range(3)], [b"<unk>", b"<s>", b"</s>"])
        self.assertEqual(tokenizer.piece_bytes(POCKET.eos_id), b"")
        self.assertEqual(tokenizer.vocab, POCKET.vocab)
        self.assertEqual(tokenizer.sha256, "07c95186dd65d65890fe8c744cb54170f04aaaf230260e60ea647acf371785c7")


class Errors(unittest.TestCase):
    def test_each_has_its_class_its_number_and_the_librarys_message(self):
        empty = POCKET.session()
        fed = POCKET.session()
        fed.feed([1])
        rows = [
            (lambda: POCKET.logits([4096]), ValueError, 10, "token id must be below 4096, got 4096"),
            (lambda: POCKET.logits([]), ValueError, 10, "there are no ids"),
            (lambda: POCKET.tokenizer.decode([1, 5000]), ValueError, 10, "id 5000 at 1, vocab 4096"),
            (lambda: POCKET.tokenizer.piece_bytes(5000), ValueError, 10, "got 5000"),
            (lambda: fed.draw(.5, temperature=-1), ValueError, 10, "temperature must be in [0,100]"),
            (lambda: fed.draw(1.0), ValueError, 10, "uniform must be in [0,1)"),
            (lambda: fed.draw(.5, bias={5000: 1.0}), ValueError, 10, "got 5000"),
            (lambda: fed.log_probability(5000), ValueError, 10, "got 5000"),
            (lambda: empty.logits(), verdigris.Error, 11, "fed no token"),
            (lambda: empty.draw(.5), verdigris.Error, 11, "fed no token"),
            (lambda: empty.read([1], 1), verdigris.Error, 11, "fed no token"),
            (lambda: POCKET.all_logits([1] * 70000), verdigris.Error, 22, "the limit is 2^28 numbers"),
            (lambda: verdigris.Pocket("/nowhere"), FileNotFoundError, 50, "/nowhere/tokenizer.model"),
            (lambda: verdigris.Profile.parse(b"{}"), ValueError, 20, ""),
            (lambda: verdigris.Profile.load(__file__), ValueError, 20, __file__),
            (lambda: verdigris.Key.load("/nowhere"), FileNotFoundError, 50, "/nowhere"),
        ]
        for call, kind, code, message in rows:
            with self.subTest(message=message), self.assertRaises(kind) as caught:
                call()
            self.assertIsInstance(caught.exception, verdigris.Error)
            self.assertEqual(caught.exception.code, code)
            self.assertIn(message, str(caught.exception))

    def test_ids_that_are_none_are_type_errors(self):
        for ids in ([-1], [2**32], [1.5], ["a"], None, 5):
            with self.assertRaises(TypeError):
                POCKET.logits(ids)


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        for command in (("keygen", "-o", "master.key"),
                        ("profile", "new", "--tokenizer", SOURCE / "datasets/pocket_lm/tokenizer.model", "-o", "profile.json"),
                        ("derive", "--from", "master.key", "--profile", "profile.json", "--epoch", "1", "--role", "provider",
                         "-o", "provider.key")):
            subprocess.run([TOOL, *command], cwd=cls.path, check=True, capture_output=True)

    def test_no_attribute_text_or_copy_has_the_key(self):
        key = verdigris.Key.load(str(self.path / "provider.key"))
        self.assertEqual((key.role, key.epoch, key.account), ("provider", 1, ""))
        secret = next(line.split()[-1] for line in (self.path / "provider.key").read_text().splitlines() if line.startswith("key: "))
        shown = repr(key) + str(key) + "".join(repr(getattr(key, name)) for name in dir(key))
        self.assertNotIn(secret, shown)
        self.assertIn(key.kid, repr(key))
        for take in (lambda: pickle.dumps(key), lambda: copy.copy(key), lambda: copy.deepcopy(key), lambda: memoryview(key),
                     lambda: bytes(key), lambda: verdigris.Key()):
            with self.assertRaises(TypeError):
                take()

    def test_a_file_that_others_can_read_is_refused(self):
        path = self.path / "open.key"
        path.write_bytes((self.path / "provider.key").read_bytes())
        path.chmod(stat.S_IRUSR | stat.S_IRGRP)
        with self.assertRaises(PermissionError) as caught:
            verdigris.Key.load(str(path))
        self.assertEqual(caught.exception.code, 24)
        self.assertEqual(verdigris.Key.load(str(path), insecure_permissions=True).role, "provider")

    def test_a_marker_marks_what_the_session_draws(self):
        profile = verdigris.Profile.load(str(self.path / "profile.json"))
        self.assertEqual((profile.scheme, profile.window, profile.vocab), ("green", 2, 4096))
        self.assertEqual(profile.tokenizer_sha256, POCKET.tokenizer.sha256)
        marker = verdigris.Marker(profile, [verdigris.Key.load(str(self.path / "provider.key"))])
        session = POCKET.session()
        session.feed([1])
        self.assertEqual(session.draw(.5, marker=marker).state, 3)  # short
        drawn = session.draw(.5, marker=marker, output=[100, 200])
        self.assertEqual((drawn.state, drawn.layer), (1, 1))
        self.assertGreater(drawn.nats, 0)
        self.assertEqual(session.draw(.5, marker=marker, output=[100, 200, 100, 200, 100, 200]).state, 5)  # repeated

    def test_markers_refuse_what_does_not_belong(self):
        profile = verdigris.Profile.load(str(self.path / "profile.json"))
        with self.assertRaises(verdigris.Error) as caught:
            verdigris.Marker(profile, [verdigris.Key.load(str(self.path / "master.key"))])
        self.assertEqual(caught.exception.code, 12)
        with self.assertRaises(verdigris.Error) as caught:
            verdigris.Marker(profile, [])
        self.assertEqual(caught.exception.code, 11)
        for keys in ([None], None, ["x"]):
            with self.assertRaises(TypeError):
                verdigris.Marker(profile, keys)


if __name__ == "__main__":
    unittest.main()
