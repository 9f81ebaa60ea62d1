"""verdigris-serve: a model behind an OpenAI-compatible interface, for tests and demonstrations."""

import argparse
import os
import signal
import sys
import threading

import verdigris
from verdigris import serving
from verdigris.serving import accounts, http, models

EXIT_USAGE, EXIT_INPUT = 2, 3


class ThisServer:
    """How audit lines name it. It is tested with its own version alone."""

    package = "verdigris-serve"
    oldest = newest = verdigris.__version__


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="verdigris-serve",
        description="Serves a language model behind an OpenAI-compatible interface. For tests and demonstrations, not for production.",
        epilog="example: verdigris-serve --unmarked --port 8000")

    def at_least(low: int) -> "type[int]":
        def parse(text: str) -> int:
            value = int(text)
            if value < low:
                raise argparse.ArgumentTypeError(f"must be at least {low}, got {value}")
            return value
        parse.__name__ = "integer"
        return parse  # type: ignore[return-value]

    parser.add_argument("--model", default="pocket", metavar="pocket|FOLDER|FILE.gguf",
                        help="the built-in model, a folder of its form or one of transformers, or a GGUF file (pocket)")
    parser.add_argument("--tokenizer", metavar="FILE", help="of a folder of transformers, instead of the one that lies in it")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--unmarked", action="store_true", help="answers have no mark")
    kind.add_argument("--config", metavar="FILE", help="accounts, policy and audit of this configuration of verdigris.serving")
    parser.add_argument("--api-keys", metavar="FILE", help="lines of SHA-256 of a key and a label, which chooses the account")
    parser.add_argument("--host", default="127.0.0.1", help="(127.0.0.1)")
    parser.add_argument("--port", type=at_least(0), default=0, help="0: a free one (0)")
    parser.add_argument("--ready-file", metavar="FILE", help="gets the port when the server listens")
    parser.add_argument("--seed", type=int, help="makes answers to requests without a seed reproducible")
    parser.add_argument("--max-tokens", type=at_least(1), default=4096, help="most tokens of an answer (4096)")
    parser.add_argument("--max-body", type=at_least(1), default=1 << 20, metavar="BYTES", help="(1048576)")
    parser.add_argument("--queue", type=at_least(1), default=16, help="requests at once, waiting ones included (16)")
    parser.add_argument("--expose", action="store_true", help="answers say what became of each position: only for tests, it tells of the key")
    options = parser.parse_args(arguments)
    if options.port > 65535:
        parser.error(f"--port must be at most 65535, got {options.port}")
    return options


def _settings(options: argparse.Namespace) -> http.Settings:
    model = models.load(options.model, options.tokenizer)
    api_keys = accounts.ApiKeys.load(options.api_keys) if options.api_keys else None
    opened = None
    if options.config:
        opened = serving.open(ThisServer(), "after", path=options.config, argmax=True, version=verdigris.__version__,
                              vocab=model.vocab, tokenizer_sha256=model.tokenizer.sha256)
        if api_keys is not None and opened.config.source not in ("gateway", "none"):
            raise ValueError(f"{options.config}: account.source must be gateway with --api-keys, which choose the account, "
                             f"got {opened.config.source}")
    name = os.path.basename(os.path.abspath(options.model))
    return http.Settings(name=name, model=model, opened=opened, api_keys=api_keys, seed=options.seed,
                         max_tokens=options.max_tokens, max_body=options.max_body, queue=options.queue, expose=options.expose)


def main(arguments: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM."""
    options = _parse(arguments)
    try:
        server = http.Server((options.host, options.port), _settings(options))
    except (verdigris.Error, OSError, ValueError, OverflowError) as error:
        print(f"verdigris-serve: error: {error}", file=sys.stderr)
        return EXIT_INPUT
    port = server.server_address[1]

    def on_listening() -> None:
        print(f"verdigris-serve: listening on http://{options.host}:{port}, {'unmarked' if options.unmarked else 'marked'}",
              file=sys.stderr, flush=True)
        if options.ready_file:
            whole = f"{options.ready_file}.{os.getpid()}"
            with open(whole, "w", encoding="ascii") as file:
                file.write(f"{port}\n")
            os.replace(whole, options.ready_file)

    caught: list[int] = []

    def stop(number: int, _frame: object) -> None:
        caught.append(number)
        server.stopping.set()
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    http.serve(server, on_listening)
    return 130 if signal.SIGINT in caught else 0


if __name__ == "__main__":
    sys.exit(main())
