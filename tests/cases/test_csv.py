"""CSV as Excel and people write it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from model_zoo.errors import BadInput
from model_zoo.text import tables
from model_zoo.text.tables import UNNAMED, UNSURE, Table


def opened(folder: Path, data: str | bytes) -> Table:
    path = folder / "list.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return tables.open_table(path)


def texts(table: Table) -> list[str]:
    return [row[table.column] for row, fault in table.rows() if not fault]


def upper(some: Sequence[str]) -> Iterator[dict[str, str]]:
    for text in some:
        yield {"answer": text.upper(), "verdict": text.upper() or "There is no text yet."}


def written(table: Table) -> str:
    out = io.StringIO()
    writer = tables.Writer(table, out)
    for row, cells in tables.answered(table, table.column, upper):
        writer.add(row, cells)
    return out.getvalue()


@pytest.mark.parametrize("quotes", ["", '"'])
def test_02_a_cell_of_any_length_is_read(tmp_path: Path, quotes: str):
    long = "good film. " * 20_000
    table = opened(tmp_path, f"id,text\n1,{quotes}{long}{quotes}\n2,dull\n")
    assert texts(table) == [long, "dull"]
    assert table.notes == ()


def test_02_a_long_cell_in_another_column_does_not_matter(tmp_path: Path):
    assert texts(opened(tmp_path, f"id,page,text\n1,{'x' * 300_000},fine\n")) == ["fine"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|", "^"])
def test_05_the_line_sep_names_the_delimiter(tmp_path: Path, delimiter: str, mark: str, end: str):
    lines = [f"sep={delimiter}", delimiter.join(["id", "text"]), delimiter.join(["1", "fine"])]
    table = opened(tmp_path, mark + end.join(lines) + end)
    assert (table.columns, table.count, texts(table)) == (("id", "text"), 1, ["fine"])
    assert written(table).removeprefix("\ufeff").startswith(f"id{delimiter}text{delimiter}answer")


@pytest.mark.parametrize(
    ("data", "count", "first"),
    [
        ("I loved every minute of it\nTerrible service\nNot worth the money\n", 3, "I loved"),
        ("great,5\nbad,1\nok,3\n", 3, "great"),
        ("1,a fine film\n2,a bad film\n", 2, "a fine film"),
        ("2024-01-05,nice\n2024-01-06,bad\n", 2, "nice"),
        ("positive,what a film\nnegative,meh\npositive,loved it\n", 3, "what a film"),
        ("Great film, loved it\nBad film, hated it\n", 2, "Great film, loved it"),
        ("Great film; loved it\nBad film; hated it\n", 2, "Great film; loved it"),
        ("good;5\nbad;1\nok;3\n", 3, "good"),
        ("I loved every minute of it\n", 1, "I loved"),
        ("What a film!\nwow\n", 2, "What a film!"),
    ],
)
def test_07_a_list_without_names_loses_no_line(tmp_path: Path, data: str, count: int, first: str):
    table = opened(tmp_path, data)
    assert (table.count, table.notes) == (count, (UNNAMED,))
    assert texts(table)[0].startswith(first)


@pytest.mark.parametrize(
    "names", ["text", "id,review", "id;Kommentar", ",text", "Comment,Likes", "label\tsentence"]
)
def test_07_names_are_known_as_such(tmp_path: Path, names: str):
    delimiter = next((sign for sign in ",;\t" if sign in names), None)
    row = delimiter.join(["4", "7"]) if delimiter else "fine"
    table = opened(tmp_path, f"{names}\n{row}\n")
    assert (table.count, table.notes) == (1, ())


def test_07_where_nothing_tells_names_from_texts_it_is_said(tmp_path: Path):
    table = opened(tmp_path, "Kommentar\nsehr gut\nschlecht\n")
    assert (table.columns, table.notes) == (("Kommentar",), (UNSURE,))


@pytest.mark.parametrize(
    "data",
    [
        "film,This film was great.\nbook,A dull book.\n",
        "user,I hate this.\nassistant,Sorry to hear that.\n",
        "product,Great!\nmovie,Dull!\n",
    ],
)
def test_07_a_sentence_beside_what_could_be_a_name_is_a_text(tmp_path: Path, data: str):
    table = opened(tmp_path, data)
    assert (table.count, table.notes) == (2, (UNNAMED,))


ASKED = "What did you like about the film? Please describe it in your own words, at any length."


@pytest.mark.parametrize(
    ("first", "rows"),
    [
        (f'Timestamp,"{ASKED}",Stars', ["2024/01/05 3:04:05 PM GMT+1,acting,5", "3:05 PM,end,4"]),
        (f'Zeitstempel,"{ASKED}"', ["05.01.2024 10:00:00,acting", "2024-01-05T03:04:05Z,end"]),
        (f'Name,"{ASKED}"', ["Joe,acting", "Sue,the end"]),
        (f'"{ASKED}",How old are you?', ["acting,20", "end,40"]),
    ],
)
def test_07_the_questions_of_a_form_are_names(tmp_path: Path, first: str, rows: list[str]):
    table = opened(tmp_path, "\n".join([first, *rows]))
    assert (table.columns[table.column], table.count, table.notes) == (ASKED, 2, ())


@pytest.mark.parametrize(
    "data",
    ["film,Was it good?\nbook,It was\n", "great,film\nbad,book\n", "film,opinion\nAlien,good\n"],
)
def test_07_a_word_that_could_be_a_name_or_a_cell_is_said(tmp_path: Path, data: str):
    assert opened(tmp_path, data).notes == (UNSURE,)


@pytest.mark.parametrize(
    ("titles", "lines"),
    [("Reviews of 2024\n\n", 1), ("Reviews, 2024\n\n", 1), ("Report,,\n,,\n", 2), ("A\nB\n", 2)],
)
def test_07_titles_above_the_names_are_left_out_and_said(tmp_path: Path, titles: str, lines: int):
    table = opened(tmp_path, f"{titles}id,text,stars\n1,good,5\n2,bad,1\n")
    assert (table.columns, texts(table)) == (("id", "text", "stars"), ["good", "bad"])
    note = f"Lines above the names of the columns, which were left out: {lines}."
    assert table.notes == (note,)


def test_07_names_that_fit_as_they_stand_are_no_title(tmp_path: Path):
    table = opened(tmp_path, 'id|text|stars\n1||"1,000 good \n 1,000"\n')
    assert table.columns == ("id", "text", "stars")


def test_07_a_line_without_a_comma_above_others_is_no_title(tmp_path: Path):
    given = ["Great", "film, great", "bad, awful"]
    assert [row[0] for row, _ in opened(tmp_path, "\n".join(given)).rows()][-2:] == given[-2:]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_22_the_names_and_marks_of_joined_files_get_no_answer(tmp_path: Path, mark: str):
    table = opened(tmp_path, f"\ufeff{mark}id,text\n1,good\n{mark}id,text\n2,bad\n")
    assert (table.columns, texts(table)) == (("id", "text"), ["good", "bad"])
    assert table.notes == ("Lines that repeat the names of the columns, without an answer: 1.",)


@pytest.mark.parametrize("sign", [",", ";", ":"])
def test_07_the_signs_of_sentences_divide_nothing(tmp_path: Path, sign: str):
    given = [f"I loved it{sign} truly", f"Bad{sign} very", "Good"]
    assert texts(opened(tmp_path, "\n".join(given))) == given
    assert texts(opened(tmp_path, "\n".join(["text", *given]))) == given


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_22_the_byte_order_mark_that_excel_needs_is_kept(tmp_path: Path, codec: str):
    assert written(opened(tmp_path, "id,text\n1,café\n".encode(codec))).startswith("\ufeffid,text,")
    assert written(opened(tmp_path, "id,text\n1,café\n")).startswith("id,text,")


@pytest.mark.parametrize(
    ("data", "expected", "line"),
    [
        ('a\ttext\n1\t"Great" she said, fine\n0\tdull\n', ['"Great" she said, fine', "dull"], 2),
        ('a\ttext\n1\tthe "top"\n0\t"dull\n1\tok" end\n', ['the "top"', '"dull', 'ok" end'], 3),
        ('a\ttext\n0\t"dull\n1\tgood"\n2\tfine\n', ['"dull', 'good"', "fine"], 2),
        ('text\n"Great" she said\ndull\n', ['"Great" she said', "dull"], 2),
        ('a,text\n1,fine\n2,"open\n3,x\n', ["fine", '"open', "x"], 3),
        ('a,text\r\n1,"open\r\n2,fine\r\n', ['"open', "fine"], 2),
        ('a,text\n1,"so "called" film"\n2,x\n', ['"so "called" film"', "x"], 2),
        ('a,text\n1,"open\n2,"a, b"\n3,"two\nlines"\n', ['"open', "a, b", "two\nlines"], 2),
    ],
)  # fmt: skip
def test_24_marks_that_do_not_pair_up_are_characters(
    tmp_path: Path, data: str, expected: list[str], line: int
):
    table = opened(tmp_path, data)
    assert texts(table) == expected
    assert table.notes == (f"The quotation marks of line {line} do not pair up: they were kept.",)
    again = list(csv.reader(io.StringIO(written(table)), delimiter=table.dialect.delimiter))
    assert len(again) == len(expected) + 1 or table.dialect.delimiter == tables.NONE


def test_24_backslashes_before_marks_are_understood(tmp_path: Path):
    table = opened(tmp_path, 'id,text\n1,"he said \\"great\\", film"\n2,"a ""b"", c"\n')
    assert texts(table) == ['he said "great", film', 'a "b", c']


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('id\ttext\n1\t"two\nlines"\n', ["two\nlines"]),
        ('id,text\n1,a 5" screen\n', ['a 5" screen']),
        ('id;text\n1;"a; b"\n', ["a; b"]),
        ("id|text\n1|a fine, long film\n", ["a fine, long film"]),
        ("id, text, stars\n1, fine, 5\n", ["fine"]),
        ("id; text; stars\n1; fine, so; 5\n", ["fine, so"]),
        ("id,text\r1,fine\r2,dull\r", ["fine", "dull"]),
    ],
)
def test_24_what_was_read_well_stays_so(tmp_path: Path, data: str, expected: list[str]):
    table = opened(tmp_path, data)
    assert (texts(table), table.notes) == (expected, ())


def test_a_row_with_too_many_cells_costs_itself_only_and_is_counted(tmp_path: Path):
    table = opened(tmp_path, "id,text,stars\n1,good, really,5\n2,bad,1\n3,ok,2\n")
    assert table.notes == ("Rows with more cells than the first line, which get no answer: 1.",)
    rows = list(csv.DictReader(io.StringIO(written(table))))
    assert [row["answer"] for row in rows] == ["", "BAD", "OK"]
    assert rows[0]["verdict"].startswith("Line 2 has 4 cells, the first line 3: ")
    assert [row["id"] for row in rows] == ["1", "2", "3"]


def test_a_list_where_most_rows_do_not_fit_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="Line 2 has 3 cells, the first line 2"):
        opened(tmp_path, "id,text\n1,good, really\n2,bad, too\n3,fine\n")
