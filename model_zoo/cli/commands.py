"""The command line: `python -m model_zoo list | fetch | run | bench | tune | doctor`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from model_zoo import zoo
from model_zoo.cli.console import (
    AsJson,
    Names,
    TextCommand,
    commands,
    console,
    counted,
    progress,
    show,
    show_lists,
    start,
)
from model_zoo.cli.doctor import examine
from model_zoo.cli.measuring import measure_once, rows_of
from model_zoo.cli.run import Asked, run_one
from model_zoo.discovery import offered
from model_zoo.errors import BadInput, WeightsNotFound
from model_zoo.runtime import bench as benches
from model_zoo.runtime import tuning
from model_zoo.runtime.placement import candidates, choose
from model_zoo.runtime.workbench import Workbench
from model_zoo.spec import ModelSpec
from model_zoo.weights import store
from model_zoo.weights.fetch import keep

app = commands("Small neural networks as ONNX graphs: list, fetch, run and measure them.")

Precision = Annotated[str, typer.Option(help="fp32, int8, fp16, bf16, or auto.")]
Folder = Annotated[
    Path | None,
    typer.Option(help="Has the weights, as files or in a folder of the model's name: no download."),
]
Provider = Annotated[str, typer.Option(help="cpu, openvino, cuda, …, or auto.")]


@app.command("list")
def list_models(names: Names = None, as_json: AsJson = False) -> None:
    """Show every model: its task, accuracy, size and licence; of those named, the whole card."""
    if names:
        cards = [_whole_card(zoo.spec(name)) for name in names]
        if as_json:
            show(cards, as_json)
        else:
            show_lists(cards)
        return
    show([_card(zoo.spec(name)) for name in zoo.names()], as_json)


@app.command()
def fetch(
    names: Names = None,
    every: Annotated[
        bool, typer.Option("--all", help="Fetch all but those of more than a gigabyte.")
    ] = False,
    folder: Folder = None,
) -> None:
    """Fetch models' weights and build the graphs that `auto` opens; may be interrupted and resumed.

    With --all, a model that cannot be downloaded from here is named, and the others are fetched.
    With --folder, its files are copied into the cache, verified, and nothing is downloaded.
    """
    if not names and not every:
        raise BadInput("Say which models to fetch, or --all.")
    for spec in map(zoo.spec, names or zoo.default_models()):
        with _or_left_out(spec, names):
            if folder:
                keep(spec.weights.sources, folder, spec.name)
            console.print(f"{spec.name}: {_fetched(spec)}")


@app.command(cls=TextCommand)
def run(
    name: Annotated[str, typer.Argument(help="A model's name, from `list`.")],
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Files, texts, or - for standard input; behind -- a text may begin with -.",
        ),
    ],
    precision: Precision = "auto",
    provider: Provider = "auto",
    folder: Folder = None,
    form: Annotated[
        str, typer.Option("--format", help="How to print it, for example txt, srt, vtt.")
    ] = "",
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="One of the model's own options; several values as JSON: stop='[\"a, b\"]'.",
        ),
    ] = None,
    column: Annotated[
        str, typer.Option(help="Of a CSV file: which one has the texts; default: what seems so.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Run a model on each input and print its answer, its speed and what it ran on.

    A model that judges texts answers a list row by row. What is called .csv or
    .tsv is a list; so is any other file, and standard input, where the first line
    names columns (a single one: text, review or the like). Without such names it
    is one text, unless --column says which column has the texts.
    """
    model, spec = zoo.load(name, precision, provider, folder), zoo.spec(name)
    asked = Asked(chosen or [], form, column, as_json, several=len(given) > 1)
    failed = False
    for one in given:
        try:
            run_one(model, spec, one, asked)
        except BadInput as error:  # of several inputs, it costs this one only
            if not asked.several:
                raise
            progress.print(f"{one}: {error}")
            failed = True
    if precision == provider == "auto" and not folder:
        measure_once(spec)
    if failed:
        raise typer.Exit(1)


@app.command()
def bench(
    names: Names = None,
    precision: Precision = "auto",
    provider: Provider = "auto",
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Turns that each gets; default 20, with --peers 5.")
    ] = None,
    peers: Annotated[
        bool,
        typer.Option(
            "--peers",
            help="All figures of docs/benchmarks.md, and the same work through other runtimes, in "
            "turn; --json FILE.json keeps them, and goes on where it was stopped.",
        ),
    ] = False,
    without: Annotated[
        bool,
        typer.Option(
            "--without-weights", help="A short piece of its work, by graphs of random weights."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure median and p95 of an answer at each precision and provider that this machine has.

    `reasons_ms` is the answer with its reasons, `model_ms` what the graphs take of it. With
    --without-weights nothing is downloaded: how fast a model will be here.
    """
    if peers:
        _bench_peers(names or (), rounds or benches.PEER_TURNS, as_json)
        return

    def one(spec: ModelSpec) -> list[benches.Measurement]:
        pairs = candidates(spec, precision, provider)
        measure = benches.measure_without_weights if without else benches.measure
        return measure(spec.name, pairs, rounds or benches.ROUNDS)

    show(_measure(names, one), as_json)


@app.command()
def tune(names: Names = None, as_json: AsJson = False) -> None:
    """Measure every pair that `auto` may take, and keep the fastest for this machine."""
    rows: list[dict[str, Any]] = []
    with Workbench() as bench:
        for spec in map(zoo.spec, names or zoo.default_models()):
            with _or_left_out(spec, names):
                store.weights_of(spec)
                with counted(f"Measuring {spec.name}") as said:
                    known = tuning.tune(spec, tuning.THOROUGH, bench, said)
                rows += rows_of(spec, known)
    show(rows, as_json)


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


def _card(spec: ModelSpec) -> dict[str, Any]:
    files = {p: spec.embedded_file(p) for p in spec.run.precisions} if spec.embedded else {}
    sizes = {p: file.stat().st_size for p, file in files.items() if file.is_file()}
    return {
        "name": spec.name,
        "task": spec.task.name,
        "parameters": spec.card.parameters,
        **{name: _measured(spec, name) for name in ("accuracy", "perplexity")},
        "size_mb": {p: round(size / 1e6, 2) for p, size in sizes.items()},
        "download_mb": round(spec.download / 1e6, 1),
        "licence": spec.card.licence,
        "from": "embedded" if spec.embedded else "fetched",
    }


def _whole_card(spec: ModelSpec) -> dict[str, Any]:
    """Everything that a spec says in words and figures, by the name of the fact."""
    words = {field: value for field, value in asdict(spec.card).items() if field != "metrics"}
    options = spec.task.options and asdict(spec.task.options())
    return {
        "name": spec.name,
        "task": spec.task.name,
        **words,
        **{f"{m.name}, {m.precision}": f"{m.value:.4f} ({m.data})" for m in spec.card.metrics},
        "labels": ", ".join(spec.weights.labels),
        "precisions": ", ".join(spec.run.precisions),
        "graphs": ", ".join(spec.run.parts),
        "sources": "; ".join(map(str, spec.weights.sources)) or "in the program",
        "options": ", ".join(f"{name}={value!r}" for name, value in (options or {}).items()),
        "formats": ", ".join(spec.task.formats),
    }


def _measured(spec: ModelSpec, metric: str) -> dict[str, float]:
    values = {p: spec.metric(metric, p) for p in spec.run.precisions}
    return {p: value for p, value in values.items() if value is not None}


@contextmanager
def _or_left_out(spec: ModelSpec, named: Sequence[str] | None) -> Iterator[None]:
    """Where none were named, a model that cannot be had from here is told, and the rest goes on."""
    try:
        yield
    except WeightsNotFound as error:
        if named:
            raise
        progress.print(f"{spec.name}: cannot be downloaded from here. {error}")


def _fetched(spec: ModelSpec) -> str:
    if spec.embedded:
        return "embedded, nothing to fetch"
    choice = choose(spec)
    store.graph_files(spec, choice.precision, choice.provider)
    return "ready"


def _bench_peers(names: Sequence[str], turns: int, as_json: bool) -> None:
    """Of the names, what ends in .json is the file of `--json`."""
    bench = offered("sensorium.bench", "peers")
    if bench is None:
        raise BadInput("There are no peers here: install the program, as the README has it.")
    files = [Path(name) for name in names if name.endswith(".json")]
    chosen = [name for name in names if not name.endswith(".json")] or zoo.default_models()
    results = bench([zoo.spec(name) for name in chosen], turns, *files[:1], said=progress.print)
    if as_json and not files:
        print(json.dumps(results, ensure_ascii=False, indent=1))
        return
    found = [results["steps"].get(f"contests {name}", {}) for name in chosen]
    show([row for one in found for row in one.get("rows", ())], as_json=False)


def _measure(
    names: Sequence[str] | None, one: Callable[[ModelSpec], list[benches.Measurement]]
) -> list[dict[str, Any]]:
    with progress.status("Measuring …") as status:
        rows = []
        for spec in map(zoo.spec, names or zoo.default_models()):
            status.update(f"Measuring {spec.name} …")
            with _or_left_out(spec, names):
                rows += [row.row() for row in one(spec)]
    return rows


if __name__ == "__main__":
    start(app)
