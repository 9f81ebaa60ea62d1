"""Verdigris: watermarks for language models, and evidence that holds up."""

import os

from verdigris import _native
from verdigris._native import Drawn, Key, Marker, Profile, Session, Tokenizer
from verdigris.errors import Error

__all__ = ["Drawn", "Error", "Key", "Marker", "Pocket", "Profile", "Session", "Tokenizer", "__version__"]

__version__ = _native.VERSION


class Pocket(_native.Pocket):
    """The built-in small model, or one of its form in a folder: config.json, model.safetensors, tokenizer.model."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        super().__init__(os.path.join(os.path.dirname(__file__), "pocket_lm") if folder is None else os.fspath(folder))
