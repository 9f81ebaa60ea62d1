"""Models that the reference server can serve: the pocket model, GGUF files, folders of transformers.

A module a kind, which imports its engine only where a model of that kind is asked for.
"""

from __future__ import annotations

import importlib
import os

from verdigris import errors
from verdigris.serving.models.model import BadPrompt, Model, Session

__all__ = ["BadPrompt", "Model", "Session", "load"]


def load(name: str, tokenizer: str | None = None) -> Model:
    """The model that `--model` names. `tokenizer`: a file instead of that of a folder of transformers. Raises verdigris.Error, which says
    what to install where a package is missing."""
    if os.path.isdir(name) and name != "pocket":
        return _of_folder(name, tokenizer)
    if tokenizer is not None:
        raise errors.InvalidArgument(f"--tokenizer: {name} has its own; only a folder of transformers may take another")
    if name == "pocket":
        return _pocket(None)
    if not os.path.exists(name):
        raise errors.NotFound(f"{name}: no such file or folder")
    with open(name, "rb") as file:
        if file.read(4) != b"GGUF":
            raise errors.Unsupported(f"{name}: is neither a folder nor a GGUF file")
    _needs(f"{name}: a GGUF file needs", "llama_cpp", "llama-cpp-python")
    from verdigris.serving.models import gguf

    return gguf.GgufModel(name)


def _pocket(folder: str | None) -> Model:
    from verdigris.serving.models import pocket  # with a part of the native module that a build for serving alone lacks

    return pocket.PocketModel(folder)


def _of_folder(name: str, tokenizer: str | None) -> Model:
    why = "it has tokenizer.json" if tokenizer is None else "--tokenizer is given"
    if tokenizer is None and not os.path.exists(os.path.join(name, "tokenizer.json")):
        try:
            return _pocket(name)
        except errors.Unsupported as error:
            why = str(error)
    for module in ("torch", "transformers"):
        _needs(f"{name}: is not of the pocket model's form ({why}), and other folders need", module, "torch transformers")
    from verdigris.serving.models import transformers_folder

    return transformers_folder.TransformersModel(name, tokenizer)


def _needs(what: str, module: str, packages: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError:
        raise errors.FailedPrecondition(f"{what} {module}, which cannot be imported: pip install {packages}") from None
