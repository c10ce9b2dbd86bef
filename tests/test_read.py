"""/classify_sentiment as clients use it, and the page Read's handlers: edits, curves, lists."""

from __future__ import annotations

import csv
import io
import json
import sys
import tracemalloc
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

import model_zoo
import model_zoo.text.sentiment.task
from demos.pages import listing, read
from demos.shell import leaving
from demos.widgets import mood
from model_zoo.stopping import Stop, Stopped
from model_zoo.text import encoding, sentiment, sst2_minilm, tables, texts
from model_zoo.text.sentiment.trace import Judged, SentimentTrace
from model_zoo.trace import Ran
from tests.test_api import is_a_sentence, run, snippets_of

ENDPOINT = "/classify_sentiment"
ASKED = SimpleNamespace(session_hash="test", headers={"accept-language": "en"})
CHINESE_READER = SimpleNamespace(session_hash="test", headers={"accept-language": "zh-CN"})
PAIR = ("sst2-minilm", "fp32", "cpu")


@pytest.fixture(scope="module")
def client(app: str) -> Client:
    return Client(app, verbose=False)


def trace(text: str, odds: float = 2.0, hint: str = "") -> SentimentTrace:
    """What a model might say of a text: every word adds its length."""
    cut = [text[a:b] for a, b in texts.words(text)]
    parts = [(text[a:b], 0.5) for a, b in texts.sentences(text)]
    answer = {"positive": 0.88, "negative": 0.12}
    weighed = [(word, float(len(word))) for word in cut]
    return SentimentTrace(
        answer, "positive", odds, weighed, cut, parts, {"model": 1.0}, Ran("cpu", "fp32"), hint
    )


@pytest.mark.weights
def test_a_text_is_judged_with_its_reasons(client: Client):
    told = client.predict("The acting is wonderful. The rest is tedious.", api_name=ENDPOINT)
    assert set(told["answer"]) == {"positive", "negative"}
    assert sum(told["answer"].values()) == pytest.approx(1, abs=1e-5)
    assert list(told["answer"].values()) == sorted(told["answer"].values(), reverse=True)
    weights = {word["text"]: word["log_odds"] for word in told["words"]}
    assert max(weights, key=weights.get) == "wonderful."
    assert min(weights, key=weights.get) == "tedious."
    first, last = (sentence["positive"] for sentence in told["sentences"])
    assert first > 0.5 > last


@pytest.mark.weights
def test_the_reasons_may_be_left_out(client: Client):
    given = "One of the best films of the year"
    told = client.predict(given, False, api_name=ENDPOINT)
    assert (told["words"], told["sentences"]) == ([], [])
    whole = client.predict(given, True, api_name=ENDPOINT)
    assert told["answer"]["positive"] == pytest.approx(whole["answer"]["positive"], abs=1e-3)


@pytest.mark.weights
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "no text yet"),
        (" \n\t ", "no text yet"),
        ("😀😀 🏳️‍🌈", "no words"),
        ("x" * 1_000_000, "at most 200,000"),
        ("good\0film", "NUL bytes"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(client: Client, given: str, says: str):
    with pytest.raises(AppError) as caught:
        client.predict(given, api_name=ENDPOINT)
    is_a_sentence(str(caught.value), says)
    assert client.predict("a fine film", False, api_name=ENDPOINT)["answer"]


@pytest.mark.weights
@pytest.mark.parametrize("given", [["a", "b"], 7, {"text": "a fine film"}])
def test_what_is_no_text_is_refused_in_a_sentence(app: str, given: object):
    told = post(app, given)
    is_a_sentence(told["error"], "A text is a string, not")


@pytest.mark.weights
def test_nothing_and_half_a_character_are_answered(app: str):
    assert "no text yet" in post(app, None)["error"]
    assert post(app, "a fine film \ud83d")["data"][0]["verdict"] == "positive"


def post(app: str, text: object) -> dict[str, Any]:
    """What a plain POST is answered with, whatever its status."""
    body = json.dumps({"data": [text, False]}).encode()
    kind = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{app}/gradio_api/run{ENDPOINT}", body, kind)
    try:
        with urllib.request.urlopen(asked) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return json.load(error)


@pytest.mark.weights
def test_another_language_is_answered_with_a_warning(client: Client):
    told = client.predict("Das ist ein sehr guter Film, aber nicht für mich", api_name=ENDPOINT)
    assert "English" in told["hint"]
    assert told["answer"]


@pytest.mark.weights
def test_the_printed_code_runs(app: str, tmp_path: Path):
    code = snippets_of(read.page, app)
    assert "positive" in run(sys.executable, "-c", code["model_zoo"], cwd=tmp_path)
    assert "verdict" in run(sys.executable, "-c", code["gradio_client"], cwd=tmp_path)
    told = json.loads(run("sh", "-c", code["curl"], cwd=tmp_path))["data"][0]
    assert [word["text"] for word in told["words"]][:2] == ["not", "a"]


def test_words_keep_their_places_and_their_white_space():
    text = " One  good\n\nfilm. Two. "
    words = mood.shown(text, (), trace(text))["words"]
    assert "".join(gap + word for gap, word, *_ in words) == text.rstrip()
    assert [sentence for *_, sentence, _ in words] == [0, 0, 1, 2]
    assert [weight for _, _, weight, _, _ in words] == [3, 4, 5, 4]


def test_a_word_that_is_out_has_no_weight_and_the_others_keep_theirs():
    text = "A rather long film"
    left = mood.without(text, (1,))
    assert left.split() == ["A", "long", "film"]
    words = mood.shown(text, (1,), trace(left))["words"]
    assert [(word, weight, out) for _, word, weight, _, out in words] == [
        ("A", 1, False), ("rather", None, True), ("long", 4, False), ("film", 4, False),
    ]  # fmt: skip


def test_without_reasons_they_are_asked_for():
    text = "A film"
    bare = trace(text)
    bare = SentimentTrace(bare.answer, "positive", 2.0, [], ["a"], [], {}, bare.ran)
    assert mood.shown(text, (), bare)["pending"]
    assert not mood.shown(text, (), trace(text))["pending"]


def test_a_long_text_says_how_it_was_read_and_how_far_it_is_explained():
    text = "good film. " * 200
    told = trace(text)
    half = [(word, weight if n < 100 else 0.0) for n, (word, weight) in enumerate(told.words)]
    told = SentimentTrace(
        told.answer, "positive", 2.0, half, told.tokens, told.sentences, {}, told.ran
    )
    note = mood.shown(text, (), told)["note"]
    assert "sentence by sentence" in note
    assert "The first 100 words" in note


def test_of_a_very_long_text_the_beginning_is_shown_word_by_word():
    text = "good film. " * 2000
    told = mood.shown(text, (), trace(text))
    assert len(told["words"]) == mood.SHOWN
    assert len(told["sentences"]) == 2000
    assert "The first 3,000 words are shown" in told["note"]


def test_an_edit_is_told_in_a_sentence():
    change = sst2_minilm.Change(
        {"negative": 0.9, "positive": 0.1}, {"positive": 0.9, "negative": 0.1},
        ("dull",), ("bright",), 4.394,
    )  # fmt: skip
    told = mood.edit(change)
    assert (told["removed"], told["added"]) == (("dull",), ("bright",))
    assert told["effect"] == (
        "Positive goes from 10.0% to 90.0%, +4.4 in log-odds; negative becomes positive."
    )
    assert "负面" in mood.edit(change, CHINESE_READER)["effect"]
    none = sst2_minilm.Change(change.before, change.before, (), (), 0.0)
    assert mood.edit(none)["effect"] == mood.UNCHANGED
    assert mood.edit(None)["effect"] == mood.TOO_LONG


def asked(*out: int, turn: int = 7) -> dict[str, Any]:
    return {"out": list(out), "turn": turn}


@pytest.mark.weights
def test_taking_a_word_out_changes_the_answer_and_is_undone():
    text = "it is not funny at all"
    whole = read.read(text, None, asked(), *PAIR, ASKED)
    assert ">negative</strong>" in whole["verdict"]
    assert whole["change"] is None
    assert "why" in whole["ran"]
    without = read.read(text, None, asked(2, turn=8), *PAIR, ASKED)
    assert without["change"]["removed"] == ("not",)
    assert (whole["turn"], without["turn"]) == (7, 8)
    assert without["positive"] > whole["positive"]
    assert read.read(text, None, asked(), *PAIR, ASKED)["words"] == whole["words"]
    empty = read.read(text, None, asked(*range(6)), *PAIR, ASKED)
    assert 'class="hint"' in empty["verdict"]
    assert len(empty["words"]) == 6


@pytest.mark.weights
def test_a_kept_text_is_compared_with_its_edit():
    told = read.read("a fine film", "a dull film", asked(), *PAIR, ASKED)["change"]
    assert (told["removed"], told["added"]) == (("dull",), ("fine",))
    assert "Positive goes from" in told["effect"]


@pytest.mark.weights
def test_a_long_text_is_answered_first_and_explained_when_asked():
    quick = read.read(read.LONG, None, asked(), *PAIR, ASKED)
    assert quick["pending"]
    full = read.explain(read.LONG, None, asked(), *PAIR, ASKED)
    assert not full["pending"]
    assert len(full["sentences"]) > 10
    assert full["positive"] == pytest.approx(quick["positive"], abs=1e-4)


def test_a_newer_question_stops_the_older_one_and_nothing_is_left_of_both():
    asking = partial(leaving.newest_of, "read", ASKED)
    with asking(1) as older, asking(2) as newer:
        assert older.is_set()
        with pytest.raises(Stopped), asking(1):
            pass
        assert not leaving.is_newest(older)
        assert leaving.is_newest(newer)
        assert not newer.is_set()
        read.stop_older(asked(turn=1), ASKED)
        assert not newer.is_set()
        read.stop_older(asked(turn=2), ASKED)
        assert newer.is_set()
    assert not leaving.is_newest(newer)


def test_an_answer_that_is_stopped_is_not_shown(monkeypatch):
    def slow(*given: Any) -> dict:
        read.stop_older(asked(), ASKED)  # another letter was typed meanwhile
        next(stop for stop in given if isinstance(stop, Stop)).check()
        raise AssertionError("it goes on")

    monkeypatch.setattr(read, "_shown", slow)
    assert read.explain("text", None, asked(), *PAIR, ASKED) == gr.skip()


@pytest.mark.parametrize(
    "sent",
    [None, {}, {"turn": "x", "out": ["y", None]}, {"out": None}, {"out": 5}, [1], "x", 5],
)
def test_a_question_without_its_number_is_answered(monkeypatch, sent):
    monkeypatch.setattr(read, "_shown", lambda text, out, *_: {"out": list(out)})
    assert read.read("text", None, sent, *PAIR, ASKED) == {"out": [], "turn": 0}


# ---- lists ---------------------------------------------------------------------------------------


def table(tmp_path: Path, data: str | bytes) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    ("data", "column", "count"),
    [
        ("id,review\n1,good\n2,bad\n", "review", 2),
        ("id;Kommentar;n\n1;good, really;3\n", "Kommentar", 1),
        ("id\tText\n1\tgood\n", "Text", 1),
        ("review\nGreat film, loved it\n\"a \"\"fine\"\" one\"\n", "review", 2),
        ("id,user review\n1,good\n", "user review", 1),
        ("review_id,opinion\n1,It is good\n2,It is bad\n", "opinion", 2),
        ("review date,date of review,reviewText\n1,2,good\n", "reviewText", 1),
        ("review_id,review_title,review_body\n1,Fine,A fine film\n", "review_body", 1),
        ("\ufeffid,text\n1,café\n", "text", 1),
        ("id,text\n1,\"two\nlines\"\n\n3,x\n", "text", 2),
        ("id,评论\n1,good\n", "评论", 1),
        ("a,b\n1,the longer column has the texts\n", "b", 1),
    ],
)  # fmt: skip
def test_the_column_with_the_texts_is_found(tmp_path, data, column, count):
    found = tables.open_table(table(tmp_path, data))
    assert found.columns[found.column] == column
    assert found.count == count == len(list(found.rows()))
    assert found.notes == ()


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_other_encodings_are_read(tmp_path, encoding):
    found = tables.open_table(table(tmp_path, "id,text\n1,café “nice”\n".encode(encoding)))
    assert list(found.rows()) == [(["1", "café “nice”"], "")]
    assert any("Windows-1252" in note for note in found.notes) == (encoding == "cp1252")


def test_a_list_without_names_gets_numbers(tmp_path):
    found = tables.open_table(table(tmp_path, f'"{"a long text of its own, " * 4}",5\n"short",1\n'))
    assert found.columns == ("column 1", "column 2")
    assert found.count == 2
    assert "numbered" in found.notes[0]


BAD: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "file is empty"),
    "blank": ("\n\n", "file is empty"),
    "names only": ("a,text\n", "one line only"),
    "unquoted comma": ("a,text\n1,good, really\n", "Line 2 has 3 cells"),
    "workbook": (b"PK\x03\x04 and more", "workbook"),
    "picture": (b"\x89PNG\r\n\0\0", "not a text file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_list_is_answered_in_a_sentence(tmp_path, name):
    data, says = BAD[name]
    path = table(tmp_path, data)
    with pytest.raises(ValueError, match=says) as caught:
        tables.open_table(path)
    is_a_sentence(str(caught.value), says)
    about, *_ = listing.look(str(path), ASKED)
    assert 'class="trouble"' in about


def test_a_huge_list_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "MOST_BYTES", 1_000_000)
    with pytest.raises(ValueError, match="larger than 1 MB"):
        tables.open_table(table(tmp_path, "a,text\n" + "1,x\n" * 300_000))


def test_a_column_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    found = tables.open_table(table(tmp_path, "id,text\n1,good\n"))
    with pytest.raises(ValueError, match=r"no column 'review': choose one of id, text\."):
        found.index("review")


class Toy:
    """Answers without a network."""

    session = SimpleNamespace(ran="nothing at all")

    def classify_many(self, given: Iterator[str], stop: Stop) -> Iterator[Judged]:
        for text in given:
            hint = "The network cannot read it." if text == "?" else ""
            yield Judged({"positive": 0.9, "negative": 0.1}, hint) if text else Judged({}, "Empty.")


def cells(given: Sequence[str]) -> Iterator[dict[str, str]]:
    return sentiment.task.cells(Toy(), given)  # type: ignore[arg-type]


def test_rows_that_cannot_be_read_say_why_and_the_rest_is_answered():
    fine, nothing, odd = cells(["fine", "", "?"])
    right = {"answer": "positive", "probability": "0.9000", "verdict": "positive", "hint": ""}
    assert fine == right
    assert nothing == {"answer": "", "probability": "", "verdict": "Empty.", "hint": ""}
    assert odd == right | {"hint": "The network cannot read it."}


def test_names_that_are_taken_get_a_number(tmp_path):
    found = tables.open_table(table(tmp_path, "answer,text\n1,good\n"))
    out = io.StringIO()
    writer = tables.Writer(found, out)
    for row, more in tables.answered(found, found.column, cells):
        writer.add(row, more)
    assert out.getvalue().splitlines()[0] == "answer,text,answer 2,probability,verdict,hint"


def peak(tmp_path: Path, rows: int) -> int:
    """Bytes of Python's memory that a list of so many rows takes at most."""
    path = table(tmp_path, "id,review\n" + "".join(f"{n},{'word ' * 40}\n" for n in range(rows)))
    with (tmp_path / "out.csv").open("w") as out:
        tracemalloc.start()
        found = tables.open_table(path)
        writer = tables.Writer(found, out)
        for row, more in tables.answered(found, found.column, cells):
            writer.add(row, more)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert sum(1 for _ in (tmp_path / "out.csv").open()) == rows + 1
    return most


def test_ten_thousand_rows_take_no_more_memory_than_one_thousand(tmp_path):
    peak(tmp_path, 100)  # what is imported and compiled at the first time counts for neither
    assert peak(tmp_path, 10_000) < peak(tmp_path, 1_000) + 500_000  # they are two megabytes


def read_all(path: Path, column: str = "") -> Iterator[tuple[Any, ...]]:
    return listing.read_all(str(path), column, *PAIR, ASKED)


@pytest.mark.load
@pytest.mark.weights
def test_ten_thousand_rows_come_with_progress_and_in_their_order(tmp_path):
    lines = [f"{n},{'good' if n % 2 else 'a dull mess'}" for n in range(10_000)]
    path = table(tmp_path, "id,review\n" + "\n".join(lines) + "\n")
    shown = list(read_all(path))
    assert sum("<progress" in about for about, *_ in shown) >= 10
    about, first, download, *_ = shown[-1]
    assert "Done: 10,000 of 10,000 rows" in about
    assert len(first.value["data"]) == listing.FIRST
    with Path(download.value["path"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == list(range(10_000))
    assert [row["answer"] for row in rows[:4]] == ["negative", "positive"] * 2


@pytest.mark.weights
def test_a_list_that_is_stopped_keeps_what_was_read(tmp_path):
    path = table(tmp_path, "review\n" + "a fine film\n" * 5_000)
    reading = read_all(path)
    for about, *_ in reading:
        if "<progress" in about:
            listing.stop_reading(ASKED)
    assert "Stopped:" in about
    assert "of 5,000 rows" in about


@pytest.mark.weights
def test_another_file_ends_the_reading_of_the_first(tmp_path):
    path = table(tmp_path, "review\n" + "a fine film\n" * 5_000)
    for about, *_ in read_all(path):
        if "<progress" in about:
            listing.look(str(listing.EXAMPLE), ASKED)
    assert "Stopped:" not in about
    assert "Done:" not in about


def test_no_file_is_said():
    about, *_ = next(listing.read_all(None, None, *PAIR, ASKED))
    assert "Choose a file first." in about


@pytest.mark.weights
def test_the_command_line_reads_a_list(tmp_path):
    path = listing.EXAMPLE
    told = run(sys.executable, "-m", "model_zoo", "run", "sst2-minilm", str(path))
    rows = list(csv.DictReader(io.StringIO(told)))
    assert len(rows) == tables.open_table(path).count
    assert {"review", "answer", "probability", "verdict"} <= set(rows[0])
    told = run(
        sys.executable, "-m", "model_zoo", "run", "sst2-minilm", str(path),
        "--column", "title", "--json",
    )  # fmt: skip
    assert json.loads(told.splitlines()[0])["title"]


def test_the_models_are_found_by_their_task():
    assert read.MODELS
    for name in read.MODELS:
        assert model_zoo.spec(name).task.cells is not None
