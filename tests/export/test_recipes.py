"""Training, measuring and exporting, each on data small enough to make here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

from export.recipes import data, drawings, find, names
from export.recipes.metrics import fit_temperature, measure
from export.recipes.onnx_file import read_state, write_onnx
from export.recipes.recipe import PictureRecipe
from export.recipes.report import Report
from export.recipes.training import Batches, Loop, load_averaged, read_curves
from tests.conftest import ROOT

pytestmark = pytest.mark.export

IMAGES, LABELS = torch.rand(24, 1, 4, 4), torch.arange(24) % 3


class Tiny(nn.Module):
    """(n, 1, 4, 4) to logits (n, 3) and a map; with batch norm, whose buffers a checkpoint must
    keep too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filters, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 3, 1)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cam = self.head(self.norm(self.filters(image)).relu())
        return cam.mean((2, 3)), cam


def shuffled(epoch: int) -> Batches:
    for chosen in torch.randperm(len(LABELS)).split(8):
        yield IMAGES[chosen] + 0.1 * torch.rand(8, 1, 1, 1), LABELS[chosen]


def train(out: Path, stop_after: int | None = None) -> Path:
    """Four epochs; with `stop_after`, cut by an error in the epoch after that one, as a killed run
    would be.
    """
    torch.manual_seed(1)
    module = Tiny()

    def batches(epoch: int) -> Batches:
        if epoch == stop_after:
            yield next(iter(shuffled(epoch)))
            raise InterruptedError
        yield from shuffled(epoch)

    adam = torch.optim.AdamW(module.parameters(), lr=0.01)
    return Loop(module, (adam,), batches, 3, lambda done: 1 - done, 4).run(out)


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(InterruptedError):
        train(tmp_path / "cut", stop_after=2)
    assert len(read_curves(tmp_path / "cut" / "checkpoint.pt")) == 2
    resumed = train(tmp_path / "cut")
    assert read_curves(resumed) == read_curves(whole)
    ours, theirs = (load_averaged(Tiny(), path).state_dict() for path in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    curves = (tmp_path / "cut" / "curves.jsonl").read_text(encoding="utf-8")
    assert len(curves.splitlines()) == 4


def test_figures_of_a_case_done_by_hand() -> None:
    # True 0 0 1 1, answered 0 1 1 1, each with a probability of 0.9.
    logits = np.log(np.array([[0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]]))
    found = measure(logits, np.array([0, 0, 1, 1]))
    assert found.confusion.tolist() == [[1, 1], [0, 2]]
    assert found.accuracy == 0.75
    assert found.precision == pytest.approx([1, 2 / 3])
    assert found.recall == pytest.approx([0.5, 1])
    assert found.f1 == pytest.approx([2 / 3, 0.8])
    assert found.calibration_error == pytest.approx(0.15)  # 0.9 meant, 0.75 right
    assert found.nll == pytest.approx(-(3 * np.log(0.9) + np.log(0.1)) / 4)
    assert found.foreign == 0


def test_answers_with_a_class_that_the_part_has_none_of() -> None:
    assert measure(np.eye(3)[[0, 1, 2, 2]], np.array([0, 1, 0, 1])).foreign == 0.5


def test_temperature_is_found_and_lowers_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (4000, 5))
    chances = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(5, p=row) for row in chances])
    boastful = 3 * honest
    temperature = fit_temperature(boastful, labels)
    assert temperature == pytest.approx(3, rel=0.1)
    before, after = measure(boastful, labels), measure(boastful / temperature, labels)
    assert after.calibration_error < 0.03 < before.calibration_error
    assert after.accuracy == before.accuracy


PICTURES = [name for name in names() if isinstance(find(name), PictureRecipe)]


@pytest.mark.parametrize("name", PICTURES)
def test_exported_graph_equals_torch(name: str, tmp_path: Path) -> None:
    made = find(name)
    torch.manual_seed(0)
    trained = made.build()
    images = torch.rand(7, *made.shape)
    trained.train()(images)  # moves the statistics of batch norm away from 0 and 1
    trained.eval()
    folded = made.fold(trained, 2.0)
    path = write_onnx(folded, made.shape, tmp_path / "graph.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = trained(images)[0] / 2
        if name == "cifar10-resnet":  # in use it also looks at the mirror image
            expected = (expected + trained(images.flip(3))[0] / 2) / 2
        # float16 keeps 11 bits of every weight.
        assert torch.allclose(folded(images)[0], expected, rtol=2e-3, atol=2e-3)
        for count in (1, 2, 7):
            logits, cam = session.run(["logits", "cam"], {"image": images[:count].numpy()})
            expected = folded(images[:count])
            assert logits == pytest.approx(expected[0].numpy(), abs=1e-4)
            assert cam == pytest.approx(expected[1].numpy(), abs=1e-4)
            assert cam.mean(axis=(2, 3)) == pytest.approx(logits, abs=1e-4)
    again = made.build_folded()
    again.load_state_dict(read_state(path))
    assert all(
        torch.equal(again.state_dict()[key], value) for key, value in folded.state_dict().items()
    )
    assert len(made.labels) == logits.shape[1]


def test_exported_file_is_small_and_says_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    made = find("mnist-cnn")
    path = write_onnx(made.fold(made.build().eval(), 1.0), made.shape, tmp_path / "graph.onnx")
    assert path.stat().st_size < 400_000
    assert str(ROOT).encode() not in path.read_bytes()
    graph = onnx.load(path).graph
    assert [value.name for value in graph.input] == ["image"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_report_writes_figures_and_pictures(tmp_path: Path) -> None:
    labels = np.array([0, 1, 2, 0])
    logits = np.eye(3)[labels] * 4
    curves = [
        {"epoch": 1, "loss": 1.0, "accuracy": 0.5},
        {"epoch": 2, "loss": 0.5, "accuracy": 1.0},
    ]
    report = Report(
        "tiny", "abc", "test", 0.8, {"test": logits}, {"test": labels}, curves, 12, 3456
    )
    assert report.write(tmp_path) == {"test": 1.0}
    assert {file.name for file in tmp_path.iterdir()} == {
        "report.json", "report.md", "curves.png", "confusion.png", "reliability.png",
    }  # fmt: skip
    assert "| test | 4 | 100.00% |" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_mnist_from_a_folder(tmp_path: Path) -> None:
    count = data.HELD_OUT + data.LEAST + 3
    labels = np.arange(count, dtype=np.uint8) % 10
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 5:9] = 255
    np.savez(
        tmp_path / "mnist.npz", x_train=images, y_train=labels, x_test=images[:5], y_test=labels[:5]
    )
    sizes = {name: len(part.labels) for name, part in data.mnist(tmp_path).items()}
    assert sizes == {"train": data.LEAST + 3, "validation": data.HELD_OUT, "test": 5}


def test_cifar10_from_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "cifar10"
    folder.mkdir()
    count = data.LEAST
    rows = np.random.default_rng(0).integers(0, 256, (count, 32 * 32, 3)).astype(np.uint8)
    for name in ("train-04", "val-00"):
        Image.fromarray(rows).save(folder / f"{name}.png")
    labels = np.arange(count) % 10
    np.savez(folder / "labels.npz", train=labels, val=labels)
    parts = data.cifar10(tmp_path)
    assert set(parts) == {"train", "validation"}
    assert np.array_equal(parts["train"].images[1].ravel(), rows[1].ravel())


@pytest.mark.parametrize(
    ("load", "missing"), [(data.mnist, "mnist.npz"), (data.cifar10, "labels.npz")]
)
def test_missing_data_is_named(load: object, missing: str, tmp_path: Path) -> None:
    assert callable(load)
    with pytest.raises(data.DataNotFound, match=missing):
        load(tmp_path)


def test_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="mnist-cnn"):
        find("mnist-rnn")


@pytest.mark.parametrize("unseen", [False, True])
def test_negatives_come_out_the_same_from_the_same_seed(unseen: bool) -> None:
    first, again = (drawings.negatives(30, 5, drawings.CANVAS // 2, unseen) for _ in range(2))
    assert first.shape == (30, 28, 28)
    assert np.array_equal(first, again)
    assert first.max(axis=(1, 2)).min() == 255


def test_drawn_digits_carry_their_labels() -> None:
    images, labels = drawings.digits(20, 5, drawings.CANVAS // 2)
    assert labels.tolist() == [*range(10)] * 2
    assert images.shape == (20, 28, 28)
