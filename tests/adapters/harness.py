"""Conformance of an engine, the rows C1 to C16 that every adapter passes, or refuses with a test of the refusal.

An engine's test makes answers, `Answer`, and hands them to the checks here; slots.py has the tests of engines whose loop is ours. Each row's
outcome goes into a `Table` with what ran: real (the engine), interface (its own classes in a loop of ours) or fake (a stand-in). The table is
printed as JSON lines at the end, and docs/conformance.jsonl keeps them: a run that finds otherwise fails (engines_page.py --results).
"""

import base64
import contextlib
import dataclasses
import json
import logging
import math
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy as np

import verdigris
from engine_table import CONFORMANCE, ROWS
from key_files import tree

SHORT, REPEATED = 3, 5
STATES = ("marked", "off", "short", "special", "repeated", "no_choice")
LABELS = ("real", "interface", "fake")


@dataclasses.dataclass
class Answer:
    """ids: the output. rows: of each position P and what the engine drew from, both as log-probabilities or logits."""

    ids: list
    rows: list = dataclasses.field(default_factory=list)


class Table:
    """Results by row: passed, refused, or partial where not all that the row asks for is checked; "not applicable" where the table of
    adapters says why; a row without a result is missing.

    name: of the engine in docs/conformance.jsonl, where two adapters are of one package.
    """

    def __init__(self, engine, name, version, label):
        assert label in LABELS
        self.engine, self.version, self.label, self.results = name, version, label, {}
        self._without = dict(engine.without)

    @contextlib.contextmanager
    def row(self, *names, result="passed"):
        """What is checked inside is evidence for these rows; nothing is recorded where it fails."""
        assert set(names) <= set(ROWS) - set(self._without) and result in ("passed", "partial", "refused")
        yield
        for name in names:
            self.results.setdefault(name, result)

    def lines(self):
        for name in ROWS:
            result = "not applicable" if name in self._without else self.results.get(name, "missing")
            yield {"engine": self.engine, "version": self.version, "label": self.label, "row": name, "result": result}

    def write(self):
        """Prints the table. Raises where docs/conformance.jsonl says otherwise of a row that was checked."""
        lines = list(self.lines())
        text = "".join(json.dumps(line) + "\n" for line in lines)
        print(text, end="", flush=True)
        folder = os.environ.get("VERDIGRIS_CONFORMANCE")
        if folder:
            pathlib.Path(folder, f"{self.engine}.jsonl").write_text(text)
            return
        kept = {(line["engine"], line["row"]): line for line in map(json.loads, CONFORMANCE.read_text().splitlines())}
        wrong = [line for line in lines if line["row"] in self.results and kept.get((self.engine, line["row"])) != line]
        assert not wrong, f"{CONFORMANCE} is not current, see engines_page.py: {wrong}"


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


def scored(case, folder, marker, account, answers):
    """C2: `verdigris detect --ids` has n and statistic of both layers as the library has them."""
    tool = os.environ.get("VERDIGRIS_TOOL")
    if tool is None:
        raise unittest.SkipTest("VERDIGRIS_TOOL does not name the command line")
    with tempfile.TemporaryDirectory() as place:
        paths = [pathlib.Path(place, f"{number}.json") for number in range(len(answers))]
        for path, answer in zip(paths, answers):
            path.write_text(json.dumps([int(id) for id in answer.ids]))
        keys = [f"--key={folder / name}" for name in ("provider.key", "selector.key", f"accounts/{account}.key") if (folder / name).exists()]
        done = subprocess.run([tool, "detect", f"--profile={folder / 'p.json'}", *keys, "--ids=json", "--json", *paths], capture_output=True, text=True)
    case.assertIn(done.returncode, (0, 1, 5), done.stderr)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    case.assertEqual(len(findings), len(answers))
    for finding, answer in zip(findings, answers):
        score = marker.score(answer.ids)
        told = {layer["layer"]: (layer["n"], int(layer["s"])) for layer in finding["layers"]}
        case.assertEqual(told, {"provider": (score.provider.n, score.provider.statistic), "account": (score.account.n, score.account.statistic)})


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


def log10_chi_square(x, freedom):
    """log10 P[chi-square of this many degrees of freedom >= x]; an odd number counts as the next even one, so it is never too small."""
    terms = [number * math.log(x / 2) - math.lgamma(number + 1) - x / 2 for number in range((freedom + 1) // 2)]
    return (max(terms) + math.log(sum(math.exp(term - max(terms)) for term in terms))) / math.log(10)


class Draws:
    """C11: what an engine drew, against the law that it should have drawn from. A context is all that the law depends on."""

    LEAST = 50  # expected draws of a cell, below which the law of Pearson's statistic would be another

    def __init__(self):
        self._laws, self._counts = {}, {}

    def __len__(self):
        return int(sum(counts.sum() for counts in self._counts.values()))

    def add(self, context, law, place, times=1):
        """law: Q over the candidates, or a function that gives it; place: of the one that was drawn."""
        if context not in self._laws:
            self._laws[context] = np.asarray(law() if callable(law) else law, np.float64)
            self._counts[context] = np.zeros(len(self._laws[context]))
        self._counts[context][place] += times

    def log10_p(self, laws=None):
        """Pearson's statistic over all contexts. laws: in place of Q, by context."""
        statistic, freedom = 0.0, 0
        for context, counts in self._counts.items():
            expected = (laws or self._laws)[context] * counts.sum()
            large = expected >= self.LEAST
            cells = [(counts[at], expected[at]) for at in np.flatnonzero(large)]
            if expected[~large].sum() >= self.LEAST:
                cells.append((counts[~large].sum(), expected[~large].sum()))
            elif cells:
                cells[0] = (cells[0][0] + counts[~large].sum(), cells[0][1] + expected[~large].sum())
            if len(cells) > 1:
                statistic += sum((seen - wanted) ** 2 / wanted for seen, wanted in cells)
                freedom += len(cells) - 1
        assert freedom >= 4, "too few draws for any cell"
        return log10_chi_square(statistic, freedom)

    def check(self, case, unmarked, draws=20_000):
        """unmarked: P of each context, which these draws must contradict. False alarm: 1e-6, chi-square."""
        case.assertGreaterEqual(len(self), draws)
        case.assertGreater(self.log10_p(), -6)
        case.assertLess(self.log10_p({context: unmarked for context in self._laws}), -6)


def boundary(case, marker, answer, line, window):
    """C5: no window reaches into the prompt, so that the first `window` positions are short."""
    case.assertEqual(replay(marker, answer.ids)[:window], [SHORT] * window)
    case.assertGreaterEqual(line["states"]["short"], window)


class Heard(logging.Handler):
    """What the process logs."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage() + str(record.exc_info or ""))


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
