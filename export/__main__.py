"""The command line: `python -m export train | build | quantize | evaluate | check`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from filelock import FileLock, Timeout
from safetensors.numpy import load_file

from export import recipes
from export.recipes.origin import whole
from model_zoo import zoo
from model_zoo.cli.console import AsJson, Names, commands, console, show, start
from model_zoo.discovery import offered
from model_zoo.errors import BadInput, WeightsNotFound, ZooError
from model_zoo.runtime.session import Session
from model_zoo.spec import ModelSpec
from model_zoo.weights import store

RUNS = Path("runs")  # checkpoints, curves and reports, one folder a recipe
MOST_SEED = 2**32 - 1
CALIBRATION = 1000  # training pictures that int8's ranges are measured on

app = commands("From a training recipe to a verified, quantised ONNX file.")

Name = Annotated[str, typer.Argument(help=f"One of {', '.join(recipes.names())}.")]
Data = Annotated[
    Path | None,
    typer.Option(help="A folder with the data; without it the official data is fetched."),
]


@app.command()
def train(
    name: Name,
    data: Data = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Default: the recipe's own.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED)] = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Train afresh there.")] = False,
    out: Annotated[Path, typer.Option(help="Where runs are kept.")] = RUNS,
) -> None:
    """Train a model, or go on where the last run stopped; then write its ONNX file and report."""
    recipe, folder = recipes.find(name), out / name
    with _alone(folder):
        checkpoint = recipe.train(data, folder, epochs or recipe.epochs, seed, restart)
        published = recipe.deliver(checkpoint, data, folder)
    console.print(f"{published}\n{published.parent / 'report'}")


@app.command()
def build(
    name: Name, out: Annotated[Path, typer.Option(help="Where runs are kept.")] = RUNS
) -> None:
    """Put a trained graph or adapter where the zoo keeps it; fetched models: into the cache."""
    spec = zoo.spec(name)
    if not spec.embedded:
        adapter = spec.adapter_file
        if adapter and (trained := out / name / adapter.name).is_file():
            _replace(adapter, trained, load_file)
            console.print(str(adapter))
        for precision in spec.run.precisions:
            for file in store.graph_files(spec, precision):
                console.print(str(file))
        return
    trained = out / name / f"{name}.fp32.onnx"
    if not trained.is_file():
        raise WeightsNotFound(f"{trained} is not there: python -m export train {name}")
    target = spec.embedded_file("fp32")
    _replace(target, trained, lambda file: Session(file, "fp32", "cpu"))
    console.print(f"{target}: now make its int8 twin with python -m export quantize {name}")


@app.command()
def quantize(name: Name, data: Data = None) -> None:
    """Make the static int8 twin of a model's graph, calibrated on training data."""
    from export.quantize import quantize as write_int8
    from export.recipes.recipe import PictureRecipe

    spec, recipe = zoo.spec(name), recipes.find(name)
    if not isinstance(recipe, PictureRecipe):
        raise BadInput(f"The int8 of {name} needs no data: python -m export build {name}")
    target = spec.embedded_file("int8")
    with console.status("Measuring the ranges of the activations …"):
        write_int8(store.graph_file(spec, "fp32"), target, recipe.calibration(data, CALIBRATION))
    console.print(f"{target}, {target.stat().st_size / 1e6:.2f} MB")


@app.command()
def evaluate(
    names: Annotated[list[str], typer.Argument(help="Models with a recipe, of speech or text.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Measure the committed graphs at every precision on all parts of the data."""
    rows = [row for name in names for row in _measured(zoo.spec(name), data)]
    show([asdict(row) for row in rows], as_json)


@app.command()
def check(names: Names = None, as_json: AsJson = False) -> None:
    """Compare graphs with the original implementation: names, shapes, largest difference."""
    from export.checks import check as compare

    rows = [row for name in names or zoo.usual() for row in compare(zoo.spec(name))]
    show([{**asdict(row), "passed": row.passed} for row in rows], as_json)
    if failed := sum(not row.passed for row in rows):
        raise ZooError(f"{failed} of {len(rows)} comparisons are over their tolerance.")
    if not as_json:
        console.print(f"All {len(rows)} comparisons are within their tolerance.")


def _measured(spec: ModelSpec, data: Path | None) -> Iterator[Any]:
    evaluate = offered("sensorium.evaluations", spec.task.slug)
    if evaluate is None:
        raise BadInput(f"Nobody has written how {spec.task} is measured.")
    rows: Iterator[Any] = evaluate(spec, data)
    return rows


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The only run that writes into this folder, which is made."""
    lock = FileLock(folder / "lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise BadInput(
            f"Another run writes into {folder}: wait for its end, or choose another --out."
        ) from error
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written ({error.strerror}): choose another --out."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _replace(committed: Path, trained: Path, open_file: Callable[[Path], object]) -> None:
    """Put a trained file in a committed one's place, but only one that can be opened."""
    try:
        open_file(trained)
    except Exception as error:  # of onnxruntime or safetensors
        raise BadInput(f"{trained} is damaged: python -m export train makes it again.") from error
    with whole(committed) as scratch:
        shutil.copyfile(trained, scratch)


if __name__ == "__main__":
    start(app)
