"""Text generation: what goes in, what may be chosen, and how it is printed as it comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model_zoo.inputs import read_text
from model_zoo.runtime.decoder import Decoder, place_loop
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import WHOLE, ModelSpec
from model_zoo.task import Task, Yardstick
from model_zoo.text.model import GenerationTrace, LanguageModel
from model_zoo.text.sampling import TextOptions
from model_zoo.text.signs import Token

PROMPT_TOKENS, STEPS = 16, 8  # of the probe
WRITTEN = TextOptions(max_new_tokens=32, temperature=0, chat=True)  # to measure with


def place(precision: str, provider: str) -> Mapping[str, tuple[str, str]]:
    """All of it is the token loop."""
    return {WHOLE: place_loop(precision, provider)}


def example() -> str:
    """A prompt of usual length."""
    return "Write one sentence about the sea at night."


def write(call: Callable[..., Any], prompt: str) -> Any:
    """The likeliest tokens, as many as WRITTEN says unless the text ends before."""
    found = call(prompt, WRITTEN, owner=None)
    return list(found) if isinstance(found, Iterator) else found


def probe(
    spec: ModelSpec, precision: str, provider: str
) -> Callable[[], Sequence[npt.NDArray[Any]]]:
    """A prompt and a few tokens behind it: the logits [1, 1, vocabulary] of each step."""
    session = open_session(spec, precision, provider)
    decoder = Decoder(session, 1, PROMPT_TOKENS + STEPS)
    tokens = np.arange(300, 300 + PROMPT_TOKENS + STEPS)[None]

    def run() -> list[npt.NDArray[Any]]:
        decoder.rewind(0)
        steps = (tokens[:, at : at + 1] for at in range(PROMPT_TOKENS, tokens.size))
        return [decoder(some) for some in (tokens[:, :PROMPT_TOKENS], *steps)]

    return run


def stream(
    model: LanguageModel, prompt: str, options: TextOptions
) -> Generator[str, None, GenerationTrace]:
    """The answer's pieces as they come, then the trace."""
    trace = yield from _texts(model.stream(prompt, options))
    yield "\n"
    return trace


def _texts(
    tokens: Generator[Token, None, GenerationTrace],
) -> Generator[str, None, GenerationTrace]:
    while True:
        try:
            token = next(tokens)
        except StopIteration as end:
            trace: GenerationTrace = end.value
            return trace
        yield token.text


GENERATION = Task[str, GenerationTrace, LanguageModel](
    "text generation",
    read_text,
    example,
    Yardstick("perplexity", 0.01, less_is_better=True),
    answer=write,
    probe=probe,
    probe_work=f"{PROMPT_TOKENS} tokens read, {STEPS} written",
    options=TextOptions,
    stream=stream,
)
