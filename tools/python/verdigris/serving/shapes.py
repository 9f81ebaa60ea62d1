"""Answers in OpenAI's forms: completions (the older one) and chat, whole and in parts."""

import math
import secrets
import time
from typing import Any

from verdigris.serving.audit import STATES
from verdigris.serving.fields import Request
from verdigris.serving.models import Model
from verdigris.serving.models.model import Pieces
from verdigris.serving.writer import Chunk, Shown


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


class Shapes:
    """The forms of one request's answer."""

    def __init__(self, model: Model, request: Request, prompt_ids: list[int], expose: bool) -> None:
        """expose: answers say what became of each position."""
        self._model, self._request, self._prompt_ids, self._expose = model, request, prompt_ids, expose
        self._id = ("chatcmpl-" if request.chat else "cmpl-") + secrets.token_hex(12)
        self._created = int(time.time())

    def whole(self, choices: list[tuple[list[Chunk], list[int], str]]) -> dict[str, Any]:
        """`choices`: chunks, ids and the reason of the end of each."""
        body = self._head(False)
        body["choices"] = [self._choice(index, *choice) for index, choice in enumerate(choices)]
        body["usage"] = self.usage(sum(len(ids) for _, ids, _ in choices))
        if self._request.chat and self._request.return_token_ids:
            body["prompt_token_ids"] = self._prompt_ids
        return body

    def first(self, index: int) -> dict[str, Any] | None:
        """What a stream says before the text of a choice."""
        if not self._request.chat:
            return None
        return self._part(index, {"delta": {"role": "assistant", "content": ""}, "logprobs": None}, None)

    def part(self, index: int, chunk: Chunk) -> dict[str, Any]:
        logprobs = self._logprobs(chunk.tokens)
        if self._request.chat:
            choice: dict[str, Any] = {"delta": {"content": chunk.text}, "logprobs": logprobs}
        else:
            choice = {"text": chunk.text, "logprobs": logprobs}
        if self._request.return_token_ids:
            choice["token_ids"] = [token.id for token in chunk.tokens]
        choice.update(self._states(chunk.tokens))
        return self._part(index, choice, None)

    def last(self, index: int, finish: str) -> dict[str, Any]:
        empty: dict[str, Any] = {"delta": {}} if self._request.chat else {"text": ""}
        return self._part(index, {**empty, "logprobs": None}, finish)

    def usage(self, answer_tokens: int) -> dict[str, int]:
        prompt_tokens = len(self._prompt_ids)
        return {"prompt_tokens": prompt_tokens, "completion_tokens": answer_tokens, "total_tokens": prompt_tokens + answer_tokens}

    def usage_part(self, answer_tokens: int) -> dict[str, Any]:
        return {**self._head(True), "choices": [], "usage": self.usage(answer_tokens)}

    def _head(self, streamed: bool) -> dict[str, Any]:
        chat = "chat.completion.chunk" if streamed else "chat.completion"
        return {"id": self._id, "object": chat if self._request.chat else "text_completion", "created": self._created,
                "model": self._request.model}

    def _part(self, index: int, choice: dict[str, Any], finish: str | None) -> dict[str, Any]:
        return {**self._head(True), "choices": [{"index": index, **choice, "finish_reason": finish}]}

    def _choice(self, index: int, chunks: list[Chunk], ids: list[int], finish: str) -> dict[str, Any]:
        text = "".join(chunk.text for chunk in chunks)
        tokens = [token for chunk in chunks for token in chunk.tokens]
        if self._request.chat:
            choice: dict[str, Any] = {"index": index, "message": {"role": "assistant", "content": text}}
        else:
            choice = {"index": index, "text": text}
        choice.update(logprobs=self._logprobs(tokens), finish_reason=finish, **self._states(tokens))
        if self._request.return_token_ids:
            choice["token_ids"] = ids
            if not self._request.chat:
                choice["prompt_token_ids"] = self._prompt_ids
        return choice

    def _states(self, tokens: list[Shown]) -> dict[str, list[str]]:
        """Of the tokens of an answer, without those of a prompt that stands before it."""
        return {"states": [STATES[token.state - 1] for token in tokens if token.state is not None]} if self._expose else {}

    def _logprobs(self, tokens: list[Shown]) -> dict[str, Any] | None:
        if self._request.lists is None:
            return None
        return {"content": [self._chat_token(token) for token in tokens], "refusal": None} if self._request.chat else self._legacy(tokens)

    def _legacy(self, tokens: list[Shown]) -> dict[str, Any]:
        top: list[dict[str, float] | None] = []
        for token in tokens:
            if token.ranked is None or token.log_probability is None:
                top.append(None)
                continue
            names = self._model.pieces(token.at_start).names
            # The token itself stands in the list even where it is not among the likeliest.
            listed = dict(token.ranked)
            listed.setdefault(token.id, token.log_probability)
            by_name: dict[str, float] = {}
            for id, ln in listed.items():
                name = names[id]
                by_name[name] = _log_add(by_name[name], ln) if name in by_name else ln
            top.append(by_name)
        return {"tokens": [self._model.pieces(token.at_start).names[token.id] for token in tokens],
                "token_logprobs": [token.log_probability for token in tokens],
                "top_logprobs": top, "text_offset": [token.offset for token in tokens]}

    def _chat_token(self, token: Shown) -> dict[str, Any]:
        assert token.log_probability is not None and token.ranked is not None  # chat has no echo
        pieces = self._model.pieces(token.at_start)
        return {**self._with_bytes(pieces, token.id, token.log_probability),
                "top_logprobs": [self._with_bytes(pieces, id, ln) for id, ln in token.ranked]}

    def _with_bytes(self, pieces: Pieces, id: int, ln: float) -> dict[str, Any]:
        special = id in self._model.special  # which has no bytes
        return {"token": pieces.names[id], "logprob": ln, "bytes": None if special else list(pieces.bytes[id])}


def _log_add(a: float, b: float) -> float:
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))
