"""The committed graphs are as good as their cards say, on fixed slices of what each is for.

Drawings are made here from a seed. The data themselves are not ours to ship: their slices are
measured where SENSORIUM_DATA, or a folder `shared/data` beside the checkout, has them. What needs
matplotlib or torch, or takes long, is in tests/export.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from export.recipes import data, drawings
from model_zoo import zoo
from model_zoo.runtime.sessions import open_session
from model_zoo.vision.classify import as_batch

FOLDER = Path(os.environ.get("SENSORIUM_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder with the data")
both_precisions = pytest.mark.parametrize("precision", ["fp32", "int8"])
NOT_A_DIGIT = 10
ROUNDING = 0.002  # int8 saturates a little otherwise on processors without VNNI


def answers(name: str, precision: str, images: np.ndarray) -> np.ndarray:
    """The best class (n,) of uint8 pictures as the network takes them."""
    session = open_session(zoo.spec(name), precision, "cpu")
    starts = range(0, len(images), 200)
    return np.concatenate(
        [session(image=as_batch(images[i : i + 200]))[0].argmax(1) for i in starts]
    )


@both_precisions
def test_digits_drawn_in_styles_never_trained_on_are_read(precision):
    images, labels = drawings.digits(400, seed=7, styles=drawings.UNSEEN_STYLES)
    assert (answers("mnist-cnn", precision, images) == labels).mean() >= 0.97


@needs_data
@both_precisions
def test_mnist_is_read_as_the_card_says_and_hardly_a_digit_is_rejected(precision):
    part = data.mnist(FOLDER)["test"]
    found = answers("mnist-cnn", precision, part.images)
    card = zoo.spec("mnist-cnn").metric("accuracy", precision)
    assert (found == part.labels).mean() == pytest.approx(card, abs=ROUNDING)
    assert (found == NOT_A_DIGIT).mean() <= 0.002
