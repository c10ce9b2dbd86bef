"""Sentiment analysis: its labels, when an answer is an opinion, and what a list gets of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model_zoo.inputs import read_text
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.stopping import NEVER, Stop
from model_zoo.task import Task, Yardstick
from model_zoo.text.sentiment.trace import SentimentTrace

if TYPE_CHECKING:
    from model_zoo.text.sst2_minilm import Sst2Minilm

LABELS = ("negative", "positive")
UNSURE = "mixed or neutral"
SURE = 0.75  # the least probability that counts as an opinion
TOKENS = 32  # of the probe and, with the marks around them, of the example
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


def probe(
    spec: ModelSpec, precision: str, provider: str
) -> Callable[[], Sequence[npt.NDArray[Any]]]:
    """A sentence of usual length: its logits [1, labels]."""
    session = open_session(spec, precision, provider)
    tokens = np.arange(2000, 2000 + TOKENS)[None]
    return lambda: session(tokens=tokens, mask=np.ones_like(tokens))


SENTIMENT: Task[str, SentimentTrace, Sst2Minilm] = Task(
    "sentiment analysis",
    read_text,
    example,
    Yardstick("accuracy", 0.003),
    probe=probe,
    probe_work=f"a text of {TOKENS} tokens",
    cells=cells,
)
