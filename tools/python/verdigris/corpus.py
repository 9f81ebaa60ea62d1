"""Corpora by engines: Spark, Ray, datatrove or any other decides who does which unit; `verdigris merge` puts the units together.

    verdigris scan -n --profile p.json --key k.key --tokenizer t.model -o run 'cc/*.zst'

    cfg = Config(run="run", keys=["/run/secrets/k.key"], tokenizer="t.model")
    for unit_id, body in scan_units(load_units("run/units.jsonl"), cfg): ...

A body is, byte for byte, the unit file that `verdigris scan` would write. Work that is done twice gives equal rows, and merge keeps
one. A Config has paths and no secrets: keys are opened where the work is done, and compared with the run by their public names.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from verdigris import _native
from verdigris.errors import Error, InvalidArgument, Io, Mismatch, NotFound, Unsupported

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Config", "ScanStep", "UnitScanner", "load_units", "scan_table", "scan_table_arrow", "scan_units", "scan_units_arrow", "scan_units_json",
           "start_table"]

_log = logging.getLogger(__name__)
Path = str | os.PathLike[str]
# What is wrong with one input and not with the run: those that the command line reports before it goes on.
_OF_AN_INPUT = (Io, Mismatch, NotFound, Unsupported)


@dataclasses.dataclass(frozen=True)
class Config:
    """Where a worker finds what it needs: paths on that worker.

    run           the run directory that `verdigris scan -n` or start_table made; a copy of it without done/ will do
    keys          key files; `passphrase_file` if they are protected
    tokenizer     the tokenizer's file, if it is not where the profile's is
    base          folder that URIs are relative to, if another than the run's
    ignore_mtime  inputs may be copies with other times
    memory        bytes for the states of groups, before they are spilled into `spill_folder`
    on_error      "go-on": an input that cannot be read is logged and left out, and merge names what is missing; "stop": it is raised,
                  so that the engine tries again
    """

    run: str
    keys: tuple[str, ...]
    tokenizer: str = ""
    profile: str = ""
    stop_list: str = ""
    passphrase_file: str = ""
    base: str = ""
    ignore_mtime: bool = False
    without_selector: bool = False
    insecure_permissions: bool = False
    allow_tokenizer_mismatch: bool = False
    memory: int = 1 << 30
    spill_folder: str = ""
    on_error: str = "go-on"

    def __post_init__(self) -> None:
        if isinstance(self.keys, (str, bytes, os.PathLike)):
            raise InvalidArgument("keys must be a list of paths")
        object.__setattr__(self, "keys", tuple(os.fspath(key) for key in self.keys))
        for name in ("run", "tokenizer", "profile", "stop_list", "passphrase_file", "base", "spill_folder"):
            object.__setattr__(self, name, os.fspath(getattr(self, name)))
        if self.on_error not in ("go-on", "stop"):
            raise InvalidArgument(f"on_error must be 'go-on' or 'stop', got {self.on_error!r}")


def load_units(path: Path) -> list[str]:
    """A line for each piece of work that can be done alone: a segment, or an input whose segments cannot be had one by one."""
    return _native.load_units(os.fspath(path))


def scan_units(lines: Iterable[str], config: Config) -> Iterator[tuple[str, bytes]]:
    """(unit_id, body) of every unit of these lines, a unit at a time."""
    corpus = _corpus(config)
    for line in lines:
        try:
            yield from _native.Units(corpus, line)
        except _OF_AN_INPUT as error:
            if config.on_error == "stop":
                raise
            _log.error("left out: %s", error)


def scan_units_json(lines: Iterable[str], config: Config) -> Iterator[str]:
    """The same as JSON lines, bodies in base64: for what has no column of bytes."""
    for unit_id, body in scan_units(lines, config):
        yield _json_line(unit_id, body)


def scan_units_arrow(config: Config, column: str = "unit") -> Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
    """For mapInArrow of Spark: from batches with a column of lines to batches of one unit each, "unit_id string, body binary"."""

    def scan(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        for batch in batches:
            for unit_id, body in scan_units(batch.column(column).to_pylist(), config):
                yield _rows([(unit_id, body)]).to_batches()[0]

    return scan


class UnitScanner:
    """For map_batches of Ray Data, batch_format="pyarrow": one a worker."""

    def __init__(self, config: Config, column: str = "unit") -> None:
        self._config = config
        self._column = column
        _corpus(config)  # what is wrong with keys or run shows before the first batch

    def __call__(self, batch: pyarrow.Table) -> Iterator[pyarrow.Table]:
        for unit_id, body in scan_units(batch.column(self._column).to_pylist(), self._config):
            yield _rows([(unit_id, body)])


class ScanStep:
    """A pipeline of datatrove by itself: rank i of n does shard i/n of the run, into its directory, and yields nothing."""

    def __init__(self, config: Config, threads: int = 1) -> None:
        self.config = config
        self.threads = threads

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        failures = _corpus(self.config).scan_shard(rank, world_size, self.threads)
        for uri, code, reason in failures:
            _log.error("left out: %s: %s (%s)", uri, reason, code)
        if failures and self.config.on_error == "stop":
            raise Error(f"{len(failures)} inputs failed, the first: {failures[0][0]}: {failures[0][2]}")
        yield from ()

    __call__ = run


def scan_table(rows: Any, config: Config, segment: int | None = None) -> tuple[str, bytes]:
    """(unit_id, body) of the rows of one segment of a table: all that have the same crc32(id) mod P.

    `rows` is Arrow data (anything with __arrow_c_stream__ or __arrow_c_array__), or an iterable of such data or of mappings, in any
    order. Its columns are those that the run was started with. Rows that are equal count once; an id with two texts fails, and is
    counted as duplicate_id. A segment that no row fell into is a unit too: scan_table([], config, segment=7).
    """
    table = _native.Table(_corpus(config))
    if _is_arrow(rows):
        table.add_arrow(rows)
    else:
        columns = table.columns
        for row in rows:
            if _is_arrow(row):
                table.add_arrow(row)
            else:
                table.add_row([_bytes(row[name]) for name in columns])
    return table.finish(segment)


def scan_table_arrow(config: Config) -> Callable[[pyarrow.Table], pyarrow.Table]:
    """For groupBy("segment").applyInArrow of Spark: from the rows of a segment to one row, "unit_id string, body binary"."""

    def scan(rows: pyarrow.Table) -> pyarrow.Table:
        return _rows([scan_table(rows, config)])

    return scan


def start_table(run: Path, name: str, segments: int, *, profile: Path, keys: Iterable[Path], tokenizer: Path = "", text_bytes: int = 0,
                **options: Any) -> None:
    """Makes the directory of a run over a table without files; like `verdigris scan -n`, but for a table.

    The table has this name from then on, and the column `segment`, crc32(id) mod `segments`, says which rows go together.
    `text_bytes`, an estimate, decides how finely groups are sampled. `options` are those of the command line with underscores:
    text_field, id_field, group_by, tau, variants, stop_list, ...
    """
    arguments = _native.ScanArguments()
    arguments.output, arguments.profile, arguments.tokenizer = os.fspath(run), os.fspath(profile), os.fspath(tokenizer)
    arguments.keys = [os.fspath(key) for key in keys]
    for option, value in options.items():
        if option.startswith("_") or not hasattr(arguments, option):
            raise InvalidArgument(f"there is no option {option}")
        setattr(arguments, option, value if isinstance(value, bool) else str(value))
    _native.start_table(arguments, name, segments, text_bytes)


@functools.lru_cache(maxsize=4)
def _loaded(config: Config, process: int) -> _native.Corpus:
    arguments = _native.ScanArguments()
    arguments.output = config.run
    arguments.keys = list(config.keys)
    for name in ("tokenizer", "profile", "stop_list", "passphrase_file", "base", "ignore_mtime", "without_selector", "insecure_permissions",
                 "allow_tokenizer_mismatch"):
        setattr(arguments, name, getattr(config, name))
    return _native.Corpus(arguments, config.spill_folder or tempfile.gettempdir(), config.memory)


def _corpus(config: Config) -> _native.Corpus:
    """Keys, profile and tokenizer, read once a process."""
    return _loaded(config, os.getpid())


def _json_line(unit_id: str, body: bytes) -> str:
    return json.dumps({"unit_id": unit_id, "body": base64.b64encode(body).decode()})


def _rows(rows: list[tuple[str, bytes]]) -> pyarrow.Table:
    import pyarrow

    schema = pyarrow.schema([("unit_id", pyarrow.string()), ("body", pyarrow.binary())])
    return pyarrow.table([[unit_id for unit_id, _ in rows], [body for _, body in rows]], schema=schema)


def _is_arrow(data: Any) -> bool:
    return hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return str(value).encode()


def _main(arguments: list[str]) -> int:
    import pyarrow.dataset

    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m verdigris.corpus ROWS > rows.jsonl\n\nRows that an engine stored as Parquet, as the JSON lines that merge --rows reads.",
              file=sys.stderr)
        return 2
    for batch in pyarrow.dataset.dataset(arguments[0], format="parquet").to_batches(columns=["unit_id", "body"], batch_size=16):
        for row in batch.to_pylist():
            print(_json_line(row["unit_id"], row["body"]))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
