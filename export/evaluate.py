"""Accuracy, calibration and what int8 costs, on every part of a recipe's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export import recipes
from export.recipes.metrics import measure
from model_zoo.runtime.providers import has_bf16, ready
from model_zoo.runtime.session import Session
from model_zoo.spec import ModelSpec
from model_zoo.weights import store


@dataclass(frozen=True)
class Score:
    """One precision of one model on one part of the data."""

    model: str
    precision: str
    part: str
    count: int
    accuracy: float
    calibration_error: float


def evaluate(spec: ModelSpec, data: Path | None) -> Iterator[Score]:
    """Run the zoo's own graphs over the recipe's evaluation parts; bf16 where it can run."""
    recipe = recipes.find(spec.name)
    parts = recipe.evaluation(data)
    for precision in spec.run.precisions:
        provider = "openvino" if precision == "bf16" else "cpu"
        if precision == "bf16" and not ("openvino" in ready() and has_bf16()):
            continue
        session = Session(store.graph_file(spec, precision), precision, provider)
        for name, part in parts.items():
            found = measure(recipe.logits(session, part), part.labels)
            yield Score(
                spec.name,
                precision,
                name,
                len(part.labels),
                found.accuracy,
                found.calibration_error,
            )
