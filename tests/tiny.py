"""Tiny ONNX graphs of a few hundred bytes, made on the spot, where no real weights are needed."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

OPSET = 21


def classifier(path: Path, channels: int = 1, classes: int = 3) -> Path:
    """A graph with the interface of our classifiers: class k's map is k times the first channel."""
    weight = np.zeros((classes, channels, 1, 1), dtype=np.float32)
    weight[:, 0, 0, 0] = np.arange(classes)
    nodes = [
        helper.make_node("Conv", ["image", "head.weight"], ["cam"], name="cam"),
        helper.make_node("ReduceMean", ["cam", "axes"], ["logits"], keepdims=0, name="logits"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", channels, "h", "w"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes]),
            helper.make_tensor_value_info("cam", TensorProto.FLOAT, ["batch", classes, "h", "w"]),
        ],
        [
            numpy_helper.from_array(weight, "head.weight"),
            numpy_helper.from_array(np.array([2, 3]), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    checker.check_model(model, full_check=True)
    save(model, path)
    return path
