"""A text on its way to the page: written or judged, shown as it grows, stopped, gone on with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from secrets import token_hex
from typing import Any

import gradio as gr

import model_zoo
from demos.shell import leaving, parts
from demos.shell.words import later, say, told, where
from demos.widgets import tokens
from model_zoo import zoo
from model_zoo.errors import WeightsNotFound, ZooError
from model_zoo.stopping import Stopped
from model_zoo.text import memory
from model_zoo.text.generation import waiting
from model_zoo.text.model import GenerationTrace, Score
from model_zoo.text.sampling import TextOptions
from model_zoo.text.signs import Token
from model_zoo.text.task import GENERATION

MODELS = zoo.of(GENERATION)
ALWAYS = MODELS[0]  # the one that can be had without the hub
NOTHING = later("It ended without a word: ask differently, or let it continue your text.")
NOTHING_MORE = later("For it the text ends here: ask differently, or press Try again.")
SHOW_SECONDS = 0.08  # between two updates of the page, each as much work as several tokens


@dataclass(frozen=True)
class Written:
    """A text that can be gone on with: its tokens, and the seed that they were chosen by."""

    tokens: tuple[Token, ...] = ()
    seed: int | None = 0


@dataclass
class Writing:
    """One text and what is known of it so far."""

    request: gr.Request
    tokens: list[Token]  # what was there before, and every one since
    lines: str = ""  # of them all, as the page shows them
    run: str = field(default_factory=lambda: token_hex(4))
    hint: str = ""
    count: int = 0
    began: float = 0.0
    first: float = 0.0  # seconds to the first token
    last: float = 0.0  # seconds to the last one

    def add(self, token: Token) -> None:
        """One more token, as of now."""
        self.last = time.perf_counter() - self.began
        self.first = self.first or self.last
        self.count += 1
        self.hint = self.hint or told(token.hint, self.request)
        self.tokens.append(token)
        self.lines += tokens.lines([token])

    def shown(self, running: bool) -> dict[str, Any]:
        """For the page."""
        kind = "answer" if self.lines else "hint"
        return tokens.shown(kind, self.hint, self.run, self.lines, self.facts(), running)

    def say(self, words: str) -> dict[str, Any]:
        """A sentence above what is there."""
        return tokens.shown("hint", say(words, self.request), self.run, self.lines, "", True)

    def facts(self) -> str:
        """For example: 57 tokens · 98.1 tokens a second · first after 0.06 s."""
        if not self.count:
            return ""
        found = [say("{} tokens", self.request).format(self.count)]
        if self.count > 1:
            rate = (self.count - 1) / max(self.last - self.first, 1e-6)
            found.append(say("{} tokens a second", self.request).format(f"{rate:.1f}"))
        first = say("first after {} s", self.request).format(f"{self.first:.2f}")
        return " · ".join([*found, first])


def write(
    prompt: str,
    before: Written,
    options: TextOptions,
    pair: Sequence[str],
    request: gr.Request,
) -> Iterator[tuple[Any, Any, Any, bool]]:
    """(the text so far, the result line, what to go on from, whether it goes on), as it grows."""
    again = waiting(before.tokens, options.stop)  # which come once more
    known = list(before.tokens[: len(before.tokens) - again])
    writing = Writing(request, known, tokens.lines(known))
    try:
        with leaving.newest_of("write", request) as ending:
            yield writing.say("Opening the model …"), "", gr.skip(), True
            lm = model_zoo.load(*pair, task=GENERATION)
            lm.prompt(prompt, options)  # what is wrong with it is said before anything is opened
            line, updated = where(lm.ran, request), 0.0
            yield writing.say("Reading …"), "", gr.skip(), True
            writing.began = time.perf_counter()
            owner = request.session_hash or None
            stream = lm.stream(prompt, options, after=before.tokens, owner=owner, stop=ending)
            try:
                while True:
                    writing.add(next(stream))
                    if writing.last - updated > SHOW_SECONDS or writing.count == 1:
                        updated = writing.last
                        yield writing.shown(True), "", gr.skip(), True
            except StopIteration as end:
                trace: GenerationTrace = end.value
                line = parts.result_line(trace, request)
                if not trace.answer:
                    writing.hint = say(NOTHING_MORE if known else NOTHING, request)
            except Stopped:
                pass  # what is written until now stays
            finally:
                stream.close()
        kept = Written(tuple(writing.tokens), options.seed)
        yield writing.shown(False), ran_on(line), kept, False
    except ZooError as error:
        words = sentence(pair[0], error, request)
        shown = tokens.shown("trouble", words, writing.run, writing.lines)
        yield shown, "", before, False


def forget(request: gr.Request) -> None:
    """A reader has closed the page: nothing that they wrote is kept."""
    for what in ("write", "judge"):
        leaving.end(what, request)
    if request.session_hash:
        memory.forget(request.session_hash)


def sentence(model: str, error: ZooError, request: gr.Request | None = None) -> str:
    """What went wrong; of a model whose weights are on the hub only, which other one is there."""
    if not isinstance(error, WeightsNotFound) or model == ALWAYS:
        return told(error, request)
    words = say(
        "{} isn't downloaded and Hugging Face can't be reached. Choose {} under Advanced.", request
    )
    return words.format(model, ALWAYS)


def judge(
    text: str, pair: Sequence[str], request: gr.Request
) -> Iterator[tuple[dict[str, Any], str, bool]]:
    """(a text's tokens by how surprising they are, the result line, whether it goes on)."""
    run, reading = token_hex(4), say("Reading …", request)
    try:
        with leaving.newest_of("judge", request) as ending:
            yield tokens.shown("hint", reading, run, running=True), "", True
            lm = model_zoo.load(*pair, task=GENERATION)
            steps, updated = lm.judge(text, stop=ending), 0.0
            try:
                while True:
                    share = next(steps)
                    if time.monotonic() - updated > SHOW_SECONDS:
                        updated = time.monotonic()
                        words = f"{reading} {share:.0%}"
                        yield tokens.shown("hint", words, run, running=True), "", True
            except StopIteration as end:
                score: Score = end.value
            finally:
                steps.close()
    except Stopped:
        yield tokens.shown("hint", say("Stopped.", request), run), "", False
        return
    except ZooError as error:
        yield tokens.shown("trouble", sentence(pair[0], error, request), run), "", False
        return
    perplexity = say(
        "perplexity {}: on average as unsure as between {} equally likely tokens", request
    ).format(f"{score.perplexity:,.1f}", f"{score.perplexity:,.0f}")
    facts = f"{say('{} tokens', request).format(len(score.tokens))} · {perplexity}"
    shown = tokens.shown("answer", "", run, tokens.lines(score.tokens), facts)
    yield shown, ran_on(parts.result_line(score, request)), False


def ran_on(line: str) -> str:
    """The result line in its place."""
    return f'<p class="ran">{escape(line)}</p>'
