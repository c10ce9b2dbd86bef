"""MNIST and CIFAR-10 as numpy arrays: from a folder, or the official files through torchvision."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from export.recipes.parts import (
    DataNotFound,
    Part,
    Parts,
    arrays,
    classes,
    pictures,
    reading,
    require_classes,
    require_pictures,
)
from model_zoo.errors import BadInput
from model_zoo.vision.cifar10_resnet import LABELS, SIDE
from model_zoo.vision.mnist_cnn import SIDE as DIGIT_SIDE
from model_zoo.vision.mnist_cnn import to_mnist

# The last training images choose among epochs and fit the temperature; none is trained on
HELD_OUT = 2_000
LEAST = 1_000  # pictures to train on: two of the largest batches, and what int8 is calibrated on
CLASSES = 10  # of MNIST, and of CIFAR-10

VALIDATION = "validation"  # the part that fits the temperature; every recipe has it


def mnist(data: Path | None) -> Parts:
    """MNIST's `train` (58,000), `validation` (the training part's last 2,000) and `test` (10,000).

    `data` is a folder with mnist.npz (x_train, y_train, x_test, y_test); None asks torchvision.
    """
    shape = (DIGIT_SIDE, DIGIT_SIDE)
    if data is None:
        where, given = "MNIST", _official("MNIST")
    else:
        path = data / "mnist.npz"
        where, given = str(path), arrays(path, "x_train", "y_train", "x_test", "y_test")
    train, test = (
        _part(given[i], given[i + 1], f"{where}: {name}", shape)
        for i, name in ((0, "the training part"), (2, "the test part"))
    )
    return _hold_out(train, where) | {"test": test}


def on_the_page(digits: Part) -> Part:
    """Digits through the page's preprocessing, without those that it takes for blank."""
    seen = [to_mnist(image) for image in digits.images]
    there = [index for index, image in enumerate(seen) if image is not None]
    return Part(np.stack([seen[index] for index in there]), digits.labels[there])


def cifar10(data: Path | None) -> Parts:
    """CIFAR-10's `train` and `validation` (2,000), and `test` or `test jpeg` where there is one.

    `data` is a folder with cifar10/train-*.png, val-*.png (1,000 images a file, one a row) and
    labels.npz, and perhaps cifar10-test-jpeg.tar.gz; None asks torchvision for the official files.
    """
    shape = (SIDE, SIDE, 3)
    if data is None:
        images, labels, *test = _official("CIFAR10")
        train = _part(images, labels, "CIFAR-10: the training part", shape)
        tested = _part(*test, "CIFAR-10: the test part", shape)
        return _hold_out(train, "CIFAR-10") | {"test": tested}
    folder = data / "cifar10"
    labels = arrays(folder / "labels.npz", "train", "val")
    train, validation = (
        _part(_rows(folder, name), of, f"{folder}: {name}", shape)
        for name, of in zip(("train", "val"), labels, strict=True)
    )
    require_pictures(train, f"{folder}: train", LEAST)
    require_classes(train, f"{folder}: train", CLASSES)
    archive = data / "cifar10-test-jpeg.tar.gz"
    more = {"test jpeg": _jpegs(archive)} if archive.exists() else {}
    return {"train": train, "validation": validation} | more


def _part(images: np.ndarray, labels: np.ndarray, where: str, shape: tuple[int, ...]) -> Part:
    return Part(pictures(images, where, shape), classes(labels, where, CLASSES))


def _hold_out(part: Part, where: str) -> Parts:
    require_pictures(part, f"{where}: the training part", LEAST + HELD_OUT)
    parts = {
        "train": Part(part.images[:-HELD_OUT], part.labels[:-HELD_OUT]),
        "validation": Part(part.images[-HELD_OUT:], part.labels[-HELD_OUT:]),
    }
    for name, some in parts.items():
        require_classes(some, f"{where}: the {name} part", CLASSES)
    return parts


def _rows(folder: Path, name: str) -> np.ndarray:
    """Unpack PNG files of one image a row into (n, 32, 32, 3)."""
    files = sorted(folder.glob(f"{name}-*.png"))
    if not files:
        raise DataNotFound(
            f"{folder} holds no {name}-*.png: give --data the folder above a complete cifar10/."
        )
    return np.concatenate([_row_file(file) for file in files])


def _row_file(path: Path) -> np.ndarray:
    with reading(path), Image.open(path) as picture:
        if picture.mode != "RGB" or picture.width != SIDE * SIDE:
            raise BadInput(
                f"{path} is {picture.width} × {picture.height} in {picture.mode}: "
                f"rows of {SIDE * SIDE} pixels in RGB are needed, one image each."
            )
        return np.asarray(picture).reshape(-1, SIDE, SIDE, 3)


def _jpegs(archive: Path) -> Part:
    """Read NAME/CLASS/*.jpg out of a tar archive, in the order of their names."""
    with reading(archive), tarfile.open(archive) as tar:
        members = sorted((m for m in tar if m.name.endswith(".jpg")), key=lambda m: m.name)
        # Type: ignore[union-attr]
        images = [np.asarray(Image.open(io.BytesIO(tar.extractfile(m).read()))) for m in members]
        labels = [LABELS.index(Path(m.name).parent.name) for m in members]
        return _part(np.stack(images), np.array(labels), str(archive), (SIDE, SIDE, 3))


def _official(name: str) -> list[np.ndarray]:
    """Images and labels of the training part, then of the test part, through torchvision.

    They are kept in the project's cache folder.
    """
    import platformdirs
    from torchvision import datasets

    cache = platformdirs.user_cache_path("sensorium") / "datasets"
    try:
        parts = [
            getattr(datasets, name)(cache, train=train, download=True) for train in (True, False)
        ]
    except (OSError, RuntimeError) as error:
        raise DataNotFound(
            f"{name} is not in {cache} and could not be downloaded ({error}): "
            "connect, or give --data a folder."
        ) from error
    return [np.asarray(of) for part in parts for of in (part.data, part.targets)]
