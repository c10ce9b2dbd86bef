"""Texts in any encoding: found, said and mended; what is no text is refused."""

from __future__ import annotations

import base64
import csv
import io
from io import BytesIO
from pathlib import Path

import pytest

from model_zoo import inputs
from model_zoo.errors import BadInput
from model_zoo.text import encoding, tables, texts
from model_zoo.text.encoding import decode, detect

REVIEW = "Un très bon film, déjà vu à Besançon"
SENTENCES = [
    ("cp1252", "The café in Paris is"),
    ("cp1252", "café was lovely"),
    ("cp1252", "It’s good — “fine”, I’d say"),
    ("cp1252", "naïve"),
    ("cp1252", "Malmö är fin"),
    ("cp1252", "Perché è così noioso?"),
    ("cp1252", "id,text\n1,crème brûlée\n"),
    ("cp1252", REVIEW),
    ("cp1252", "Er sagte ‚Wie schön‘ und ‚Für mich‘ nicht"),
    ("cp1250", "Bardzo dobry film, świetni aktorzy, polecam każdemu"),
    ("cp1251", "Отличный фильм"),
    ("cp1251", "номер,отзыв\n1,a fine film\n2,Скучно\n"),
    ("cp1251", "Отличный фильм, всем cоветую, и cнова"),  # two letters of it are Latin
    ("koi8_r", "Отличный фильм, всем советую"),
    ("gb18030", "编号,评论\n1,a fine film\n2,这部电影很好看\n"),
    ("gb18030", "服务很差，再也不来了。"),
    ("big5", "編號,評論\n1,a fine film\n2,這部電影很好看\n"),
    ("cp932", "番号,レビュー\n1,a fine film\n2,とても良い映画でした\n"),
    ("cp932", "とても良い映画でした"),
    ("euc_jp", "とても良い映画でした"),
    ("cp949", "번호,리뷰\n1,아주 좋은 영화입니다\n"),
    ("cp1253", "Πολύ καλή ταινία"),
    ("cp1256", "فيلم جيد جدا"),
    ("iso8859-2", "Żałuję że tam poszedłem, świetni byli tylko aktorzy."),
    ("iso8859-5", "Отличный фильм, всем советую посмотреть."),
    ("iso8859-6", "فيلم جيد جدا، أنصح به الجميع"),
    ("cp866", "Мне не понравилось, слишком длинно и скучно."),
    ("cp866", "Скучно."),
    ("mac-cyrillic", "Актёры играют превосходно, сюжет держит до конца."),
    ("koi8-u", "Чудовий фільм, усім раджу подивитися."),
    ("cp1257", "Labai geras filmas, puikūs aktoriai, rekomenduoju visiems."),
    ("mac-roman", "Un très bon film, déjà vu à Besançon."),
    ("mac-roman", "“Great” is what they call it… I don’t."),
    ("cp850", "J'ai été agréablement surpris par la qualité des décors."),
    ("cp852", "Velmi dobrý film, skvělí herci, doporučuji každému."),
    ("iso2022_jp", "id,text\n1,とても良い映画でした\n"),
    ("iso2022_kr", "아주 좋은 영화입니다"),
    ("hz", "编号,评论\n1,很好看\n"),
    ("utf-7", "It’s a lovely café"),
    ("utf-7", "Отличный фильм"),
]


@pytest.mark.parametrize(("codec", "text"), SENTENCES)
def test_23_short_texts_of_many_lands_are_read_and_the_encoding_is_said(codec: str, text: str):
    found, notes = decode(text.encode(codec))
    assert found == text
    assert notes[0].startswith("It is not in UTF-8: it was read as ")


@pytest.mark.parametrize("codec", ["cp1252", "gb18030"])
def test_23_a_guess_is_called_one(codec: str):
    _, notes = decode(("很好看，我很喜欢" if codec == "gb18030" else "café").encode(codec))
    assert notes[0].endswith(", a guess that may be wrong.")


@pytest.mark.parametrize(
    "text",
    [
        "C++ a+b-", "+Positive: good", "call +12345678 now", "rated 4+ABCDEF- ok", "a ~{ set ~} b",
        "\x1b[31mred\x1b[0m", "+Info- here", "https://a.b/c?q=a+bcd-e",
    ],
)  # fmt: skip
def test_23_signs_in_ascii_that_stand_for_nothing_else_stay(text: str):
    assert decode(text.encode()) == (text, ())


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    [
        "Отличный фильм, всем советую", "Скучно", "Скучно.", "Βαρετή", "משעמם", "Скучно — да",
        "这部电影很好看，我很喜欢。", "とても良い映画でした。",
    ],
)  # fmt: skip
def test_s10_wide_characters_of_other_alphabets_have_few_zero_bytes_or_none(codec: str, text: str):
    assert decode(text.encode(codec)) == (text, ("It is not in UTF-8: it was read as UTF-16.",))


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [
        "f", "id,text\n1,\u4e00\n", "id,text\n1,a fine film\n", "评论, 好 café 😀\n",
        "id,text\n1,a sign of one's own: \ue000 \u0378\n",
    ],
)  # fmt: skip
def test_s10_wide_characters_without_a_mark_are_known_by_their_zero_bytes(codec: str, text: str):
    assert decode(text.encode(codec)) == (text, (f"It is not in UTF-8: it was read as "
                                                 f"{codec[:6].upper()}.",))  # fmt: skip


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_06_a_byte_order_mark_decides_and_is_no_part_of_the_text(codec: str):
    assert decode("The café".encode(codec)) == ("The café", ())


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_06_the_marks_of_joined_files_are_no_part_of_the_text(codec: str):
    marked = "\ufeff".encode(codec)
    joined = marked + "Fine. ".encode(codec) + "Dull.".encode(codec)
    assert decode(joined) == ("Fine. Dull.", ())


def test_06_one_control_character_does_not_make_a_short_text_another_file():
    assert decode(b"A fine\x07 film") == ("A fine\x07 film", ())


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"\xff\xfe\x44\xc4" + bytes(range(256)) * 8,  # sound that begins like UTF-16
        b"fLaC\0\0\0\x22\x10\0",
        b"text\0with a zero byte",
        bytes(range(1, 32)) * 4,
    ],
)
def test_06_what_is_no_text_is_refused(data: bytes):
    with pytest.raises(BadInput, match="not a text file"):
        detect(BytesIO(data))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "PDF"),
        (b"\xef\xbb\xbf\n%PDF-1.7\n", "PDF"),
        (b"{\\rtf1\\ansi a fine film}", "RTF"),
        (b"%!PS-Adobe-3.0\n/Helvetica findfont\n", "PostScript"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n", "PEM"),
        (base64.encodebytes(b"a fine film, and a long one, too " * 9), "Base64"),
        (
            b"data:image/png;base64," + base64.b64encode(b"a fine film, and a long one " * 9),
            "Base64",
        ),
    ],
)
def test_06_formats_that_are_written_in_letters_are_refused_by_their_names(data: bytes, kind: str):
    with pytest.raises(BadInput, match=f"This is {kind} data, not a text"):
        decode(data)
    with pytest.raises(BadInput, match=f"This is {kind} data, not a text"):
        texts.check(data.decode("utf-8-sig"))


@pytest.mark.parametrize(
    "text", ["x" * 300, "Great" * 40, "100% {great}", "http://a.b/" + "x1Y" * 40]
)
def test_06_a_text_without_spaces_is_a_text(text: str):
    assert decode(text.encode()) == (text, ())


MARKED = [
    ("<!DOCTYPE html>\n<html><p>A fine film</p></html>", "HTML"),
    ('<?xml version="1.0"?>\n<review>fine</review>', "XML"),
    ('{"text": "a fine film"}\n{"text": "dull"}\n', "JSON"),
    ('[{"text": "a fine film"}]', "JSON"),
    ("From: a@b.c\nTo: d@e.f\nSubject: film\n\nFine.\n", "an e-mail"),
    ("From a@b.c Thu Nov 26 12:00:00 2026\nFrom: a@b.c\nTo: d@e.f\n\nFine.\n", "an e-mail"),
    ("1\n00:00:01,000 --> 00:00:02,000\nA fine film\n", "subtitles"),
    ("WEBVTT\n\n00:01.000 --> 00:02.000\nA fine film\n", "subtitles"),
]


@pytest.mark.parametrize(("text", "kind"), MARKED)
def test_06_marks_between_words_are_said_in_a_text_and_refused_in_a_list(
    tmp_path: Path, text: str, kind: str
):
    assert decode(text.encode()) == (
        text,
        (f"It looks like {kind}: its marks are read as words, too.",),
    )
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(BadInput, match=f"This is {kind}, not a CSV file"):
        tables.open_table(tmp_path / "list.csv")


@pytest.mark.parametrize(
    "text", ["<3 this film", "[spoiler] fine", "{great}", "1\nfine", "To: all who love films\nFine"]
)
def test_06_usual_signs_make_no_markup(text: str):
    assert decode(text.encode()) == (text, ())


def test_08_lone_surrogates_become_the_replacement_character():
    assert encoding.mend("a fine film \ud83d") == "a fine film \ufffd"
    assert encoding.mend("\udc00\ud83d\ude00\ud83d") == "\ufffd😀\ufffd"
    assert texts.check("a fine film \ud83d") == "a fine film \ufffd"
    assert inputs.read_text("a fine film \ud83d") == "a fine film \ufffd"


def test_08_an_argument_in_latin_1_is_read_as_what_it_says():
    assert inputs.read_text("caf\udce9 was lovely") == "café was lovely"


def test_a_text_that_was_cut_off_inside_a_character_stays_utf_8():
    data = "评论：这部电影很好看，我很喜欢".encode()[:-1]
    text, notes = decode(data)
    assert text == "评论：这部电影很好看，我很喜\ufffd"
    assert notes == (encoding.DAMAGED,)


def test_a_letter_far_behind_decides_too(tmp_path: Path):
    file = tmp_path / "long.txt"
    file.write_bytes(b"plain words\n" * 20_000 + "déjà vu à Paris".encode("cp1252"))
    assert encoding.read(file)[0].endswith("\ndéjà vu à Paris")


def test_23_a_list_in_gbk_is_judged_by_its_own_column_and_written_in_utf_8(tmp_path: Path):
    file = tmp_path / "list.csv"
    file.write_bytes("标题标题标题标题标题标题,评论\na long title of a film,bad\n".encode("gbk"))
    table, out = tables.open_table(file), io.StringIO()
    assert table.columns[table.column] == "评论"
    writer = tables.Writer(table, out)
    for row, cells in tables.answered(table, table.column, lambda some: [{"n": s} for s in some]):
        writer.add(row, cells)
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert rows[1] == ["a long title of a film", "bad", "bad"]


def test_06_the_encoding_of_a_file_is_said_on_standard_error(tmp_path: Path, capsys):
    file = tmp_path / "prompt.txt"
    file.write_bytes("The café in Paris is\n".encode("latin-1"))
    assert inputs.read_text(str(file)) == "The café in Paris is"
    assert "Windows-1252" in capsys.readouterr().err


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_8_signs_that_are_newer_than_this_python_are_text(codec: str):
    text = "A fine film \U0001fadf\U0001fadf\U0001cd00"  # of Unicode 17, or not given out at all
    assert decode(text.encode(codec))[0].removeprefix("\ufeff") == text


def test_8_signs_of_icon_fonts_are_text_where_utf8_is_marked():
    assert decode("\uf8ff\uf8ff".encode("utf-8-sig"))[0] == "\uf8ff\uf8ff"
