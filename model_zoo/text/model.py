"""A language model as a caller meets it: it writes on, or says how surprising a text is."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from model_zoo import values
from model_zoo.errors import BadInput, DeviceLost
from model_zoo.runtime.session import Session
from model_zoo.runtime.sessions import OneGraph, open_session
from model_zoo.spec import WHOLE, ModelSpec
from model_zoo.stopping import NEVER, Stop
from model_zoo.text.beams import search
from model_zoo.text.encoding import mend
from model_zoo.text.generation import generate, until
from model_zoo.text.memory import Memory, Reader
from model_zoo.text.prompt import Prompt, is_whole, prompt_of
from model_zoo.text.sampling import TextOptions
from model_zoo.text.signs import Signs, Token, step_of
from model_zoo.text.texts import MAX_CHARACTERS
from model_zoo.text.tokens import Vocabulary
from model_zoo.trace import Ran, Stopwatch
from model_zoo.weights.store import weights_of

MAX_SCORED = 8192  # tokens of one text to judge
# Of the first tokens of a text int8 is up to a third off, which only a longer one makes up for.
FEWEST_IN_INT8 = 16
DEFAULT = TextOptions()
T = TypeVar("T")


@dataclass(frozen=True)
class GenerationTrace:
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


class LanguageModel(OneGraph, ABC):
    """`for token in lm("Once", temperature=0.8, seed=1): print(token.text, end="")`.

    `capacity`: tokens that are looked back at. Several threads may ask at once: they get a token
    in turn. What was read is kept for its `owner`, who goes on from it the sooner, and used for
    no other; for None nothing is kept. Once `stop` is set, what is under way raises Stopped.
    """

    capacity = 2048

    def __init__(self, spec: ModelSpec, precision: str, provider: str) -> None:
        super().__init__(spec, precision, provider)
        self._memory = Memory()

    @staticmethod
    @abstractmethod
    def read_vocabulary(files: Mapping[str, Path]) -> Vocabulary:
        """The vocabulary from the model's fetched files."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Text to tokens and back."""
        return self.read_vocabulary(weights_of(self.spec))

    def __call__(
        self,
        prompt: str,
        options: TextOptions = DEFAULT,
        *,
        owner: str | None = "",
        **chosen: Any,
    ) -> Iterator[Token]:
        """Tokens as they come; `chosen` are options by name. Raises BadInput before the first."""
        options = values.chosen(options, chosen)
        prepared = self.prompt(prompt, options)
        return self._steadily(prepared, prompt, options, (), Stopwatch(), owner, NEVER)

    def trace(
        self,
        prompt: str,
        options: TextOptions = DEFAULT,
        *,
        owner: str | None = "",
        stop: Stop = NEVER,
    ) -> GenerationTrace:
        """The whole text, with how fast and on what."""
        return _end(self.stream(prompt, options, owner=owner, stop=stop))

    def stream(
        self,
        prompt: str,
        options: TextOptions = DEFAULT,
        *,
        after: Sequence[Token] = (),
        owner: str | None = "",
        stop: Stop = NEVER,
    ) -> Generator[Token, None, GenerationTrace]:
        """Tokens as they come, then the trace of them all.

        `after`: tokens that came for the same prompt before, to go on with as if at once. Those at
        their end that may begin a stop text (see `waiting`) come again.
        """
        self.open()  # before the clock starts
        start, watch = time.perf_counter(), Stopwatch()
        tokens, first = list[Token](), 0.0
        prepared = self.prompt(prompt, options, after)
        writing = self._steadily(prepared, prompt, options, after, watch, owner, stop)
        with closing(writing) as written:
            for token in written:
                tokens.append(token)
                first = first or time.perf_counter() - start
                yield token
        behind = time.perf_counter() - start - first
        hint = next((token.hint for token in tokens if token.hint), "")
        return GenerationTrace(
            "".join(token.text for token in tokens), tuple(tokens), watch.laps, self.ran,
            hint, first * 1000, (len(tokens) - 1) / behind if len(tokens) > 1 else 0.0,
        )  # fmt: skip

    def prompt(
        self, prompt: str, options: TextOptions = DEFAULT, after: Sequence[Token] = ()
    ) -> Prompt:
        """What the model reads: the prompt, as a message where that is asked for and known."""
        prompt = _read(prompt, "There is nothing to go on from: write a few words first.")
        vocabulary, answer = self.vocabulary, mend(options.answer)
        if after and not is_whole(vocabulary, after):  # a stop text has cut the last one
            answer, after = answer + "".join(token.text for token in after), ()
        again = after[0].again if after else ""
        if vocabulary.chat and options.chat:
            text, before = answer.removesuffix(again), vocabulary.message(prompt)
        else:
            text, before = (prompt + answer).removesuffix(again), []
        if after:
            found = Prompt((*before, *vocabulary.encode(text)), tuple(after))
        else:
            found = prompt_of(vocabulary, text, before)
        if len(found.tokens) >= self.capacity:
            raise BadInput(
                "The text has {} tokens, and {} reads fewer than {}: shorten it.",
                f"{len(found.tokens):,}",
                self.spec.name,
                f"{self.capacity:,}",
            )
        return replace(found, seen=frozenset(vocabulary.encode(answer)))

    def score(self, text: str, *, stop: Stop = NEVER) -> Score:
        """How probable each token was, given those before; nothing of it is kept."""
        return _end(self.judge(text, stop=stop))

    def judge(self, text: str, *, stop: Stop = NEVER) -> Generator[float, None, Score]:
        """The share of the text that is read, as it grows, then the score.

        A long text is read in windows: from the second on a token is given at least half a window.
        """
        vocabulary, watch = self.vocabulary, Stopwatch()
        text = _read(text, "There is no text to judge: paste one first.")
        tokens = [vocabulary.document, *vocabulary.encode(text)]
        if len(tokens) > MAX_SCORED:
            raise BadInput(
                "The text has {} tokens: {} are the most.", f"{len(tokens):,}", f"{MAX_SCORED:,}"
            )
        watch.lap("preprocess")
        precision, _ = self.spec.place(self.precision, self.provider)[WHOLE]
        exact = precision == "int8" and len(tokens) <= FEWEST_IN_INT8  # of both one is opened
        session = open_session(self.spec, "fp32", "cpu") if exact else self.session
        watch.resume()
        signs, scored, surprise = Signs(vocabulary), list[Token](), 0.0
        reader = self._judge(session, stop)
        while len(scored) < len(tokens) - 1:
            start = max(0, len(scored) - self.capacity // 2)
            window = tokens[start : start + self.capacity]
            try:
                for logits in reader.chunks(window):
                    watch.lap("model")
                    end = start + len(reader.tokens)
                    for position, row in enumerate(logits, end - len(logits) + 1):
                        if len(scored) < position < len(tokens):
                            step = step_of(tokens[position], row)
                            surprise -= math.log(max(step.share, 1e-30))
                            scored.append(signs.add(step))
                    watch.lap("postprocess")
                    yield len(scored) / (len(tokens) - 1)
                    watch.resume()
            except DeviceLost:  # the window is read again, on the CPU
                reader = self._judge(self.session, stop)
        perplexity = math.exp(surprise / len(scored))
        ran = session.ran if exact else self.ran
        return Score(tuple(scored), perplexity, watch.laps, ran)

    def _judge(self, session: Session, stop: Stop) -> Reader:
        reader = Reader(session, self.capacity)
        reader.stop = stop
        return reader

    def _steadily(
        self,
        prepared: Prompt,
        prompt: str,
        options: TextOptions,
        after: Sequence[Token],
        watch: Stopwatch,
        owner: str | None,
        stop: Stop,
    ) -> Generator[Token, None, None]:
        """Tokens as they come; where the device fails, the CPU goes on behind the last one."""
        tokens: list[Token] = []
        try:
            with closing(self._write(prepared, options, watch, owner, stop)) as written:
                for token in written:
                    tokens.append(token)
                    yield token
        except DeviceLost:
            self._memory.clear()  # what was read lies on the device
            left = options.max_new_tokens - len(tokens)
            rest = replace(options, max_new_tokens=left)
            if left:
                again = self.prompt(prompt, options, (*after, *tokens))
                yield from self._write(again, rest, watch, owner, stop)

    def _write(
        self,
        prompt: Prompt,
        options: TextOptions,
        watch: Stopwatch,
        owner: str | None,
        stop: Stop,
    ) -> Generator[Token, None, None]:
        watch.lap("preprocess")
        held, onward = prompt.held(self.capacity), bool(prompt.written)
        lent = self._memory.reader(self.session, self.capacity, held, owner, stop, onward)
        with lent as reader:
            before = reader.spent
            try:
                write = search if options.beams > 1 else generate
                with closing(write(reader, self.vocabulary, prompt, options)) as tokens:
                    for token in until(tokens, options.stop, prompt.written):
                        stop.check()  # also behind what took long
                        watch.lap("postprocess")
                        yield token
                        watch.resume()  # what the caller did with it is not ours
            finally:
                watch.lap("postprocess")
                watch.laps["model"] = (reader.spent - before) * 1000
                rest = watch.laps.pop("postprocess") - watch.laps["model"]
                watch.laps["postprocess"] = max(0.0, rest)


def _read(text: str, empty: str) -> str:
    """The text; raises BadInput for what is none, has nothing in it or is too long to begin."""
    if not isinstance(text, str):
        raise BadInput("A prompt is a text, not {}.", type(text).__name__)
    if not text.strip():
        raise BadInput(empty)
    if len(text) > MAX_CHARACTERS:
        raise BadInput(
            "The text has {} characters: give at most {} at a time.",
            f"{len(text):,}",
            f"{MAX_CHARACTERS:,}",
        )
    return mend(text)


def _end(steps: Generator[Any, None, T]) -> T:
    """What a generator gives at its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
