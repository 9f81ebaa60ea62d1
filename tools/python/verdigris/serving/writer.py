"""How a request is answered: tokens drawn one by one, as text with the log-probabilities that belong to it.

All log-probabilities are the model's own, at temperature 1, before truncation, bias and mark: what reading the same text
would give. So no mark shows in them.
"""

import codecs
import collections
import dataclasses
import functools
import hashlib
import random
import secrets
import threading
from collections.abc import Callable, Iterator

import verdigris
from verdigris.serving import Sequence
from verdigris.serving.fields import Request
from verdigris.serving.models import BadPrompt, Model, Session

MAX_REMEMBERED = 1 << 20  # requests without a seed, whose number of times is known


@dataclasses.dataclass(frozen=True)
class Shown:
    """A token of an answer or of an echoed prompt."""

    id: int
    offset: int  # of its first character, in characters of the choice's text
    log_probability: float | None  # None: nothing, or nothing that is shown, comes before it
    ranked: list[tuple[int, float]] | None  # the likeliest ids and their ln p
    at_start: bool  # of the whole text, where a SentencePiece token is shown without the space before it
    state: int | None  # of its position, by verdigris.h; None: of a prompt


@dataclasses.dataclass(frozen=True)
class Chunk:
    """A piece of an answer that is whole characters, and of which no part can still become a stop text."""

    text: str
    tokens: list[Shown]


class Seeds:
    """Where the random numbers of a choice come from.

    They depend on the prompt, so that the answers to two prompts under one seed are independent, and on nothing else, so
    that the same draws can be seen with other settings. Where the request has no seed and the server has one, the k-th
    request for a prompt gets the k-th answer, in whatever order others come.
    """

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._times: collections.OrderedDict[bytes, int] = collections.OrderedDict()
        self._lock = threading.Lock()

    def of(self, request_seed: int | None, ids: list[int], choices: int) -> list[random.Random]:
        if request_seed is None and self._seed is None:
            return [random.Random(secrets.randbits(256)) for _ in range(choices)]
        prompt = hashlib.sha256(",".join(map(str, ids)).encode()).digest()
        first = 0
        if request_seed is None:
            with self._lock:
                first = self._times.get(prompt, 0)
                self._times[prompt] = first + choices
                if len(self._times) > MAX_REMEMBERED:
                    self._times.popitem(last=False)
        base = f"request {request_seed}" if request_seed is not None else f"server {self._seed}"

        def generator(number: int) -> random.Random:
            digest = hashlib.sha256(f"{base} {number} ".encode() + prompt).digest()
            return random.Random(int.from_bytes(digest, "big"))

        return [generator(first + at) for at in range(choices)]


class Text:
    """Bytes of tokens, as they come, into text that can be shown."""

    def __init__(self, model: Model, at_start: bool, stops: tuple[str, ...] = (), chars_before: int = 0) -> None:
        self._model = model
        self._at_start = at_start
        self._stops = stops
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._start = chars_before  # of what is held back
        self._text = ""  # held back
        self._tokens: list[Shown] = []
        self.stopped = False

    @property
    def end(self) -> int:
        """Characters so far, with those before."""
        return self._start + len(self._text)

    def add(self, id: int, log_probability: float | None, ranked: list[tuple[int, float]] | None, state: int | None = None) -> Chunk | None:
        """What can be shown now, if anything."""
        self._tokens.append(Shown(id, self.end, log_probability, ranked, self._at_start, state))
        self._text += self._decoder.decode(self._model.pieces(self._at_start).bytes[id])
        self._at_start = self._at_start and id in self._model.special
        found = [at for at in (self._text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped = True
            cut = min(found)
            self._text = self._text[:cut]
            self._tokens = [token for token in self._tokens if token.offset < self._start + cut]
            return self._take()
        return None if self._decoder.getstate()[0] or self._may_stop() else self._take()

    def finish(self) -> Chunk | None:
        """The rest, at the end of the answer."""
        if not self.stopped:
            self._text += self._decoder.decode(b"", final=True)
        return self._take() if self._text or self._tokens else None

    def _may_stop(self) -> bool:
        return any(self._text.endswith(stop[:length]) for stop in self._stops for length in range(1, len(stop)))

    def _take(self) -> Chunk:
        chunk = Chunk(self._text, self._tokens)
        self._start, self._text, self._tokens = self.end, "", []
        return chunk


class Choice:
    """One answer: chunks() draws it, and then `ids` and `finish` say how it went. close() writes its audit line, if it has begun.

    begin: makes the sequence of an answer under a configuration; without it the answer has no mark.
    """

    def __init__(self, model: Model, request: Request, prompt: "ReadPrompt", uniforms: random.Random,
                 begin: Callable[[], Sequence] | None) -> None:
        self._model, self._request, self._uniforms, self._begin = model, request, uniforms, begin
        self._session, self._echoed, self._at_start = prompt.session.copy(), prompt.echoed, prompt.is_empty
        self._sequence: Sequence | None = None
        self.ids: list[int] = []
        self.finish = "length"

    def chunks(self, go_on: Callable[[], bool]) -> Iterator[Chunk]:
        """`go_on` is asked before each token; the answer ends where it says no."""
        request, session = self._request, self._session
        text = Text(self._model, self._at_start, request.stop, len(self._echoed.text) if self._echoed else 0)
        shown = 0
        if self._begin is not None:
            self._sequence = self._begin()
        if self._echoed:
            yield self._echoed
        while len(self.ids) < request.max_tokens and not text.stopped and go_on():
            drawn = self._draw()
            if drawn is None or drawn[0] in self._model.ends:
                self.finish = "stop"
                break
            id, state = drawn
            log_probability, ranked = None, None
            if request.lists is not None:
                log_probability = session.log_probability(id)
                ranked = list(zip(*session.ranked(request.lists), strict=True))
            self.ids.append(id)
            if self._sequence is not None:
                self._sequence.push([id])
            chunk = text.add(id, log_probability, ranked, state)
            if len(self.ids) < request.max_tokens and not text.stopped:
                session.feed([id])
            if chunk:
                shown += len(chunk.tokens)
                yield chunk
        rest = text.finish()
        if text.stopped:
            self.finish = "stop"
            del self.ids[shown:]  # of the stop text
        elif rest:
            yield rest
        self.close()

    def _draw(self) -> tuple[int, int] | None:
        """The next id and its state; None where a fault has ended the answer. Raises where the policy is to stop."""
        request = self._request

        def draw(marker: verdigris.Marker | None, output: list[int]) -> verdigris.Drawn:
            return self._session.draw(self._uniforms.random(), temperature=request.temperature, top_k=request.top_k, top_p=request.top_p,
                                      min_p=request.min_p, bias=request.bias, marker=marker, output=output)

        if self._sequence is not None:
            return self._sequence.draw(draw)
        drawn = draw(None, [])
        return drawn.id, drawn.state

    def close(self) -> None:
        if self._sequence is not None:
            self._sequence.close(self.ids)


@dataclasses.dataclass(frozen=True)
class ReadPrompt:
    """A prompt, read once for all choices."""

    session: Session
    echoed: Chunk | None
    is_empty: bool


def read_prompt(model: Model, request: Request, ids: list[int]) -> ReadPrompt:
    """Before the prompt stands the start of text, once, where the model has one. Raises BadPrompt."""
    session = model.session()
    is_empty = all(id in model.special for id in ids)
    has_start = model.start is not None and ids[:1] == [model.start]
    # Of what comes first the model holds nothing; of what comes after a start that is not shown, nothing is said.
    first, rest = ids[:1], ids[1:]
    if model.start is not None and not has_start:
        session.feed([model.start])
    elif not ids:
        raise BadPrompt("must have a token at least, since this model has no start of text")
    session.feed(first)
    if not request.echo:
        session.feed(rest)
        return ReadPrompt(session, None, is_empty)
    log_probabilities: list[float | None] = [None] * len(ids)
    ranked: list[list[tuple[int, float]] | None] = [None] * len(ids)
    if request.lists is None:
        session.feed(rest)
    elif rest:
        own, top, top_ln = session.read(rest, request.lists)
        log_probabilities[1:] = own.tolist()
        ranked[1:] = [list(zip(*pair, strict=True)) for pair in zip(top.tolist(), top_ln.tolist(), strict=True)]
    text = Text(model, at_start=True)
    pieces = [text.add(*token) for token in zip(ids, log_probabilities, ranked, strict=True)] + [text.finish()]
    shown = [piece for piece in pieces if piece]
    return ReadPrompt(session, Chunk("".join(piece.text for piece in shown), [token for piece in shown for token in piece.tokens]), is_empty)


def choices_of(model: Model, request: Request, ids: list[int], seeds: Seeds,
               begin: Callable[[int], Sequence] | None) -> list[Choice]:
    """The choices of a request, not yet drawn. begin: the sequence of one, by its index; see Choice."""
    prompt = read_prompt(model, request, ids)
    return [Choice(model, request, prompt, uniforms, functools.partial(begin, index) if begin is not None else None)
            for index, uniforms in enumerate(seeds.of(request.seed, ids, request.n))]
