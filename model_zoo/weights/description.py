"""What an ONNX file says of itself, to whoever has nothing else of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from model_zoo._version import VERSION
from model_zoo.spec import ModelSpec

PRODUCER = "Sensorium"


def description(spec: ModelSpec) -> Mapping[str, str]:
    """The metadata of a model's files; what is no text is JSON.

    Facts, not a card's words: with the words every graph would have to be built again.

    >>> description(zoo.spec("mnist-cnn"))["licence"]
    'MIT'
    """
    said = {"model": spec.name, "task": str(spec.task), "licence": spec.card.licence}
    if spec.weights.sources:
        said["made_from"] = _json({file.filename: file.sha256 for file in spec.weights.sources})
    if spec.weights.labels:
        said["labels"] = _json(spec.weights.labels)
    factory = spec.run.factory
    steps = getattr(factory, "preprocessing", None)
    if is_dataclass(steps) and not isinstance(steps, type) and "preprocess" not in vars(factory):
        said["preprocessing"] = _json(asdict(steps, dict_factory=_plain))  # and nothing else
    return said


def describe(path: Path, spec: ModelSpec) -> None:
    """Have a file that was just written say what it is, however large it is.

    Protobuf reads what is appended to a message as part of it.
    """
    from onnx import ModelProto, helper

    more = ModelProto(producer_name=PRODUCER, producer_version=VERSION)
    helper.set_model_props(more, dict(description(spec)))
    with path.open("ab") as file:
        file.write(more.SerializeToString())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: v.name.lower() if isinstance(v, Enum) else v for name, v in items}
