"""Texts that people give to the sentiment model: read as they are meant, or said what is not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from itertools import count
from pathlib import Path

import pytest

import model_zoo
from model_zoo.errors import BadInput
from model_zoo.text.sentiment.task import cells
from model_zoo.text.sst2_minilm import Sst2Minilm
from tests.conftest import slow

pytestmark = pytest.mark.weights

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model() -> Sst2Minilm:
    return model_zoo.load("sst2-minilm", "fp32", "cpu")


def bold(text: str) -> str:
    """The text in mathematical bold letters, as people style posts."""
    return "".join(chr(0x1D5D4 + ord(c) - 97 + 26) if c.islower() else c for c in text)


# ---- T8: words that the tokenizer cannot know ---------------------------------------------------


@pytest.mark.parametrize(
    ("styled", "meant"),
    [
        (f"The food was {bold('terrible')} and the staff {bold('rude')}", None),
        ("ｂａｄ film", "bad film"),
        ("The\u200bfood\u200bwas\u200bterrible", "The food was terrible"),
        ("a ⓣⓔⓡⓡⓘⓑⓛⓔ film", "a terrible film"),
        ("a ter\u00adrible film", "a terrible film"),
    ],
)
def test_t8_styled_letters_are_read_as_plain_ones(model, styled, meant):
    meant = meant or "The food was terrible and the staff rude"
    assert model(styled)["positive"] == pytest.approx(model(meant)["positive"], abs=1e-5)
    assert model(styled).hint == ""


def test_t8_a_text_of_unknown_words_gets_no_verdict(model):
    trace = model.trace("terrible" * 14)
    assert trace.answer == {}
    assert "unknown to the network" in trace.hint


def test_t8_one_unknown_word_is_named_beside_the_verdict(model):
    answer = model(f"A wonderful film from {'terrible' * 14}")
    assert answer["positive"] > 0.9
    assert "cannot read “terribleterrible" in answer.hint


# ---- T9, T10: the hint about the language -------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["Terrible service, see www.example.com", "Al Pacino shines", "Las Vegas never disappoints",
     "La La Land dazzles", "Das Boot grips", "De Niro phones it in", "Schwarzenegger"],
)  # fmt: skip
def test_t9_a_name_or_an_address_is_no_other_language(model, text):
    assert model(text)
    assert model(text).hint == ""


@pytest.mark.parametrize(
    "text",
    ["Der Film ist schrecklich und langweilig", "Le service était horrible", "Okropna obsługa",
     "El hotel estaba sucio y el personal era grosero", "Il servizio era pessimo",
     "Filmen är tråkig och alldeles för lång", "Yemekler berbattı",
     "O atendimento foi péssimo", "Het eten was verschrikkelijk"],
)  # fmt: skip
def test_t9_another_language_is_answered_with_the_hint(model, text):
    assert model(text)
    assert "English" in model(text).hint


def test_t9_the_command_line_answers_with_the_hint_beside_it():
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "run", "sst2-minilm", "Der Film ist schrecklich"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "English" in done.stdout
    assert "negative" in done.stdout


def test_t10_rows_of_a_list_get_the_hint_that_a_text_gets_alone(model):
    given = [
        "Это ужасный и скучный фильм",
        "Der Film ist schrecklich und langweilig",
        "a fine film",
    ]
    rows = list(cells(model, given))
    assert [row["hint"] for row in rows] == [model(text).hint for text in given]
    assert ["English" in row["hint"] for row in rows] == [True, True, False]
    assert rows[2]["verdict"] == "positive"


# ---- T11, T16, S8, 8: characters ----------------------------------------------------------------


@pytest.mark.parametrize("quote", ["&#39;", "&#x27;", "&apos;", "&amp;#39;"])
def test_t11_entities_are_what_they_stand_for(model, quote):
    for text in ("I wouldn't miss it for the world", "There isn't a dull moment"):
        assert model(text.replace("'", quote)) == model(text)


@pytest.mark.parametrize("mark", ["[CLS]", "[PAD]", "[MASK]", "[SEP]", "[UNK]"])
def test_t16_typed_marks_are_characters(model, mark):
    tokens = model.trace(f"a {mark} film").tokens
    assert mark not in tokens
    assert tokens[:2] == ["a", "["]


def test_s8_emoji_are_said_not_to_be_read(model):
    for text in ("the service was 😡", "the service was 😍"):
        assert "cannot read “😡”".replace("😡", text[-1]) in model(text).hint
        assert model(text) == model("the service was")
    assert model("great😀") == model("great")


def test_08_half_a_character_is_read_as_a_sign_for_none(model):
    text, mended = "a truly dull film \ud83d", "a truly dull film \ufffd"
    assert model(text) == model(mended)
    assert model.trace(text).answer["negative"] > 0.9
    assert model.change("a fine film", text).log_odds < 0
    first, last = model.classify_many([text, "a fine film"])
    assert (first, last["positive"] > 0.9) == (model(mended), True)


# ---- 26: a text that was wrapped into lines -----------------------------------------------------

FLIPS = (
    "It is not a bad film, and I was never for a moment bored by what the critics have called a "
    "slow, cold and empty exercise. Nobody could say that the actors fail to hold the screen. "
    "There is hardly a scene that does not work. I went in without hope of anything but a dull "
    "evening, and left without a single complaint."
)


@pytest.mark.parametrize("width", [40, *slow(24, 30, 60, 72)])
def test_26_a_wrapped_text_is_read_as_one_that_is_not(model, width):
    long = " ".join([FLIPS] * 5)  # is read by sentence
    wrapped = textwrap.fill(long, width)
    assert wrapped.count("\n") > 10
    assert model(wrapped) == model(long)
    assert len(model.trace(wrapped).sentences) == 20
    assert model(wrapped.replace("\n", "\r\n")) == model(long)


def test_26_a_list_of_lines_stays_one():
    from model_zoo.text import texts

    for text in (
        "a dull mess\nnot worth the money at all\ngreat sound",
        "- The picture is sharp and bright\n- The sound is thin and tinny too\n- The price is fine",
        "The acting is superb all through\nBut the plot is as thin as paper",
    ):
        found = texts.plain(text)
        assert len(texts.sentences(found)) == len(text.splitlines())


# ---- E11: what a list is given ------------------------------------------------------------------


@pytest.mark.parametrize("given", ["a fine film", b"a fine film", None, 7, {"text": "a fine film"}])
def test_e11_a_single_text_for_a_list_is_refused(model, given):
    with pytest.raises(BadInput, match="takes a list"):
        model.classify_many(given)


def test_e11_a_bad_text_costs_its_own_row_and_is_said(model):
    given = ["a fine film"] * 20 + [float("nan"), None, 7, ["a"], "x" * 300_000, "a dull mess"]
    found = list(model.classify_many(given))
    assert all(answer["positive"] > 0.9 for answer in found[:20])
    assert found[20:25] == [{}] * 5
    for answer, says in zip(
        found[20:25], ("float", "no text", "int", "list", "300,000"), strict=True
    ):
        assert says in answer.hint
    assert found[25]["negative"] > 0.9


def test_e11_the_first_answers_come_before_thousands_of_texts_are_taken(model):
    taken = count()
    given = (f"a fine film, number {next(taken)}" for _ in range(4096))
    assert next(model.classify_many(given))
    assert next(taken) < 100


@pytest.mark.parametrize("given", [["a", "b"], 7, 1.5, b"a fine film", {"text": "a fine film"}])
def test_12_what_is_no_text_is_refused_in_a_sentence(model, given):
    for call in (model, model.trace):
        with pytest.raises(BadInput, match=r"A text is a string, not \w+: give one text\."):
            call(given)
