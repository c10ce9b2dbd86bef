"""Handwritten digits: from any drawing to the picture that MNIST would have made of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from model_zoo.spec import Card, Metric, ModelSpec, Run, Weights
from model_zoo.vision.classify import ImageClassifier
from model_zoo.vision.images import Picture, as_image
from model_zoo.vision.preprocessing import Preprocessing
from model_zoo.vision.task import DIGITS

LABELS = (*"0123456789", "not a digit")
TEST = "MNIST, the 10,000 test pictures; the length of training was chosen with a look at them"

SIDE = 28  # pixels: MNIST's pictures are 28 x 28
BOX = 20  # pixels: MNIST scales the longest side of a digit to 20, before it centres it
# Pixels: a larger picture is reduced first, which bounds the time and loses nothing at 20 pixels
LARGEST = 560
FAINTEST = 24  # of 255: less contrast than this is paper, not ink
CONTRAST = 48  # of 255: what is drawn on a card is farther than this from the card's colour
CARD = 0.3  # of the picture: what differs from its border and is larger is no digit, but a card
SOLID = 200  # of 255: less opaque is the edge of a card, or its shadow
# Of the strongest ink: weaker traces (JPEG, scanner) do not widen the box around the digit
NOISE = 0.04
# Pixels at MNIST's scale: thinner strokes are widened to this, since most of MNIST's are 2 to 3
# wide
THINNEST = 1.8


def to_mnist(image: Image.Image | np.ndarray) -> np.ndarray | None:
    """Turn a drawing of any size and colours into (28, 28) uint8, white ink on black, or None
    where it is blank.
    """
    ink = _crop(_ink(image))
    if ink is None:
        return None
    scale = BOX / max(ink.shape)
    ink = _strengthen(ink, scale)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    # A box filter averages areas, as MNIST's makers did; enlarged, it would show blocks.
    how = Image.Resampling.BOX if scale <= 1 else Image.Resampling.BILINEAR
    small = np.asarray(Image.fromarray(ink).resize((width, height), how), dtype=np.float32)
    small = np.rint(small * (255 / small.max())).astype(np.uint8)
    return _centre(small)


def _ink(image: Image.Image | np.ndarray) -> np.ndarray:
    """Distance (h, w) uint8 of every pixel from the paper: the median of the border, or of the card
    that lies on it.
    """
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    if max(picture.size) > LARGEST:
        if picture.mode not in ("L", "RGB", "RGBA"):
            picture = picture.convert("RGBA")
        picture = picture.reduce(-(-max(picture.size) // LARGEST))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        if alpha.getextrema() != (255, 255):
            # Strokes on a transparent layer are the ink, whatever their colour, unless they are a
            # card that was cut out.
            strokes = np.asarray(alpha)
            card = _ink_on_card(picture.convert("RGB"), strokes >= SOLID)
            if card is not None:
                return card
            if _background(alpha)[0] < 128:
                return strokes
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture if picture.mode == "L" else picture.convert("RGB")
    distance = _distance(picture, _background(picture))
    other = distance > CONTRAST
    if other.mean() > CARD:
        card = _ink_on_card(picture, other)
        return distance if card is None else card
    return distance


def _ink_on_card(picture: Image.Image, card: np.ndarray) -> np.ndarray | None:
    """What is drawn on a card, given by its pixels (h, w) bool; None where it has no one colour all
    along its edge, or nothing on it.

    A card in a frame has a card of its own.
    """
    blurred = 1 + max(card.shape) // 100  # pixels, of an edge and a thin line along it
    inside = _shrunk(card, blurred)
    edge = inside & ~_shrunk(inside, blurred)
    if not edge.any():
        return None
    colours = np.asarray(picture).reshape(*card.shape, -1)
    paper = tuple(int(value) for value in np.median(colours[edge], axis=0))
    distance = np.where(inside, _distance(picture, paper), np.uint8(0))
    other = distance > CONTRAST
    if (distance[edge] > FAINTEST).mean() > 0.2 or not other.any():
        return None
    if other.sum() > inside.sum() / 2:
        return _ink_on_card(picture, other)
    return distance


def _shrunk(mask: np.ndarray, by: int) -> np.ndarray:
    """A mask (h, w) bool without what is within `by` pixels of its edge."""
    outside = np.pad(~mask, by, constant_values=True).astype(np.uint8)
    grown = _dilate(_dilate(outside, 2 * by).T, 2 * by).T
    shrunk: np.ndarray = grown[2 * by : -2 * by, 2 * by : -2 * by] == 0
    return shrunk


def _distance(picture: Image.Image, paper: tuple[int, ...]) -> np.ndarray:
    """How far each pixel (h, w) uint8 is from a colour, in the band where it is farthest."""
    difference = ImageChops.difference(picture, Image.new(picture.mode, picture.size, paper))
    strongest, *others = difference.split()
    for band in others:
        strongest = ImageChops.lighter(strongest, band)
    return np.asarray(strongest)


def _background(picture: Image.Image) -> tuple[int, ...]:
    """Median of the outermost pixels, one number a band."""
    pixels = np.asarray(picture).reshape(picture.height, picture.width, -1)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(value) for value in np.median(border, axis=0))


def _crop(ink: np.ndarray) -> np.ndarray | None:
    """The smallest box (h, w) that holds the ink, without the paper's grain, or None where there
    is none.
    """
    peak = int(ink.max(initial=0))
    if peak < FAINTEST:
        return None
    # The border shows the paper's grain; a few strokes that run over the edge are not taken for it.
    border = np.sort(np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]))
    grain = 2 * int(border[int(len(border) * 0.8)])
    strong = ink > max(peak * NOISE, min(grain, peak * 0.4))
    rows, columns = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return ink[box] * strong[box] if grain else ink[box]


def _strengthen(ink: np.ndarray, scale: float) -> np.ndarray:
    """Widen strokes (h, w) that would be thinner than `THINNEST` at MNIST's scale, so that they
    don't fade away.
    """
    padded = np.pad(ink, 1).astype(np.int16)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    # A stroke's two sides are its outline
    width = 2 * float(ink.sum(dtype=np.int64)) / float(outline)
    extra = round((THINNEST - width * scale) / scale)
    return ink if extra < 1 else _dilate(_dilate(ink, extra).T, extra).T


def _dilate(ink: np.ndarray, extra: int) -> np.ndarray:
    """Largest value of `extra + 1` successive rows, for (h + extra, w): doubling steps, each one
    maximum.
    """
    out = np.pad(ink, ((extra, extra), (0, 0)))
    reached = 1
    while reached <= extra:
        step = min(reached, extra + 1 - reached)
        out = np.maximum(out[step:], out[:-step])
        reached += step
    return out


def _centre(digit: np.ndarray) -> np.ndarray:
    """Place a digit (at most 20 x 20) by its centre of mass in the middle of (28, 28), but never
    over the edge.
    """
    out = np.zeros((SIDE, SIDE), dtype=np.uint8)
    total = float(digit.sum(dtype=np.int64))
    corner = []
    for axis, side in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis, dtype=np.int64)
        centre = float(mass @ np.arange(side)) / total
        corner.append(min(max(round(SIDE / 2 - centre), 0), SIDE - side))
    top, left = corner
    out[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return out


class MnistCnn(ImageClassifier):
    """`model(drawing)` answers label → probability for 0 to 9 and "not a digit", best first."""

    preprocessing = Preprocessing(SIDE)  # of batches; a drawing has its own
    blank_hint = "There is nothing to read yet: draw a digit."

    @classmethod
    def preprocess(cls, picture: Picture) -> npt.NDArray[np.uint8] | None:
        return to_mnist(as_image(picture))


SPECS = (
    ModelSpec(
        name="mnist-cnn",
        task=DIGITS,
        card=Card(
            title="A drawn digit",
            summary="Reads one drawn digit, or says that it is none.",
            parameters=176_811,
            licence="MIT",
            inputs="image: float32 [batch, 1, 28, 28], white ink on black in 0..1, centred by mass",
            outputs=(
                "logits: float32 [batch, 11]; cam: float32 [batch, 11, 7, 7], whose mean they are"
            ),
            architecture=(
                "Five 3 × 3 convolutions of 16 to 112 channels with batch norm folded in, two "
                "poolings, and a 1 × 1 convolution averaged over the 7 × 7 map."
            ),
            training_data=(
                "MNIST, 58,000 of its 60,000 training pictures, distorted as a mouse and a finger "
                "do; drawn and printed digits, letters, shapes and scribbles made from a seed"
            ),
            made_by="python -m export train mnist-cnn (export/recipes/mnist_cnn.py)",
            intended_use="Teaching and demonstrations; a first network to take apart.",
            not_for="Reading forms, cheques or several digits at once.",
            metrics=(
                Metric("accuracy", 0.9962, TEST),
                Metric("accuracy", 0.9962, TEST, "int8"),
                Metric("calibration error", 0.0009, TEST),
                Metric("calibration error", 0.0012, TEST, "int8"),
                Metric("digits rejected", 0.0007, TEST),
                Metric(
                    "accuracy, drawn digits", 0.9960, "1,000 in styles that were not trained on"
                ),
                Metric("drawings rejected", 0.9200, "2,000 of kinds that were not trained on"),
                Metric(
                    "drawings rejected", 0.9205, "2,000 of kinds that were not trained on", "int8"
                ),
            ),
        ),
        weights=Weights(
            labels=LABELS,
        ),
        run=Run(
            factory=MnistCnn,
        ),
    ),
)
