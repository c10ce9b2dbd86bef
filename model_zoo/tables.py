"""Lists of texts: a CSV file as people save it, read row by row, and written with answers."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from model_zoo.errors import BadInput

MOST_BYTES = 100_000_000  # more is minutes of work: better in parts
MANY = 512  # rows that are answered together: as fast as thousands, and a sign of life a second
LONG_NAME = 60  # characters: a cell of the first line that has more is a text, not a name
LOOKED_AT = 100  # rows, to find the column with the texts
LATIN = "It is not in UTF-8: it was read as Latin-1 (Windows-1252)."
UNNAMED = "Its first line looks like a text, not like names: the columns are numbered."
# What the column with the texts is called, the likeliest first.
NAMES = (
    "text", "review", "sentence", "comment", "content", "body", "message", "feedback", "tweet",
    "description", "评论", "文本", "内容",
)  # fmt: skip

NONE = "\x1f"  # the delimiter of a file with one column, whose texts may hold commas
VISIBLE = {"\t": "tab"}

Cells = dict[str, str]  # what a row gets behind its own cells, by the name of the column
Judge = Callable[[Sequence[str]], Iterable[Cells]]


@dataclass(frozen=True)
class Table:
    """A CSV file that was read through once and found to be in order.

    `count`: rows without the first line where that has the names, which `named` says.
    `column`: the index of the one that seems to hold the texts.
    """

    path: Path
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    named: bool
    count: int
    column: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of how it was read, in sentences."""
        latin = self.encoding in ("cp1252", "latin-1")
        return tuple(note for note, holds in ((LATIN, latin), (UNNAMED, not self.named)) if holds)

    def index(self, name: str) -> int:
        """Where the column of this name is; the one with the texts for "". Raises BadInput."""
        if not name:
            return self.column
        if name not in self.columns:
            there = ", ".join(self.columns[:20]) + (" …" if len(self.columns) > 20 else "")
            raise BadInput(f"There is no column {name!r}: choose one of {there}.")
        return self.columns.index(name)

    def rows(self) -> Iterator[list[str]]:
        """Each row as it comes, with a cell for every column."""
        rows = _records(self.path, self.encoding, self.delimiter)
        for _, row in islice(rows, int(self.named), None):
            yield row[: len(self.columns)] + [""] * (len(self.columns) - len(row))


def open_table(path: Path) -> Table:
    """Read a CSV file through; raises BadInput in one sentence that names the line at fault."""
    encoding = _encoding(path)
    delimiter = _delimiter(path, encoding)
    records = _records(path, encoding, delimiter)
    _, first = next(records, (0, []))
    if not first:
        raise BadInput("The file is empty: give one with a line for each text.")
    named = not any(len(cell) > LONG_NAME for cell in first)
    columns = _unique(first if named else [""] * len(first))
    count, lengths = 0, [0] * len(columns)
    for line, row in records if named else _records(path, encoding, delimiter):
        if any(cell.strip() for cell in row[len(columns) :]):
            raise BadInput(
                f"Line {line:,} has {len(row)} cells, the first line {len(columns)}: put texts "
                f'with a "{VISIBLE.get(delimiter, delimiter)}" in quotation marks.'
            )
        count += 1
        if count <= LOOKED_AT:
            for index, cell in enumerate(row[: len(columns)]):
                lengths[index] += len(cell)
    if not count:
        raise BadInput("The file has one line only: give names and a line for each text.")
    return Table(path, encoding, delimiter, columns, named, count, _likeliest(columns, lengths))


def answered(table: Table, column: int, cells: Judge) -> Iterator[tuple[list[str], Cells]]:
    """Each row with what `cells` says of its text, in bounded memory however many there are."""
    rows = table.rows()
    while some := list(islice(rows, MANY)):
        yield from zip(some, cells([row[column] for row in some]), strict=True)


class Writer:
    """Writes answered rows as a CSV file with the same delimiter, names first."""

    def __init__(self, table: Table, out: TextIO) -> None:
        self._columns = table.columns
        delimiter = "," if table.delimiter == NONE else table.delimiter
        self._out = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        self._begun = False

    def add(self, row: Sequence[str], cells: Cells) -> None:
        """One more row; a name that the file has already gets another number."""
        if not self._begun:
            self._out.writerow(_unique([*self._columns, *cells]))
            self._begun = True
        self._out.writerow([*row, *cells.values()])


def is_table(given: str) -> bool:
    """Whether a command line's input is the name of a CSV file."""
    return given.lower().endswith((".csv", ".tsv")) and "\n" not in given


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(the line it begins at, its cells) of every record that is not blank."""
    with path.open(encoding=encoding, newline="") as file:
        reader: Any = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        line = 1
        try:
            for row in reader:
                if row:
                    yield line, row
                line = reader.line_num + 1
        except csv.Error:
            raise BadInput(
                f"The quotation marks of line {line:,} do not fit: a text in quotation marks ends "
                'with one, and those inside it are written twice ("").'
            ) from None


def _encoding(path: Path) -> str:
    """The first of the usual encodings that fits; raises BadInput for what is no text."""
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"The file is larger than {MOST_BYTES // 1_000_000} MB: cut it in parts.")
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PK\x03\x04"):
        raise BadInput("This is a workbook or an archive, not a CSV file: save it as CSV.")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        known: tuple[str, ...] = ("utf-16",)
    elif b"\0" in head:
        known = ()
    else:
        known = ("utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8", "cp1252", "latin-1")
    found = next((name for name in known if _decodes(path, name)), None)
    if found is None:
        raise BadInput("This is not a text file: save the list as CSV.")
    return found


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            while file.read(1 << 16):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(path: Path, encoding: str) -> str:
    """What the first line has most of outside quotation marks; one that never occurs for none."""
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(1 << 16)
    outside = "".join(line.split('"')[::2])
    best = max(",;\t|", key=outside.count)
    prose = len(line.strip()) > LONG_NAME and f"{best} " in outside
    return best if best in outside and not prose else NONE


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names as they are, numbered where they are missing or come again."""
    found: list[str] = []
    for number, name in enumerate(names, 1):
        name = name.strip() or f"column {number}"
        taken, plain = 2, name
        while name in found:
            name, taken = f"{plain} {taken}", taken + 1
        found.append(name)
    return tuple(found)


def _likeliest(columns: Sequence[str], lengths: Sequence[int]) -> int:
    """By its name, else the one with the longest cells."""
    names = [name.casefold() for name in columns]
    for known in NAMES:
        if known in names:
            return names.index(known)
    for known in NAMES:
        for index, name in enumerate(names):
            if known in name:
                return index
    return max(range(len(names)), key=lambda index: lengths[index])
