"""Data to train on are looked at before the work, and scaled by their type and range."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export import __main__ as command
from export import quantize as int8
from export.recipes import cifar10_resnet, data, sst2
from model_zoo import zoo
from model_zoo.errors import BadInput
from tests.export.digits import DAMAGE, Arrays, digits, folder, sentence

pytestmark = pytest.mark.export


def changed(**others: Any) -> Callable[[], Arrays]:
    """The digits with some arrays replaced by a function of themselves, or left out for None."""

    def arrays() -> Arrays:
        given = digits()
        for name, change in others.items():
            array = given.pop(name)
            if change is not None:
                given[name] = change(array)
        return given

    return arrays


def normalised(images: np.ndarray) -> np.ndarray:
    return (images / 255 - 0.13) / 0.31


REFUSED: dict[str, tuple[Callable[[], Arrays], str]] = {
    "500 pictures": (
        lambda: {name: array[:500] for name, array in digits().items()}, "500 pictures: 3,000",
    ),
    "no picture": (lambda: {name: array[:0] for name, array in digits().items()}, r"\(0, 28, 28\)"),
    "no labels": (changed(y_train=None), "has no y_train"),
    "no test part": (changed(x_test=None, y_test=None), "has no x_test, y_test"),
    "labels 1 to 10": (changed(y_train=lambda y: y + 1), "1 to 10: 0 to 9"),
    "labels below zero": (changed(y_train=lambda y: y.astype(int) - 1), "from -1 to 8"),
    "labels 1 to 9": (changed(y_train=lambda y: np.maximum(y, 1)), "no picture of class 0"),
    "one-hot labels": (changed(y_train=lambda y: np.eye(10)[y]), "one whole number for each"),
    "float labels": (changed(y_test=lambda y: y + 0.5), "one whole number for each"),
    "words as labels": (changed(y_train=lambda y: y.astype(str)), "one whole number for each"),
    "fewer labels": (changed(y_train=lambda y: y[:-1]), "3000 images but 2999 labels"),
    "sorted by class": (
        changed(x_train=lambda x: x[np.argsort(np.arange(len(x)) % 10)], y_train=np.sort),
        "mixed order",
    ),
    "channels": (changed(x_train=lambda x: x[..., None]), r"\(3000, 28, 28, 1\)"),
    "flat pictures": (changed(x_test=lambda x: x.reshape(len(x), -1)), r"\(20, 784\)"),
    "larger pictures": (changed(x_train=lambda x: np.pad(x, ((0, 0), (2, 2), (2, 2)))), "32, 32"),
    "divided twice": (changed(x_train=lambda x: x / 255 / 255), "floats from 0 to 1"),
    "normalised": (changed(x_train=normalised), "floats from 0 to 1"),
    "floats beyond 1": (changed(x_train=lambda x: x / 250), "floats from 0 to 1"),
    "not a number": (changed(x_test=lambda x: np.where(x == x.max(), np.nan, x)), "nan"),
    "0 and 1 as whole numbers": (changed(x_train=lambda x: x // 255), "whole numbers from 0 to 1:"),
    "16 bits": (changed(x_train=lambda x: x.astype(np.uint16) * 257), "to 65535"),
    "all black": (changed(x_train=np.zeros_like), "from 0 to 0"),
    "objects": (changed(y_train=lambda y: y.astype(object)), "cannot be read"),
    "complex numbers": (changed(x_train=lambda x: x.astype(complex)), "numbers are needed"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_e7_e8_data_that_are_not_as_they_should_be_are_refused_before_the_work(
    tmp_path: Path, what: str
) -> None:
    arrays, expected = REFUSED[what]
    given, out = folder(tmp_path / "data", arrays()), tmp_path / "run"
    said = sentence(lambda: command.train("mnist-cnn", given, 1, out=out))
    assert str(given / "mnist.npz") in said or "labels" in said
    with pytest.raises(BadInput, match=expected):
        data.mnist(given)
    assert [file.name for file in out.rglob("*") if file.is_file()] == ["lock"]


def test_e7_folders_that_are_none_and_files_that_are_cut_are_said(tmp_path: Path) -> None:
    for given in (tmp_path / "nowhere", tmp_path, Path(__file__)):
        for name in ("mnist-mlp", "cifar10-resnet", "sst2-minilm"):
            said = sentence(lambda given=given, name=name: command.train(name, given, out=tmp_path))
            assert "give --data the folder" in said
    file = folder(tmp_path) / "mnist.npz"
    whole = file.read_bytes()
    for damage in DAMAGE.values():
        file.write_bytes(damage(whole))
        assert "cannot be read" in sentence(lambda: data.mnist(tmp_path))
    with file.open("wb") as out:
        np.save(out, np.zeros(3))
    assert "cannot be read" in sentence(lambda: data.mnist(tmp_path))


@pytest.mark.parametrize(
    "scaled",
    [
        lambda x: (x / 255).astype(np.float32),
        lambda x: x / 255,
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.int64),
    ],
    ids=["float32 to 1", "float64 to 1", "float64 to 255", "int64"],
)
def test_e8_pictures_are_scaled_by_their_type_and_range(
    tmp_path: Path, scaled: Callable[[np.ndarray], np.ndarray]
) -> None:
    plain = data.mnist(folder(tmp_path / "a"))
    other = data.mnist(folder(tmp_path / "b", changed(x_train=scaled, x_test=scaled)()))
    for name, part in plain.items():
        assert other[name].images.dtype == np.uint8
        assert np.array_equal(other[name].images, part.images)


def test_e8_yes_and_no_for_ink_and_paper_are_black_and_white(tmp_path: Path) -> None:
    parts = data.mnist(folder(tmp_path, changed(x_train=lambda x: x > 100)()))
    assert set(np.unique(parts["train"].images)) == {0, 255}


@pytest.mark.parametrize(
    "images",
    [np.zeros((0, 1, 28, 28)), np.full((9, 1, 28, 28), 1 / 255), np.full((9, 1, 28, 28), 255)],
    ids=["none", "divided twice", "never divided"],
)
def test_e8_int8_is_made_of_no_such_pictures_and_the_old_file_stays(
    tmp_path: Path, images: np.ndarray
) -> None:
    committed = tmp_path / "int8.onnx"
    committed.write_text("old")
    said = sentence(
        lambda: int8.quantize(tmp_path / "fp32.onnx", committed, images.astype(np.float32))
    )
    assert "none, or not in 0..1" in said
    assert committed.read_text() == "old"


def test_e8_the_committed_int8_stays_where_the_data_are_refused(tmp_path: Path) -> None:
    committed = zoo.spec("mnist-cnn").embedded_file("int8")
    before = committed.read_bytes()
    nothing = {"x_train": lambda x: x[:0], "y_train": lambda y: y[:0]}
    for arrays in (changed(**nothing), changed(x_train=normalised)):
        given = folder(tmp_path, arrays())
        sentence(lambda given=given: command.quantize("mnist-cnn", given))
    assert committed.read_bytes() == before


def test_e7_a_test_picture_that_the_page_takes_for_blank_is_left_out_and_counted() -> None:
    images = digits()["x_test"].copy()
    images[3] = 0
    seen = data.on_the_page(data.Part(images, np.arange(20) % 10))
    assert len(seen.labels) == 19


def cifar(root: Path, **others: np.ndarray) -> Path:
    """A folder with two PNG files of images and their labels."""
    rows = np.random.default_rng(0).integers(0, 256, (data.LEAST, 1024, 3)).astype(np.uint8)
    (root / "cifar10").mkdir(parents=True)
    for name in ("train", "val"):
        Image.fromarray(others.get(f"{name}_rows", rows)).save(root / "cifar10" / f"{name}-0.png")
    labels = np.arange(data.LEAST) % 10
    np.savez(root / "cifar10" / "labels.npz", **({"train": labels, "val": labels} | others))
    return root


def test_e7_photographs_that_are_not_as_they_should_be_are_refused(tmp_path: Path) -> None:
    labels = np.arange(data.LEAST) % 10
    cases: dict[str, tuple[Arrays, str]] = {
        "grey": ({"val_rows": np.full((9, 3072), 200, np.uint8)}, "3072 × 9 in L"),
        "short": ({"train": labels[:-1]}, "1000 images but 999 labels"),
        "ten": ({"val": labels + 1}, "labels from 1 to 10"),
        "few": (
            {"train": labels[:9], "train_rows": np.full((9, 1024, 3), 99, np.uint8)}, "train",
        ),
    }  # fmt: skip
    for name, (others, expected) in cases.items():
        given = cifar(tmp_path / name, **others)
        assert expected in sentence(lambda given=given: cifar10_resnet.train(given, given, 1, 0))
    given = cifar(tmp_path / "cut")
    (given / "cifar10-test-jpeg.tar.gz").write_bytes(b"\x1f\x8b half an archive")
    assert "cannot be read" in sentence(lambda: data.cifar10(given))
    picture = given / "cifar10" / "val-0.png"
    picture.write_bytes(picture.read_bytes()[:5000])
    assert "val-0.png cannot be read" in sentence(lambda: data.cifar10(given))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "does not begin with"),
        ("a fine film .\t1\n", "does not begin with"),
        ("sentence\tlabel\n", "Of 0 whole sentences"),
        ("sentence\tlabel\na fine film .\t1\na good one .\t1\n", "train has not both labels"),
        ("sentence\tlabel\na fine film . 1\n", "line 2,"),
        ("sentence\tlabel\na fine film .\t1\na dull one .\tno\n", "line 3,"),
        ("sentence\tlabel\na fine film .\t1\n \t0\n", "line 3,"),
        ("sentence\tlabel\na fine film\t1\na dull one\t0\n", "Of 0 whole sentences"),
        ("sentence\tlabel\na fine film .\t1\na dull \udcff .\t0\n", "cannot be read"),
    ],
)
def test_e7_sentences_that_are_not_as_they_should_be_are_refused(
    tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "sst2").mkdir()
    for name in ("train", "dev"):
        path = tmp_path / "sst2" / f"{name}.tsv"
        path.write_bytes(text.encode(errors="surrogateescape"))
    assert expected in sentence(lambda: sst2.sst2(tmp_path))
