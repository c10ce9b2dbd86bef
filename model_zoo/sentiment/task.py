"""Sentiment analysis: its labels, when an answer is an opinion, and what a list gets of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from model_zoo.inputs import read_text
from model_zoo.sentiment.trace import Judged, TextTrace
from model_zoo.stopping import NEVER, Stop
from model_zoo.task import Task, Yardstick

LABELS = ("negative", "positive")
UNSURE = "mixed or neutral"
SURE = 0.75  # the least probability that counts as an opinion
EXAMPLE = (  # 32 tokens with the marks around them, to measure with
    "it is a charming and often affecting journey through a city that never sleeps , told with wit "
    "and warmth by a director who trusts all his fine actors ."
)


class Judge(Protocol):
    """A model that answers a list of texts."""

    def classify_many(self, given: Iterable[str], stop: Stop = NEVER) -> Iterator[Judged]: ...


def verdict(answer: Mapping[str, float]) -> str:
    """The best label, "mixed or neutral" where it is not sure enough, "" without an answer."""
    if not answer:
        return ""
    best = max(answer, key=lambda label: answer[label])
    return best if answer[best] >= SURE else UNSURE


def cells(model: Judge, given: Sequence[str], stop: Stop = NEVER) -> Iterator[dict[str, str]]:
    """What a list's rows get for their texts; where there is no answer the verdict says why."""
    for answer in model.classify_many(given, stop):
        best = next(iter(answer), "")
        yield {
            "answer": best,
            "probability": f"{answer[best]:.4f}" if answer else "",
            "verdict": verdict(answer) or answer.hint,
            "hint": answer.hint if answer else "",
        }


SENTIMENT = Task[str, TextTrace](
    "sentiment analysis",
    read_text,
    lambda: EXAMPLE,
    Yardstick("accuracy", 0.003),
    cells=cells,
)
