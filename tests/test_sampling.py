"""Which token comes next: bounds, filters, shares, seeds."""

import numpy as np
import pytest

from model_zoo.cli.options import parse
from model_zoo.errors import BadInput
from model_zoo.text.sampling import Sampler, TextOptions, largest, penalise, probabilities
from model_zoo.zoo import spec

LOGITS = np.log(np.array([0.5, 0.3, 0.15, 0.04, 0.01], np.float32))


def drawn(draws: int = 4000, **chosen: object) -> np.ndarray:
    """How often each token was taken, as shares."""
    chosen = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0} | chosen
    choose = Sampler(TextOptions(**chosen))
    taken = [choose(LOGITS, ()) for _ in range(draws)]
    return np.bincount(taken, minlength=len(LOGITS)) / draws


def test_tokens_are_taken_as_often_as_the_model_says():
    assert drawn() == pytest.approx(np.exp(LOGITS), abs=0.03)


def test_temperature_sharpens_and_flattens():
    assert drawn(temperature=0.5)[0] == pytest.approx(0.25 / 0.3642, abs=0.03)
    assert drawn(temperature=5)[4] > 0.1
    assert drawn(temperature=0)[0] == 1


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({"top_k": 2}, 2),
        ({"top_k": 1}, 1),
        ({"top_p": 0.75}, 2),
        ({"top_p": 0.81}, 3),
        ({"top_p": 0.0}, 1),
        ({"min_p": 0.5}, 2),
        ({"min_p": 1.0}, 1),
    ],
)
def test_filters_leave_the_likeliest(chosen, left):
    shares = drawn(**chosen)
    assert np.flatnonzero(shares).tolist() == list(range(left))
    expected = np.exp(LOGITS[:left]) / np.exp(LOGITS[:left]).sum()
    assert shares[:left] == pytest.approx(expected, abs=0.03)


def test_the_same_seed_takes_the_same_tokens():
    def text(seed: int) -> list[int]:
        choose = Sampler(TextOptions(temperature=1.5, seed=seed))
        return [choose(LOGITS, ()) for _ in range(50)]

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_what_is_written_becomes_less_likely_whatever_its_sign():
    logits = np.array([2.0, -2.0, 1.0], np.float32)
    assert penalise(logits, {0, 1}, 2.0).tolist() == [1.0, -4.0, 1.0]
    assert logits.tolist() == [2.0, -2.0, 1.0]


@pytest.mark.parametrize("count", [1, 5, 40, 5000])
def test_the_largest_are_found_without_sorting_all(count):
    logits = np.random.default_rng(0).normal(size=49_157).astype(np.float32).round(2)
    expected = np.argsort(-logits, kind="stable")[:count]
    assert largest(logits, count).tolist() == expected.tolist()


def test_probabilities_survive_large_logits():
    shares = probabilities(np.array([1e4, 0, -1e4], np.float32))
    assert shares.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "chosen",
    [
        {"temperature": float("nan")},
        {"temperature": -0.1},
        {"temperature": float("inf")},
        {"top_p": 1.5},
        {"top_p": float("nan")},
        {"top_k": -1},
        {"top_k": 2.5},
        {"min_p": -1.0},
        {"max_new_tokens": 0},
        {"max_new_tokens": 10**9},
        {"repetition_penalty": 0.0},
        {"seed": -2},
        {"seed": 10**400},
        {"top_k": True},
        {"temperature": None},
        {"chat": "perhaps"},
        {"chat": None},
        {"answer": 3},
        {"beams": 0},
        {"temperature": "hot"},
        {"stop": 3},
        {"stop": ["a", 3]},
        {"stop": ("",)},
        {"stop": ("x",) * 9},
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(chosen):
    with pytest.raises(BadInput) as caught:
        TextOptions(**chosen)
    assert str(caught.value).endswith(".")
    assert next(iter(chosen)) in str(caught.value)


def test_options_come_from_the_command_line():
    options = parse(spec("smollm2-135m"), ["seed=3", "temperature=0", "stop=a,b", "chat=yes"])
    assert options == TextOptions(seed=3, temperature=0, stop=("a", "b"), chat=True)
