"""Pictures and labels as somebody gave them: looked at before any work is done on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.errors import BadInput, ZooError, named


class DataNotFound(ZooError, FileNotFoundError):
    """A data set, or a part of it, is not where it was looked for."""


@dataclass(frozen=True)
class Part:
    """Images (n, 28, 28) or (n, 32, 32, 3) uint8 and their labels (n,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise BadInput(
                f"{len(self.images)} images but {len(self.labels)} labels: the data set is damaged."
            )


Parts = dict[str, Part]


def missing(path: Path) -> str:
    """What to say of a file of data that is not there."""
    return f"{path} is missing: give --data the folder that holds it, or no --data to download."


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever keeps a file of data from being read becomes one sentence."""
    if not path.is_file():
        raise DataNotFound(missing(path))
    try:
        yield
    except ZooError:
        raise
    except Exception as error:  # a cut zip, tar, PNG or array each fails in its own ways
        why = named(str(error) or type(error).__name__)
        raise BadInput(f"{path} cannot be read ({why}): get it again.") from error


def arrays(path: Path, *names: str) -> list[np.ndarray]:
    """The arrays of these names in an .npz file."""
    with reading(path), np.load(path) as file:
        if absent := [name for name in names if name not in file]:
            raise BadInput(f"{path} has no {', '.join(absent)}: {', '.join(names)} are needed.")
        return [file[name] for name in names]


def pictures(given: np.ndarray, where: str, shape: tuple[int, ...]) -> np.ndarray:
    """Pictures (n, *shape) as uint8: whole numbers up to 255 as they are, floats up to 1 scaled.

    Neither is darker than half: what was divided by 255 twice is refused.
    """
    if given.shape[1:] != shape or not len(given):
        needed = ", ".join(map(str, ("n", *shape)))
        raise BadInput(f"{where} has the shape {given.shape}: ({needed}) is needed.")
    if (kind := given.dtype.kind) not in "buif":
        raise BadInput(f"{where} holds {given.dtype}: numbers are needed.")
    low, high = float(given.min()), float(given.max())
    full = 1 if kind in "bf" and high <= 1 else 255
    whole = kind != "f" or full == 1 or np.array_equal(given, np.rint(given))
    if not (0 <= low < high <= full and high > full / 2 and whole):
        raise BadInput(
            f"{where} has {'whole numbers' if kind in 'ui' else 'values'} from {low:g} to "
            f"{high:g}: whole numbers from 0 to 255 are needed, or floats from 0 to 1."
        )
    whole_numbers = given if full == 255 else np.rint(given.astype(np.float32) * 255)
    return whole_numbers.astype(np.uint8)


def classes(given: np.ndarray, where: str, count: int) -> np.ndarray:
    """Labels (n,) as int64: a whole number below `count` for each picture."""
    if given.ndim != 1 or given.dtype.kind not in "ui":
        raise BadInput(
            f"{where} has the shape {given.shape} of {given.dtype}: "
            "one whole number for each picture is needed."
        )
    if len(given) and not (given.min() >= 0 and given.max() < count):
        raise BadInput(
            f"{where} has labels from {given.min()} to {given.max()}: 0 to {count - 1} are needed."
        )
    return given.astype(np.int64)


def require_pictures(part: Part, where: str, least: int) -> None:
    """Refuse a part that is too small to train on."""
    if len(part.labels) < least:
        raise BadInput(f"{where} has {len(part.labels):,} pictures: {least:,} are needed at least.")


def require_classes(part: Part, where: str, count: int) -> None:
    """Refuse a part that lacks a class altogether, as the end of one sorted by class does."""
    if absent := set(range(count)) - set(part.labels.tolist()):
        raise BadInput(
            f"{where} has no picture of class {', '.join(map(str, sorted(absent)))}: "
            f"0 to {count - 1} are needed, in mixed order."
        )
