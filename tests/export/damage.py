"""A copy of a graph with one thing changed that its file holds: every way that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

Change = Callable[[np.ndarray], np.ndarray]

# Operator to the places of its matrix and of its scale
PRODUCTS = {"MatMul": (1, 1), "Gemm": (1, 1), "Conv": (1, 1), "MatMulNBits": (1, 2),
            "DynamicQuantizeMatMul": (1, 2), "MatMulIntegerToFloat": (1, 3),
            "DequantizeLinear": (0, 1)}  # fmt: skip
LOOK_UPS = ("Gather", "GatherBlockQuantized")
SMALLEST = 8  # numbers: less is no bias
TOKEN = -3  # the row of an embedding: no token of any text here


def damages(graph: Path, out: Path) -> Iterator[str]:
    """Write one damaged copy after the other to `out`, and say what is wrong with it."""
    model = onnx.load(graph)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for what, name, change in _changes(model.graph, tensors):
        tensor = tensors[name]
        before = tensor.SerializeToString()
        array = numpy_helper.to_array(tensor)
        changed = change(array).astype(array.dtype)
        assert not np.array_equal(changed, array), f"{what} of {name} changes nothing"
        tensor.CopyFrom(numpy_helper.from_array(changed, name))
        onnx.save(model, out)
        yield f"{what} ({name})"
        tensor.ParseFromString(before)


def _changes(
    graph: onnx.GraphProto, tensors: dict[str, onnx.TensorProto]
) -> Iterator[tuple[str, str, Change]]:
    # What float16 stores goes through a Cast
    source = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Cast"}
    layers = []
    for node in graph.node:
        if places := PRODUCTS.get(node.op_type):
            matrix, scale = (source.get(n, n) for n in (node.input[p] for p in places))
            if matrix in tensors and len(tensors[matrix].dims) > 1:
                layers.append((matrix, scale))
    matrix, scale = layers[len(layers) // 2]
    if matrix == scale:
        yield "a layer × 1.01", matrix, lambda array: array * 1.01
    else:
        yield "a layer × 1.1", scale, lambda array: array * 1.1
        yield "half of a matrix gone", matrix, _without_half
    biases = [name for name, tensor in tensors.items() if _is_bias(name, tensor)]
    if biases:  # Llama has none
        yield "a bias", biases[len(biases) // 2], _without_largest
    rows = [node.input[0] for node in graph.node if node.op_type in LOOK_UPS]
    if tables := [name for name in rows if name in tensors and len(tensors[name].dims) > 1]:
        largest = max(tables, key=lambda name: tensors[name].dims[0])
        yield "a token's row", largest, _with_row_of_another


def _is_bias(name: str, tensor: onnx.TensorProto) -> bool:
    long = len(tensor.dims) == 1 and tensor.dims[0] >= SMALLEST
    return long and "bias" in name and not name.endswith(("_scale", "_zero_point"))


def _without_half(array: np.ndarray) -> np.ndarray:
    nothing = 128 if array.dtype == np.uint8 else 0  # what MatMulNBits takes for zero
    changed = array.copy()
    changed[: len(array) // 2] = nothing
    return changed


def _without_largest(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[np.abs(array).argmax()] = 0
    return changed


def _with_row_of_another(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[TOKEN] = array[100]
    return changed
