"""The committed graphs are as good as their cards say: scribbles, photographs, sentences."""

from __future__ import annotations

import pytest

from export.recipes import data, drawings, find
from export.recipes.sst2 import sst2
from model_zoo import zoo
from model_zoo.runtime.sessions import open_session
from tests.test_accuracy import (
    FOLDER,
    NOT_A_DIGIT,
    ROUNDING,
    answers,
    both_precisions,
    needs_data,
)

pytestmark = pytest.mark.export


@both_precisions
def test_kinds_of_scribbles_and_letters_never_trained_on_are_rejected(precision):
    images = drawings.negatives(400, seed=8, unseen=True)
    assert (answers("mnist-cnn", precision, images) == NOT_A_DIGIT).mean() >= 0.85


@needs_data
@both_precisions
@pytest.mark.parametrize(
    ("metric", "part", "step", "slack"),
    # A fifth of the 9,000 recompressed pictures is enough, give or take two standard errors.
    [("accuracy", "validation", 1, 0.0), ("accuracy, JPEG", "test jpeg", 5, 0.015)],
)
def test_photographs_are_told_apart_as_the_card_says(precision, metric, part, step, slack):
    pictures = data.cifar10(FOLDER)[part]
    found = answers("cifar10-resnet", precision, pictures.images[::step])
    share = (found == pictures.labels[::step]).mean()
    card = zoo.spec("cifar10-resnet").metric(metric, precision)
    assert share == pytest.approx(card, abs=ROUNDING + slack)


@needs_data
@pytest.mark.weights
@both_precisions
def test_sentences_never_seen_are_understood_as_the_card_says(precision):
    part = sst2(FOLDER)["validation"]
    session = open_session(zoo.spec("sst2-minilm"), precision, "cpu")
    right = find("sst2-minilm").logits(session, part).argmax(1) == part.labels
    card = zoo.spec("sst2-minilm").metric("accuracy", precision)
    assert right.mean() == pytest.approx(card, abs=ROUNDING)
    assert right.mean() > 0.905
