"""From a torch module to one small ONNX file, and its weights back out of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from export.recipes.origin import Origin, whole

OPSET = 21
SMALL = 64  # numbers: below this a Cast costs more bytes than float16 saves


def write_onnx(
    module: nn.Module, shape: tuple[int, int, int], path: Path, started: Origin | None = None
) -> Path:
    """Export a folded module: `image` [batch, *shape] to `logits` and `cam`, weights stored as
    float16; what its run was started with stands in the metadata.
    """
    # Two images, since the exporter takes a dimension of one for a constant.
    example = torch.zeros(2, *shape)
    program = torch.onnx.export(
        module.eval(),
        (example,),
        input_names=["image"],
        output_names=["logits", "cam"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    _store_as_half(model)
    _forget_origin(model)
    if started:
        helper.set_model_props(model, {"started": json.dumps(started)})
    onnx.checker.check_model(model, full_check=True)
    with whole(path) as part:
        onnx.save(model, part)
    return path


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Weights of a file by `write_onnx`, float32 under the names of the module's state_dict."""
    arrays = {i.name: numpy_helper.to_array(i) for i in onnx.load(path).graph.initializer}
    return {
        name.removesuffix(_HALF): torch.from_numpy(array.astype(np.float32))
        for name, array in arrays.items()
        # A constant of the formula, such as a divisor, has no dimension; a weight has.
        if array.dtype in (np.float16, np.float32) and array.ndim
    }


_HALF = ".half"


def _store_as_half(model: onnx.ModelProto) -> None:
    """Keep float32 weights that float16 holds exactly as float16, each with a Cast that ONNX
    Runtime folds away.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        array = numpy_helper.to_array(tensor)
        half = array.astype(np.float16)
        if array.size < SMALL or not np.array_equal(half.astype(np.float32), array):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, name + _HALF))
        casts.append(
            helper.make_node("Cast", [name + _HALF], [name], f"{name}/cast", to=TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes of source lines and folders: it is no use to a reader, and half
    of the file.
    """
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
