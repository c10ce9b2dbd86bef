"""A run knows what it was started with, and writes its files whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from filelock import FileLock

from export import __main__ as command
from export.recipes import data, mnist_cnn, origin, perceptron
from export.recipes.training import read_curves, read_started
from tests.export.digits import DAMAGE, cut, digits, folder, sentence

pytestmark = pytest.mark.export


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


@pytest.mark.usefixtures("few_drawings")
def test_e6_drawings_go_with_the_seed_and_a_refused_run_leaves_them(tmp_path: Path) -> None:
    given, out = folder(tmp_path), tmp_path / "run"
    mnist_cnn.train(given, out, 1, 0)
    drawings, path = (out / name for name in ("drawings.npz", "checkpoint.pt"))
    before, drawn = path.read_bytes(), drawings.read_bytes()
    assert "seed 0; now seed 1" in sentence(lambda: mnist_cnn.train(given, out, 1, 1))
    assert "cannot be read" in sentence(lambda: mnist_cnn.train(cut(given), out, 1, 1, True))
    assert (path.read_bytes(), drawings.read_bytes()) == (before, drawn)
    mnist_cnn.train(folder(tmp_path), out, 1, 1, True)
    assert read_started(path)["seed"] == 1
    assert drawings.read_bytes() != drawn


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
