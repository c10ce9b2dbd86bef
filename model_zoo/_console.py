"""What the command lines share: tables or JSON, a status line, errors in one sentence.

Its name begins with an underscore so that listing the models does not import typer and rich.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from model_zoo.errors import ZooError

# A pipe has no width: rich would assume 80 columns and cut the names.
console = Console(width=None if sys.stdout.isatty() else 160, markup=False)
progress = Console(stderr=True)  # standard output stays clean for --json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all.")]


def commands(words: str) -> typer.Typer:
    """A command line that says `words` of itself, and lets errors through to `start`."""
    return typer.Typer(
        help=words, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


def start(app: typer.Typer) -> None:
    """Run the command line; errors of ours end in one sentence and exit status 1."""
    try:
        app()
    except ZooError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def show(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows that have the same keys."""
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table(box=None, header_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {'–' if item is None else item}" for key, item in value.items())
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    if isinstance(value, float):  # four digits, also of what is far below 1
        return np.format_float_positional(value, 4, fractional=abs(value) >= 1, trim="-")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
