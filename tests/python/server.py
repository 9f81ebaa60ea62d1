"""A running verdigris-serve, and requests to it."""

import contextlib
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import time


class Server:
    """Started with some flags, ended with the block."""

    def __init__(self, *flags):
        self.flags = flags

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        ready = pathlib.Path(self._folder.name, "port")
        program = pathlib.Path(sys.executable).parent / "verdigris-serve"
        self.process = subprocess.Popen([program, "--ready-file", ready, *self.flags], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise RuntimeError(f"the server does not start: {self.errors}")
            time.sleep(.02)
        self.port = int(ready.read_text())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.errors = self.process.communicate(timeout=20)[1]
        finally:
            self.process.kill()
        self._folder.cleanup()

    @contextlib.contextmanager
    def connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)  # a real model on a busy machine
        try:
            yield connection
        finally:
            connection.close()

    def request(self, method, path, body=None, headers=None):
        """Status, headers, body."""
        with self.connection() as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def post(self, path, members, headers=None):
        """Status and the JSON of the answer."""
        status, _, body = self.request("POST", path, json.dumps(members), headers)
        return status, json.loads(body)

    def complete(self, headers=None, **members):
        """The answer to a completion that must succeed."""
        status, answer = self.post("/v1/completions", members, headers)
        if status != 200:
            raise AssertionError(f"{status}: {answer}")
        return answer

    def chat(self, **members):
        status, answer = self.post("/v1/chat/completions", members)
        if status != 200:
            raise AssertionError(f"{status}: {answer}")
        return answer

    def events(self, path, **members):
        """The events of a stream, which must end with [DONE]."""
        status, headers, body = self.request("POST", path, json.dumps({**members, "stream": True}))
        if status != 200 or headers["Content-Type"] != "text/event-stream":
            raise AssertionError(f"{status}: {body}")
        lines = body.decode().split("\n\n")
        if lines[-2:] != ["data: [DONE]", ""]:
            raise AssertionError("no [DONE] at the end")
        return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
