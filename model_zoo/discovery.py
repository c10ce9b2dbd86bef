"""Where models come from: the zoo's own rooms, installed packages, and the user's folder.

A package offers its models by an entry point in the group `sensorium.models` that names a module
with `SPECS`, or the specs themselves. In the user's folder every model has a folder of its own:

    my-model/model.toml              the manifest, see `from_manifest`
             my-model.fp32.onnx      the graph; my-model.int8.onnx beside it where there is one
"""

from __future__ import annotations

import os
import pkgutil
import tomllib
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from model_zoo.errors import BadInput
from model_zoo.spec import Card, ModelSpec, Run, Weights
from model_zoo.vision.classify import ImageClassifier
from model_zoo.vision.preprocessing import Preprocessing
from model_zoo.vision.task import DIGITS, IMAGES

ROOMS = (
    "model_zoo.vision",
    "model_zoo.text",
    "model_zoo.speech",
)  # packages whose files have models
GROUP = "sensorium.models"
MANIFEST = "model.toml"
TASKS = {task.name: task for task in (IMAGES, DIGITS)}  # whose models a manifest can describe


def own() -> Iterator[ModelSpec]:
    """The `SPECS` of each file in the zoo's rooms that has some."""
    for room in map(import_module, ROOMS):
        for module in pkgutil.iter_modules(room.__path__):
            if not module.name.startswith("_"):
                yield from getattr(import_module(f"{room.__name__}.{module.name}"), "SPECS", ())


def installed() -> Iterator[ModelSpec]:
    """The models of other packages; one that cannot be imported is told, and left out."""
    for point in entry_points(group=GROUP):
        try:
            found = point.load()
            yield from getattr(found, "SPECS", found)
        except Exception as error:  # whatever a stranger's package does
            warnings.warn(
                f"The models of {point.value} are left out "
                f"({type(error).__name__}: {error}): mend or remove that package.",
                stacklevel=2,
            )


def offered(group: str, name: str) -> Any:
    """What an installed package offers for a purpose, for example a task's check; None for nothing.

    A folder that was copied and not installed offers nothing.
    """
    return next((point.load() for point in entry_points(group=group, name=name)), None)


def folder() -> Path:
    """Where the user's own models lie: SENSORIUM_MODELS, or a folder of the user's data."""
    if chosen := os.environ.get("SENSORIUM_MODELS"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("sensorium", appauthor=False) / "models"


def in_folder() -> Iterator[ModelSpec]:
    """The models in the user's folder; one whose manifest is wrong is told, and left out."""
    try:
        manifests = sorted(folder().glob(f"*/{MANIFEST}"))
    except (OSError, RuntimeError):  # it may not be read, or there is no home to have one in
        return
    for manifest in manifests:
        try:
            yield from_manifest(manifest)
        except (BadInput, OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            warnings.warn(f"{manifest} is left out: {error}", stacklevel=2)


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
