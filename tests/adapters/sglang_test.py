"""The sampler of SGLang with a stand-in for the engine (label: fake). The engine was not run; signatures_test.py reads its sources.

Draws come from torch with a fixed seed; every assertion is exact or to 1e-6.
"""

import os
import pathlib
import sys
import unittest
from types import SimpleNamespace

import numpy as np
import torch
from verdigris import errors

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fixture  # noqa: E402
import harness  # noqa: E402
from verdigris.adapters import engines  # noqa: E402
from verdigris.adapters import sglang as adapter  # noqa: E402

TABLE = harness.Table("sglang", engines.SGLANG.newest, "fake")
V, WIDTH = 32000, 32064
os.environ["VERDIGRIS_UNTESTED_ENGINE"] = "1"  # the engine is not installed, so it has no version


def tearDownModule():
    TABLE.write()


class Base:
    """Stands for sglang.srt.layers.sampler.Sampler."""


def capture(**members):
    return SimpleNamespace(**members)


def info(rows, top_k=1 << 30, top_p=1.0, min_p=0.0, kept=None):
    return SimpleNamespace(sampling_seed=None, top_ks=torch.full((rows,), top_k), top_ps=torch.full((rows,), top_p),
                           min_ps=torch.full((rows,), min_p), need_min_p_sampling=min_p > 0, sampling_mask_batch_indices=kept)


def parameters(fields, **rest):
    return SimpleNamespace(**{"custom_params": fields, "temperature": 1.0, "top_k": 1 << 30, "logit_bias": None, "beam_width": None, **rest})


class Case(unittest.TestCase):
    def start(self, specials):
        self.folder = fixture.Folder(specials)
        self.addCleanup(self.folder.close)
        self.seen = None

        def draw(probs, sampling_seed, positions):
            self.seen = probs.clone()
            return torch.multinomial(probs, 1).view(-1)

        torch.manual_seed(5)
        return adapter.make_sampler(Base, draw, capture)()


class Sampling(Case):
    def check(self, specials, limits):
        sampler = self.start(specials)
        markers = [fixture.marker(specials), fixture.marker(specials, "acct-8")]
        given = [parameters(self.folder.fields("acct-7", "r-0")), parameters(self.folder.fields("acct-8", "r-1"))]
        outputs = [[], []]
        generator = np.random.default_rng(6)
        for step in range(6):
            logits = generator.standard_normal((2, WIDTH), np.float32) * 4
            logits[:, V:] = -np.inf
            probs = torch.softmax(torch.from_numpy(logits), -1)
            kept = probs.clone()
            sampler.of_pass([(f"q-{row}", given[row], list(outputs[row]), None) for row in range(2)])
            ids, none = sampler._sample_from_probs(probs, info(2, **limits), torch.zeros(2), not limits)
            self.assertIsNone(none)
            self.assertTrue((probs == kept).all())  # C15: log-probabilities are those of P
            left = adapter.truncated(kept, info(2, **limits)) if limits else kept
            for row in range(2):
                want = np.log(left[row].numpy(), where=left[row].numpy() > 0, out=np.full(WIDTH, -np.inf, np.float32))
                price = markers[row].mark_(want, outputs[row], mode="distribution")
                self.assertEqual(price.state, 3 if step < 2 else price.state)
                q = self.seen[row].double().numpy()
                wanted = np.exp(want.astype(np.float64))
                self.assertLess(np.abs(wanted / wanted.sum() - q / q.sum()).max(), 1e-6)  # C1
                outputs[row].append(int(ids[row]))
        sampler._opened.close()
        lines = {line["request"]: line for line in self.folder.lines()}
        self.assertEqual([lines[f"r-{row}"]["account"] for row in range(2)], ["acct-7", "acct-8"])
        for row in range(2):
            self.assertEqual(lines[f"r-{row}"]["states"]["short"], 2)
            self.assertEqual(lines[f"r-{row}"]["tokens"], 5)

    def test_plain(self):
        self.check("plain", {})

    def test_preserve_and_truncation(self):
        with TABLE.row("C1", "C15"), TABLE.row("C2", "C8", result="partial"):
            self.check("preserve", {"top_k": 40, "top_p": .9, "min_p": .01})

    def test_truncation_is_that_of_the_engine(self):
        probs = torch.tensor([[.4, .1, .3, .2]])
        self.assertEqual(adapter.truncated(probs, info(1, top_k=3))[0].tolist(), probs[0].mul(torch.tensor([1, 0, 1, 1])).tolist())
        self.assertEqual((adapter.truncated(probs, info(1, top_p=.6))[0] > 0).tolist(), [True, False, True, False])
        self.assertEqual((adapter.truncated(probs, info(1, min_p=.6))[0] > 0).tolist(), [True, False, True, False])

    def test_weights_that_are_given_back_are_those_of_p(self):
        sampler = self.start("plain")
        probs = torch.full((1, WIDTH), 1 / WIDTH)
        sampler.of_pass([("q", parameters(self.folder.fields()), [5, 6, 7], None)])
        ids, got = sampler._sample_from_probs(probs, info(1, kept=torch.tensor([0])), torch.zeros(1), True)
        self.assertTrue((got.weights == probs).all())
        self.assertAlmostEqual(got.selected_weight.item(), 1 / WIDTH, places=9)


class FailClosed(Case):
    def test_a_missing_hook_stops_the_pass(self):
        sampler = self.start("plain")
        with self.assertRaisesRegex(errors.Internal, "hook of the plugin is missing"):
            sampler._sample_from_probs(torch.ones((1, WIDTH)), info(1), torch.zeros(1), True)
        sampler.of_pass([])
        with self.assertRaises(errors.Internal):
            sampler._sample_from_probs(torch.ones((1, WIDTH)), info(1), torch.zeros(1), True)

    def test_options_of_the_engine(self):
        with TABLE.row("C11", result="refused"), TABLE.row("C13", result="partial"):
            self.options()

    def options(self):
        good = {"speculative_algorithm": None, "enable_watermark": False, "enable_custom_logit_processor": False, "device": "cuda"}
        adapter.refuse_options(SimpleNamespace(**good))
        for name, value in (("speculative_algorithm", "EAGLE"), ("enable_watermark", True), ("enable_custom_logit_processor", True), ("device", "xpu")):
            with self.subTest(name), self.assertRaises(errors.Error):
                adapter.refuse_options(SimpleNamespace(**{**good, name: value}))

    def test_requests(self):
        with TABLE.row("C14"):
            self.requests()

    def requests(self):
        self.start("plain")
        adapter._admit(parameters(self.folder.fields()))
        for given, kind in ((parameters(None), "mac"), (parameters(self.folder.fields("acct-9")), "account"),
                            (parameters(self.folder.fields(), top_k=1), "greedy"), (parameters(self.folder.fields(), logit_bias={"5": 9.0}), "bias")):
            with self.subTest(kind), self.assertRaisesRegex(ValueError, kind):
                adapter._admit(given)

    def test_output_that_lags(self):
        decode = SimpleNamespace(is_decode=lambda: True)

        def rows(length, output):
            request = SimpleNamespace(rid="q", sampling_params=None, output_ids=output, origin_input_ids=[1, 2, 3])
            return adapter.rows_of(SimpleNamespace(reqs=[request]),
                                   SimpleNamespace(forward_mode=decode, seq_lens_cpu=torch.tensor([length]), input_ids=torch.tensor([77])))

        self.assertEqual(rows(5, [8, 9]), [("q", None, [8, 9], None)])
        self.assertEqual(rows(6, [8, 9]), [("q", None, [8, 9], 77)])
        for length in (4, 7):
            with self.assertRaisesRegex(errors.Internal, "lags"):
                rows(length, [8, 9])


if __name__ == "__main__":
    unittest.main()
