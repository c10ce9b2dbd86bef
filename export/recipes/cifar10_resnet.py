"""Train `cifar10-resnet`: a whitened residual network whose head is its own heat map."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from export.recipes import data as datasets
from export.recipes.data import VALIDATION
from export.recipes.folding import fold_norm, fold_temperature, round_to_half
from export.recipes.origin import origin
from export.recipes.recipe import PictureRecipe
from export.recipes.training import Batches, Loop, accuracy, begin, cross_entropy
from model_zoo.vision.cifar10_resnet import LABELS, SIDE
from model_zoo.vision.classify import as_batch

WIDTHS = (64, 256, 256)
WHITENED = (
    24  # channels: the 12 principal directions of a 2 x 2 patch in colour, and their negatives
)
BATCH = 500
MUON_RATE, ADAM_RATE = 0.08, 2e-3
WARM_STEPS = 100
SPOILED = 0.35  # share of the images that go through JPEG each epoch, since uploads have too
MEAN, STD = (
    (0.4914, 0.4822, 0.4465),
    (0.2470, 0.2435, 0.2616),
)  # of CIFAR-10's training part, by channel


class Filters(nn.Module):
    """A 3 x 3 convolution whose weight is kept as the matrix (out, in * 9) that Muon
    orthogonalises.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.weight = nn.Parameter(torch.empty(outputs, inputs * 9))
        nn.init.kaiming_normal_(self.weight)

    def kernel(self) -> Tensor:
        """The weight as (out, in, 3, 3)."""
        return self.weight.view(-1, self.inputs, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel().contiguous(memory_format=torch.channels_last), padding=1)


class Unit(nn.Module):
    """Convolution, pooling by 2 if asked, batch norm that only shifts (or, folded, a bias before
    the pooling), ReLU.
    """

    def __init__(self, inputs: int, outputs: int, pool: bool, folded: bool) -> None:
        super().__init__()
        self.filters = (
            nn.Conv2d(inputs, outputs, 3, padding=1) if folded else Filters(inputs, outputs)
        )
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.norm = nn.Identity() if folded else nn.BatchNorm2d(outputs)
        if not folded:
            self.norm.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.pool(self.filters(x))))


class Stage(nn.Module):
    """A unit that widens, and one more around which the signal also passes unchanged."""

    def __init__(self, inputs: int, outputs: int, pool: bool, folded: bool) -> None:
        super().__init__()
        self.enter = Unit(inputs, outputs, pool, folded)
        self.residual = Unit(outputs, outputs, False, folded)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return x + self.residual(x)


class ResNet(nn.Module):
    """Image (n, 3, 32, 32) in 0..1 to logits (n, 10) and their map (n, 10, 8, 8), whose mean they
    are.

    Folded, for use, it looks at the image and at its mirror image and averages what it makes of
    them: twice the time for half a point of accuracy on the validation originals (94.0 to 94.5 %).
    """

    image_mean: Tensor
    image_std: Tensor

    def __init__(self, folded: bool = False) -> None:
        super().__init__()
        self.folded = folded
        self.whiten = nn.Conv2d(3, WHITENED, 2)
        self.whiten.weight.requires_grad_(False)
        narrow, wide, last = WIDTHS
        self.stages = nn.Sequential(
            Stage(WHITENED, narrow, True, folded),
            Stage(narrow, wide, True, folded),
            Stage(wide, last, False, folded),
        )
        self.head = nn.Conv2d(last, len(LABELS), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        self.register_buffer("image_mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("image_std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        if self.folded:
            both = self.map(torch.cat([image, image.flip(3)])).unflatten(0, (2, -1))
            cam = (both[0] + both[1].flip(3)) / 2
        else:
            cam = self.map(image)
        return cam.mean((2, 3)), cam

    def map(self, image: Tensor) -> Tensor:
        """Class activation map (n, 10, 8, 8) of the images as they are."""
        x = (image - self.image_mean) / self.image_std
        x = F.relu(self.whiten(F.pad(x, (0, 1, 0, 1))))
        found: Tensor = self.head(self.stages(x))
        return found

    @torch.no_grad()
    def set_whitening(self, images: Tensor) -> None:
        """Fix the first layer so that the 2 x 2 patches of images (n, 3, 32, 32) come out
        uncorrelated.
        """
        x = (images - self.image_mean) / self.image_std
        patches = x.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12)
        patches = patches[torch.randperm(len(patches))[:200_000]]
        values, vectors = torch.linalg.eigh(torch.cov(patches.T))
        directions = (vectors / (values + 5e-4).sqrt()).T.reshape(12, 3, 2, 2)
        self.whiten.weight.copy_(torch.cat([directions, -directions]))
        self.whiten.bias.zero_()


def train(data: Path | None, out: Path, epochs: int, seed: int, restart: bool = False) -> Path:
    """Train on CIFAR-10; returns the checkpoint's path. Goes on where `out` stopped."""
    parts = datasets.cifar10(data)
    images = parts["train"]
    started = origin("cifar10-resnet", parts, seed, ("cifar10_resnet",))
    begin(out, started, restart)
    torch.manual_seed(seed)
    module = ResNet().to(memory_format=torch.channels_last)
    module.set_whitening(torch.from_numpy(as_batch(images.images[:5000])))
    matrices = [part.weight for part in module.modules() if isinstance(part, Filters)]
    known = {id(matrix) for matrix in matrices}
    rest = [p for p in module.parameters() if p.requires_grad and id(p) not in known]
    muon = torch.optim.Muon(matrices, lr=MUON_RATE, momentum=0.85, weight_decay=0.0, nesterov=True)
    adam = torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.99), weight_decay=1e-2)
    mirrored = torch.rand(len(images.labels)) < 0.5
    steps = len(images.labels) // BATCH
    _normalise(matrices)
    loop = Loop(
        module=module,
        optimizers=(muon, adam),
        batches=lambda epoch: _batches(images, mirrored ^ bool(epoch % 2), seed, epoch),
        batches_per_epoch=steps,
        rate=lambda done: max(
            min(1.0, (done * steps * epochs + 1) / WARM_STEPS) * (1 - done), 1e-4
        ),
        epochs=epochs,
        seed=seed,
        started=started,
        loss=cross_entropy(0.1),
        # The rate has fallen to nothing by the end: a longer memory chose no better on validation.
        average_decay=0.98,
        after_step=lambda: _normalise(matrices),
        measure=lambda averaged: {VALIDATION: accuracy(averaged, parts[VALIDATION])},
    )
    return loop.run(out)


@torch.no_grad()
def _normalise(matrices: list[nn.Parameter]) -> None:
    """Keep the length of every filter at one on average: batch norm makes it void, and Muon would
    let it grow.
    """
    for matrix in matrices:
        matrix.mul_(len(matrix) ** 0.5 / matrix.norm())


def _batches(images: datasets.Part, mirrored: Tensor, seed: int, epoch: int) -> Batches:
    """One epoch, shuffled and distorted; every image is mirrored in every other epoch."""
    spoiled = spoil(images.images, np.random.default_rng((seed, epoch)))
    order = torch.randperm(len(images.labels))
    for chosen in order[: len(order) // BATCH * BATCH].split(BATCH):
        batch = torch.from_numpy(as_batch(spoiled[chosen.numpy()]))
        yield distort(batch, mirrored[chosen]), torch.from_numpy(images.labels[chosen.numpy()])


def spoil(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy of (n, 32, 32, 3) uint8 in which a share went through JPEG, a few of these through a
    blur before.
    """
    out = images.copy()
    for index in np.flatnonzero(rng.random(len(images)) < SPOILED):
        picture = Image.fromarray(out[index])
        if rng.random() < 0.15:
            small = int(rng.integers(20, 30))
            picture = picture.resize((small, small), Image.Resampling.BILINEAR)
            picture = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(55, 95)))
        out[index] = np.asarray(Image.open(file))
    return out


def distort(x: Tensor, mirrored: Tensor, shift: int = 4, hole: int = 8) -> Tensor:
    """Mirror (n, 3, 32, 32) where told, shift, change light in a third and grey a square in half
    of the images.
    """
    n = len(x)
    x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
    padded = F.pad(x, (shift,) * 4, "reflect")
    down, right = torch.randint(0, 2 * shift + 1, (2, n, 1))
    span = torch.arange(SIDE)
    rows, columns = (down + span)[:, :, None], (right + span)[:, None, :]
    x = padded[torch.arange(n)[:, None, None], :, rows, columns].permute(0, 3, 1, 2)
    gain, offset = 0.9 + 0.2 * torch.rand(n, 1, 1, 1), 0.15 * (torch.rand(n, 1, 1, 1) - 0.5)
    x = torch.where(torch.rand(n, 1, 1, 1) < 0.3, x * gain + offset, x)
    top, left = torch.randint(-hole // 2 + 1, SIDE - hole // 2, (2, n, 1))
    tall, wide = ((span >= edge) & (span < edge + hole) for edge in (top, left))
    square = tall[:, :, None] & wide[:, None, :] & (torch.rand(n, 1, 1) < 0.5)
    return torch.where(square[:, None], torch.full_like(x, 0.47), x)


def fold(trained: nn.Module, temperature: float) -> nn.Module:
    """The network as it is exported: batch norm and temperature inside its weights, which float16
    holds exactly.
    """
    out = ResNet(folded=True)
    out.whiten.load_state_dict(trained.whiten.state_dict())
    pairs = zip(trained.stages, out.stages, strict=True)
    for unit, folded in (
        (getattr(a, name), getattr(b, name)) for a, b in pairs for name in ("enter", "residual")
    ):
        # Moving a positive scale and a shift from behind the max pooling to before it changes
        # nothing.
        fold_norm(unit.filters.kernel(), unit.norm, folded.filters)
    fold_temperature(trained.head, temperature, out.head)
    return round_to_half(out)


def calibration(data: Path | None, count: int) -> np.ndarray:
    """(count, 3, 32, 32) float32 for the ranges of int8: training images, some of them spoiled as
    uploads are.
    """
    images = datasets.cifar10(data)["train"].images[:count]
    return as_batch(spoil(images, np.random.default_rng(0)))


def evaluation(data: Path | None) -> dict[str, datasets.Part]:
    """Validation originals, and the test part in the copy that there is."""
    return {name: part for name, part in datasets.cifar10(data).items() if name != "train"}


RECIPE = PictureRecipe(
    name="cifar10-resnet",
    labels=LABELS,
    shape=(3, SIDE, SIDE),
    epochs=18,
    build=ResNet,
    build_folded=lambda: ResNet(folded=True),
    fold=fold,
    train=train,
    calibration=calibration,
    evaluation=evaluation,
)
