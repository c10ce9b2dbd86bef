"""Compare the committed graphs with the torch module they were exported from, number by number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from export import recipes
from export.checks import Comparison
from export.recipes.onnx_file import read_state
from model_zoo.runtime.session import Session, softmax
from model_zoo.spec import ModelSpec
from model_zoo.vision.classify import as_batch
from model_zoo.weights import store

BATCHES = (1, 2, 7, 32)
# Float32 differs by the order of its sums only. Int8 rounds every activation to one of 256 steps:
# what is compared is the probability that a person sees, and near one half it moves by a quarter
# of what its log-odds move. One is what rounding may cost them; `evaluate` says what it costs.
TOLERANCE = {"fp32": 1e-4, "int8": 0.25}


def check(spec: ModelSpec) -> Iterator[Comparison]:
    """Run torch and onnxruntime on the same pictures at several batch sizes.

    The module gets its weights from the committed fp32 graph, whose initializers carry the names
    of torch's state dict: what is compared is what is shipped.
    """
    module = recipes.find(spec.name).build_folded()
    module.load_state_dict(read_state(store.graph_file(spec, "fp32")))
    module.eval()
    for precision in spec.run.precisions:
        session = Session(store.graph_file(spec, precision), precision, "cpu")
        for size in BATCHES:
            image = pictures(spec, size)
            with torch.inference_mode():
                logits, cam = (output.numpy() for output in module(torch.from_numpy(image)))
            expected = {"logits": logits, "cam": cam}
            found = dict(zip(session.outputs, session(image=image), strict=True))
            if precision == "int8":
                expected = {"probabilities": softmax(logits)}
                found = {"probabilities": softmax(found["logits"])}
            yield from _compare(spec.name, precision, found, expected)


def pictures(spec: ModelSpec, count: int) -> np.ndarray:
    """The model's example, shifted and dimmed at random: float32 [count, channels, h, w]."""
    chance = np.random.default_rng(count)
    seen = spec.run.factory.preprocess(spec.task.example())
    turned = [np.roll(seen, chance.integers(-3, 4, 2), (0, 1)) for _ in range(count)]
    dimmed = chance.uniform(0.7, 1.0, (count, 1, 1, 1)).astype(np.float32)
    return as_batch(np.stack(turned)) * dimmed


def _compare(
    name: str, precision: str, found: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> Iterator[Comparison]:
    """Differences of outputs by name; ValueError where names or shapes are not the same."""
    if list(found) != list(expected):
        raise ValueError(f"{name} {precision}: outputs {list(found)}, torch {list(expected)}")
    for output, ours in found.items():
        theirs = expected[output]
        if ours.shape != theirs.shape:
            raise ValueError(f"{name} {precision} {output}: {ours.shape}, torch {theirs.shape}")
        largest = float(np.abs(ours - theirs).max())
        yield Comparison(name, precision, output, ours.shape, largest, TOLERANCE[precision])
