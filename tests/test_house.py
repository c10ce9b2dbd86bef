"""The plan of the house: imports go one way and in no circle, and a model needs one file."""

import ast
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import model_zoo
from model_zoo import discovery, zoo
from model_zoo.errors import BadInput
from model_zoo.vision.manifest import from_manifest
from model_zoo.vision.task import IMAGES
from tests import tiny

ROOT = Path(__file__).parent.parent
MANIFEST = """
task = "image classification"
labels = ["cup", "pen", "key"]
title = "Things on a desk"
[preprocessing]
side = 16
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""
# What a stranger writes to add a classifier of an architecture that is known.
ONE_FILE = """
    from pathlib import Path

    from model_zoo.vision.classify import ImageClassifier
    from model_zoo.spec import Card, ModelSpec, Run, Weights
    from model_zoo.vision.preprocessing import Preprocessing
    from model_zoo.vision.task import IMAGES


    class Desk(ImageClassifier):
        preprocessing = Preprocessing(224, crop=224 / 256, mean=(0.485, 0.456, 0.406),
                                      std=(0.229, 0.224, 0.225))


    SPECS = (
        ModelSpec(
            name="desk", task=IMAGES,
            card=Card("Things on a desk", "Tells cups.", 9, "MIT", "", "", "", "", "", "", ""),
            weights=Weights(labels=("cup", "pen", "key"), graphs=Path(__file__).parent),
            run=Run(Desk, ("fp32",)),
        ),
    )
"""


# Who may import whom; a room's own files may import each other.
ABOVE = {
    "app": {"demos"},
    "demos": {"model_zoo"},
    "export": {"model_zoo"},
    "model_zoo": set[str](),
}
KINDS = ("vision", "text", "speech")


def modules() -> dict[str, Path]:
    """Every module of ours by its name."""
    found = {"app": ROOT / "app.py"}
    for package in ("demos", "export", "model_zoo"):
        for file in (ROOT / package).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imports(name: str) -> set[str]:
    """Which modules of ours one imports, inside its functions too, but not for its types alone."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & set(MODULES)) or {str(node.module)}
    return (found & set(MODULES)) - {name}


GRAPH = {name: imports(name) for name in MODULES}


def test_imports_go_one_way() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        if (room := name.partition(".")[0]) != (theirs := other.partition(".")[0])
        and theirs not in ABOVE[room]
        and not (room == "app" and theirs == "demos")
    ]
    assert wrong == []


def test_nobody_imports_in_a_circle() -> None:
    left = {name: set(others) for name, others in GRAPH.items()}
    while free := {name for name, others in left.items() if not others & set(left)}:
        for name in free:
            del left[name]
    assert left == {}, "these wait for each other"


def test_the_kinds_of_models_do_not_know_each_other_nor_the_command_line() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        if name.startswith(tuple(f"model_zoo.{kind}" for kind in KINDS))
        and other.startswith(tuple(f"model_zoo.{room}" for room in (*KINDS, "cli")))
        and name.split(".")[1] != other.split(".")[1]
    ]
    assert wrong == []


def test_the_zoo_loads_neither_torch_nor_gradio_nor_a_runtime() -> None:
    heavy = ("torch", "gradio", "onnxruntime", "onnx", "typer")
    code = (
        "import sys, model_zoo; [model_zoo.load(name) for name in model_zoo.names()[:2]]\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert "torch" not in zoo_says("-c", code)
    assert "gradio" not in zoo_says("-c", code)


def test_a_file_of_more_than_300_lines_says_why() -> None:
    long = {
        name: len(text.splitlines())
        for name, file in MODULES.items()
        if len((text := file.read_text(encoding="utf-8")).splitlines()) > LONG
        and "One file, " not in text[:600]
    }
    assert long == {}


def zoo_says(*words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A user's folder with one model of tiny graphs."""
    folder = tmp_path / "models" / "desk"
    folder.mkdir(parents=True)
    (folder / discovery.MANIFEST).write_text(MANIFEST)
    tiny.classifier(folder / "desk.fp32.onnx", channels=3)
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Where a package lies that offers a model by an entry point, as pip would install it."""
    site = tmp_path / "site"
    info = site / "desk_model-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "desk_model.py").write_text(textwrap.dedent(ONE_FILE))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: desk-model\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sensorium.models]\ndesk = desk_model\n")
    tiny.classifier(site / "desk.fp32.onnx", channels=3)
    return site


LONG = 300  # lines
PICTURE = "demos/examples/ship.jpg"
PAGE = """
import json, demos
from demos.pages import see
from demos.shell.serve import blocks
demo = blocks([see.page])
found = [c for c in demo.config["components"] if c["props"].get("value") == see.MODEL]
print(json.dumps([choice[0] for choice in found[0]["props"]["choices"]]))
"""


def test_a_package_adds_a_model_that_every_verb_and_the_page_show(package: Path) -> None:
    path = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])
    known = json.loads(zoo_says("-m", "model_zoo", "list", "--json", PYTHONPATH=path))
    assert known[-1]["name"] == "desk", "those of others come last"
    answer = json.loads(
        zoo_says("-m", "model_zoo", "run", "desk", PICTURE, "--json", PYTHONPATH=path)
    )
    assert set(answer["answer"]) == {"cup", "pen", "key"}
    bench = zoo_says("-m", "model_zoo", "bench", "desk", "--rounds", "1", "--json", PYTHONPATH=path)
    assert {row["model"] for row in json.loads(bench)} == {"desk"}
    report = json.loads(zoo_says("-m", "model_zoo", "doctor", "--json", PYTHONPATH=path))
    assert any(line["subject"] == "desk" and line["fine"] for line in report)
    assert json.loads(zoo_says("-c", PAGE, PYTHONPATH=path)) == ["cifar10-resnet", "desk"]


def test_one_file_in_the_zoo_is_a_model_and_nothing_else_is_edited(tmp_path: Path) -> None:
    copy = shutil.copytree(ROOT / "model_zoo", tmp_path / "model_zoo")
    (copy / "vision" / "desk.py").write_text(textwrap.dedent(ONE_FILE))
    tiny.classifier(copy / "vision" / "desk.fp32.onnx", channels=3)
    code = (
        "import model_zoo; from model_zoo import zoo; from model_zoo.vision.task import IMAGES;"
        f"print(zoo.of(IMAGES), list(model_zoo.load('desk')('{ROOT / PICTURE}'))[0])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    ).stdout  # fmt: skip
    assert said.startswith("('desk', 'cifar10-resnet')")
    assert said.split()[-1] in ("cup", "pen", "key")


def test_a_package_that_cannot_be_imported_is_told_and_the_rest_is_there(package: Path) -> None:
    (package / "desk_model.py").write_text("raise RuntimeError('broken')")
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "list"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(package)}, check=True,
    )  # fmt: skip
    assert "mnist-cnn" in done.stdout
    assert "The models of desk_model are left out (RuntimeError: broken)" in done.stderr


def test_a_folder_of_the_users_is_a_model(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_MODELS", str(desk.parent))
    zoo.specs.cache_clear()
    try:
        assert zoo.of(IMAGES)[-1] == "desk"
        assert model_zoo.spec("desk").card.title == "Things on a desk"
        model = model_zoo.load("desk")
        assert set(model(ROOT / PICTURE)) == {"cup", "pen", "key"}
        assert model.trace(ROOT / PICTURE).seen.shape == (16, 16, 3)
    finally:
        zoo.unload()
        zoo.specs.cache_clear()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("image class", "mind reading"), "choose one of image classification"),
        (("labels =", "label ="), "It says label: it may say "),
        (('"pen"', '"cup"'), "list them, each once"),
        (("side = 16", "side = 'x'"), "with the side that the network sees"),
        (("side = 16", "side = 16\nzoom = 2"), r"\[preprocessing\] says zoom"),
        (("std = [0.5", "std = ['x'"), "mean and std are lists of numbers"),
        (("title = ", "title = 7 #"), "title is a text, not 7"),
        (("title = ", "parameters = true #"), "parameters is a whole number"),
    ],
)
def test_a_manifest_that_is_wrong_says_where(
    desk: Path, wrong: tuple[str, str], sentence: str
) -> None:
    path = desk / discovery.MANIFEST
    path.write_text(MANIFEST.replace(*wrong))
    with pytest.raises(BadInput, match=sentence):
        from_manifest(path)


def test_what_is_wrong_with_one_folder_costs_that_model_only(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, words in (("broken", "task ="), ("empty", "")):
        (desk.parent / name).mkdir()
        (desk.parent / name / discovery.MANIFEST).write_text(words)
    monkeypatch.setenv("SENSORIUM_MODELS", str(desk.parent))
    with pytest.warns(UserWarning, match="is left out") as told:
        assert [spec.name for spec in discovery.in_folder()] == ["desk"]
    assert len(told) == 2
