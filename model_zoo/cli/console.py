"""What the command lines share: tables or JSON, a status line, errors in one sentence.

Its name begins with an underscore so that listing the models does not import typer and rich.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress
from rich.table import Table
from typer.core import TyperCommand

from model_zoo.errors import BadInput, ZooError

PIPE_COLUMNS = 10_000  # a pipe has no width: rich would assume 80 columns, and cut lines there
console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS, markup=False)
progress = Console(
    stderr=True, markup=False, highlight=False
)  # standard output stays clean for --json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all.")]


def commands(words: str) -> typer.Typer:
    """A command line that says `words` of itself, and lets errors through to `start`."""
    return typer.Typer(
        help=words, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


# What begins with - and has no letter next, or has a space and no value, is no option's name.
_TEXT = re.compile(r"-+(?:[^-a-zA-Z]|[^=]* )")


class TextCommand(TyperCommand):
    """A command whose inputs may be texts: one that looks like an option gets a hint."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        texts = [arg for arg in args if arg.strip("-") and re.match(_TEXT, arg)]
        try:
            return super().parse_args(ctx, args)
        except typer.Exit:
            raise
        except Exception as error:
            if not texts:
                raise
            raise BadInput('Put -- before a text that begins with -: -- "{}".', texts[0]) from error


def start(app: typer.Typer) -> None:
    """Run the command line; any error ends in one sentence and exit status 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A console that lacks a sign shows a question mark; a file or a pipe loses none.
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
    try:
        app()
    except ZooError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        what = f"{type(error).__name__}: {error}".strip(": ")
        print(
            f"The program failed ({what}): please report it. "
            "Run it with `python -X dev -m …` to see where.",
            file=sys.stderr,
        )
        sys.exit(1)


@contextmanager
def counted(words: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, moved by calls with what is done and how much there is."""
    with Progress(console=progress, transient=True) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows that have the same keys, as lists where a table does not fit the screen."""
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table(box=None, header_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    unbounded = console.options.update(max_width=PIPE_COLUMNS)
    if Measurement.get(console, unbounded, table).maximum <= console.width:
        console.print(table)
        return
    show_lists(rows)


def show_lists(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print each row as a list below its first value, without what is empty."""
    for row in rows:
        (_, title), *rest = row.items()
        console.print(_cell(title), style="bold")
        for name, value in rest:
            if cell := _cell(value):
                console.print(f"  {name.replace('_', ' ')}: {cell}", highlight=False)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return " ".join(f"{key} {'–' if item is None else item}" for key, item in value.items())
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    if isinstance(value, float):  # four digits, also of what is far below 1
        return np.format_float_positional(value, 4, fractional=abs(value) >= 1, trim="-")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
