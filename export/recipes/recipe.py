"""What every recipe offers to the command line, to `check` and to `quantize`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from export.recipes.data import Part

VALIDATION = "validation"  # the part that fits the temperature; every recipe has it


@dataclass(frozen=True)
class Recipe:
    """A network, and how it is trained, folded, calibrated and measured.

    A module answers `image` (n, *shape) in 0..1 with logits (n, classes) and their map
    (n, classes, h, w), whose mean they are.
    """

    name: str
    labels: tuple[str, ...]
    shape: tuple[int, int, int]  # channels, height, width of one image
    epochs: int  # what the published weights were trained for
    build: Callable[[], nn.Module]  # as it is trained
    build_folded: Callable[
        [], nn.Module
    ]  # as it is exported: no batch norm; same names as the ONNX initializers
    fold: Callable[
        [nn.Module, float], nn.Module
    ]  # trained module and temperature to a folded one of float16 weights
    train: Callable[
        [Path | None, Path, int, int], Path
    ]  # data folder or None, out, epochs, seed to the checkpoint
    calibration: Callable[
        [Path | None, int], np.ndarray
    ]  # data, count to (count, *shape) float32 for int8's ranges
    evaluation: Callable[
        [Path | None], dict[str, Part]
    ]  # by name; `VALIDATION` and what the report measures besides
