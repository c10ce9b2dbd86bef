"""Train `mnist-mlp`: the textbook's perceptron 784–500–500–10, to compare the convolutions with."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from export.recipes import data as datasets
from export.recipes.data import VALIDATION
from export.recipes.folding import fold_temperature, round_to_half
from export.recipes.origin import origin
from export.recipes.recipe import PictureRecipe
from export.recipes.training import Batches, Loop, accuracy, begin, one_cycle
from model_zoo.vision.classify import as_batch
from model_zoo.vision.mnist_cnn import SIDE

LABELS = tuple("0123456789")
WIDTHS = (SIDE * SIDE, 500, 500, len(LABELS))  # 648,000 weights
BATCH = 128
RATE = 1e-3


class Perceptron(nn.Module):
    """Image (n, 1, 28, 28) in 0..1 to logits (n, 10); without a notion of position, its map
    (n, 10, 1, 1) is the logits.
    """

    def __init__(self) -> None:
        super().__init__()
        pairs = itertools.pairwise(WIDTHS)
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairs)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        *hidden, last = self.layers
        x = image.flatten(1)
        for layer in hidden:
            x = F.dropout(F.relu(layer(x)), 0.4, self.training)
        logits = last(x)
        return logits, logits[:, :, None, None]


def train(data: Path | None, out: Path, epochs: int, seed: int, restart: bool = False) -> Path:
    """Train on MNIST as it is; returns the checkpoint's path. Goes on where `out` stopped."""
    parts = datasets.mnist(data)
    digits = parts["train"]
    started = origin("mnist-mlp", parts, seed, ("perceptron",))
    begin(out, started, restart)
    torch.manual_seed(seed)
    module = Perceptron()
    loop = Loop(
        module=module,
        optimizers=(torch.optim.AdamW(module.parameters(), lr=RATE),),
        batches=lambda epoch: _batches(digits),
        batches_per_epoch=len(digits.labels) // BATCH,
        rate=one_cycle(),
        epochs=epochs,
        seed=seed,
        started=started,
        measure=lambda averaged: {VALIDATION: accuracy(averaged, parts[VALIDATION])},
    )
    return loop.run(out)


def _batches(digits: datasets.Part) -> Batches:
    order = torch.randperm(len(digits.labels)).numpy()
    for chosen in np.split(order[: len(order) // BATCH * BATCH], len(order) // BATCH):
        yield (
            torch.from_numpy(as_batch(digits.images[chosen])),
            torch.from_numpy(digits.labels[chosen]),
        )


def fold(trained: nn.Module, temperature: float) -> nn.Module:
    """The network as it is exported: temperature in its weights, which float16 holds exactly."""
    out = Perceptron()
    out.load_state_dict(trained.state_dict())
    fold_temperature(trained.layers[-1], temperature, out.layers[-1])
    return round_to_half(out)


def calibration(data: Path | None, count: int) -> np.ndarray:
    """(count, 1, 28, 28) float32 for the ranges of int8."""
    return as_batch(datasets.mnist(data)["train"].images[:count])


def evaluation(data: Path | None) -> dict[str, datasets.Part]:
    """MNIST as it is and through the page's preprocessing."""
    parts = datasets.mnist(data)
    return {
        VALIDATION: parts[VALIDATION],
        "test": parts["test"],
        "test, as the page sees it": datasets.on_the_page(parts["test"]),
    }


RECIPE = PictureRecipe(
    name="mnist-mlp",
    labels=LABELS,
    shape=(1, SIDE, SIDE),
    epochs=20,
    build=Perceptron,
    build_folded=Perceptron,
    fold=fold,
    train=train,
    calibration=calibration,
    evaluation=evaluation,
)
