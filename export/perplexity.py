"""Perplexity of the language models at every precision, on prose that every machine has."""

from __future__ import annotations

import math
import platform
import pydoc_data.topics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_zoo import zoo
from model_zoo.errors import BadInput
from model_zoo.spec import ModelSpec

PROSE = Path(__file__).with_name("prose.txt")  # stories and explanations written for this
CHARACTERS = 21_000  # of Python's own help: text of another kind, and enough of it to be sure
PIECE = 7_000  # of which each is a text of its own


@dataclass(frozen=True)
class Perplexity:
    """One precision of one model on the fixed text; `more` is what it is above fp32's, a share."""

    model: str
    precision: str
    part: str
    tokens: int
    perplexity: float
    more: float


def fixed_text() -> list[str]:
    """The prose, and pages of the help that comes with Python."""
    topics = pydoc_data.topics.topics
    pages = "\n".join(topics[name] for name in sorted(topics))[:CHARACTERS]
    pieces = [pages[start : start + PIECE] for start in range(0, CHARACTERS, PIECE)]
    return [PROSE.read_text(encoding="utf-8"), *pieces]


def evaluate(spec: ModelSpec, data: Path | None = None) -> Iterator[Perplexity]:
    """Run the zoo's own graphs over the fixed text, on the CPU."""
    if data is not None:
        raise BadInput("Perplexity is measured on a fixed text: leave --data out.")
    part = f"fixed text (Python {platform.python_version()}'s help)"
    reference = 0.0
    for precision in spec.run.precisions:
        model = zoo.load(spec.name, precision, "cpu")
        tokens = [token for text in fixed_text() for token in model.score(text).tokens]
        # A token without a text is a part of a sign, which has the probability of all its tokens.
        mean = sum(math.log(token.probability) for token in tokens if token.text) / len(tokens)
        found = math.exp(-mean)
        reference = reference or found
        yield Perplexity(spec.name, precision, part, len(tokens), found, found / reference - 1)
