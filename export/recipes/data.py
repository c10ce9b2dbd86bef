"""MNIST and CIFAR-10 as numpy arrays: from a folder, or the official files through torchvision."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model_zoo.cifar10_resnet import LABELS, SIDE

# The last training images choose among epochs and fit the temperature; none is trained on
HELD_OUT = 2_000


class DataNotFound(FileNotFoundError):
    """A data set, or a part of it, is not where it was looked for."""


@dataclass(frozen=True)
class Part:
    """Images (n, 28, 28) or (n, 32, 32, 3) uint8 and their labels (n,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(
                f"{len(self.images)} images but {len(self.labels)} labels: the data set is damaged"
            )


Parts = dict[str, Part]


def mnist(data: Path | None) -> Parts:
    """MNIST's `train` (58,000), `validation` (the training part's last 2,000) and `test` (10,000).

    `data` is a folder with mnist.npz (x_train, y_train, x_test, y_test); None asks torchvision.
    """
    if data is None:
        train, test = _official("MNIST")
    else:
        with np.load(_existing(data / "mnist.npz")) as file:
            train = Part(file["x_train"], file["y_train"].astype(np.int64))
            test = Part(file["x_test"], file["y_test"].astype(np.int64))
    return _hold_out(train) | {"test": test}


def cifar10(data: Path | None) -> Parts:
    """CIFAR-10's `train` and `validation` (2,000), and `test` or `test jpeg` where there is one.

    `data` is a folder with cifar10/train-*.png, val-*.png (1,000 images a file, one a row) and
    labels.npz, and perhaps cifar10-test-jpeg.tar.gz; None asks torchvision for the official files.
    """
    if data is None:
        train, test = _official("CIFAR10")
        return _hold_out(train) | {"test": test}
    folder = data / "cifar10"
    with np.load(_existing(folder / "labels.npz")) as file:
        labels = {name: file[name].astype(np.int64) for name in ("train", "val")}
    parts = {
        "train": Part(_rows(folder, "train"), labels["train"]),
        "validation": Part(_rows(folder, "val"), labels["val"]),
    }
    archive = data / "cifar10-test-jpeg.tar.gz"
    return parts | ({"test jpeg": _jpegs(archive)} if archive.exists() else {})


def _hold_out(part: Part) -> Parts:
    return {
        "train": Part(part.images[:-HELD_OUT], part.labels[:-HELD_OUT]),
        "validation": Part(part.images[-HELD_OUT:], part.labels[-HELD_OUT:]),
    }


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DataNotFound(missing(path))
    return path


def missing(path: Path) -> str:
    """What to say of a file of data that is not there."""
    return f"{path} is missing: give --data the folder that holds it, or no --data to download."


def _rows(folder: Path, name: str) -> np.ndarray:
    """Unpack PNG files of one image a row into (n, 32, 32, 3)."""
    files = sorted(folder.glob(f"{name}-*.png"))
    if not files:
        raise DataNotFound(
            f"{folder} holds no {name}-*.png: give --data the folder above a complete cifar10/."
        )
    images = [np.asarray(Image.open(file)) for file in files]
    return np.concatenate([rows.reshape(-1, SIDE, SIDE, 3) for rows in images])


def _jpegs(archive: Path) -> Part:
    """Read NAME/CLASS/*.jpg out of a tar archive, in the order of their names."""
    with tarfile.open(archive) as tar:
        members = sorted((m for m in tar if m.name.endswith(".jpg")), key=lambda m: m.name)
        # Type: ignore[union-attr]
        images = [np.asarray(Image.open(io.BytesIO(tar.extractfile(m).read()))) for m in members]
    labels = [LABELS.index(Path(m.name).parent.name) for m in members]
    return Part(np.stack(images), np.array(labels, dtype=np.int64))


def _official(name: str) -> tuple[Part, Part]:
    """Training and test part through torchvision, kept in the project's cache folder."""
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
    train, test = (Part(np.asarray(p.data), np.asarray(p.targets, dtype=np.int64)) for p in parts)
    return train, test
