"""What `run` does with one input: a list, a picture, a text or a recording to an answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from model_zoo import inputs
from model_zoo.cli.console import console, progress, show
from model_zoo.cli.options import parse
from model_zoo.errors import BadInput, brief
from model_zoo.spec import ModelSpec
from model_zoo.text import tables


@dataclass(frozen=True)
class Asked:
    """How the command line wants its answers; `several` where there is more than one input."""

    chosen: Sequence[str]
    form: str
    column: str
    as_json: bool
    several: bool


def run_one(model: Any, spec: ModelSpec, given: str, asked: Asked) -> None:
    """Print the answer to one input; raises BadInput also for options that do not apply to it."""
    path = inputs.find(given)
    if spec.task.cells and path and _is_list(path, asked.column):
        _refuse("--set", asked.chosen, "a list")
        _refuse("--format", asked.form, "a list")
        _run_list(partial(spec.task.cells, model), path, asked)
        progress.print(str(model.ran))
        return
    _refuse("--column", asked.column, "anything but a CSV file")
    if asked.form and asked.form not in spec.task.formats:
        there = ", ".join(spec.task.formats) or "none: leave --format out"
        raise BadInput("{} has no format {}; there are {}.", spec.name, brief(asked.form), there)
    if asked.form and asked.as_json:
        raise BadInput("--format and --json are two ways to print: leave one out.")
    options = parse(spec, asked.chosen)
    read = spec.task.read(str(path) if path else given)
    if asked.several and not asked.as_json:
        console.print(given, style="bold", highlight=False)
    if spec.task.stream and not (asked.form or asked.as_json):
        trace = _print_pieces(spec.task.stream(model, read, options))
        progress.print(f"{_stages(trace.timings)}\n{trace.ran}")
        return
    trace = model.trace(read) if options is None else model.trace(read, options)
    if asked.as_json:
        answer = {"model": spec.name, "answer": _plain(trace.answer), "hint": trace.hint}
        ran = {"timings_ms": trace.timings, **asdict(trace.ran)}
        named = {"input": given} if asked.several else {}
        print(json.dumps(named | answer | ran, ensure_ascii=False, indent=1))
        return
    if asked.form:
        print(spec.task.formats[asked.form](trace), end="")
        if trace.hint:
            progress.print(trace.hint)
        return
    if trace.answer:
        show([{"answer": k, "probability": round(v, 4)} for k, v in trace.answer.items()], False)
    if trace.hint:
        console.print(trace.hint)
    console.print(_stages(trace.timings))
    console.print(str(trace.ran))


def _refuse(option: str, value: object, of: str) -> None:
    if value:
        raise BadInput("{} does not apply to {}: leave it out.", option, of)


def _is_list(path: Path, column: str) -> bool:
    """Whether a file or what came through a pipe is a list of texts: its name says so, a column is
    asked for, or its first line names columns.
    """
    if column or path.name.lower().endswith(tables.ENDINGS):
        return True
    found = tables.looks_like_a_list(path)
    if found:
        progress.print("It was read as a list, because its first line names columns.")
    elif found is None:
        progress.print(
            "It was read as one text, though it has cells: call it .csv to have a list read."
        )
    return bool(found)


def _run_list(cells: tables.Judge, path: Path, asked: Asked) -> None:
    """Print a CSV file with answers, or each row as a line of JSON; progress apart from it."""
    table = tables.open_table(path)
    for note in table.notes:
        progress.print(note)
    index, writer = table.index(asked.column), tables.Writer(table, sys.stdout)
    unanswered = 0
    with progress.status("Reading …") as status:
        for done, (row, found) in enumerate(tables.answered(table, index, cells), 1):
            unanswered += not next(iter(found.values()))
            if asked.as_json:
                line = zip(tables.names(table, found), [*row, *_values(found)], strict=True)
                print(json.dumps(dict(line), ensure_ascii=False))
            else:
                writer.add(row, found)
            if done % tables.CHUNK_ROWS == 0:
                status.update(f"{done:,} of {table.count:,} rows")
    rows = f"{table.count:,} row{'s' * (table.count != 1)}"
    without = f", {unanswered:,} without an answer" if unanswered else ""
    progress.print(f"{table.columns[index]}: {rows}{without}")


def _values(found: tables.Cells) -> list[str | float | None]:
    """A row's answers for JSON: the probability as a number, null where there is none."""
    return [
        (float(cell) if cell else None) if name == "probability" else cell
        for name, cell in found.items()
    ]


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
