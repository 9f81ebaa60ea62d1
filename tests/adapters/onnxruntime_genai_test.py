"""The adapter of onnxruntime-genai: a random model of two layers from the package's own builder (label: real).

Seeds are fixed, so nothing is tested by chance but harness.not_found. False alarm: 1e-7, and 2e-6 of two layers of unmarked text."""

import importlib.util
import json
import logging
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

for _name in ("onnxruntime_genai", "onnx_ir", "torch", "transformers"):
    if importlib.util.find_spec(_name) is None:
        raise unittest.SkipTest(f"{_name} is not installed")

import numpy as np
import onnxruntime_genai as og
import torch
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "python")]
import harness  # noqa: E402
from serving_files import GATEWAY_KEY, audit_lines, make_folder, settings, write_config  # noqa: E402
from verdigris import errors, gateway, serving  # noqa: E402
from verdigris.adapters import engines  # noqa: E402
from verdigris.adapters import onnxruntime_genai as adapter  # noqa: E402

VOCAB, WIDTH, WINDOW, END = 1000, 1008, 2, 2
PROMPT = [5, 6, 7]
TABLE = harness.Table(engines.ONNXRUNTIME_GENAI, "onnxruntime-genai", og.__version__, "real")


def build(folder):
    """The model, wider than the profile, as real ones are."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    made = LlamaForCausalLM(LlamaConfig(vocab_size=WIDTH, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=2,
                                        num_key_value_heads=2, max_position_embeddings=1024, initializer_range=.2, bos_token_id=1, eos_token_id=END,
                                        pad_token_id=0))
    made.save_pretrained(folder / "source")
    shutil.copy(HERE.parent / "data/tiny_tokenizer.json", folder / "source/tokenizer.json")
    (folder / "source/tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    done = subprocess.run([sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", folder / "source", "-o", folder / "model", "-p", "fp32", "-e", "cpu",
                           "-c", folder / "cache"], capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return folder / "model"


def setUpModule():
    global MODEL, TOKENIZER
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    MODEL = og.Model(str(build(pathlib.Path(folder.name))))
    TOKENIZER = og.Tokenizer(MODEL)
    unittest.addModuleCleanup(TABLE.write)


def signed(account="acct-7", request="r-1", **more):
    return gateway.sign(GATEWAY_KEY, account, request=request, **more)


class Scripted:
    """The engine's generator, with other logits in places: `rows` changes them before the loop sees them."""

    def __init__(self, generator, rows):
        self._generator, self._rows = generator, rows

    def __getattr__(self, name):
        return getattr(self._generator, name)

    def get_logits(self):
        logits = self._generator.get_logits().copy()
        self._rows(logits)
        return logits


class InFolder(unittest.TestCase):
    settings = {"specials": "preserve"}
    policy = {"end_ids": [END]}

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.files = make_folder(self.folder, **self.settings)
        self.opened = self.open()
        self.markers = {label: harness.marker_of(self.folder, self.files, label) for label in ("acct-7", "acct-8")}

    def open(self, **changes):
        opened = adapter.open(write_config(self.folder, **{"policy": self.policy, **changes}))
        self.addCleanup(opened.close)
        return opened

    def loop(self, prompts=(PROMPT,), fields=None, *, tokens=60, seed=5, opened=None, rows=None, more=None, **options):
        params = og.GeneratorParams(MODEL)
        params.set_search_options(**({"do_sample": True, "top_k": 0, "random_seed": seed, "max_length": max(map(len, prompts)) + tokens} | options))
        loop = adapter.Loop(opened or self.opened, MODEL, TOKENIZER, params, prompts, fields or [signed()] * len(prompts), **(more or {}))
        if rows is not None:
            loop._generator = Scripted(loop._generator, rows)
        return loop

    def run_out(self, loop):
        """Answers with P of each row and its uniform number, and the audit lines."""
        before, answers, seed = len(audit_lines(self.folder)), [harness.Answer([]) for _ in loop._rows], loop._seed
        uniforms = [random.Random(f"{seed} 0 {row}") for row in range(len(answers))]
        while not loop.is_done():
            for row, id in enumerate(loop.step()):
                if id is not None:
                    answers[row].ids.append(id)
                    answers[row].rows.append((loop.logits[row].copy(), uniforms[row].random()))
        loop.close()
        return answers, audit_lines(self.folder)[before:]

    def same_draws(self, marker, answer, keep=None):
        """C1: each id is where the sum of Q, marked by the library, passes the uniform number; Q to 1e-6."""
        for at, (logits, uniform) in enumerate(answer.rows):
            wanted = logits.copy()
            if keep is not None:
                wanted[np.argsort(-wanted, kind="stable")[keep:]] = -np.inf
            if marker is not None:
                marker.mark_(wanted, answer.ids[:at])
            sums = np.cumsum(harness.softmax(wanted))
            low = sums[answer.ids[at] - 1] if answer.ids[at] > 0 else 0
            self.assertTrue(low - 1e-6 <= uniform <= sums[answer.ids[at]] + 1e-6, (at, low, uniform, sums[answer.ids[at]]))


class Green(InFolder):
    def check(self, marker, answer, line):
        self.same_draws(marker, answer)
        harness.same_states(self, marker, answer, line)

    def test_a_batch_of_accounts_is_as_each_alone(self):
        """66 answers in 11 batches, prompts padded to one length; each row has the random numbers of its place."""
        opened = self.open(policy=self.policy | {"mode": "opt_out"})
        with TABLE.row("C1", "C8", "C14"):
            for batch in range(11):
                prompts = [list(range(3 + batch, 5 + batch + number % 3)) for number in range(6)]
                accounts = [("acct-7", "acct-8")[number % 2] for number in range(6)]
                fields = [signed(account, f"r-{batch}-{number}", mark=number < 4) for number, account in enumerate(accounts)]
                answers, lines = self.run_out(self.loop(prompts, fields, opened=opened, tokens=10 if batch else 60, seed=batch))
                self.assertEqual([line["account"] for line in lines], accounts)
                for number, (answer, line) in enumerate(zip(answers, lines)):
                    self.check(self.markers[accounts[number]] if number < 4 else None, answer, line)
                    self.assertEqual((line["outcome"], line["engine"]), ("marked" if number < 4 else "unmarked", "onnxruntime-genai/0.18.0"))
                alone, _ = self.run_out(self.loop([prompts[0]], [fields[0]], opened=opened, tokens=10, seed=batch))
                np.testing.assert_allclose(alone[0].rows[0][0], answers[0].rows[0][0], atol=1e-4)
                self.assertEqual(alone[0].ids[:5], answers[0].ids[:5])

    def test_truncation_and_temperature(self):
        with TABLE.row("C1"):
            answers, lines = self.run_out(self.loop(top_k=20))
            self.same_draws(self.markers["acct-7"], answers[0], keep=20)
            answers, lines = self.run_out(self.loop(temperature=.5))
            for at, (logits, uniform) in enumerate(answers[0].rows):
                answers[0].rows[at] = (logits / np.float32(.5), uniform)
            self.check(self.markers["acct-7"], answers[0], lines[0])
            again, _ = self.run_out(self.loop(temperature=.5))
            self.assertEqual(again[0].ids, answers[0].ids)

    def test_found(self):
        with TABLE.row("C3"):
            never_ends = {END: -1}
            answers, lines = [], []
            for seed in range(8):  # until four are of 400 ids: some end before
                got, said = self.run_out(self.loop([PROMPT] * 4, tokens=400, seed=seed, more={"logit_bias": never_ends}))
                long = [at for at, answer in enumerate(got) if len(answer.ids) == 400]
                answers += [got[at] for at in long]
                lines += [said[at] for at in long]
                if len(answers) >= 4:
                    break
            answers, lines = answers[:4], lines[:4]
            self.assertEqual(len(answers), 4)
            harness.found(self, self.markers["acct-7"], answers)
        with TABLE.row("C2"):
            harness.scored(self, self.folder, self.markers["acct-7"], "acct-7", answers)
            for answer, line in zip(answers, lines):
                harness.same_states(self, self.markers["acct-7"], answer, line)
        with TABLE.row("C4"):
            harness.not_found(self, self.markers["acct-7"].profile, answers)
            opened = self.open(policy=self.policy | {"mode": "opt_out"})
            answers, lines = self.run_out(self.loop([PROMPT] * 4, [signed(mark=False)] * 4, opened=opened, tokens=400))
            for log10_p in harness.pooled(self.markers["acct-7"], answers):
                self.assertGreater(log10_p, -6)
            self.assertEqual({(line["outcome"], line["states"]["off"] == line["tokens"]) for line in lines}, {("unmarked", True)})

    def test_no_window_reaches_into_a_prompt(self):
        with TABLE.row("C5"):
            first, _ = self.run_out(self.loop())
            prompts = [[1, *first[0].ids[:2]], [1, 3, *first[0].ids[:2]]]
            answers, lines = self.run_out(self.loop(prompts, seed=6))
            for answer, line in zip(answers, lines):
                self.check(self.markers["acct-7"], answer, line)
                harness.boundary(self, self.markers["acct-7"], answer, line, WINDOW)

    def test_another_turn_is_another_answer(self):
        with TABLE.row("C5"), self.loop(tokens=200) as loop:
            for _ in range(10):
                loop.step()
            loop.append([9, *loop.output()[-2:]], signed("acct-8", "r-2"))
            width = loop._width
            self.assertEqual(width, 3 + 10 + 3)
            for _ in range(10):
                loop.step()
            second = harness.Answer(loop.output())
        lines = audit_lines(self.folder)
        self.assertEqual([(line["request"], line["account"], line["tokens"]) for line in lines], [("r-1", "acct-7", 10), ("r-2", "acct-8", 10)])
        harness.same_states(self, self.markers["acct-8"], second, lines[1])

    def test_repeats(self):
        at = [0]

        def one(logits):
            kept = logits[0, 0, 20 + at[0] % 3].copy()
            logits[:] = -np.inf
            logits[0, 0, 20 + at[0] % 3] = kept
            at[0] += 1

        with TABLE.row("C6"):
            loop = self.loop(tokens=50, rows=one)
            while not loop.is_done():
                loop.step()
            self.assertEqual(harness.replay(self.markers["acct-7"], loop.output())[5:], [harness.REPEATED] * 45)
            sequence = loop._rows[0].sequence
            self.assertEqual(int(sequence.peek()[1][0]), 2)
            self.assertEqual(sequence.counts()["repeated"], 45)
            loop.rewind(4)
            self.assertEqual(int(sequence.peek()[1][0]), 1)
            loop.close()

    def test_rewind_and_reuse(self):
        with TABLE.row("C7"):
            for keep in (12, 1, 0):
                with self.subTest(keep=keep):
                    with self.loop(tokens=40) as loop:
                        rows = []
                        for _ in range(20):
                            loop.step()
                            rows.append(loop.logits[0].copy())
                        first = loop.output()
                        loop.rewind(keep)
                        self.assertEqual(loop.output(), first[:keep])
                        loop.step()
                        np.testing.assert_allclose(loop.logits[0], rows[keep], atol=1e-4)
                        for _ in range(15):
                            loop.step()
                        answer = harness.Answer(loop.output())
                    harness.same_states(self, self.markers["acct-7"], answer, audit_lines(self.folder)[-1])
            with self.assertRaises(errors.InvalidArgument):
                loop.rewind(1000)

    def test_a_row_at_fault_ends_or_stops_and_others_go_on(self):
        def spoil(logits):
            logits[1, 0, 17] = np.nan

        with TABLE.row("C10"):
            answers, lines = self.run_out(self.loop([PROMPT, [8, 9, 10]], [signed(), signed("acct-8", "r-2")], rows=spoil))
            self.assertEqual((answers[1].ids, lines[1]["outcome"]), ([END], "ended"))
            self.assertEqual(lines[0]["outcome"], "marked")
            self.assertGreater(len(answers[0].ids), 5)  # the dead row is skipped, step after step
            self.check(self.markers["acct-7"], answers[0], lines[0])
            stopping = self.loop([PROMPT, [8, 9, 10]], [signed(), signed("acct-8", "r-2")], rows=spoil, opened=self.open(policy={"on_error": "stop"}))
            with self.assertRaises(errors.InvalidArgument):
                stopping.step()
            # What the engine takes must be what was drawn, whatever processors of its own have done.
            loop = self.loop()
            loop._generator = Scripted(loop._generator, lambda logits: None)
            loop._generator.set_logits = lambda logits: None
            with self.assertRaisesRegex(errors.Internal, "only candidate"):
                for _ in range(3):
                    loop.step()

    def test_the_engine_has_no_choice(self):
        """Its own sampling is on, at a temperature that would take another id."""
        with TABLE.row("C1"):
            answers, lines = self.run_out(self.loop(top_k=5, temperature=.9))
            for answer in answers:
                self.assertGreater(len(set(answer.ids)), 3)
                for at, (logits, _) in enumerate(answer.rows):
                    self.assertIn(answer.ids[at], np.argsort(-logits)[:5])

    def test_refused_options(self):
        with TABLE.row("C11", result="refused"):
            params = og.GeneratorParams(MODEL)
            params.set_search_options(do_sample=True)
            params.set_speculative_options(ngram_size=3)
            with self.assertRaisesRegex(errors.NotSupported, "drafts"):
                adapter.Loop(self.opened, MODEL, TOKENIZER, params, [PROMPT], [signed()])
        with TABLE.row("C12", result="refused"), self.assertRaisesRegex(errors.NotSupported, "num_beams must be 1, got 3"):
            self.loop(num_beams=3)
        for name, value in (("repetition_penalty", 1.5), ("min_length", 5), ("no_repeat_ngram_size", 2)):
            with self.assertRaisesRegex(errors.NotSupported, name):
                self.loop(**{name: value})
        for prompts, fields in (([], None), ([[]], None), ([PROMPT], [signed()] * 2)):
            with self.assertRaises(errors.InvalidArgument):
                self.loop(prompts or [[]], fields)
        with self.loop([PROMPT] * 2) as batch:
            with self.assertRaisesRegex(errors.NotSupported, "2 rows"):
                batch.rewind(0)
            with self.assertRaisesRegex(errors.NotSupported, "2 rows"):
                batch.append([5])

    def test_what_is_not_in_order_draws_nothing(self):
        with TABLE.row("C13"):
            os.environ.pop("VERDIGRIS_CONFIG", None)
            with self.assertRaisesRegex(errors.FailedPrecondition, "VERDIGRIS_CONFIG"):
                adapter.open()
            for change, kind in (({"epoch": 4}, errors.Mismatch), ({"extra": 1}, errors.Malformed),
                                 ({"keys": settings()["keys"] | {"selector": "provider.key"}}, errors.Mismatch)):
                with self.subTest(change=change), self.assertRaises(kind):
                    self.open(**change)
            with self.assertRaises(errors.Mismatch):
                adapter.open(self.folder / "serving.json", vocab=VOCAB + 1)
            with self.assertRaisesRegex(serving.Refused, "greedy"):
                self.loop(do_sample=False)
            full = self.open(audit={"file": "/dev/full"})
            with self.assertLogs("verdigris", "ERROR"):
                full.audit.write({})
                with self.assertRaisesRegex(serving.Refused, "audit"):
                    self.loop(opened=full)
            make_folder(self.folder, vocab=WIDTH + 1)
            wide = self.open()
            with self.loop(opened=wide) as loop, self.assertRaisesRegex(errors.Mismatch, "1009 ids, the model 1008"):
                loop.step()

    def test_greedy_by_profile(self):
        files = make_folder(self.folder, zero_temperature="argmax")
        answers, lines = self.run_out(self.loop(do_sample=False, opened=self.open()))
        marker = harness.marker_of(self.folder, files, "acct-7")
        for at, (logits, _) in enumerate(answers[0].rows):
            marker.mark_(logits, answers[0].ids[:at], mode="bias")
            self.assertEqual(answers[0].ids[at], int(logits.argmax()))
        self.assertGreater(lines[0]["states"]["marked"], 0)

    def test_accounts_come_from_the_gateway(self):
        with TABLE.row("C14"):
            for fields in ({}, {"verdigris_account": "acct-7"}, signed() | {"verdigris_account": "acct-8"}, signed("nobody"), signed(expires=5),
                           signed(mark=False)):
                with self.assertRaises(serving.Refused):
                    self.loop(fields=[fields])
            with self.assertRaisesRegex(serving.Refused, "bias"):
                self.loop(more={"logit_bias": {5: 3.0}})

    def test_log_probabilities_are_those_of_an_unmarked_run(self):
        with TABLE.row("C15"):
            answers, _ = self.run_out(self.loop(tokens=30))
            params = og.GeneratorParams(MODEL)
            params.set_search_options(max_length=100)
            plain = og.Generator(MODEL, params)
            plain.append_tokens(np.array(PROMPT, np.int32))
            for id, (logits, _) in zip(answers[0].ids, answers[0].rows):
                np.testing.assert_allclose(np.log(harness.softmax(logits)), np.log(harness.softmax(plain.get_logits()[0, 0, :VOCAB])), atol=1e-5)
                plain.append_tokens(np.array([id], np.int32))

    def test_nothing_that_is_written_has_a_secret(self):
        with TABLE.row("C16"):
            heard = harness.Heard()
            logging.getLogger().addHandler(heard)
            self.addCleanup(logging.getLogger().removeHandler, heard)
            answers, _ = self.run_out(self.loop())
            with self.assertRaises(serving.Refused) as refused:
                self.loop(fields=[signed() | {"verdigris_account": "acct-8"}])
            texts = [*heard.texts, repr(refused.exception), repr(self.opened), self.opened.metrics.text(False), (self.folder / "audit.jsonl").read_text()]
            harness.no_secrets(self, self.files, texts)
            for text in texts:
                self.assertNotIn(json.dumps(answers[0].ids[:2])[1:-1], text)
            metrics = self.opened.metrics.text(False)
            self.assertIn(f"verdigris_mark_seconds_count {len(answers[0].ids)}\n", metrics)


class Unbiased(InFolder):
    settings = {"scheme": "gumbel"}

    def test_same_mark(self):
        with TABLE.row("C1"):
            answers, lines = self.run_out(self.loop(tokens=30))
            self.same_draws(self.markers["acct-7"], answers[0])
            harness.same_states(self, self.markers["acct-7"], answers[0], lines[0])


class Tournament(Unbiased):
    settings = {"scheme": "tournament"}


if __name__ == "__main__":
    unittest.main()
