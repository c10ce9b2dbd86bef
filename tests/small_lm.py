"""A small language model of noise, where no real weights are needed."""

from __future__ import annotations

import model_zoo
from model_zoo.runtime.session import Session
from model_zoo.text.model import LanguageModel
from model_zoo.text.tokens import Vocabulary, byte_alphabet

PLACES = 64  # that it is let look back at


class Small(LanguageModel):
    """Every byte is a token, and two layers of noise say what comes next."""

    capacity = PLACES

    def __init__(self, session: Session) -> None:
        super().__init__(model_zoo.spec("gpt2"), "fp32", "cpu")
        self._session = session

    @property
    def session(self) -> Session:
        return self._session

    @property
    def vocabulary(self) -> Vocabulary:
        names = [*byte_alphabet(), "<|endoftext|>", *(f"<{i}>" for i in range(63))]
        special = frozenset(range(256, 320))
        tokens = {name: token for token, name in enumerate(names)}
        return Vocabulary(tokens, [], special, 256, False)

    def read_vocabulary(self, files: object) -> Vocabulary:
        raise NotImplementedError
