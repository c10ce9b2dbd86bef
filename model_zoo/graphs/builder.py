"""Write an ONNX graph node by node; the precision decides how a matrix product is computed.

>>> g = Graph("twice", "fp32")
>>> x = g.input("x", np.float32, ["batch", 3])
>>> g.op("Mul", x, g.constant(np.float32(2)), out="y")
>>> g.output("y", np.float32, ["batch", 3])
>>> g.save(Path("twice.onnx"))
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.external_data_helper import set_external_data

OPSET, IR_VERSION = 21, 10  # onnxruntime 1.31 loads both; the onnx package's defaults are too new
MICROSOFT = "com.microsoft"  # the domain of onnxruntime's own operators
RUNTIME_OPS = frozenset(
    {
        "BiasGelu",
        "DynamicQuantizeMatMul",
        "FastGelu",
        "GatherBlockQuantized",
        "GroupQueryAttention",
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "MultiHeadAttention",
        "QuickGelu",
        "RotaryEmbedding",
        "SimplifiedLayerNormalization",
        "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization",
    }
)
MOST = 1_900_000_000  # bytes of weights in the graph's own file; protobuf ends at two gibibytes
PAGE = 4096  # bytes
INT8_STEPS = 127  # of each sign: symmetric, so that zero stays zero
UINT8_STEPS = 255
# How much of the difference between an activation's channels is moved into the weights before both
# are quantised (SmoothQuant, Xiao et al. 2022). On BERT 0 has twice the error, 0.5 a little more.
SMOOTHED = 0.7

Shape = Sequence[int | str]


class Graph:
    """One graph in the making; values are named by strings, as in ONNX itself.

    `float` is the type of the activations: half precision for fp16, else single.
    """

    def __init__(self, name: str, precision: str) -> None:
        self.name, self.precision = name, precision
        self.float = np.dtype(np.float16 if precision == "fp16" else np.float32)
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._names: dict[str, int] = {}

    def input(self, name: str, dtype: npt.DTypeLike, shape: Shape) -> str:
        """Declare an input of the graph; dimensions are numbers or names."""
        self._inputs.append(_value(name, dtype, shape))
        return name

    def output(self, name: str, dtype: npt.DTypeLike, shape: Shape) -> None:
        """Declare a value that some node makes as an output of the graph."""
        self._outputs.append(_value(name, dtype, shape))

    def constant(self, value: Any, name: str = "constant") -> str:
        """A number or an array as an initializer; floats are cast to the graph's own type."""
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(self.float)
        return self.initializer(array, name)

    def initializer(self, array: npt.NDArray[Any], name: str) -> str:
        """An array as it is."""
        unique = self._unique(name)
        self._initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), unique))
        return unique

    def op(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """Add a node with one output and give the output's name; an absent input is ""."""
        return self.ops(kind, inputs, (out or self._unique(kind),), **attributes)[0]

    def ops(
        self, kind: str, inputs: Sequence[str], out: Sequence[str], **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several named outputs."""
        domain = MICROSOFT if kind in RUNTIME_OPS else ""
        name = self._unique(f"{kind}.node")
        node = helper.make_node(kind, inputs, out, name, domain=domain, **attributes)
        self._nodes.append(node)
        return tuple(out)

    def linear(self, x: str, weight: npt.NDArray[Any], bias: npt.NDArray[Any] | None = None) -> str:
        """x [..., in] times weight [out, in], transposed, plus bias [out].

        In int8 the weights have one scale an output channel and are signed (unsigned ones would
        lose the processor's matrix unit); the activations are quantised as they come, with one
        scale for all rows of a batch, so that a row's result hangs on the others.
        """
        if self.precision == "int8":
            quantised, scale = quantise(weight)
            zero = self.initializer(np.zeros(len(scale), np.int8), "zero")
            inputs = [x, self.initializer(quantised.T, "weight"), self.constant(scale, "scale")]
            inputs += [zero] + ([] if bias is None else [self.constant(bias, "bias")])
            return self.op("DynamicQuantizeMatMul", *inputs)
        product = self.op("MatMul", x, self.constant(np.asarray(weight).T, "weight"))
        return product if bias is None else self.op("Add", product, self.constant(bias, "bias"))

    def calibrated(
        self,
        x: str,
        weight: npt.NDArray[Any],
        bias: npt.NDArray[Any],
        seen: npt.NDArray[Any] | None,
    ) -> str:
        """`linear` whose int8 activations have fixed scales, so that a row's result is its own.

        `seen` [2, in] has the least and greatest value of each input channel; None makes `linear`.
        """
        if self.precision != "int8" or seen is None:
            return self.linear(x, weight, bias)
        least, greatest = np.asarray(seen, np.float32)
        widest = np.maximum(np.maximum(-least, greatest), 1e-3)
        even = (widest / np.median(widest)) ** np.float32(SMOOTHED)
        least, greatest = min(0.0, (least / even).min()), max(0.0, (greatest / even).max())
        step = np.asarray((greatest - least) / UINT8_STEPS, np.float32)
        zero = np.asarray(np.rint(-least / step), np.uint8)
        steps = self.initializer(step, "step"), self.initializer(zero, "middle")
        smooth = self.op("Mul", x, self.constant(1 / even, "even"))
        quantised, scale = quantise(np.asarray(weight, np.float32) * even)
        inputs = [
            self.op("QuantizeLinear", smooth, *steps),
            self.initializer(quantised.T, "weight"),
            steps[0],
            self.constant(scale, "scale"),
            steps[1],
            self.initializer(np.zeros(len(scale), np.int8), "zero"),
            self.constant(bias, "bias"),
        ]
        return self.op("MatMulIntegerToFloat", *inputs)

    def embed(self, table: npt.NDArray[Any], tokens: str) -> str:
        """Rows of table [vocabulary, width] for tokens [...]; in int8 each row with its scale."""
        if self.precision != "int8":
            return self.op("Gather", self._table(table), tokens)
        quantised, scale = quantise(table)
        rows = self.op("Gather", self.initializer(quantised, "embeddings"), tokens)
        scales = self.op("Gather", self.constant(scale[:, None], "scale"), tokens)
        return self.op("Mul", self.op("Cast", rows, to=onnx.TensorProto.FLOAT), scales)

    def unembed(self, x: str, table: npt.NDArray[Any], out: str) -> None:
        """x [..., width] times the embeddings [vocabulary, width], as float32 logits."""
        if self.precision == "int8":
            logits = self.linear(x, table)
        else:  # Gemm takes the table as it lies, so that the file has it once
            flat = self.op(
                "Gemm", self.reshape(x, -1, table.shape[1]), self._table(table), transB=1
            )
            shape = self.op("Shape", x, start=0, end=-1)
            shape = self.op("Concat", shape, self.constant(np.array([len(table)])), axis=0)
            logits = self.op("Reshape", flat, shape)
        self.op("Cast", logits, to=onnx.TensorProto.FLOAT, out=out)

    def _table(self, table: npt.NDArray[Any]) -> str:
        if "embeddings.1" not in {i.name for i in self._initializers}:
            self.constant(table, "embeddings")
        return "embeddings.1"

    def layer_norm(
        self, x: str, scale: npt.NDArray[Any], bias: npt.NDArray[Any], epsilon: float
    ) -> str:
        """Normalise the last axis."""
        parameters = self.constant(scale, "scale"), self.constant(bias, "bias")
        return self.op("LayerNormalization", x, *parameters, axis=-1, epsilon=epsilon)

    def reshape(self, x: str, *shape: int) -> str:
        """Numbers as in ONNX: 0 keeps a dimension, -1 is what remains."""
        return self.op("Reshape", x, self.constant(np.array(shape, np.int64), "shape"))

    def heads(self, x: str, count: int) -> str:
        """[batch, length, width] to [batch, count, length, width / count]."""
        return self.op("Transpose", self.reshape(x, 0, 0, count, -1), perm=(0, 2, 1, 3))

    def save(self, path: Path) -> None:
        """Check the graph and write it; what is too much for one file has its weights beside it."""
        if sum(len(tensor.raw_data) for tensor in self._initializers) > MOST:
            self._set_weights_apart(path.with_suffix(".data"))
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, self._initializers
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.save(model, path)
        onnx.checker.check_model(path)

    def _set_weights_apart(self, path: Path) -> None:
        """Move all but the smallest initializers into a file of their own."""
        with path.open("wb") as file:
            for tensor in self._initializers:
                if len(tensor.raw_data) < PAGE:
                    continue
                file.seek(-file.tell() % PAGE, os.SEEK_CUR)  # so that it can be mapped
                place = file.tell(), len(tensor.raw_data)
                file.write(tensor.raw_data)
                set_external_data(tensor, path.name, *place)
                tensor.ClearField("raw_data")

    def _unique(self, name: str) -> str:
        self._names[name] = self._names.get(name, 0) + 1
        return f"{name}.{self._names[name]}"


def quantise(weight: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """weight [out, in] as signed 8-bit integers, and the scale [out] that brings them back."""
    exact = np.asarray(weight, np.float32)
    scale = np.abs(exact).max(axis=1) / np.float32(INT8_STEPS)
    scale[scale == 0] = 1  # a row of zeros stays one
    return np.rint(exact / scale[:, None]).astype(np.int8), scale


def _value(name: str, dtype: npt.DTypeLike, shape: Shape) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, list(shape))
