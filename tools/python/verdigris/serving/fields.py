"""What a request says: its JSON members, checked.

A member that would change the answer and is not known here is refused, never passed over: an answer that was drawn in
another way than asked for is worse than none. Members of the OpenAI interface that this server does not have are
accepted at the value that changes nothing.
"""

import dataclasses
import json
from typing import Any

from verdigris import gateway
from verdigris.serving import strict_json

MAX_CHOICES = 128
MAX_STOPS = 4
MAX_STOP_CHARS = 1000
MAX_LISTS = 20
MAX_BIASES = 1024
MAX_NAME_CHARS = 256

# Members without effect at this value.
NEUTRAL: dict[str, Any] = {
    "best_of": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
    "suffix": "",
    "tools": [],
    "tool_choice": "none",
    "response_format": {"type": "text"},
}
# Members that are about the caller or the form of the answer.
WITHOUT_EFFECT = {"user", "metadata", "store", "safety_identifier"}


class BadRequest(Exception):
    """Why a request is refused, and the member that is at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclasses.dataclass(frozen=True)
class Request:
    """One request for text."""

    chat: bool
    model: str
    prompt: str | list[int] | tuple[tuple[str, str], ...]  # in chat, roles and texts
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    n: int
    seed: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool
    echo: bool
    lists: int | None  # ids a position that are listed; None: no log-probabilities
    bias: dict[int, float]
    return_token_ids: bool
    account: dict[str, Any]  # members that say whose the answer is, as they came


def parse_json(body: bytes) -> dict[str, Any]:
    """The one object that a body is."""
    try:
        value = strict_json.parse(body)
    except strict_json.NotJson as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object")
    return value


class Members:
    """Takes members out of an object, so that what is left over is unknown."""

    def __init__(self, members: dict[str, Any]) -> None:
        self.left = {name: value for name, value in members.items() if value is not None}

    def take(self, name: str, default: Any = None) -> Any:
        return self.left.pop(name, default)

    def text(self, name: str, default: str, max_chars: int) -> str:
        value = self.take(name, default)
        if not isinstance(value, str) or len(value) > max_chars:
            raise BadRequest(f"{name} must be a string of at most {max_chars} characters", name)
        return value

    def boolean(self, name: str) -> bool:
        value = self.take(name, False)
        if not isinstance(value, bool):
            raise BadRequest(f"{name} must be true or false", name)
        return value

    def integer(self, name: str, low: int, high: int, default: Any) -> Any:
        value = self.take(name, default)
        if value is default:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadRequest(f"{name} must be an integer from {low} to {high}", name)
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:  # no NaN passes that
            raise BadRequest(f"{name} must be a number from {low:g} to {high:g}", name)
        return float(value)

    def end(self) -> None:
        for name, value in self.left.items():
            if name in WITHOUT_EFFECT:
                continue
            if name not in NEUTRAL:
                raise BadRequest(f"{name[:64]!r} is not supported", name[:64] if name.isprintable() else None)
            if isinstance(value, bool) or value != NEUTRAL[name]:
                raise BadRequest(f"{name} is not supported, but for {json.dumps(NEUTRAL[name])}", name)


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(id, int) and not isinstance(id, bool) for id in value)


def _check_unicode(text: str, name: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequest(f"{name} has half of a surrogate pair", name) from None
    return text


def _prompt_of(members: Members, vocab: int) -> str | list[int]:
    prompt = members.take("prompt", "")
    if isinstance(prompt, str):
        return _check_unicode(prompt, "prompt")
    if not _is_ids(prompt):
        raise BadRequest("prompt must be a string or a list of token ids", "prompt")
    for id in prompt:
        if not 0 <= id < vocab:
            raise BadRequest(f"prompt: token ids are from 0 to {vocab - 1}, got {id}", "prompt")
    return prompt  # type: ignore[no-any-return]


def _messages_of(members: Members) -> tuple[tuple[str, str], ...]:
    messages = members.take("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message", "messages")
    taken = []
    for at, message in enumerate(messages):
        name = f"messages[{at}]"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest(f"{name} must be an object with a role", name)
        if message["role"] not in ("system", "developer", "user", "assistant"):
            raise BadRequest(f"{name}: role must be system, developer, user or assistant", name)
        content = message.get("content")
        if isinstance(content, list):  # parts
            if not all(isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str) for part in content):
                raise BadRequest(f"{name}: content may have parts of type text alone", name)
            content = "".join(part["text"] for part in content)
        if not isinstance(content, str):
            raise BadRequest(f"{name}: content must be a string", name)
        taken.append(("system" if message["role"] == "developer" else message["role"], _check_unicode(content, name)))
    return tuple(taken)


def _stops_of(members: Members) -> tuple[str, ...]:
    stop = members.take("stop", [])
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or len(stops) > MAX_STOPS:
        raise BadRequest(f"stop must be a string or a list of at most {MAX_STOPS}", "stop")
    for text in stops:
        if not isinstance(text, str) or not 1 <= len(text) <= MAX_STOP_CHARS:
            raise BadRequest(f"stop: each must be a string of 1 to {MAX_STOP_CHARS} characters", "stop")
    return tuple(stops)


def _bias_of(members: Members, vocab: int, max_bias: float) -> dict[int, float]:
    given = members.take("logit_bias", {})
    if not isinstance(given, dict) or len(given) > MAX_BIASES:
        raise BadRequest(f"logit_bias must be an object of at most {MAX_BIASES} members", "logit_bias")
    bias = {}
    for name, value in given.items():
        if not (name.isascii() and name.isdigit() and len(name) <= 8 and int(name) < vocab):
            raise BadRequest(f"logit_bias: token ids are from 0 to {vocab - 1}", "logit_bias")
        if isinstance(value, bool) or not isinstance(value, int | float) or not -max_bias <= value <= max_bias:
            raise BadRequest(f"logit_bias must be from {-max_bias:g} to {max_bias:g}", "logit_bias")
        bias[int(name)] = float(value)
    return bias


def parse_request(body: bytes, *, chat: bool, name: str, vocab: int, max_tokens: int, max_bias: float,
                  accounts: bool = False) -> Request:
    """Raises BadRequest. `name`: of the model, where the request has none; `max_tokens`: the most that may be asked for; `accounts`: the
    members of verdigris.gateway are taken, to be checked by who knows its key."""
    members = Members(parse_json(body))
    prompt: Any = _messages_of(members) if chat else _prompt_of(members, vocab)
    default_tokens = max_tokens if chat else min(16, max_tokens)
    tokens = members.integer("max_tokens", 0, max_tokens, None)
    if chat:
        tokens = members.integer("max_completion_tokens", 0, max_tokens, tokens)
        lists = members.integer("top_logprobs", 0, MAX_LISTS, None)
        if members.boolean("logprobs"):
            lists = lists or 0
        elif lists is not None:
            raise BadRequest("top_logprobs needs logprobs: true", "top_logprobs")
    else:
        lists = members.integer("logprobs", 0, MAX_LISTS, None)
    stream_options = members.take("stream_options", {})
    if not isinstance(stream_options, dict) or not set(stream_options) <= {"include_usage"}:
        raise BadRequest("stream_options may have include_usage alone", "stream_options")
    request = Request(
        chat=chat,
        model=_check_unicode(members.text("model", name, MAX_NAME_CHARS), "model"),
        prompt=prompt,
        max_tokens=default_tokens if tokens is None else tokens,
        temperature=members.number("temperature", 0, 2, 1),
        top_p=members.number("top_p", 0, 1, 1),
        top_k=members.integer("top_k", -1, vocab, 0),
        min_p=members.number("min_p", 0, 1, 0),
        n=members.integer("n", 1, MAX_CHOICES, 1),
        seed=members.integer("seed", -(2**63), 2**64 - 1, None),
        stop=_stops_of(members),
        stream=members.boolean("stream"),
        include_usage=stream_options.get("include_usage") is True,
        echo=False if chat else members.boolean("echo"),
        lists=lists,
        bias=_bias_of(members, vocab, max_bias),
        return_token_ids=members.boolean("return_token_ids"),
        account={name: members.take(name) for name in gateway.FIELDS if name in members.left} if accounts else {},
    )
    members.end()
    if request.top_p == 0:
        raise BadRequest("top_p must be above 0", "top_p")
    if request.n * request.max_tokens > max_tokens * 4:
        raise BadRequest(f"n times max_tokens must be at most {max_tokens * 4}", "n")
    return dataclasses.replace(request, top_k=max(request.top_k, 0))
