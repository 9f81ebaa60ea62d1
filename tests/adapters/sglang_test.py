"""The sampler of SGLang with a stand-in for the engine (label: fake). The engine was not run; signatures_test.py reads its sources.

The stand-in calls the plugin's hooks as the engine's workers do: a batch becomes a ForwardBatch, the pass is run, its rows are sampled.
Every assertion is exact or to 1e-6, but those of harness.not_found.
"""

import os
import pathlib
import sys
import unittest
from types import SimpleNamespace

import torch
from verdigris import errors

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fixture  # noqa: E402
import harness  # noqa: E402
from slots import END, MARKED, V, WIDTH, Loop, Rows  # noqa: E402
from verdigris.adapters import engines  # noqa: E402
from verdigris.adapters import sglang as adapter  # noqa: E402

TABLE = harness.Table(engines.SGLANG, "sglang", engines.SGLANG.newest, "fake")
NO_TOP_K = 1 << 30
os.environ["VERDIGRIS_UNTESTED_ENGINE"] = "1"  # the engine is not installed, so it has no version


def tearDownModule():
    TABLE.write()


class Base:
    """Stands for sglang.srt.layers.sampler.Sampler."""


def capture(**members):
    return SimpleNamespace(**members)


def info(rows, top_k=NO_TOP_K, top_p=1.0, min_p=0.0, kept=None):
    return SimpleNamespace(sampling_seed=None, top_ks=torch.full((rows,), top_k), top_ps=torch.full((rows,), top_p),
                           min_ps=torch.full((rows,), min_p), need_min_p_sampling=min_p > 0, sampling_mask_batch_indices=kept)


def parameters(fields, **rest):
    return SimpleNamespace(**{"custom_params": fields, "temperature": 1.0, "top_k": NO_TOP_K, "logit_bias": None, "beam_width": None, **rest})


class LoopSglang(Loop):
    """Requests with their output, which the scheduler has late while decoding overlaps; the sampler and its hooks."""

    hook = "after"
    limits: dict = {}

    def open(self):
        torch.manual_seed(5)

        def draw(probs, sampling_seed, positions):
            self.seen = probs.clone()
            return torch.zeros(len(probs), dtype=torch.int64)

        self.runner = SimpleNamespace(sampler=adapter.make_sampler(Base, draw, capture)())
        self.serving = self.runner.sampler._opened
        self.requests, self.number = {}, 0

    def admit(self, fields, temperature=1.0, logit_bias=None):
        biases = {str(id): bias for id, bias in logit_bias.items()} if logit_bias else None
        adapter._admit(parameters(fields, temperature=temperature or 1.0, top_k=NO_TOP_K if temperature else 1, logit_bias=biases))

    def began(self, slot):
        request = self.live[slot]
        # A request that returns is the same object to the scheduler: its name, and its parameters.
        former = next((known for known in self.requests.values() if known.request == request.name), None) if request.output else None
        self.number += 1
        self.requests[slot] = SimpleNamespace(rid=former.rid if former else f"rid-{self.number}", request=request.name, output_ids=list(request.output),
                                              sampling_params=former.sampling_params if former else parameters(request.fields, temperature=request.temperature),
                                              origin_input_ids=request.prompt, late=0)

    def appended(self, slot, ids):
        # Every other step overlaps: the last id goes into the pass before the scheduler has it.
        request = self.requests[slot]
        request.output_ids = list(self.live[slot].output)
        request.late = len(request.output_ids) % 2

    def batch(self, slots):
        requests = [self.requests[slot] for slot in slots]
        inputs = torch.tensor([(request.output_ids or [0])[-1] for request in requests])
        lengths = torch.tensor([len(request.origin_input_ids) + len(request.output_ids) for request in requests])
        told = [SimpleNamespace(**{**vars(request), "output_ids": request.output_ids[: len(request.output_ids) - request.late]}) for request in requests]
        forward = SimpleNamespace(forward_mode=SimpleNamespace(is_decode=lambda: True), seq_lens_cpu=lengths, input_ids=inputs)
        return SimpleNamespace(reqs=told), forward

    def rows(self, slots, logits):
        batch, forward = self.batch(slots)
        adapter._after_init_new(forward, None, batch, self.runner)
        adapter._around_forward(lambda runner, forward: "output", self.runner, forward)
        temperatures = torch.tensor([self.live[slot].temperature for slot in slots]).unsqueeze(1)
        probs = torch.softmax(logits / temperatures, -1)
        kept = probs.clone()

        def sample(runner, output, forward):
            return runner.sampler._sample_from_probs(probs, info(len(slots), **self.limits), torch.zeros(len(slots)), not self.limits)

        adapter._around_sample(sample, self.runner, "output", forward)
        self.case.assertTrue((probs == kept).all())  # C15: log-probabilities are those of P
        return self.seen

    def expect(self, request, before, after):
        if self.limits:
            left = adapter.truncated(torch.softmax(before / request.temperature, -1).view(1, -1), info(1, **self.limits))[0]
            before = left.log() * request.temperature
        return super().expect(request, before, after)


class Truncating(LoopSglang):
    limits = {"top_k": 40, "top_p": .9, "min_p": .01}


class Sglang(Rows, unittest.TestCase):
    loop, table, specials = LoopSglang, TABLE, "preserve"

    def options(self):
        good = {"speculative_algorithm": None, "enable_watermark": False, "enable_custom_logit_processor": False, "device": "cuda"}
        adapter.refuse_options(SimpleNamespace(**good))
        for name, value in (("speculative_algorithm", "EAGLE"), ("enable_watermark", True), ("enable_custom_logit_processor", True), ("device", "xpu")):
            with self.subTest(name), self.assertRaises(errors.Error):
                adapter.refuse_options(SimpleNamespace(**{**good, name: value}))
        loop = self.start()
        loop.add()
        with self.assertRaisesRegex(errors.Mismatch, "32000 ids, the model 31999"):
            loop.rows([0], torch.zeros((1, V - 1)))

    def forgets(self, loop, slot):
        loop.requests[slot].output_ids, loop.requests[slot].late = list(loop.live[slot].output), 0

    def test_drafts_are_refused(self):
        with TABLE.row("C11", result="refused"), self.assertRaisesRegex(errors.NotSupported, "speculative"):
            adapter.refuse_options(SimpleNamespace(speculative_algorithm="EAGLE"))

    def test_beams_are_refused(self):
        self.start()
        with TABLE.row("C12", result="refused"), self.assertRaisesRegex(ValueError, "beams"):
            adapter._admit(parameters(fixture.Folder.fields(self.folder_of_now()), beam_width=4))

    def folder_of_now(self):
        folder = fixture.Folder(self.specials)
        self.addCleanup(folder.close)
        return folder

    def test_a_name_that_a_client_gives_twice(self):
        """Of the next request, of another account, and of two at once. The first answer ended by its length, which the engine does not tell."""
        for length in (1, 4):
            with self.subTest(length=length):
                loop = self.start()
                first = loop.add(0, "acct-7", "r-1")
                loop.requests[0].rid = "chosen"
                for _ in range(length):
                    loop.step()
                for slot, account, name in ((0, "acct-8", "r-2"), (1, "acct-7", "r-3")):
                    loop.add(slot, account, name)
                    loop.requests[slot].rid = "chosen"
                for _ in range(4):
                    loop.step()
                self.assertEqual([loop.live[slot].state for slot in (0, 1)], [MARKED, MARKED])
                lines = loop.close()
                self.assertEqual(len(lines), 3)
                for request in (first, *loop.live.values()):
                    self.assertEqual(lines[request.name]["account"], request.account)
                    self.check_line(loop, lines[request.name], request)

    def test_two_rows_of_one_request_end(self):
        loop = self.start()
        for slot in (0, 1, 2):
            loop.add(slot, name=f"r-{slot}")
        for _ in range(4):
            loop.step()
        for name in ("rid", "sampling_params"):
            setattr(loop.requests[1], name, getattr(loop.requests[0], name))
        for slots in ([0, 1, 2], [1, 2], [0, 1, 2]):
            _, after = loop.look(slots)
            for row, slot in enumerate(slots):
                self.assertEqual((loop.live[slot].state, int(after[row].argmax()) == END), (MARKED, False) if slot == 2 else (None, True))
            for slot in slots:
                loop.append(slot, [7])
        lines = loop.close()
        self.assertEqual({name: line["outcome"] for name, line in lines.items()}, {"r-0": "ended", "r-1": "marked", "r-2": "marked"})

    def test_truncated_rows_of_either_profile(self):
        with TABLE.row("C15"):
            for specials in ("plain", "preserve"):
                folder = fixture.Folder(specials)
                self.addCleanup(folder.close)
                loop = Truncating(self, folder)
                self.addCleanup(loop.serving.close)
                for slot, account in enumerate(loop.markers):
                    loop.add(slot, account, f"r-{slot}")
                for _ in range(6):
                    loop.step()
                self.assertEqual({request.state for request in loop.live.values()}, {MARKED})

    def test_truncation_is_that_of_the_engine(self):
        probs = torch.tensor([[.4, .1, .3, .2]])
        self.assertEqual(adapter.truncated(probs, info(1, top_k=3))[0].tolist(), probs[0].mul(torch.tensor([1, 0, 1, 1])).tolist())
        self.assertEqual((adapter.truncated(probs, info(1, top_p=.6))[0] > 0).tolist(), [True, False, True, False])
        self.assertEqual((adapter.truncated(probs, info(1, min_p=.6))[0] > 0).tolist(), [True, False, True, False])

    def test_weights_that_are_given_back_are_those_of_p(self):
        loop = self.start()
        loop.add()
        loop.append(0, [5, 6, 7])
        loop.rows([0], torch.zeros((1, WIDTH)))
        sampler, probs = loop.runner.sampler, torch.full((1, WIDTH), 1 / WIDTH)
        sampler.of_pass(sampler._made)
        ids, got = sampler._sample_from_probs(probs, info(1, kept=torch.tensor([0])), torch.zeros(1), True)
        self.assertTrue((got.weights == probs).all())
        self.assertAlmostEqual(got.selected_weight.item(), 1 / WIDTH, places=9)


class FailClosed(unittest.TestCase):
    def setUp(self):
        folder = fixture.Folder("preserve")
        self.addCleanup(folder.close)
        self.loop = LoopSglang(self, folder)
        self.addCleanup(self.loop.serving.close)
        self.loop.add()

    def sampled(self, sampler):
        return sampler._sample_from_probs(torch.ones((1, WIDTH)), info(1), torch.zeros(1), True)

    def test_a_missing_hook_stops_the_pass(self):
        runner, (batch, forward) = self.loop.runner, self.loop.batch([0])
        sample = lambda runner, output, forward: self.sampled(runner.sampler)  # noqa: E731
        with self.subTest("none of a batch"), self.assertRaisesRegex(errors.Internal, "hook of the plugin is missing"):
            adapter._around_forward(lambda *_: None, runner, forward)
            adapter._around_sample(sample, runner, None, forward)
        adapter._after_init_new(forward, None, batch, runner)
        with self.subTest("none of a pass"), self.assertRaisesRegex(errors.Internal, "hook of the plugin is missing"):
            adapter._around_sample(sample, runner, None, forward)
        adapter._around_forward(lambda *_: None, runner, forward)
        with self.subTest("none of sampling"), self.assertRaisesRegex(errors.Internal, "hook of the plugin is missing"):
            self.sampled(runner.sampler)
        later = self.loop.batch([0])[1]
        adapter._after_init_new(later, None, batch, runner)
        adapter._around_forward(lambda *_: None, runner, later)
        with self.subTest("an older pass"), self.assertRaisesRegex(errors.Internal, "another pass"):
            adapter._around_sample(sample, runner, None, forward)
        adapter._around_sample(sample, runner, None, later)

    def test_a_server_that_does_not_mark_is_left_alone(self):
        runner, forward = SimpleNamespace(sampler=Base()), SimpleNamespace()
        adapter._after_init_new(forward, None, None, runner)
        self.assertEqual(adapter._around_forward(lambda *given: len(given), runner, forward, 1), 3)
        self.assertEqual(adapter._around_sample(lambda *given: len(given), runner, "output", forward), 3)

    def test_output_that_lags(self):
        decode = SimpleNamespace(is_decode=lambda: True)

        def late(length, output):
            request = SimpleNamespace(rid="q", sampling_params=None, output_ids=output, origin_input_ids=[1, 2, 3])
            row, = adapter.rows_of(SimpleNamespace(reqs=[request]), SimpleNamespace(forward_mode=decode, seq_lens_cpu=torch.tensor([length])))
            return row.late

        self.assertFalse(late(5, [8, 9]))
        self.assertTrue(late(6, [8, 9]))
        for length in (4, 7):
            with self.assertRaisesRegex(errors.Internal, "lags"):
                late(length, [8, 9])


if __name__ == "__main__":
    unittest.main()
