"""A model of a tiny graph, in place of the zoo's own, where a test needs one of its own."""

from dataclasses import replace
from typing import Any

import model_zoo
from model_zoo.spec import Builder, Metric, ModelSpec, Run, Weights
from model_zoo.weights.source import Source, Wheel

SOURCE = Source("toy.bin", "1" * 64, 7, wheels=(Wheel("toy", "1.0", "0" * 64, 7, "toy/toy.bin"),))


def spec(
    build: Builder | None = None,
    name: str = "toy",
    metrics: tuple[Metric, ...] = (),
    **run: Any,
) -> ModelSpec:
    """The digits' model with another name, figures and graph, the one that `build` makes."""
    digits = model_zoo.spec("mnist-cnn")
    weights = Weights((SOURCE,), build) if build else Weights()
    return ModelSpec(
        name,
        digits.task,
        replace(digits.card, metrics=metrics),
        replace(weights, labels=digits.weights.labels),
        Run(digits.run.factory, **run),
    )
