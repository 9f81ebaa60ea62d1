"""Folders that transformers reads, on the CPU in float32. Weights come from safetensors alone, and no code that lies in a folder is run."""

from __future__ import annotations

import inspect
import os
from typing import Any

import numpy as np
import torch
import transformers

import verdigris
from verdigris import errors
from verdigris.serving.models.model import MAX_CONTEXT, BadPrompt, Engine, Messages, Model, RowSession, Rows, Session, check_vocab, threads


class _Engine(Engine):
    def __init__(self, model: Any, vocab: int) -> None:
        super().__init__()
        self._model, self._vocab = model, vocab
        self._takes_keep = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._cache = self._fresh()

    def _fresh(self) -> transformers.DynamicCache:
        return transformers.DynamicCache(config=self._model.config)

    def rewind(self, n: int) -> bool:
        if n > 0:
            try:
                self._cache.crop(n)
                return True
            except Exception:  # noqa: BLE001  a cache that cannot, as one of a sliding window
                pass
        self._cache = self._fresh()
        return n == 0

    @torch.inference_mode()
    def compute(self, ids: list[int], position: int, each: bool) -> Rows:
        keep = {"logits_to_keep": 0 if each else 1} if self._takes_keep else {}
        output = self._model(input_ids=torch.tensor([ids]), past_key_values=self._cache, use_cache=True, **keep)
        rows = output.logits[0] if each else output.logits[0, -1:]
        return np.asarray(rows[:, : self._vocab].to(torch.float32).contiguous().numpy(), np.float32)


class TransformersModel(Model):
    def __init__(self, folder: str, tokenizer_file: str | None = None) -> None:
        torch.set_num_threads(threads())
        tokenizer = verdigris.Tokenizer.load(tokenizer_file) if tokenizer_file else _tokenizer_of(folder)
        try:
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
            self._auto = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # noqa: BLE001  of transformers and of what it reads with, which have no class in common
            raise errors.Malformed(f"{folder}: transformers does not take it: {(str(error).splitlines() or [type(error).__name__])[0]}") from None
        check_vocab(folder, tokenizer, model.config.get_text_config().vocab_size)
        added = self._auto("")["input_ids"]
        start = added[0] if added and added[0] == self._auto.bos_token_id else None
        super().__init__(tokenizer, start=start, ends=_ends_of(model), context=min(model.config.get_text_config().max_position_embeddings, MAX_CONTEXT),
                         parallel=1)
        self._engine = _Engine(model.eval(), tokenizer.vocab)

    def session(self) -> Session:
        return RowSession(self._engine)

    def ids_of_chat(self, messages: Messages) -> list[int]:
        if not self._auto.chat_template:
            return super().ids_of_chat(messages)
        try:
            ids = self._auto.apply_chat_template([{"role": role, "content": text} for role, text in messages], add_generation_prompt=True,
                                                 tokenize=True, return_dict=False)
        except Exception as error:  # noqa: BLE001  whatever the template of a folder does
            raise BadPrompt(f"is not one that the model's template of a chat takes ({type(error).__name__})") from None
        return list(ids)


def _tokenizer_of(folder: str) -> verdigris.Tokenizer:
    """tokenizer.json, where it is one of a kind that is read here, else tokenizer.model."""
    files = [path for path in (os.path.join(folder, name) for name in ("tokenizer.json", "tokenizer.model")) if os.path.exists(path)]
    if not files:
        raise errors.NotFound(f"{folder}: has neither tokenizer.json nor tokenizer.model")
    try:
        return verdigris.Tokenizer.load(files[0])
    except errors.Unsupported:
        if len(files) == 1:
            raise
    return verdigris.Tokenizer.load(files[1])


def _ends_of(model: Any) -> frozenset[int]:
    given = model.generation_config.eos_token_id
    return frozenset() if given is None else frozenset([given] if isinstance(given, int) else given)
