"""Random weights in the publishers' formats: how fast a model will be here, before its download.

`shapes/NAME.json` has each file's format, tensors (type and shape) and what else its graph is
built by; `python -m export shapes NAME` writes it from the real file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput
from model_zoo.spec import WEIGHTS, ModelSpec, Weights, stored
from model_zoo.weights.store import BYTES_PER_WEIGHT

SHAPES = WEIGHTS / "shapes"
RANDOM = "random weights"
SCALE = 0.02  # of the normal distribution: what many models begin with
Shapes = Mapping[str, Any]
Array = npt.NDArray[Any]


def stand_in(spec: ModelSpec, folder: Path, precision: str, parts: Iterable[str]) -> ModelSpec:
    """The model with graphs of random weights, built in `folder` by the very same builder.

    It has a name of its own, so that nobody who asks for the model is given its open graphs. A
    model whose graphs are in the program is given as it is.
    Raises BadInput for a model whose shapes nobody has recorded.
    """
    if spec.weights.build is None:
        return spec
    folder = folder / spec.name  # two models may have files of one name
    made = replace(
        spec, name=f"{spec.name}.random", weights=Weights(graphs=folder, labels=spec.weights.labels)
    )
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for name, facts in shapes(spec).items():
        files[name] = folder / name
        if not files[name].exists():
            FORMATS[facts["format"]](files[name], facts)
    if spec.adapter_file:
        files[spec.adapter_file.name] = spec.adapter_file
    for part in parts:
        path = made.embedded_file(precision, part)
        if not path.exists():
            spec.weights.build(files, part, stored(precision), path)
    return made


def room_for(spec: ModelSpec, precisions: Iterable[str]) -> int:
    """Bytes on the disk that `stand_in` needs, roughly: of the files and of all graphs."""
    if spec.weights.build is None:
        return 0
    files: int = sum(
        prod(shape) * np.dtype(kind).itemsize
        for facts in shapes(spec).values()
        for kind, shape, *_ in facts["tensors"].values()
    )
    each = {BYTES_PER_WEIGHT[stored(precision)] for precision in precisions}
    return files + sum(each) * spec.card.parameters


def shapes(spec: ModelSpec) -> Shapes:
    """What is recorded of a model's files, by their names."""
    path = SHAPES / f"{spec.name}.json"
    if not path.is_file():
        raise BadInput("The shapes of {} are not recorded: it needs its weights.", spec.name)
    found: Shapes = json.loads(path.read_text(encoding="utf-8"))
    return found


def _arrays(facts: Shapes) -> Iterable[tuple[str, Array]]:
    """No two alike: equal ones would come from the processor's cache, at twice the speed."""
    chance = np.random.default_rng(0)
    for name, (kind, shape, *values) in facts["tensors"].items():
        if values:  # a number that the builder reads: of heads, say
            yield name, np.array(values[0], kind).reshape(shape)
        elif np.dtype(kind).kind == "f":
            yield name, (SCALE * chance.standard_normal(shape, np.float32)).astype(kind)
        else:
            yield name, chance.integers(-99, 99, shape).astype(kind)


def _safetensors(path: Path, facts: Shapes) -> None:
    from safetensors.numpy import save_file

    save_file(dict(_arrays(facts)), path)


def _ctranslate2(path: Path, facts: Shapes) -> None:
    from model_zoo.graphs.ctranslate2 import TYPES, VERSION

    def text(words: str) -> bytes:
        return struct.pack("<H", len(words) + 1) + words.encode() + b"\0"

    with path.open("wb") as file:
        file.write(struct.pack("<I", VERSION) + text("WhisperSpec") + struct.pack("<I", 3))
        file.write(struct.pack("<I", len(facts["tensors"])))
        for name, array in _arrays(facts):
            number = [np.dtype(kind) for kind in TYPES].index(array.dtype)
            shape = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
            file.write(text(name) + shape + struct.pack("<BI", number, array.nbytes))
            file.write(array.tobytes())
        file.write(struct.pack("<I", len(facts["aliases"])))
        for alias, name in facts["aliases"].items():
            file.write(text(alias) + text(name))


def _gguf(path: Path, facts: Shapes) -> None:
    """As GGUF has it: the fastest axis first, every tensor from a multiple of 32 bytes on."""
    from model_zoo.graphs.gguf import STRING

    def text(words: str) -> bytes:
        return struct.pack("<Q", len(words)) + words.encode()

    def write(file: BinaryIO, name: str, value: object) -> None:
        kinds = {int: (10, "Q"), float: (6, "f")}
        if isinstance(value, str):
            file.write(text(name) + struct.pack("<I", STRING) + text(value))
        else:
            number, letter = kinds[type(value)]
            file.write(text(name) + struct.pack(f"<I{letter}", number, value))

    metadata, at = facts["metadata"], 0
    with path.open("wb") as file:
        file.write(struct.pack("<4sIQQ", b"GGUF", 3, len(facts["tensors"]), len(metadata)))
        for name, value in metadata.items():
            write(file, name, value)
        for name, array in _arrays(facts):
            number = {"float32": 0, "float16": 1}[str(array.dtype)]
            place = struct.pack(f"<I{array.ndim}QIQ", array.ndim, *array.shape[::-1], number, at)
            file.write(text(name) + place)
            at += -(-array.nbytes // 32) * 32
        file.write(bytes(-file.tell() % 32))
        for _, array in _arrays(facts):
            file.write(array.tobytes() + bytes(-array.nbytes % 32))


FORMATS: dict[str, Callable[[Path, Shapes], None]] = {
    "safetensors": _safetensors,
    "ctranslate2": _ctranslate2,
    "gguf": _gguf,
}
