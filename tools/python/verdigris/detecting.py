"""Whether texts carry a mark: `verdigris detect` for Python, by the same code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from verdigris import _native
from verdigris._native import ArrowFindings, Detector, Finding, Key, Profile

Path = str | os.PathLike[str]


def _of(detectors: dict[bool, Detector], text: object, profile: Profile, keys: Sequence[Key], alpha: float, rule: str, tokenizer: Path | None) -> Finding:
    of_text = isinstance(text, str | bytes)
    if of_text not in detectors:
        detectors[of_text] = Detector(profile, list(keys), alpha, rule, "" if tokenizer is None else os.fspath(tokenizer), of_text)
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    return detectors[of_text].of_text(text, "-") if isinstance(text, bytes) else detectors[of_text].of_ids(text, "-")


def detect(text: object, profile: Profile, keys: Sequence[Key], *, alpha: float = 1e-6, rule: str = "first", tokenizer: Path | None = None) -> Finding:
    """Tests whether a text (str, bytes) or token ids carry the mark of these keys.

    tokenizer: its file, where it does not lie beside the profile. Not needed for ids.
    """
    return _of({}, text, profile, keys, alpha, rule, tokenizer)


def detect_batch(texts: Iterable[object], profile: Profile, keys: Sequence[Key], *, alpha: float = 1e-6, rule: str = "first",
                 tokenizer: Path | None = None) -> list[Finding]:
    """The finding of each text. Each is a test of its own: `adjust` says which of many hold."""
    detectors: dict[bool, Detector] = {}
    return [_of(detectors, text, profile, keys, alpha, rule, tokenizer) for text in texts]


def detect_arrow(data: object, column: str, profile: Profile, keys: Sequence[Key], *, alpha: float = 1e-6, rule: str = "first",
                 tokenizer: Path | None = None) -> ArrowFindings:
    """Tests each row of a column of strings, or of lists of token ids.

    data: what has __arrow_c_stream__ or __arrow_c_array__, such as a table of pyarrow or polars. The answer has __arrow_c_stream__:
    verdict, log10_p, log10_p_anytime, tokens, scored, repeats, all null for a null; a batch is judged when it is asked for.
    """
    return _native.detect_arrow(data, column, profile, list(keys), alpha, rule, "" if tokenizer is None else os.fspath(tokenizer))
