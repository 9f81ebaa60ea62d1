"""Reading dumps: what a model predicts while it is shown texts (docs/formats/reading.md).

    python -m verdigris.reading_dump --model pocket --k 20 texts.jsonl -o reading.jsonl

The model is the pocket model, a folder of its form, or any causal model that `transformers` can load; torch and
transformers are imported only for the last. Ids are those of the provider's tokenizer, which must be the model's own.
"""

import argparse
import itertools
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

import verdigris
from verdigris import errors

LEAST_LOG_PROBABILITY = -12 * math.log(2)  # of an id that is listed where all are wanted
MAX_K = 1 << 16
MAX_TOKENS = 1 << 15  # of a text, as in the server
Rows = npt.NDArray[np.float64]


class Reader(Protocol):
    """A model that can be shown a text."""

    vocab: int
    bos_id: int | None

    def log_probabilities(self, ids: list[int]) -> Iterator[Rows]:
        """ln p of every id as the next after each of these: parts of [len(ids), vocab], in order."""


class PocketReader:
    """The pocket model, or one of its form."""

    def __init__(self, folder: str | None) -> None:
        self._pocket = verdigris.Pocket(folder)
        self.vocab = self._pocket.vocab
        self.bos_id: int | None = self._pocket.bos_id
        self.tokenizer = self._pocket.tokenizer

    def log_probabilities(self, ids: list[int]) -> Iterator[Rows]:
        for start, new in windows(len(ids), self._pocket.context):
            yield self._pocket.all_log_probabilities(ids[start:new.stop])[new.start - start:]


class TransformersReader:
    """A causal model of Hugging Face transformers, in float32 on the processor."""

    tokenizer = None  # texts must come as ids

    def __init__(self, name: str) -> None:
        try:
            import torch  # type: ignore[import-not-found,unused-ignore]
            from transformers import AutoModelForCausalLM  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise errors.FailedPrecondition(f"{name}: needs {error.name}, which cannot be imported: pip install torch transformers") from None

        self._torch = torch
        try:
            # As in the server, safetensors alone: a pickle runs code of whoever wrote it.
            self._model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, use_safetensors=True).eval()
        except Exception as error:  # noqa: BLE001  of transformers and of what it reads with, which have no class in common
            raise errors.Malformed(f"{name}: transformers does not take it: {(str(error).splitlines() or [type(error).__name__])[0]}") from None
        config = self._model.config.get_text_config()
        self.vocab = int(config.vocab_size)
        self.bos_id: int | None = config.bos_token_id
        self._context = int(getattr(config, "max_position_embeddings", 0)) or 2048

    def log_probabilities(self, ids: list[int]) -> Iterator[Rows]:
        for start, new in windows(len(ids), self._context):
            with self._torch.inference_mode():
                logits = self._model(self._torch.tensor([ids[start:new.stop]])).logits[0, new.start - start:, :self.vocab]
            for row in logits:  # one at a time: twice as wide, those of a window would be gigabytes more
                yield self._torch.log_softmax(row.double(), -1).numpy().reshape(1, -1)


def windows(count: int, context: int) -> Iterator[tuple[int, slice]]:
    """How a text longer than the context is read: where it is full, its older half goes, as in the pocket model.

    Gives the first id that is seen and the ids whose rows are taken from there.
    """
    end = min(count, context)
    yield 0, slice(0, end)
    while end < count:
        start = end - (context - context // 2)
        new_end = min(count, start + context)
        yield start, slice(end, new_end)
        end = new_end


def lists_of(reader: Reader, prompt: list[int], output: list[int], k: int) -> list[list[tuple[int, float]]]:
    """The list at each position of `output`: likeliest first, ties by the smaller id.

    Before the prompt stands the model's start of text, where it has one and the prompt does not begin with it.
    """
    start = [] if reader.bos_id is None or prompt[:1] == [reader.bos_id] else [reader.bos_id]
    before = start + prompt
    if not before:
        raise ValueError("there is neither a prompt nor a start of text, so the first position has no prediction")
    if not output:
        return []
    if len(prompt) + len(output) > MAX_TOKENS:
        raise ValueError(f"the text has {len(prompt) + len(output)} tokens, the limit is {MAX_TOKENS}")
    ids = before + output
    for id in ids:
        if not 0 <= id < reader.vocab:
            raise ValueError(f"token id {id} is not one of the model's {reader.vocab}: this is not its tokenizer")
    rows = itertools.chain.from_iterable(reader.log_probabilities(ids[:-1]))
    return [listed(row, k) for row in itertools.islice(rows, len(before) - 1, None)]


def listed(row: npt.NDArray[np.float64], k: int) -> list[tuple[int, float]]:
    """The k likeliest ids of one row; with k = 0, all of probability 2^-12 or more."""
    if not np.isfinite(row.max()):
        raise ValueError("the model gives probabilities that are no numbers")
    if 0 < k < row.size:
        least = np.partition(row, row.size - k)[row.size - k]
        candidates = np.flatnonzero(row >= least)  # with all that tie for the last place
    else:
        candidates = np.flatnonzero(row >= LEAST_LOG_PROBABILITY) if k == 0 else np.arange(row.size)
    order = candidates[np.argsort(-row[candidates], kind="stable")]
    order = order[:k] if k else order
    return [(int(id), round(float(row[id]), 6)) for id in order]


def _ids(value: Any, name: str, tokenizer: verdigris.Tokenizer | None) -> list[int]:
    if isinstance(value, str):
        if tokenizer is None:
            raise ValueError(f"{name} is a text, which takes --tokenizer")
        return tokenizer.encode(value)
    if not isinstance(value, list) or any(isinstance(id, bool) or not isinstance(id, int) for id in value):
        raise ValueError(f"{name} must be a list of token ids or a text")
    return value


def records(lines: Iterator[str], reader: Reader, tokenizer: verdigris.Tokenizer | None, k: int) -> Iterator[dict[str, Any]]:
    """The record of each text. ValueErrors name the line."""
    seen = set()
    for number, line in enumerate(lines, 1):
        try:
            text = json.loads(line)
            if not isinstance(text, dict) or not isinstance(text.get("id"), str) or not text["id"]:
                raise ValueError("must be an object with an id")
            if text["id"] in seen:
                raise ValueError("this id is there twice")
            seen.add(text["id"])
            prompt = _ids(text.get("prompt", []), "prompt", tokenizer)
            output = _ids(text.get("output"), "output", tokenizer)
            yield {"id": text["id"], "prompt": prompt, "output": output, "lists": lists_of(reader, prompt, output, k)}
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise ValueError(f"line {number}: {reason}") from None


def _reader(model: str) -> PocketReader | TransformersReader:
    if model == "pocket":
        return PocketReader(None)
    if os.path.isfile(os.path.join(model, "tokenizer.model")):
        try:
            return PocketReader(model)
        except verdigris.Error as error:
            print(f"reading_dump: {error}; trying transformers", file=sys.stderr)
    return TransformersReader(model)


def main(arguments: list[str] | None = None) -> int:
    """0 done, 2 wrong options, 3 an input cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m verdigris.reading_dump", description="What a model predicts while it is shown texts.")
    parser.add_argument("texts", metavar="TEXTS", help='lines of {"id","prompt","output"}, ids or text; - is standard input')
    parser.add_argument("--model", default="pocket", metavar="pocket|FOLDER|NAME",
                        help="a folder of the pocket model's form, or a model that transformers loads (pocket)")
    parser.add_argument("--tokenizer", metavar="FILE",
                        help="the provider's (SentencePiece, tokenizer.json or GGUF), for texts that are no ids; a pocket model brings its own")
    parser.add_argument("--k", type=int, default=0, help="ids a position; 0: all of probability 2^-12 or more (0)")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the dump")
    options = parser.parse_args(arguments)
    if not 0 <= options.k <= MAX_K:
        parser.error(f"--k must be from 0 to {MAX_K}, got {options.k}")
    try:
        reader = _reader(options.model)
        tokenizer = verdigris.Tokenizer.load(options.tokenizer) if options.tokenizer else reader.tokenizer
        folder = os.path.dirname(os.path.abspath(options.output))
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".reading-", delete=False) as out:
            try:
                with open(0 if options.texts == "-" else options.texts, encoding="utf-8", closefd=options.texts != "-") as texts:
                    for record in records(texts, reader, tokenizer, options.k):
                        out.write(json.dumps(record, separators=(",", ":")) + "\n")
                out.flush()
                os.fsync(out.fileno())
                os.replace(out.name, options.output)
            except BaseException:
                os.unlink(out.name)
                raise
    except (verdigris.Error, OSError, ValueError) as error:
        print(f"reading_dump: error: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
