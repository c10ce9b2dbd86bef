"""Texts that are gone on with, stop texts, options and signs, on a small model of noise."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from demos.pages import write, writing
from model_zoo.errors import BadInput
from model_zoo.runtime.session import Session
from model_zoo.text.sampling import TextOptions
from model_zoo.text.signs import Signs, Step, Token
from model_zoo.text.tokens import Vocabulary, byte_alphabet
from tests.small_lm import PLACES, Small, Wide, small_gpt2

PROMPT = "a lighthouse"
GREEDY = TextOptions(max_new_tokens=40, temperature=0, repetition_penalty=1.3)
DICE = TextOptions(max_new_tokens=40, temperature=1.2, top_k=0, seed=4)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(small_gpt2(tmp_path_factory.mktemp("small")), "fp32", "cpu")


@pytest.fixture
def lm(session: Session) -> Wide:
    return Wide(session)


@pytest.fixture
def narrow(session: Session) -> Small:
    return Small(session)


def in_pieces(lm: Small, prompt: str, options: TextOptions, length: int) -> list[Token]:
    """What Continue writes, piece by piece."""
    tokens: list[Token] = []
    piece = replace(options, max_new_tokens=length)
    while len(tokens) < options.max_new_tokens:
        again = writing.waiting(tokens, options.stop)
        more = list(lm.stream(prompt, piece, after=tokens))
        if not more[again:]:
            return tokens[: len(tokens) - again] + more
        tokens = tokens[: len(tokens) - again] + more
    return tokens


@pytest.mark.parametrize("options", [GREEDY, DICE], ids=["greedy", "drawn"])
def test_t1_going_on_is_as_at_once_token_for_token(lm: Wide, options: TextOptions):
    once = list(lm.stream(PROMPT, options))
    for length in (1, 7, 20):
        assert in_pieces(lm, PROMPT, options, length)[: len(once)] == once


def test_t1_a_text_that_slides_is_as_at_once_in_pieces_too(narrow: Small):
    options = replace(DICE, max_new_tokens=2 * PLACES)
    once = [token.id for token in narrow.stream(PROMPT, options)]
    pieces = [token.id for token in in_pieces(narrow, PROMPT, options, 25)]
    assert len(once) > PLACES
    assert pieces[: len(once)] == once


def test_t1_what_the_answer_began_with_counts_as_written(lm: Wide):
    began = lm.prompt(PROMPT, replace(GREEDY, answer=" stands"))
    assert began.seen == set(lm.vocabulary.encode(" stands"))


def test_t1_a_text_that_was_left_within_a_sign_ends_it(lm: Wide):
    signs = Signs(lm.vocabulary)
    half = signs.add(Step(lm.vocabulary.encode("é")[0], 0.5, ()))
    assert lm.prompt(PROMPT, GREEDY, [half]).written == (half,)
    cut = replace(signs.add(Step(lm.vocabulary.encode("é")[1], 0.5, ())), text="x")
    assert lm.prompt(PROMPT, GREEDY, [half, cut]).written == ()


def test_t13_a_stop_text_across_the_seam_is_found(lm: Wide):
    whole = "".join(token.text for token in lm.stream(PROMPT, GREEDY))
    for place in range(3, 20):
        options = replace(GREEDY, stop=(whole[place : place + 4],))
        once = "".join(token.text for token in lm.stream(PROMPT, options))
        for length in (1, 2, 3, 5):
            pieces = in_pieces(lm, PROMPT, options, length)
            assert "".join(token.text for token in pieces) == once


def test_13_a_stop_text_is_taken_as_it_stands(lm: Wide, monkeypatch: pytest.MonkeyPatch):
    seen: list[TextOptions] = []
    monkeypatch.setattr(write.model_zoo, "load", lambda name, **_: lm)
    monkeypatch.setattr(lm, "stream", lambda prompt, options, **_: seen.append(options) or iter(()))
    for stop in ("\n", "\n\n", "\n2.", "Red\nG", ["Paris", "a, b"], "", None):
        list(write.generate_text("Hello", stop=stop))
    assert [options.stop for options in seen] == [
        ("\n",), ("\n\n",), ("\n2.",), ("Red\nG",), ("Paris", "a, b"), (), (),
    ]  # fmt: skip


def test_t3_values_are_taken_for_what_they_plainly_are():
    options = TextOptions(chat="false", temperature="0.5", top_k=40.0, stop=["Paris"])  # type: ignore[arg-type]
    assert options == TextOptions(chat=False, temperature=0.5, top_k=40, stop=("Paris",))
    for said, meant in (("0", False), (0, False), ("No", False), ("true", True), (1, True)):
        assert TextOptions(chat=said).chat is meant  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", [["a", "b"], [{"role": "user", "content": "Hi"}], 3, {}])
def test_t3_a_prompt_that_is_no_text_is_refused(lm: Wide, prompt: object):
    with pytest.raises(BadInput, match="A prompt is a text, not"):
        lm.trace(prompt, GREEDY)  # type: ignore[arg-type]


def test_t4_beams_say_that_a_text_is_too_long_and_go_on(narrow: Small):
    options = replace(GREEDY, beams=2, max_new_tokens=30)
    trace = narrow.trace("x" * (PLACES - 8), options)
    assert f"{PLACES} tokens" in trace.hint
    assert len(trace.tokens) > 8
    assert narrow.trace("x", replace(options, max_new_tokens=8)).hint == ""


class Endings(Wide):
    """It knows words that begin with "hou"."""

    @property
    def vocabulary(self) -> Vocabulary:
        names = [*byte_alphabet(), "<|endoftext|>", *(f"hou{i}" for i in range(63))]
        tokens = {name: token for token, name in enumerate(names)}
        return Vocabulary(tokens, [], frozenset({256}), 256, False)


@pytest.mark.parametrize("options", [DICE, replace(GREEDY, beams=2)], ids=["drawn", "beams"])
def test_t15_a_text_whose_last_word_is_open_is_not_called_too_long(
    session: Session, options: TextOptions
):
    trace = Endings(session).trace("a hou", replace(options, max_new_tokens=4))
    assert trace.tokens[0].again  # the word was ended
    assert trace.hint == ""


@pytest.mark.parametrize("beams", [1, 2])
def test_t1_a_text_that_became_too_long_says_so_where_it_is_gone_on_with(narrow: Small, beams: int):
    before = list(narrow.stream("x", replace(DICE, max_new_tokens=PLACES)))
    options = replace(DICE, beams=beams, max_new_tokens=4)
    assert f"{PLACES} tokens" in next(narrow.stream("x", options, after=before)).hint
    assert next(narrow.stream("x", options, after=before[: PLACES // 2])).hint == ""


def test_t7_a_large_prompt_is_refused_before_it_is_cut_into_tokens(
    lm: Wide, monkeypatch: pytest.MonkeyPatch
):
    class Untouched:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"{name} was asked for")

    monkeypatch.setattr(Small, "vocabulary", Untouched())
    for ask in (lm.trace, lm.score):
        with pytest.raises(BadInput, match="20,000,000 characters"):
            ask("x" * 20_000_000)


def test_t2_a_sign_of_several_tokens_has_the_product_of_their_probabilities(lm: Wide):
    signs, shares = Signs(lm.vocabulary), (0.5, 0.25, 0.5, 0.125)
    others = tuple((token, 0.1) for token in lm.vocabulary.encode("xy"))
    grin = lm.vocabulary.encode("😀")
    tokens = [
        signs.add(Step(token, share, others)) for token, share in zip(grin, shares, strict=True)
    ]
    assert [token.text for token in tokens] == ["", "", "", "😀"]
    assert tokens[-1].probability == math.prod(shares)
    assert dict(tokens[-1].alternatives) == {"x": 0.1, "y": 0.1}


def test_t2_alternatives_that_end_a_sign_are_whole_signs(lm: Wide):
    signs = Signs(lm.vocabulary)
    first, last = lm.vocabulary.encode("é")  # two bytes
    [_, other] = lm.vocabulary.encode("è")
    signs.add(Step(first, 0.5, ((lm.vocabulary.encode("z")[0], 0.4), (first, 0.5))))
    token = signs.add(Step(last, 0.5, ((last, 0.5), (other, 0.25), (first, 0.2))))
    assert token.alternatives == (("z", 0.4), ("é", 0.25), ("è", 0.125))


def test_t2_no_alternative_is_a_part_of_a_sign(lm: Wide):
    tokens = list(lm.stream("日本 😀", replace(DICE, temperature=2, max_new_tokens=60)))
    assert tokens
    assert all("\ufffd" not in text for token in tokens for text, _ in token.alternatives)


def test_t14_no_seed_and_minus_one_are_another_each_time(lm: Wide):
    for seed in (None, "", -1, -1.0, "-1"):
        texts = {lm.trace(PROMPT, replace(DICE, seed=seed)).answer for _ in range(4)}  # type: ignore[arg-type]
        assert len(texts) > 1
    drawn = TextOptions(seed=None)
    assert drawn.seed is not None  # it can be said, and asked for again
    again = {lm.trace(PROMPT, replace(DICE, seed=drawn.seed)).answer for _ in range(2)}
    assert len(again) == 1


@pytest.mark.parametrize("prompt", ["\ud83d", "a\ud83d b", "\udc00 alone"])
def test_8_half_a_surrogate_pair_is_read_as_the_replacement_character(lm: Wide, prompt: str):
    tokens = lm.prompt(prompt + "x", GREEDY).tokens
    assert tokens == tuple(lm.vocabulary.encode(prompt + "x"))
    assert "\ufffd" in lm.vocabulary.decode(tokens)
    assert lm.score(prompt + "x").perplexity > 1


def test_13_a_long_stop_text_takes_no_time(lm: Wide):
    began = time.process_time()
    stop = "never " * 50_000
    assert len(list(lm("Once", max_new_tokens=8, stop=stop, top_k=1))) == 8
    assert time.process_time() - began < 5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("temperature", [1e-7, 1e-40, 5e-324])
def test_a_temperature_just_above_0_takes_the_likeliest_token(lm: Wide, temperature: float):
    likeliest = lm.trace(PROMPT, replace(DICE, temperature=0)).answer
    assert lm.trace(PROMPT, replace(DICE, temperature=temperature)).answer == likeliest


ODD = (
    "👩‍👩‍👧‍👦",
    "🇩🇪 👍🏽",
    "e\u0301a\u0301",
    "one\r\ntwo\r\n",
    "\ufeffhi",
    "a\0b",
    "\u202eab",
    "🏳️‍🌈\t ",
)


@pytest.mark.parametrize("text", ODD)
def test_t2_signs_that_are_cut_between_pieces_are_as_at_once(lm: Wide, text: str):
    steps = [Step(token, 0.5, ()) for token in lm.vocabulary.encode(text)]
    signs = Signs(lm.vocabulary)
    once = [signs.add(step) for step in steps]
    assert "".join(token.text for token in once) == text
    for cut in range(len(steps)):
        onward = Signs(lm.vocabulary, once[:cut])
        assert [onward.add(step) for step in steps[cut:]] == once[cut:]
    options = replace(DICE, max_new_tokens=12)
    written = list(lm.stream(text, options))
    assert in_pieces(lm, text, options, 5)[: len(written)] == written
