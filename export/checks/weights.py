"""The numbers that a graph has learned, whatever precision its file keeps them in.

A deep network hides 10 % more in one of its layers below the rounding of int8. So its answers show
that the graph is the right one and rounds well, and its numbers that they are those of fp32, whose
answers are compared far more closely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import inf
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from export.checks.comparison import Comparison

LOOK_UPS = ("Gather", "GatherBlockQuantized")
# The largest difference of an array as a share of its largest number. Rounding moves a number by
# half a step at most: of 127, and of the 1024 that half precision has between two powers of two.
HALF_STEP = {"fp16": 0.5 / 1024, "int8": 0.5 / 127}
SLACK = 1.1  # the quotient itself was rounded


@dataclass(frozen=True)
class Learned:
    """An array, and what its rows were multiplied by before they were rounded."""

    array: np.ndarray
    moved: np.ndarray | None = None


def compare_weights(model: str, precision: str, ours: Path, exact: Path) -> Comparison:
    """The worst of all arrays of a file against fp32's."""
    worst, count = 0.0, 0
    for mine, theirs in zip_longest(learned(ours), learned(exact)):
        worst, count = max(worst, _apart(mine, theirs) if mine and theirs else inf), count + 1
    name, allowed = "weights, against fp32's", HALF_STEP[precision] * SLACK
    return Comparison(model, precision, name, (count,), worst, allowed)


def table(graph: Path) -> np.ndarray:
    """The rows [vocabulary, width] that a graph looks its tokens up in."""
    return max((found.array for found in learned(graph, LOOK_UPS)), key=np.size)


def _apart(ours: Learned, theirs: Learned) -> float:
    if ours.array.shape != theirs.array.shape:
        return inf
    exact = theirs.array if ours.moved is None else theirs.array * ours.moved
    return float(np.abs(ours.array - exact).max()) / (float(np.abs(exact).max()) or 1.0)


def learned(path: Path, kinds: Sequence[str] = ()) -> Iterator[Learned]:
    """Every float array that a node takes in, in the nodes' order; of these kinds only."""
    graph = onnx.load(path).graph
    known = {tensor.name: tensor for tensor in graph.initializer}
    made: dict[str, np.ndarray] = {}

    def value(name: str) -> np.ndarray | None:
        if name in made:
            return made[name]
        return numpy_helper.to_array(known[name]) if name in known else None

    smoothed = _smoothed(graph, known)
    rows: np.ndarray | None = None  # of an int8 table, until their scales are met
    for node in graph.node:
        inputs = [value(name) for name in node.input]
        facts = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Cast" and inputs[0] is not None:
            made[node.output[0]] = inputs[0].astype(np.float32)
        elif node.op_type == "DequantizeLinear" and inputs[0] is not None:
            made[node.output[0]] = _dequantised(*inputs, axis=facts.get("axis", 1))
        elif node.op_type == "Gather" and inputs[0] is not None and inputs[0].dtype == np.int8:
            rows = inputs[0]
        elif node.output[0] not in smoothed and (not kinds or node.op_type in kinds):
            found = _exact(node, inputs, facts)
            if rows is not None and node.op_type == "Gather":
                found, rows = [rows * found[0]], None
            for array in found:
                factor = smoothed.get(node.input[0]) if array.ndim > 1 else None
                moved = None if factor is None else 1 / numpy_helper.to_array(factor)[:, None]
                yield Learned(array, moved)


def _exact(
    node: onnx.NodeProto, inputs: list[np.ndarray | None], facts: dict[str, int]
) -> list[np.ndarray]:
    """A node's own numbers; the matrix of a product as [in, out]."""
    kind = node.op_type
    if kind == "DynamicQuantizeMatMul":
        _, weight, scale, _, *bias = inputs
        return _floats([weight * scale, *bias])
    if kind == "MatMulIntegerToFloat":
        _, weight, _, scale, _, _, *bias = inputs
        return _floats([weight * scale, *bias])
    if kind == "MatMulNBits":
        _, weight, scale, *bias = inputs
        blocks = (weight.astype(np.float32) - 128) * scale.reshape(*weight.shape[:2], 1)
        return _floats([blocks.reshape(len(weight), -1)[:, : facts["K"]].T, *bias])
    if kind == "GatherBlockQuantized":
        rows, _, scale = inputs
        blocks = (rows.astype(np.float32) - 128).reshape(*scale.shape, -1) * scale[..., None]
        return [blocks.reshape(rows.shape)]
    if kind == "Gemm" and facts.get("transB") and inputs[1] is not None:
        inputs = [inputs[0], inputs[1].T, *inputs[2:]]
    return _floats(inputs)


def _floats(arrays: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    found = [a for a in arrays if a is not None and a.dtype.kind == "f" and a.ndim]
    return [array.astype(np.float32) for array in found]


def _smoothed(
    graph: onnx.GraphProto, known: dict[str, onnx.TensorProto]
) -> dict[str, onnx.TensorProto]:
    """What activations are multiplied by before they are rounded, by what comes of it."""
    products = {n.output[0]: n.input[1] for n in graph.node if n.op_type == "Mul"}
    found = {}
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and (factor := products.get(node.input[0])) in known:
            found[node.input[0]] = found[node.output[0]] = known[factor]
    return found


def _dequantised(
    array: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None, *, axis: int
) -> np.ndarray:
    def along(facts: np.ndarray) -> np.ndarray:
        one = facts.ndim == 0
        return facts if one else facts.reshape([-1 if i == axis else 1 for i in range(array.ndim)])

    exact = array.astype(np.float32)
    if zero is not None:
        exact -= along(zero.astype(np.float32))
    return exact * along(scale)
