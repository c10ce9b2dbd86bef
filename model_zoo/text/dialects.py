"""How the cells of a CSV file are told apart, as Excel and people write it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from model_zoo.text.encoding import MARK, MOST_BYTES, Encoding

NONE = "\x1f"  # the delimiter of a file with one column, whose texts may hold commas
DELIMITERS = "\t;,|"  # of those that fit equally well, the first
LOOKED_AT = 100  # records, to find delimiter and names
HEAD = 1 << 18  # characters that these are looked for in
LONG_NAME = 60  # characters: a cell of the first line that has more is a text, not a name
MOST_WORDS = 3  # that a name has; more are a sentence
MOST_TITLES = 5  # lines that may stand above the names of the columns
LEAST_FIT = 0.49  # of the records, for what stands in the first line to be their delimiter

# What the column with the texts is called, the likeliest first.
TEXTS = (
    "text", "review", "sentence", "comment", "content", "body", "message", "feedback", "tweet",
    "description", "评论", "文本", "内容",
)  # fmt: skip
_FACTS = (
    "id no nr number key index date time timestamp year day name user author email title type lang "
    "language source url stars rank rating score label sentiment "
    "编号 标题 日期 时间戳 姓名 评分 星级 标签"
)
FACTS = frozenset(_FACTS.split())  # what is known of a text, such as review_id and review date
# Names that may as well be what a column says: a book beside a film
_WORDS = "subject product film movie category star class target answer note notes"
_EITHER = frozenset(_WORDS.split())
_SEP = re.compile(r'"?sep=([^\w"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)  # Excel's own first line
NUMBER = re.compile(  # dates and times, too: 2024/01/05 3:04:05 PM GMT+1, 2024-01-05T03:04:05Z
    r"[-+]?[\d.,:/\s-]*(?:\dT\d[\d.:]*)?\d(?:\s*[AP]\.?M\.?)?(?:\s*(?:GMT|UTC|Z)?[+-]?[\d:]*)?"
    r"|[-+]?[\d.,:/\s-]*\d\s*[%€$£]|[$€£]\s*\d[\d.,]*",
    re.IGNORECASE,
)

_ESCAPED = re.compile(r'\\(.)|""', re.DOTALL)

Record = tuple[int, list[str]]  # the line it begins at, its cells


@dataclass(frozen=True)
class Dialect:
    """What stands between cells, and how many lines come before the first.

    `paired`: each quotation mark that begins a cell has one that ends it, as the standard has it.
    `titles`: how many of the skipped lines are titles above the names of the columns.
    """

    delimiter: str
    skipped: int = 0
    paired: bool = True
    titles: int = 0


def sniff(path: Path, encoding: Encoding) -> Dialect:
    """The dialect that most of the first lines agree with."""
    with encoding.open(path, newline="") as file:
        head = file.read(HEAD).replace(MARK, "")
    said = _SEP.match(head)
    return Dialect(said[1], skipped=1) if said else _dialect(head)


def records(path: Path, encoding: Encoding, dialect: Dialect) -> Iterator[Record]:
    """Every record that is not blank; csv.Error where marks do not pair up though they should."""
    read = _standard if dialect.paired else _loose
    with encoding.open(path, newline="") as file:
        for _ in range(dialect.skipped):
            file.readline()
        lines = (line.replace(MARK, "") for line in file)
        for line, row in read(lines, dialect.delimiter):
            yield line + dialect.skipped, row


def has_names(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool | None:
    """Whether the first record names the columns; None where nothing tells, or as much for as
    against it.
    """
    names = [cell.strip() for cell in first]
    folded = [name.casefold() for name in names]
    if any(name in TEXTS for name in folded):
        return True
    if any(NUMBER.fullmatch(name) for name in names):
        return False
    below = [
        [row[index].strip() for row in others if index < len(row)] for index in range(len(names))
    ]
    if any(name and name in cells for name, cells in zip(names, below, strict=True)):
        return False
    if any(
        _are_numbers(cells) and not _states(name) for name, cells in zip(names, below, strict=True)
    ):
        return True
    if any(map(_states, names)):
        return False
    if not FACTS.isdisjoint(folded):
        return True
    return False if _EITHER.isdisjoint(folded) and any(map(_is_sentence, names)) else None


def _are_numbers(cells: Sequence[str]) -> bool:
    return any(cells) and all(NUMBER.fullmatch(cell) for cell in cells if cell)


def _states(name: str) -> bool:
    """Whether it can only be a text; what asks, or has no end, may be the question of a form."""
    return name.endswith(tuple(".!…。！")) and not any(sign in name for sign in "?？")


def _is_sentence(name: str) -> bool:
    return (
        any(sign in name for sign in "?？")
        or len(name.split()) > MOST_WORDS
        or len(name) > LONG_NAME
    )


def _dialect(head: str) -> Dialect:
    """What gives the most records as many cells as the first has; NONE where nothing does.

    Of those that fit equally well, one that needs no titles above the names.
    """
    best, found = (LEAST_FIT, True), Dialect(NONE)
    for delimiter in DELIMITERS:
        some = list(islice(_loose([head], delimiter), LOOKED_AT))
        if len(some) > 1 and len(head) == HEAD:
            some.pop()  # may be cut off
        spaced = delimiter in ",;" and _spaced(head, delimiter)
        titles = 0 if spaced else _titles([row for _, row in some])
        rows = [row for _, row in some[titles:]]
        width = len(rows[0]) if rows else 0
        if width > 1 and not (spaced and not has_names(rows[0], rows[1:])):
            fit = sum(len(row) == width for row in rows) / len(rows), not titles
            if fit > best:
                lines = some[titles][0] - 1 if titles else 0
                best, found = fit, Dialect(delimiter, lines, titles=titles)
    return found


def _titles(rows: Sequence[Sequence[str]]) -> int:
    """How many records are above the one that names the columns, as the title of a report is."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    for first in range(1, min(MOST_TITLES + 1, len(rows) - 1)):
        after = rows[first + 1 :]
        wider = max(filled[:first]) < filled[first]
        if wider and all(len(row) == len(rows[first]) for row in after):
            return first if has_names(rows[first], after) else 0
    return 0


def _spaced(head: str, sign: str) -> bool:
    """Whether a sign is used as in sentences: with a space behind each."""
    outside = "".join(head.split('"')[::2])
    return outside.count(f"{sign} ") == outside.count(sign) > 0


def _standard(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(max(csv.field_size_limit(), MOST_BYTES))
    reader: Any = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    line = 1
    for row in reader:
        if delimiter == "\t" and any("\t" in cell and "\n" in cell for cell in row):
            raise csv.Error("a cell that holds whole records of a TSV file")
        if row:
            yield line, row
        line = reader.line_num + 1


def _loose(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """A cell is in quotation marks only where they pair up; other marks are characters of it."""
    text, cell = "".join(lines), _cell(delimiter)
    place, line = 0, 1
    while place < len(text):
        begin, row = place, []
        while True:
            found = cell.match(text, place)
            assert found  # an empty cell at least
            doubled, slashed, plain = found.groups()
            if slashed is not None:
                row.append(_ESCAPED.sub(lambda pair: pair[1] or '"', slashed))
            else:
                row.append(plain if doubled is None else doubled.replace('""', '"'))
            place = found.end()
            if not text.startswith(delimiter, place):
                break
            place += 1
        blank = place == begin
        place += 2 if text.startswith("\r\n", place) else 1
        if not blank:
            yield line, row
        passed = text[begin:place]
        line += passed.count("\n") + passed.count("\r") - passed.count("\r\n")


def _cell(delimiter: str) -> re.Pattern[str]:
    """(in marks, those inside written twice), (those inside behind backslashes) or (as it is)."""
    cut = re.escape(delimiter)
    end = rf" *+(?={cut}|[\r\n]|\Z)"
    # Where marks do not pair up, a cell that holds a tab too is rather several.
    no = "\t" if delimiter == "\t" else ""
    return re.compile(
        rf' *+"((?:[^"{no}]++|"")*+)"{end}'
        rf'| *+"((?:[^"\\{no}]++|\\.|"")*+)"{end}'
        rf"| *+([^{cut}\r\n]*+)",
        re.DOTALL,
    )
