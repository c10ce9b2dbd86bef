"""From a checkpoint to what is published: one calibrated ONNX file and the report that was
measured on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import torch

from export.recipes.data import VALIDATION
from export.recipes.metrics import fit_temperature
from export.recipes.onnx_file import write_onnx
from export.recipes.report import Report
from export.recipes.training import load_averaged, read_curves, read_started
from model_zoo.vision.classify import as_batch

if TYPE_CHECKING:
    from export.recipes.recipe import PictureRecipe

BATCH = 500


def deliver(recipe: PictureRecipe, checkpoint: Path, data: Path | None, out: Path) -> Path:
    """Fit the temperature, fold, write out/NAME.fp32.onnx and out/report/; returns the ONNX file's
    path.
    """
    parts = recipe.evaluation(data)
    trained = load_averaged(recipe.build(), checkpoint)
    validation = parts[VALIDATION]
    with torch.inference_mode():
        unscaled = recipe.fold(trained, 1.0)
        batches = torch.from_numpy(as_batch(validation.images)).split(BATCH)
        logits = torch.cat([unscaled(batch)[0] for batch in batches]).numpy()
    temperature = fit_temperature(logits, validation.labels)
    folded = recipe.fold(trained, temperature)
    started = read_started(checkpoint)
    path = write_onnx(folded, recipe.shape, out / f"{recipe.name}.fp32.onnx", started)
    Report(
        name=recipe.name,
        labels=recipe.labels,
        headline="test" if "test" in parts else VALIDATION,
        temperature=temperature,
        logits={name: run(path, as_batch(part.images)) for name, part in parts.items()},
        truth={name: part.labels for name, part in parts.items()},
        curves=read_curves(checkpoint),
        parameters=sum(parameter.numel() for parameter in folded.parameters()),
        file_bytes=path.stat().st_size,
        started=started,
    ).write(out / "report")
    return path


def run(path: Path, images: np.ndarray) -> np.ndarray:
    """Logits (n, classes) of an ONNX file for images (n, channels, h, w) float32, on the
    processor.
    """
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    starts = range(0, len(images), BATCH)
    return np.concatenate(
        [session.run(["logits"], {"image": images[i : i + BATCH]})[0] for i in starts]
    )
