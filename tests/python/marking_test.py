"""Marker, batches and History from Python.

Expected scores: `scored` of tests/vectors, made by the second implementation. Masks and rows are compared with each other and with the
score of each id, so that mark, mask and score must agree; the numbers of masks, biases and marks themselves are tested in C++, where a
layer key can be given. Histories are compared with a quadratic reference. No test is random: seeds are fixed, nothing is tested by chance."""

import base64
import copy
import ctypes
import hashlib
import importlib.util
import json
import math
import pathlib
import pickle
import random
import resource
import threading
import unittest

import numpy as np

import verdigris
from key_files import derive, key_file, profile, tree
from verdigris import errors

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"
MARKED, OFF, SHORT, SPECIAL, REPEATED, NO_CHOICE = range(1, 7)
VOCAB = 1000


def make(accounts="acct-7", **settings):
    made = verdigris.Profile.parse(profile(**settings))
    files = tree(made.scheme_id)
    wanted = ["provider"] if made.provider_share == 256 else ["provider", "selector", accounts]
    return verdigris.Marker(made, [verdigris.Key.parse(files[name]) for name in wanted])


GREEN = make()


def softmax(row):
    row = row.astype(np.float64)
    weights = np.exp(row - row.max())
    return weights / weights.sum()


def logits(seed, shape=VOCAB, kind=np.float32):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(kind)


class DLManagedTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32 * 2), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64), ("context", ctypes.c_void_p),
                ("deleter", ctypes.c_void_p)]


class Foreign:
    """A producer of DLPack that is no numpy array: `array` is its memory, said to be of this type on this device."""

    def __init__(self, array, code, bits, device=1):
        self.array, self.code, self.bits, self.device, self.kept = array, code, bits, device, []

    def __dlpack_device__(self):
        return self.device, 0

    def __dlpack__(self, stream=None, **_):
        count = self.array.ndim
        shape = (ctypes.c_int64 * count)(*self.array.shape)
        strides = (ctypes.c_int64 * count)(*(stride // self.array.itemsize for stride in self.array.strides))
        made = DLManagedTensor(self.array.ctypes.data, (self.device, 0), count, self.code, self.bits, 1, shape, strides, 0, None, None)
        self.kept.append((shape, strides, made))
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        return new(ctypes.addressof(made), b"dltensor", None)


def bfloat16(array):
    return (array.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


class Marks(unittest.TestCase):
    def test_scores_are_those_of_the_vectors(self):
        checked = 0
        for path in sorted(VECTORS.glob("scheme_*.json")):
            for case in json.loads(path.read_text())["scored"]:
                share = case["scheme"]["provider_share"]
                sampler = {"specials": "preserve"} | ({"delta_milli": 2000, "zero_temperature": "off"} if case["scheme"]["scheme"] == "green" else {})
                made = verdigris.Profile.parse((json.dumps({"sampler": sampler, "schema": "verdigris.profile/1", "scheme": case["scheme"]},
                                                           sort_keys=True, separators=(",", ":")) + "\n").encode())
                for test in case["tests"]:
                    label = test["key"].removeprefix("account:") if test["layer"] == "account" else "acct-7"
                    roles = [("provider", "provider", "-")]
                    if share != 256:
                        roles += [("selector", "selector", "-"), ("account", f"account:{label}", label)]
                    marker = verdigris.Marker(made, [verdigris.Key.parse(key_file(role, bytes.fromhex(case["keys"][name]), made.scheme_id, case["epoch"], account))
                                                     for role, name, account in roles])
                    seen, total, h = set(), 0, made.window
                    for ids in case["records"]:
                        each = marker.score(ids, test["rule"], each=True).each
                        self.assertEqual(each.shape, (len(ids), 3))
                        for at, (layer, state, score) in enumerate(each.tolist()):
                            if state == MARKED and layer == (1 if test["layer"] == "provider" else 2) and tuple(ids[at - h:at + 1]) not in seen:
                                seen.add(tuple(ids[at - h:at + 1]))
                                total += score
                    with self.subTest(path=path.name, test=test):
                        self.assertEqual((len(seen), total), (test["n"], test["statistic"]))
                        checked += 1
        self.assertEqual(checked, 32)

    def test_mask_bias_and_score_agree(self):
        output = [5, 17, 300, 41]
        mask, price = GREEN.mask(output)
        self.assertEqual((price.state, mask.shape, mask.dtype), (MARKED, (GREEN.mask_bytes,), np.uint8))
        green = np.unpackbits(mask, bitorder="little")[:VOCAB].astype(bool)
        self.assertTrue(150 < green.sum() < 350, green.sum())  # a quarter
        self.assertFalse(green[:3].any())  # special ids
        row = logits(1)
        biased = row.copy()
        price = GREEN.mark_(biased, output, mode="bias", scale=.5)
        self.assertEqual((price.state, price.has_masses, price.green), (MARKED, False, 0))
        np.testing.assert_array_equal(biased, np.where(green, row + np.float32(1), row))
        drawn = row.copy()
        price = GREEN.mark_(drawn, output)
        weights = softmax(row) * np.where(green, math.exp(2), 1)
        np.testing.assert_allclose(softmax(drawn), weights / weights.sum(), rtol=1e-4, atol=1e-9)
        self.assertTrue(price.has_masses)
        # Of the markable mass: ids 0 to 2 are special, and count under `plain` as not green.
        p, q = softmax(row), softmax(drawn)
        self.assertAlmostEqual(price.kl_qp, float((q * np.log(q / p)).sum()), places=5)
        self.assertAlmostEqual(price.kl_pq, float((p * np.log(p / q)).sum()), places=5)
        self.assertAlmostEqual(price.tv, float(np.abs(p - q).sum() / 2), places=6)
        self.assertAlmostEqual(price.special, float(p[:3].sum()), places=6)
        for id in (3, 500, 999, int(np.flatnonzero(green)[0])):
            each = GREEN.score([*output, id], each=True).each
            self.assertEqual(each[-1].tolist(), [price.layer, MARKED, int(green[id])])

    def test_unbiased_schemes(self):
        for scheme in ("gumbel", "tournament"):
            marker, row = make(scheme=scheme), logits(2)
            marked = row.copy()
            price = marker.mark_(marked, [5, 6, 7])
            self.assertEqual(price.state, MARKED)
            self.assertFalse(np.array_equal(marked, row))
            self.assertAlmostEqual(float(softmax(marked).sum()), 1, places=6)
            for refused in (lambda: marker.mask([5, 6, 7]), lambda: marker.mark_(row, [5, 6, 7], mode="bias")):
                with self.assertRaises(errors.NotSupported):
                    refused()

    def test_states(self):
        rows = [([5], "auto", SHORT), ([5, 0], "auto", SPECIAL), ([5, 6, 5, 6], "auto", REPEATED), ([5, 6, 5, 6], "new", MARKED), ([5, 6], "repeated", REPEATED)]
        for output, repeat, state in rows:
            row = logits(3)
            self.assertEqual(GREEN.mark_(row, output, repeat=repeat).state, state, (output, repeat))
            self.assertEqual(np.array_equal(row, logits(3)), state != MARKED)
            mask, price = GREEN.mask(output, repeat=repeat)
            self.assertEqual((price.state, mask.any()), (state, state == MARKED))
        row = np.full(VOCAB, -np.inf, np.float32)
        row[7] = 0
        self.assertEqual(GREEN.mark_(row, [5, 6]).state, NO_CHOICE)

    def test_candidates(self):
        """Any order, any of the integers, also as a column of a table; the rest of the vocabulary is absent."""
        order = np.random.default_rng(4).permutation(VOCAB)[:200]
        whole = np.full(VOCAB, -np.inf, np.float32)
        whole[order] = logits(4, 200)
        GREEN.mark_(whole, [5, 6])
        for kind in (np.uint32, np.int32, np.int64, np.uint64):
            table = np.zeros((200, 3), kind)
            table[:, 1] = order
            for ids in (order.astype(kind), table[:, 1]):
                row = logits(4, 200)
                self.assertEqual(GREEN.mark_(row, [5, 6], ids=ids).state, MARKED)
                np.testing.assert_allclose(row, whole[order], atol=1e-5)
        for ids, said in ((order[:199], "199"), (np.r_[order[:199], order[0]], "id"), (np.r_[order[:199], -1], "-1"), (np.r_[order[:199], 2**32 + 5], "4294967301")):
            row = logits(4, 200)
            with self.assertRaisesRegex(errors.InvalidArgument, said):
                GREEN.mark_(row, [5, 6], ids=ids)
            np.testing.assert_array_equal(row, logits(4, 200))

    def test_types_and_producers(self):
        output = [5, 6]
        half = logits(5, kind=np.float16)
        exact = half.astype(np.float32)
        GREEN.mark_(half, output, mode="bias")
        GREEN.mark_(exact, output, mode="bias")
        np.testing.assert_array_equal(half, exact.astype(np.float16))
        for code, memory in ((2, logits(5, kind=np.float16)), (4, bfloat16(logits(5)))):
            before = memory.copy()
            self.assertEqual(GREEN.mark_(Foreign(memory, code, 16), output, mode="bias").state, MARKED)
            self.assertFalse(np.array_equal(memory, before))  # in its own memory
        brain = bfloat16(logits(5))
        as_f32 = (brain.astype(np.uint32) << 16).view(np.float32).copy()
        GREEN.mark_(Foreign(brain, 4, 16), output, mode="bias")
        GREEN.mark_(as_f32, output, mode="bias")
        error = np.abs((brain.astype(np.uint32) << 16).view(np.float32) - as_f32)
        self.assertLess(float((error / np.maximum(np.abs(as_f32), 1e-3)).max()), 2**-8)

    def test_what_would_need_a_copy_is_refused_and_the_way_is_named(self):
        read_only = logits(6)
        read_only.flags.writeable = False
        rows = [(read_only, "read-only.*copy"), (logits(6).astype(np.float64), "float64.*float32"), (logits(6, 2 * VOCAB)[::2], "packed.*contiguous"),
                (logits(6)[::-1], "packed"), (Foreign(logits(6), 2, 32, device=2), r"device.*\.cpu"), (logits(6, (2, VOCAB)), "mark_batch_"),
                (logits(6, (1, 1, VOCAB)), "axes"), ([1.0, 2.0], "numpy array")]
        for row, said in rows:
            with self.subTest(said=said), self.assertRaisesRegex(errors.InvalidArgument, said):
                GREEN.mark_(row, [5, 6])
        np.testing.assert_array_equal(read_only, logits(6))

    def test_torch(self):
        """Where it is installed, as in the environment of the adapters."""
        if importlib.util.find_spec("torch") is None:
            self.skipTest("torch is not installed")
        import torch
        mask = np.unpackbits(GREEN.mask([5, 6])[0], bitorder="little")[:VOCAB].astype(bool)
        for kind in (torch.float32, torch.float16, torch.bfloat16):
            rows = torch.zeros(3, VOCAB + 6, dtype=kind)
            self.assertEqual(GREEN.mark_(rows[1, 3:3 + VOCAB], torch.tensor([5, 6]), mode="bias").state, MARKED)
            np.testing.assert_array_equal(rows[1, 3:3 + VOCAB].float().numpy(), mask * np.float32(2))
            self.assertEqual(float(rows.float().sum()), 2 * mask.sum())  # nothing beside it
            states = torch.ones(3, dtype=torch.uint8)
            found = verdigris.mark_batch_([GREEN, None, GREEN], rows[:, :VOCAB], torch.tensor([[5, 6]] * 3, dtype=torch.int32), states, mode="bias")
            self.assertEqual(found["state"].tolist(), [MARKED, OFF, MARKED])
        for wrong, said in ((torch.zeros(VOCAB, dtype=torch.float64), "float64"), (torch.zeros(VOCAB, 2)[:, 0], "packed"), (torch.zeros(VOCAB, device="meta"), "numpy array|device")):
            with self.assertRaisesRegex(errors.InvalidArgument, said):
                GREEN.mark_(wrong, [5, 6])

    def test_output_ids(self):
        expected = GREEN.mask([5, 6])[0]
        for ids in ((5, 6), np.array([5, 6]), np.array([5, 6], np.int32), np.array([5, 6], np.uint32), np.array([5, 0, 6, 0], np.uint32)[::2], iter([5, 6]),
                    [np.int64(5), np.uint8(6)], Foreign(np.array([5, 6]), 0, 64)):
            np.testing.assert_array_equal(GREEN.mask(ids)[0], expected)
        # Placeholders of engines are a fault that names its place.
        for ids in ([5, -1], [5, 0xFFFFFFFF], np.array([5, -1]), np.array([5, -1], np.int32), [5, 2**70], np.array([5, 2**40])):
            with self.assertRaisesRegex(errors.InvalidArgument, "4294967295 at 1"):
                GREEN.mask(ids)
        for ids, kind in ((["a"], TypeError), ("56", ValueError), ([1.5], TypeError), (5, TypeError), (np.array([1.5]), ValueError), (np.zeros((1, 2), np.int64), ValueError)):
            with self.assertRaises(kind):
                GREEN.mask(ids)

    def test_what_is_expected(self):
        made = verdigris.Profile.parse(profile())
        keys = [verdigris.Key.parse(file) for name, file in tree(made.scheme_id).items() if name != "acct-8"]
        verdigris.Marker(made, keys, epoch=3, vocab=VOCAB, scheme_id=made.scheme_id, tokenizer_sha256="5b" * 32)
        for expect, kind in (({"epoch": 4}, errors.Mismatch), ({"vocab": 999}, errors.Mismatch), ({"scheme_id": "00" * 32}, errors.Mismatch),
                             ({"vocab": "many"}, errors.InvalidArgument), ({"window": 2}, errors.InvalidArgument)):
            with self.assertRaises(kind):
                verdigris.Marker(made, keys, **expect)
        self.assertEqual((GREEN.window, GREEN.mask_bytes, GREEN.epoch, GREEN.account), (2, 125, 3, "acct-7"))
        self.assertEqual(GREEN.kids, [keys[0].kid, keys[2].kid])
        other = GREEN.with_account(verdigris.Key.parse(tree(made.scheme_id)["acct-8"]))
        self.assertEqual((other.account, other.kids[0]), ("acct-8", GREEN.kids[0]))
        self.assertEqual(GREEN.profile.scheme_id, made.scheme_id)
        self.assertEqual((made.member("delta_milli"), made.member("unbiased")), ("2000", "false"))

    def test_the_row_is_free_while_another_thread_marks(self):
        """64 threads on one marker: each row as if alone."""
        outputs = [[5 + i, 6 + i] for i in range(64)]
        rows = [logits(i) for i in range(64)]
        threads = [threading.Thread(target=GREEN.mark_, args=(row, output)) for row, output in zip(rows, outputs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for i, (row, output) in enumerate(zip(rows, outputs)):
            alone = logits(i)
            GREEN.mark_(alone, output)
            np.testing.assert_array_equal(row, alone)


class Draws(unittest.TestCase):
    """Against the definition: the id where the sum of probabilities, in ascending order of ids, passes the uniform number."""

    def drawn(self, probabilities, uniform):
        return int(np.searchsorted(np.cumsum(probabilities), uniform, side="right"))

    def test_truncation_and_temperature(self):
        row = logits(3)
        before = row.copy()
        by_rank = np.lexsort((np.arange(VOCAB), -row))
        for uniform in (0.0, .01, .3, .77, .999):
            for options, kept, temperature in (
                    ({}, by_rank, 1), ({"temperature": .5}, by_rank, .5), ({"top_k": 7}, by_rank[:7], 1), ({"top_k": 1}, by_rank[:1], 1),
                    ({"top_p": .5}, by_rank[: int(np.searchsorted(np.cumsum(softmax(row)[by_rank]), .5)) + 1], 1),
                    ({"min_p": .1}, np.flatnonzero(softmax(row) >= .1 * softmax(row).max()), 1)):
                with self.subTest(uniform=uniform, options=options):
                    left = np.full(VOCAB, -np.inf)
                    left[kept] = row[kept]
                    drawn = verdigris.draw(row, uniform, **options)
                    self.assertEqual(drawn.id, self.drawn(softmax(left / temperature), uniform))
                    self.assertEqual((drawn.state, drawn.layer, drawn.nats), (OFF, 0, 0))
        self.assertEqual(verdigris.draw(row, .5, temperature=0).id, int(row.argmax()))
        self.assertEqual(verdigris.draw(row, .5, bias={7: 100}).id, 7)
        np.testing.assert_array_equal(row, before)

    def test_the_mark_is_that_of_mark_on_what_truncation_leaves(self):
        row, output = logits(4), [5, 17, 300, 41]
        kept = np.sort(np.lexsort((np.arange(VOCAB), -row))[:50]).astype(np.uint32)
        marked = row[kept].copy()
        price = GREEN.mark_(marked, output, ids=kept)
        ids = set()
        for uniform in np.linspace(0, .999, 40):
            drawn = verdigris.draw(row, float(uniform), top_k=50, marker=GREEN, output_ids=output)
            self.assertEqual(drawn.id, int(kept[self.drawn(softmax(marked), uniform)]))
            self.assertEqual((drawn.state, drawn.layer), (MARKED, price.layer))
            self.assertAlmostEqual(drawn.nats, price.kl_qp, places=5)
            ids.add(drawn.id)
        self.assertGreater(len(ids), 5)
        self.assertEqual(verdigris.draw(row, .5, marker=GREEN, output_ids=[1]).state, SHORT)
        self.assertEqual(verdigris.draw(row, .5, marker=GREEN, output_ids=np.array(output[-2:], np.uint32), repeat="repeated").state, REPEATED)

    def test_ranks(self):
        row = logits(5)
        ids, ln = verdigris.ranked(row, 4)
        self.assertEqual(ids, np.argsort(-row)[:4].tolist())
        for id, one in zip(ids, ln, strict=True):
            self.assertAlmostEqual(one, math.log(softmax(row)[id]), places=6)
            self.assertEqual(verdigris.log_probability(row, id), one)
        self.assertEqual([len(part) for part in verdigris.ranked(row[:3], 9)], [3, 3])

    def test_faults(self):
        row = logits(6)
        for arguments, options, text in (
                ((row.astype(np.float64), .5), {}, "float32"), ((row[None], .5), {}, "one row"), ((row[::2], .5), {}, "packed"), ((row[:0], .5), {}, "no logits"),
                ((row, 1.0), {}, "uniform"), ((row, math.nan), {}, "uniform"), ((row, .5), {"bias": {VOCAB: 1}}, "below 1000"),
                ((row, .5), {"repeat": "never"}, "repeat"), ((row, .5), {"temperature": -1}, "temperature"), ((row, .5), {"top_p": 0}, "top_p"),
                ((row, .5), {"marker": GREEN, "output_ids": [5, -1]}, "4294967295"), ((np.full(9, np.nan, np.float32), .5), {}, "NaN")):
            with self.subTest(text=text), self.assertRaisesRegex(errors.InvalidArgument, text):
                verdigris.draw(*arguments, **options)
        with self.assertRaisesRegex(errors.InvalidArgument, "below 1000"):
            verdigris.log_probability(row, VOCAB)


class Batches(unittest.TestCase):
    def test_they_equal_single_calls(self):
        """Widths below, at and above the vocabulary, odd strides, all types, two accounts, rows without marker, repeated and short."""
        rng = random.Random(7)
        other = make("acct-8")
        rows_seen = 0
        for width in (1, 37, 999, VOCAB, VOCAB + 27):
            for kind in (np.float32, np.float16):
                for mode in ("bias", "distribution"):
                    count = 24
                    memory = logits(width, (count, width + 5), kind)
                    part = memory[:, 2:2 + width]
                    singles, windows, states, markers, scale = memory.copy(), np.zeros((count, 2), np.uint32), np.zeros(count, np.uint8), [], np.zeros(count)
                    expected = []
                    for r in range(count):
                        ids = [rng.randrange(3, 12) for _ in range(rng.randrange(0, 9))]
                        markers.append(rng.choice([GREEN, other, None]))
                        scale[r] = rng.choice([1, .7])
                        history = verdigris.History(2)
                        history.push(ids)
                        w, s = history.peek()
                        windows[r], states[r] = w[0], s[0]
                        if markers[r] is None:
                            expected.append((OFF, 0, 0.0))
                        else:
                            price = markers[r].mark_(singles[r, 2:2 + width], ids, mode=mode, scale=float(scale[r]))
                            expected.append((price.state, price.layer, price.kl_qp))
                    rows = verdigris.mark_batch_(markers, part, windows, states, mode=mode, scale=scale, threads=rng.choice([1, 3]))
                    np.testing.assert_array_equal(memory.view(np.uint8), singles.view(np.uint8))  # what lies between rows too
                    self.assertEqual([(int(row["state"]), int(row["layer"]), float(row["kl_qp"])) for row in rows], expected)
                    self.assertFalse(rows["code"].any())
                    masks, prices = verdigris.mask_batch(markers, windows, states)
                    self.assertEqual(prices["state"].tolist(), [state if state != NO_CHOICE else MARKED for state, _, _ in expected])
                    for r in range(count):
                        if markers[r] is not None and states[r] == 1:
                            np.testing.assert_array_equal(masks[r], markers[r].mask(windows[r], repeat="new")[0])
                        else:
                            self.assertFalse(masks[r].any())
                    rows_seen += count
        self.assertEqual(rows_seen, 480)

    def test_a_faulty_row_leaves_the_others(self):
        rows = logits(8, (3, VOCAB))
        rows[1, 5] = np.nan
        before = rows.copy()
        windows, states = np.array([[5, 6]] * 3, np.uint32), np.ones(3, np.uint8)
        prices = verdigris.mark_batch_([GREEN] * 3, rows, windows, states, mode="distribution")
        self.assertEqual(prices["code"].tolist(), [0, 10, 0])
        self.assertEqual(prices["state"].tolist(), [MARKED, 0, MARKED])
        np.testing.assert_array_equal(rows[1], before[1])
        windows[2, 0] = 0xFFFFFFFF  # a placeholder
        self.assertEqual(verdigris.mask_batch([GREEN] * 3, windows, states)[1]["code"].tolist(), [0, 0, 10])

    def test_out(self):
        windows, states = np.array([[5, 6]] * 2, np.uint32), np.ones(2, np.uint8)
        memory = np.full((2, GREEN.mask_bytes + 9), 0xAB, np.uint8)
        masks, _ = verdigris.mask_batch([GREEN, None], windows, states, out=memory[:, :GREEN.mask_bytes])
        self.assertTrue(np.shares_memory(masks, memory))
        np.testing.assert_array_equal(memory[0, :GREEN.mask_bytes], GREEN.mask([5, 6])[0])
        self.assertFalse(memory[1, :GREEN.mask_bytes].any())
        self.assertTrue((memory[:, GREEN.mask_bytes:] == 0xAB).all())
        memory[:] = 0xAB
        masks, rows = verdigris.mask_batch([None, None], None, None, out=memory[:, :7])
        self.assertFalse(masks.any())
        self.assertTrue((memory[:, 7:] == 0xAB).all())
        self.assertEqual(rows["state"].tolist(), [OFF, OFF])
        self.assertEqual(verdigris.mask_batch([], None, None)[0].shape, (0, 0))

    def test_what_does_not_fit(self):
        windows, states, rows = np.array([[5, 6]] * 2, np.uint32), np.ones(2, np.uint8), logits(9, (2, VOCAB))
        wide = make(window=3)
        cases = [
            (lambda: verdigris.mark_batch_([GREEN] * 3, rows, windows, states, mode="bias"), "shape"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, rows, windows[:, :1], states, mode="bias"), r"\[2, 2\].*\[2, 1\]"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, rows, windows.astype(np.int64), states, mode="bias"), "uint32.*int64.*ascontiguousarray"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, rows, np.asfortranarray(windows), states, mode="bias"), "packed"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, np.broadcast_to(logits(9), (2, VOCAB)), windows, states, mode="bias"), "read-only"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, np.lib.stride_tricks.as_strided(logits(9, 2 * VOCAB), (2, VOCAB), (4, 4)), windows, states, mode="bias"), "overlap"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, rows[::-1], windows, states, mode="bias"), "overlap"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, rows.T, windows, states, mode="bias"), "packed|row"),
            (lambda: verdigris.mark_batch_([GREEN, wide], rows, windows, states, mode="bias"), "scheme_id"),
            (lambda: verdigris.mark_batch_([GREEN] * 2, rows, windows, states, mode="both"), "mode"),
            (lambda: verdigris.mask_batch([GREEN] * 2, windows, states, out=np.zeros((2, 5), np.uint8)), r"\[2, 125\]"),
            (lambda: verdigris.mask_batch([GREEN] * 2, windows, states, out=np.zeros((2, 125), np.int8)), "uint8"),
            (lambda: verdigris.mask_batch([GREEN] * 2, windows, states, threads=-1), "threads"),
        ]
        for call, said in cases:
            with self.subTest(said=said), self.assertRaisesRegex(errors.InvalidArgument, said):
                call()
        np.testing.assert_array_equal(rows, logits(9, (2, VOCAB)))


class Histories(unittest.TestCase):
    def test_against_a_quadratic_reference(self):
        rng = random.Random(10)
        for h in (1, 2, 3, 8):
            pairs = [(verdigris.History(h), [])]
            for _ in range(300):
                at = rng.randrange(len(pairs))
                history, ids = pairs[at]
                step = rng.randrange(5)
                if step == 0 or step == 1:
                    more = [rng.randrange(4) for _ in range(rng.randrange(5))]
                    history.push(more)
                    ids += more
                elif step == 2:
                    n = rng.randrange(len(ids) + 1)
                    history.truncate(n)
                    del ids[n:]
                elif step == 3:
                    pairs.append((rng.choice([history.clone, lambda: copy.copy(history), lambda: copy.deepcopy(history)])(), list(ids)))
                    pairs = pairs[-4:]
                else:
                    pairs[at] = (verdigris.History.read(history.write()), ids)
                history, ids = pairs[at] if at < len(pairs) else pairs[-1]
                drafts = [rng.randrange(4) for _ in range(rng.randrange(4))]
                windows, states = history.peek(drafts)
                self.assertEqual((windows.shape, states.shape, len(history)), ((len(drafts) + 1, h), (len(drafts) + 1,), len(ids)))
                for i in range(len(drafts) + 1):
                    text = ids + drafts[:i]
                    if len(text) < h:
                        expected = (3, [0] * h)
                    else:
                        window = text[len(text) - h:]
                        earlier = any(text[j:j + h] == window for j in range(len(text) - h))
                        expected = (2 if earlier else 1, window)
                    self.assertEqual((states[i], windows[i].tolist()), expected)

    def test_what_is_refused(self):
        history = verdigris.History(2)
        history.push([1, 2, 3])
        for call, kind in ((lambda: verdigris.History(0), errors.InvalidArgument), (lambda: verdigris.History(9), errors.InvalidArgument),
                           (lambda: history.push([-1]), errors.InvalidArgument), (lambda: history.truncate(4), errors.InvalidArgument),
                           (lambda: history.peek([2**24]), errors.InvalidArgument), (lambda: verdigris.History.read(b"VDGH"), errors.Malformed),
                           (lambda: verdigris.History.read(b"VDGH\x02\x02\0\0\0\0"), errors.Unsupported)):
            with self.assertRaises(kind):
                call()
        self.assertEqual((len(history), history.write()), (3, b"VDGH\x01\x02\0\0\0\x03" + b"\0\0\0\x01\0\0\0\x02\0\0\0\x03"))


class Safety(unittest.TestCase):
    def test_every_class_of_errors(self):
        """Those that a call can provoke; no_memory and internal are C++'s to test, auth and unsafe those of key files."""
        made = verdigris.Profile.parse(profile())
        files = tree(made.scheme_id)
        damaged = files["provider"].replace(b"epoch: 3", b"epoch: 4")
        master = verdigris.Key.parse(key_file("master", bytes(32)))
        rows = [(lambda: GREEN.mark_(logits(1), [-1, -1]), errors.InvalidArgument, 10, ValueError), (lambda: verdigris.Marker(made, []), errors.FailedPrecondition, 11, verdigris.Error),
                (lambda: verdigris.Marker(made, [master]), errors.Mismatch, 12, verdigris.Error), (lambda: make(scheme="gumbel").mask([5, 6]), errors.NotSupported, 13, verdigris.Error),
                (lambda: verdigris.Profile.parse(b"{"), errors.Malformed, 20, ValueError),
                (lambda: verdigris.Profile.parse(profile().replace(b"profile/1", b"profile/2")), errors.Unsupported, 21, verdigris.Error),
                (lambda: verdigris.Key.parse(bytes(5000)), errors.Limit, 22, verdigris.Error), (lambda: verdigris.Key.parse(damaged), errors.Auth, 23, verdigris.Error),
                (lambda: verdigris.Profile.load("/nowhere"), errors.NotFound, 50, FileNotFoundError), (lambda: verdigris.Profile.load("/"), errors.Io, 51, OSError)]
        for call, kind, code, base in rows:
            with self.subTest(kind=kind), self.assertRaises(kind) as caught:
                call()
            self.assertEqual(caught.exception.code, code)
            self.assertIsInstance(caught.exception, (verdigris.Error, base))
            self.assertTrue(str(caught.exception))
        self.assertTrue(issubclass(errors.Unsafe, PermissionError) and issubclass(errors.NoMemory, MemoryError))

    def test_nothing_gives_a_key(self):
        made = verdigris.Profile.parse(profile())
        key = verdigris.Key.parse(tree(made.scheme_id)["provider"])
        secret = derive(derive(derive(hashlib.sha256(b"marking test").digest(), b"scheme", bytes.fromhex(made.scheme_id)), b"epoch", b"\0\0\0\3"), b"provider")
        for thing in (key, GREEN, GREEN.score([5, 6, 7]), GREEN.mask([5, 6])[1]):
            shown = repr(thing) + str(thing) + "".join(repr(getattr(thing, name)) for name in dir(thing))
            self.assertNotIn(secret.hex(), shown)
            self.assertNotIn(base64.b64encode(secret).decode(), shown)
        for thing in (key, GREEN, made):
            for take in (pickle.dumps, copy.copy, copy.deepcopy, memoryview, bytes):
                with self.assertRaises(TypeError):
                    take(thing)
        with self.assertRaises(TypeError):
            pickle.dumps(verdigris.History(2))

    def test_a_million_calls_take_no_memory(self):
        """Of each kind some hundred thousand, on small rows; what the process holds does not grow with them."""
        marker, row, history = make(vocab=16, special=((0, 0),)), logits(1, 16), verdigris.History(2)
        windows, states = np.array([[5, 6]], np.uint32), np.ones(1, np.uint8)

        def calls(count):
            for _ in range(count // 5):
                marker.mark_(row, (5, 6), mode="bias", scale=1e-9)
                marker.mask((5, 6))
                history.push((5,))
                history.truncate(0)
                history.peek((7,))
            for _ in range(count // 20):
                verdigris.mark_batch_([marker], row[None], windows, states, mode="bias")
                marker.score((5, 6, 7), each=True)
        calls(100_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        calls(900_000)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 4096)  # KiB; a leak of 5 bytes a call is more


if __name__ == "__main__":
    unittest.main()
