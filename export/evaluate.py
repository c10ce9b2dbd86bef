"""Accuracy, calibration and what int8 costs, on every part of a recipe's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.recipes.metrics import measure
from export.recipes.recipe import Recipe
from model_zoo import zoo
from model_zoo.classify import as_batch
from model_zoo.session import Session
from model_zoo.spec import ModelSpec

BATCH = 250


@dataclass(frozen=True)
class Score:
    """One precision of one model on one part of the data."""

    model: str
    precision: str
    part: str
    pictures: int
    accuracy: float
    calibration_error: float


def evaluate(spec: ModelSpec, recipe: Recipe, data: Path | None) -> Iterator[Score]:
    """Run the zoo's own graphs over the recipe's evaluation parts."""
    parts = recipe.evaluation(data)
    for precision in spec.precisions:
        session = Session(zoo.graph_file(spec, precision), precision, "cpu")
        for name, part in parts.items():
            starts = range(0, len(part.images), BATCH)
            batches = (as_batch(part.images[start : start + BATCH]) for start in starts)
            logits = np.concatenate([session(image=batch)[0] for batch in batches])
            found = measure(logits, part.labels)
            yield Score(
                spec.name,
                precision,
                name,
                len(part.labels),
                found.accuracy,
                found.calibration_error,
            )
