"""Tokens as people read them: a sign made of several tokens is one, with one probability."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_zoo.text.sampling import largest
from model_zoo.text.tokens import Vocabulary

ALTERNATIVES = 5
LOOKED_AT = 20  # of the likeliest tokens: among them some may stand for a part of a sign only


@dataclass(frozen=True)
class Token:
    """One step of the loop.

    `text`: what can be shown since the last one, "" while a sign is not whole. `probability`: the
    model's own, whatever the options made of it; of a sign made of several tokens, which comes
    with the last of them, the product of theirs. `alternatives`: the five likeliest texts in its
    place with theirs, best first; while a sign is not whole, those until then. `hint`: what a
    reader should know from here on. `again`: the end of the prompt, where the token holds that
    too (see `prompt.py`).
    """

    id: int
    text: str
    probability: float
    alternatives: tuple[tuple[str, float], ...] = ()
    hint: str = ""
    again: str = ""


@dataclass(frozen=True)
class Step:
    """A token with the model's probability for it, and for the likeliest ones in its place."""

    id: int
    share: float
    others: tuple[tuple[int, float], ...]


def step_of(token: int, logits: npt.NDArray[np.float32]) -> Step:
    """What the logits [vocabulary] say of a token."""
    best = largest(logits, LOOKED_AT)
    total = float(np.exp(logits - logits[best[0]]).sum())
    shares = np.exp(logits[[token, *best]] - logits[best[0]]) / total  # of all, only these are told
    others = zip(best.tolist(), shares[1:].tolist(), strict=True)
    return Step(token, float(shares[0]), tuple(others))


class Signs:
    """Puts the tokens of one text together to whole signs; `before` are those that it began with.

    >>> signs = Signs(vocabulary)
    >>> [signs.add(step_of(token, logits)).text for token in grin]
    ['', '😀']
    """

    def __init__(self, vocabulary: Vocabulary, before: Sequence[Token] = ()) -> None:
        self._vocabulary = vocabulary
        self._others: dict[str, float] = {}
        self._begin()
        for token in before:
            if token.text:
                self._begin()
            elif token.id not in vocabulary.special:
                self._bytes += vocabulary.piece(token.id)
                self._share *= token.probability
                self._others = dict(token.alternatives)

    def add(self, step: Step, hint: str = "", again: str = "") -> Token:
        """The next token, with all that it makes whole, but for `again`."""
        for other, share in step.others:
            if text := self._completed(other, again):
                self._others[text] = self._others.get(text, 0.0) + self._share * share
        best = sorted(self._others.items(), key=lambda other: -other[1])[:ALTERNATIVES]
        if step.id not in self._vocabulary.special:
            self._bytes += self._vocabulary.piece(step.id)
            self._share *= step.share
        text = whole(self._bytes)
        if not text:
            self._others = dict(best) if self._bytes else {}
            return Token(step.id, "", step.share, tuple(best), hint, again)
        share = self._share
        self._begin()
        return Token(step.id, text.removeprefix(again), share, tuple(best), hint, again)

    def _begin(self) -> None:
        self._bytes, self._share, self._others = b"", 1.0, {}

    def _completed(self, token: int, again: str) -> str:
        """What would stand there with this token next; "" where that cannot be read."""
        if token in self._vocabulary.special:
            return "" if self._bytes else self._vocabulary.shown(token)
        text = whole(self._bytes + self._vocabulary.piece(token))
        return text[len(again) :] if text.startswith(again) and "\ufffd" not in text else ""


def whole(data: bytes) -> str:
    """The text of these bytes, "" where they end within a sign."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    return "" if decoder.getstate()[0] else text
