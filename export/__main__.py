"""The command line: `python -m export train | build | quantize | record | evaluate | check`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from export import recipes
from model_zoo import store, zoo
from model_zoo._console import AsJson, Names, commands, console, show, start
from model_zoo.errors import BadInput, WeightsNotFound, ZooError
from model_zoo.spec import ModelSpec

RUNS = Path("runs")  # checkpoints, curves and reports, one folder a recipe
MOST_SAID = 5  # comparisons that failed
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
    seed: int = 0,
    out: Annotated[Path, typer.Option(help="Where runs are kept.")] = RUNS,
) -> None:
    """Train a model, or go on where the last run stopped; then write its ONNX file and report."""
    recipe = _recipe(name)
    checkpoint = recipe.train(data, out / name, epochs or recipe.epochs, seed)
    published = recipe.deliver(checkpoint, data, out / name)
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
            adapter.write_bytes(trained.read_bytes())
            console.print(str(adapter))
        for precision in spec.precisions:
            for file in store.graph_files(spec, precision):
                console.print(str(file))
        return
    trained = out / name / f"{name}.fp32.onnx"
    if not trained.is_file():
        raise WeightsNotFound(f"{trained} is not there: python -m export train {name}")
    target = spec.embedded_file("fp32")
    target.write_bytes(trained.read_bytes())
    console.print(f"{target}: now make its int8 twin with python -m export quantize {name}")


@app.command()
def quantize(name: Name, data: Data = None) -> None:
    """Make the static int8 twin of a model's graph, calibrated on training data."""
    from export.quantize import quantize as write_int8
    from export.recipes.recipe import PictureRecipe

    spec, recipe = zoo.spec(name), _recipe(name)
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
def record(name: Name) -> None:
    """Write down what a new model answers in torch, and the digests of its committed files."""
    from export.checks import module_of, reference

    spec = zoo.spec(name)
    write_down = getattr(module_of(spec), "record", None)
    if write_down is None:
        raise BadInput(
            f"{name} has nothing to write down: it is compared with its publisher's code."
        )
    console.print(f"{reference.write(spec, write_down(spec))}\n{reference.DIGESTS}")


@app.command()
def check(names: Names = None, as_json: AsJson = False) -> None:
    """Compare graphs with the original: how far apart they are, and how much room there is."""
    from export.checks import Comparison
    from export.checks import check as compare

    specs = [zoo.spec(name) for name in names or zoo.usual()]
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
    if spec.task == "speech recognition":
        from export.wordrate import evaluate as words

        return words(spec, data)
    if spec.task == "text generation":
        from export.perplexity import evaluate as perplexity

        return perplexity(spec)
    from export.evaluate import evaluate as labels

    return labels(spec, _recipe(spec.name), data)


def _recipe(name: str) -> recipes.Recipe:
    try:
        return recipes.find(name)
    except KeyError as error:
        raise BadInput(error.args[0]) from error


if __name__ == "__main__":
    start(app)
