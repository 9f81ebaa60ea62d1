"""An endpoint that misbehaves as told: what `[mode:argument]` at the start of a prompt says, for each line of
suspect-models.md M10.3. Used by collect_test.py, and by hand:

    python3 hostile_server.py 8000

Every request and every whole body is kept, so that a test can compare what was stored with what was sent.
"""

import hashlib
import json
import re
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VOCABULARY = ["the", " cat", " sat", " on", " a", " mat", " and", " saw", " it", " run", ".", " Then"]


def lists_at(prompt, step, k, temperature, after_temperature):
    """The k best tokens at a step, as [(token, log-probability)]: scores from a hash, softmax at 1 or at the temperature."""
    import math
    seed = hashlib.sha256(f"{prompt}|{step}".encode()).digest()
    scores = [seed[i] / 32 for i in range(len(VOCABULARY))]
    scale = max(temperature, 1e-9) if after_temperature else 1
    top = max(scores)
    weights = [math.exp((score - top) / scale) for score in scores]
    total = sum(weights)
    ranked = sorted(((token, math.log(weight / total) if weight > 0 else -9999.0) for token, weight in zip(VOCABULARY, weights)),
                    key=lambda pair: -pair[1])
    return ranked[:k]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    # ---- what goes out

    def send(self, status, body, headers=()):
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    # ---- answers

    def answer(self, **changes):
        """A good body for the request, with members replaced."""
        request, prompt = self.request_json, self.prompt
        chat = self.path.endswith("/chat/completions")
        steps = min(request.get("max_tokens", 16), 24)
        k = request.get("top_logprobs", 0) if chat else request.get("logprobs", 0)
        temperature = request.get("temperature", 1)
        ranked = [lists_at(prompt, step, max(k, 1), temperature, self.server.after_temperature) for step in range(steps)]
        tokens = [entries[step % len(entries)][0] for step, entries in enumerate(ranked)]
        text = "".join(tokens) + f" {self.server.next_number()}"
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
        if chat:
            choice["message"] = {"role": "assistant", "content": text}
            if k:
                choice["logprobs"] = {"content": [
                    {"token": token, "bytes": list(token.encode()), "logprob": dict(entries)[token],
                     "top_logprobs": [{"token": t, "bytes": list(t.encode()), "logprob": p} for t, p in entries]}
                    for token, entries in zip(tokens, ranked)]}
        else:
            if request.get("echo"):
                words = re.findall(r"\s*\S+", prompt)
                tokens, ranked = words + tokens[:1], [lists_at(prompt, i, max(k, 1), temperature, False) for i in range(len(words) + 1)]
                text = prompt + tokens[-1]
            choice["text"] = text
            if k:
                offsets = [sum(map(len, tokens[:i])) for i in range(len(tokens))]
                own = [dict(entries).get(token, -20.0) for token, entries in zip(tokens, ranked)]
                top = [dict(entries) for entries in ranked]
                if request.get("echo"):
                    own[0], top[0] = None, None
                choice["logprobs"] = {"tokens": tokens, "token_logprobs": own, "text_offset": offsets, "top_logprobs": top}
        body = {"id": "x", "object": "text_completion", "model": request.get("model"), "choices": [choice], "usage": {"completion_tokens": steps}}
        body.update(changes)
        return body

    def finish(self, body):
        """Sends a body that counts as an answer, and keeps it."""
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        with self.server.lock:
            self.server.sent.setdefault(self.prompt, []).append(data)
        self.send(200, data)

    def changed_lists(self, change):
        body = self.answer()
        change(body["choices"][0]["logprobs"])
        self.finish(body)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.request_json = json.loads(self.rfile.read(length))
        messages = self.request_json.get("messages")
        self.prompt = messages[-1]["content"] if messages else self.request_json["prompt"]
        with self.server.lock:
            self.server.requests.append((time.monotonic(), self.prompt, self.request_json, self.headers.get("Authorization", "")))
            count = self.server.counts[self.prompt] = self.server.counts.get(self.prompt, 0) + 1
        match = re.match(r"\[(\w+)(?::([^\]]*))?\]", self.prompt)
        mode, argument = (match.group(1), match.group(2) or "") if match else ("ok", "")
        mode = self.server.override or mode
        try:
            self.respond(mode, argument, count)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def respond(self, mode, argument, count):
        chat = self.path.endswith("/chat/completions")
        if mode == "ok":
            time.sleep(self.server.delay)
            self.finish(self.answer())
        elif mode == "fails":  # [fails:503,2]: that status twice, then an answer
            status, times = (int(x) for x in argument.split(","))
            self.send(status, '{"error":"busy"}') if count <= times else self.finish(self.answer())
        elif mode == "status":
            self.send(int(argument), '{"error":{"message":"no"}}')
        elif mode == "after":  # [after:2]: Retry-After in seconds, once
            self.send(429, "{}", [("Retry-After", argument)]) if count == 1 else self.finish(self.answer())
        elif mode == "afterdate":
            then = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + int(argument)))
            self.send(503, "{}", [("Retry-After", then)]) if count == 1 else self.finish(self.answer())
        elif mode == "quota":
            self.send(int(argument), '{"error":{"code":"insufficient_quota","message":"pay"}}')
        elif mode == "redirect":
            self.send(int(argument), "", [("Location", "http://127.0.0.1:9/elsewhere")])
        elif mode == "logprobs":
            self.send(400, '{"error":{"message":"logprobs must be at most 5"}}')
        elif mode == "reset":
            self.reset() if count <= int(argument or 1) else self.finish(self.answer())
        elif mode == "idle":  # no byte at all, then an answer to the next request
            if count == 1:
                time.sleep(self.server.idle)
                self.reset()
            else:
                self.finish(self.answer())
        elif mode == "drip":  # never idle and never done, then an answer to the next request
            if count > 1:
                return self.finish(self.answer())
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(int(self.server.idle / 0.1)):
                self.wfile.write(b"A: b\r\n")
                self.wfile.flush()
                time.sleep(0.1)
            self.reset()
        elif mode == "headers":  # headers without end, then an answer to the next request
            if count > 1:
                return self.finish(self.answer())
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(1000):
                self.wfile.write(b"A: " + b"b" * 1000 + b"\r\n")
            self.reset()
        elif mode == "slow":  # a few bytes at a time: slow is not idle
            data = json.dumps(self.answer()).encode()
            with self.server.lock:
                self.server.sent.setdefault(self.prompt, []).append(data)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            step = max(1, len(data) // 20)
            for at in range(0, len(data), step):
                self.wfile.write(data[at:at + step])
                self.wfile.flush()
                time.sleep(0.03)
        elif mode == "cut":  # ends before its Content-Length
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b'{"choices":[{"text":"half')
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.close_connection = True
        elif mode == "http09":
            self.wfile.write(b"good day\n")
            self.close_connection = True
        elif mode == "garbage":
            self.send(200, argument or "<html>busy</html>")
        elif mode == "garbage_then":
            self.send(200, "<html>") if count <= 2 else self.finish(self.answer())
        elif mode == "deep":
            self.send(200, "[" * 1_000_000)
        elif mode == "nobody":
            self.send(200, "")
        elif mode == "huge":  # 50 MB of text
            self.send_response(200)
            self.send_header("Content-Length", str(50_000_000))
            self.end_headers()
            self.wfile.write(b'{"choices":[{"text":"')
            for _ in range(50):
                self.wfile.write(b"x" * 1_000_000)
        elif mode == "many":  # 10^5 tokens
            body = self.answer()
            if chat:
                body["choices"][0]["message"]["content"] = " cat" * 100_000
                body["choices"][0]["logprobs"] = {"content": [{"token": " cat", "bytes": None, "logprob": -0.5,
                                                               "top_logprobs": [{"token": " cat", "bytes": None, "logprob": -0.5}]}] * 100_000}
            else:
                body["choices"][0]["text"] = " cat" * 100_000
                body["choices"][0]["logprobs"] = None
            self.finish(body)
        elif mode == "filtered":
            body = self.answer()
            body["choices"][0]["finish_reason"] = "content_filter"
            self.finish(body)
        elif mode == "truncated":
            body = self.answer()
            body["choices"][0]["finish_reason"] = "length"
            self.finish(body)
        elif mode == "empty":
            body = self.answer()
            body["choices"][0].update({"message": {"content": None}} if chat else {"text": ""})
            self.finish(body)
        elif mode == "model":
            self.finish(self.answer(model="another-model"))
        elif mode == "nomodel":
            self.finish(self.answer(model=None))
        elif mode == "nullbytes":
            def change(logprobs):
                for entry in logprobs["content"]:
                    entry["bytes"] = None
                    for top in entry["top_logprobs"]:
                        top["bytes"] = None
            self.changed_lists(change)
        elif mode == "nulllists":
            self.changed_lists(lambda logprobs: [entry.update(top_logprobs=None) for entry in logprobs["content"]])
        elif mode == "unequal":
            self.changed_lists(lambda logprobs: logprobs.update(tokens=["a"], token_logprobs=[], text_offset=[0]))
        elif mode == "nan":
            self.changed_lists(lambda logprobs: [entry["top_logprobs"][0].update(logprob=float("nan")) for entry in logprobs["content"]])
        elif mode == "mass":
            self.changed_lists(lambda logprobs: [top.update(logprob=-0.1) for entry in logprobs["content"] for top in entry["top_logprobs"]])
        elif mode == "nulls":
            self.finish({"model": None, "choices": [{"text": None, "message": {"content": None}, "finish_reason": None, "logprobs": None}]})
        elif mode == "badutf8":
            self.finish(json.dumps(self.answer()).encode().replace(b" cat", b" c\xfft") + b"")
        elif mode == "surrogate":
            self.finish(json.dumps(self.answer()).replace(" cat", " \\ud83d"))
        elif mode == "words":  # members that are far too long
            self.finish(self.answer(model=self.request_json["model"], extra="y" * 2_000_000))
        else:
            self.send(500, "{}")


class HostileServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.lock = threading.Lock()
        self.requests = []  # (time, prompt, body, authorization)
        self.counts = {}    # requests by prompt
        self.sent = {}      # whole bodies by prompt
        self.override = None
        self.delay = 0.0
        self.idle = 3.0
        self.after_temperature = False
        self.number = 0
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, *_):
        pass  # clients that are killed

    def next_number(self):
        with self.lock:
            self.number += 1
            return self.number

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def forget(self):
        with self.lock:
            self.requests.clear()


if __name__ == "__main__":
    server = HostileServer(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(server.url, flush=True)
    threading.Event().wait()
