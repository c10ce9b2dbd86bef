"""Text generation: what goes in, what may be chosen, and how it is printed as it comes."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from model_zoo.inputs import read_text
from model_zoo.runtime.decoder import place_loop
from model_zoo.spec import WHOLE
from model_zoo.task import Task, Yardstick
from model_zoo.text.model import GenerationTrace, LanguageModel
from model_zoo.text.sampling import TextOptions
from model_zoo.text.signs import Token

BEGINNING = "Once upon a time, in a small village by the sea, there was"
PROBE = TextOptions(max_new_tokens=12, temperature=0)


def place(precision: str, provider: str) -> Mapping[str, tuple[str, str]]:
    """All of it is the token loop."""
    return {WHOLE: place_loop(precision, provider)}


def example() -> str:
    """A prompt of usual length."""
    return "Write one sentence about the sea at night."


def probe(model: LanguageModel) -> None:
    """The beginning of a text, and a few tokens behind it."""
    for _ in model.stream(BEGINNING, PROBE):
        pass


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
    probe=probe,
    options=TextOptions,
    stream=stream,
)
