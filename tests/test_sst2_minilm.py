"""Sentiment: arithmetic and manners on a toy network, meaning and speed of the real one."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import model_zoo
from model_zoo import zoo
from model_zoo.errors import BadInput, WeightsNotFound
from model_zoo.stopping import Stop, Stopped
from model_zoo.text import sst2_minilm, texts
from model_zoo.text.sentiment.batches import BATCH_TOKENS
from model_zoo.text.sentiment.pieces import LENGTH
from model_zoo.text.sentiment.task import SURE, UNSURE, verdict
from model_zoo.text.sst2_minilm import Sst2Minilm, pieces
from model_zoo.trace import Ran
from model_zoo.weights import store

ROOT = Path(__file__).parent.parent
VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "film": 4, ",": 5, ".": 6, "great": 7}
SCORES = {2: 1.0, 3: -2.0, 7: 1.5, 1: 0.25}  # of the toy network, by token


class Toy:
    """A network whose log-odds are the sum of its tokens' scores; it keeps what it was given."""

    ran = Ran("cpu", "fp32")

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, tokens: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
        self.shapes.append(tokens.shape)
        assert ((tokens > 0) == (mask == 1)).all()
        odds = np.array([sum(SCORES.get(int(t), 0.0) for t in row) for row in tokens], np.float32)
        return [np.stack([np.zeros_like(odds), odds], axis=1)]


@pytest.fixture
def toy(monkeypatch) -> tuple[Sst2Minilm, Toy]:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    network = Toy()
    monkeypatch.setattr(sst2_minilm, "tokenizer", lambda _=None: tokenizer)
    monkeypatch.setattr(Sst2Minilm, "session", property(lambda self: network))
    return Sst2Minilm(zoo.spec("sst2-minilm"), "fp32", "cpu"), network


def test_a_word_weighs_what_the_text_loses_without_it(toy):
    trace = toy[0].trace("good, good bad film")
    assert trace.words == [("good,", 1.0), ("good", 1.0), ("bad", -2.0), ("film", 0.0)]
    assert trace.log_odds == pytest.approx(0)
    assert trace.tokens == ["good", ",", "good", "bad", "film"]
    assert set(trace.timings) == {"preprocess", "model", "why", "postprocess"}


def test_all_words_are_left_out_in_one_run(toy):
    toy[0].trace("good bad film good bad film good bad film")
    assert toy[1].shapes == [(1, 16), (11, 16)]  # the text; the text, nine without a word, sentence


def test_answers_are_ordered_and_sum_to_one(toy):
    answer = toy[0]("bad film")
    assert list(answer) == ["negative", "positive"]
    assert sum(answer.values()) == pytest.approx(1)
    assert answer["positive"] == pytest.approx(1 / (1 + np.exp(2)))


def test_a_list_is_answered_in_its_order_and_as_one_by_one(toy):
    model, network = toy
    given = ["good " * n for n in (7, 1, 30, 2, 0, 12)] + ["bad"] * 300
    found = list(model.classify_many(given))
    assert found == [model(text) for text in given]
    assert found[4] == {}
    assert max(rows * length for rows, length in network.shapes) <= BATCH_TOKENS


def test_a_list_is_read_as_it_comes(toy):
    def endless():
        while True:
            yield "good"

    assert next(toy[0].classify_many(endless()))["positive"] > 0.5


def test_a_long_text_is_read_by_sentence_and_counts_by_length(toy):
    text = "good film. " * 90 + "bad bad bad bad bad."
    assert len(pieces(text)) == 91
    trace = toy[0].trace(text)
    assert len(trace.sentences) == 91
    assert trace.log_odds == pytest.approx((90 * 3 * 1.0 + 6 * -10.0) / (90 * 3 + 6))
    assert sum(weight for _, weight in trace.words) == pytest.approx(trace.log_odds)


def test_a_long_sentence_is_cut_and_very_long_ones_are_explained_as_far_as_time_allows(toy):
    text = "good " * 20_000
    assert max(len(piece.row()) for piece in pieces(text)) <= LENGTH
    words = toy[0].trace(text).words
    assert len(words) == 20_000
    assert words[0][1] > 0
    assert words[-1][1] == 0


def test_an_edit_says_what_went_what_came_and_what_it_did(toy):
    change = toy[0].change("a good film", "a bad film")
    assert (change.removed, change.added) == (("good",), ("bad",))
    assert change.log_odds == pytest.approx(-3)
    assert change.before["positive"] > change.after["positive"]


def test_a_reading_stops_at_the_next_batch_and_says_how_far_it_is(toy):
    model, network = toy
    stop, shares = Stop(), []

    def halfway(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            stop.set()

    with pytest.raises(Stopped):
        model.trace("good film. " * 400, True, stop, halfway)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.5 < shares[-1] < 1
    read = len(network.shapes)
    for call in (lambda: list(model.classify_many(["good"], stop)),
                 lambda: model.trace("good", True, stop),
                 lambda: model.change("good", "bad", stop)):  # fmt: skip
        with pytest.raises(Stopped):
            call()
    assert len(network.shapes) == read


@pytest.mark.parametrize("text", ["", "  \n", "😀 😀", "..."])
def test_nothing_to_read_is_a_hint_and_no_answer(toy, text):
    trace = toy[0].trace(text)
    assert trace.answer == {}
    assert trace.hint.endswith("write a sentence.")
    assert toy[0](text) == {}
    assert toy[0].change(text, "good").log_odds == pytest.approx(1.0)


def test_another_language_is_answered_with_a_warning(toy, monkeypatch):
    monkeypatch.setattr(texts, "foreign", lambda text: True)
    trace = toy[0].trace("good film")
    assert trace.answer
    assert "English" in trace.hint
    assert "English" in toy[0]("good film").hint


@pytest.mark.parametrize("text", ["x" * 1_000_000, "good\0film", ["good", "bad"], 7, b"good"])
def test_what_cannot_be_read_is_refused_in_a_sentence(toy, text):
    for call in (toy[0], toy[0].trace, lambda t: toy[0].change("good", t)):
        with pytest.raises(BadInput, match="give"):
            call(text)


def test_what_the_network_does_not_know_is_named_and_left_out(toy):
    trace = toy[0].trace("good film 😡 great zzz")
    assert trace.hint == "The network cannot read “😡”, “zzz”: the answer is about the rest."
    assert trace.tokens == ["good", "film", "great"]
    assert dict(trace.words)["zzz"] == 0
    assert toy[0]("good film 😡 great zzz") == toy[0]("good film great")


def test_most_words_unknown_is_no_answer(toy):
    assert toy[0]("yyy good zzz") == {}
    assert "unknown to the network" in toy[0].trace("yyy good zzz").hint


def test_the_verdict_owns_up_to_doubt():
    assert verdict({"positive": SURE + 0.01, "negative": 0.99 - SURE}) == "positive"
    assert verdict({"negative": SURE - 0.01, "positive": 1.01 - SURE}) == UNSURE
    assert verdict({}) == ""


def test_a_missing_adapter_says_how_to_get_it_back(monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules["model_zoo.spec"], "WEIGHTS", tmp_path)
    with pytest.raises(WeightsNotFound, match="export train sst2-minilm"):
        store.graph_file(zoo.spec("sst2-minilm"), "fp32")


def test_another_adapter_makes_another_graph(monkeypatch, tmp_path):
    spec = zoo.spec("sst2-minilm")
    found = []
    for content in (b"one", b"two"):
        (tmp_path / spec.weights.adapter).write_bytes(content)
        monkeypatch.setattr(sys.modules["model_zoo.spec"], "WEIGHTS", tmp_path)
        store._fingerprint.cache_clear()
        found.append(store._fingerprint(spec))
    store._fingerprint.cache_clear()
    assert found[0] != found[1]


def test_the_adapter_is_small():
    assert zoo.spec("sst2-minilm").adapter_file.stat().st_size <= 3_000_000


PLAIN = (
    ("a charming and often affecting journey", "positive"),
    ("unflinchingly bleak and desperate", "negative"),
    ("one of the best films of the year", "positive"),
    ("a dull , lifeless and irritating mess", "negative"),
    ("it is not funny at all", "negative"),
    ("you will not regret a minute of it", "positive"),
)


@pytest.mark.weights
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize(("text", "label"), PLAIN)
def test_plain_words_are_understood(precision, text, label):
    answer = model_zoo.load("sst2-minilm", precision, "cpu")(text)
    assert max(answer, key=answer.get) == label


@pytest.mark.weights
@pytest.mark.parametrize(("text", "label"), PLAIN[:2])
def test_the_command_line_is_sure_of_the_plainest(text, label):
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "run", "sst2-minilm", text, "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["answer"][label] > 0.9


@pytest.mark.weights
def test_the_words_that_speak_are_found():
    model = model_zoo.load("sst2-minilm", "fp32", "cpu")
    words = dict(model.trace("the acting is wonderful and the rest is tedious").words)
    assert max(words, key=words.get) == "wonderful"
    assert min(words, key=words.get) == "tedious"


@pytest.mark.weights
def test_a_list_is_answered_as_one_by_one():
    model = model_zoo.load("sst2-minilm", "fp32", "cpu")
    given = [text for text, _ in PLAIN] * 3
    for alone, listed in zip(map(model, given), model.classify_many(given), strict=True):
        assert alone["positive"] == pytest.approx(listed["positive"], abs=1e-4)


@pytest.mark.load
@pytest.mark.weights
def test_thousands_of_reviews_do_not_take_minutes():
    """A bound for any machine; `bench --peers` has the figures of this one."""
    model = model_zoo.load("sst2-minilm")
    start = time.perf_counter()
    assert len(list(model.classify_many(f"a film of {n} good parts" for n in range(2000)))) == 2000
    assert time.perf_counter() - start < 60
