"""Compare a committed graph with the torch module it was exported from, number by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from export.recipes import Recipe
from model_zoo import zoo
from model_zoo.session import Session, softmax
from model_zoo.spec import ModelSpec

BATCHES = (1, 2, 7, 32)
# Float32 differs by the order of its sums only; int8 by rounding, so its answers are compared.
TOLERANCE = {"fp32": 1e-4, "int8": 0.1}
MEASURED = {
    "fp32": "largest difference of any output",
    "int8": "largest difference of a probability",
}


@dataclass(frozen=True)
class Comparison:
    """One output of one graph at one batch size against torch."""

    model: str
    precision: str
    output: str
    shape: tuple[int, ...]
    difference: float
    tolerance: float
    measured: str

    @property
    def passed(self) -> bool:
        """False also where the difference is not a number."""
        return self.difference <= self.tolerance


def check(spec: ModelSpec, recipe: Recipe) -> Iterator[Comparison]:
    """Run torch and onnxruntime on the same pictures at several batch sizes.

    The module gets its weights from the committed fp32 graph, whose initializers carry the names
    of torch's state dict: what is compared is what is shipped. Raises ValueError where the names
    or the shapes of the outputs differ.
    """
    module = load_module(zoo.graph_file(spec, "fp32"), recipe)
    for precision in spec.precisions:
        session = Session(zoo.graph_file(spec, precision), precision, "cpu")
        if list(session.outputs) != ["logits", "cam"]:
            raise ValueError(f"{spec.name} {precision}: outputs are {list(session.outputs)}")
        for size in BATCHES:
            images = recipe.sample(size)
            with torch.inference_mode():
                expected = [out.numpy() for out in module(torch.from_numpy(images))]
            found = session(image=images)
            for name, ours, theirs in zip(session.outputs, found, expected, strict=True):
                if ours.shape != theirs.shape:
                    raise ValueError(f"{spec.name} {name}: {ours.shape}, torch {theirs.shape}")
                if precision == "int8":
                    if name != "logits":
                        continue
                    ours, theirs = softmax(ours), softmax(theirs)
                yield Comparison(
                    spec.name,
                    precision,
                    name,
                    ours.shape,
                    float(np.abs(ours - theirs).max()),
                    TOLERANCE[precision],
                    MEASURED[precision],
                )


def load_module(path: Path, recipe: Recipe) -> torch.nn.Module:
    """The torch module of a recipe in the form that was exported, with the graph's own weights."""
    module = recipe.fold(recipe.build())
    tensors = {x.name: numpy_helper.to_array(x) for x in onnx.load(path).graph.initializer}
    state = {
        name: torch.from_numpy(tensors[name].astype(np.float32)).reshape(value.shape)
        for name, value in module.state_dict().items()
    }
    module.load_state_dict(state)
    return module.eval()
