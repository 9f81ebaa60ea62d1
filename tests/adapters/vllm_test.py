"""The processors of vLLM, with vLLM's own interface modules and a runner loop of ours (label: interface). Not run on a GPU.

The runner has the buffers and the order of calls of vllm 0.33.0: requests are added, staged writes applied, the pass is run, processors see
the rows, what was drawn is appended. Its draws come from a generator with a fixed seed; every assertion is exact.
"""

import functools
import os
import pathlib
import sys
import unittest
from types import SimpleNamespace

import numpy as np
import torch
import verdigris
from verdigris import errors

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fixture  # noqa: E402
import harness  # noqa: E402
from verdigris.adapters import engines  # noqa: E402
from verdigris.adapters import vllm as adapter  # noqa: E402
from vllm.sampling_params import SamplingParams  # noqa: E402
from vllm.v1.sample.logits_processor.interface import BatchUpdate, MoveDirectionality  # noqa: E402
from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsContext, LogitsProcRequestState  # noqa: E402

V, WIDTH, SLOTS, LONGEST = 32000, 32064, 8, 512
TABLES = {runner: harness.Table(f"vllm-{runner}", engines.VLLM_V2.newest, "interface") for runner in ("v2", "v1")}


def tearDownModule():
    for table in TABLES.values():
        table.write()


def shown(runner, *rows, result="passed"):
    """Records rows of the conformance table where the test passes."""
    def around(test):
        @functools.wraps(test)
        def inner(self):
            with TABLES[runner].row(*rows, result=result):
                test(self)
        return inner
    return around


os.environ["VERDIGRIS_UNTESTED_ENGINE"] = "1"  # the wheel is unpacked, not installed, so it has no version


def config(**changes):
    """The members of VllmConfig that the adapter reads."""
    values = {"watermark_config": None, "speculative_config": None,
              "model_config": SimpleNamespace(logprobs_mode="raw_logprobs", get_vocab_size=lambda: WIDTH),
              "parallel_config": SimpleNamespace(rank=0, tensor_parallel_size=1, pipeline_parallel_size=1),
              "scheduler_config": SimpleNamespace(max_num_seqs=SLOTS)}
    return SimpleNamespace(**{**values, **changes})


def drafting(k, method="standard"):
    return SimpleNamespace(num_speculative_tokens=k, rejection_sample_method=method)


def params(fields, temperature=1.0, **rest):
    return SamplingParams(temperature=temperature, extra_args=fields, **rest)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = fixture.Folder()
        self.addCleanup(self.folder.close)
        self.markers = {"acct-7": fixture.marker("plain"), "acct-8": fixture.marker("plain", "acct-8")}
        self.rng = np.random.default_rng(11)

    def expect(self, account, ids, before, after, temperature=1.0):
        """C1: the bytes of vdg_mark on the replayed ids. Returns the state."""
        want = before.numpy().copy()
        price = self.markers[account].mark_(want, ids, mode="bias", scale=temperature)
        self.assertEqual(want.tobytes(), after.numpy().tobytes(), (account, len(ids)))
        return price.state

    def assert_line(self, line, account, ids):
        """C2: audit states equal the replay's."""
        counts = dict.fromkeys(("marked", "off", "short", "special", "repeated", "no_choice"), 0)
        for n in range(len(ids)):
            _, price = self.markers[account].mask(ids[:n])
            counts[list(counts)[price.state - 1]] += 1
        self.assertEqual((line["account"], line["tokens"], line["states"]), (account, len(ids), counts))
        self.assertEqual(line["kids"], list(self.markers[account].kids))


class RunnerV2:
    """The slots and buffers of Model Runner V2, and its order of calls."""

    def __init__(self, case, drafts=0, **changes):
        zeros = lambda *shape: torch.zeros(shape, dtype=torch.int32)  # noqa: E731
        buffer = lambda *shape: SimpleNamespace(gpu=zeros(*shape))  # noqa: E731
        backed = lambda: SimpleNamespace(np=np.zeros(SLOTS, np.int32))  # noqa: E731
        self.case = case
        self.states = LogitsProcRequestState(device=torch.device("cpu"), max_num_reqs=SLOTS, vocab_size=WIDTH,
                                             all_token_ids=buffer(SLOTS, LONGEST), prompt_len=backed(), prefill_len=backed(),
                                             total_len=buffer(SLOTS))
        if drafts:
            changes["speculative_config"] = drafting(drafts)
        self.processor = adapter.ProcessorV2(config(**changes), self.states)
        self.live = {}

    def add(self, slot, account, prompt, sampling, output=()):
        ids = [*prompt, *output]
        self.states.prompt_len.np[slot], self.states.prefill_len.np[slot] = len(prompt), len(ids)
        self.states.all_token_ids.gpu[slot, : len(ids)] = torch.tensor(ids, dtype=torch.int32)
        self.states.total_len.gpu[slot] = len(ids)
        self.processor.add_request(slot, sampling)
        self.live[slot] = SimpleNamespace(account=account, prompt=len(prompt), temperature=sampling.temperature, output=list(output))

    def rows(self, slots, drafts):
        given = [self.live[slot] for slot in slots]
        total = [int(self.states.total_len.gpu[slot]) for slot in slots]
        rows = [(slot, at, total[i] + at - 1, ([0] + drafts.get(slot, []))[at])
                for i, slot in enumerate(slots) for at in range(1 + len(drafts.get(slot, [])))]
        column = lambda at: torch.tensor([row[at] for row in rows], dtype=torch.int64)  # noqa: E731
        return given, rows, LogitsContext(expanded_idx_mapping=column(0), idx_mapping=torch.tensor(slots), idx_mapping_np=np.array(slots),
                                          expanded_local_pos=column(1), input_ids=column(3), pos=column(2),
                                          seq_lens_upper_bound_np=np.array(total))

    def step(self, slots=None, drafts=None, draw=None):
        slots, drafts = list(self.live) if slots is None else slots, drafts or {}
        self.processor.apply_staged_writes()
        self.apply(slots, drafts)
        for slot in slots:
            self.append(slot, [int(self.case.rng.integers(3, V)) if draw is None else draw[slot]])

    def apply(self, slots, drafts):
        _, rows, ctx = self.rows(slots, drafts)
        before = torch.from_numpy(self.case.rng.standard_normal((len(rows), WIDTH), np.float32))
        after = self.processor.apply(before.clone(), ctx)
        for row, (slot, at, _, _) in enumerate(rows):
            request, some = self.live[slot], drafts.get(slot, [])[:at]
            if -1 in some:
                self.case.assertTrue((before[row] == after[row]).all())
            elif request.account is not None:
                request.state = self.case.expect(request.account, request.output + some, before[row], after[row], request.temperature)
        return before, after

    def append(self, slot, ids):
        total = int(self.states.total_len.gpu[slot])
        self.states.all_token_ids.gpu[slot, total : total + len(ids)] = torch.tensor(ids, dtype=torch.int32)
        self.states.total_len.gpu[slot] = total + len(ids)
        self.live[slot].output += ids


class V2(Case):
    @shown("v2", "C1")
    @shown("v2", "C5", "C8", result="partial")
    def test_rows_join_leave_and_change_slots(self):
        runner = RunnerV2(self)
        answers = []
        for number in range(64):
            if len(runner.live) > 4:
                answers.append(runner.live.pop(list(runner.live)[number % 3]))
            slot = next(slot for slot in range(SLOTS) if slot not in runner.live)
            account = ("acct-7", "acct-8")[number % 2]
            runner.add(slot, account, [5, 6, 7, 8], params(self.folder.fields(account, f"r-{number}"), (1.0, .7, 1.9)[number % 3]))
            runner.live[slot].request = f"r-{number}"
            for _ in range(3):
                runner.step()
        answers += runner.live.values()
        runner.processor._serving.close()
        lines = {line["request"]: line for line in self.folder.lines()}
        self.assertEqual(len(lines), 64)
        for answer in answers:
            # What the last step drew is not in the history: the engine never said so.
            known = lines[answer.request]["tokens"]
            self.assertGreaterEqual(known, len(answer.output) - 1)
            self.assert_line(lines[answer.request], answer.account, answer.output[:known])

    def answer(self, runner, slot, length, account):
        """Ids that are drawn from the marked logits at temperature 1."""
        for _ in range(length):
            runner.processor.apply_staged_writes()
            _, after = runner.apply([slot], {})
            row = after[0, :V].double()
            noise = torch.from_numpy(self.rng.gumbel(size=V))
            runner.append(slot, [int((row + noise).argmax())])
        return harness.Answer(runner.live.pop(slot).output)

    @shown("v2", "C3")
    @shown("v2", "C2", result="partial")
    def test_answers_are_found(self):
        # Logits are normal with deviation 1, so P is flat: about 71 % green. False alarm: none, the seed is fixed.
        runner, answers = RunnerV2(self), []
        for number in range(4):
            runner.add(number, "acct-7", [9], params(self.folder.fields(request=f"r-{number}")))
            answers.append(self.answer(runner, number, 400, "acct-7"))
        runner.processor.apply_staged_writes()
        runner.processor._catch_up(runner.rows([], {})[2])
        runner.processor._serving.close()
        harness.found(self, self.markers["acct-7"], answers)
        lines = {line["request"]: line for line in self.folder.lines()}
        for number, answer in enumerate(answers):
            harness.same_states(self, self.markers["acct-7"], answer, lines[f"r-{number}"])

    @shown("v2", "C4", result="partial")
    def test_what_the_policy_leaves_unmarked_is_not_touched(self):
        folder = fixture.Folder(mode="opt_out")
        self.addCleanup(folder.close)
        runner = RunnerV2(self)
        runner.add(0, None, [9], params(folder.fields(mark=False)))
        for _ in range(5):
            runner.processor.apply_staged_writes()
            before, after = runner.apply([0], {})
            self.assertTrue((before == after).all())
            runner.append(0, [int(self.rng.integers(3, V))])
        runner.processor._serving.close()
        self.assertEqual([(line["outcome"], line["states"]["marked"]) for line in folder.lines()], [("unmarked", 0)])

    @shown("v2", "C6", result="partial")
    def test_repeats(self):
        runner = RunnerV2(self)
        runner.add(0, "acct-7", [9], params(self.folder.fields()))
        states = []
        for _ in range(6):
            runner.step(draw={0: 4})
            states.append(runner.live[0].state)
        self.assertEqual(states, [3, 3, 1, 5, 5, 5])

    @shown("v2", "C9")
    @shown("v2", "C7", result="partial")
    def test_a_preempted_answer_goes_on_in_another_slot_with_one_line(self):
        runner = RunnerV2(self)
        sampling = params(self.folder.fields())
        runner.add(0, "acct-7", [9, 9], sampling)
        runner.add(1, "acct-8", [9, 9], params(self.folder.fields("acct-8", "r-2")))
        for _ in range(5):
            runner.step()
        gone = runner.live.pop(0)
        for _ in range(3):
            runner.step()
        runner.add(3, "acct-7", [9, 9], sampling, gone.output)
        for _ in range(4):
            runner.step()
        runner.processor._serving.close()
        lines = [line for line in self.folder.lines() if line["request"] == "r-1"]
        self.assertEqual(len(lines), 1)
        self.assert_line(lines[0], "acct-7", runner.live[3].output[: lines[0]["tokens"]])

    def test_prefill_in_parts_and_warm_up_are_left_alone(self):
        runner = RunnerV2(self)
        runner.processor.add_request(5, SamplingParams.for_sampler_warmup())
        logits = torch.zeros((1, WIDTH))
        runner.live[5] = SimpleNamespace(account=None, output=[], prompt=0, temperature=1.0)
        runner.processor.apply_staged_writes()
        runner.apply([5], {})
        runner.live.pop(5)
        runner.add(0, "acct-7", [5, 6, 7, 8], params(self.folder.fields()), [10, 11, 12])
        runner.processor.apply_staged_writes()
        _, _, ctx = runner.rows([0], {})
        part = LogitsContext(**{**ctx.__dict__, "seq_lens_upper_bound_np": np.array([6])})
        self.assertTrue((runner.processor.apply(logits.clone(), part) == logits).all())
        self.assertTrue((runner.processor.apply(logits.clone(), ctx) != logits).any())

    @shown("v2", "C11", "C10", result="partial")
    def test_drafts(self):
        runner = RunnerV2(self, drafts=4)
        for slot, account in ((0, "acct-7"), (2, "acct-8")):
            runner.add(slot, account, [1], params(self.folder.fields(account, f"r-{slot}")))
        for number in range(8):
            drafts = {slot: self.rng.integers(3, V, 4).tolist() for slot in (0, 2)}
            if number % 3 == 1:
                drafts[2][2] = -1
            runner.processor.apply_staged_writes()
            if number % 2:
                for slot in (0, 2):  # a verification in parts
                    runner.apply([slot], {slot: drafts[slot]})
            else:
                runner.apply([0, 2], drafts)
            for slot in (0, 2):
                kept = number % 3
                runner.append(slot, drafts[slot][: min(kept, 2)] + [int(self.rng.integers(3, V))])
        self.assertGreater(len(runner.live[0].output), 12)

    def test_a_slot_that_waits_is_marked_when_it_is_drawn_for_again(self):
        # Its last id ends answers, which the client ignores, and another request returns from preemption meanwhile.
        runner = RunnerV2(self)
        runner.add(0, "acct-7", [9], params(self.folder.fields(), ignore_eos=True))
        runner.add(1, "acct-8", [9], params(self.folder.fields("acct-8", "r-2")))
        for _ in range(4):
            runner.step()
        runner.step([0], draw={0: 2})
        gone = runner.live.pop(1)
        runner.add(4, "acct-8", [9], params(self.folder.fields("acct-8", "r-2")), gone.output)
        runner.step([4])
        for _ in range(4):
            runner.step()
        self.assertEqual(runner.live[0].state, 1)

    def test_a_slot_that_was_never_added_stops(self):
        runner = RunnerV2(self)
        runner.add(0, "acct-7", [9], params(self.folder.fields()))
        runner.processor._slots.clear()
        runner.processor.apply_staged_writes()
        with self.assertRaisesRegex(errors.Internal, "never added"):
            runner.processor.apply(torch.zeros((1, WIDTH)), runner.rows([0], {})[2])

    def test_a_row_that_follows_other_ids_stops(self):
        runner = RunnerV2(self)
        runner.add(0, "acct-7", [9], params(self.folder.fields()))
        runner.step()
        runner.processor.apply_staged_writes()
        ctx = runner.rows([0], {})[2]
        later = LogitsContext(**{**ctx.__dict__, "seq_lens_upper_bound_np": ctx.seq_lens_upper_bound_np + 1})
        with self.assertRaisesRegex(errors.Internal, "a row follows 3 ids, the engine has 2"):
            runner.processor.apply(torch.zeros((1, WIDTH)), later)

    def test_the_device_route_gives_the_same_bytes(self):
        # Logits that no CPU route takes in place: the masks are made, uploaded and applied as on a device.
        runner = RunnerV2(self)
        runner.add(0, "acct-7", [9], params(self.folder.fields(), .7))
        for _ in range(3):
            runner.step()
        runner.processor.apply_staged_writes()
        ctx = runner.rows([0], {})[2]
        before = torch.from_numpy(self.rng.standard_normal((1, WIDTH), np.float32))
        spread = torch.empty((1, WIDTH, 2))[:, :, 0].copy_(before)
        after = runner.processor.apply(spread, ctx)
        self.assertEqual(self.expect("acct-7", runner.live[0].output, before, after.contiguous(), .7), 1)

    @shown("v2", "C16", result="partial")
    def test_no_key_is_shown(self):
        runner = RunnerV2(self)
        runner.add(0, "acct-7", [9], params(self.folder.fields()))
        for _ in range(4):
            runner.step()
        runner.processor._serving.close()
        content = self.folder.audit.read_text() + runner.processor._serving.metrics.text(False) + repr(vars(runner.processor))
        secrets = [line.split(b": ")[1].decode() for name in ("kProvider", "kSelector", "kAccount7") for line in fixture.text(name).splitlines()
                   if line.startswith(b"key: ")]
        self.assertEqual(len(secrets), 3)
        for secret in secrets:
            self.assertNotIn(secret, content)

    def test_a_disagreement_stops(self):
        runner = RunnerV2(self)
        runner.add(0, "acct-7", [9], params(self.folder.fields()))
        for _ in range(3):
            runner.step()
        runner.states.total_len.gpu[0] -= 2
        runner.processor.apply_staged_writes()
        with self.assertRaisesRegex(errors.Internal, "slot 0"):
            runner.processor.apply(torch.zeros((1, WIDTH)), runner.rows([0], {})[2])


class Refusals(Case):  # C13, C14
    def start(self, **changes):
        zeros = lambda *shape: SimpleNamespace(gpu=torch.zeros(shape, dtype=torch.int32), np=np.zeros(shape, np.int32))  # noqa: E731
        states = LogitsProcRequestState(torch.device("cpu"), SLOTS, WIDTH, zeros(SLOTS, 8), zeros(SLOTS), zeros(SLOTS), zeros(SLOTS))
        return adapter.ProcessorV2(config(**changes), states)

    def test_options_of_the_engine(self):
        model = lambda mode, size: SimpleNamespace(logprobs_mode=mode, get_vocab_size=lambda: size)  # noqa: E731
        for changes, message in (({"watermark_config": object()}, "own watermark"),
                                 ({"model_config": model("processed_logprobs", WIDTH)}, "logprobs_mode"),
                                 ({"model_config": model("raw_logprobs", 31999)}, "32000 ids, the model 31999"),
                                 ({"speculative_config": drafting(2, "fly")}, "rejection_sample_method fly")):
            with self.subTest(message), self.assertRaisesRegex(errors.Error, message):
                self.start(**changes)
        parallel = SimpleNamespace(rank=0, tensor_parallel_size=1, pipeline_parallel_size=2)
        with self.assertRaisesRegex(errors.NotSupported, "pipeline"):
            adapter.ProcessorV1(config(parallel_config=parallel), torch.device("cpu"), False)

    @shown("v2", "C13", result="partial")
    def test_configurations(self):
        for change, kind in (({"epoch": 4}, errors.Mismatch), ({"extra": 1}, errors.Malformed),
                             ({"keys": {"provider": "provider.key", "accounts": "accounts"}}, errors.FailedPrecondition)):
            with self.subTest(change=change):
                folder = fixture.Folder()
                self.addCleanup(folder.close)
                folder.settings.update(change)
                folder.write()
                with self.assertRaises(kind):
                    self.start()
        preserve = fixture.Folder("preserve")
        self.addCleanup(preserve.close)
        with self.assertRaisesRegex(errors.NotSupported, "plain"):
            self.start()
        del os.environ["VERDIGRIS_CONFIG"]
        with self.assertRaisesRegex(errors.FailedPrecondition, "VERDIGRIS_CONFIG"):
            self.start()

    @shown("v2", "C14")
    def test_requests(self):
        good = self.folder.fields()
        adapter.ProcessorV2.validate_params(params(good))
        adapter.ProcessorV1.validate_params(params(good))
        for fields, rest, kind in ((None, {}, "mac"), ({"verdigris_account": "acct-7"}, {}, "mac"),
                                   ({**good, "verdigris_account": "acct-8"}, {}, "mac"), (self.folder.fields(expires=1), {}, "mac"),
                                   (self.folder.fields("acct-9"), {}, "account"), (self.folder.fields(mark=False), {}, "policy"),
                                   (good, {"temperature": 0.0}, "greedy"), (good, {"logit_bias": {5: 3.0}}, "bias"),
                                   (good, {"allowed_token_ids": [5, 6]}, "allow_list")):
            with self.subTest(kind, fields=fields), self.assertRaisesRegex(ValueError, kind):
                adapter.ProcessorV2.validate_params(params(fields, **rest))

    def test_what_was_not_admitted_gets_no_id_of_the_model(self):
        runner = RunnerV2(self)
        runner.add(0, None, [9], params(None))
        runner.processor.apply_staged_writes()
        _, after = runner.apply([0], {})
        self.assertEqual(torch.isfinite(after).sum().item(), 1)


class V1(Case):
    def test_rows_without_a_request_stop(self):
        processor = adapter.ProcessorV1(config(), torch.device("cpu"), False)
        with self.assertRaisesRegex(errors.Internal, "1 rows are drawn for"):
            processor.apply(torch.zeros((1, WIDTH)))

    @shown("v1", "C1", "C9")
    @shown("v1", "C2", "C7", "C8", result="partial")
    def test_a_batch_that_changes(self):
        processor = adapter.ProcessorV1(config(), torch.device("cpu"), False)
        self.assertFalse(processor.is_argmax_invariant())
        running = {}
        answers = []

        def added(row, number, output=None):
            account = ("acct-7", "acct-8")[number % 2]
            answer = SimpleNamespace(account=account, request=f"r-{number}", output=[] if output is None else output, temperature=(1.0, .5)[number % 2])
            running[row] = answer
            return row, params(self.folder.fields(account, answer.request), answer.temperature), [5, 6, 7], answer.output

        def update(size, removed=(), new=(), moved=()):
            for row in removed:
                running.pop(row)
            entries = [added(*entry) for entry in new]
            for a, b, how in moved:
                one, two = running.pop(a), running.pop(b, None)
                running[b] = one
                if how == MoveDirectionality.SWAP:
                    running[a] = two
            processor.update_state(BatchUpdate(batch_size=size, removed=list(removed), added=entries, moved=list(moved)))

        def step():
            before = torch.from_numpy(self.rng.standard_normal((len(running), WIDTH), np.float32))
            after = processor.apply(before.clone())
            for row, answer in running.items():
                self.expect(answer.account, answer.output, before[row], after[row], answer.temperature)
                answer.output.append(int(self.rng.integers(3, V)))

        update(4, new=[(row, row) for row in range(4)])
        for _ in range(4):
            step()
        processor.update_state(None)
        update(4, moved=[(0, 3, MoveDirectionality.SWAP)])
        step()
        preempted = running[1]
        update(3, removed=[1], moved=[(3, 1, MoveDirectionality.UNIDIRECTIONAL)])
        for _ in range(3):
            step()
        update(4, new=[(3, 1, preempted.output)])
        for _ in range(3):
            step()
        answers = list(running.values())
        processor._serving.close()
        lines = self.folder.lines()
        self.assertEqual(sorted(line["request"] for line in lines), ["r-0", "r-1", "r-2", "r-3"])
        for answer in answers:
            line = next(line for line in lines if line["request"] == answer.request)
            self.assert_line(line, answer.account, answer.output[: line["tokens"]])

    @shown("v1", "C10")
    def test_a_placeholder_in_a_live_row(self):
        for policy in ("end", "stop"):
            with self.subTest(policy):
                folder = fixture.Folder(on_error=policy)
                self.addCleanup(folder.close)
                processor = adapter.ProcessorV1(config(), torch.device("cpu"), False)
                outputs = [[5, 6, 7], [5, 6, -1]]
                processor.update_state(BatchUpdate(2, [], [(row, params(folder.fields(request=f"r-{row}")), [], output)
                                                           for row, output in enumerate(outputs)], []))
                before = torch.zeros((2, WIDTH))
                if policy == "stop":
                    with self.assertRaises(errors.InvalidArgument):
                        processor.apply(before)
                    continue
                after = processor.apply(before.clone())
                self.expect("acct-7", outputs[0], before[0], after[0])
                self.assertEqual(torch.isfinite(after[1]).nonzero().view(-1).tolist(), [2])


if __name__ == "__main__":
    unittest.main()
