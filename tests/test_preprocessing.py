"""Preprocessing as data: the square that is seen, its size, and the numbers that the graph gets."""

import numpy as np
import pytest
from PIL import Image

from model_zoo.vision.preprocessing import Preprocessing


@pytest.mark.parametrize(
    ("size", "crop", "box"),
    [
        ((640, 480), 1.0, (80, 0, 560, 480)),
        ((480, 641), 1.0, (0, 80, 480, 560)),
        ((512, 512), 224 / 256, (32, 32, 480, 480)),
        ((1, 1), 1.0, (0, 0, 1, 1)),
    ],
)
def test_the_middle_square_is_seen(size, crop, box):
    assert Preprocessing(32, crop).box(*size) == box


def test_what_lies_outside_the_crop_is_not_seen():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[25:75, 25:75] = 200
    assert (Preprocessing(10, crop=0.5)(picture) == 200).all()
    assert Preprocessing(10)(picture).min() == 0


def test_a_resize_and_a_crop_as_torchvision_has_them_are_one_box():
    ramps = np.stack(np.broadcast_arrays(*np.ogrid[0:200:300j, 0:200:400j], 90), -1)
    picture, bilinear = ramps.astype(np.uint8), Image.Resampling.BILINEAR
    seen = Preprocessing(224, crop=224 / 256, reduced=bilinear, enlarged=bilinear)(picture)
    scaled = Image.fromarray(picture).resize((341, 256), bilinear)
    cropped = np.asarray(scaled.crop((58, 16, 58 + 224, 16 + 224)), np.int16)
    assert np.abs(seen - cropped).max() <= 2


def test_mean_and_deviation_are_those_of_the_channels():
    white = np.full((2, 4, 4, 3), 255, np.uint8)
    batch = Preprocessing(4, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0)).batch(white)
    assert batch.shape == (2, 3, 4, 4)
    np.testing.assert_allclose(batch[:, :, 0, 0], [[1.0, 3.0, 0.5]] * 2)
    assert Preprocessing(4).batch(white[..., 0]).shape == (2, 1, 4, 4)
    assert Preprocessing(4).batch(white).max() == 1.0
