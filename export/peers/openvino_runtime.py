"""OpenVINO's own runtime, beside its plugin for onnxruntime: the same file, its best settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.peers import Run, rounded
from model_zoo.runtime.providers import has_bf16, usable_cores


def hints() -> tuple[str, ...]:
    """The precisions that it may compute in here."""
    return ("f32", "bf16") if has_bf16() else ("f32",)


def openvino_run(path: Path, hint: str) -> Run:
    """A graph compiled for one input at a time; the first logits of what it is fed."""
    import openvino

    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": usable_cores(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(path, "CPU", options).create_infer_request()
    return lambda feed: rounded(request.infer(feed)["logits"][0, :3])
