"""Byte-level BPE, from a GGUF's metadata or from GPT-2's two files: text to tokens and to bytes."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.text.encoding import mend

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FARTHEST = 100  # characters, that the beginning of a last word is searched in
LONGEST_PIECE = 512  # bytes, more than any token stands for
CONTROL = 3  # GGUF's type of a token that no text contains


@dataclass(frozen=True)
class Chat:
    """How an instruct model is spoken to: "<|im_start|>user\\n…<|im_end|>\\n" and so on."""

    start: int
    end: int
    system: str


class Vocabulary:
    """Text to tokens and back; `ends` are the tokens that say that a text is over.

    `document`: the token between documents, before which there is nothing to know. No text is
    ever read as a special token: whoever writes "<|im_end|>" has written ten characters.
    """

    def __init__(
        self,
        tokens: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
        special: frozenset[int],
        document: int,
        single_digits: bool,
        chat: Chat | None = None,
    ) -> None:
        from tokenizers import Tokenizer, models, pre_tokenizers

        self.size, self.special, self.document, self.chat = len(tokens), special, document, chat
        self.ends = frozenset({document} | ({chat.end} if chat else set()))
        self._names = {token: name for name, token in tokens.items()}
        self._tokenizer: Tokenizer = Tokenizer(models.BPE(dict(tokens), list(merges)))
        split = pre_tokenizers.ByteLevel(add_prefix_space=False)
        if single_digits:
            digits = pre_tokenizers.Digits(individual_digits=True)
            self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, split])
        else:
            self._tokenizer.pre_tokenizer = split

    def encode(self, text: str) -> list[int]:
        """The tokens of a text. Half a surrogate pair, which is no character, becomes U+FFFD."""
        return list(self._tokenizer.encode(mend(text), add_special_tokens=False).ids)

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for: perhaps only a part of a character."""
        return self._pieces[token]

    def longer(self, beginning: bytes) -> list[int]:
        """The tokens that begin with these bytes and have more."""
        pieces, tokens = self._sorted
        first = bisect_left(pieces, beginning + b"\0")
        last = bisect_left(pieces, beginning + b"\xff" * LONGEST_PIECE)
        return tokens[first:last]

    def last_word(self, text: str) -> int:
        """Where the last word begins, the space before it included: what no token reaches out of.

        Of a text that has no other word in its last hundred characters: its end.
        """
        tail = max(0, len(text) - FARTHEST)
        pieces = self._tokenizer.pre_tokenizer.pre_tokenize_str(text[tail:])
        start = tail + pieces[-1][1][0] if pieces else len(text)
        return start if start > tail or not tail else len(text)

    def shown(self, token: int) -> str:
        """A token by itself, as people are shown it."""
        if token in self.special:
            return self._names[token]
        return self.piece(token).decode("utf-8", "replace")

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of the tokens, special ones left out."""
        return b"".join(map(self.piece, tokens)).decode("utf-8", "replace")

    def message(self, text: str, answer: str = "") -> list[int]:
        """A question to an instruct model, up to its answer or the answer's beginning."""
        assert self.chat is not None
        line = self.encode("\n")
        tokens: list[int] = []
        for role, said in (("system", self.chat.system), ("user", text)):
            tokens += [self.chat.start, *self.encode(f"{role}\n{said}"), self.chat.end, *line]
        return [*tokens, self.chat.start, *self.encode("assistant\n"), *self.encode(answer)]

    @cached_property
    def _pieces(self) -> tuple[bytes, ...]:
        byte = {character: number for number, character in enumerate(byte_alphabet())}
        return tuple(
            b"" if token in self.special else bytes(byte[c] for c in self._names[token])
            for token in range(self.size)
        )

    @cached_property
    def _sorted(self) -> tuple[list[bytes], list[int]]:
        """The pieces in order, and their tokens."""
        tokens = sorted(range(self.size), key=self.piece)
        return [self.piece(token) for token in tokens], tokens


def from_gguf(metadata: Mapping[str, Any]) -> Vocabulary:
    """SmolLM2's vocabulary, in which every digit is a token of its own, and its chat."""
    if (kind := metadata["tokenizer.ggml.model"], metadata["tokenizer.ggml.pre"]) != (
        "gpt2",
        "smollm",
    ):
        raise ValueError(f"a tokenizer of kind {kind} is not known here")
    names = metadata["tokenizer.ggml.tokens"]
    tokens = {name: token for token, name in enumerate(names)}
    kinds = metadata["tokenizer.ggml.token_type"]
    special = frozenset(token for token, kind in enumerate(kinds) if kind == CONTROL)
    system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    assert system in metadata["tokenizer.chat_template"]
    chat = Chat(tokens["<|im_start|>"], tokens["<|im_end|>"], system)
    merges = [_pair(line) for line in metadata["tokenizer.ggml.merges"]]
    return Vocabulary(tokens, merges, special, tokens["<|endoftext|>"], True, chat)


def from_files(vocabulary: Path, merges: Path) -> Vocabulary:
    """GPT-2's, from `vocab.json` and `merges.txt`."""
    tokens = json.loads(vocabulary.read_text(encoding="utf-8"))
    lines = merges.read_text(encoding="utf-8").splitlines()
    pairs = [_pair(line) for line in lines if line and not line.startswith("#version")]
    document = tokens["<|endoftext|>"]
    return Vocabulary(tokens, pairs, frozenset({document}), document, False)


def _pair(line: str) -> tuple[str, str]:
    left, _, right = line.partition(" ")
    return left, right


def byte_alphabet() -> list[str]:
    """The character that GPT-2's vocabulary writes for each byte: itself where one can see it.

    The others, in order, are the characters from 256 on. Source: openai/gpt-2, encoder.py.
    """
    seen = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)}
    seen |= set(range(ord("®"), ord("ÿ") + 1))
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(byte if byte in seen else 256 + hidden.index(byte)) for byte in range(256)]
