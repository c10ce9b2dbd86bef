"""A run knows what it was started with, looks at its data first, and writes its files whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from filelock import FileLock
from PIL import Image

from export import __main__ as command
from export import quantize as int8
from export.recipes import cifar10_resnet, data, mnist_cnn, origin, perceptron, sst2
from export.recipes.training import read_curves, read_started
from model_zoo.errors import BadInput, ZooError

pytestmark = pytest.mark.export

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


def sentence(start: Callable[[], object]) -> str:
    """The one sentence with which something is refused."""
    with pytest.raises(ZooError) as refused:
        start()
    said = str(refused.value)
    assert said.endswith(".")
    assert "\n" not in said
    return said


def test_e5_other_data_another_seed_and_fewer_epochs_are_refused_and_can_begin_afresh(
    tmp_path: Path,
) -> None:
    ours, theirs = folder(tmp_path / "a"), folder(tmp_path / "b", digits(1))
    out = tmp_path / "run"
    path = perceptron.train(ours, out, 2, 0)
    before = path.read_bytes()
    known = read_started(path)
    said = sentence(lambda: perceptron.train(theirs, out, 2, 7))
    assert f"data {known['data']}, seed 0; now data" in said
    assert "another --out" in said
    assert "--restart" in said
    assert "seed 0; now seed 7" in sentence(lambda: perceptron.train(ours, out, 2, 7))
    assert "2 epochs, not of 1" in sentence(lambda: perceptron.train(ours, out, 1, 0))
    assert path.read_bytes() == before
    perceptron.train(theirs, out, 1, 7, True)
    assert read_started(path)["seed"] == 7
    assert len(read_curves(path)) == 1


def test_e5_the_same_data_from_another_folder_and_more_epochs_are_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = perceptron.train(folder(tmp_path / "a"), tmp_path / "run", 1, 0)
    assert perceptron.train(folder(tmp_path / "b"), tmp_path / "run", 2, 0) == path
    assert len(read_curves(path)) == 2
    assert read_started(path)["epochs"] == [1, 2]
    before = path.read_bytes()
    perceptron.train(tmp_path / "a", tmp_path / "run", 2, 0)
    assert path.read_bytes() == before
    assert "nothing is left to train" in capsys.readouterr().err


def test_e5_another_version_of_a_recipe_is_another_origin(tmp_path: Path) -> None:
    parts = data.mnist(folder(tmp_path))
    first, other = (origin.origin("x", parts, 0, (code,)) for code in ("perceptron", "mnist_cnn"))
    assert first["data"] == other["data"]
    assert first["recipe"] != other["recipe"]


def test_e5_a_checkpoint_that_does_not_say_what_it_came_of_is_refused(tmp_path: Path) -> None:
    path = perceptron.train(folder(tmp_path), tmp_path / "run", 1, 0)
    state = torch.load(path)
    del state["started"]
    torch.save(state, path)
    assert "seed unknown" in sentence(lambda: perceptron.train(tmp_path, tmp_path / "run", 1, 0))


def test_e5_e6_what_a_run_was_started_with_stands_in_all_that_comes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "runs"
    command.train("mnist-mlp", folder(tmp_path), 1, seed=3, out=out)
    run = out / "mnist-mlp"
    started = read_started(run / "checkpoint.pt")
    assert started["seed"] == 3
    report = json.loads((run / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["started"] == started
    graph = run / "mnist-mlp.fp32.onnx"
    [noted] = onnx.load(graph).metadata_props
    assert json.loads(noted.value) == started
    assert not list(out.rglob("*.part"))

    committed = tmp_path / "committed.onnx"
    command._replace(committed, graph, onnx.load)
    assert committed.read_bytes() == graph.read_bytes()
    graph.write_bytes(graph.read_bytes()[:1000])
    assert "is damaged" in sentence(lambda: command._replace(committed, graph, onnx.load))
    assert len(committed.read_bytes()) > 1000


def test_e5_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "mnist-mlp").mkdir()
    with FileLock(tmp_path / "mnist-mlp" / "lock"):
        said = sentence(lambda: command.train("mnist-mlp", tmp_path, 1, out=tmp_path))
    assert "Another run" in said
    (tmp_path / "file").touch()
    said = sentence(lambda: command.train("mnist-mlp", tmp_path, 1, out=tmp_path / "file"))
    assert "cannot be written" in said


def changed_within(whole: bytes) -> bytes:
    place = len(whole) // 3
    return whole[:place] + b"\0damage\0\0" + whole[place + 9 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "changed within": changed_within,
    "something else": lambda whole: b"not a file of ours",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_e6_a_damaged_checkpoint_is_refused_and_can_begin_afresh(
    tmp_path: Path, damage: str
) -> None:
    path = perceptron.train(folder(tmp_path), tmp_path / "run", 1, 0)
    curves = read_curves(path)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert "is damaged" in sentence(lambda: perceptron.train(tmp_path, tmp_path / "run", 2, 0))
    perceptron.train(tmp_path, tmp_path / "run", 1, 0, True)
    assert read_curves(path) == curves


@pytest.fixture
def few_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in (("NEGATIVES", 30), ("DRAWN", 20), ("PRINTED", 10)):
        monkeypatch.setattr(mnist_cnn, name, count)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.usefixtures("few_drawings")
def test_e6_damaged_drawings_are_drawn_again_and_another_seed_draws_others(
    tmp_path: Path, damage: str
) -> None:
    path, started = tmp_path / "drawings.npz", {"recipe": "x", "seed": 1}
    first = mnist_cnn._extra(path, started).images
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    path.with_name("drawings.npz.part").write_bytes(b"what a killed run has left")
    assert np.array_equal(mnist_cnn._extra(path, started).images, first)
    assert list(tmp_path.iterdir()) == [path]
    other = mnist_cnn._extra(path, started | {"seed": 2}).images
    assert not np.array_equal(other, first)


def test_e6_what_was_drawn_is_used_again(tmp_path: Path) -> None:
    started = {"recipe": "x", "seed": 1}
    images, labels = np.zeros((2, 28, 28), np.uint8), np.arange(2)
    origin.keep(tmp_path / "drawings.npz", started, images=images, labels=labels)
    assert len(mnist_cnn._extra(tmp_path / "drawings.npz", started).labels) == 2


def test_e6_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with origin.whole(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


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
