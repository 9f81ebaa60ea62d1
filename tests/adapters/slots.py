"""Rows of the table of conformance for engines whose loop is ours: requests in slots, a decoding step over some of them.

An engine's test gives a `Loop`, which has the buffers and the order of calls of its engine, and mixes `Rows` into a TestCase. Logits come
from a generator with a fixed seed, so no assertion is by chance but those of harness.not_found.
"""

import dataclasses
import logging
import os

import numpy as np
import torch
from verdigris import errors, serving

import fixture
import harness

V, WIDTH = 32000, 32064  # more columns than ids
WINDOW = 2
MARKED, OFF, SHORT, REPEATED = 1, 2, 3, 5
END = 2
ACCOUNTS = ("acct-7", "acct-8")


@dataclasses.dataclass
class Request:
    """account: None where the policy leaves it unmarked. state: of the last step."""

    account: str | None
    name: str
    prompt: list
    temperature: float
    fields: dict
    output: list
    state: int | None = None


class Loop:
    """What the runner of an engine does, as far as its adapter sees it. `hook`: what `rows` gives, marked logits (before) or probabilities
    (after)."""

    hook = "before"
    slots = 8

    def __init__(self, case, folder):
        self.case, self.folder, self.live = case, folder, {}
        self.random = np.random.default_rng(11)
        self.markers = {account: fixture.marker(folder.specials, account) for account in ACCOUNTS}
        self.open()

    # What a subclass has. `serving` is what the adapter opened.

    def open(self):
        raise NotImplementedError

    def began(self, slot):
        """The engine gives the request of this slot to the adapter."""

    def left(self, slot):
        """The engine takes it away."""

    def rows(self, slots, logits):
        """What the adapter leaves of a row of logits for each of these slots."""
        raise NotImplementedError

    def appended(self, slot, ids):
        """The engine has drawn these."""

    def admit(self, fields, temperature=1.0, logit_bias=None):
        """In the frontend; raises ValueError."""
        raise NotImplementedError

    def exchange(self, one, other):
        """Two requests change places, where the engine does that."""

    # What the tests do.

    def add(self, slot=0, account="acct-7", name="r-1", prompt=(9,), output=(), temperature=1.0, mark=True):
        if slot in self.live:
            self.remove(slot)
        fields = self.folder.fields(account, name, mark=mark)
        self.live[slot] = Request(account if mark else None, name, list(prompt), temperature, fields, list(output))
        self.began(slot)
        return self.live[slot]

    def remove(self, slot):
        self.left(slot)
        return self.live.pop(slot)

    def look(self, slots=None):
        """The rows of a step, compared with the library's: logits or probabilities before and after."""
        slots = list(self.live) if slots is None else slots
        before = torch.from_numpy(self.random.standard_normal((len(slots), WIDTH), np.float32))
        before[:, V:] = float("-inf") if self.hook == "after" else before[:, V:]
        after = self.rows(slots, before.clone())
        for row, slot in enumerate(slots):
            request = self.live[slot]
            request.state = self.expect(request, before[row], after[row])
        return before, after

    def expect(self, request, before, after):
        """C1 of one row, and its state; None where the row has but one candidate left."""
        if (after > float("-inf" if self.hook == "before" else 0)).sum() == 1:
            return None
        if self.hook == "before":
            want = before.numpy().copy()
            state = OFF
            if request.account is not None:
                state = self.markers[request.account].mark_(want, request.output, mode="bias", scale=request.temperature).state
            self.case.assertEqual(want.tobytes(), after.numpy().tobytes(), (request.name, len(request.output)))
            return state
        want = (before / request.temperature).numpy().copy()
        state = OFF if request.account is None else self.markers[request.account].mark_(want, request.output, mode="distribution").state
        self.case.assertLess(np.abs(harness.softmax(want) - after.double().numpy() / after.double().sum().item()).max(), 1e-6)
        return state

    def step(self, slots=None, draw=None, natural=False):
        """A step of these slots. draw: the ids that are drawn; else any, or with `natural` from what the adapter left."""
        slots = list(self.live) if slots is None else slots
        _, after = self.look(slots)
        for row, slot in enumerate(slots):
            if draw is not None:
                id = draw[slot]
            elif natural:
                weights = after[row, :V].double()
                weights = weights.log() if self.hook == "after" else weights / self.live[slot].temperature
                id = int((weights + torch.from_numpy(self.random.gumbel(size=V))).argmax())
            else:
                id = int(self.random.integers(3, V))
            self.append(slot, [id])

    def append(self, slot, ids):
        self.live[slot].output += ids
        self.appended(slot, ids)

    def close(self):
        """Audit lines by request."""
        self.serving.close()
        return {line["request"]: line for line in self.folder.lines() if line["outcome"] != "refused"}


class Rows:
    """Mixed into a TestCase that has `loop`, a class, and `table`, and says what `options` are refused. specials: of the profile."""

    specials = "plain"
    shown_closed = "passed"  # what C13 is where all of it here passes

    def start(self, **policy):
        return self.start_in(fixture.Folder(self.specials, **policy))

    def start_in(self, folder):
        self.addCleanup(folder.close)
        loop = self.loop(self, folder)
        self.addCleanup(loop.serving.close)
        return loop

    def check_line(self, loop, line, request):
        """C2: audit states equal the replay's. What the last step drew the engine may not have told yet."""
        known = line["tokens"]
        self.assertGreaterEqual(known, len(request.output) - 1)
        marker = None if request.account is None else loop.markers[request.account]
        harness.same_states(self, marker, harness.Answer(request.output[:known]), line)
        self.assertEqual((line["outcome"], line["kids"]), ("unmarked", []) if marker is None else ("marked", list(marker.kids)))

    def test_64_requests_join_leave_and_change_places(self):
        with self.table.row("C1", "C8"):
            loop, answers = self.start(mode="opt_out"), []
            for number in range(64):
                if len(loop.live) > 4:
                    answers.append(loop.remove(list(loop.live)[number % 3]))
                slot = next(slot for slot in range(loop.slots) if slot not in loop.live)
                loop.add(slot, ACCOUNTS[number % 2], f"r-{number}", [5, 6, 7, 8], temperature=(1.0, .7, 1.9)[number % 3], mark=number % 5 != 4)
                if number % 4 == 3:
                    loop.exchange(*list(loop.live)[:2])
                for at in range(3):
                    loop.step(list(reversed(loop.live)) if at == 1 else None)
            answers += loop.live.values()
            lines = loop.close()
            self.assertEqual(len(lines), 64)
            self.assertNotIn("verdigris_mark_seconds_count 0\n", loop.serving.metrics.text(False))
            for request in answers:
                self.check_line(loop, lines[request.name], request)
            self.assertEqual({line["account"] for line in lines.values()}, set(ACCOUNTS))

    def test_answers_are_found_and_scored(self):
        """P is flat, normal logits of deviation 1: about 71 % green. False alarm: 1e-7, see harness.not_found."""
        loop = self.start()
        with self.table.row("C3"):
            for slot in range(4):
                loop.add(slot, name=f"r-{slot}")
            for _ in range(400):
                loop.step(natural=True)
            answers = [harness.Answer(loop.live[slot].output) for slot in range(4)]
            marker = loop.markers["acct-7"]
            harness.found(self, marker, answers)
        with self.table.row("C2"):
            harness.scored(self, loop.folder.path, marker, "acct-7", answers)
            lines = loop.close()
            for slot, request in loop.live.items():
                self.check_line(loop, lines[f"r-{slot}"], request)
        with self.table.row("C4"):
            harness.not_found(self, marker.profile, answers)
            loop = self.start(mode="opt_out")
            loop.add(mark=False)
            for _ in range(8):
                before, after = loop.look()
                loop.append(0, [int(loop.random.integers(3, V))])
            self.assertEqual(loop.live[0].state, OFF)
            self.assertEqual(loop.close()["r-1"]["outcome"], "unmarked")

    def test_no_window_reaches_into_the_prompt(self):
        with self.table.row("C5"):
            loop = self.start()
            # A start of text, and what looks like a window of the output at the end.
            loop.add(prompt=[1, 20, 21, 5, 6])
            states = []
            for id in (20, 21, 5, 6, 30, 31):
                loop.step(draw={0: id})
                states.append(loop.live[0].state)
            self.assertEqual(states, [SHORT, SHORT, MARKED, MARKED, MARKED, MARKED])
            line = loop.close()["r-1"]
            harness.boundary(self, loop.markers["acct-7"], harness.Answer(loop.live[0].output), line, WINDOW)

    def test_a_loop_of_fifty(self):
        with self.table.row("C6"):
            loop, states = self.start(), []
            loop.add()
            for _ in range(50):
                loop.step(draw={0: 4})
                states.append(loop.live[0].state)
            self.assertEqual(states, [SHORT, SHORT, MARKED] + [REPEATED] * 47)
            self.rolled_back(loop)

    def rolled_back(self, loop):
        """An engine of this kind never takes ids back: where they go all the same, windows may be wrong, and it stops."""
        with self.assertRaisesRegex(errors.Internal, "history"):
            loop.live[0].output = loop.live[0].output[:10]
            self.forgets(loop, 0)
            loop.look()

    def forgets(self, loop, slot):
        """The engine has fewer ids than it had; where its buffers are the loop's there is nothing to do."""

    def test_a_slot_is_used_again_and_a_row_is_seen_twice(self):
        with self.table.row("C7"):
            loop = self.start()
            loop.add(0)
            for _ in range(4):
                loop.step()
            first = loop.live[0]
            loop.add(0, "acct-8", "r-2")
            loop.add(1, "acct-8", "r-3")  # another answer to the same prompt
            for _ in range(4):
                loop.look()  # what is drawn is thrown away
                loop.step()
            lines = loop.close()
            for request in (first, loop.live[0], loop.live[1]):
                self.check_line(loop, lines[request.name], request)

    def test_a_preempted_answer_goes_on(self):
        with self.table.row("C9"):
            loop = self.start()
            loop.add(0, prompt=[9, 9])
            loop.add(1, "acct-8", "r-2", [9, 9])
            for _ in range(5):
                loop.step()
            gone = loop.remove(0)
            for _ in range(3):
                loop.step()
            loop.add(3, prompt=[9, 9], output=gone.output)
            for _ in range(4):
                loop.step()
            self.assertEqual(loop.live[3].state, MARKED)
            lines = [line for line in loop.close().values() if line["request"] == "r-1"]
            self.assertEqual(len(lines), 1)
            self.check_line(loop, lines[0], loop.live[3])

    def test_a_placeholder_or_what_is_no_id_is_a_fault_of_its_row(self):
        with self.table.row("C10"):
            for policy, none in (("end", -1), ("stop", -1), ("end", 1 << 24), ("stop", 1 << 24)):
                with self.subTest(policy, id=none):
                    loop = self.start(on_error=policy)
                    for slot in range(2):
                        loop.add(slot, name=f"r-{slot}")
                    for _ in range(3):
                        loop.step()
                    loop.step(draw={0: 5, 1: none})
                    if policy == "stop":
                        with self.assertRaises(errors.InvalidArgument):
                            loop.look()
                        continue
                    _, after = loop.look()
                    self.assertEqual((loop.live[0].state, loop.live[1].state), (MARKED, None))
                    self.assertEqual(int(after[1].argmax()), END)
                    self.assertEqual(loop.close()["r-1"]["outcome"], "ended")

    def test_without_what_marks_nothing_starts(self):
        with self.table.row("C13", result=self.shown_closed):
            for change, kind in (({"epoch": 4}, errors.Mismatch), ({"extra": 1}, errors.Malformed),
                                 ({"keys": {"provider": "provider.key", "accounts": "accounts"}}, errors.FailedPrecondition)):
                with self.subTest(change=change), self.assertRaises(kind):
                    folder = fixture.Folder(self.specials)
                    folder.settings.update(change)
                    folder.write()
                    self.start_in(folder)
            self.options()
            self.full_audit_disk()
            loop = self.start()
            del os.environ["VERDIGRIS_CONFIG"]
            with self.assertRaisesRegex(errors.FailedPrecondition, "VERDIGRIS_CONFIG"):
                loop.open()

    def full_audit_disk(self):
        folder = fixture.Folder(self.specials)
        folder.settings["audit"]["file"] = "/dev/full"
        folder.write()
        with self.assertLogs("verdigris", "ERROR") as logged:
            loop = self.start_in(folder)
            loop.add(0, name="r-1")
            loop.step()
            loop.serving.audit.write({})
            loop.add(1, name="r-2")  # new: it gets nothing of the model's; what runs goes on
            for _ in range(2):
                _, after = loop.look([0, 1])
                self.assertEqual((loop.live[1].state, int(after[1].argmax())), (None, END))
                self.assertIsNotNone(loop.live[0].state)
            with self.assertRaisesRegex(ValueError, "audit"):
                loop.serving.admit(serving.Request(fields=folder.fields()))
            loop.serving.close()
        self.assertIn("No space left", logged.output[0])

    def options(self):
        """Options and vocabularies of the engine that are refused."""
        raise NotImplementedError

    def test_accounts_come_from_the_gateway(self):
        with self.table.row("C14"):
            loop = self.start()
            good = loop.folder.fields()
            loop.admit(good)
            for fields, rest, kind in ((None, {}, "mac"), ({"verdigris_account": "acct-7"}, {}, "mac"),
                                       ({**good, "verdigris_account": "acct-8"}, {}, "mac"), (loop.folder.fields(expires=1), {}, "mac"),
                                       (loop.folder.fields("acct-9"), {}, "account"), (loop.folder.fields(mark=False), {}, "policy"),
                                       (good, {"temperature": 0.0}, "greedy"), (good, {"logit_bias": {5: 3.0}}, "bias")):
                with self.subTest(kind, fields=fields), self.assertRaisesRegex(ValueError, kind):
                    loop.admit(fields, **rest)

    def test_nothing_that_is_written_has_a_secret(self):
        with self.table.row("C16"):
            heard = harness.Heard()
            logging.getLogger().addHandler(heard)
            level = logging.getLogger().level
            logging.getLogger().setLevel(logging.DEBUG)
            try:
                loop = self.start()
                loop.add(0)
                loop.add(1, "acct-8", "r-2")
                for _ in range(4):
                    loop.step()
                texts = []
                for fields in (None, {**loop.folder.fields(), "verdigris_account": "acct-8"}):
                    with self.assertRaises(ValueError) as refused:
                        loop.admit(fields)
                    texts.append(repr(refused.exception))
                loop.step(draw={0: -1, 1: 5})
                loop.look()
                drawn = list(loop.live[1].output)
                loop.live[1].output = drawn[:1]
                self.forgets(loop, 1)
                with self.assertRaises(errors.Error) as failed:
                    loop.look([1])
                texts += [repr(failed.exception), str(failed.exception)]
            finally:
                logging.getLogger().removeHandler(heard)
                logging.getLogger().setLevel(level)
            loop.close()
            texts += [*heard.texts, loop.folder.audit.read_text(), loop.serving.metrics.text(False), repr(loop.serving), str(vars(loop.serving.config))]
            harness.no_secrets(self, loop.folder.files, texts)
            for text in texts:
                self.assertNotIn(f"{drawn[0]}, {drawn[1]}", text)
