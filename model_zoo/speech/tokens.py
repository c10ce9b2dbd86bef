"""Whisper's vocabulary: text, languages, tasks and timestamps, by the publisher's own files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from model_zoo.errors import BadInput
from model_zoo.speech.languages import NAMES

TOKENS_PER_SECOND = 50  # a timestamp every 20 ms
MULTILINGUAL_END = 50257  # the English-only vocabulary has one token less before its end
TASKS = ("transcribe", "translate")


class WhisperVocabulary:
    """Text to tokens and back, and the ids of Whisper's special tokens.

    Source: `tokenizer.json` and `config.json` beside the weights.
    """

    def __init__(self, tokenizer: Path, config: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        facts = json.loads(config.read_text(encoding="utf-8"))
        self.alignment_heads = tuple((int(a), int(b)) for a, b in facts["alignment_heads"])
        self.end = self._id("<|endoftext|>")
        self.start = self._id("<|startoftranscript|>")
        self.previous = self._id("<|startofprev|>")
        self.no_timestamps = self._id("<|notimestamps|>")
        self.no_speech = self._id("<|nocaptions|>")
        self.timestamps = self.no_timestamps + 1  # the first of 1501, 0.00 s to 30.00 s
        self.tasks = {task: self._id(f"<|{task}|>") for task in TASKS}
        languages = {code: self._tokenizer.token_to_id(f"<|{code}|>") for code in NAMES}
        first, last = self.start + 1, min(self.tasks.values())
        self.languages = {c: i for c, i in languages.items() if i is not None and first <= i < last}
        self.multilingual = self.end == MULTILINGUAL_END
        specials = {*self.tasks.values(), self.start, self.previous, self.no_speech}
        specials.add(self._id("<|startoflm|>"))
        # What openai-whisper calls non-speech tokens: brackets, notes and the like.
        self.suppressed = tuple(sorted({*facts["suppress_ids"], *specials}))
        self.suppressed_first = (*self.encode(" "), self.end)

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, without any special one."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of the tokens, special ones and timestamps left out."""
        return str(self._tokenizer.decode([token for token in tokens if token < self.end]))

    def prompt(self, language: str, task: str) -> list[int]:
        """What a transcript begins with, timestamps included; English-only models know no tasks."""
        if not self.multilingual:
            return [self.start]
        return [self.start, self.languages[language], self.tasks[task]]

    def require_language(self, language: str) -> None:
        """BadInput for a language of NAMES that the model does not know."""
        if not self.multilingual and language != "en":
            raise BadInput(
                "This model knows English only, not {}: choose whisper-base.", NAMES[language]
            )

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no {token}")
        return int(found)
