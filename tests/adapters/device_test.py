"""Masks on a device: the operators against the library and against their formulas, on CPU tensors; not run on a GPU."""

import pathlib
import sys
import types
import unittest
import unittest.mock

import numpy as np
import torch
import verdigris
from verdigris.adapters import device
from verdigris.adapters.rows import Marking, Step, force_, special_ids

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fixture  # noqa: E402

V, WIDTH = 32000, 32064  # more columns than ids


class Sequence:
    """What rows.py asks of a sequence of verdigris.serving."""

    def __init__(self, marker, ids=()):
        self.marker, self.notes, self.faults = marker, {}, []
        self.history = verdigris.History(2)
        self.history.push(list(ids))

    def note(self, position, state):
        self.notes[position] = state

    def fault(self, code):
        self.faults.append(code)
        return 7


def step_of(sequences, scales=None):
    step = Step()
    for row, sequence in enumerate(sequences):
        windows, states = sequence.history.peek()
        step.add(row, sequence, len(sequence.history), windows[0], int(states[0]), 1.0 if scales is None else scales[row])
    return step


class Bits(unittest.TestCase):
    def test_bits_are_the_least_significant_first(self):
        masks = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (5, 4000), np.uint8))
        want = np.unpackbits(masks.numpy(), axis=1, bitorder="little")[:, :V].astype(bool)
        self.assertTrue((device.green_bits(masks, V).numpy() == want).all())


class Before(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(2)
        self.marker = fixture.marker("plain")
        self.other = fixture.marker("plain", "acct-8")

    def answers(self):
        markers = [self.marker, None, self.other, self.marker, self.marker, self.other]
        ids = [[5, 6, 7], [5, 6, 7], [5, 6, 7], [1], [8, 9, 8, 9], []]
        return [Sequence(marker, some) for marker, some in zip(markers, ids)]

    def test_masks_on_the_device_give_the_bytes_of_the_host(self):
        logits = torch.from_numpy(self.rng.standard_normal((6, WIDTH), np.float32))
        logits[0, 3], logits[1, 4], logits[2, 5] = -0.0, float("-inf"), float("inf")
        scales = [1.0, .7, .3, 1.0, 1.9, .01]
        marking = Marking(self.marker.profile, 6, torch.device("cpu"))
        host, masked = logits.clone(), logits.clone()
        by_host, by_mask = self.answers(), self.answers()
        marking.before_(host, step_of(by_host, scales))
        masks, delta = marking.upload(step_of(by_mask, scales), 6)
        device.add_mask_(masked, masks, delta, V)
        self.assertTrue((host.view(torch.int32) == masked.view(torch.int32)).all())
        self.assertEqual([s.notes for s in by_host], [s.notes for s in by_mask])
        self.assertEqual([list(s.notes.values())[0] for s in by_host], [1, 2, 1, 3, 5, 3])
        changed = (host != logits).any(1).tolist()
        self.assertEqual(changed, [True, False, True, False, False, False])
        self.assertTrue((host[:, V:] == logits[:, V:]).all())

    def test_masks_are_those_of_the_library(self):
        sequences = self.answers()
        masks, _ = Marking(self.marker.profile, 6, torch.device("cpu")).upload(step_of(sequences), 6)
        for row, ids in ((0, [5, 6, 7]), (2, [5, 6, 7])):
            want, price = sequences[row].marker.mask(ids)
            self.assertEqual(price.state, 1)
            self.assertEqual(masks[row].numpy().tobytes(), np.asarray(want).tobytes())

    def test_rows_outside_of_the_step_stay_as_they_are(self):
        logits = torch.from_numpy(self.rng.standard_normal((3, WIDTH), np.float32))
        got = logits.clone()
        step = Step()
        sequence = Sequence(self.marker, [5, 6, 7])
        windows, states = sequence.history.peek()
        step.add(1, sequence, 3, windows[0], int(states[0]))
        Marking(self.marker.profile, 3, torch.device("cpu")).before_(got, step)
        self.assertEqual((got != logits).any(1).tolist(), [False, True, False])

    def test_a_row_at_fault_ends_and_the_others_go_on(self):
        logits = torch.from_numpy(self.rng.standard_normal((2, WIDTH), np.float32))
        step = step_of([Sequence(self.marker, [5, 6, 7]), Sequence(self.marker, [5, 6, 7])])
        step.windows[0] = np.array([5, 0xFFFFFFFF], np.uint32)
        got = logits.clone()
        Marking(self.marker.profile, 2, torch.device("cpu")).before_(got, step)
        self.assertEqual(step.sequences[0].faults, [10])
        self.assertEqual(torch.isfinite(got[0]).nonzero().view(-1).tolist(), [7])
        self.assertTrue((got[1] != logits[1]).any())

    def test_buffers_take_turns(self):
        masks = device.Masks(4, 4000, torch.device("cpu"))
        first, _ = masks.host(4)
        first[:] = 1
        kept, _ = masks.upload(4)
        second, _ = masks.host(4)
        second[:] = 2
        self.assertTrue((kept == 1).all())
        self.assertTrue((masks.upload(4)[0] == 2).all())
        with self.assertRaisesRegex(ValueError, "5 rows in a step, room for 4"):
            masks.host(5)


class After(unittest.TestCase):
    def check(self, specials):
        rng = np.random.default_rng(3)
        marker = fixture.marker(specials)
        logits = torch.from_numpy(rng.standard_normal((4, WIDTH), np.float32) * 3)
        logits[1, rng.permutation(WIDTH)[50:]] = float("-inf")  # as truncation leaves a row
        logits[:, V:] = float("-inf")
        probs = torch.softmax(logits, -1)
        before = probs.clone()
        answers = [[5, 6, 7], [9, 8, 7], [4], [8, 9, 8, 9]]
        Marking(marker.profile, 4, torch.device("cpu")).after_(probs, step_of([Sequence(marker, ids) for ids in answers]))
        for row, ids in enumerate(answers):
            want = logits[row].numpy().copy()
            price = marker.mark_(want, ids, mode="distribution")
            if price.state == 1:
                self.assertLess(np.abs(np.exp(want.astype(np.float64)) - probs[row].numpy()).max(), 1e-6)
                self.assertGreater((probs[row] - before[row]).abs().max(), 1e-3)
            else:
                self.assertLess((probs[row] - before[row]).abs().max(), 1e-7)
        return marker, before, probs

    def test_plain(self):
        self.check("plain")

    def test_preserve_keeps_the_probability_of_special_ids(self):
        marker, before, after = self.check("preserve")
        special = special_ids(marker.profile, WIDTH)
        self.assertEqual(special, [0, 1, 2, *range(V, WIDTH)])
        self.assertTrue((before[:, special] == after[:, special]).all())

    def test_only_special_ids_left(self):
        probs = torch.zeros((1, WIDTH))
        probs[0, 1] = 1
        marker = fixture.marker("preserve")
        Marking(marker.profile, 1, torch.device("cpu")).after_(probs, step_of([Sequence(marker, [5, 6, 7])]))
        self.assertEqual(probs[0, 1].item(), 1)
        self.assertEqual(probs.sum().item(), 1)


class Compiled(unittest.TestCase):
    """What goes through torch.compile on a device. Here it is compiled for the CPU."""

    def test_the_bytes_are_those_of_plain_torch(self):
        rng = np.random.default_rng(5)
        add, multiply = (torch.compile(function, dynamic=True) for function in (device._add_mask, device._marked_probs))
        specials = torch.tensor([0, 1, 2, *range(V, WIDTH)])
        for rows in (1, 2, 7):
            masks = torch.from_numpy(rng.integers(0, 256, (rows, V // 8), np.uint8))
            delta = torch.from_numpy(rng.random(rows, np.float32) * 2)
            logits = torch.from_numpy(rng.standard_normal((rows, WIDTH), np.float32))
            logits[0, 3], logits[0, 4] = -0.0, float("-inf")
            probs = torch.softmax(logits, -1)
            for fast, plain, before, rest in ((add, device._add_mask, logits, V), (multiply, device._marked_probs, probs, None),
                                              (multiply, device._marked_probs, probs, specials)):
                with self.subTest(plain.__name__, rows=rows, rest=type(rest)):
                    got, want = before.clone(), before.clone()
                    fast(got, masks, delta, rest)
                    plain(want, masks, delta, rest)
                    self.assertTrue((got != before).any())
                    if plain is device._add_mask:
                        self.assertTrue((got.view(torch.int32) == want.view(torch.int32)).all())
                    else:  # sums may be taken in another order
                        self.assertLess((got - want).abs().max(), 1e-7)

    def test_where_it_fails_plain_torch_goes_on_and_its_own_faults_are_raised(self):
        done = []

        def plain(tensor, fault):
            if fault:
                raise RuntimeError("of the device")
            done.append(tensor)

        elsewhere = types.SimpleNamespace(device=types.SimpleNamespace(type="cuda"))
        with unittest.mock.patch.object(torch, "compile", return_value=unittest.mock.Mock(side_effect=ImportError("no compiler"))) as compiled:
            function = device._Compiled(plain)
            with self.assertLogs("verdigris", "WARNING") as logged:
                function(elsewhere, False)
                function(elsewhere, False)
            with self.assertRaisesRegex(RuntimeError, "of the device"):
                function(elsewhere, True)
        self.assertEqual((done, len(logged.output), compiled.call_count, compiled.return_value.call_count), ([elsewhere] * 2, 1, 1, 1))
        self.assertIn("ImportError", logged.output[0])


class Copies(unittest.TestCase):
    def test_last_ids_of_each_slot(self):
        ids = device.Ids(4, 3, torch.device("cpu"))
        ids.start(torch.arange(40, dtype=torch.int32).view(4, 10), torch.tensor([0, 2, 5, 10], dtype=torch.int32), torch.arange(4))
        lengths, last = ids.wait()
        self.assertEqual(lengths.tolist(), [0, 2, 5, 10])
        self.assertEqual(last[1, 1:].tolist(), [10, 11])
        self.assertEqual(last[2:].tolist(), [[22, 23, 24], [37, 38, 39]])

    def test_forced_rows(self):
        rows = torch.ones((3, 5))
        force_(rows, {1: 4}, 0.0, 1.0)
        self.assertEqual(rows.tolist(), [[1] * 5, [0, 0, 0, 0, 1], [1] * 5])


if __name__ == "__main__":
    unittest.main()
