"""The processors of vLLM, with vLLM's own interface modules and runner loops of ours (label: interface). Not run on a GPU.

A loop has the buffers and the order of calls of vllm 0.33.0: requests are added, staged writes applied, the pass is run, processors see
the rows, what was drawn is appended. Where log-probabilities are taken, and what V1 draws, the engine's own samplers say. Drafts are verified
by a loop of ours in the way of the engine's `standard` method, whose kernels want a GPU.
"""

import dataclasses
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
from slots import ACCOUNTS, MARKED, V, WIDTH, Loop, Rows  # noqa: E402
from verdigris.adapters import engines  # noqa: E402
from verdigris.adapters import vllm as adapter  # noqa: E402
from vllm.sampling_params import SamplingParams  # noqa: E402
from vllm.v1.sample.logits_processor import LogitsProcessors, build_logitsprocs  # noqa: E402
from vllm.v1.sample.logits_processor.interface import BatchUpdate, MoveDirectionality  # noqa: E402
from vllm.v1.sample.metadata import SamplingMetadata  # noqa: E402
from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsContext, LogitsProcRequestState  # noqa: E402

SLOTS, LONGEST = 8, 512
NARROW = 128  # columns of rows whose ids are few
V2_TABLE = harness.Table(engines.VLLM_V2, "vllm-v2", engines.VLLM_V2.newest, "interface")
V1_TABLE = harness.Table(engines.VLLM_V1, "vllm-v1", engines.VLLM_V1.newest, "interface")


def tearDownModule():
    V2_TABLE.write()
    V1_TABLE.write()


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


class ForBoth(Rows):
    """What holds of both processors: options, and beams."""

    def refuses(self, loop, *cases):
        for changes, message in cases:
            with self.subTest(message), self.assertRaisesRegex(errors.Error, message):
                loop.open(**changes)

    def options(self):
        model = lambda mode, size: SimpleNamespace(logprobs_mode=mode, get_vocab_size=lambda: size)  # noqa: E731
        loop = self.start()
        self.refuses(loop, ({"watermark_config": object()}, "own watermark"),
                     ({"model_config": model("processed_logprobs", WIDTH)}, "logprobs_mode"),
                     ({"model_config": model("processed_logits", WIDTH)}, "logprobs_mode"),
                     ({"model_config": model("raw_logprobs", 31999)}, "32000 ids, the model 31999"))
        self.options_of_runner(loop)
        preserve = fixture.Folder("preserve")
        self.addCleanup(preserve.close)
        self.refuses(loop, ({}, "plain"))

    def test_beams_and_allow_lists(self):
        loop = self.start()
        fields = loop.folder.fields()
        with self.table.row("C12", result="refused"), self.assertRaisesRegex(ValueError, "beams"):
            # As vllm/entrypoints/generate/beam_search has it, here with the fields that it leaves out.
            loop.processor.validate_params(params(fields, logprobs=4, max_tokens=1, watermarking=False, detokenize=False))
        loop.processor.validate_params(params(fields, logprobs=4, max_tokens=1))
        with self.assertRaisesRegex(ValueError, "allow_list"):
            loop.processor.validate_params(params(fields, allowed_token_ids=[5, 6]))


class LoopV2(Loop):
    """The slots and buffers of Model Runner V2, and its order of calls."""

    drafts = 0

    def open(self, **changes):
        zeros = lambda *shape: torch.zeros(shape, dtype=torch.int32)  # noqa: E731
        buffer = lambda *shape: SimpleNamespace(gpu=zeros(*shape))  # noqa: E731
        backed = lambda: SimpleNamespace(np=np.zeros(SLOTS, np.int32))  # noqa: E731
        self.states = LogitsProcRequestState(device=torch.device("cpu"), max_num_reqs=SLOTS, vocab_size=WIDTH,
                                             all_token_ids=buffer(SLOTS, LONGEST), prompt_len=backed(), prefill_len=backed(),
                                             total_len=buffer(SLOTS))
        if self.drafts:
            changes["speculative_config"] = drafting(self.drafts)
        self.processor = adapter.ProcessorV2(config(**changes), self.states)
        self.serving = self.processor._serving

    def admit(self, fields, temperature=1.0, logit_bias=None):
        self.processor.validate_params(params(fields, temperature, logit_bias=logit_bias))

    def began(self, slot):
        request = self.live[slot]
        self.put(slot, request.prompt + request.output)
        self.states.prompt_len.np[slot], self.states.prefill_len.np[slot] = len(request.prompt), len(request.prompt) + len(request.output)
        self.processor.add_request(slot, params(request.fields, request.temperature))

    def put(self, slot, ids):
        self.states.all_token_ids.gpu[slot, : len(ids)] = torch.tensor(ids, dtype=torch.int32)
        self.states.total_len.gpu[slot] = len(ids)

    def appended(self, slot, ids):
        total = int(self.states.total_len.gpu[slot])
        self.states.all_token_ids.gpu[slot, total : total + len(ids)] = torch.tensor(ids, dtype=torch.int32)
        self.states.total_len.gpu[slot] = total + len(ids)

    def context(self, slots, drafts):
        total = [int(self.states.total_len.gpu[slot]) for slot in slots]
        rows = [(slot, at, total[i] + at - 1, ([0] + drafts.get(slot, []))[at])
                for i, slot in enumerate(slots) for at in range(1 + len(drafts.get(slot, [])))]
        column = lambda at: torch.tensor([row[at] for row in rows], dtype=torch.int64)  # noqa: E731
        return rows, LogitsContext(expanded_idx_mapping=column(0), idx_mapping=torch.tensor(slots), idx_mapping_np=np.array(slots),
                                   expanded_local_pos=column(1), input_ids=column(3), pos=column(2),
                                   seq_lens_upper_bound_np=np.array(total))

    def rows(self, slots, logits):
        self.processor.apply_staged_writes()
        return self.processor.apply(logits, self.context(slots, {})[1])

    def verify(self, slots, drafts):
        """The rows of drafts and of what comes after them: C1 in each. Staged writes are applied already."""
        rows, context = self.context(slots, drafts)
        before = torch.from_numpy(self.random.standard_normal((len(rows), WIDTH), np.float32))
        after = self.processor.apply(before.clone(), context)
        for row, (slot, at, _, _) in enumerate(rows):
            request, some = self.live[slot], drafts[slot][:at]
            if -1 in some:
                self.case.assertTrue((before[row] == after[row]).all())
            else:
                self.expect(dataclasses.replace(request, output=request.output + some), before[row], after[row])
        return before, after


class Drafting(LoopV2):
    drafts = 4


class V2(ForBoth, unittest.TestCase):
    loop, table = LoopV2, V2_TABLE

    def options_of_runner(self, loop):
        self.refuses(loop, ({"speculative_config": drafting(2, "fly")}, "rejection_sample_method fly"))

    def forgets(self, loop, slot):
        loop.states.total_len.gpu[slot] = len(loop.live[slot].prompt) + len(loop.live[slot].output)

    def rolled_back(self, loop):
        """Drafts that were rejected were never used: their windows are new."""
        super().rolled_back(loop)
        folder = fixture.Folder()
        self.addCleanup(folder.close)
        loop = Drafting(self, folder)
        request = loop.add()
        loop.append(0, [5, 6, 7])
        for _ in range(2):
            loop.processor.apply_staged_writes()
            loop.verify([0], {0: [8, 9, 10, 11]})
        loop.append(0, [8])
        loop.look()
        self.assertEqual(request.state, MARKED)

    def test_prefill_in_parts_and_warm_up_are_left_alone(self):
        loop = self.start()
        loop.processor.add_request(5, SamplingParams.for_sampler_warmup())
        logits = torch.zeros((1, WIDTH))
        self.assertTrue((loop.rows([5], logits.clone()) == logits).all())
        loop.add(0, prompt=[5, 6, 7, 8], output=[10, 11, 12])
        loop.processor.apply_staged_writes()
        context = loop.context([0], {})[1]
        part = LogitsContext(**{**context.__dict__, "seq_lens_upper_bound_np": np.array([6])})
        self.assertTrue((loop.processor.apply(logits.clone(), part) == logits).all())
        self.assertTrue((loop.processor.apply(logits.clone(), context) != logits).any())

    def test_drafts(self):
        with self.table.row("C10"):
            folder = fixture.Folder()
            self.addCleanup(folder.close)
            loop = Drafting(self, folder)
            for slot, account in ((0, "acct-7"), (2, "acct-8")):
                loop.add(slot, account, f"r-{slot}", [1])
            for number in range(8):
                drafts = {slot: loop.random.integers(3, V, 4).tolist() for slot in (0, 2)}
                if number % 3 == 1:
                    drafts[2][2] = -1
                loop.processor.apply_staged_writes()
                for slots in ([0], [2]) if number % 2 else ([0, 2],):  # a verification in parts, and whole
                    loop.verify(slots, drafts)
                for slot in (0, 2):
                    loop.append(slot, drafts[slot][: min(number % 3, 2)] + [int(loop.random.integers(3, V))])
            self.assertGreater(len(loop.live[0].output), 12)

    def test_the_law_of_drafts(self):
        """Four drafts, of which some are wrong, verified against Q. False alarm: 1e-6, see harness.Draws."""
        folder = fixture.Folder()
        self.addCleanup(folder.close)
        loop, marker, draws = Drafting(self, folder), fixture.marker(), harness.Draws()
        ids = [40 + 7 * at for at in range(10)]
        logits = torch.full((NARROW,), float("-inf"))
        logits[ids] = torch.linspace(0, 1.5, 10)
        guess = harness.softmax(np.linspace(1, 0, 10))  # of the drafter, far from P

        def law(window):
            row = logits.numpy().copy()
            marker.mark_(row, window, mode="bias")
            return harness.softmax(row[ids])

        for number in range(1800):  # 8 slots, one to two draws that are counted
            drafts = {}
            for slot in range(SLOTS):
                loop.add(slot, name=f"r-{number}-{slot}", prompt=[9], output=[])
                loop.append(slot, [5, 6])
                drafts[slot] = [ids[at] for at in loop.random.choice(10, 4, p=guess)]
            loop.processor.apply_staged_writes()
            _, context = loop.context(list(range(SLOTS)), drafts)
            after = torch.softmax(loop.processor.apply(logits.repeat(SLOTS * 5, 1), context)[:, ids].double(), 1).numpy().reshape(SLOTS, 5, 10)
            for slot in range(SLOTS):
                for at, id in enumerate(self.verified(loop.random, after[slot], guess, [ids.index(id) for id in drafts[slot]])[:2]):
                    window = [5, 6] if at == 0 else [6, ids[first]]
                    first = id
                    draws.add(tuple(window), lambda: law(window), id)
        with self.table.row("C11"):
            draws.check(self, harness.softmax(logits.numpy()[ids]))

    @staticmethod
    def verified(random, target, guess, drafts):
        """Rejection sampling: drafts up to the first that is rejected, and an id of what is left of Q there, or behind them."""
        kept = []
        for at, id in enumerate(drafts):
            if random.random() >= target[at][id] / guess[id]:
                rest = np.maximum(target[at] - guess, 0)
                return [*kept, int(random.choice(10, p=rest / rest.sum()))]
            kept.append(id)
        return [*kept, int(random.choice(10, p=target[len(drafts)]))]

    def test_log_probabilities_are_those_before_the_processors(self):
        """`Sampler.apply_sampling_params` of the engine; its `__call__` takes log-probabilities of the logits that go in, in raw modes."""
        from vllm.v1.worker.gpu.sample.sampler import Sampler
        with self.table.row("C15"):
            loop = self.start()
            request = loop.add(temperature=.5)
            loop.append(0, [5, 6, 7])
            sampler = object.__new__(Sampler)
            sampler.needs_logits_processing, sampler.logits_processors = np.ones(SLOTS, bool), [loop.processor]
            sampler.thinking_budget_state = SimpleNamespace(apply=lambda logits, context: None)
            sampler.sampling_states = SimpleNamespace(apply_temperature=lambda logits, rows, slots: logits.div_(.5), apply_min_p=lambda *_: None)
            logits = torch.from_numpy(loop.random.standard_normal((1, WIDTH), np.float32))
            kept = logits.clone()
            loop.processor.apply_staged_writes()
            context = loop.context([0], {})[1]
            after = sampler.apply_sampling_params(logits, context.expanded_idx_mapping, context.idx_mapping, context.idx_mapping_np, context.pos,
                                                  context.input_ids, context.expanded_local_pos, context.seq_lens_upper_bound_np, True)
            self.assertTrue((logits == kept).all())
            self.assertEqual(loop.expect(request, kept[0], (after * .5)[0]), MARKED)

    def test_a_slot_that_waits_is_marked_when_it_is_drawn_for_again(self):
        # Its last id ends answers, which the client ignores, and another request returns from preemption meanwhile.
        loop = self.start()
        loop.add(0)
        loop.add(1, "acct-8", "r-2")
        for _ in range(4):
            loop.step()
        loop.step([0], draw={0: 2})
        gone = loop.live.pop(1)
        loop.add(4, "acct-8", "r-2", output=gone.output)
        loop.step([4])
        for _ in range(4):
            loop.step()
        self.assertEqual(loop.live[0].state, MARKED)

    def test_a_slot_that_was_never_added_stops(self):
        loop = self.start()
        loop.add(0)
        loop.processor._slots.clear()
        with self.assertRaisesRegex(errors.Internal, "never added"):
            loop.look()

    def test_a_row_that_follows_other_ids_stops(self):
        loop = self.start()
        loop.add(0)
        loop.step()
        loop.processor.apply_staged_writes()
        context = loop.context([0], {})[1]
        later = LogitsContext(**{**context.__dict__, "seq_lens_upper_bound_np": context.seq_lens_upper_bound_np + 1})
        with self.assertRaisesRegex(errors.Internal, "a row follows 3 ids, the engine has 2"):
            loop.processor.apply(torch.zeros((1, WIDTH)), later)

    def test_the_device_route_gives_the_same_bytes(self):
        # Logits that no CPU route takes in place: the masks are made, uploaded and applied as on a device.
        loop = self.start()
        request = loop.add(0, temperature=.7)
        for _ in range(3):
            loop.step()
        before = torch.from_numpy(loop.random.standard_normal((1, WIDTH), np.float32))
        spread = torch.empty((1, WIDTH, 2))[:, :, 0].copy_(before)
        after = loop.rows([0], spread)
        self.assertEqual(loop.expect(request, before[0], after.contiguous()[0]), MARKED)

    def test_what_was_not_admitted_gets_no_id_of_the_model(self):
        loop = self.start()
        loop.add(0)
        loop.processor.add_request(0, params(None))
        self.assertEqual(torch.isfinite(loop.look()[1]).sum().item(), 1)


class LoopV1(Loop):
    """The batch of the V1 runner: rows are dense, and the last takes the place of one that goes."""

    def open(self, **changes):
        self.processor = adapter.ProcessorV1(config(**changes), torch.device("cpu"), False)
        self.serving = self.processor._serving
        self.order, self.given = [], {}

    def admit(self, fields, temperature=1.0, logit_bias=None):
        self.processor.validate_params(params(fields, temperature, logit_bias=logit_bias))

    def update(self, removed=(), added=(), moved=()):
        self.processor.update_state(BatchUpdate(batch_size=len(self.order), removed=list(removed), added=list(added), moved=list(moved)))

    def began(self, slot):
        request = self.live[slot]
        self.order.append(slot)
        self.given[slot] = list(request.output)  # a list of the engine's, by reference
        self.update(added=[(len(self.order) - 1, params(request.fields, request.temperature), request.prompt, self.given[slot])])

    def left(self, slot):
        row, last = self.order.index(slot), len(self.order) - 1
        self.order[row] = self.order[last]
        self.order.pop()
        self.update([row] if row == last else [row], moved=[] if row == last else [(last, row, MoveDirectionality.UNIDIRECTIONAL)])

    def exchange(self, one, other):
        a, b = self.order.index(one), self.order.index(other)
        self.order[a], self.order[b] = self.order[b], self.order[a]
        self.update(moved=[(a, b, MoveDirectionality.SWAP)])

    def rows(self, slots, logits):
        """All rows go through a step; those of other slots are not looked at."""
        whole = torch.zeros((len(self.order), WIDTH))
        at = [self.order.index(slot) for slot in slots]
        whole[at] = logits
        self.processor.update_state(None)
        return self.processor.apply(whole)[at]

    def appended(self, slot, ids):
        self.given[slot] += ids


class V1(ForBoth, unittest.TestCase):
    loop, table = LoopV1, V1_TABLE

    def options_of_runner(self, loop):
        parallel = SimpleNamespace(rank=0, tensor_parallel_size=1, pipeline_parallel_size=2)
        self.refuses(loop, ({"parallel_config": parallel}, "pipeline"))

    def forgets(self, loop, slot):
        del loop.given[slot][len(loop.live[slot].output):]

    def test_rows_without_a_request_stop(self):
        loop = self.start()
        self.assertFalse(loop.processor.is_argmax_invariant())
        with self.assertRaisesRegex(errors.Internal, "1 rows are drawn for"):
            loop.processor.apply(torch.zeros((1, WIDTH)))

    def test_the_engine_refuses_drafts(self):
        self.start()
        with self.table.row("C11", result="refused"), self.assertRaisesRegex(ValueError, "speculative decoding"):
            build_logitsprocs(config(speculative_config=drafting(4)), torch.device("cpu"), False, False, ["verdigris.adapters.vllm:ProcessorV1"])

    def test_the_sampler_of_the_engine(self):
        """Drawn by vLLM's own V1 sampler: the law of Q, and log-probabilities of P. False alarm: 1e-6, see harness.Draws."""
        from vllm.v1.sample.sampler import Sampler
        loop, draws, sampler = self.start(), harness.Draws(), Sampler()
        sampler.topk_topp_sampler.forward = sampler.topk_topp_sampler.forward_native
        torch.manual_seed(5)
        for slot in range(SLOTS):
            loop.add(slot, ACCOUNTS[slot % 2], f"r-{slot}", temperature=.7)
            loop.append(slot, [5, 6])
        ids = [40 + 7 * at for at in range(10)]
        row = torch.full((NARROW,), float("-inf"))
        row[ids] = torch.linspace(0, 1.5, 10)
        laws = {}
        for account, marker in loop.markers.items():
            want = row.numpy().copy()
            marker.mark_(want, [5, 6], mode="bias", scale=.7)
            laws[account] = harness.softmax(want[ids] / .7)
        processors = LogitsProcessors([loop.processor])
        metadata = lambda height, with_mark: SamplingMetadata(  # noqa: E731
            temperature=torch.full((height,), .7), all_greedy=False, all_random=True, top_p=None, top_k=None, generators={}, max_num_logprobs=-1,
            no_penalties=True, prompt_token_ids=None, frequency_penalties=torch.zeros(height), presence_penalties=torch.zeros(height),
            repetition_penalties=torch.ones(height), output_token_ids=[], allowed_token_ids_mask=None, bad_words_token_ids={},
            logitsprocs=processors if with_mark else LogitsProcessors())
        for _ in range(20_000 // SLOTS):
            output = sampler(row.repeat(SLOTS, 1), metadata(SLOTS, True))
            for slot, id in enumerate(output.sampled_token_ids.view(-1).tolist()):
                draws.add(loop.live[slot].account, laws[loop.live[slot].account], ids.index(id))
        draws.check(self, harness.softmax(row.numpy()[ids] / .7))
        with self.table.row("C15"):
            logits = torch.from_numpy(loop.random.standard_normal((SLOTS, WIDTH), np.float32))
            shown = [sampler(logits.clone(), metadata(SLOTS, with_mark)).logprobs_tensors.logprobs for with_mark in (True, False)]
            self.assertLess((shown[0] - shown[1]).abs().max().item(), 1e-5)


if __name__ == "__main__":
    unittest.main()
