"""verdigris-serve under a configuration: who is refused, what is written down, and the whole path from a gateway's signature to the account
that is named.

False alarms: an answer of another account is detected under a key with probability 1e-6, and so is one of them named; marked answers of
4 x 400 tokens are missed with far less. Keys and seeds are fixed, so that nothing is left to chance from one run to the next."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

import verdigris
from server import Server
from serving_files import GATEWAY_KEY, audit_lines, make_folder, settings, write_config, write_secret
from verdigris import gateway, serving
from verdigris.serve import ThisServer
from verdigris.serving import fields, models, writer

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOKENIZER = SOURCE / "datasets/pocket_lm/tokenizer.model"
TOOL = os.environ["VERDIGRIS_TOOL"]
POCKET = verdigris.Pocket()
STORY = "Once upon a time, there was a"
ACCOUNTS = tuple(f"acct-{number}" for number in range(5))
COMPLETIONS = "/v1/completions"


def signed(account="acct-0", request="r-1", **more):
    return gateway.sign(GATEWAY_KEY, account, request=request, **more)


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        make_folder(self.folder, accounts=ACCOUNTS, vocab=POCKET.vocab, special=((0, 2),), tokenizer_sha256=POCKET.tokenizer.sha256)

    def server(self, *flags, **changes):
        return Server("--config", write_config(self.folder, **changes), *flags)

    def refused(self, server, kind, account=None, log_id="r-1", **members):
        """account and log id: in the audit line; where one is signed, only if the mac was right."""
        status, answer = server.post(COMPLETIONS, {"prompt": STORY, "max_tokens": 5, **members})
        self.assertEqual((status, answer["error"]["code"], answer["error"]["type"]), (400, kind, "invalid_request_error"))
        self.assertTrue(answer["error"]["message"].startswith(f"{kind}: "))
        self.assertNotIn("acct", answer["error"]["message"])
        line = audit_lines(self.folder)[-1]
        self.assertEqual((line["outcome"], line["tokens"], line["account"], line["request"]), ("refused", 0, account, log_id))

    def tool(self, *words, status=0):
        done = subprocess.run([TOOL, *map(str, words)], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout


class Served(InFolder):
    def test_answers_have_audit_lines_with_the_states_of_their_ids(self):
        with self.server("--expose") as server:
            answer = server.complete(prompt=STORY, max_tokens=120, n=2, seed=1, return_token_ids=True, **signed(request="r-7"))
            events = server.events(COMPLETIONS, prompt=STORY, max_tokens=40, seed=2, stop=".", return_token_ids=True, **signed("acct-1", "r-8"))
            metrics = server.request("GET", "/metrics")[2].decode()
            self.assertNotIn("acct", metrics + server.request("GET", "/v1/models")[2].decode())
        answers = [choice["token_ids"] for choice in answer["choices"]]
        answers.append([id for event in events for id in event["choices"][0].get("token_ids", [])])
        exposed = [choice["states"] for choice in answer["choices"]]
        exposed.append([state for event in events for state in event["choices"][0].get("states", [])])
        profile = verdigris.Profile.load(str(self.folder / "p.json"))
        lines = audit_lines(self.folder)
        self.assertEqual([(line["request"], line["index"], line["account"]) for line in lines],
                         [("r-7", 0, "acct-0"), ("r-7", 1, "acct-0"), ("r-8", 0, "acct-1")])
        for ids, states, line in zip(answers, exposed, lines, strict=True):
            self.assertEqual((line["engine"], line["outcome"], line["tokens"], line["profile"]),
                             (f"verdigris-serve/{verdigris.__version__}", "marked", len(ids), profile.digest))
            self.assertEqual(line["output_sha256"], hashlib.sha256(np.array(ids, ">u4").tobytes()).hexdigest())
            # Short and repeated by the definition: the window of position i is ids i-2 and i-1; the first of each is new.
            windows = [tuple(ids[at - 2:at]) for at in range(2, len(ids))]
            self.assertEqual((line["states"]["short"], line["states"]["repeated"]), (2, len(windows) - len(set(windows))))
            self.assertEqual((sum(line["states"].values()), line["states"]["off"]), (len(ids), 0))
            self.assertGreater(line["states"]["marked"], 0)
            self.assertEqual(line["states"], {name: states.count(name) for name in line["states"]})
            seen = set()
            for at, state in enumerate(states):
                window = tuple(ids[max(at - 2, 0):at])
                self.assertEqual((state == "short", state == "repeated"), (at < 2, at >= 2 and window in seen))
                seen.add(window)
        self.assertNotEqual(lines[0]["kids"], lines[2]["kids"])
        self.assertIn('verdigris_requests_total{outcome="marked"} 3\n', metrics)
        self.assertIn(f'verdigris_positions_total{{state="marked"}} {sum(line["states"]["marked"] for line in lines)}\n', metrics)
        self.assertRegex(metrics, r'verdigris_http_requests_total\{route="/v1/completions",status="200"\} 2\n')
        names = [line.split()[2] for line in metrics.splitlines() if line.startswith("# TYPE")]
        self.assertEqual(len(names), len(set(names)))

    def test_who_is_not_what_a_gateway_says_is_refused(self):
        good = signed()
        mac = good["verdigris_mac"]
        with self.server() as server:
            self.refused(server, "mac", None, None)
            self.refused(server, "mac", None, None, verdigris_account="acct-0")
            self.refused(server, "mac", None, None, **good | {"verdigris_account": "acct-1"})
            self.refused(server, "mac", None, None, **good | {"verdigris_mac": ("1" if mac[0] == "0" else "0") + mac[1:]})
            self.refused(server, "mac", None, None, **good | {"verdigris_mac": 7})
            self.refused(server, "mac", None, None, **good | {"verdigris_account": {"a": 1}})
            self.refused(server, "mac", None, None, **signed(expires=int(time.time()) - 5))
            self.refused(server, "account", "acct-9", **signed("acct-9"))
            self.refused(server, "greedy", "acct-0", **good, temperature=0)
            self.refused(server, "bias", "acct-0", **good, logit_bias={"5": 1.1})
            self.refused(server, "policy", "acct-0", **signed(mark=False))
            status, answer = server.post(COMPLETIONS, {"verdigris_role": "x", **good})
            self.assertEqual((status, answer["error"]["param"]), (400, "verdigris_role"))
            chat = {"messages": [{"role": "user", "content": STORY}], "max_tokens": 5}
            self.assertEqual(server.post("/v1/chat/completions", chat)[0], 400)
            self.assertEqual(server.chat(**chat, **good)["usage"]["completion_tokens"], 5)
            metrics = server.request("GET", "/metrics")[2].decode()
        self.assertIn('verdigris_requests_total{outcome="refused"} 12\n', metrics)
        for secret in (mac, STORY):
            self.assertNotIn(secret, (self.folder / "audit.jsonl").read_text() + server.errors)

    def test_without_a_configuration_the_fields_are_unknown(self):
        with Server("--unmarked") as server:
            status, answer = server.post(COMPLETIONS, {"prompt": STORY, **signed()})
        self.assertEqual((status, answer["error"]["param"]), (400, "verdigris_account"))

    def test_what_the_policy_leaves_unmarked_is_written_down(self):
        policy = settings()["policy"]
        with self.server(policy=policy | {"mode": "opt_out", "greedy": "serve"}) as server:
            server.complete(prompt=STORY, max_tokens=30, seed=1, **signed(mark=False))
            answer = server.complete(prompt=STORY, max_tokens=30, temperature=0, **signed())
            server.complete(prompt=STORY, max_tokens=30, seed=1, **signed())
        lines = audit_lines(self.folder)
        self.assertEqual([line["outcome"] for line in lines], ["unmarked", "unmarked", "marked"])
        self.assertEqual([line["states"]["off"] for line in lines], [30, 0, 0])
        self.assertEqual(lines[1]["states"]["no_choice"], 30)
        self.assertNotIn("states", answer["choices"][0])
        self.assertEqual([len(line["kids"]) for line in lines], [0, 0, 2])

    def test_accounts_at_once_get_what_each_gets_alone(self):
        def ask(number):
            answer = server.complete(prompt=f"{STORY} {number}", max_tokens=40, seed=number, return_token_ids=True,
                                     **signed(ACCOUNTS[number % 3], f"r-{number}"))
            return answer["choices"][0]["token_ids"]

        with self.server() as server:
            alone = [ask(number) for number in range(9)]
            with concurrent.futures.ThreadPoolExecutor(9) as pool:
                self.assertEqual(list(pool.map(ask, range(9))), alone)
        lines = audit_lines(self.folder)
        for number, ids in enumerate(alone):
            own = [line for line in lines if line["request"] == f"r-{number}"]
            self.assertEqual([(line["account"], line["tokens"]) for line in own], [(ACCOUNTS[number % 3], len(ids))] * 2)
            self.assertEqual(own[0]["states"], own[1]["states"])

    def test_log_probabilities_are_those_of_the_model_and_marking_takes_time(self):
        with self.server() as server:
            answer = server.complete(prompt=STORY, max_tokens=60, seed=1, logprobs=1, return_token_ids=True, **signed())
            metrics = server.request("GET", "/metrics")[2].decode()
        choice, = answer["choices"]
        expected = POCKET.all_log_probabilities([POCKET.bos_id, *choice["prompt_token_ids"], *choice["token_ids"]])
        for i, id in enumerate(choice["token_ids"]):
            self.assertAlmostEqual(choice["logprobs"]["token_logprobs"][i], expected[len(choice["prompt_token_ids"]) + i][id], delta=1e-9)
        drawn = len(choice["token_ids"]) + (choice["finish_reason"] == "stop")
        self.assertIn(f"verdigris_mark_seconds_count {drawn}\n", metrics)
        seconds = float(metrics.split("verdigris_mark_seconds_sum ")[1].split("\n")[0])
        self.assertTrue(0 < seconds < 60, seconds)

    def test_an_answer_whose_client_went_away_has_its_line_and_one_that_never_began_has_none(self):
        with self.server("--max-tokens", "4000") as server:
            with server.connection() as connection:
                body = {"prompt": STORY, "max_tokens": 4000, "n": 2, "seed": 1, "stream": True, "logit_bias": {str(POCKET.eos_id): -1}, **signed()}
                connection.request("POST", COMPLETIONS, json.dumps(body))
                connection.getresponse().read(500)
            end = time.monotonic() + 30
            while not audit_lines(self.folder) and time.monotonic() < end:
                time.sleep(.05)
        line, = audit_lines(self.folder)
        self.assertEqual((line["index"], line["outcome"], sum(line["states"].values())), (0, "marked", line["tokens"]))
        self.assertLess(line["tokens"], 4000)

    def test_an_audit_file_that_cannot_be_written_stops_new_answers(self):
        with self.server(audit={"file": "/dev/full"}) as server:
            status, answer = server.post(COMPLETIONS, {"prompt": STORY, "max_tokens": 3, **signed()})
            self.assertEqual(status, 200)  # it was running before anyone knew
            status, answer = server.post(COMPLETIONS, {"prompt": STORY, "max_tokens": 3, **signed()})
            self.assertEqual((status, answer["error"]["code"]), (400, "audit"))
            self.assertIn("verdigris_audit_failing 1\n", server.request("GET", "/metrics")[2].decode())

    def test_keys_of_new_accounts_are_read_while_it_runs_and_a_hangup_ends_nothing(self):
        late = self.folder / "accounts" / "acct-4.key"
        content = late.read_bytes()
        late.unlink()
        with self.server() as server:
            self.refused(server, "account", "acct-4", **signed("acct-4"))
            write_secret(late, content)
            server.process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 30
            while server.post(COMPLETIONS, {"max_tokens": 1, **signed("acct-4")})[0] != 200:
                self.assertLess(time.monotonic(), end)
                time.sleep(.1)

    def test_a_row_that_cannot_be_marked_ends_the_answer_or_stops_it(self):
        make_folder(self.folder, accounts=ACCOUNTS, vocab=POCKET.vocab)  # of another tokenizer, which the server itself would not start with
        request = fields.parse_request(json.dumps({"prompt": STORY, "max_tokens": 9, **signed()}).encode(), chat=False, name="m", vocab=POCKET.vocab,
                                       max_tokens=9, max_bias=1, accounts=True)
        self.assertEqual(request.account, signed())
        for ids, outcomes in (([2], ["ended"]), ([], ["ended"] * 2)):
            config = write_config(self.folder, policy=settings()["policy"] | {"end_ids": ids})
            opened = serving.open(ThisServer(), "after", path=config, version=verdigris.__version__)
            self.addCleanup(opened.close)
            choice, = writer.choices_of(models.load("pocket"), request, POCKET.tokenizer.encode(STORY), writer.Seeds(1),
                                        lambda index: opened.begin(serving.Request(fields=request.account), index=index))
            with contextlib.nullcontext() if ids else self.assertRaisesRegex(verdigris.Error, "could not be marked"):
                self.assertEqual(list(choice.chunks(lambda: True)), [])
            choice.close()
            self.assertEqual((choice.ids, choice.finish), ([], "stop" if ids else "length"))
            self.assertEqual([line["outcome"] for line in audit_lines(self.folder)], outcomes)
            self.assertIn('verdigris_errors_total{code="12"} 1\n', opened.metrics.text(False))

    def test_every_scheme_and_source_marks(self):
        """The provider's key alone finds 3 x 300 tokens; false alarm 1e-6."""
        rows = [("gumbel", 128, {"source": "signed", "gateway_key": "gateway.key"}, signed()), ("tournament", 256, {"source": "none"}, {}),
                ("green", 128, {"source": "fixed", "label": "acct-2"}, {"verdigris_request": "r-1"})]
        for scheme, share, account, members in rows:
            with self.subTest(scheme=scheme):
                make_folder(self.folder, accounts=ACCOUNTS, scheme=scheme, share=share, vocab=POCKET.vocab, special=((0, 2),),
                            tokenizer_sha256=POCKET.tokenizer.sha256)
                keys = settings()["keys"] if share < 256 else {"provider": "provider.key"}
                with self.server(account=account, keys=keys) as server:
                    answer = server.complete(prompt=STORY, max_tokens=300, n=3, seed=4, logit_bias={str(POCKET.eos_id): -1}, **members)
                    if not members:
                        self.refused(server, "account", **signed())
                (self.folder / "text").write_text("\n".join(choice["text"] for choice in answer["choices"]))
                selector = ("--key", "selector.key") if share < 256 else ()
                self.tool("detect", "--profile", "p.json", "--tokenizer", TOKENIZER, "--key", "provider.key", *selector, "text")

    def test_windows_do_not_reach_across_split_ids(self):
        stop = POCKET.tokenizer.encode("One day. One day")[2]
        with self.server(policy=settings()["policy"] | {"split_ids": [stop]}) as server:
            answer = server.complete(prompt=STORY, max_tokens=200, seed=1, return_token_ids=True, **signed())
        ids = answer["choices"][0]["token_ids"]
        short, stretch = 0, 0
        for id in ids:
            short += stretch < 2
            stretch = 0 if id == stop else stretch + 1
        self.assertGreater(ids.count(stop), 2)
        self.assertEqual(audit_lines(self.folder)[0]["states"]["short"], short)

    def test_the_api_key_is_the_gateway_where_the_configuration_says_so(self):
        (self.folder / "api").write_text("".join(f"{hashlib.sha256(label.encode()).hexdigest()} {label}\n" for label in ("acct-0", "acct-9")))
        with self.server("--api-keys", self.folder / "api", account={"source": "gateway"}) as server:
            server.complete({"Authorization": "Bearer acct-0"}, prompt=STORY, max_tokens=5, verdigris_account="acct-1", verdigris_request="r-3")
            status, answer = server.post(COMPLETIONS, {"prompt": STORY}, {"Authorization": "Bearer acct-9"})
            self.assertEqual((status, answer["error"]["code"]), (400, "account"))
        line = audit_lines(self.folder)[0]
        self.assertEqual((line["account"], line["request"]), ("acct-0", "r-3"))

    def test_starts_that_fail_say_why(self):
        (self.folder / "api").write_text(f"{'0' * 64} acct-0\n")
        keys, account = settings()["keys"], settings()["account"]
        rows = [
            ({"wrong": 1}, (), "'wrong'"), ({"epoch": 4}, (), "epoch"), ({"keys": keys | {"provider": None}}, (), "keys.provider"),
            ({"keys": {"accounts": "accounts"}}, (), "keys.provider is missing"), ({"audit": {"file": "no/where.jsonl"}}, (), "where.jsonl"),
            ({"account": account | {"gateway_key": "none.key"}}, (), "none.key"),
            ({"account": {"source": "fixed", "label": "acct-9"}}, (), "account.label"),
            ({}, ("--api-keys", self.folder / "api"), "account.source must be gateway"),
        ]
        for changes, flags, message in rows:
            with self.subTest(message=message):
                self.fails(3, message, "--config", write_config(self.folder, **changes), *flags)
        self.fails(3, "No such file", "--config", self.folder / "none.json")
        self.fails(2, "not allowed", "--config", write_config(self.folder), "--unmarked")
        make_folder(self.folder, accounts=ACCOUNTS, vocab=POCKET.vocab)  # of another tokenizer
        self.fails(3, "tokenizer_sha256", "--config", write_config(self.folder))

    def fails(self, code, message, *flags):
        done = subprocess.run([sys.executable, "-m", "verdigris.serve", *map(str, flags)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertIn(message, done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class WholePath(InFolder):
    def test_a_label_that_was_signed_is_the_account_that_is_named(self):
        """Gateway, server, answers over HTTP, detection of provider and account, and the account among five."""
        with self.server() as server:
            for account in ("acct-2", "acct-3"):
                texts = []
                for number in range(4):
                    answer = server.complete(prompt=STORY, max_tokens=400, seed=number, logit_bias={str(POCKET.eos_id): -1},
                                             **signed(account, f"{account}-{number}"))
                    texts.append(answer["choices"][0]["text"])
                (self.folder / account).write_text("\n".join(texts))
        judge = ("--profile", "p.json", "--tokenizer", TOKENIZER, "--key", "provider.key", "--key", "selector.key")
        finding = json.loads(self.tool("detect", *judge, "--key", "accounts/acct-2.key", "--json", "acct-2"))
        self.assertEqual(finding["verdict"], "detected")
        for account, status in (("acct-2", 0), ("acct-3", 1)):
            key = ("--key", "selector.key", "--key", f"accounts/{account}.key")
            self.tool("detect", *judge[:4], *key, "acct-2", status=status)
        with Server("--unmarked") as server:
            plain = server.complete(prompt=STORY, max_tokens=400, seed=1, n=4, logit_bias={str(POCKET.eos_id): -1})
        (self.folder / "plain").write_text("\n".join(choice["text"] for choice in plain["choices"]))
        self.tool("detect", *judge, "plain", status=1)
        for account in ("acct-2", "acct-3"):
            named = json.loads(self.tool("attribute", *judge, "--keys", "accounts", "--json", account))
            self.assertEqual([row["account"] for row in named["named"]], [account])
            self.assertEqual(named["accounts"]["tested"], len(ACCOUNTS))


if __name__ == "__main__":
    unittest.main()
