"""Conformance of an engine, the rows C1 to C16 that every adapter passes, or refuses with a test of the refusal.

An engine's test makes answers, `Answer`, and hands them to the checks here; it records the outcome of each row in a `Table` with what ran:
real (the engine), interface (its own classes in a loop of ours) or fake (a stand-in). The table is printed as JSON lines at the end, and
docs/conformance.jsonl keeps what was printed last.
"""

import base64
import contextlib
import dataclasses
import json
import math
import os
import pathlib

import numpy as np

import verdigris
from key_files import tree

SHORT, REPEATED = 3, 5
STATES = ("marked", "off", "short", "special", "repeated", "no_choice")
ROWS = tuple(f"C{n}" for n in range(1, 17))
LABELS = ("real", "interface", "fake")


@dataclasses.dataclass
class Answer:
    """ids: the output. rows: of each position P and what the engine drew from, both as log-probabilities or logits."""

    ids: list
    rows: list = dataclasses.field(default_factory=list)


class Table:
    """Results by row: passed, refused, or partial where not all that the row asks for is checked; a row without a result is missing."""

    def __init__(self, engine, version, label):
        assert label in LABELS
        self.engine, self.version, self.label, self.results = engine, version, label, {}

    @contextlib.contextmanager
    def row(self, *names, result="passed"):
        """What is checked inside is evidence for these rows; nothing is recorded where it fails."""
        assert set(names) <= set(ROWS) and result in ("passed", "partial", "refused")
        yield
        for name in names:
            self.results.setdefault(name, result)

    def lines(self):
        for name in ROWS:
            yield {"engine": self.engine, "version": self.version, "label": self.label, "row": name, "result": self.results.get(name, "missing")}

    def write(self):
        text = "".join(json.dumps(line) + "\n" for line in self.lines())
        print(text, end="", flush=True)
        folder = os.environ.get("VERDIGRIS_CONFORMANCE")
        if folder:
            pathlib.Path(folder, f"{self.engine}.jsonl").write_text(text)


def softmax(row):
    row = np.asarray(row, np.float64)
    weights = np.exp(row - row.max())
    return weights / weights.sum()


def replay(marker, ids):
    """States of an answer by the functions of the library alone, from its ids."""
    if marker is None:
        return [2] * len(ids)
    vocab = marker.profile.vocab
    return [marker.mark_(np.zeros(vocab, np.float32), ids[:at]).state for at in range(len(ids))]


def same_mark(case, marker, answer):
    """C1: what was drawn from is mark_ of P on the replayed ids, 1e-6."""
    case.assertEqual(len(answer.rows), len(answer.ids))
    for at, (before, after) in enumerate(answer.rows):
        wanted = np.array(before, np.float32)
        if marker is not None:
            marker.mark_(wanted, answer.ids[:at])
        np.testing.assert_allclose(softmax(after), softmax(wanted), atol=1e-6, rtol=0, err_msg=f"position {at}")


def same_states(case, marker, answer, line):
    """C2: the states of the audit line are those of a replay."""
    states = dict.fromkeys(STATES, 0)
    for state in replay(marker, answer.ids):
        states[STATES[state - 1]] += 1
    case.assertEqual(line["states"], states)
    case.assertEqual(line["tokens"], len(answer.ids))


def log10_tail(n, k, chance):
    """log10 of P[Bin(n, chance) >= k], summed upwards from k."""
    term = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(chance) + (n - k) * math.log1p(-chance)
    total, ratio = 0.0, 1.0
    for at in range(k, n + 1):
        total += ratio
        ratio *= (n - at) / (at + 1) * chance / (1 - chance)
    return (term + math.log(total)) / math.log(10)


def pooled(marker, answers):
    """log10 p of provider and account layer over all answers, `green` at 1/4. Tuples that occur in two answers must be few."""
    scores = [marker.score(answer.ids) for answer in answers]
    return [log10_tail(sum(layer.n for layer in layers), sum(layer.statistic for layer in layers), 0.25)
            for layers in ([score.provider for score in scores], [score.account for score in scores])]


def found(case, marker, answers):
    """C3."""
    for log10_p in pooled(marker, answers):
        case.assertLess(log10_p, -6)


def not_found(case, profile, answers, decoys=2000):
    """C4: of keys that have nothing to do with the answers, p is at most .01 for about one in a hundred. False alarm: 1e-7, upper tail of
    Binomial(2000, .01)."""
    low = 0
    for number in range(decoys):
        files = tree(profile.scheme_id, seed=b"decoy %d" % number, accounts=("acct-7",))
        decoy = verdigris.Marker(profile, [verdigris.Key.parse(files[name]) for name in ("provider", "selector", "acct-7")])
        low += pooled(decoy, answers)[0] <= -2
    case.assertGreater(low, 0)
    case.assertGreater(log10_tail(decoys, low, 0.01), -7)


def boundary(case, marker, answer, line, window):
    """C5: no window reaches into the prompt, so that the first `window` positions are short."""
    case.assertEqual(replay(marker, answer.ids)[:window], [SHORT] * window)
    case.assertGreaterEqual(line["states"]["short"], window)


def no_secrets(case, files, texts):
    """C16: no key stands in these texts."""
    for content in files.values():
        key = next(line[5:] for line in content.splitlines() if line.startswith(b"key: "))
        for text in texts:
            case.assertNotIn(key.decode(), text)
            case.assertNotIn(base64.b64decode(key).hex(), text)


def marker_of(folder, files, account):
    """A marker from the same files as the engine's, made without verdigris.serving."""
    profile = verdigris.Profile.load(str(folder / "p.json"))
    names = ["provider"] if profile.provider_share == 256 else ["provider", "selector", account]
    return verdigris.Marker(profile, [verdigris.Key.parse(files[name]) for name in names])
