"""Texts that end within a word or in a space, and short texts that are judged, with SmolLM2."""

from __future__ import annotations

from dataclasses import replace

import pytest

import model_zoo
from model_zoo.runtime import sessions
from model_zoo.runtime.session import Session
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.text import model as text_model
from model_zoo.text.model import LanguageModel
from model_zoo.text.sampling import TextOptions

pytestmark = pytest.mark.weights
GREEDY = TextOptions(max_new_tokens=8, temperature=0)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return model_zoo.load("smollm2-135m", "int8", "cpu")


@pytest.mark.parametrize(
    ("prompt", "goes_on"),
    [
        ("The capital of France is", " Paris"),
        ("The capital of France is ", "Paris"),
        ("The capital of Fran", "ce"),
        ("New Yor", "k"),
        ("I live in New York Ci", "ty"),
        ("She was sev", "erely"),
        ("The cat sat on the ma", "t"),
        ("def f(x):\n    ", "return"),
        ("Once upon a time", ", "),
    ],
)
def test_t15_s6_the_end_of_a_text_goes_on_as_if_written_at_once(
    lm: LanguageModel, prompt: str, goes_on: str
):
    assert lm.trace(prompt, GREEDY).answer.startswith(goes_on)
    assert lm.trace(prompt, replace(GREEDY, beams=2)).answer


def test_t15_a_word_that_was_ended_is_gone_on_with_as_at_once(lm: LanguageModel):
    options = replace(GREEDY, max_new_tokens=24, temperature=0.8, seed=3)
    once = list(lm.stream("The capital of Fran", options))
    tokens = list(lm.stream("The capital of Fran", replace(options, max_new_tokens=9)))
    more = lm.stream("The capital of Fran", replace(options, max_new_tokens=15), after=tokens)
    assert [*tokens, *more] == once
    assert once[0].again == " Fran"


def test_t1_ten_fruits_in_pieces_are_those_at_once(lm: LanguageModel):
    options = replace(GREEDY, chat=True, max_new_tokens=60)
    once = list(lm.stream("List ten fruits.", options))
    tokens = []
    for _ in range(4):
        piece = replace(options, max_new_tokens=15)
        tokens += lm.stream("List ten fruits.", piece, after=tokens)
    assert tokens == once


def test_t13_behind_a_stop_text_that_cut_a_token_the_text_goes_on(lm: LanguageModel):
    tokens = list(lm.stream("The capital of France is", replace(GREEDY, stop=("ari",))))
    assert "".join(token.text for token in tokens) == " P"
    more = lm.stream("The capital of France is", GREEDY, after=tokens)
    assert "".join(token.text for token in more).startswith("aris")


def test_t2_an_emoji_has_the_probability_of_all_its_tokens(lm: LanguageModel):
    tokens = lm.score("I like 🧑 a lot").tokens
    person = next(token for token in tokens if "🧑" in token.text)
    assert person.text == " 🧑"
    assert person.probability < 1e-4
    assert all("\ufffd" not in text for text, _ in person.alternatives)


@pytest.mark.parametrize("text", ["Hello", " the", "Paris", "def", "1"])
def test_the_perplexity_of_one_token_is_that_of_fp32(lm: LanguageModel, text: str):
    exact = model_zoo.load("smollm2-135m", "fp32", "cpu").score(text)
    score = lm.score(text)
    assert score.perplexity == pytest.approx(exact.perplexity, rel=0.05)
    assert score.ran.precision == "fp32"  # and it says so
    assert lm.score("A longer text is judged in the precision that was asked for. " * 2).ran == (
        lm.ran
    )


def test_a_short_text_is_judged_in_one_open_graph(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
):
    opened: list[tuple[str, ...]] = []

    def opening(spec: ModelSpec, *pair: str) -> Session:
        opened.append(pair)
        return open_session(spec, *pair)

    for module in (sessions, text_model):
        monkeypatch.setattr(module, "open_session", opening)
    lm.score("Hello")
    assert opened == [("fp32", "cpu")]
