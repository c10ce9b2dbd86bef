"""The token loop: token by token, each with its probability and what it could have been."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model_zoo.sampling import Sampler, TextOptions, largest
from model_zoo.text.memory import Reader
from model_zoo.text.tokens import Vocabulary

ALTERNATIVES = 5


@dataclass(frozen=True)
class Token:
    """One step of the loop.

    `text`: what can be shown since the last one, "" while a character is not whole.
    `probability`: the model's own, whatever the options made of it; `alternatives`: the five
    likeliest tokens with theirs, best first. `hint`: what a reader should know from here on.
    """

    id: int
    text: str
    probability: float
    alternatives: tuple[tuple[str, float], ...] = ()
    hint: str = ""


def generate(
    reader: Reader, vocabulary: Vocabulary, prompt: Sequence[int], options: TextOptions
) -> Generator[Token, None, None]:
    """Tokens until the model ends, a stop text comes or there are enough; whoever asks no more
    for the next one stops the loop there."""
    choose, written, seen, hint = Sampler(options), list[int](), set[int](), ""
    logits = reader.read(prompt)
    characters = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        token = choose(logits, seen)
        if token in vocabulary.ends:
            return
        written.append(token)
        seen.add(token)
        yield token_of(token, logits, vocabulary, characters.decode(vocabulary.piece(token)), hint)
        if len(written) == options.max_new_tokens:
            return
        hint = ""
        if reader.room:
            logits = reader.step(token)
        else:  # what is kept begins elsewhere, so that all of it is read again
            kept = reader.decoder.capacity // 2
            logits = reader.read([*prompt, *written][-kept:])
            hint = (
                f"The text is longer than the {reader.decoder.capacity} tokens that are looked "
                f"back at: it goes on from the last {kept}."
            )


def until(tokens: Iterator[Token], stops: Sequence[str]) -> Iterator[Token]:
    """Tokens up to the first stop text; one that may begin a stop text waits for the next ones."""
    held: list[Token] = []
    for token in tokens:
        held.append(token)
        text = "".join(token.text for token in held)
        found = [place for stop in stops if (place := text.find(stop)) >= 0]
        if found:
            yield from _cut(held, min(found))
            return
        if not any(_begins(text, stop) for stop in stops):
            yield from held
            held = []
    yield from held


def _begins(text: str, stop: str) -> bool:
    """Whether the end of the text is the beginning of the stop text."""
    return any(text.endswith(stop[:length]) for length in range(1, len(stop)))


def _cut(tokens: Sequence[Token], length: int) -> Iterator[Token]:
    for token in tokens:
        if length <= 0:
            return
        yield replace(token, text=token.text[:length])
        length -= len(token.text)


def token_of(
    token: int,
    logits: npt.NDArray[np.float32],
    vocabulary: Vocabulary,
    text: str,
    hint: str = "",
) -> Token:
    """A token with what the model thought of it and of the others."""
    best = largest(logits, ALTERNATIVES)
    total = float(np.exp(logits - logits[best[0]]).sum())
    shares = np.exp(logits[[token, *best]] - logits[best[0]]) / total  # of all, only these are told
    others = zip(best.tolist(), shares[1:].tolist(), strict=True)
    alternatives = tuple((vocabulary.shown(other), share) for other, share in others)
    return Token(token, text, float(shares[0]), alternatives, hint)
