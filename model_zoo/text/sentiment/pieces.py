"""A text as BERT reads it: whole, or in pieces that are short enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model_zoo.text import texts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LENGTH = 256  # tokens; a longer text is read by sentence, as the base was trained on no longer ones
CLS, SEP = 101, 102  # BERT's marks of beginning and end


@dataclass(frozen=True)
class Piece:
    """Tokens that are read together, and the word [index] that each belongs to."""

    tokens: list[int]
    words: list[int]

    def row(self, without: int | None = None) -> list[int]:
        """What the network gets, all of it or without one word."""
        pairs = zip(self.tokens, self.words, strict=True)
        return [CLS, *(token for token, word in pairs if word != without), SEP]


def cut(text: str, tokenizer: Tokenizer) -> list[Piece]:
    """The text's tokens, without marks, in one piece, or where there are too many by sentence."""
    encoded = tokenizer.encode(text, add_special_tokens=False)
    starts = [first for first, _ in encoded.offsets]
    words = _places(starts, texts.words(text))
    room = LENGTH - 2  # CLS and SEP
    if len(starts) <= room:
        return [Piece(encoded.ids, words)]
    cuts = [0]
    inside = _places(starts, texts.sentences(text))
    for index, sentence in enumerate(inside):
        if sentence != inside[cuts[-1]] or index - cuts[-1] == room:
            cuts.append(index)
    ends = [*cuts[1:], len(starts)]
    return [Piece(encoded.ids[a:b], words[a:b]) for a, b in zip(cuts, ends, strict=True)]


def _places(starts: Sequence[int], spans: Sequence[texts.Span]) -> list[int]:
    """Which span each start lies in."""
    found = np.searchsorted([first for first, _ in spans], starts, side="right") - 1
    return [int(position) for position in found]
