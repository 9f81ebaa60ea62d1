"""The story of a suspect model, on the command line: a student of marked answers stands behind an endpoint; it is asked, found,
and two of three accounts are named. Exit statuses are those of the help.

The student is datasets/distilled/student, trained on what ten accounts were served; served.jsonl holds the logs of two of
them, and of a third whose log the student never saw. Keys are those of the experiment, made by distillation_keys."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import verdigris
from server import Server

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DISTILLED, POCKET = SOURCE / "datasets" / "distilled", SOURCE / "datasets" / "pocket_lm"
TOOL, KEYS = os.environ["VERDIGRIS_TOOL"], os.environ["VERDIGRIS_DISTILLATION_KEYS"]
OLDER = "2026-10-01T00:00:00Z"  # than the keys: when the references were last trained


def sha256(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


class Story(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        subprocess.run([KEYS, cls.folder, "1", "12"], check=True)
        (cls.folder / "accounts").mkdir()
        (cls.folder / "other").mkdir()  # another provider's keys, for the same questions
        subprocess.run([KEYS, cls.folder / "other", "2", "1"], check=True)
        for key in cls.folder.glob("account-*.key"):
            key.rename(cls.folder / "accounts" / key.name)
        cls.served = [json.loads(line) for line in (DISTILLED / "served.jsonl").read_text().splitlines()]
        cls.pocket = verdigris.Pocket()
        cls.run_tool(0, "filter", "build", "--profile", "profile.json", "--all", "-o", "filters", DISTILLED / "served.jsonl")

    @classmethod
    def run_tool(cls, status, *arguments):
        done = subprocess.run([TOOL, *arguments], cwd=cls.folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def text(self, ids):
        return self.pocket.tokenizer.decode(ids).decode("utf-8", "replace")

    def plan(self, case, server, *options):
        references = [f"provider,teacher,{sha256(POCKET)},{OLDER}", f"base,base,{sha256(DISTILLED / 'base')},{OLDER}"]
        self.run_tool(0, "investigate", "plan", "--profile", "profile.json", "--url", f"http://127.0.0.1:{server.port}",
                      "--api", "completions", "--model", "student", "--lists", "20", "--rate", "4,100000",
                      "--reference", references[0], "--reference", references[1], "-o", case, *options)

    # What every verb after `plan` is told.
    GIVEN = ("--profile", "profile.json", "--tokenizer", POCKET / "tokenizer.model")
    JUDGED = ("--key", "provider.key", "--key", "selector.key", "--reference", f"teacher={POCKET}",
              "--reference", f"base={DISTILLED / 'base'}")
    FREE = ("--stated-free", "teacher", "--stated-free", "base")

    def test_asked_and_found(self):
        """Answers with lists; collecting stops at the first look that is convincing; the finding holds its controls."""
        prompts = {self.text(record["prompt"]).replace("\n", " ") for record in self.served}
        (self.folder / "prompts.txt").write_text("".join(prompt + "\n" for prompt in sorted(prompts)))
        with Server("--model", str(DISTILLED / "student"), "--unmarked") as server:
            self.plan("asked", server, "--prompts", "prompts.txt", "--looks", "2500,5000,10000", "--budget", "answer_tokens=12000")
            self.run_tool(0, "investigate", "collect", "asked", *self.GIVEN, *self.JUDGED)
        finding = json.loads(self.run_tool(0, "investigate", "test", "asked", *self.GIVEN, *self.JUDGED, *self.FREE, "--json"))
        self.assertEqual(finding["verdict"], "detected")
        self.assertLess(finding["log10_p"], -6)
        rows = {row["name"]: row for row in finding["tests"]}
        self.assertLess(rows["difference"]["log10_p"], -6)
        self.assertGreater(rows["distinct"]["log10_p"], -6)  # the literature's statistic: not from so few tokens
        self.assertTrue(all(row["state"] != "failed" for row in finding["controls"]))
        # Another provider's key finds nothing in the same answers: it is the mark that was found, not the model.
        judged = ("--key", "other/provider.key", *self.JUDGED[2:])
        finding = json.loads(self.run_tool(5, "investigate", "test", "asked", *self.GIVEN, *judged, *self.FREE, "--json"))
        self.assertEqual(finding["verdict"], "inconclusive")
        self.assertGreater(finding["log10_p"], -3)  # false alarm 1e-3 for a fresh key; this one is fixed, and so are its numbers

    def test_shown_the_log_and_named(self):
        """The log is read to it: the provider's layer is found, two accounts are named, the third is not."""
        with open(self.folder / "log.jsonl", "w", encoding="utf-8") as f:
            for number, record in enumerate(self.served):
                text = {"domain": "log", "id": f"t{number}", "prompt": self.text(record["output"])}
                f.write(json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n")
        with Server("--model", str(DISTILLED / "student"), "--unmarked", "--max-tokens", "600") as server:
            self.plan("read", server, "--prompts", "log.jsonl", "--read", "--echo")
            self.run_tool(0, "investigate", "collect", "read", *self.GIVEN)
        self.run_tool(0, "investigate", "test", "read", *self.GIVEN, *self.JUDGED, *self.FREE)
        accounts = ("attribute", "--keys", "accounts", "--filters", "filters", "--investigation", "read")
        named = json.loads(self.run_tool(0, *accounts, *self.GIVEN, *self.JUDGED, *self.FREE, "--json"))
        self.assertEqual({row["account"] for row in named["named"]}, {"account-3", "account-6"})
        self.assertEqual([row["account"] for row in named["next"]], ["account-11"])
        # All accounts of the epoch count, those without a filter too.
        self.assertEqual(named["accounts"], {"given": 12, "family": 12, "tested": 3, "without_filter": 9, "named": 2})
        shut = (*accounts, *self.GIVEN, "--key", "other/provider.key", *self.JUDGED[2:], *self.FREE)
        self.assertIn("no account", self.run_tool(5, *shut))


if __name__ == "__main__":
    unittest.main()
