"""A user's own classifier: a graph, and a manifest that says what a model's file would."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from model_zoo.errors import BadInput
from model_zoo.spec import Card, ModelSpec, Run, Weights
from model_zoo.vision.classify import ImageClassifier
from model_zoo.vision.preprocessing import Preprocessing
from model_zoo.vision.task import DIGITS, IMAGES

TASKS = {task.name: task for task in (IMAGES, DIGITS)}  # whose models it can describe


def from_manifest(path: Path) -> ModelSpec:
    """The model that a manifest describes; its name is its folder's. Raises BadInput.

        task = "image classification"       # or "digit classification"
        labels = ["cup", "pen"]             # of the outputs, in their order
        title = "Cups and pens"             # as the rest of the card: may be left out

        [preprocessing]                     # the middle square, scaled
        side = 96
        crop = 1.0
        mean = [0.485, 0.456, 0.406]
        std = [0.229, 0.224, 0.225]

    The graph takes `image`, float32 [batch, 3, side, side], and gives `logits` [batch, labels] and
    `cam` [batch, labels, h, w], whose mean they are.
    """
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    name, known = path.parent.name, {*Card.__dataclass_fields__, "task", "labels", "preprocessing"}
    known.discard("metrics")
    if unknown := sorted(set(facts) - known):
        raise BadInput("It says {}: it may say {}.", ", ".join(unknown), ", ".join(sorted(known)))
    task = TASKS.get(str(facts.pop("task", "")))
    if task is None:
        raise BadInput("It says no task: choose one of {}.", ", ".join(TASKS))
    labels = facts.pop("labels", None)
    if not isinstance(labels, list) or len(set(map(str, labels))) != len(labels) or not labels:
        raise BadInput('It says no labels: list them, each once, as ["cup", "pen"].')
    seen = _preprocessing(facts.pop("preprocessing", None))
    graphs = path.parent
    precisions = tuple(p for p in ("fp32", "int8") if (graphs / f"{name}.{p}.onnx").is_file())
    if "fp32" not in precisions:
        raise BadInput("Its graph is missing: put {}.fp32.onnx beside it.", name)
    model = type("UsersModel", (ImageClassifier,), {"preprocessing": seen})
    return ModelSpec(
        name=name,
        task=task,
        card=_card(name, facts),
        weights=Weights(labels=tuple(map(str, labels)), graphs=graphs),
        run=Run(model, precisions),
    )


def _preprocessing(facts: Any) -> Preprocessing:
    if not isinstance(facts, dict) or not isinstance(facts.get("side"), int):
        raise BadInput("It says no [preprocessing] with the side that the network sees.")
    known = {"side", "crop", "mean", "std"}
    if unknown := sorted(set(facts) - known):
        raise BadInput("[preprocessing] says {}: it may say {}.", ", ".join(unknown), sorted(known))
    try:
        return Preprocessing(
            side=facts["side"],
            crop=float(facts.get("crop", 1.0)),
            mean=tuple(map(float, facts.get("mean", (0.0,)))),
            std=tuple(map(float, facts.get("std", (1.0,)))),
        )
    except (TypeError, ValueError):
        raise BadInput("crop is a number, mean and std are lists of numbers.") from None


def _card(name: str, facts: dict[str, Any]) -> Card:
    unsaid = {
        field: "" for field in Card.__dataclass_fields__ if field not in ("parameters", "metrics")
    }
    said = {"title": name, "licence": "not said", "made_by": "the user", "parameters": 0}
    words: dict[str, Any] = unsaid | said | facts
    for field, value in words.items():
        if type(value) is not (int if field == "parameters" else str):
            kind = "a whole number" if field == "parameters" else "a text"
            raise BadInput("{} is {}, not {}.", field, kind, repr(value))
    return Card(**words)
