"""The processor of TensorRT-LLM, called as its documentation says (label: fake). The engine was never run, and its sources are not read."""

import os
import pathlib
import sys
import unittest

import torch
from verdigris import errors

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fixture  # noqa: E402
import harness  # noqa: E402
from slots import V, WIDTH, Loop, Rows  # noqa: E402
from verdigris import serving  # noqa: E402
from verdigris.adapters import engines, tensorrt_llm  # noqa: E402

TABLE = harness.Table(engines.TENSORRT_LLM, "tensorrt-llm", "none", "fake")
os.environ["VERDIGRIS_UNTESTED_ENGINE"] = "1"


def tearDownModule():
    TABLE.write()


class LoopTensorrt(Loop):
    """Requests by number, each with a client id that the gateway announced."""

    def open(self):
        self.processor = tensorrt_llm.Processor()
        self.serving = self.processor._serving
        self.ids, self.number = {}, 0

    def admit(self, fields, temperature=1.0, logit_bias=None):
        self.processor.expect(1, self.request(fields, temperature, logit_bias))

    @staticmethod
    def request(fields, temperature, logit_bias=None):
        return serving.Request(fields=fields or {}, temperature=temperature, greedy=temperature == 0, logit_bias=logit_bias or {})

    def began(self, slot):
        self.number += 1
        self.ids[slot] = self.number
        # What the gateway cannot refuse at once, it would not announce.
        self.processor._expected[self.number] = self.request(self.live[slot].fields, self.live[slot].temperature)

    def left(self, slot):
        self.processor.forget(self.ids[slot])

    def rows(self, slots, logits, beams=1):
        rows = [logits[row].view(1, 1, -1) for row in range(len(slots))]
        tokens = [[self.live[slot].prompt + self.live[slot].output] * beams for slot in slots]
        ids = [self.ids[slot] for slot in slots]
        self.processor(ids, rows, tokens, None, ids)
        return torch.cat([row.view(1, -1) for row in rows])


class TensorrtLlm(Rows, unittest.TestCase):
    loop, table = LoopTensorrt, TABLE
    shown_closed = "partial"  # options of the engine are not seen

    def test_a_preempted_answer_goes_on(self):
        """It keeps its number, and by that its boundary."""
        with TABLE.row("C9"):
            loop = self.start()
            loop.add(0)
            loop.add(1, "acct-8", "r-2")
            for slots in ([0, 1], [1], [1], [0, 1], [0, 1]):
                loop.step(slots)
            lines = loop.close()
            for slot, name in enumerate(("r-1", "r-2")):
                self.check_line(loop, lines[name], loop.live[slot])

    def options(self):
        loop = self.start()
        loop.add()
        with self.assertRaisesRegex(errors.Mismatch, "32000 ids, the model 31999"):
            loop.rows([0], torch.zeros((1, V - 1)))
        with self.assertRaisesRegex(errors.FailedPrecondition, "client id 77 was not announced"):
            loop.processor([9], [torch.zeros((1, 1, WIDTH))], [[[9]]], None, [77])
        preserve = fixture.Folder("preserve")
        self.addCleanup(preserve.close)
        with self.assertRaisesRegex(errors.NotSupported, "plain"):
            loop.open()
        del os.environ["VERDIGRIS_UNTESTED_ENGINE"]
        try:
            self.start()
        except errors.NotSupported as error:
            self.assertIn("no version is tested", str(error))
        else:
            self.fail("it started untested")
        finally:
            os.environ["VERDIGRIS_UNTESTED_ENGINE"] = "1"

    def test_what_was_announced_goes_with_the_answer(self):
        loop = self.start()
        first, second = (loop.request(loop.folder.fields(account, name), 1.0) for account, name in (("acct-7", "r-1"), ("acct-8", "r-2")))

        def step(*req_ids):
            loop.processor(req_ids, [torch.zeros((1, 1, WIDTH)) for _ in req_ids], [[[9]] for _ in req_ids], None, [5 for _ in req_ids])

        loop.processor.expect(5, first)
        step(1, 2)  # two answers of one request
        loop.processor.forget(1)
        step(3)
        for req_id in (2, 3):
            loop.processor.forget(req_id)
        with self.assertRaisesRegex(errors.FailedPrecondition, "client id 5 was not announced"):
            step(4)
        loop.processor.expect(5, first)
        step(5)
        loop.processor.expect(5, second)  # the gateway uses the number again before it has heard of the end
        loop.processor.forget(5)
        loop.processor.forget(5)
        step(6)
        self.assertEqual(loop.close()["r-2"]["account"], "acct-8")
        loop.processor.expect(7, first)
        loop.processor.withdraw(7)
        self.assertEqual(list(loop.processor._expected), [5])

    def test_beams_and_drafts_are_refused(self):
        loop = self.start()
        loop.add()
        with TABLE.row("C12", result="refused"), self.assertRaisesRegex(errors.NotSupported, "2 beams"):
            loop.rows([0], torch.zeros((1, WIDTH)), beams=2)
        with TABLE.row("C11", result="refused"), self.assertRaisesRegex(errors.NotSupported, "drafts"):
            loop.processor([1], [torch.zeros((1, 5, WIDTH))], [[[9]]], None, [1])


if __name__ == "__main__":
    unittest.main()
