"""How the cells of a CSV file are told apart, as Excel and people write it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from model_zoo.encoding import MARK, MOST_BYTES, Encoding

NONE = "\x1f"  # the delimiter of a file with one column, whose texts may hold commas
DELIMITERS = "\t;,|"  # of those that fit equally well, the first
LOOKED_AT = 100  # records, to find delimiter and names
HEAD = 1 << 18  # characters that these are looked for in
LONG_NAME = 60  # characters: a cell of the first line that has more is a text, not a name
MOST_WORDS = 3  # that a name has; more are a sentence
LEAST_FIT = 0.49  # of the records, for what stands in the first line to be their delimiter

# What the column with the texts is called, the likeliest first.
TEXTS = (
    "text", "review", "sentence", "comment", "content", "body", "message", "feedback", "tweet",
    "description", "评论", "文本", "内容",
)  # fmt: skip
_FACTS = (
    "id no number key index date time year day name user author title type lang language source "
    "url stars rating score label"
)
_LISTED = (
    "nr subject product film movie category star rank class target sentiment answer note notes "
    "编号 标题 日期 姓名 评分 星级 标签"
)
FACTS = frozenset(_FACTS.split())  # what is known of a text, such as review_id and review date
_OTHERS = FACTS.union(_LISTED.split())
_SEP = re.compile(r'"?sep=([^\w"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)  # Excel's own first line
NUMBER = re.compile(r"[-+]?[\d.,:/\s-]*\d\s*[%€$£]?|[$€£]\s*\d[\d.,]*")  # dates and times, too

_ESCAPED = re.compile(r'\\(.)|""', re.DOTALL)

Record = tuple[int, list[str]]  # the line it begins at, its cells


@dataclass(frozen=True)
class Dialect:
    """What stands between cells, and how many lines come before the first.

    `paired`: each quotation mark that begins a cell has one that ends it, as the standard has it.
    """

    delimiter: str
    skipped: int = 0
    paired: bool = True


def sniff(path: Path, encoding: Encoding) -> Dialect:
    """The dialect that most of the first lines agree with."""
    with encoding.open(path, newline="") as file:
        head = file.read(HEAD).replace(MARK, "")
    said = _SEP.match(head)
    return Dialect(said[1], skipped=1) if said else Dialect(_delimiter(head))


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
    """Whether the first record names the columns; None where nothing tells."""
    names = [cell.strip() for cell in first]
    folded = [name.casefold() for name in names]
    if any(name in TEXTS for name in folded):
        return True
    if any(len(name) > LONG_NAME or NUMBER.fullmatch(name) for name in names):
        return False
    below = [
        [row[index].strip() for row in others if index < len(row)] for index in range(len(names))
    ]
    if any(name and name in cells for name, cells in zip(names, below, strict=True)):
        return False
    if any(any(cells) and all(NUMBER.fullmatch(cell) for cell in cells if cell) for cells in below):
        return True
    if any(name in _OTHERS for name in folded):
        return True
    return False if any(map(_is_sentence, names)) else None


def _is_sentence(name: str) -> bool:
    return name.endswith(tuple(".!?…。！？")) or len(name.split()) > MOST_WORDS


def _delimiter(head: str) -> str:
    """What gives the most records as many cells as the first has; NONE where nothing does."""
    fits = {NONE: LEAST_FIT}
    for delimiter in DELIMITERS:
        some = [row for _, row in islice(_loose([head], delimiter), LOOKED_AT)]
        if len(some) > 1 and len(head) == HEAD:
            some.pop()  # may be cut off
        width = len(some[0]) if some else 0
        if width > 1 and not (delimiter in ",;" and _prose(head, delimiter, some)):
            fits[delimiter] = sum(len(row) == width for row in some) / len(some)
    return max(fits, key=lambda delimiter: fits[delimiter])


def _prose(head: str, sign: str, some: Sequence[Sequence[str]]) -> bool:
    """Whether a sign is that of sentences: a space behind each, and nothing names columns."""
    outside = "".join(head.split('"')[::2])
    spaced = outside.count(f"{sign} ") == outside.count(sign) > 0
    return spaced and not has_names(some[0], some[1:])


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
