"""A text that a model goes on with as if it had written it itself.

A text is cut into tokens as far as it goes: "The capital of Fran" ends in "Fran", a token that
stands before "ce" nowhere in what the model was trained on, and a space at the end is a token of
its own where the model knows " Paris". So the last word is open: the model takes either the tokens
that it was cut into, or one that says more than what remains of it, each as probable as it is
(token healing, after Lundberg's guidance).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_zoo.text.memory import Reader
from model_zoo.text.sampling import Sampler
from model_zoo.text.signs import Token, whole
from model_zoo.text.tokens import Vocabulary

MOST_OPEN = 8  # tokens at the end of the prompt's last word that may be chosen anew

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prompt:
    """The tokens of a text; `written`: those behind them that the model has written already.

    `open`: how many at the end of `tokens` make its last word. `spaced`: of white space that ends
    in a space the tokens before that space, as they are where a word follows. `seen`: tokens that
    count as written for the repetition penalty.
    """

    tokens: tuple[int, ...]
    written: tuple[Token, ...] = ()
    open: int = 0
    spaced: tuple[int, ...] = ()
    seen: frozenset[int] = frozenset()

    def held(self, capacity: int) -> list[int]:
        """Those that a reader looks back at; of a text that is too long, as many of its last ones
        as were left when it was written at once: half, and what came since."""
        tokens = [*self.tokens, *(token.id for token in self.written)]
        kept = capacity // 2
        if len(tokens) <= capacity:
            return tokens
        return tokens[-(kept + (len(tokens) - capacity - 1) % (capacity - kept + 1)) :]


@dataclass(frozen=True)
class Start:
    """Where a text goes on: the tokens read, the logits behind them, and what must come first.

    `again`: what of the first token the prompt holds already.
    """

    read: tuple[int, ...]
    logits: Logits
    first: int | None = None
    again: str = ""


def prompt_of(vocabulary: Vocabulary, text: str, before: Sequence[int] = ()) -> Prompt:
    """The text behind the tokens `before`, its last word open."""
    tokens = vocabulary.encode(text)
    start = vocabulary.last_word(text)
    word = text[start:]
    last = vocabulary.encode(word)[-MOST_OPEN:]
    if not last or tokens[-len(last) :] != last:
        return Prompt((*before, *tokens))
    spaced: tuple[int, ...] = ()
    if len(word) > 1 and word.isspace() and word.endswith(" "):
        spaced = (*before, *vocabulary.encode(text[:-1]))
    if len(last) == len(before) + len(tokens):  # behind nothing all is possible
        return Prompt(tuple(tokens))
    return Prompt((*before, *tokens), open=len(last), spaced=spaced)


def begin(reader: Reader, vocabulary: Vocabulary, prompt: Prompt, choose: Sampler) -> Start:
    """Read the prompt, and choose how its last word goes on."""
    if prompt.written:
        held = prompt.held(reader.decoder.capacity)
        return Start(tuple(held), reader.read(held, onward=True)[-1])
    ways = list[tuple[Start, float]]()
    if prompt.spaced:
        ways += _longer(vocabulary, prompt.spaced, b" ", reader.read(prompt.spaced)[-1], 0.0)
    behind = reader.read(prompt.tokens, last=prompt.open + 1)
    known = len(prompt.tokens) - prompt.open
    score = 0.0  # the logarithm of the probability of the tokens so far
    for position, logits in enumerate(behind[:-1], known):
        rest = b"".join(map(vocabulary.piece, prompt.tokens[position:]))
        ways += _longer(vocabulary, prompt.tokens[:position], rest, logits, score)
        score += float(logits[prompt.tokens[position]]) - _total(logits)
    as_cut = Start(prompt.tokens, behind[-1])
    if not ways:
        return as_cut
    ways.append((as_cut, score))
    start, _ = ways[choose(np.array([score for _, score in ways], np.float32), ())]
    if start.first is not None:
        if reader.tokens[: len(start.read)] == list(start.read):
            reader.forget(len(start.read))
        else:
            reader.read(start.read)
    return start


def _longer(
    vocabulary: Vocabulary, read: Sequence[int], rest: bytes, logits: Logits, score: float
) -> Iterator[tuple[Start, float]]:
    """The tokens that begin with `rest` and say more, each with the logarithm of its share."""
    if not (again := whole(rest)) or "\ufffd" in again:
        return
    total = _total(logits)
    for token in vocabulary.longer(rest):
        if not whole(vocabulary.piece(token)):
            continue  # it ends within a sign
        yield Start(tuple(read), logits, token, again), score + float(logits[token]) - total


def _total(logits: Logits) -> float:
    best = float(logits.max())
    return best + float(np.log(np.exp(logits - np.float32(best)).sum()))


def is_whole(vocabulary: Vocabulary, tokens: Sequence[Token]) -> bool:
    """Whether the tokens' texts are all that the tokens stand for, but for a sign to be ended."""
    text, rest = "", b""
    for token in tokens:
        rest += vocabulary.piece(token.id)
        if more := whole(rest):
            text, rest = text + more, b""
    return text.removeprefix(tokens[0].again) == "".join(token.text for token in tokens)
