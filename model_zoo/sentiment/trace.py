"""What a classifier of texts tells beside its answer: of one text, and of an edit."""

from __future__ import annotations

from dataclasses import dataclass

from model_zoo.trace import Ran

Scored = list[tuple[str, float]]


@dataclass(frozen=True)
class TextTrace:
    """One text's way through the classifier.

    `answer`: label to probability, best first, {} where `hint` says why there is none.
    `verdict`: the best label, or "mixed or neutral" where the model is not sure of it.
    `log_odds`: of positive against negative. `words`: every word as written, with what it adds to
    them: log-odds of the text less those of the text without it; 0 where a text is so long that
    leaving out its last words in turn would take many seconds.
    `tokens`: what the network reads. `sentences`: each with its own probability of positive.
    `hint`: nothing to read, or a language that the model does not know.
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
