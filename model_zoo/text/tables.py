"""Lists of texts: a CSV file as people save it, read row by row, and written with answers."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TextIO

from model_zoo.errors import BadInput, brief, named
from model_zoo.sentence import sentence
from model_zoo.text import encoding, formats
from model_zoo.text.dialects import (
    FACTS,
    LOOKED_AT,
    NONE,
    NUMBER,
    TEXTS,
    Dialect,
    has_names,
    records,
    sniff,
)
from model_zoo.text.encoding import MARK, Encoding

CHUNK_ROWS = 512  # answered together: as fast as thousands, and a sign of life a second
LINE = 1000  # characters that tell what kind of file it is
ENDINGS = (".csv", ".tsv")
VISIBLE = {"\t": "tab"}
WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")  # of a name like review_body, reviewText, TEXT
# The last word of what holds no texts though it is called after them: review_id, review date …
ABOUT = FACTS | {"ids", "count", "length", "by", "link", "status"}
UNNAMED = "Its first line looks like a text, not like names: the columns are numbered."
REPEATED = "It repeats the names of the columns."
UNSURE = "Its first line was taken for the names of its columns, and gets no answer."

Cells = dict[str, str]  # what a row gets behind its own; the last says why where there is no answer
Judge = Callable[[Sequence[str]], Iterable[Cells]]


@dataclass(frozen=True)
class Table:
    """A CSV file that was read through once.

    `count`: rows without the first line where that has the names, which `named` says.
    `column`: the index of the one that seems to hold the texts.
    `notes`: what a reader should know of how it was read, in sentences.
    """

    path: Path
    encoding: Encoding
    dialect: Dialect
    columns: tuple[str, ...]
    named: bool
    count: int
    column: int
    notes: tuple[str, ...]

    def index(self, name: str) -> int:
        """Where the column of this name is; the one with the texts for "". Raises BadInput."""
        if not name:
            return self.column
        if name not in self.columns:
            there = ", ".join(map(named, self.columns[:20])) + (
                " …" if len(self.columns) > 20 else ""
            )
            raise BadInput("There is no column {}: choose one of {}.", brief(name), there)
        return self.columns.index(name)

    def rows(self) -> Iterator[tuple[list[str], str]]:
        """Each row as it comes, with a cell for every column, and why it cannot be used or ""."""
        width, delimiter = len(self.columns), self.dialect.delimiter
        rows = records(self.path, self.encoding, self.dialect)
        first = next(rows)[1] if self.named else None
        for line, row in rows:
            if row == first:
                yield row, REPEATED
            elif _fits(row, width):
                yield row[:width] + [""] * (width - len(row)), ""
            else:
                rest = delimiter.join(row[width - 1 :])
                yield [*row[: width - 1], rest], _misfit(line, row, width, self.dialect)


def open_table(path: Path) -> Table:
    """Read a CSV file through; raises BadInput in one sentence where it is no list of texts."""
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            raise BadInput("This is a workbook or an archive, not a CSV file: save it as CSV.")
    known = encoding.of(path)
    with known.open(path) as file:
        if kind := formats.markup(file.read(LINE)):
            raise BadInput("This is {}, not a CSV file: save it as CSV.", kind)
    dialect = sniff(path, known)
    try:
        return _look_through(path, known, dialect)
    except csv.Error:
        return _look_through(path, known, replace(dialect, paired=False))


def answered(table: Table, column: int, cells: Judge) -> Iterator[tuple[list[str], Cells]]:
    """Each row with what `cells` says of its text, in bounded memory however many there are."""
    rows = table.rows()
    while some := list(islice(rows, CHUNK_ROWS)):
        texts = ["" if fault else row[column] for row, fault in some]
        for (row, fault), found in zip(some, cells(texts), strict=True):
            yield row, dict.fromkeys(found, "") | {list(found)[-1]: fault} if fault else found


class Writer:
    """Writes answered rows as a CSV file with the same delimiter, names first."""

    def __init__(self, table: Table, out: TextIO) -> None:
        self._table, self._out = table, out
        delimiter = "," if table.dialect.delimiter == NONE else table.dialect.delimiter
        self._writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        self._begun = False

    def add(self, row: Sequence[str], cells: Cells) -> None:
        """One more row; a name that the file has already gets another number."""
        if not self._begun:
            self._out.write(MARK if self._table.encoding.marked else "")  # Excel knows UTF-8 by it
            self._writer.writerow(names(self._table, cells))
            self._begun = True
        self._writer.writerow([*row, *cells.values()])


def looks_like_a_list(path: Path) -> bool | None:
    """Whether a file that is not called one is a list; None where it has cells and no names.

    Raises BadInput where it is no text either.
    """
    known = encoding.of(path)
    dialect = sniff(path, known)
    try:
        some = _beginning(path, known, dialect)
    except csv.Error:
        some = _beginning(path, known, replace(dialect, paired=False))
    if len(some) < 2:
        return False
    if dialect.delimiter == NONE:
        return some[0][0].strip().casefold() in TEXTS
    return has_names(some[0], some[1:]) or None


def names(table: Table, cells: Iterable[str]) -> tuple[str, ...]:
    """The names of all columns, those of the answers behind the file's own."""
    return _unique([*table.columns, *cells])


def _beginning(path: Path, known: Encoding, dialect: Dialect) -> list[list[str]]:
    return [row for _, row in islice(records(path, known, dialect), LOOKED_AT)]


def _look_through(path: Path, known: Encoding, dialect: Dialect) -> Table:
    some = _beginning(path, known, dialect)
    if not some:
        raise BadInput("The file is empty: give one with one text per row.")
    sure = has_names(some[0], some[1:])
    named = sure or (sure is None and len(some) > 1)
    columns = _unique(some[0] if named else [""] * len(some[0]))
    notes = [*known.notes, *([] if sure else [UNSURE if named else UNNAMED])]
    count, misfits, fault, open_mark, repeated = 0, 0, "", 0, 0
    words: list[set[str]] = [set() for _ in columns]
    for line, row in islice(records(path, known, dialect), int(named), None):
        count += 1
        repeated += row == some[0] and named
        if not _fits(row, len(columns)):
            misfits += 1
            fault = fault or _misfit(line, row, len(columns), dialect)
        elif count <= LOOKED_AT:
            for index, cell in enumerate(row[: len(columns)]):
                words[index].update(word for word in cell.split() if not NUMBER.fullmatch(word))
        if not (dialect.paired or open_mark) and any(cell.startswith('"') for cell in row):
            open_mark = line
    if not count:
        raise BadInput("The file has one line only: give names, and one text per row.")
    if 2 * misfits > count:
        raise BadInput(fault)
    if dialect.titles:
        notes.append(
            sentence(
                "Lines above the names of the columns, which were left out: {}.", dialect.titles
            )
        )
    if repeated:
        notes.append(
            sentence(
                "Lines that repeat the names of the columns, without an answer: {}.",
                f"{repeated:,}",
            )
        )
    if misfits:
        notes.append(
            sentence(
                "Rows with more cells than the first line, which get no answer: {}.", f"{misfits:,}"
            )
        )
    if open_mark:
        notes.append(
            sentence(
                "The quotation marks of line {} do not pair up: they were kept.", f"{open_mark:,}"
            )
        )
    column = _likeliest(columns, words)
    return Table(path, known, dialect, columns, named, count, column, tuple(notes))


def _fits(row: Sequence[str], width: int) -> bool:
    return len(row) <= width or not any(cell.strip() for cell in row[width:])


def _misfit(line: int, row: Sequence[str], width: int, dialect: Dialect) -> str:
    delimiter = VISIBLE.get(dialect.delimiter, dialect.delimiter)
    return sentence(
        'Line {} has {} cells, the first line {}: put texts with a "{}" in quotation marks.',
        f"{line:,}",
        len(row),
        width,
        delimiter,
    )


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


def _likeliest(columns: Sequence[str], words: Sequence[Set[str]]) -> int:
    """By its name, else the one with the most different words, and the longest of these."""
    names = [name.casefold() for name in columns]
    for known in TEXTS:
        if known in names:
            return names.index(known)
    sizes = [(len(some), sum(map(len, some))) for some in words]
    for known in TEXTS:
        named = [index for index, name in enumerate(columns) if _is_called(name, known)]
        if named:
            return max(named, key=lambda index: sizes[index])
    return sizes.index(max(sizes))


def _is_called(name: str, known: str) -> bool:
    """Whether a column's name has this word, and is not that of something about the text."""
    parts = [word.casefold() for word in WORD.findall(name.partition(" of ")[0])]
    return not {known, f"{known}s"}.isdisjoint(parts) and parts[-1] not in ABOUT
