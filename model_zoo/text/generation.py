"""The token loop: token by token, each with its probability and what it could have been."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from model_zoo.sentence import sentence
from model_zoo.text.memory import Reader
from model_zoo.text.prompt import Prompt, begin
from model_zoo.text.sampling import Sampler, TextOptions
from model_zoo.text.signs import Signs, Token, step_of
from model_zoo.text.tokens import Vocabulary


def generate(
    reader: Reader, vocabulary: Vocabulary, prompt: Prompt, options: TextOptions
) -> Generator[Token, None, None]:
    """Tokens until the model ends its text or there are `max_new_tokens`; nothing is computed
    before the next one is asked for."""
    before = [token.id for token in prompt.written]
    signs, seen = Signs(vocabulary, prompt.written), {*prompt.seen, *before}
    written, hint = list[int](), ""
    start = begin(reader, vocabulary, prompt, Sampler(options))  # which chooses the first token
    choose = Sampler(options, 1 + len(before) + (start.first is not None))
    tokens = [*start.read]  # all that the text has, as far as it is looked back at
    logits, token, again = start.logits, start.first, start.again
    if len(prompt.tokens) + len(before) > reader.decoder.capacity:
        hint = longer_than(reader)
    while True:
        if token is None:
            token = choose(logits, seen)
        if token in vocabulary.ends:
            return
        written.append(token)
        tokens.append(token)
        seen.add(token)
        yield signs.add(step_of(token, logits), hint, again)
        if len(written) == options.max_new_tokens:
            return
        hint = again = ""
        if reader.room:
            logits = reader.step(token)
        else:  # what is kept begins elsewhere, so that all of it is read again
            tokens = tokens[-(reader.decoder.capacity // 2) :]
            logits, hint = reader.read(tokens)[-1], longer_than(reader)
        token = None


def longer_than(reader: Reader) -> str:
    """What to tell where a text no longer fits."""
    capacity = reader.decoder.capacity
    return sentence(
        "The text is longer than the {} tokens that are looked back at: it goes on from "
        "the last {}.",
        capacity,
        capacity // 2,
    )


def until(
    tokens: Iterator[Token], stops: Sequence[str], before: Sequence[Token] = ()
) -> Iterator[Token]:
    """Tokens up to the first stop text; one that may begin a stop text waits for the next ones.

    Where a text goes on, those at its end that waited (see `waiting`) come again.
    """
    held = list(before[len(before) - waiting(before, stops) :])
    for token in tokens:
        held.append(token)
        text = "".join(token.text for token in held)
        found = [at for stop in stops if (at := text.find(stop)) >= 0]
        if found:
            yield from _cut(held, min(found))
            return
        if not any(_begins(text, stop) for stop in stops):
            yield from held
            held = []
    yield from held


def waiting(tokens: Sequence[Token], stops: Sequence[str]) -> int:
    """How many tokens at the end of a text may begin a stop text, so that more must be seen."""
    held = ""
    count = 0
    for token in tokens:
        held, count = held + token.text, count + 1
        if not any(_begins(held, stop) for stop in stops):
            held, count = "", 0
    return count


def _begins(text: str, stop: str) -> bool:
    """Whether the end of the text is the beginning of the stop text."""
    return any(text.endswith(stop[:length]) for length in range(1, min(len(stop), 1 + len(text))))


def _cut(tokens: Sequence[Token], length: int) -> Iterator[Token]:
    for token in tokens:
        if length <= 0:
            return
        yield replace(token, text=token.text[:length])
        length -= len(token.text)
