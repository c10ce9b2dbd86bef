"""The program runs from any folder: nothing foreign is imported from where somebody stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import model_zoo
from tests.conftest import ROOT

# Our own rooms, the standard library's, our libraries', and what a beginner calls a file.
NAMES = (
    "export", "demos", "tests", "zoo", "graphs", "app", "csv", "email", "random", "code", "json",
    "numpy", "PIL", "onnxruntime", "typer", "rich", "tokenizers", "cachetools", "platformdirs",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of modules of such names; each that is run leaves a file that says so."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("open(__file__ + '.ran', 'w').close()\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    """What Python prints when it is run there; our package is found as an installed one is."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert [file.name for file in folder.glob("*.ran")] == []
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("verb", [("list",), ("doctor",), ("bench", "mnist-cnn", "--json")])
def test_b9_the_command_line_runs_nothing_from_the_current_folder(
    folder: Path, verb: tuple[str, ...]
) -> None:
    assert "mnist-cnn" in run(folder, "-m", "model_zoo", *verb)


@pytest.mark.export
@pytest.mark.parametrize("verb", [("check", "mnist-cnn", "--json"), ("train", "--help")])
def test_b9_nor_does_the_exporter(folder: Path, verb: tuple[str, ...]) -> None:
    (folder / "export.py").unlink()  # this one Python finds before ours: it was asked for by name
    assert "mnist-cnn" in run(folder, "-m", "export", *verb)


@pytest.mark.weights
@pytest.mark.parametrize("name", ["sst2-minilm", "smollm2-135m"])
def test_b9_a_graph_is_built_with_our_own_builders(folder: Path, name: str) -> None:
    run(folder, "-m", "model_zoo", "run", name, "a fine film")


def test_b9_a_program_beside_files_of_our_rooms_names_uses_ours(folder: Path) -> None:
    for name in set(NAMES) - {"export", "demos", "tests", "zoo", "graphs", "app"}:
        (folder / f"{name}.py").unlink()  # a program's own folder comes first for all it imports
    (folder / "program.py").write_text(
        "import pickle, model_zoo\n"
        "from model_zoo.weights import store\n"
        "for name in model_zoo.names():\n"
        "    spec = model_zoo.spec(name)\n"
        "    assert spec.embedded or store.builder_code(spec.weights.build)\n"
        "    print(pickle.loads(pickle.dumps(model_zoo.load(name, 'fp32', 'cpu'))).spec.name)\n"
    )
    assert run(folder, "program.py").split() == list(model_zoo.names())


def test_a_program_of_somebody_else_keeps_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("import model_zoo, helper")
    (tmp_path / "mine" / "__main__.py").write_text("import helper; print(helper.__name__)")
    (tmp_path / "helper.py").touch()
    assert run(tmp_path, "-m", "mine", "-m", "model_zoo").strip() == "helper"


def test_a_checkout_that_is_worked_in_is_still_found() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "list"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
