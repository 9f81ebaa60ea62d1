"""Verdigris: watermarks for language models, and evidence that holds up."""

import os

from verdigris import _native
from verdigris._native import Drawn, History, Key, Marker, Price, Profile, Score, Total, draw, log_probability, ranked
from verdigris.errors import Error
from verdigris.marking import PRICES, mark_batch_, mask_batch

__all__ = ["PRICES", "Drawn", "Error", "History", "Key", "Marker", "Price", "Profile", "Score", "Total", "__version__", "draw", "log_probability",
           "mark_batch_", "mask_batch", "ranked"]

__version__ = _native.VERSION

if _native.HAS_DETECT:  # a build for serving alone leaves it out
    from verdigris._native import ArrowFindings, Finding, Session, Tokenizer, adjust
    from verdigris.detecting import detect, detect_arrow, detect_batch

    class Pocket(_native.Pocket):
        """The built-in small model, or one of its form in a folder: config.json, model.safetensors, tokenizer.model."""

        def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
            super().__init__(os.path.join(os.path.dirname(__file__), "pocket_lm") if folder is None else os.fspath(folder))

    __all__ += ["ArrowFindings", "Finding", "Pocket", "Session", "Tokenizer", "adjust", "detect", "detect_arrow", "detect_batch"]
