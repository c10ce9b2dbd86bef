"""Digits in the form of mnist.npz, made here, and what can go wrong with a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.recipes import data
from model_zoo.errors import ZooError

COUNT = data.LEAST + data.HELD_OUT
Arrays = dict[str, np.ndarray]


def digits(seed: int = 0) -> Arrays:
    """As mnist.npz has them: a bright bar for each digit, at a place of its own."""
    rng = np.random.default_rng(seed)
    found = {}
    for part, count in (("train", COUNT), ("test", 20)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label + 2 : 2 * label + 6, 4:24] = 255
        found |= {f"x_{part}": images, f"y_{part}": labels}
    return found


def folder(root: Path, arrays: Arrays | None = None) -> Path:
    """A folder with these arrays as its mnist.npz."""
    root.mkdir(parents=True, exist_ok=True)
    np.savez(root / "mnist.npz", **(digits() if arrays is None else arrays))
    return root


def cut(given: Path) -> Path:
    """The folder with half of its mnist.npz."""
    whole = (given / "mnist.npz").read_bytes()
    (given / "mnist.npz").write_bytes(whole[: len(whole) // 2])
    return given


def sentence(start: Callable[[], object]) -> str:
    """The one sentence with which something is refused."""
    with pytest.raises(ZooError) as refused:
        start()
    said = str(refused.value)
    assert said.endswith(".")
    assert "\n" not in said
    return said


def changed_within(whole: bytes) -> bytes:
    place = len(whole) // 3
    return whole[:place] + b"\0damage\0\0" + whole[place + 9 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "changed within": changed_within,
    "something else": lambda whole: b"not a file of ours",
}
