"""Drawn digits, and everything else that people draw, as MNIST-like pictures: made on the fly from
a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from export.recipes import strokes
from model_zoo.vision.mnist_cnn import to_mnist

# Pixels: the size of the page's canvas; half of it is enough to train on, and four times as fast
CANVAS = 280
PRINTED = "AEFMNVXfkmwx#%&?+*=πΣΔΨ"
PRINTED_UNSEEN = "HKW@€¥"

SEEN_STYLES = slice(None, strokes.UNSEEN_STYLE)
UNSEEN_STYLES = slice(strokes.UNSEEN_STYLE, None)

Rng = np.random.Generator


def digits(
    count: int, seed: int, side: int = CANVAS, styles: slice = slice(None)
) -> tuple[np.ndarray, np.ndarray]:
    """Digits drawn with a mouse, (count, 28, 28) uint8 and labels (count,): the styles of
    `strokes.DIGITS`.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    return np.stack(
        [_seen(lambda digit=digit: _digit(digit, rng, side, styles)) for digit in labels]
    ), labels


def printed_digits(count: int, seed: int, side: int = CANVAS) -> tuple[np.ndarray, np.ndarray]:
    """Digits as fonts print them, (count, 28, 28) uint8 and labels (count,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    return np.stack(
        [_seen(lambda digit=digit: _printed(str(digit), rng, side)) for digit in labels]
    ), labels


def negatives(count: int, seed: int, side: int = CANVAS, unseen: bool = False) -> np.ndarray:
    """Drawings that are no digits, (count, 28, 28) uint8; `unseen` makes only kinds that the
    others leave out.
    """
    rng = np.random.default_rng(seed)
    kinds = UNSEEN_KINDS if unseen else KINDS
    return np.stack(
        [
            _seen(lambda kind=kind: kind(rng, side))
            for kind in (kinds[i % len(kinds)] for i in range(count))
        ]
    )


def _seen(make: Callable[[], Image.Image]) -> np.ndarray:
    """Draw until something is on the canvas, then see it as the network will: (28, 28) uint8."""
    while (picture := to_mnist(make())) is None:
        pass
    return picture


def _digit(digit: int, rng: Rng, side: int, styles: slice = SEEN_STYLES) -> Image.Image:
    glyph = str(rng.choice(strokes.DIGITS[int(digit)][styles]))
    return strokes.by_hand(glyph, rng, side, jitter=rng.uniform(0.01, 0.05))


def _pen(rng: Rng, side: int) -> float:
    return float(np.exp(rng.uniform(np.log(4), np.log(28))) / 280 * side)


def _letter(rng: Rng, side: int) -> Image.Image:
    names = [name for name in strokes.LETTERS if name not in strokes.UNSEEN_LETTERS]
    return strokes.by_hand(strokes.LETTERS[str(rng.choice(names))], rng, side)


def _shape(rng: Rng, side: int) -> Image.Image:
    names = [name for name in strokes.SHAPES if name not in strokes.UNSEEN_SHAPES]
    return strokes.by_hand(strokes.SHAPES[str(rng.choice(names))], rng, side)


def _unseen_letter(rng: Rng, side: int) -> Image.Image:
    return strokes.by_hand(strokes.LETTERS[str(rng.choice(strokes.UNSEEN_LETTERS))], rng, side)


def _unseen_shape(rng: Rng, side: int) -> Image.Image:
    return strokes.by_hand(strokes.SHAPES[str(rng.choice(strokes.UNSEEN_SHAPES))], rng, side)


@cache
def _fonts() -> tuple[Path, ...]:
    """Font files that matplotlib ships, those with ordinary letters at their ordinary codes."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return tuple(sorted([*folder.glob("DejaVu*.ttf"), *folder.glob("STIXGeneral*.ttf")]))


@cache
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def _printed(text: str, rng: Rng, side: int) -> Image.Image:
    font = _font(_fonts()[rng.integers(len(_fonts()))], side * 5 // 8)
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).text((side / 2, side / 2), text, fill=255, font=font, anchor="mm")
    return canvas.rotate(rng.normal(0, 6), Image.Resampling.BILINEAR)


def _printed_letter(rng: Rng, side: int) -> Image.Image:
    return _printed(PRINTED[rng.integers(len(PRINTED))], rng, side)


def _unseen_printed(rng: Rng, side: int) -> Image.Image:
    return _printed(PRINTED_UNSEEN[rng.integers(len(PRINTED_UNSEEN))], rng, side)


def _curl(rng: Rng, side: int) -> Image.Image:
    """A few strokes that each run smoothly through random points: enough of them that no digit
    comes of it.
    """
    curves = [rng.uniform(0.05, 0.95, (rng.integers(6, 14), 2)) for _ in range(rng.integers(1, 4))]
    return strokes.draw(
        [strokes.smooth(c, np.zeros(len(c), bool)) * side for c in curves],
        _pen(rng, side) / 1.5,
        side,
    )


def _zigzag(rng: Rng, side: int) -> Image.Image:
    count = rng.integers(6, 14)
    x = np.linspace(0.08, 0.92, count) + rng.normal(0, 0.02, count)
    y = 0.5 + rng.uniform(0.15, 0.4) * np.where(np.arange(count) % 2, 1, -1) * rng.uniform(
        0.7, 1.1, count
    )
    turn = rng.uniform(0, np.pi)
    points = (np.stack([x, y], axis=1) - 0.5) @ np.array(
        [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    )
    return strokes.draw([(points * 0.9 + 0.5) * side], _pen(rng, side) / 2, side)


def _jumble(rng: Rng, side: int) -> Image.Image:
    """Straight strokes across one another."""
    lines = rng.uniform(0.05, 0.95, (rng.integers(4, 9), 2, 2)) * side
    return strokes.draw(list(lines), _pen(rng, side) / 1.5, side)


def _polygon(rng: Rng, side: int) -> Image.Image:
    """A closed outline with corners: triangles, and stars with three to six rays."""
    rays = int(rng.integers(3, 7))
    angle = (
        np.arange(rays) * 2 * np.pi / rays + rng.normal(0, 0.6 / rays, rays) + rng.uniform(0, 6.3)
    )
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.6, 1, (rays, 1))
    if rays > 3 or rng.random() < 0.3:
        # Corners between the rays lie well inside, or it would be a round that somebody could mean
        # as a zero.
        inner = (points + np.roll(points, -1, axis=0)) / 2 * rng.uniform(0.1, 0.6, (rays, 1))
        points = np.stack([points, inner], axis=1).reshape(-1, 2)
    closed = np.concatenate([points, points[:1]]) * 0.44 + 0.5
    return strokes.draw([closed * side], min(_pen(rng, side), side / 16), side)


def _framed(rng: Rng, side: int) -> Image.Image:
    """A round or a box with things inside: faces, clocks, windows, dice."""
    if rng.random() < 0.5:
        angle = np.linspace(0, 2 * np.pi, 30)
        frame = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.36, 0.45, 2) + 0.5
    else:
        frame = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9], [0.1, 0.1]]) + rng.normal(
            0, 0.03, (5, 2)
        )
    starts = rng.uniform(0.32, 0.68, (rng.integers(1, 5), 1, 2))
    marks = np.concatenate(
        [starts, (starts + rng.normal(0, 0.1, starts.shape)).clip(0.3, 0.7)], axis=1
    )
    return strokes.draw([frame * side, *(marks * side)], min(_pen(rng, side), side / 14), side)


def _spiral(rng: Rng, side: int) -> Image.Image:
    turns = rng.uniform(2.5, 4.5)
    angle = np.linspace(0, 2 * np.pi * turns, 90) * rng.choice([-1, 1]) + rng.uniform(0, 2 * np.pi)
    radius = np.linspace(0.02, 0.44, 90) * side
    points = (
        np.stack([np.cos(angle) * rng.uniform(0.8, 1), np.sin(angle)], axis=1) * radius[:, None]
        + side / 2
    )
    return strokes.draw(
        [points + rng.normal(0, side / 200, points.shape)],
        min(_pen(rng, side), side * 0.22 / turns),
        side,
    )


def _scratched_out(rng: Rng, side: int) -> Image.Image:
    """A digit that somebody drew and then struck out."""
    digit = _digit(int(rng.integers(10)), rng, side)
    left, top, right, bottom = digit.getbbox() or (0, 0, side, side)
    count = rng.integers(7, 14)
    x = np.where(np.arange(count) % 2, right + 8, left - 8) + rng.normal(0, 6, count)
    y = np.linspace(top, bottom, count) + rng.normal(0, 4, count)
    scratch = strokes.draw(
        [np.stack([x, y], axis=1).clip(2, side - 2)], (right - left) / 14 + 2, side
    )
    return Image.fromarray(np.maximum(np.asarray(digit), np.asarray(scratch)))


def _several(rng: Rng, side: int) -> Image.Image:
    """Two or three digits side by side."""
    count = rng.integers(2, 4)
    canvas = Image.new("L", (side, side))
    for column in range(count):
        digit = _digit(int(rng.integers(10)), rng, side)
        digit = digit.crop(digit.getbbox())
        height = side // 3
        digit = digit.resize(
            (max(4, min(digit.width * height // digit.height, side // count - 4)), height)
        )
        canvas.paste(digit, (column * side // count + 2, int(side / 3 + rng.normal(0, side / 60))))
    return canvas


def _turned(rng: Rng, side: int) -> Image.Image:
    """A digit that lies on its side, of those that are no other digit then."""
    return _digit(int(rng.choice([2, 3, 4, 5])), rng, side).rotate(float(rng.choice([90, -90])))


def _fragment(rng: Rng, side: int) -> Image.Image:
    """The lower half of a zero, or a few short strokes and dots."""
    if rng.random() < 0.2:
        zero = _digit(0, rng, side)
        left, top, right, bottom = zero.getbbox() or (0, 0, side, side)
        return zero.crop((left, int(top + (bottom - top) * rng.uniform(0.5, 0.6)), right, bottom))
    starts = rng.uniform(0.1, 0.9, (rng.integers(3, 8), 1, 2))
    ends = starts + rng.normal(0, 0.06, starts.shape)
    return strokes.draw(list(np.concatenate([starts, ends], axis=1) * side), _pen(rng, side), side)


def _bar(rng: Rng, side: int) -> Image.Image:
    """A line that lies: dash or underline, nearly level and so not a one."""
    x = np.linspace(0.1, 0.9, 8)
    y = 0.5 + rng.normal(0, 0.05) * (x - 0.5) * 4 + rng.normal(0, 0.008, 8)
    return strokes.draw([np.stack([x, y], axis=1) * side], _pen(rng, side), side)


def _grid(rng: Rng, side: int) -> Image.Image:
    positions = np.linspace(0.1, 0.9, rng.integers(3, 6))
    lines = [np.array([[p, 0.1], [p, 0.9]]) for p in positions] + [
        np.array([[0.1, p], [0.9, p]]) for p in positions
    ]
    curves = [(line + rng.normal(0, 0.015, line.shape)) * side for line in lines]
    return strokes.draw(curves, min(_pen(rng, side), side / 14), side)


def _blob(rng: Rng, side: int) -> Image.Image:
    """A filled patch with a wavy edge."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    waves = sum(
        rng.normal(0, 0.3 / k) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5)
    )
    radius = (0.32 * (1 + waves)).clip(0.08, 0.48)
    canvas = Image.new("L", (side, side))
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None] + 0.5
    ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in points * side], fill=255)
    return canvas


def _noise(rng: Rng, side: int) -> Image.Image:
    """Clouds or grains, as a photograph or a picture of something else gives them."""
    grains = Image.fromarray(rng.integers(0, 256, (side // 4, side // 4), dtype=np.uint8))
    cloud = np.asarray(grains.filter(ImageFilter.GaussianBlur(rng.uniform(0, 5))), dtype=np.float32)
    share = rng.uniform(40, 90)
    low = float(np.percentile(cloud, share))
    contrast = np.clip((cloud - low) / max(float(cloud.max()) - low, 1) * rng.uniform(1, 4), 0, 1)
    framed = np.pad((contrast * 255).astype(np.uint8), 2)
    return Image.fromarray(framed)


KINDS = (
    _letter, _shape, _printed_letter, _curl, _zigzag, _jumble, _several, _turned,
    _fragment, _bar, _grid, _blob, _noise, _letter, _shape, _printed_letter, _curl, _several,
    _polygon, _framed, _polygon, _shape,
)  # fmt: skip
UNSEEN_KINDS = (_unseen_letter, _unseen_shape, _unseen_printed, _spiral, _scratched_out)
