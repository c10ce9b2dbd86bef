"""Record the shapes of a model's weights, for `model_zoo/weights/random.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo import zoo
from model_zoo.graphs import ctranslate2, gguf
from model_zoo.weights.random import SHAPES
from model_zoo.weights.store import weights_of

FEW = 4  # numbers of a tensor that is a setting


def record(name: str) -> Path:
    """Write `shapes/NAME.json` from the real files; GPT-2's, whose layers are alike, by rule."""
    spec = zoo.spec(name)
    if name.startswith("gpt2"):
        files = {"model.safetensors": _gpt2(*GPT2[name])}
    else:
        found = weights_of(spec)
        files = {file: facts for file, path in found.items() if (facts := _facts(path))}
    path = SHAPES / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(files, separators=(",", ":")) + "\n", encoding="utf-8")
    return path


def _facts(path: Path) -> dict[str, Any] | None:
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return {"format": "safetensors", "tensors": _tensors(load_file(path))}
    if path.suffix == ".gguf":
        file = gguf.read(path)
        floats = {n: np.empty(t.shape, "f2") for n, t in file.tensors.items()}
        kept = {k: v for k, v in file.metadata.items() if isinstance(v, int | float | str)
                and k.startswith("llama.")}  # fmt: skip
        return {"format": "gguf", "metadata": kept, "tensors": _tensors(floats)}
    if path.name == "model.bin":
        tensors, own, aliases = ctranslate2.read(path), {}, {}
        first: dict[int, str] = {}
        for name, array in tensors.items():
            if (other := first.setdefault(array.__array_interface__["data"][0], name)) != name:
                aliases[name] = other
            else:
                own[name] = array
        return {"format": "ctranslate2", "tensors": _tensors(own), "aliases": aliases}
    return None


def _tensors(arrays: dict[str, Any]) -> dict[str, list[Any]]:
    return {
        name: [str(array.dtype), list(array.shape)]
        + ([array.ravel().tolist()] if array.size <= FEW and array.dtype.kind == "i" else [])
        for name, array in arrays.items()
    }


GPT2 = {"gpt2": (12, 768), "gpt2-medium": (24, 1024), "gpt2-large": (36, 1280)}


def _gpt2(layers: int, width: int) -> dict[str, Any]:
    """The publisher's names and shapes."""
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (50257, width), "wpe.weight": (1024, width)}
    for layer in range(layers):
        for name, wide, out in (
            ("attn.c_attn", width, 3 * width), ("attn.c_proj", width, width),
            ("mlp.c_fc", width, 4 * width), ("mlp.c_proj", 4 * width, width),
        ):  # fmt: skip
            shapes[f"h.{layer}.{name}.weight"] = (wide, out)
            shapes[f"h.{layer}.{name}.bias"] = (out,)
    for norm in ("ln_f", *(f"h.{layer}.ln_{i}" for layer in range(layers) for i in (1, 2))):
        shapes[f"{norm}.weight"] = shapes[f"{norm}.bias"] = (width,)
    tensors = {name: ["float32", list(shape)] for name, shape in shapes.items()}
    return {"format": "safetensors", "tensors": tensors}
