"""The command line: `python -m export train | build | quantize | …`: see its `--help`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
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

PAGE = Path("docs/benchmarks.md")
RUNS = Path("runs")  # checkpoints, curves and reports, one folder a recipe
MOST_SAID = 5  # comparisons that failed
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
    size = f"{target.stat().st_size / 1e6:.2f} MB"
    console.print(f"{target}, {size}: write both down with python -m export record {name}")


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
def shapes(name: Annotated[str, typer.Argument(help="A model that is fetched.")]) -> None:
    """Write down the shapes of a model's weights, for `bench --without-weights`."""
    from export.shapes import record as write_shapes

    console.print(str(write_shapes(name)))


@app.command()
def record(name: Name) -> None:
    """Write down what a new model answers in torch, and the digests of its committed files."""
    from export.checks import module_of, reference

    spec = zoo.spec(name)
    console.print(f"{reference.write(spec, module_of(spec).record(spec))}\n{reference.DIGESTS}")


@app.command()
def benchmarks(
    file: Annotated[Path, typer.Argument(help="What `bench --peers --json FILE` has written.")],
    page: Annotated[Path, typer.Option(help="What to write; its chart lies beside it.")] = PAGE,
) -> None:
    """Make docs/benchmarks.md of the figures of one run."""
    from export.benchmark import page as pages

    console.print("\n".join(map(str, pages.write(file, page))))


@app.command()
def check(names: Names = None, as_json: AsJson = False) -> None:
    """Compare graphs with the original: how far apart they are, and how much room there is."""
    from export.checks import Comparison
    from export.checks import check as compare

    specs = [zoo.spec(name) for name in names or zoo.default_models()]
    rows = [row for spec in specs for row in compare(spec)]
    done = [row for row in rows if isinstance(row, Comparison)]
    others = [row for row in rows if not isinstance(row, Comparison)]
    table = [{**asdict(row), "room": row.room, "passed": row.passed} for row in done]
    if as_json:  # which has no word for infinity
        table = [{key: _finite(value) for key, value in row.items()} for row in table]
        table += [{**asdict(row), "passed": None} for row in others]
    show(table, as_json)
    for other in others:
        print(other, file=sys.stderr)
    failed = [row for row in done if not row.passed]
    if failed:
        more = f" And {len(failed) - MOST_SAID} more." if len(failed) > MOST_SAID else ""
        said = "; ".join(map(str, failed[:MOST_SAID]))
        raise ZooError(f"{len(failed)} of {len(done)} comparisons failed: {said}.{more}")
    computed = {row.model.partition(",")[0] for row in done if row.shape}
    if unseen := [spec.name for spec in specs if spec.name not in computed]:
        raise ZooError(f"Nothing that they compute could be compared: {', '.join(unseen)}.")
    if not as_json:
        end = f"; {len(others)} could not be made, see above" if others else ""
        console.print(f"All {len(done)} comparisons are within their tolerance{end}.")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


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
