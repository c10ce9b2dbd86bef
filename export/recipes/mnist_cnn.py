"""Train `mnist-cnn`: five convolutions that read digits and say when a drawing is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from export.recipes import data as datasets
from export.recipes import drawings
from export.recipes.data import VALIDATION
from export.recipes.distort import distort
from export.recipes.folding import fold_norm, fold_temperature, round_to_half
from export.recipes.origin import Origin, keep, kept, origin
from export.recipes.recipe import PictureRecipe
from export.recipes.training import Batches, Loop, accuracy, begin, cross_entropy, one_cycle
from model_zoo.vision.classify import as_batch
from model_zoo.vision.mnist_cnn import LABELS, SIDE

OTHER = len(LABELS) - 1
CODE = ("mnist_cnn", "drawings", "strokes", "distort")
WIDTHS = (16, 32, 64, 96, 112)  # 176,000 weights, 15 million multiplications an image
POOLED = (1, 2)  # after these convolutions the map halves: 28, 14, 7 pixels
BATCH = 256
RATE = 4e-3
NEGATIVES, DRAWN, PRINTED = 48_000, 18_000, 3_000  # made once a run; an epoch takes a third of them
SHARE = 3
EPOCHS = 21
# Of the run is the first cycle of the rate; a second, lower one refines what it found.
FIRST = 16 / 21
SECOND = 2 / 9  # of the first cycle's rate
CALM = 12 / 21  # of the run: after it distortions have half their strength, nearer to what is read


class Unit(nn.Module):
    """3 x 3 convolution, batch norm (or, folded, a bias), ReLU: (n, in, h, w) to (n, out, h, w)."""

    def __init__(self, inputs: int, outputs: int, folded: bool) -> None:
        super().__init__()
        self.filters = nn.Conv2d(inputs, outputs, 3, padding=1, bias=folded)
        self.norm = nn.Identity() if folded else nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.filters(x)))


class DigitNet(nn.Module):
    """Image (n, 1, 28, 28) in 0..1 to logits (n, 11) and their map (n, 11, 7, 7), whose mean they
    are.
    """

    def __init__(self, folded: bool = False) -> None:
        super().__init__()
        pairs = zip((1, *WIDTHS[:-1]), WIDTHS, strict=True)
        self.units = nn.ModuleList(Unit(inputs, outputs, folded) for inputs, outputs in pairs)
        self.head = nn.Conv2d(WIDTHS[-1], len(LABELS), 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = image
        for index, unit in enumerate(self.units):
            x = unit(x)
            if index in POOLED:
                x = F.max_pool2d(x, 2)
        cam = self.head(x)
        return cam.mean((2, 3)), cam


def train(data: Path | None, out: Path, epochs: int, seed: int, restart: bool = False) -> Path:
    """Train on MNIST, drawn digits and negatives; returns the checkpoint's path. Goes on where
    `out` stopped.
    """
    parts = datasets.mnist(data)
    digits = parts["train"]
    started = origin("mnist-cnn", parts, seed, CODE)
    begin(out, started, restart)
    extra = _extra(out / "drawings.npz", {key: started[key] for key in ("recipe", "seed")})
    torch.manual_seed(seed)
    module = DigitNet().to(memory_format=torch.channels_last)
    loop = Loop(
        module=module,
        optimizers=(torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=0.03),),
        batches=lambda epoch: _batches(digits, extra, epoch, 1.0 if epoch < CALM * epochs else 0.5),
        batches_per_epoch=(len(digits.labels) + len(extra.labels) // SHARE) // BATCH,
        rate=_rate,
        epochs=epochs,
        seed=seed,
        started=started,
        loss=cross_entropy(0.05),
        average_decay=0.998,
        measure=lambda averaged: {VALIDATION: accuracy(averaged, parts[VALIDATION])},
    )
    return loop.run(out)


def _rate(progress: float) -> float:
    if progress < FIRST:
        return one_cycle()(progress / FIRST)
    return SECOND * one_cycle(warm=0.2)((progress - FIRST) / (1 - FIRST))


def _batches(digits: datasets.Part, extra: datasets.Part, epoch: int, strength: float) -> Batches:
    """All digits and the epoch's third of the drawings, shuffled and distorted."""
    turn = slice(epoch % SHARE, None, SHARE)
    images = torch.from_numpy(np.concatenate([digits.images, extra.images[turn]]))
    labels = torch.from_numpy(np.concatenate([digits.labels, extra.labels[turn]]))
    for chosen in torch.randperm(len(labels))[: len(labels) // BATCH * BATCH].split(BATCH):
        yield distort(images[chosen].unsqueeze(1).float().div(255), strength), labels[chosen]


def _extra(path: Path, started: Origin) -> datasets.Part:
    """Drawn digits, printed digits and negatives in one shuffled part; drawn once, then kept
    beside the checkpoint.
    """
    found, seed = kept(path, started), started["seed"]
    if found is None:
        side = drawings.CANVAS // 2
        drawn, drawn_labels = drawings.digits(DRAWN, seed, side, drawings.SEEN_STYLES)
        printed, printed_labels = drawings.printed_digits(PRINTED, seed + 1, side)
        other = drawings.negatives(NEGATIVES, seed + 2, side)
        order = np.random.default_rng(seed).permutation(DRAWN + PRINTED + NEGATIVES)
        labels = np.concatenate([drawn_labels, printed_labels, np.full(NEGATIVES, OTHER)])
        images = np.concatenate([drawn, printed, other])[order]
        found = {"images": images, "labels": labels[order].astype(np.int64)}
        keep(path, started, **found)
    return datasets.Part(**found)


def fold(trained: nn.Module, temperature: float) -> nn.Module:
    """The network as it is exported: batch norm and temperature inside its weights, which float16
    holds exactly.
    """
    out = DigitNet(folded=True)
    for unit, folded in zip(trained.units, out.units, strict=True):
        fold_norm(unit.filters.weight, unit.norm, folded.filters)
    fold_temperature(trained.head, temperature, out.head)
    return round_to_half(out)


def calibration(data: Path | None, count: int) -> np.ndarray:
    """(count, 1, 28, 28) float32 for the ranges of int8: three quarters digits of MNIST, the rest
    drawings.
    """
    digits = datasets.mnist(data)["train"].images[: count - count // 4]
    drawn, _ = drawings.digits(count // 8, 11)
    other = drawings.negatives(count // 4 - count // 8, 12)
    return as_batch(np.concatenate([digits, drawn, other]))


def evaluation(data: Path | None) -> dict[str, datasets.Part]:
    """MNIST as it is and through the page's preprocessing, drawn digits, and drawings that are
    none.
    """
    parts = datasets.mnist(data)
    return {
        VALIDATION: parts["validation"],
        "test": parts["test"],
        "test, as the page sees it": datasets.on_the_page(parts["test"]),
        "drawn digits": datasets.Part(*drawings.digits(3000, 101)),
        "drawn digits, unseen styles": datasets.Part(
            *drawings.digits(1000, 102, styles=drawings.UNSEEN_STYLES)
        ),
        "no digits": _other(drawings.negatives(1800, 103)),
        "no digits, unseen kinds": _other(drawings.negatives(2000, 104, unseen=True)),
    }


def _other(images: np.ndarray) -> datasets.Part:
    return datasets.Part(images, np.full(len(images), OTHER))


RECIPE = PictureRecipe(
    name="mnist-cnn",
    labels=LABELS,
    shape=(1, SIDE, SIDE),
    epochs=EPOCHS,
    build=DigitNet,
    build_folded=lambda: DigitNet(folded=True),
    fold=fold,
    train=train,
    calibration=calibration,
    evaluation=evaluation,
)
