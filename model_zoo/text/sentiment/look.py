"""A text before the network reads it: its tokens, and what a reader must know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_zoo.sentence import sentence
from model_zoo.text import texts
from model_zoo.text.sentiment.pieces import Piece, cut

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FOREIGN = "This does not look like English, the only language that this model knows."
UNREADABLE = "Most of its words are unknown to the network: write it in plain English."
NAMED = 3  # what cannot be read and is named in a hint


@dataclass(frozen=True)
class Look:
    """A text in plain letters and its pieces, without what the network does not know.

    `hint`: what a reader should know beside the answer; without pieces, why there is none.
    """

    text: str
    pieces: list[Piece]
    hint: str = ""


def look(given: object, tokenizer: Tokenizer) -> Look:
    """Look at a text; raises BadInput for what is none or too long."""
    text = texts.plain(texts.check(given))
    if hint := texts.blank(text):
        return Look(text, [], hint)
    unknown, lost, pieces = tokenizer.token_to_id("[UNK]"), set[int](), []
    for piece in cut(text, tokenizer):
        pairs = list(zip(piece.tokens, piece.words, strict=True))
        lost |= {word for token, word in pairs if token == unknown}
        if known := [pair for pair in pairs if pair[0] != unknown]:
            pieces.append(Piece(*map(list, zip(*known, strict=True))))
    every = [text[first:last] for first, last in texts.words(text)]
    unread = [every[index] for index in sorted(lost)]
    foreign = texts.foreign(text)
    if not pieces or 2 * sum(map(_is_word, unread)) > sum(map(_is_word, every)):
        return Look(text, [], FOREIGN if foreign else UNREADABLE)
    return Look(text, pieces, FOREIGN if foreign else _left_out(unread))


def _left_out(unread: list[str]) -> str:
    if not unread:
        return ""
    first = list(dict.fromkeys(unread))
    named = ", ".join(f"“{word[:40]}”" for word in first[:NAMED])
    more = " …" if len(first) > NAMED else ""
    return sentence("The network cannot read {}: the answer is about the rest.", named + more)


def _is_word(word: str) -> bool:
    return any(character.isalnum() for character in word)
