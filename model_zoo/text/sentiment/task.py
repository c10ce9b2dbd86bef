"""Sentiment analysis: its labels, when an answer is an opinion, and what a list gets of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from model_zoo.inputs import read_text
from model_zoo.stopping import NEVER, Stop
from model_zoo.task import Task, Yardstick
from model_zoo.text.sentiment.trace import SentimentTrace

if TYPE_CHECKING:
    from model_zoo.text.sst2_minilm import Sst2Minilm

LABELS = ("negative", "positive")
UNSURE = "mixed or neutral"
SURE = 0.75  # the least probability that counts as an opinion
EXAMPLE = (  # 32 tokens with the marks around them, to measure with
    "it is a charming and often affecting journey through a city that never sleeps , told with wit "
    "and warmth by a director who trusts all his fine actors ."
)


def verdict(answer: Mapping[str, float]) -> str:
    """The best label, "mixed or neutral" where it is not sure enough, "" without an answer."""
    if not answer:
        return ""
    best = max(answer, key=lambda label: answer[label])
    return best if answer[best] >= SURE else UNSURE


def cells(model: Sst2Minilm, given: Sequence[str], stop: Stop = NEVER) -> Iterator[dict[str, str]]:
    """What a list's rows get for their texts; where there is no answer the verdict says why."""
    for answer in model.classify_many(given, stop):
        best = next(iter(answer), "")
        yield {
            "answer": best,
            "probability": f"{answer[best]:.4f}" if answer else "",
            "verdict": verdict(answer) or answer.hint,
            "hint": answer.hint if answer else "",
        }


def example() -> str:
    """A sentence of usual length."""
    return EXAMPLE


SENTIMENT: Task[str, SentimentTrace, Sst2Minilm] = Task(
    "sentiment analysis",
    read_text,
    example,
    Yardstick("accuracy", 0.003),
    cells=cells,
)
