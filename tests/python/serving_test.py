"""verdigris.serving and verdigris.gateway: every refusal of configuration, admission and rows, by what it says; no engine is needed.

Masks are compared with those of Marker.mask, which is tested elsewhere. Mutations are seeded, and nothing is tested by chance."""

import base64
import copy
import hashlib
import hmac
import json
import os
import pathlib
import random
import signal
import socket
import sys
import tempfile
import time
import types
import unittest
import urllib.request

import numpy as np

import verdigris
from serving_files import ENDS, GATEWAY_KEY, Engine, audit_lines, make_folder, settings, write_config, write_secret
from verdigris import errors, gateway, serving
from verdigris.serving import config as configuration


def signed(account="acct-7", request="r-1", **more):
    return gateway.sign(GATEWAY_KEY, account, request=request, **more)


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.files = make_folder(self.folder)

    def open(self, hook="before", engine=Engine, **changes):
        opened = serving.open(engine, hook, path=write_config(self.folder, **changes), version="1.0")
        self.addCleanup(opened.close)
        return opened

    def refused(self, kind, opened, fields, **request):
        with self.assertRaises(serving.Refused) as caught:
            opened.admit(serving.Request(fields=fields, **request))
        self.assertEqual(caught.exception.kind, kind)
        self.assertEqual(caught.exception.status, 400)
        self.assertNotIn("acct", str(caught.exception))
        line = audit_lines(self.folder)[-1]
        self.assertEqual((line["outcome"], line["account"]), ("refused", self.named(opened, kind, fields)))

    def named(self, opened, kind, fields):
        """The account of a line of refusal: never what a client alone has said."""
        if opened.config.source == "fixed":
            return opened.config.label
        return None if kind == "mac" else fields.get("verdigris_account")


class Configuration(InFolder):
    def parse(self, **changes):
        return configuration.parse(json.dumps(settings(**changes)).encode(), "serving.json")

    def test_defaults(self):
        config = self.parse(policy=None, threads=None)
        self.assertEqual((config.mode, config.greedy, config.on_error, config.max_logit_bias, config.price, config.threads),
                         ("enforce", "refuse", "stop", 1.0, 0, 1))
        self.assertEqual(self.parse().on_error, "end")
        self.assertEqual(self.parse(metrics="[::1]:80").metrics, ("::1", 80))

    def test_each_fault_names_file_and_member(self):
        keys, account, audit = settings()["keys"], settings()["account"], settings()["audit"]
        faults = [
            ("schema", {"schema": "verdigris.serving/2"}), ("'wrong'", {"wrong": 1}), ("profile", {"profile": ""}), ("profile", {"profile": None}),
            ("epoch", {"epoch": -1}), ("epoch", {"epoch": True}), ("epoch", {"epoch": 1 << 32}), ("epoch", {"epoch": "3"}),
            ("keys", {"keys": []}), ("keys", {"keys": None}), ("'keys.epoch'", {"keys": keys | {"epoch": "e.key"}}),
            ("keys.accounts", {"keys": {"provider": "p"}}), ("keys.accounts", {"keys": keys | {"accounts": 7}}),
            ("keys.accounts.provider", {"keys": {"accounts": {"provider": "no colon"}}}),
            ("'keys.accounts.more'", {"keys": {"accounts": {"provider": "a:b", "more": 1}}}),
            ("account.source", {"account": {"source": "client"}}), ("account.gateway_key", {"account": {"source": "signed"}}),
            ("'account.label'", {"account": account | {"label": "a"}}), ("account.label", {"account": {"source": "fixed", "label": "a b"}}),
            ("'account.gateway_key'", {"account": {"source": "gateway", "gateway_key": "g"}}),
            ("policy.mode", {"policy": {"mode": "off"}}), ("policy.mode", {"account": {"source": "fixed", "label": "a"}, "policy": {"mode": "opt_in"}}),
            ("policy.greedy", {"policy": {"greedy": 1}}), ("policy.on_error", {"policy": {"on_error": "go on"}}),
            ("policy.end_ids", {"policy": {"end_ids": [1 << 24]}}), ("policy.end_ids", {"policy": {"end_ids": 2}}),
            ("policy.split_ids", {"policy": {"split_ids": [-1]}}), ("policy.hidden_until", {"policy": {"hidden_until": [True]}}),
            ("policy.max_logit_bias", {"policy": {"max_logit_bias": "1"}}), ("policy.max_logit_bias", {"policy": {"max_logit_bias": 101}}),
            ("audit", {"audit": None}), ("audit.file", {"audit": {}}), ("audit.output_digest", {"audit": audit | {"output_digest": 2}}),
            ("audit.price", {"audit": audit | {"price": 0}}), ("audit.price", {"audit": audit | {"price": "some"}}),
            ("audit.price", {"audit": audit | {"price": []}}),
            ("metrics", {"metrics": "9464"}), ("metrics", {"metrics": "h:99999"}), ("threads", {"threads": 0}), ("threads", {"threads": 2.0}),
        ]
        for member, changes in faults:
            with self.subTest(changes=changes), self.assertRaises(errors.Error) as caught:
                self.parse(**changes)
            self.assertIn("serving.json", str(caught.exception))
            self.assertIn(member, str(caught.exception))

    def test_bytes_that_are_no_json(self):
        for content in (b"", b"[]", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 100_000, b"{}"):
            with self.subTest(content=content[:20]), self.assertRaisesRegex(errors.Error, "serving.json"):
                configuration.parse(content, "serving.json")
        with self.assertRaisesRegex(errors.Malformed, "^serving.json: a number is too long$"):
            configuration.parse(b'{"epoch":' + b"9" * 5000 + b"}", "serving.json")

    def test_mutations_end_in_an_error_or_a_configuration(self):
        random_ = random.Random(41)
        odd = [None, True, -1, 0, 1 << 70, 1.5, "", "x" * 300, [], {}, [1], {"a": 1}]
        taken = 0
        for _ in range(4000):
            whole = copy.deepcopy(settings())
            holder = random_.choice([whole, whole["keys"], whole["account"], whole["policy"], whole["audit"]])
            holder[random_.choice([*holder, "price", "metrics", "label", "split_ids"])] = random_.choice(odd)
            data = bytearray(json.dumps(whole).encode())
            if random_.random() < 0.3:
                data[random_.randrange(len(data))] = random_.randrange(256)
            try:
                configuration.parse(bytes(data), "serving.json")
                taken += 1
            except errors.Error as error:
                self.assertIn("serving.json", str(error))
        self.assertGreater(taken, 20)

    def test_files(self):
        path = write_config(self.folder)
        for mode in (0o620, 0o602):
            path.chmod(mode)
            with self.assertRaisesRegex(errors.Unsafe, "go-w"):
                configuration.load(path)
        with self.assertRaises(errors.NotFound):
            configuration.load(self.folder / "none.json")
        os.environ.pop("VERDIGRIS_CONFIG", None)
        with self.assertRaisesRegex(errors.FailedPrecondition, "VERDIGRIS_CONFIG"):
            configuration.load()
        path.chmod(0o600)
        path.write_bytes(b" " * (configuration.MAX_BYTES + 1))
        with self.assertRaises(errors.Limit):
            configuration.load(path)


class Start(InFolder):
    def test_what_does_not_belong_together_does_not_start(self):
        none = {"source": "none"}
        keys = settings()["keys"]
        for kind, text, changes in [
                (errors.Mismatch, "epoch 3", {"epoch": 4}), (errors.Mismatch, "role", {"keys": keys | {"provider": "selector.key"}}),
                (errors.FailedPrecondition, "keys.selector", {"keys": {"provider": "provider.key", "accounts": "accounts"}}),
                (errors.FailedPrecondition, "provider_share", {"account": none}),
                (errors.FailedPrecondition, "account.label", {"account": {"source": "fixed", "label": "nobody"}}),
                (errors.Io, "nowhere", {"keys": keys | {"accounts": "nowhere"}}), (errors.NotFound, "none.json", {"profile": "none.json"}),
                (errors.NotSupported, "price", {"audit": {"file": "audit.jsonl", "price": "all"}}),
                (errors.FailedPrecondition, "ModuleNotFoundError", {"keys": keys | {"accounts": {"provider": "no_module_of_ours:f"}}}),
                (errors.Io, "audit", {"audit": {"file": "nowhere/audit.jsonl"}})]:
            with self.subTest(changes=changes), self.assertRaisesRegex(kind, text):
                self.open(**changes)
        write_secret(self.folder / "gateway.key", b"short\n")
        with self.assertRaisesRegex(errors.Malformed, "gateway key"):
            self.open()
        (self.folder / "gateway.key").chmod(0o640)
        with self.assertRaisesRegex(errors.Unsafe, "chmod 600"):
            self.open()

    def test_hooks_take_the_profiles_that_they_can(self):
        make_folder(self.folder, specials="preserve")
        with self.assertRaisesRegex(errors.NotSupported, "keeps all keys"):
            self.open("before")
        self.open("after")
        with self.assertRaisesRegex(errors.NotSupported, "price must be off on a device"):
            self.open("after_device", audit={"file": "audit.jsonl", "price": 8})
        make_folder(self.folder, scheme="gumbel")
        for hook in ("before", "after_device"):
            with self.assertRaisesRegex(errors.NotSupported, "gumbel"):
                self.open(hook)
        self.open("after")

    def test_what_the_engine_expects(self):
        with self.assertRaises(errors.Mismatch):
            serving.open(Engine, "before", path=write_config(self.folder), version="1.0", vocab=999)

    def test_an_address_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            with self.assertRaisesRegex(errors.Io, "metrics"):
                self.open(metrics=f"127.0.0.1:{other.getsockname()[1]}")

    def test_versions(self):
        os.environ.pop("VERDIGRIS_UNTESTED_ENGINE", None)
        self.assertEqual(serving.check_version(Engine, "1.0+cpu"), "engine/1.0+cpu")
        for version in ("1.1", "0.9", "dev", None):
            with self.assertRaisesRegex(errors.NotSupported, "VERDIGRIS_UNTESTED_ENGINE=1"):
                serving.check_version(Engine, version)
        os.environ["VERDIGRIS_UNTESTED_ENGINE"] = "1"
        self.addCleanup(os.environ.pop, "VERDIGRIS_UNTESTED_ENGINE")
        self.assertEqual(serving.check_version(Engine, "1.1"), "engine/1.1!untested")


class Gateway(unittest.TestCase):
    def test_mac_is_that_of_the_contract(self):
        fields = gateway.sign(GATEWAY_KEY, "acct-7", request="r-81", mark=False, expires=1_800_000_000)
        message = b"verdigris/1/account-label\0" + (1_800_000_000).to_bytes(8, "big") + b"\0\x04r-81acct-7"
        self.assertEqual(fields["verdigris_mac"], hmac.digest(GATEWAY_KEY, message, "sha256")[:16].hex())

    def test_what_cannot_be_signed(self):
        for key, account, request, more in ((b"short", "acct-7", "r-1", {}), (GATEWAY_KEY, "a b", "r-1", {}), (GATEWAY_KEY, "acct-7", "", {}),
                                            (GATEWAY_KEY, "acct-7", "r-1", {"expires": -1}), (GATEWAY_KEY, "acct-7", "r-1", {"expires": 1 << 63})):
            with self.subTest((account, request, more)), self.assertRaises(errors.InvalidArgument):
                gateway.sign(key, account, request=request, **more)

    def test_each_change_of_a_field_is_found(self):
        now = 1_800_000_000
        fields = gateway.sign(GATEWAY_KEY, "acct-7", request="r-81", expires=now + 60)
        self.assertEqual(gateway.verify(GATEWAY_KEY, {name: str(value) for name, value in fields.items()}, now=now).account, "acct-7")
        for when in (now + 61, now - 541):
            with self.assertRaises(gateway.BadFields):
                gateway.verify(GATEWAY_KEY, fields, now=when)
        random_ = random.Random(43)
        for _ in range(2000):
            name = random_.choice(list(fields))
            odd = random_.choice([None, "", "acct-8", "é", 1.5, -1, [], {}, True, 0, "0", "9" * 30, "f" * 32, b"x", float("nan")])
            with self.assertRaises(gateway.BadFields):
                changed = fields | {name: odd}
                if changed == fields or (name == "verdigris_mark" and odd is True):
                    raise gateway.BadFields
                gateway.verify(GATEWAY_KEY, changed, now=now)


class AdmissionRules(InFolder):
    def test_signed(self):
        opened = self.open()
        self.assertEqual(opened.admit(serving.Request(fields=signed())), serving.Admitted("acct-7", "r-1", None))
        self.refused("mac", opened, {})
        self.refused("mac", opened, {"verdigris_account": "acct-7"})
        self.refused("mac", opened, signed() | {"verdigris_account": "acct-8"})
        self.refused("mac", opened, signed(expires=int(time.time()) - 1))
        self.refused("mac", opened, signed(expires=int(time.time()) + 700))
        self.refused("account", opened, signed("acct-9"))
        self.refused("policy", opened, signed(mark=False))

    def test_what_cannot_be_marked(self):
        opened = self.open()
        self.refused("greedy", opened, signed(), greedy=True)
        for bias in (1.5, -1.5, float("nan"), float("inf")):
            self.refused("bias", opened, signed(), logit_bias={5: bias})
        self.refused("allow_list", opened, signed(), allowed_ids=list(range(63)))
        self.refused("allow_list", opened, signed(), allowed_ids=[1] * 64)
        opened.admit(serving.Request(fields=signed(), allowed_ids=range(64), logit_bias={5: 1.0}))
        self.refused("beams", opened, signed(), beams=2)  # which engines do from P
        self.open("after").admit(serving.Request(fields=signed(), beams=4))
        make_folder(self.folder, scheme="tournament")
        self.refused("beams", self.open("after"), signed(), beams=2)

    def test_modes_and_sources(self):
        self.assertEqual(self.open(policy={"mode": "opt_out"}).admit(serving.Request(fields=signed(mark=False))).unmarked, "policy")
        opened = self.open(account={"source": "gateway"}, policy={"mode": "opt_in", "greedy": "serve"})
        self.assertEqual(opened.admit(serving.Request(fields={"verdigris_account": "acct-7"})).unmarked, "policy")
        asked = {"verdigris_account": "acct-7", "verdigris_mark": 1}
        self.assertIsNone(opened.admit(serving.Request(fields=asked)).unmarked)
        self.assertEqual(opened.admit(serving.Request(fields=asked, greedy=True)).unmarked, "greedy")
        self.refused("account", opened, {})
        self.refused("policy", opened, {"verdigris_account": "acct-7", "verdigris_mark": 2})
        opened = self.open(account={"source": "fixed", "label": "acct-8"})
        self.assertEqual(opened.admit(serving.Request()).account, "acct-8")
        self.refused("account", opened, {"verdigris_account": "acct-7"})

    def test_an_answer_that_is_marked_is_not_continued_by_one_that_is_not(self):
        opened = self.open(account={"source": "gateway"}, policy={"mode": "opt_out"})
        asked = [serving.Request(fields={"verdigris_account": "acct-7", "verdigris_request": "r-1", "verdigris_mark": mark}) for mark in (1, 0, 1)]
        marked, unmarked, again = (opened.begin(request) for request in asked)
        self.assertTrue(marked.same_request(again))
        self.assertFalse(marked.same_request(unmarked))

    def test_a_request_that_waited_longer_than_its_mac_is_served(self):
        opened = self.open()
        self.assertIsNone(opened.begin(serving.Request(fields=signed(expires=int(time.time()) - 5))).ended())

    def test_accounts_come_and_go(self):
        opened = self.open()
        (self.folder / "accounts" / "acct-8.key").unlink()
        opened.reread()
        self.refused("account", opened, signed("acct-8"))
        ended = opened.begin(serving.Request(fields=signed("acct-8")))
        self.assertEqual(ended.ended(), ENDS[0])
        ended.close()
        line = audit_lines(self.folder)[-1]
        self.assertEqual((line["outcome"], line["account"], line["request"]), ("refused", "acct-8", "r-1"))
        write_secret(self.folder / "accounts" / "acct-8.key", self.files["acct-8"])
        os.kill(os.getpid(), signal.SIGHUP)
        opened.admit(serving.Request(fields=signed("acct-8")))

    def test_a_function_gives_keys(self):
        asked = []
        module = types.ModuleType("keys_of_ours")

        def find(label):
            asked.append(label)
            if label == "raises":
                raise RuntimeError(self.files["acct-7"].decode())
            return self.files.get("acct-7" if label == "other" else label)

        module.find = find
        sys.modules["keys_of_ours"] = module
        self.addCleanup(sys.modules.pop, "keys_of_ours")
        opened = self.open(keys=settings()["keys"] | {"accounts": {"provider": "keys_of_ours:find"}})
        for _ in range(2):
            opened.admit(serving.Request(fields=signed()))
        self.assertEqual(asked, ["acct-7"])
        for label in ("nobody", "raises", "other"):
            self.refused("account", opened, signed(label))


class Answers(InFolder):
    def test_an_answer_and_its_line(self):
        opened = self.open()
        sequence = opened.begin(serving.Request(fields=signed()))
        ids = [100, 101, 100, 101, 100, 1, 300, 301, 302, 2]
        for id in ids:
            windows, states = sequence.peek()
            masks, rows = verdigris.mask_batch([sequence.marker], windows, states)
            wanted, price = sequence.marker.mask(sequence.ids())
            np.testing.assert_array_equal(masks[0], wanted)
            self.assertEqual(int(rows["state"][0]), price.state)
            sequence.note(len(sequence), int(rows["state"][0]))
            sequence.push([id])
        self.assertTrue(sequence.complete())
        sequence.close()
        sequence.close()
        (line,) = audit_lines(self.folder)
        self.assertEqual((line["outcome"], line["tokens"], line["account"], line["request"], line["kids"]),
                         ("marked", 10, "acct-7", "r-1", sequence.marker.kids))
        self.assertEqual(line["states"], {"marked": 4, "off": 0, "short": 2, "special": 2, "repeated": 2, "no_choice": 0})
        self.assertEqual(line["output_sha256"], hashlib.sha256(b"".join(id.to_bytes(4, "big") for id in ids)).hexdigest())
        self.assertNotIn("300", json.dumps(line["states"]))

    def test_splits_hidden_output_and_drafts_equal_a_replay(self):
        opened = self.open(policy={"hidden_until": [7], "split_ids": [8], "end_ids": ENDS})
        random_ = random.Random(47)
        for _ in range(40):
            ids = [random_.choice([7, 8, 20, 21, 22, 23]) for _ in range(30)]
            replay = []
            one = opened.begin(serving.Request(fields=signed()))
            for id in ids:
                windows, states = one.peek()
                replay.append((windows[0].tolist(), int(states[0])))
                one.push([id])
            other = opened.begin(serving.Request(fields=signed()))
            cut = random_.randrange(20)
            other.push(ids[:cut])
            windows, states = other.peek(ids[cut:-1])
            self.assertEqual([(window.tolist(), int(state)) for window, state in zip(windows, states)], replay[cut:])
            other.follow([*ids[:cut], 20, 20, 20])
            other.follow(ids)
            self.assertEqual(other.peek()[0].tolist(), one.peek()[0].tolist())
            hidden = ids.index(7) + 1 if 7 in ids else len(ids)
            for at in range(hidden):
                self.assertEqual(replay[at][1], 3)
            one.close()
            self.assertEqual(audit_lines(self.folder)[-1]["tokens"], len(ids) - hidden)

    def test_faults(self):
        for on_error in ("end", "stop"):
            opened = self.open(policy={"on_error": on_error, "end_ids": ENDS})
            sequence = opened.begin(serving.Request(fields=signed()))
            sequence.push([50, 51])
            if on_error == "stop":
                with self.assertRaisesRegex(errors.InvalidArgument, "on_error is stop"):
                    sequence.push([-1])
            else:
                sequence.push([0xFFFFFFFF])
                self.assertEqual(sequence.ended(), ENDS[0])
                sequence.close([50, 51, ENDS[0]])
            self.assertEqual(audit_lines(self.folder)[-1]["outcome"], "ended")
            with self.assertRaises(errors.Internal):
                opened.begin(serving.Request(fields=signed())).disagree("slot 3")
            self.assertIn('verdigris_errors_total{code="40"} 1', opened.metrics.text(False))

    def test_a_full_disk_refuses_new_requests_and_loses_no_line(self):
        opened = self.open()
        running = opened.begin(serving.Request(fields=signed()))
        write, limit = os.write, [20]

        def full(file, data):
            if limit[0] is None:
                return write(file, data)
            if limit[0] == 0:
                raise OSError(28, "No space left on device")
            room, limit[0] = limit[0], 0
            return write(file, data[:room])

        os.write = full
        try:
            running.close([50, 51])
            with self.assertRaises(serving.Refused) as caught:
                opened.admit(serving.Request(fields=signed()))
            self.assertEqual(caught.exception.kind, "audit")
            self.assertIn("verdigris_audit_failing 1", opened.metrics.text(opened.audit.failing))
            limit[0] = None
            opened.admit(serving.Request(fields=signed()))
        finally:
            os.write = write
        torn, *whole = (self.folder / "audit.jsonl").read_text().splitlines()
        self.assertEqual(len(torn), 20)
        self.assertEqual([json.loads(line)["outcome"] for line in whole], ["marked", "refused"])

    def test_metrics_name_no_account(self):
        opened = self.open(metrics="127.0.0.1:0")
        opened.begin(serving.Request(fields=signed())).close([50, 51, 52])
        text = urllib.request.urlopen(f"http://127.0.0.1:{opened.endpoint.port}/metrics", timeout=10).read().decode()
        self.assertIn('verdigris_requests_total{outcome="marked"} 1', text)
        self.assertIn("verdigris_account_tokens_max 3", text)
        self.assertNotIn("acct", text)

    def test_secrets_stay_where_they_are(self):
        secrets = [base64.b64decode(line[5:]) for content in self.files.values() for line in content.splitlines() if line.startswith(b"key: ")]
        secrets.append(GATEWAY_KEY)
        said = []
        with self.assertLogs("verdigris") as logs:
            opened = self.open(metrics="127.0.0.1:0")
            write_secret(self.folder / "accounts" / "bad.key", self.files["acct-7"][:-3])
            opened.reread()
            for fields in ({}, signed("nobody"), signed() | {"verdigris_mac": "0" * 32}):
                try:
                    opened.admit(serving.Request(fields=fields))
                except serving.Refused as refused:
                    said.append(repr(refused))
            sequence = opened.begin(serving.Request(fields=signed()))
            sequence.close([77777])
            said += [repr(opened), repr(sequence), repr(sequence.marker), opened.metrics.text(False)]
        said += logs.output + [(self.folder / "audit.jsonl").read_text()]
        self.assertEqual(len(secrets), 5)
        for text in said:
            self.assertNotIn("77777", text)
            for secret in secrets:
                for form in (secret.hex(), base64.b64encode(secret).decode(), repr(secret)):
                    self.assertNotIn(form, text)


if __name__ == "__main__":
    unittest.main()
