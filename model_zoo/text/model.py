"""A language model as a caller meets it: it writes on, or says how surprising a text is."""

from __future__ import annotations

import codecs
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from model_zoo.errors import BadInput
from model_zoo.fetch import fetch_all
from model_zoo.sampling import TextOptions
from model_zoo.session import Session
from model_zoo.spec import ModelSpec
from model_zoo.stopping import NEVER, Stop
from model_zoo.text.beams import search
from model_zoo.text.generation import Token, generate, token_of, until
from model_zoo.text.memory import Memory, Reader
from model_zoo.text.tokens import Vocabulary
from model_zoo.trace import Ran, Stopwatch
from model_zoo.zoo import open_session

MAX_SCORED = 8192  # tokens of one text to judge
DEFAULT = TextOptions()
T = TypeVar("T")


@dataclass(frozen=True)
class TextTrace:
    """A text that was written, token by token, with its time in milliseconds by stage.

    `first_ms`: from the call to the first token; `rate`: tokens a second behind it.
    """

    answer: str
    tokens: tuple[Token, ...]
    timings: dict[str, float]
    ran: Ran
    hint: str = ""
    first_ms: float = 0.0
    rate: float = 0.0


@dataclass(frozen=True)
class Score:
    """How probable each token of a given text was, and the perplexity of all: e^(-mean log p)."""

    tokens: tuple[Token, ...]
    perplexity: float
    timings: dict[str, float]
    ran: Ran


class LanguageModel(ABC):
    """`for token in lm("Once", temperature=0.8, seed=1): print(token.text, end="")`.

    `capacity`: tokens that are looked back at. Several threads may ask at once: they get a token
    in turn. What was read is kept for its `owner`, who goes on from it the sooner, and used for
    no other; for None nothing is kept. Once `stop` is set, what is under way raises Stopped.
    """

    capacity = 2048

    def __init__(self, spec: ModelSpec, precision: str, provider: str) -> None:
        self.spec, self.precision, self.provider = spec, precision, provider
        self._memory = Memory()

    @staticmethod
    @abstractmethod
    def read_vocabulary(files: Mapping[str, Path]) -> Vocabulary:
        """The vocabulary from the model's fetched files."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Text to tokens and back."""
        return self.read_vocabulary(fetch_all(self.spec.sources, model=self.spec.name))

    @property
    def session(self) -> Session:
        """The open graph, shared by all models of this name, precision and provider."""
        return open_session(self.spec.name, self.precision, self.provider)

    def __call__(
        self,
        prompt: str,
        options: TextOptions = DEFAULT,
        *,
        owner: str | None = "",
        **chosen: Any,
    ) -> Iterator[Token]:
        """Tokens as they come; `chosen` are options by name. Raises BadInput before the first."""
        options = replace(options, **chosen)
        return self._write(self.tokens(prompt, options), options, Stopwatch(), owner, NEVER)

    def trace(
        self,
        prompt: str,
        options: TextOptions = DEFAULT,
        *,
        owner: str | None = "",
        stop: Stop = NEVER,
    ) -> TextTrace:
        """The whole text, with how fast and on what."""
        return _end(self.stream(prompt, options, owner=owner, stop=stop))

    def stream(
        self,
        prompt: str,
        options: TextOptions = DEFAULT,
        *,
        owner: str | None = "",
        stop: Stop = NEVER,
    ) -> Generator[Token, None, TextTrace]:
        """Tokens as they come, then the trace of them all."""
        session = self.session  # opened before the clock starts
        start, watch = time.perf_counter(), Stopwatch()
        tokens, first = list[Token](), 0.0
        prepared = self.tokens(prompt, options)
        with closing(self._write(prepared, options, watch, owner, stop)) as written:
            for token in written:
                tokens.append(token)
                first = first or time.perf_counter() - start
                yield token
        behind = time.perf_counter() - start - first
        hint = next((token.hint for token in tokens if token.hint), "")
        return TextTrace(
            "".join(token.text for token in tokens), tuple(tokens), watch.laps, session.ran,
            hint, first * 1000, (len(tokens) - 1) / behind if len(tokens) > 1 else 0.0,
        )  # fmt: skip

    def tokens(self, prompt: str, options: TextOptions = DEFAULT) -> list[int]:
        """What the model reads: the prompt, as a message where that is asked for and known."""
        if not prompt.strip():
            raise BadInput("There is nothing to go on from: write a few words first.")
        if self.vocabulary.chat and options.chat:
            tokens = self.vocabulary.message(prompt, options.answer)
        else:
            tokens = self.vocabulary.encode(prompt + options.answer)
        if len(tokens) >= self.capacity:
            raise BadInput(
                f"The text has {len(tokens):,} tokens, and {self.spec.name} reads fewer than "
                f"{self.capacity:,}: shorten it."
            )
        return tokens

    def score(self, text: str, *, stop: Stop = NEVER) -> Score:
        """How probable each token was, given those before; nothing of it is kept."""
        return _end(self.judge(text, stop=stop))

    def judge(self, text: str, *, stop: Stop = NEVER) -> Generator[float, None, Score]:
        """The share of the text that is read, as it grows, then the score.

        A long text is read in windows: from the second on a token is given at least half a window.
        """
        session, vocabulary = self.session, self.vocabulary
        watch = Stopwatch()
        if not text.strip():
            raise BadInput("There is no text to judge: paste one first.")
        tokens = [vocabulary.document, *vocabulary.encode(text)]
        if len(tokens) > MAX_SCORED:
            raise BadInput(f"The text has {len(tokens):,} tokens: {MAX_SCORED:,} are the most.")
        watch.lap("preprocess")
        characters = codecs.getincrementaldecoder("utf-8")("replace")
        scored: list[Token] = []
        reader = Reader(session, self.capacity)
        reader.stop = stop
        while len(scored) < len(tokens) - 1:
            start = max(0, len(scored) - self.capacity // 2)
            window = tokens[start : start + self.capacity]
            for logits in reader.chunks(window, every=True):
                watch.lap("model")
                end = start + len(reader.tokens)
                for place, row in enumerate(logits, end - len(logits) + 1):
                    if len(scored) < place < len(tokens):
                        text = characters.decode(vocabulary.piece(tokens[place]))
                        scored.append(token_of(tokens[place], row, vocabulary, text))
                watch.lap("postprocess")
                yield len(scored) / (len(tokens) - 1)
                watch.resume()
        mean = sum(math.log(max(token.probability, 1e-30)) for token in scored) / len(scored)
        return Score(tuple(scored), math.exp(-mean), watch.laps, session.ran)

    def _write(
        self,
        prompt: list[int],
        options: TextOptions,
        watch: Stopwatch,
        owner: str | None,
        stop: Stop,
    ) -> Generator[Token, None, None]:
        watch.lap("preprocess")
        with self._memory.reader(self.session, self.capacity, prompt, owner, stop) as reader:
            before = reader.spent
            try:
                write = search if options.beams > 1 else generate
                with closing(write(reader, self.vocabulary, prompt, options)) as tokens:
                    for token in until(tokens, options.stop):
                        stop.check()  # also behind what took long
                        watch.lap("postprocess")
                        yield token
                        watch.resume()  # what the caller did with it is not ours
            finally:
                watch.lap("postprocess")
                watch.laps["model"] = (reader.spent - before) * 1000
                rest = watch.laps.pop("postprocess") - watch.laps["model"]
                watch.laps["postprocess"] = max(0.0, rest)


def _end(steps: Generator[Any, None, T]) -> T:
    """What a generator gives at its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
