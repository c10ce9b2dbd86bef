"""What every recipe offers to the command line, to `check` and to `quantize`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import nn

from export.recipes.parts import Part
from model_zoo.runtime.session import Session
from model_zoo.vision.classify import as_batch

BATCH = 250  # pictures that go through a graph at once


class Labelled(Protocol):
    """A part of some data: what goes in is the recipe's to know."""

    @property
    def labels(self) -> np.ndarray: ...


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """A network, and how it is trained, published and measured."""

    name: str
    labels: tuple[str, ...]
    epochs: int  # what the published weights were trained for
    # data folder or None, out, epochs, seed, and whether to begin anew, to the checkpoint
    train: Callable[[Path | None, Path, int, int, bool], Path]
    evaluation: Callable[
        [Path | None], Mapping[str, Labelled]
    ]  # by name; `VALIDATION` and what the report measures besides

    @abstractmethod
    def deliver(self, checkpoint: Path, data: Path | None, out: Path) -> Path:
        """Write what is published, and out/report/; returns the published file's path."""

    @abstractmethod
    def logits(self, session: Session, part: Any) -> np.ndarray:
        """What a session answers (n, classes) to a part of `evaluation`."""


@dataclass(frozen=True, kw_only=True)
class PictureRecipe(Recipe):
    """A network that is exported whole, and small enough to be committed.

    A module answers `image` (n, *shape) in 0..1 with logits (n, classes) and their map
    (n, classes, h, w), whose mean they are.
    """

    shape: tuple[int, int, int]  # channels, height, width of one image
    build: Callable[[], nn.Module]  # as it is trained
    build_folded: Callable[
        [], nn.Module
    ]  # as it is exported: no batch norm; same names as the ONNX initializers
    fold: Callable[
        [nn.Module, float], nn.Module
    ]  # trained module and temperature to a folded one of float16 weights
    calibration: Callable[
        [Path | None, int], np.ndarray
    ]  # data, count to (count, *shape) float32 for int8's ranges

    def deliver(self, checkpoint: Path, data: Path | None, out: Path) -> Path:
        from export.recipes.deliver import deliver

        return deliver(self, checkpoint, data, out)

    def logits(self, session: Session, part: Part) -> np.ndarray:
        starts = range(0, len(part.images), BATCH)
        batches = (as_batch(part.images[start : start + BATCH]) for start in starts)
        return np.concatenate([session(image=batch)[0] for batch in batches])
