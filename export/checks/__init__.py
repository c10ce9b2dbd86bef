"""Compare what is shipped with the original implementation, number by number; one file a family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from model_zoo.spec import ModelSpec

# A model's task to the module here that checks it; imported, and torch with it, when asked for.
_MODULES = {
    "digit classification": "pictures",
    "image classification": "pictures",
    "sentiment analysis": "sentiment",
    "speech recognition": "speech",
    "text generation": "text",
}


@dataclass(frozen=True)
class Comparison:
    """One output of one graph on one input against the original's."""

    model: str
    precision: str
    output: str
    shape: tuple[int, ...]
    largest_difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """False also where the difference is not a number."""
        return self.largest_difference <= self.tolerance


def check(spec: ModelSpec) -> Iterator[Comparison]:
    """Every comparison of a model, as they are made."""
    module = import_module(f"{__name__}.{_MODULES[spec.task.name]}")
    comparisons: Iterator[Comparison] = module.check(spec)
    return comparisons
