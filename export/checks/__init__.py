"""Compare what is shipped with the original implementation, number by number; one file a family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model_zoo.discovery import offered
from model_zoo.errors import BadInput
from model_zoo.spec import ModelSpec


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
    checks = offered("sensorium.checks", spec.task.slug)
    if checks is None:
        raise BadInput(f"Nobody has written a check for {spec.task}: {spec.name} is not compared.")
    comparisons: Iterator[Comparison] = checks(spec)
    return comparisons
