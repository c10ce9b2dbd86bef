"""Static int8: from a float32 graph and training pictures to its QDQ twin."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from export.recipes.origin import whole
from model_zoo.errors import BadInput

BATCH = 100  # pictures that go through the graph at once while the ranges are measured


class Pictures(CalibrationDataReader):
    """Feeds float32 [n, channels, h, w] to the calibrator in batches."""

    def __init__(self, images: np.ndarray) -> None:
        self.batches = iter(np.array_split(images, max(1, len(images) // BATCH)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {"image": batch}


def quantize(fp32: Path, int8: Path, images: np.ndarray) -> None:
    """Write the int8 twin of a graph, its activations' ranges measured on `images` in 0..1.

    Activations are uint8 and weights int8 per output channel: the pair that VNNI multiplies (s8s8
    is 2.5 times slower). The head stays float32: it costs nothing, and its map is what the page
    shows.
    """
    if not (len(images) and 0.5 < images.max() <= 1 and images.min() >= 0):
        raise BadInput("The pictures that int8's ranges are measured on are none, or not in 0..1.")
    with tempfile.TemporaryDirectory() as folder, whole(int8) as scratch:
        plain = Path(folder) / "plain.onnx"
        quant_pre_process(fp32, plain, skip_symbolic_shape=True)
        quantize_static(
            plain,
            scratch,
            Pictures(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=_head(plain),
        )
        _forget_unused_domains(scratch)


def _forget_unused_domains(path: Path) -> None:
    """Drop the sets of operators that onnxruntime names in every file that it optimises."""
    model = onnx.load(path)
    used = {node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(model, path)


def _head(path: Path) -> list[str]:
    """Names of the nodes from the last convolution on, found by walking up from the outputs."""
    graph = onnx.load(path).graph
    makers = {output: node for node in graph.node for output in node.output}
    found: dict[str, onnx.NodeProto] = {}
    wanted = [output.name for output in graph.output]
    while wanted:
        node = makers.get(wanted.pop())
        if node is not None and node.name not in found:
            found[node.name] = node
            if node.op_type != "Conv":
                wanted += node.input
    return list(found)
