"""GGUF files through llama-cpp-python. The tokenizer is read from the file by the library's own reader, as `verdigris detect` does."""

from __future__ import annotations

import ctypes
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp import llama_chat_format

import verdigris
from verdigris import errors
from verdigris.serving.models.model import MAX_CONTEXT, BadPrompt, Engine, Messages, Model, RowSession, Rows, Session, check_vocab, threads

_BATCH = 512


class _Engine(Engine):
    def __init__(self, llama: llama_cpp.Llama, vocab: int) -> None:
        super().__init__()
        self._llama, self._vocab = llama, vocab
        self._width = llama.n_vocab()
        self._batch = llama_cpp.llama_batch_init(_BATCH, 0, 1)

    def rewind(self, n: int) -> bool:
        memory = llama_cpp.llama_get_memory(self._llama.ctx)
        if n > 0 and llama_cpp.llama_memory_seq_rm(memory, 0, n, -1):
            return True
        llama_cpp.llama_memory_clear(memory, True)
        return n == 0

    def compute(self, ids: list[int], position: int, each: bool) -> Rows:
        batch = self._batch
        batch.n_tokens = len(ids)
        for at, id in enumerate(ids):
            batch.token[at], batch.pos[at] = id, position + at
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, 0
            batch.logits[at] = each or at + 1 == len(ids)
        code = llama_cpp.llama_decode(self._llama.ctx, batch)
        if code != 0:
            raise errors.Internal(f"llama_decode gave {code}")
        wanted = range(len(ids)) if each else (len(ids) - 1,)
        rows = np.empty((len(wanted), self._vocab), np.float32)
        for row, at in zip(rows, wanted, strict=True):
            logits = llama_cpp.llama_get_logits_ith(self._llama.ctx, at)
            row[:] = np.ctypeslib.as_array(ctypes.cast(logits, ctypes.POINTER(ctypes.c_float)), (self._width,))[: self._vocab]
        return rows


class GgufModel(Model):
    def __init__(self, path: str) -> None:
        tokenizer = verdigris.Tokenizer.load(path)  # first: a file that is none is refused before llama.cpp sees it
        try:
            self._llama = llama_cpp.Llama(path, n_ctx=MAX_CONTEXT, n_batch=_BATCH, n_threads=threads(), n_threads_batch=threads(), verbose=False)
        except (ValueError, RuntimeError) as error:
            raise errors.Malformed(f"{path}: llama.cpp does not take it: {error}") from None
        check_vocab(path, tokenizer, self._llama.n_vocab())
        vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        context = min(llama_cpp.llama_model_n_ctx_train(self._llama.model), MAX_CONTEXT)
        ends = frozenset(id for id in range(tokenizer.vocab) if llama_cpp.llama_vocab_is_eog(vocabulary, id))
        start = llama_cpp.llama_vocab_bos(vocabulary) if llama_cpp.llama_vocab_get_add_bos(vocabulary) else None
        super().__init__(tokenizer, start=start, ends=ends, context=context, parallel=1)
        self._engine = _Engine(self._llama, tokenizer.vocab)
        template = self._llama.metadata.get("tokenizer.chat_template")
        self._template = template and llama_chat_format.Jinja2ChatFormatter(
            template, eos_token=self._name(llama_cpp.llama_vocab_eos(vocabulary)), bos_token=self._name(llama_cpp.llama_vocab_bos(vocabulary)))

    def _name(self, id: int) -> str:
        return self.tokenizer.piece_name(id).decode("utf-8", "replace") if 0 <= id < self.vocab else ""

    def session(self) -> Session:
        return RowSession(self._engine)

    def ids_of_chat(self, messages: Messages) -> list[int]:
        if not self._template:
            return super().ids_of_chat(messages)
        try:
            given: list[Any] = [{"role": role, "content": text} for role, text in messages]
            text = self._template(messages=given).prompt
        except Exception as error:  # noqa: BLE001  whatever the template of a file does
            raise BadPrompt(f"is not one that the model's template of a chat takes ({type(error).__name__})") from None
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=True))
