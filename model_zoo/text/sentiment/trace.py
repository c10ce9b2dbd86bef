"""What a classifier of texts tells beside its answer: of one text, and of an edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_zoo.trace import Ran

Scored = list[tuple[str, float]]


class Judged(dict[str, float]):
    """Label to probability, best first, with a hint for the reader; {} where it says why."""

    def __init__(self, answer: Mapping[str, float], hint: str = "") -> None:
        super().__init__(answer)
        self.hint = hint


@dataclass(frozen=True)
class SentimentTrace:
    """One text's way through the classifier.

    `answer`: label to probability, best first, {} where `hint` says why there is none.
    `verdict`: the best label, or "mixed or neutral" where the model is not sure of it.
    `log_odds`: of positive against negative. `words`: every word, in plain letters, with what it
    adds to them: log-odds of the text less those of the text without it; 0 where a text is so long
    that leaving out its last words in turn would take many seconds.
    `tokens`: what the network reads. `sentences`: each with its own probability of positive.
    `hint`: what a reader should know: nothing to read, another language, words it cannot read.
    """

    answer: dict[str, float]
    verdict: str
    log_odds: float
    words: Scored
    tokens: list[str]
    sentences: Scored
    timings: dict[str, float]
    ran: Ran
    hint: str = ""


@dataclass(frozen=True)
class Change:
    """What an edit did: both answers, the words that went and came, and the log-odds' change."""

    before: dict[str, float]
    after: dict[str, float]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    log_odds: float
