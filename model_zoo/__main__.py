"""The command line: `python -m model_zoo list | fetch | run | bench | tune | doctor`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from model_zoo import bench as benches
from model_zoo import tables, zoo
from model_zoo._console import AsJson, Names, commands, console, progress, show, start
from model_zoo.doctor import examine
from model_zoo.errors import BadInput, WeightsNotFound
from model_zoo.options import parse
from model_zoo.spec import ModelSpec
from model_zoo.tuning import choose
from model_zoo.tuning import tune as tune_model

app = commands("Small neural networks as ONNX graphs: list, fetch, run and measure them.")

Precision = Annotated[str, typer.Option(help="fp32, int8, fp16, or auto.")]
Provider = Annotated[str, typer.Option(help="cpu, openvino, cuda, …, or auto.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Show every model: its task, accuracy, size and licence."""
    show([_card(zoo.spec(name)) for name in zoo.names()], as_json)


@app.command()
def fetch(
    names: Names = None,
    every: Annotated[
        bool, typer.Option("--all", help="Fetch all but those of more than a gigabyte.")
    ] = False,
) -> None:
    """Fetch models' weights and build the graphs that `auto` opens; may be interrupted and resumed.

    With --all, a model that cannot be had from here is named, and the others are fetched.
    """
    if not names and not every:
        raise BadInput("Say which models to fetch, or --all.")
    for spec in map(zoo.spec, names or zoo.usual()):
        with _or_left_out(spec, names):
            console.print(f"{spec.name}: {_fetched(spec)}")


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A model's name, from `list`.")],
    given: Annotated[
        str, typer.Argument(metavar="INPUT", help="A file, a text, or - for standard input.")
    ],
    precision: Precision = "auto",
    provider: Provider = "auto",
    form: Annotated[
        str, typer.Option("--format", help="How to print it, for example txt, srt, vtt.")
    ] = "",
    chosen: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One of the model's own options."),
    ] = None,
    column: Annotated[
        str, typer.Option(help="Of a CSV file: which one has the texts; default: what seems so.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Run a model on one input and print its answer, its speed and what it ran on.

    A model that reads texts takes a CSV file too, and prints it with answers.
    """
    model, spec = zoo.load(name, precision, provider), zoo.spec(name)
    if spec.cells and tables.is_table(given):
        _run_list(partial(spec.cells, model), Path(given), column, as_json)
        progress.print(str(model.session.ran))
        return
    options = parse(spec, chosen or [])
    if form and form not in spec.formats:
        there = ", ".join(spec.formats) or "none: leave --format out"
        raise BadInput(f"{name} has no format {form!r}; there are {there}.")
    given = spec.read(given)
    if spec.stream and not (form or as_json):
        trace = _print_pieces(spec.stream(model, given, options))
        progress.print(f"{_stages(trace.timings)}\n{trace.ran}")
        return
    trace = model.trace(given) if options is None else model.trace(given, options)
    if as_json:
        answer = {"model": name, "answer": _plain(trace.answer), "hint": trace.hint}
        ran = {"timings_ms": trace.timings, **asdict(trace.ran)}
        print(json.dumps(answer | ran, ensure_ascii=False, indent=1))
        return
    if form:
        print(spec.formats[form](trace), end="")
        return
    if trace.hint:
        console.print(trace.hint)
    if trace.answer:
        show([{"answer": k, "probability": round(v, 4)} for k, v in trace.answer.items()], False)
    console.print(_stages(trace.timings))
    console.print(str(trace.ran))


@app.command()
def bench(
    names: Names = None,
    precision: Precision = "auto",
    provider: Provider = "auto",
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Turns that each gets; default 20, with --peers 5.")
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="The same work through other runtimes, in turn.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure median and p95 for one input at each precision and provider that this machine has."""
    if peers:
        from export.peers import compare

        specs = map(zoo.spec, names or zoo.usual())
        with progress.status("Measuring in turns …"):
            results = [asdict(result) for result in compare(specs, rounds or benches.PEER_TURNS)]
        show(results, as_json)
        return

    def one(spec: ModelSpec) -> list[benches.Measurement]:
        pairs = benches.candidates(spec, precision, provider)
        return benches.measure(spec.name, pairs, rounds or benches.ROUNDS)

    show(_measure(names, one), as_json)


@app.command()
def tune(names: Names = None, as_json: AsJson = False) -> None:
    """Measure as `bench` does, and remember the fastest pair for `auto` on this machine."""
    show(_measure(names, tune_model), as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine offers, what each model runs on and why, and what is missing."""
    findings = examine()
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
        return
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        mark = Text("✓", "green") if finding.fine else Text("–", "yellow")
        table.add_row(mark, finding.subject, finding.text)
    console.print(table)


def _run_list(cells: tables.Judge, path: Path, column: str, as_json: bool) -> None:
    """Print a CSV file with answers, or each row as a line of JSON; progress apart from it."""
    if not path.is_file():
        raise BadInput(f"There is no file {path}: check its name.")
    table = tables.open_table(path)
    for note in table.notes:
        progress.print(note)
    index, writer = table.index(column), tables.Writer(table, sys.stdout)
    with progress.status("Reading …") as status:
        for done, (row, found) in enumerate(tables.answered(table, index, cells), 1):
            if as_json:
                line = dict(zip(table.columns, row, strict=True)) | found
                print(json.dumps(line, ensure_ascii=False))
            else:
                writer.add(row, found)
            if done % tables.MANY == 0:
                status.update(f"{done:,} of {table.count:,} rows")
    progress.print(f"{table.columns[index]}: {table.count:,} rows")


def _print_pieces(pieces: Generator[str, None, Any]) -> Any:
    """Print what comes as it comes, and give the trace that the generator ends with."""
    while True:
        try:
            print(next(pieces), end="", flush=True)
        except StopIteration as end:
            return end.value


def _stages(timings: dict[str, float]) -> str:
    return " · ".join(f"{stage} {ms:.2f} ms" for stage, ms in timings.items())


def _plain(answer: Any) -> Any:
    return asdict(answer) if is_dataclass(answer) and not isinstance(answer, type) else answer


def _card(spec: ModelSpec) -> dict[str, Any]:
    files = {p: spec.embedded_file(p) for p in spec.precisions} if spec.embedded else {}
    sizes = {p: file.stat().st_size for p, file in files.items() if file.is_file()}
    return {
        "name": spec.name,
        "task": spec.task,
        "parameters": spec.parameters,
        **{name: _measured(spec, name) for name in ("accuracy", "perplexity")},
        "size_mb": {p: round(size / 1e6, 2) for p, size in sizes.items()},
        "download_mb": round(spec.download / 1e6, 1),
        "licence": spec.licence,
        "from": "embedded" if spec.embedded else "fetched",
    }


def _measured(spec: ModelSpec, metric: str) -> dict[str, float]:
    values = {p: spec.metric(metric, p) for p in spec.precisions}
    return {p: value for p, value in values.items() if value is not None}


@contextmanager
def _or_left_out(spec: ModelSpec, named: Sequence[str] | None) -> Iterator[None]:
    """Where none were named, a model that cannot be had from here is told, and the rest goes on."""
    try:
        yield
    except WeightsNotFound as error:
        if named:
            raise
        progress.print(f"{spec.name}: not to be had from here. {error}")


def _fetched(spec: ModelSpec) -> str:
    if spec.embedded:
        return "embedded, nothing to fetch"
    choice = choose(spec)
    zoo.graph_files(spec, choice.precision, choice.provider)
    return "ready"


def _measure(
    names: Sequence[str] | None, one: Callable[[ModelSpec], list[benches.Measurement]]
) -> list[dict[str, Any]]:
    with progress.status("Measuring …") as status:
        rows = []
        for spec in map(zoo.spec, names or zoo.usual()):
            status.update(f"Measuring {spec.name} …")
            with _or_left_out(spec, names):
                rows += [row.row() for row in one(spec)]
    return rows


if __name__ == "__main__":
    start(app)
