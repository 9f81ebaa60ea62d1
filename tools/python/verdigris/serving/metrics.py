"""Counters as Prometheus text. No account stands in a label."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator

from verdigris.serving.audit import STATES

OUTCOMES = ("marked", "unmarked", "ended", "refused")
_WARN_TOKENS = 2_000_000


class Metrics:
    """What one process counts. Any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._positions = dict.fromkeys(STATES, 0)
        self._requests = dict.fromkeys(OUTCOMES, 0)
        self._errors: dict[int, int] = {}
        self._mark_seconds, self._mark_count = 0.0, 0
        self._tokens: dict[str, int] = {}

    def answer(self, outcome: str, states: dict[str, int] | None = None) -> None:
        with self._lock:
            self._requests[outcome] += 1
            for state, count in (states or {}).items():
                self._positions[state] += count

    def account_tokens(self, label: str, tokens: int) -> bool:
        """Counts tokens under a key of an account; True the first time that they pass the 2,000,000 at which it should be rotated."""
        with self._lock:
            before = self._tokens.get(label, 0)
            self._tokens[label] = before + tokens
            return before < _WARN_TOKENS <= before + tokens

    def error(self, code: int) -> None:
        with self._lock:
            self._errors[code] = self._errors.get(code, 0) + 1

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """A step of marking."""
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            with self._lock:
                self._mark_seconds += seconds
                self._mark_count += 1

    def text(self, audit_failing: bool) -> str:
        with self._lock:
            lines = ["# TYPE verdigris_positions_total counter"]
            lines += [f'verdigris_positions_total{{state="{state}"}} {count}' for state, count in self._positions.items()]
            lines.append("# TYPE verdigris_requests_total counter")
            lines += [f'verdigris_requests_total{{outcome="{outcome}"}} {count}' for outcome, count in self._requests.items()]
            lines.append("# TYPE verdigris_errors_total counter")
            lines += [f'verdigris_errors_total{{code="{code}"}} {count}' for code, count in sorted(self._errors.items())]
            lines += ["# TYPE verdigris_mark_seconds summary", f"verdigris_mark_seconds_sum {self._mark_seconds:.9f}",
                      f"verdigris_mark_seconds_count {self._mark_count}",
                      "# TYPE verdigris_account_tokens_max gauge", f"verdigris_account_tokens_max {max(self._tokens.values(), default=0)}",
                      "# TYPE verdigris_audit_failing gauge", f"verdigris_audit_failing {int(audit_failing)}"]
        return "\n".join(lines) + "\n"


class Endpoint:
    """Serves the text at /metrics, in a thread. Raises OSError where the address is taken."""

    def __init__(self, address: tuple[str, int], text: Callable[[], str]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                if self.path.partition("?")[0] != "/metrics":
                    self.send_error(404)
                    return
                body = text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(address, Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True, name="verdigris-metrics").start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
