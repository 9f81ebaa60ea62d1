"""verdigris-serve: every endpoint, field and error, against the model itself."""

import concurrent.futures
import contextlib
import hashlib
import json
import math
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

import numpy as np

import verdigris
from server import Server
from verdigris.serving import accounts, fields, http, models

POCKET = verdigris.Pocket()
STORY = "Once upon a time, there was a"
COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"


def bytes_of(name):
    """A token of the older form as bytes."""
    if not name.startswith("bytes:"):
        return name.encode()
    return bytes(int(number, 16) for number in name.removeprefix("bytes:").split("\\x")[1:])


class Unmarked(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server("--unmarked", "--max-tokens", "600"))

    def test_health_models_metrics(self):
        self.assertEqual(self.server.request("GET", "/healthz")[::2], (200, b"ok\n"))
        status, _, body = self.server.request("GET", "/v1/models")
        self.assertEqual((status, json.loads(body)["data"][0]["id"]), (200, "pocket"))
        self.server.complete(prompt=STORY, max_tokens=3)
        status, headers, body = self.server.request("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("text/plain", headers["Content-Type"])
        self.assertRegex(body.decode(), r'verdigris_http_requests_total\{route="/v1/completions",status="200"\} \d+\n')
        self.assertRegex(body.decode(), r'verdigris_tokens_total\{kind="prompt"\} \d+\n')

    def test_a_completion_has_its_members(self):
        answer = self.server.complete(model="any name", prompt=STORY, max_tokens=30, seed=1, return_token_ids=True)
        self.assertEqual((answer["object"], answer["model"]), ("text_completion", "any name"))
        choice, = answer["choices"]
        self.assertEqual(choice["index"], 0)
        self.assertIsNone(choice["logprobs"])
        self.assertEqual(choice["prompt_token_ids"], POCKET.tokenizer.encode(STORY))
        self.assertEqual(b"".join(map(POCKET.tokenizer.piece_bytes, choice["token_ids"])).decode("utf-8", "replace"), choice["text"])
        self.assertEqual(answer["usage"], {"prompt_tokens": len(choice["prompt_token_ids"]), "completion_tokens": len(choice["token_ids"]),
                                           "total_tokens": len(choice["prompt_token_ids"]) + len(choice["token_ids"])})
        self.assertEqual(choice["finish_reason"], "length" if len(choice["token_ids"]) == 30 else "stop")
        self.assertEqual(len(self.server.complete()["choices"]), 1)  # every member has a default

    def check_lists(self, logprobs, ids, before, k, nulls):
        """The older form against the model: `ids` after `before`, the first `nulls` without numbers."""
        expected = POCKET.all_log_probabilities(before + ids)[len(before) - 1:] if before else None
        self.assertEqual([len(logprobs[name]) for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset")], [len(ids)] * 4)
        for i, id in enumerate(ids):
            start = nulls == 1 and i == 0  # of the text, where the tokenizer's own space is not shown
            self.assertEqual(bytes_of(logprobs["tokens"][i]), POCKET.tokenizer.piece_bytes(id)[start:])
            own, top = logprobs["token_logprobs"][i], logprobs["top_logprobs"][i]
            if i < nulls:
                self.assertEqual((own, top), (None, None))
                continue
            row = expected[i]
            self.assertAlmostEqual(own, row[id], delta=1e-9)
            best = np.lexsort((np.arange(POCKET.vocab), -row))[:k].tolist()
            self.assertEqual(len(top), k + (id not in best))
            self.assertEqual(top[logprobs["tokens"][i]], own)
            self.assertEqual(sorted(top.values(), reverse=True)[:k], list(top.values())[:k])
            for name, ln, listed in zip(top, top.values(), best):
                self.assertAlmostEqual(ln, row[listed], delta=1e-9)
                if listed not in POCKET.tokenizer.special_ids:
                    self.assertEqual(bytes_of(name), POCKET.tokenizer.piece_bytes(listed))
            self.assertLessEqual(sum(map(math.exp, top.values())), 1 + 1e-9)

    def test_log_probabilities_are_the_models_whatever_shapes_the_draw(self):
        prompt = POCKET.tokenizer.encode(STORY)
        for options in ({}, {"temperature": .7, "top_p": .9, "top_k": 40, "min_p": .01}, {"temperature": 0}, {"logit_bias": {"77": 4}}):
            for k in (0, 1, 20):
                answer = self.server.complete(prompt=STORY, max_tokens=40, seed=k, logprobs=k, return_token_ids=True, **options)
                choice, = answer["choices"]
                self.check_lists(choice["logprobs"], choice["token_ids"], [POCKET.bos_id, *prompt], k, 0)
                offsets = choice["logprobs"]["text_offset"]
                for token, start in zip(choice["logprobs"]["tokens"], offsets):
                    if not token.startswith("bytes:"):
                        self.assertTrue(choice["text"].startswith(token, start))

    def test_echo_gives_the_prompts_log_probabilities(self):
        text = "One day, caf\u00e9 \U0001f600 \u65e5 was\nhere  twice."
        ids = POCKET.tokenizer.encode(text)
        choice, = self.server.complete(prompt=text, max_tokens=0, echo=True, logprobs=5)["choices"]
        self.assertEqual((choice["text"], choice["finish_reason"]), (text, "length"))
        self.check_lists(choice["logprobs"], ids, [POCKET.bos_id], 5, 1)
        self.assertEqual(b"".join(map(bytes_of, choice["logprobs"]["tokens"])), text.encode())
        for token, start in zip(ids, choice["logprobs"]["text_offset"]):
            piece = POCKET.tokenizer.piece_bytes(token)
            if piece.isascii() and start > 0:
                self.assertTrue(text.startswith(piece.decode(), start))
        # Ids, with the start of text among them: now the first real one has a number.
        choice, = self.server.complete(prompt=[POCKET.bos_id, *ids], max_tokens=0, echo=True, logprobs=5)["choices"]
        self.assertEqual((choice["text"], choice["logprobs"]["tokens"][0], choice["logprobs"]["token_logprobs"][0]), (text, "<s>", None))
        self.assertEqual(choice["logprobs"]["tokens"][1], "One")
        self.assertAlmostEqual(choice["logprobs"]["token_logprobs"][1], POCKET.all_log_probabilities([POCKET.bos_id])[0][ids[0]], delta=1e-9)
        rest = {name: values[2:] for name, values in choice["logprobs"].items()}
        self.check_lists(rest, ids[1:], [POCKET.bos_id, ids[0]], 5, 0)

    def test_an_answer_to_nothing_starts_a_text(self):
        choice, = self.server.complete(max_tokens=5, seed=1, logprobs=20, return_token_ids=True)["choices"]
        self.assertEqual(choice["text"].encode(), POCKET.tokenizer.decode(choice["token_ids"]))
        self.assertEqual("".join(choice["logprobs"]["tokens"]), choice["text"])
        self.assertFalse(any(name.startswith(" ") for name in choice["logprobs"]["top_logprobs"][0]))

    def test_echo_and_answer_stand_together(self):
        one, = self.server.complete(prompt=STORY, max_tokens=20, echo=True, logprobs=3, seed=4, return_token_ids=True)["choices"]
        other, = self.server.complete(prompt=STORY, max_tokens=20, logprobs=3, seed=4)["choices"]
        plain, = self.server.complete(prompt=STORY, max_tokens=20, echo=True, seed=4)["choices"]
        self.assertEqual((one["text"], plain["text"]), (STORY + other["text"],) * 2)
        count = len(one["prompt_token_ids"])
        for name in ("tokens", "token_logprobs", "top_logprobs"):
            self.assertEqual(one["logprobs"][name][count:], other["logprobs"][name])
        self.assertEqual(one["logprobs"]["text_offset"][count:], [len(STORY) + at for at in other["logprobs"]["text_offset"]])
        self.assertEqual(self.server.complete(prompt="", max_tokens=0, echo=True, logprobs=1)["choices"][0]["logprobs"]["tokens"], [])

    def test_reading_an_answer_gives_what_writing_it_gave_also_beyond_the_context(self):
        written, = self.server.complete(prompt=STORY, max_tokens=600, seed=8, logprobs=0, return_token_ids=True,
                                        logit_bias={str(POCKET.eos_id): -100})["choices"]
        self.assertEqual(len(written["token_ids"]), 600)
        read, = self.server.complete(prompt=written["prompt_token_ids"] + written["token_ids"], max_tokens=0, echo=True, logprobs=0)["choices"]
        count = len(written["prompt_token_ids"])
        self.assertEqual(read["logprobs"]["token_logprobs"][count:], written["logprobs"]["token_logprobs"])

    def test_the_same_seed_and_request_give_the_same_answer(self):
        def texts(**members):
            return [choice["text"] for choice in self.server.complete(prompt=STORY, max_tokens=25, **members)["choices"]]

        self.assertEqual(texts(seed=5, n=3), texts(seed=5, n=3))
        self.assertEqual(texts(seed=5, n=3)[0], texts(seed=5)[0])
        self.assertEqual(texts(seed=5, logprobs=3), texts(seed=5))
        different = texts(seed=5, n=3) + texts(seed=6) + texts(seed=-6) + texts() + texts()
        self.assertEqual(len(set(different)), 7)  # two alike: below 1e-20, at 4.7 bits a token

    def test_choices_of_n(self):
        answer = self.server.complete(prompt=STORY, max_tokens=5, n=3, seed=1, return_token_ids=True)
        self.assertEqual([choice["index"] for choice in answer["choices"]], [0, 1, 2])
        self.assertEqual(answer["usage"]["completion_tokens"], sum(len(choice["token_ids"]) for choice in answer["choices"]))

    def test_stop_texts_end_an_answer_and_are_no_part_of_it(self):
        whole, = self.server.complete(prompt=STORY, max_tokens=200, seed=9, logprobs=0, return_token_ids=True)["choices"]
        for stop in (".", [". ", "\n"], [whole["text"][30:50]], ["never there at all"], whole["text"][0]):
            stops = [stop] if isinstance(stop, str) else stop
            ends = [at for at in (whole["text"].find(text) for text in stops) if at >= 0]
            expected = whole["text"][:min(ends)] if ends else whole["text"]
            choice, = self.server.complete(prompt=STORY, max_tokens=200, seed=9, logprobs=0, stop=stop, return_token_ids=True)["choices"]
            self.assertEqual(choice["text"], expected)
            self.assertEqual(choice["finish_reason"], "stop" if ends else whole["finish_reason"])
            count = sum(at < len(expected) for at in whole["logprobs"]["text_offset"])
            self.assertEqual(choice["token_ids"], whole["token_ids"][:count])
            self.assertEqual(choice["logprobs"]["tokens"], whole["logprobs"]["tokens"][:count])
            events = self.server.events(COMPLETIONS, prompt=STORY, max_tokens=200, seed=9, stop=stop)
            self.assertEqual("".join(event["choices"][0]["text"] for event in events), expected)

    def test_greedy_ways_agree(self):
        best, = self.server.complete(prompt=STORY, max_tokens=12, temperature=0, return_token_ids=True)["choices"]
        session = POCKET.session()
        session.feed([POCKET.bos_id, *best["prompt_token_ids"]])
        for id in best["token_ids"]:
            self.assertEqual(session.ranked(1)[0], [id])
            session.feed([id])
        for options in ({"top_k": 1}, {"top_p": 1e-9}, {"min_p": 1}):
            self.assertEqual(self.server.complete(prompt=STORY, max_tokens=12, **options)["choices"][0]["text"], best["text"])
        forced, = self.server.complete(prompt=STORY, max_tokens=4, logit_bias={"77": 100}, return_token_ids=True)["choices"]
        self.assertEqual(forced["token_ids"], [77] * 4)

    def test_a_stream_is_the_answer_in_parts(self):
        members = {"prompt": STORY, "max_tokens": 60, "seed": 3, "n": 2, "echo": True, "logprobs": 2}
        whole = self.server.complete(**members)
        events = self.server.events(COMPLETIONS, **members, stream_options={"include_usage": True})
        self.assertEqual(events.pop()["usage"], whole["usage"])
        for index in (0, 1):
            parts = [event["choices"][0] for event in events if event["choices"][0]["index"] == index]
            self.assertGreater(len(parts), 20)
            expected = whole["choices"][index]
            self.assertEqual("".join(part["text"] for part in parts), expected["text"])
            self.assertEqual([part["finish_reason"] for part in parts], [None] * (len(parts) - 1) + [expected["finish_reason"]])
            for name, values in expected["logprobs"].items():
                self.assertEqual([value for part in parts if part["logprobs"] for value in part["logprobs"][name]], values)

    def test_chat_is_the_completion_of_its_messages(self):
        completion, = self.server.complete(prompt=f"Be brief.\n{STORY}", max_tokens=30, seed=2, logprobs=4)["choices"]
        answer = self.server.chat(messages=[{"role": "system", "content": "Be brief."},
                                            {"role": "user", "content": [{"type": "text", "text": STORY}]}],
                                  max_completion_tokens=30, seed=2, logprobs=True, top_logprobs=4, return_token_ids=True)
        choice, = answer["choices"]
        self.assertEqual((answer["object"], choice["message"]["role"]), ("chat.completion", "assistant"))
        self.assertEqual(choice["message"]["content"], completion["text"])
        for i, token in enumerate(choice["logprobs"]["content"]):
            self.assertEqual(token["token"], completion["logprobs"]["tokens"][i])
            self.assertEqual(bytes(token["bytes"]), POCKET.tokenizer.piece_bytes(choice["token_ids"][i]))
            self.assertEqual(token["logprob"], completion["logprobs"]["token_logprobs"][i])
            self.assertEqual(len(token["top_logprobs"]), 4)
            self.assertEqual({top["token"]: top["logprob"] for top in token["top_logprobs"]}.items()
                             - completion["logprobs"]["top_logprobs"][i].items(), set())
        events = self.server.events(CHAT, messages=[{"role": "user", "content": f"Be brief.\n{STORY}"}], max_tokens=30, seed=2)
        deltas = [event["choices"][0]["delta"] for event in events]
        self.assertEqual(deltas[0], {"role": "assistant", "content": ""})
        self.assertEqual("".join(delta.get("content", "") for delta in deltas), completion["text"])
        self.assertEqual(events[-1]["choices"][0]["finish_reason"], completion["finish_reason"])

    def test_special_tokens_in_lists_have_names_and_no_bytes(self):
        members = {"max_tokens": 600, "temperature": 1, "seed": 1}
        text = self.server.complete(prompt=STORY, logprobs=20, **members)["choices"][0]
        named = [top for top in text["logprobs"]["top_logprobs"] if "</s>" in top]
        self.assertGreater(len(named), 0)  # the end is among 20 somewhere before it comes
        chat = self.server.chat(messages=[{"role": "user", "content": STORY}], logprobs=True, top_logprobs=20, **members)["choices"][0]
        ends = [top for token in chat["logprobs"]["content"] for top in token["top_logprobs"] if top["token"] == "</s>"]
        self.assertEqual(len(ends), len(named))
        self.assertEqual({end["bytes"] for end in ends}, {None})

    def test_refusals_have_a_status_a_member_and_openais_form(self):
        rows = [
            ({"prompt": 5}, "prompt"), ({"prompt": [5000]}, "prompt"), ({"prompt": [-1]}, "prompt"), ({"prompt": [True]}, "prompt"),
            ({"prompt": ["a"]}, "prompt"), ({"prompt": "\ud800"}, "prompt"), ({"model": 1}, "model"), ({"model": "m" * 257}, "model"),
            ({"max_tokens": -1}, "max_tokens"), ({"max_tokens": 601}, "max_tokens"), ({"max_tokens": 1.5}, "max_tokens"),
            ({"temperature": 2.1}, "temperature"), ({"temperature": -1}, "temperature"), ({"temperature": "1"}, "temperature"),
            ({"top_p": 0}, "top_p"), ({"top_p": 1.1}, "top_p"), ({"top_k": -2}, "top_k"), ({"min_p": 2}, "min_p"),
            ({"n": 0}, "n"), ({"n": 129}, "n"), ({"n": 128, "max_tokens": 600}, "n"), ({"seed": 2**64}, "seed"), ({"seed": "x"}, "seed"),
            ({"stop": ["a"] * 5}, "stop"), ({"stop": ""}, "stop"), ({"stop": [1]}, "stop"), ({"stop": {}}, "stop"),
            ({"stream": 1}, "stream"), ({"stream_options": {"x": 1}}, "stream_options"), ({"echo": "yes"}, "echo"),
            ({"logprobs": 21}, "logprobs"), ({"logprobs": True}, "logprobs"), ({"logprobs": -1}, "logprobs"),
            ({"logit_bias": []}, "logit_bias"), ({"logit_bias": {"x": 1}}, "logit_bias"), ({"logit_bias": {"4096": 1}}, "logit_bias"),
            ({"logit_bias": {"1": 101}}, "logit_bias"), ({"logit_bias": {"1": None}}, "logit_bias"),
            ({"typical_p": .5}, "typical_p"), ({"frequency_penalty": .5}, "frequency_penalty"), ({"best_of": 2}, "best_of"),
            ({"messages": []}, "messages"), ({"top_logprobs": 3}, "top_logprobs"),
            ({"x" * 70: 1}, "x" * 64), ({"temperature": 10**400}, "temperature"), ({"min_p": -10**400}, "min_p"),
        ]
        chat_rows = [
            ({}, "messages"), ({"messages": []}, "messages"), ({"messages": "hi"}, "messages"), ({"messages": ["hi"]}, "messages[0]"),
            ({"messages": [{"role": "user"}]}, "messages[0]"), ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
            ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0]"),
            ({"messages": [{"role": "user", "content": "x"}], "logprobs": 5}, "logprobs"),
            ({"messages": [{"role": "user", "content": "x"}], "top_logprobs": 5}, "top_logprobs"),
            ({"messages": [{"role": "user", "content": "x"}], "logprobs": True, "top_logprobs": 21}, "top_logprobs"),
            ({"messages": [{"role": "user", "content": "x"}], "prompt": "x"}, "prompt"),
            ({"messages": [{"role": "user", "content": "x"}], "echo": True}, "echo"),
        ]
        for path, table in ((COMPLETIONS, rows), (CHAT, chat_rows)):
            for members, param in table:
                with self.subTest(path=path, members=str(members)[:60]):
                    status, answer = self.server.post(path, members)
                    self.assertEqual((status, answer["error"]["param"]), (400, param))
                    self.assertEqual(set(answer["error"]), {"message", "type", "param", "code"})
                    self.assertEqual(answer["error"]["type"], "invalid_request_error")
                    self.assertIn(param.partition("[")[0], answer["error"]["message"])
        for name in ("\ud800", "\n", "\u202e"):  # which no answer repeats
            status, answer = self.server.post(COMPLETIONS, {"prompt": "x", name: 1})
            self.assertEqual((status, answer["error"]["param"]), (400, None))
        # What changes nothing is no reason to refuse.
        self.server.complete(prompt="x", max_tokens=1, frequency_penalty=0, presence_penalty=0.0, best_of=1, user="u", suffix=None, seed=None)

    def test_a_prompt_that_is_too_long(self):
        status, answer = self.server.post(COMPLETIONS, {"prompt": [5] * 32769})
        self.assertEqual((status, answer["error"]["param"]), (400, "prompt"))
        self.server.complete(prompt=[5] * 32768, max_tokens=1)

    def test_bodies_that_are_no_json_object(self):
        bodies = [b"", b"{", b"[]", b"nul", b'{"prompt":"x"} x', b'{"seed":1,"seed":2}', b'{"temperature":NaN}', b'{"min_p":Infinity}',
                  b'{"temperature":1e999}', b"\xff\xfe", b'{"prompt":"\xff"}', b"[" * 100000, b'{"max_tokens":' + b"9" * 5000 + b"}"]
        for body in bodies:
            with self.subTest(body=body[:30]):
                status, _, answer = self.server.request("POST", COMPLETIONS, body)
                self.assertEqual((status, json.loads(answer)["error"]["type"]), (400, "invalid_request_error"))
                self.assertNotIn("sys.", json.loads(answer)["error"]["message"])

    def test_wrong_ways_and_bodies(self):
        rows = [("GET", "/", 404), ("GET", COMPLETIONS, 404), ("POST", "/v1/models", 404), ("POST", "/v1/embeddings", 404),
                ("PUT", COMPLETIONS, 404), ("DELETE", "/v1/models", 404), ("GET", "/" + "x" * 70000, 400)]
        for method, path, expected in rows:
            status, _, body = self.server.request(method, path, b"{}" if method == "POST" else None)
            self.assertEqual((status, json.loads(body)["error"]["type"]), (expected, "invalid_request_error"), (method, path[:40]))
        with self.server.connection() as connection:
            connection.request("POST", COMPLETIONS, iter([b"{}"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
            self.assertEqual(connection.getresponse().status, 400)
        for length in ("x", "-1", "1_0", ""):
            with self.server.connection() as connection:
                connection.putrequest("POST", COMPLETIONS)
                connection.putheader("Content-Length", length)
                connection.endheaders()
                self.assertEqual(connection.getresponse().status, 400, length)

    def test_a_body_that_is_too_long(self):
        for size in ((1 << 20) + 1, 5 << 20):
            status, _, body = self.server.request("POST", COMPLETIONS, b'"' * size)
            self.assertEqual((status, json.loads(body)["error"]["type"]), (413, "invalid_request_error"))
        with self.server.connection() as connection:  # announced and never sent: refused at once, not waited for
            connection.putrequest("POST", COMPLETIONS)
            connection.putheader("Content-Length", str(1 << 60))
            connection.endheaders()
            connection.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.getresponse().status, 413)
        padded = json.dumps({"prompt": "x", "max_tokens": 1}).ljust(1 << 20)
        self.assertEqual(self.server.request("POST", COMPLETIONS, padded)[0], 200)

    def test_clients_that_go_away_leave_the_server_well(self):
        for cut in (b"POST /v1/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", b"GET /hea", b"\x00\xff\r\n\r\n", b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.server.port)) as raw:
                raw.sendall(cut)
        with self.server.connection() as connection:  # in the middle of a stream
            connection.request("POST", COMPLETIONS, json.dumps({"prompt": STORY, "max_tokens": 600, "stream": True}))
            connection.getresponse().read(100)
        self.assertEqual(self.server.request("GET", "/healthz")[0], 200)

    def test_a_connection_serves_many_requests(self):
        with self.server.connection() as connection:
            for _ in range(3):
                connection.request("POST", COMPLETIONS, json.dumps({"prompt": STORY, "max_tokens": 2}))
                response = connection.getresponse()
                self.assertEqual((response.status, len(json.loads(response.read())["choices"])), (200, 1))

    def test_many_at_once_get_what_each_gets_alone(self):
        def ask(number):
            choice, = self.server.complete(prompt=f"{STORY} {number}", max_tokens=40, seed=number, logprobs=2)["choices"]
            return choice["text"], choice["logprobs"]

        alone = [ask(number) for number in range(12)]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            self.assertEqual(list(pool.map(ask, range(12))), alone)


class Fields(unittest.TestCase):
    def test_no_body_is_more_than_a_bad_request(self):
        """20,000 bodies, changed at up to 4 places or with members exchanged; fixed seed, nothing is left to chance."""
        random_ = random.Random(1)
        whole = {"model": "m", "prompt": [1, 2], "max_tokens": 5, "temperature": .5, "top_p": .9, "top_k": 3, "min_p": .1, "n": 2, "seed": 7,
                 "stop": ["a", "b"], "stream": True, "stream_options": {"include_usage": True}, "echo": False, "logprobs": 3,
                 "logit_bias": {"5": -1}, "return_token_ids": True, "user": "u", "best_of": 1, "verdigris_account": "a", "verdigris_mark": 1,
                 "messages": [{"role": "user", "content": [{"type": "text", "text": "t"}]}]}
        values = [None, True, False, 0, -1, 10**30, 1e308, "", "\ud800", "x" * 300, [], [[]], [None], {}, {"a": {}}, [{"role": []}], 10**400]
        accepted = 0
        for number in range(20000):
            chat = number % 2 == 1
            members = {name: value for name, value in whole.items() if name not in (("prompt", "echo") if chat else ("messages",))}
            if chat:
                members["logprobs"] = True
            if number % 4 < 2:
                for _ in range(random_.randrange(3)):
                    members[random_.choice([*members, "unknown", "\ud800"])] = random_.choice(values)
                body = json.dumps(members).encode()
            else:
                changed = bytearray(json.dumps(members).encode())
                for _ in range(random_.randrange(5)):
                    changed[random_.randrange(len(changed))] = random_.choice(b'{}[]",:0123456789.eE-+ \\\x00\xff')
                body = bytes(changed)
            try:
                request = fields.parse_request(body, chat=chat, name="pocket", vocab=4096, max_tokens=100, max_bias=100.0,
                                               accounts=number % 8 < 7)
            except fields.BadRequest as refusal:
                f"{refusal} {refusal.param}".encode()
            else:
                accepted += 1
                self.assertTrue(0 <= request.temperature <= 2 and 1 <= request.n <= 128 and 0 <= request.max_tokens <= 100)
        self.assertGreater(accepted, 2000)
        self.assertLess(accepted, 18000)


class SlowReaders(unittest.TestCase):
    """At a server in this process, for one answer at a time, whose sockets hold little."""

    def setUp(self):
        model = models.load("pocket")
        model.parallel = 1
        self.server = http.Server(("127.0.0.1", 0), http.Settings(name="pocket", model=model, opened=None, api_keys=None, seed=1, max_tokens=4096,
                                                                  max_body=1 << 20, queue=2, expose=False))
        self.server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        thread = threading.Thread(target=http.serve, args=(self.server, lambda: None))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)

    def ask(self, **members):
        """A connection whose answer waits to be read."""
        reader = socket.socket()
        self.addCleanup(reader.close)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(60)
        reader.connect(self.server.server_address)
        body = json.dumps({"prompt": STORY, "logprobs": 20, "logit_bias": {str(POCKET.eos_id): -100}, **members}).encode()
        reader.sendall(b"POST /v1/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self.assertEqual(reader.recv(12), b"HTTP/1.1 200")
        return reader

    def test_a_whole_answer_keeps_no_place(self):
        slow = self.ask(max_tokens=400)
        quick = self.ask(max_tokens=1)  # which would wait behind it
        self.assertIn(b'"finish_reason":"length"', self.rest(quick, lambda got: b'"usage"' in got))
        self.assertIn(b'"usage"', self.rest(slow, lambda got: b'"usage"' in got))

    def test_a_stream_waits_so_long_in_all(self):
        with unittest.mock.patch.object(http, "WRITE_SECONDS", 1):
            slow = self.ask(max_tokens=4096, stream=True)

            def sip():
                with contextlib.suppress(OSError):
                    while slow.recv(16):
                        time.sleep(.05)

            thread = threading.Thread(target=sip)
            thread.start()
            quick = self.ask(max_tokens=1)
            self.assertIn(b'"finish_reason":"length"', self.rest(quick, lambda got: b'"usage"' in got))
            slow.shutdown(socket.SHUT_RDWR)
            thread.join()

    @staticmethod
    def rest(reader, whole):
        got = b""
        while not whole(got):
            part = reader.recv(1 << 16)
            if not part:
                raise AssertionError("cut")
            got += part
        return got


class Starts(unittest.TestCase):
    def test_a_server_with_a_seed_repeats_itself_in_any_order(self):
        def texts(server, prompt, times):
            return [server.complete(prompt=prompt, max_tokens=20)["choices"][0]["text"] for _ in range(times)]

        with Server("--unmarked", "--seed", "7") as server:
            one, other = texts(server, "One", 3), texts(server, "Two", 2)
        with Server("--unmarked", "--seed", "7") as server:
            self.assertEqual([texts(server, "Two", 1)[0], *texts(server, "One", 3), texts(server, "Two", 1)[0]], [other[0], *one, other[1]])
        self.assertEqual(len({*one, *other}), 5)
        self.assertEqual(server.process.returncode, 0)
        self.assertIn("listening on http://127.0.0.1:", server.errors)

    def test_above_the_queue_requests_are_turned_away(self):
        with Server("--unmarked", "--queue", "1") as server, server.connection() as connection:
            connection.request("POST", COMPLETIONS, json.dumps({"prompt": STORY, "max_tokens": 4096, "stream": True,
                                                                "logit_bias": {str(POCKET.eos_id): -100}}))
            response = connection.getresponse()
            response.read(100)  # it is being answered
            status, headers, body = server.request("POST", COMPLETIONS, '{"max_tokens":1}')
            self.assertEqual((status, headers["Retry-After"], json.loads(body)["error"]["code"]), (503, "1", "queue_full"))
            self.assertEqual(server.request("GET", "/healthz")[0], 200)
            response.close()
            connection.close()
            end = time.monotonic() + 30
            while server.request("POST", COMPLETIONS, '{"max_tokens":1}')[0] == 503:
                self.assertLess(time.monotonic(), end)
                time.sleep(.05)

    def test_api_keys(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "keys")
            path.write_text("".join(f"{hashlib.sha256(key).hexdigest()} acct-{n}\n" for n, key in enumerate((b"first", b"second"))))
            with Server("--unmarked", "--api-keys", path) as server:
                self.assertEqual(server.request("GET", "/healthz")[0], 200)
                for headers in ({}, {"Authorization": "Bearer third"}, {"Authorization": "first"}, {"Authorization": "Bearer "}):
                    for method, way in (("GET", "/v1/models"), ("POST", COMPLETIONS)):
                        status, _, body = server.request(method, way, "{}", headers)
                        self.assertEqual((status, json.loads(body)["error"]["code"]), (401, "invalid_api_key"))
                for key in ("first", "second"):
                    server.complete(headers={"Authorization": f"Bearer {key}"}, max_tokens=1)
            self.assertNotIn("first", server.errors)

    def test_starts_that_fail_say_why(self):
        with tempfile.TemporaryDirectory() as folder:
            bad = pathlib.Path(folder, "keys")
            bad.write_text("secret label\n")
            twice, empty, long, shared = (pathlib.Path(folder, name) for name in ("twice", "empty", "long", "shared"))
            twice.write_text(f"{'a' * 64} label\n{'a' * 64} other\n")
            empty.write_text("")
            long.write_bytes(b"a" * (accounts.MAX_FILE_BYTES + 1))
            shared.write_text(f"{'a' * 64} label\n")
            shared.chmod(0o666)
            rows = [
                ((), 2, "required"), (("--unmarked", "--queue", "0"), 2, "at least 1"),
                (("--unmarked", "--port", "65536"), 2, "65535"), (("--unmarked", "--model", "/nowhere"), 3, "/nowhere: no such file or folder"),
                (("--unmarked", "--model", bad), 3, "neither a folder nor a GGUF file"),
                (("--unmarked", "--api-keys", bad), 3, "keys:1:"), (("--unmarked", "--api-keys", "/nowhere"), 3, "/nowhere"),
                (("--unmarked", "--api-keys", twice), 3, "twice:2: this key is there twice"), (("--unmarked", "--api-keys", empty), 3, "has no keys"),
                (("--unmarked", "--api-keys", long), 3, "larger than"),
                (("--unmarked", "--api-keys", shared), 3, "shared: mode 0666 lets others write it"),
                (("--unmarked", "--host", "203.0.113.1"), 3, "error"),
            ]
            for flags, code, message in rows:
                with self.subTest(flags=flags):
                    done = subprocess.run([sys.executable, "-m", "verdigris.serve", *map(str, flags)], capture_output=True, text=True, timeout=60)
                    self.assertEqual(done.returncode, code)
                    self.assertIn(message, done.stderr)
                    self.assertNotIn("Traceback", done.stderr)

    def test_models_whose_package_is_not_there_name_it(self):
        with tempfile.TemporaryDirectory() as folder:
            model = pathlib.Path(folder, "model.gguf")
            model.write_bytes(b"GGUF")
            pathlib.Path(folder, "tokenizer.json").write_bytes(b"{}")
            for name, module, packages in ((model, "llama_cpp", "llama-cpp-python"), (folder, "torch", "torch transformers")):
                # None is how Python is told that a module is not there.
                program = f"import sys; sys.modules[{module!r}] = None; from verdigris.serve import main; sys.exit(main(sys.argv[1:]))"
                done = subprocess.run([sys.executable, "-c", program, "--unmarked", "--model", str(name)], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(f"needs {module}, which cannot be imported: pip install {packages}\n", done.stderr.replace("and other folders need ", "needs "))


if __name__ == "__main__":
    unittest.main()
