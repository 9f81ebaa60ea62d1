"""The server: routes, admission, and what clients can do wrong."""

import collections
import contextlib
import dataclasses
import http.server
import io
import json
import os
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import verdigris
from verdigris import serving
from verdigris.serving import fields, models, shapes, writer
from verdigris.serving.accounts import ApiKeys

IDLE_SECONDS = 60  # without a byte from a client
WRITE_SECONDS = 60  # that an answer waits for its reader, in all
MAX_CONNECTIONS = 256
MAX_DRAINED_BYTES = 16 << 20  # of a refused body
DRAIN_SECONDS = 5
MAX_PROMPT_TOKENS = 1 << 15
MAX_BIAS = 100.0
ROUTES = {("GET", "/v1/models"), ("GET", "/healthz"), ("GET", "/metrics"), ("POST", "/v1/completions"), ("POST", "/v1/chat/completions")}
KINDS = {400: "invalid_request_error", 401: "authentication_error", 404: "invalid_request_error", 413: "invalid_request_error",
         500: "server_error", 503: "overloaded_error"}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the server was started with. opened: how answers are marked; None: they are not."""

    name: str
    model: models.Model
    opened: serving.Serving | None
    api_keys: ApiKeys | None
    seed: int | None
    max_tokens: int
    max_body: int
    queue: int
    expose: bool


class Refused(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


class Admission:
    """At most `queue` requests at once, of which `parallel` at work."""

    def __init__(self, queue: int, parallel: int) -> None:
        self._places = threading.Semaphore(queue)
        self._work = threading.Semaphore(parallel)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Refused(503, "the queue is full, try again later", code="queue_full")
        try:
            with self._work:
                yield
        finally:
            self._places.release()


class Metrics:
    """Counts, in the text form of Prometheus. No label has anything of a client's."""

    def __init__(self) -> None:
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()
        self._lock = threading.Lock()

    def add(self, name: str, labels: str, count: int = 1) -> None:
        with self._lock:
            self._counts[name, labels] += count

    def text(self) -> str:
        with self._lock:
            counts = sorted(self._counts.items())
        lines, before = [], ""
        for (name, labels), count in counts:
            if name != before:
                lines.append(f"# TYPE {name} counter")
                before = name
            lines.append(f"{name}{{{labels}}} {count}")
        return "".join(line + "\n" for line in lines)


class Server(http.server.ThreadingHTTPServer):
    """One thread a connection, MAX_CONNECTIONS of them."""

    request_queue_size = 128

    def __init__(self, address: tuple[str, int], settings: Settings) -> None:
        self.settings = settings
        self.seeds = writer.Seeds(settings.seed)
        self.admission = Admission(settings.queue, settings.model.parallel)
        self.metrics = Metrics()
        self.stopping = threading.Event()
        self._connections = threading.Semaphore(MAX_CONNECTIONS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without the look-up of the host's name that HTTPServer adds
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):  # clients that go away are no news
            _report(error)


class Patient(io.RawIOBase):
    """What an answer is written to. All its writes together wait WRITE_SECONDS for the client, however little it reads at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.begin()

    def begin(self) -> None:
        """Another answer."""
        self._left: float = WRITE_SECONDS

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._left <= 0:
            raise TimeoutError("the client reads too slowly")
        reading, start = self._connection.gettimeout(), time.monotonic()
        self._connection.settimeout(self._left)
        try:
            self._connection.sendall(data)  # whose timeout is that of the whole
            self._left -= time.monotonic() - start
        except OSError:
            self._left = 0  # what went out of this is not known, so nothing may follow
            raise
        finally:
            self._connection.settimeout(reading)
        return len(data)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = f"verdigris/{verdigris.__version__}"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    _unread = False
    _status = 0

    def setup(self) -> None:
        super().setup()
        self._writer = Patient(self.connection)
        self.wfile = io.BufferedWriter(self._writer, 1 << 16)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request line can hold what a person wrote."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself finds wrong, in the same form as the rest."""
        status = 404 if code == HTTPStatus.NOT_IMPLEMENTED else 400
        self.close_connection = self._unread = True
        self._send_error(Refused(status, f"no such method: {self.command}" if status == 404 else message or "bad request"))

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        self._status = 0
        self._writer.begin()
        path = self.path.partition("?")[0]
        try:
            try:
                self._route(method, path)
            except fields.BadRequest as refusal:
                raise Refused(400, str(refusal), refusal.param) from None
        except Refused as refusal:
            self._send_error(refusal)
        except OSError:  # the client is gone, or too slow
            self.close_connection = True
        except Exception as error:  # noqa: BLE001: whatever it is, the client gets an answer and the server goes on
            _report(error)
            self._send_error(Refused(500, "internal error"))
        route = path if (method, path) in ROUTES else "other"
        self.server.metrics.add("verdigris_http_requests_total", f'route="{route}",status="{self._status}"')

    def _route(self, method: str, path: str) -> None:
        settings = self.server.settings
        body = self._body() if method == "POST" else b""
        if (method, path) not in ROUTES:
            raise Refused(404, f"no such route: {method} {path[:200]}")
        label = None
        if settings.api_keys is not None and path.startswith("/v1/"):
            label = settings.api_keys.label_of(self.headers.get("Authorization"))
            if label is None:
                raise Refused(401, "the request has no valid API key", code="invalid_api_key")
        if path == "/healthz":
            self._send(200, "text/plain; charset=utf-8", b"ok\n")
        elif path == "/metrics":
            opened = settings.opened
            text = self.server.metrics.text() + (opened.metrics.text(opened.audit.failing) if opened is not None else "")
            self._send(200, "text/plain; version=0.0.4; charset=utf-8", text.encode())
        elif path == "/v1/models":
            self._send_json(200, {"object": "list", "data": [{"id": settings.name, "object": "model", "created": 0, "owned_by": "verdigris"}]})
        else:
            self._complete(body, path == "/v1/chat/completions", label)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") is not None or not (length.isascii() and length.isdigit()):
            raise self._unread_body(400, "a body must come with Content-Length")
        if len(length) > 18 or int(length) > self.server.settings.max_body:
            raise self._unread_body(413, f"the body is longer than {self.server.settings.max_body} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionResetError("the body was cut short")
        return body

    def _unread_body(self, status: int, message: str) -> Refused:
        self.close_connection = self._unread = True
        return Refused(status, message)

    def finish(self) -> None:
        """Where a body was refused, it is read and thrown away, or the client would not get to read the refusal."""
        if self._unread:
            with contextlib.suppress(OSError):
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_WR)
                self.connection.settimeout(1)
                left, end = MAX_DRAINED_BYTES, time.monotonic() + DRAIN_SECONDS
                while left > 0 and time.monotonic() < end and (got := self.rfile.read1(1 << 16)):
                    left -= len(got)
        super().finish()

    def _complete(self, body: bytes, chat: bool, label: str | None) -> None:
        settings = self.server.settings
        model, opened = settings.model, settings.opened
        request = fields.parse_request(body, chat=chat, name=settings.name, vocab=model.vocab, max_tokens=settings.max_tokens, max_bias=MAX_BIAS,
                                       accounts=opened is not None)
        begin = self._admitted(opened, request, label) if opened is not None else None
        with self.server.admission.place():
            try:
                ids = model.ids_of(request.prompt)
                request = self._fitting(request, ids)
                choices = writer.choices_of(model, request, ids, self.server.seeds, begin)
            except models.BadPrompt as refusal:
                raise self._bad_prompt(chat, str(refusal)) from None
            form = shapes.Shapes(model, request, ids, settings.expose)
            whole = None
            try:
                if request.stream:
                    self._stream(request, form, choices)
                else:
                    whole = form.whole([(list(choice.chunks(self._go_on)), choice.ids, choice.finish) for choice in choices])
            finally:
                for choice in choices:
                    choice.close()
        self.server.metrics.add("verdigris_tokens_total", 'kind="prompt"', len(ids))
        for choice in choices:
            self.server.metrics.add("verdigris_tokens_total", 'kind="answer"', len(choice.ids))
        if whole is not None:  # sent without a place, which a slow reader would keep from others
            self._send_json(200, whole)

    def _bad_prompt(self, chat: bool, why: str) -> Refused:
        return Refused(400, f"the prompt {why}", "messages" if chat else "prompt")

    def _fitting(self, request: fields.Request, ids: list[int]) -> fields.Request:
        """An answer ends where the model's context does."""
        context = self.server.settings.model.context
        limit = MAX_PROMPT_TOKENS if context is None else min(context - 1, MAX_PROMPT_TOKENS)  # a start of text may come before
        if len(ids) > limit:
            raise self._bad_prompt(request.chat, f"has {len(ids)} tokens, the limit is {limit}")
        return request if context is None else dataclasses.replace(request, max_tokens=min(request.max_tokens, context - 1 - len(ids)))

    def _admitted(self, opened: serving.Serving, request: fields.Request, label: str | None) -> Callable[[int], serving.Sequence]:
        """How the answers of a request begin that the configuration admits; raises Refused, with the class as its code."""
        account = request.account
        if label is not None and opened.config.source == "gateway":  # this server is the gateway then, and the client's own word is dropped
            account = {**account, "verdigris_account": label}
        asked = serving.Request(fields=account, temperature=request.temperature, greedy=request.temperature == 0, logit_bias=request.bias)

        def begin(index: int) -> serving.Sequence:
            try:
                return opened.begin(asked, index=index)
            except serving.Refused as refusal:
                raise Refused(refusal.status, str(refusal), code=refusal.kind) from None

        try:
            opened.admit(asked)
        except serving.Refused as refusal:
            raise Refused(refusal.status, str(refusal), code=refusal.kind) from None
        return begin

    def _go_on(self) -> bool:
        if self.server.stopping.is_set():
            raise Refused(503, "the server is stopping")
        return True

    def _stream(self, request: fields.Request, form: shapes.Shapes, choices: list[writer.Choice]) -> None:
        self.close_connection = True
        self._start(200, "text/event-stream", [("Cache-Control", "no-cache"), ("Connection", "close")])

        def event(body: dict[str, Any] | None) -> None:
            if body is not None:
                self.wfile.write(b"data: " + _json(body) + b"\n\n")
                self.wfile.flush()

        try:
            for index, choice in enumerate(choices):
                event(form.first(index))
                for chunk in choice.chunks(self._go_on):
                    event(form.part(index, chunk))
                event(form.last(index, choice.finish))
            if request.include_usage:
                event(form.usage_part(sum(len(choice.ids) for choice in choices)))
        except OSError:
            raise
        except Refused as refusal:  # the status is out already; without [DONE] the client knows
            event(shapes.error_body(str(refusal), KINDS[refusal.status], code=refusal.code))
            return
        except Exception as error:  # noqa: BLE001: as above
            _report(error)
            event(shapes.error_body("internal error", KINDS[500]))
            return
        self.wfile.write(b"data: [DONE]\n\n")
        self.wfile.flush()

    def _start(self, status: int, content_type: str, headers: list[tuple[str, str]]) -> None:
        self._status = status
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, content_type: str, body: bytes, headers: list[tuple[str, str]] | None = None) -> None:
        all_headers = [("Content-Length", str(len(body))), *(headers or [])]
        if self.close_connection:
            all_headers.append(("Connection", "close"))
        self._start(status, content_type, all_headers)
        self.wfile.write(body)
        self.wfile.flush()

    def _send_json(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]] | None = None) -> None:
        self._send(status, "application/json", _json(body), headers)

    def _send_error(self, refusal: Refused) -> None:
        headers = []
        if refusal.status == 503:
            headers.append(("Retry-After", "1"))
        if refusal.status == 401:
            headers.append(("WWW-Authenticate", "Bearer"))
        with contextlib.suppress(OSError):
            self._send_json(refusal.status, shapes.error_body(str(refusal), KINDS[refusal.status], refusal.param, refusal.code), headers)


def _report(error: BaseException) -> None:
    """To the operator: what and where. Messages of the libraries hold nothing of a request; others might."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = str(error) if isinstance(error, verdigris.Error) else type(error).__name__
    print(f"verdigris-serve: error: {what} ({os.path.basename(frame.filename)}:{frame.lineno})", file=sys.stderr, flush=True)


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def serve(server: Server, on_listening: Callable[[], None]) -> None:
    """Answers until the server is shut down."""
    on_listening()
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.stopping.set()
        server.server_close()
