"""The adapter of transformers with a random small model on CPU torch (label: real). Seeds are fixed, so nothing is tested by chance."""

import pathlib
import sys
import tempfile
import unittest

import torch
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "python")]
import harness  # noqa: E402
from serving_files import GATEWAY_KEY, audit_lines, make_folder, write_config  # noqa: E402
from verdigris import errors, gateway, serving  # noqa: E402
from verdigris.adapters import engines  # noqa: E402
from verdigris.adapters import transformers as adapter  # noqa: E402

VOCAB, WINDOW = 1000, 2
TABLE = harness.Table(engines.TRANSFORMERS, "transformers", engines.TRANSFORMERS.newest, "real")


def make_model(seed, vocab=VOCAB):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocab, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                                        num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=1, eos_token_id=2, pad_token_id=0)).eval()


def setUpModule():
    global MODEL, DRAFTER
    MODEL, DRAFTER = make_model(1), make_model(2)
    unittest.addModuleCleanup(TABLE.write)


def signed(account="acct-7", request="r-1", **more):
    return gateway.sign(GATEWAY_KEY, account, request=request, **more)


class InFolder(unittest.TestCase):
    settings = {"specials": "preserve"}
    policy = {"end_ids": [2]}

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.files = make_folder(self.folder, **self.settings)
        self.opened = adapter.open(write_config(self.folder, policy=self.policy))
        self.addCleanup(self.opened.close)
        self.markers = {label: harness.marker_of(self.folder, self.files, label) for label in ("acct-7", "acct-8")}

    def generate(self, prompts, fields, seed=5, tokens=60, **more):
        """Answers, the audit lines of this call, and what generate() returned. Prompts are padded on the left."""
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        settings = {"do_sample": True, "top_k": 0, "max_new_tokens": tokens, "return_dict_in_generate": True, "output_scores": True,
                    "output_logits": True} | more
        before = len(audit_lines(self.folder))
        config = adapter.VerdigrisConfig(self.opened, fields)
        torch.manual_seed(seed)
        output = MODEL.generate(ids, attention_mask=mask, watermarking_config=config, **settings)
        config.finish(output)
        answers = []
        for row, answer in enumerate(output.sequences[:, width:].tolist()):
            answer = answer[: answer.index(2) + 1] if 2 in answer else answer
            rows = []
            if output.scores and (settings.get("num_beams") or 1) == 1 and "assistant_model" not in settings:
                rows = [(output.logits[at][row].numpy(), output.scores[at][row].numpy()) for at in range(len(answer))]
            answers.append(harness.Answer(answer, rows))
        return answers, audit_lines(self.folder)[before:], output


class Green(InFolder):
    def check(self, answers, lines, labels):
        self.assertEqual([line["account"] for line in lines], list(labels))
        for answer, line, label in zip(answers, lines, labels):
            marker = self.markers[label]
            if answer.rows:
                harness.same_mark(self, marker, answer)
            harness.same_states(self, marker, answer, line)
            harness.boundary(self, marker, answer, line, WINDOW)

    def test_two_accounts_left_padding_and_log_probabilities(self):
        with TABLE.row("C1", "C5", "C8", "C14"):
            answers, lines, _ = self.generate([[5, 6], [5, 6, 7, 8]], [signed("acct-7", "r-1"), signed("acct-8", "r-2")])
            self.check(answers, lines, ["acct-7", "acct-8"])
        with TABLE.row("C15"):
            whole = MODEL(torch.tensor([[5, 6, 7, 8, *answers[1].ids]])).logits[0, 3:-1]
            for at, (before, _) in enumerate(answers[1].rows):
                torch.testing.assert_close(torch.tensor(before), whole[at], atol=1e-5, rtol=0)

    def test_the_tail_of_a_prompt_is_no_window(self):
        with TABLE.row("C5"):
            first, lines, _ = self.generate([[5, 6, 7]], signed())
            self.check(first, lines, ["acct-7"])
            again, lines, _ = self.generate([[1, *first[0].ids[:2]]], signed(), seed=6)
            self.check(again, lines, ["acct-7"])

    def test_found(self):
        with TABLE.row("C3"):
            answers, lines, _ = self.generate([[5, 6, 7]] * 4, signed(), tokens=400, eos_token_id=None, output_logits=False, output_scores=False)
            self.assertEqual([line["index"] for line in lines], [0, 1, 2, 3])
            harness.found(self, self.markers["acct-7"], answers)
        with TABLE.row("C2"):
            harness.scored(self, self.folder, self.markers["acct-7"], "acct-7", answers)
        with TABLE.row("C4"):
            harness.not_found(self, self.markers["acct-7"].profile, answers)

    def test_policy_off(self):
        """False alarm: 2e-6, two layers of unmarked text at 1e-6."""
        self.opened = adapter.open(write_config(self.folder, policy=self.policy | {"mode": "opt_out"}))
        self.addCleanup(self.opened.close)
        answers, lines, _ = self.generate([[5, 6, 7]] * 2, signed(mark=False), tokens=400, eos_token_id=None, output_logits=False, output_scores=False)
        for log10_p in harness.pooled(self.markers["acct-7"], answers):
            self.assertGreater(log10_p, -6)
        for line in lines:
            self.assertEqual((line["outcome"], line["states"]["off"], line["kids"]), ("unmarked", 400, []))

    def test_repeats(self):
        with TABLE.row("C6", "C7"):
            def loop(batch, ids):
                return [20 + ids.shape[0] % 3]
            answers, lines, _ = self.generate([[5, 6, 7]], signed(), tokens=50, prefix_allowed_tokens_fn=loop)
            self.assertEqual(len(set(answers[0].ids)), 3)
            states = harness.replay(self.markers["acct-7"], answers[0].ids)
            self.assertEqual(states[5:], [harness.REPEATED] * 45)
            self.assertEqual(lines[0]["states"]["repeated"], 45)
            sequence = self.opened.begin(serving.Request(fields=signed()))
            sequence.follow(answers[0].ids)
            copy_ = sequence.clone()
            sequence.follow(answers[0].ids[:4])
            self.assertEqual((int(sequence.peek()[1][0]), int(copy_.peek()[1][0])), (1, 2))
            sequence.discard()
        with TABLE.row("C9"):  # the library drops nothing; rebuilt from its ids an answer goes on as it was
            resumed = self.opened.begin(serving.Request(fields=signed()))
            resumed.push(answers[0].ids)
            self.assertEqual(resumed.peek()[0].tolist(), copy_.peek()[0].tolist())
            resumed.discard()

    def test_several_returns_are_rows(self):
        with TABLE.row("C7", "C8"):
            answers, lines, _ = self.generate([[5, 6, 7], [8, 9, 10]], [signed("acct-7"), signed("acct-8", "r-2")], num_return_sequences=2)
            self.check(answers, lines, ["acct-7", "acct-7", "acct-8", "acct-8"])
            self.assertEqual([line["index"] for line in lines], [0, 1, 0, 1])

    def test_drafts(self):
        for seed in (5, 6, 7):
            answers, lines, _ = self.generate([[5, 6, 7]], signed(), seed=seed, assistant_model=DRAFTER, output_logits=False, output_scores=False)
            self.assertEqual(len(lines), 1)
            self.check(answers, lines, ["acct-7"])
        answers, _, _ = self.generate([[5, 6, 7]], signed(), tokens=400, eos_token_id=None, assistant_model=DRAFTER, output_logits=False,
                                      output_scores=False)
        harness.found(self, self.markers["acct-7"], answers)

    def test_beams(self):
        with TABLE.row("C12"):
            answers, lines, _ = self.generate([[5, 6, 7], [8, 9, 10]], [signed("acct-7"), signed("acct-8", "r-2")], num_beams=3, do_sample=True,
                                              num_return_sequences=2, tokens=30)
            self.check(answers, lines, ["acct-7", "acct-7", "acct-8", "acct-8"])

    def test_faults_of_a_row(self):
        with TABLE.row("C10"):
            weight = MODEL.lm_head.weight.data
            kept = weight.clone()
            weight[17] = float("nan")
            try:
                answers, lines, _ = self.generate([[5, 6, 7]], signed(), output_logits=False, output_scores=False)
            finally:
                weight.copy_(kept)
            self.assertEqual((answers[0].ids, lines[0]["outcome"]), ([2], "ended"))

    def test_refusals(self):
        prompts = [[5, 6, 7]]
        with TABLE.row("C14"):
            for fields in ({}, {"verdigris_account": "acct-7"}, signed() | {"verdigris_account": "acct-8"}, signed("nobody"), signed(expires=5)):
                with self.assertRaises(serving.Refused):
                    self.generate(prompts, fields)
        with TABLE.row("C13"):
            with self.assertRaisesRegex(serving.Refused, "greedy"):
                self.generate(prompts, signed(), do_sample=False)
            with self.assertRaisesRegex(serving.Refused, "bias"):
                self.generate(prompts, signed(), sequence_bias=[[[7], 4.0]])
            with self.assertRaises(errors.NotSupported):
                self.generate(prompts, signed(), assistant_model=DRAFTER, assistant_ensemble_weight=0.5)
            with self.assertRaises(errors.NotSupported):
                config = adapter.VerdigrisConfig(self.opened, signed())
                MODEL.generate_batch([[5, 6, 7]], generation_config=MODEL.generation_config.__class__(
                    do_sample=True, watermarking_config=config, max_new_tokens=3, eos_token_id=2, pad_token_id=0))
            with self.assertRaises(errors.Mismatch):
                adapter.open(self.folder / "serving.json", vocab=VOCAB + 1)
            with self.assertRaises(errors.InvalidArgument):
                self.generate([[5, 6, 7]] * 3, [signed(), signed("acct-8")])

    def test_a_configuration_is_of_one_call_and_one_source(self):
        config = adapter.VerdigrisConfig(self.opened, signed())
        for call in (lambda: adapter.VerdigrisConfig.from_dict({}), lambda: config.update(bias=2)):
            with self.assertRaises(errors.NotSupported):
                call()
        with self.assertRaisesRegex(errors.InvalidArgument, "not both"):
            adapter.VerdigrisConfig(self.opened, signed(), account="acct-7")
        with self.assertRaisesRegex(errors.Internal, "no generation_config"):
            config.construct_processor(VOCAB)
        ids = torch.tensor([[5, 6, 7]])
        output = MODEL.generate(ids, attention_mask=torch.ones_like(ids), watermarking_config=config, do_sample=True, max_new_tokens=3)
        processor = config._processor
        with self.assertRaisesRegex(errors.InvalidArgument, "the output has 2 rows, generate\\(\\) had 1"):
            config.finish(output.repeat(2, 1))
        with self.assertRaisesRegex(errors.Internal, "has 2 rows, it had 1"):
            processor(output.repeat(2, 1), torch.zeros(2, VOCAB))

    def test_what_is_written_has_no_secret(self):
        with TABLE.row("C16"):
            config = adapter.VerdigrisConfig(self.opened, signed())
            texts = [repr(config), config.to_json_string(), str(config.to_dict()), str(dict(config)), (self.folder / "audit.jsonl").read_text()]
            harness.no_secrets(self, self.files, texts)
            self.assertEqual(config.to_dict(), {"profile": self.opened.profile.digest})


class Law(InFolder):
    """What assisted generation draws, of models whose P is the same at each position."""

    IDS = [40 + 7 * at for at in range(10)]
    SPLIT, STRETCH, STRETCHES = 1, 8, 50
    settings = {"window": 1}
    policy = {"end_ids": [2], "split_ids": [SPLIT]}

    def same_everywhere(self, seed, logits):
        """A model with these logits of IDS, whatever stands before: all its embeddings are one."""
        model = make_model(seed)
        with torch.no_grad():
            model.model.embed_tokens.weight[:] = model.model.embed_tokens.weight[5]
            hidden = model.model(torch.tensor([[5, 6]])).last_hidden_state[0, -1]
            model.lm_head.weight[:] = 0
            model.lm_head.weight[self.IDS] = logits.unsqueeze(1) * hidden / hidden.square().sum()
        return model

    def test_drafts_do_not_change_the_law(self):
        """Windows of one id are new again after a split id, so that few laws are drawn from often. False alarm: 1e-6, see harness.Draws."""
        logits = torch.linspace(0, 1.5, 10)
        model, drafter = self.same_everywhere(1, logits), self.same_everywhere(2, logits.flip(0) / 2)
        marker, draws = self.markers["acct-7"], harness.Draws()

        def allowed(batch, ids):
            return self.IDS if (ids.shape[0] - 2) % (self.STRETCH + 1) else [self.SPLIT]

        def law(window):
            row = torch.full((VOCAB,), float("-inf"))
            row[self.IDS] = logits
            marker.mark_(row, window)
            return harness.softmax(row[self.IDS].numpy())

        torch.manual_seed(5)
        for number in range(50):
            config = adapter.VerdigrisConfig(self.opened, signed())
            output = model.generate(torch.tensor([[5, 6]]), watermarking_config=config, assistant_model=drafter, do_sample=True, top_k=0, num_assistant_tokens=4,
                                    num_assistant_tokens_schedule="constant", assistant_confidence_threshold=0.0, eos_token_id=None,
                                    max_new_tokens=self.STRETCHES * (self.STRETCH + 1), prefix_allowed_tokens_fn=allowed)
            config.finish(output)
            for stretch in output[0, 2:].view(self.STRETCHES, -1).tolist():
                self.assertEqual(stretch[0], self.SPLIT)
                seen = set()
                for before, id in zip([None, *stretch[1:]], stretch[1:]):
                    window = [] if before is None or before in seen else [before]
                    seen.add(before)
                    draws.add(tuple(window), lambda: law(window), self.IDS.index(id))
        with TABLE.row("C11"):
            draws.check(self, harness.softmax(logits.numpy()))


class Unbiased(InFolder):
    settings = {"scheme": "gumbel"}

    def test_same_mark_and_beams_refused(self):
        with TABLE.row("C1"):
            answers, lines, _ = self.generate([[5, 6, 7]], signed(), tokens=30)
            harness.same_mark(self, self.markers["acct-7"], answers[0])
            harness.same_states(self, self.markers["acct-7"], answers[0], lines[0])
        with TABLE.row("C12", result="refused"), self.assertRaisesRegex(serving.Refused, "beams"):
            self.generate([[5, 6, 7]], signed(), num_beams=2)


class Tournament(Unbiased):
    settings = {"scheme": "tournament"}


if __name__ == "__main__":
    unittest.main()
