"""What one answer must at least do: operations, and how often each graph's weights are read.

onnxruntime's own profile of one answer in float32 has every operator with its shapes; products and
convolutions are counted, of attention what the new tokens do among themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import onnxruntime

from export.benchmark.variant import begin
from model_zoo.spec import ModelSpec


@dataclass(frozen=True)
class Work:
    """`operations` of one answer, and how often it runs the graph of each part."""

    operations: float
    runs: Mapping[str, int]


def measure(spec: ModelSpec, folder: Path) -> Work:
    """Count what the answer to the example does, or the task's probe where weights are missing."""
    prefix = folder / "profile"

    class Profiled(onnxruntime.SessionOptions):  # type: ignore[misc]
        """Every operator as it stands in the file, so that its weights are in the profile."""

        def __init__(self) -> None:
            super().__init__()
            self.enable_profiling = True
            self.profile_file_prefix = str(prefix)
            self.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            self.add_session_config_entry("session.disable_prepacking", "1")

    with patch.object(onnxruntime, "SessionOptions", Profiled):
        begun = begin(spec, ("fp32", "cpu"), folder)
        work = begun.make()
        work()  # what is read once only, and not for each answer
        before = {part: _profile(session) for part, session in begun.sessions().items()}
    operations, runs = 0.0, {}
    for part, events in before.items():
        runs[part] = sum(event["name"] == "model_run" for event in events)
        operations += sum(map(_operations, events))
    return Work(operations, runs)


def _profile(session: Any) -> list[dict[str, Any]]:
    path = Path(session._session.end_profiling())
    events: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return events


def _operations(event: Mapping[str, Any]) -> float:
    """Of one operator's run: two for each product that is added up."""
    kind = event.get("args", {}).get("op_name")
    if kind not in COUNTED or not event["name"].endswith("_kernel_time"):
        return 0.0
    into = [next(iter(one.values())) for one in event["args"]["input_type_shape"]]
    out = [next(iter(one.values())) for one in event["args"]["output_type_shape"]]
    return 2.0 * COUNTED[kind](into, out[0])


def _matmul(into: list[list[int]], out: list[int]) -> float:
    return prod(out) * into[0][-1]


def _gemm(into: list[list[int]], out: list[int]) -> float:
    return prod(into[0]) * out[1]  # either way round: rows times the inner side, times columns


def _conv(into: list[list[int]], out: list[int]) -> float:
    return prod(out) * prod(into[1][1:])


def _attention(into: list[list[int]], out: list[int]) -> float:
    """Queries [batch, new, width] with as many keys, then as many values."""
    batch, new, width = into[0]
    return 2 * batch * new * new * width


COUNTED = {
    "MatMul": _matmul, "Gemm": _gemm, "Conv": _conv,
    "MultiHeadAttention": _attention, "GroupQueryAttention": _attention,
}  # fmt: skip
