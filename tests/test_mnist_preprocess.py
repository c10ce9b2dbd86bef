"""Any drawing becomes the picture that MNIST would have made of it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from model_zoo.vision.mnist_cnn import SIDE, to_mnist

CANVAS = 280  # pixels
SEVEN = ((60, 50), (220, 50), (120, 250))  # a seven that fills most of the canvas


def drawn(scale: float = 1, shift: tuple[float, float] = (0, 0), width: float = 24) -> Image.Image:
    """A seven in white on black, scaled about the canvas's corner and shifted, pixels."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    path = [(x * scale + shift[0], y * scale + shift[1]) for x, y in SEVEN]
    ImageDraw.Draw(canvas).line(path, fill=255, width=round(width * scale), joint="curve")
    return canvas


def coloured(ink: Image.Image, pen: str, paper: str) -> Image.Image:
    return Image.composite(Image.new("RGB", ink.size, pen), Image.new("RGB", ink.size, paper), ink)


def layer(ink: Image.Image, pen: str) -> Image.Image:
    """Strokes on a transparent layer, as a drawing page sends them."""
    out = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    out.paste(Image.new("RGBA", ink.size, pen), mask=ink)
    return out


def seen(image: Image.Image | np.ndarray) -> np.ndarray:
    picture = to_mnist(image)
    assert picture is not None
    assert picture.shape == (SIDE, SIDE)
    assert picture.dtype == np.uint8
    assert picture.max() == 255
    return picture


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference as a share of the mean ink, at the best of all shifts by a pixel."""
    shifts = [np.roll(a, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(float(np.abs(shifted.astype(float) - b).mean() / b.mean()) for shifted in shifts)


REFERENCE = drawn()


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(drawn(0.5, (5, 130)), id="off-centre"),
        pytest.param(drawn(0.25, (200, 30)), id="tiny"),
        pytest.param(drawn(1.08, (-10, -10)), id="huge"),
        pytest.param(coloured(REFERENCE, "black", "white"), id="dark on light"),
        pytest.param(coloured(REFERENCE, "crimson", "khaki"), id="coloured"),
        pytest.param(coloured(REFERENCE, "#888888", "#bbbbbb"), id="low contrast"),
        pytest.param(layer(REFERENCE, "black"), id="black on a transparent layer"),
        pytest.param(layer(REFERENCE, "white"), id="white on a transparent layer"),
        pytest.param(coloured(REFERENCE, "black", "white").convert("RGBA"), id="opaque RGBA"),
        pytest.param(coloured(REFERENCE, "black", "white").quantize(8), id="palette"),
        pytest.param(REFERENCE.convert("1"), id="one bit"),
        pytest.param(REFERENCE.resize((2800, 2800)), id="a scan of 8 megapixels"),
        pytest.param(np.asarray(REFERENCE), id="grey array"),
        pytest.param(np.asarray(coloured(REFERENCE, "navy", "white")), id="colour array"),
    ],
)
def test_same_shape_same_picture(image: Image.Image | np.ndarray) -> None:
    assert distance(seen(image), seen(REFERENCE)) < 0.3


@pytest.mark.parametrize("width", [2, 4, 10, 40, 60])
def test_any_pen_leaves_a_solid_stroke(width: int) -> None:
    strongest = seen(drawn(width=width)).max(axis=1)
    rows = np.flatnonzero(strongest)
    # The slanted stroke crosses every row from the bar down to the foot; the foot may share its
    # row with paper.
    assert (strongest[rows[0] : rows[-1]] > 150).all()


def test_centre_of_mass_lies_in_the_middle() -> None:
    picture = seen(drawn(0.4, (20, 90))).astype(float)
    rows, columns = picture.sum(axis=1), picture.sum(axis=0)
    places = np.arange(SIDE)
    # Half a pixel: pictures are placed on whole pixels. The column is held back by the edge of the
    # box.
    assert abs(rows @ places / rows.sum() - SIDE / 2) <= 1
    assert abs(columns @ places / columns.sum() - SIDE / 2) <= 1


def test_longest_side_is_twenty_pixels() -> None:
    rows = np.flatnonzero(seen(REFERENCE).max(axis=1))
    assert rows[-1] - rows[0] + 1 == 20


def test_picture_of_mnist_passes_nearly_unchanged() -> None:
    once = seen(REFERENCE)
    assert np.abs(seen(once).astype(int) - once).max() <= 10  # the faintest fringe counts as paper


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (CANVAS, CANVAS)),
        Image.new("RGB", (CANVAS, CANVAS), "white"),
        Image.new("RGBA", (CANVAS, CANVAS), (0, 0, 0, 0)),
        Image.new("RGBA", (CANVAS, CANVAS), (255, 255, 255, 128)),
        Image.new("L", (1, 1), 255),
        coloured(REFERENCE, "#f4f4f4", "white"),
    ],
)
def test_blank_is_none(image: Image.Image) -> None:
    assert to_mnist(image) is None


def test_paper_grain_does_not_widen_the_box() -> None:
    grain = np.random.default_rng(0).integers(0, 8, (CANVAS, CANVAS))
    paper = np.clip(255 - np.asarray(REFERENCE).astype(int) - grain, 0, 255).astype(np.uint8)
    assert distance(seen(paper), seen(REFERENCE)) < 0.25


def test_one_dot_is_a_picture() -> None:
    dot = Image.new("L", (CANVAS, CANVAS))
    dot.putpixel((3, 200), 255)
    assert seen(dot).sum() > 0
