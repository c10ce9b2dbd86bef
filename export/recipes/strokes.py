"""Pen strokes of digits, letters and shapes as people draw them, and a pen that draws them on a
canvas.
"""

from __future__ import annotations

import itertools

import numpy as np
from PIL import Image, ImageDraw

# A glyph is written as strokes parted by "|", a stroke as points XXYY in hundredths of its box, y
# downwards.
# The pen runs in a smooth curve through the points of a stroke and turns sharply only at those
# marked "!".
DIGITS: dict[int, tuple[str, ...]] = {
    0: (
        "5005 2520 1550 2580 5095 7580 8550 7520 5005",
        "6510 3512 1845 3085 6090 8255 7018 5008 3515",
        "5508 2520 1555 3088 6588 8455 7520 6010",
        "5005 3025 2860 4592 6275 6830 5208 4012",
    ),
    1: (
        "5005 5095",
        "3025 5505! 5595",
        "3028 5205! 5294 | 3095 7595",
        "6505 5250 4095",
    ),
    2: (
        "1828 3010 6508 8030 6555 1592! 8592",
        "2025 4508 7515 7540 4570 2088 2575 5080 8592",
        "2015 5008 7520 6050 1595! 5090 8593",
        "2218 4806 7020 6545 2090! 8090",
    ),
    3: (
        "2015 5008 7525 6045 4050! 7058 7880 5095 1885",
        "2008! 7508! 4545! 7555 7882 5095 2088",
        "2220 5008 7528 4548! 7862 6590 3094 1880",
        "2512 6008 7030 4046! 7260 7085 2592",
    ),
    4: (
        "2508 1858! 8558 | 6530 6595",
        "2505 2055! 8055 | 6505 6595",
        "6005! 1562! 8862 | 6005 6095",
        "6595 6508! 1565! 8565",
    ),
    5: (
        "7508! 2808! 2445! 5538 7862 6590 2088",
        "2808 2545! 5038 7860 6590 2088 | 2808 7808",
        "8010! 3010! 2545! 6045 7570 5092 2090",
        "7210! 3012! 2842 6040 7565 5590 2592",
    ),
    6: (
        "6505 3530 1865 3592 6892 7870 5552 2570",
        "5505 2540 2080 5095 7575 5555 2268",
        "6005 2565 3592 6590 6862 3062",
        "7208 4018 2055 3090 6590 7565 5050 2265",
    ),
    7: (
        "1810! 8210! 4595",
        "1810! 8210! 4595 | 3552 7552",
        "1825! 1812! 8212! 5055 4095",
        "1812 5012 8010! 5550 4595",
    ),
    8: (
        "7520 5005 2522 5048 7872 5095 2275 5048 7525",
        "5005 3025 5048 7025 5005 | 5048 2272 5095 7872 5048",
        "5048 2825 5005 7225 5048 2275 5095 7872 5048",
        "7015 4008 2825 6052 7280 4593 2578 4550 7222",
    ),
    9: (
        "7520 5005 2528 4552 7530 7520! 7295",
        "7525 5005 2528 4555 7535 7525! 7575 6092 3590",
        "7022 4508 2532 4855 7225 | 7212 6595",
        "7218 4508 2828 4550 7228! 6860 5595",
    ),
}
UNSEEN_STYLE = (
    -1
)  # the last style of every digit is never trained on: it measures how well strange hands are read

# Nothing that a person could take for a digit: no O, l, I, S, Z, B, g, q, b, no circle, no
# vertical line.
LETTERS: dict[str, str] = {
    "A": "1595! 5005! 8595 | 3060 7060",
    "E": "7508! 2508! 2592! 7592 | 2550 6550",
    "F": "7508! 2508! 2595 | 2548 6548",
    "M": "1595! 2008! 5060! 8008! 8595",
    "N": "2095! 2008! 7892! 7808",
    "R": "2595! 2508! 6510 7530 2850! 7595",
    "V": "1508! 5092! 8508",
    "k": "2505 2595 | 6540! 2870! 7095",
    "m": "1240 1290! 1460 3040 4560! 4590! 4760 6540 8060 8290",
    "n": "2535 2595! 2555 5035 7555 7595",
    "w": "1030! 3090! 5040! 7090! 9030",
    "H": "2005 2095 | 8005 8095 | 2050 8050",
    "K": "2505 2595 | 7508! 2850! 7895",
    "W": "0808! 3092! 5035! 7092! 9208",
}
SHAPES: dict[str, str] = {
    "triangle": "5010! 1088! 9088! 5010",
    "star": "5005! 2295! 9338! 0738! 7895! 5005",
    "check mark": "1055! 4088! 9012",
    "cross": "1510! 8590 | 8510! 1590",
    "plus": "5010 5090 | 1050 9050",
    "smiley": (
        "5005 1520 0550 1580 5095 8580 9550 8520 5005 | 3335 3340 | 6735 6740 | 2865 5080 7265"
    ),
    "question mark": "2228 3510 6510 7530 5050 5068 | 5090 5093",
    "lightning": "6505! 2555! 5550! 3595! 8040! 5045! 6505",
    "tree": "5005! 2065! 8065! 5005 | 4565 4595 | 5565 5595",
    "person": "5005 4013 5022 6013 5005 | 5022 5062! 2595 | 5062 7595 | 2040 8040",
    "envelope": "0825! 9225! 9278! 0878! 0825! 5055! 9225",
    "fish": "0550 3025 6540 9570! 9530! 6560 3075 0550 | 2045 2248",
    "rectangle": "0822! 9222! 9278! 0878! 0822",
    "flag": "2505! 2595 | 2508! 8020! 2540",
    "cup": "2030! 2585! 6585! 7030! 2030 | 7038 9040 8865 6768",
    "equals": "1535 8535 | 1565 8565",
    "heart": "5030! 3010 1025 2055 5092! 8055 9025 7010 5030",
    "arrow": "0850 9050 | 6525! 9050! 6575",
    "house": "1592! 1545! 5008! 8545! 8592! 1592 | 4292! 4265! 5865! 5892",
}
UNSEEN_LETTERS = ("H", "K", "W")
UNSEEN_SHAPES = ("heart", "arrow", "house")


def parse(glyph: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read a glyph into strokes: points (n, 2) in 0..1 and which of them are corners (n,)."""
    strokes = []
    for stroke in glyph.split("|"):
        words = stroke.split()
        points = np.array([(int(word[:2]), int(word[2:4])) for word in words]) / 100
        strokes.append((points, np.array([word.endswith("!") for word in words])))
    return strokes


def smooth(points: np.ndarray, corners: np.ndarray, steps: int = 8) -> np.ndarray:
    """Catmull-Rom curve (m, 2) through `points` (n, 2), broken at the corners."""
    breaks = [0, *(np.flatnonzero(corners[1:-1]) + 1), len(points) - 1]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    curve = []
    for first, last in itertools.pairwise(breaks):
        part = points[first : last + 1]
        p = np.concatenate([2 * part[:1] - part[1:2], part, 2 * part[-1:] - part[-2:-1]])
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
            curve.append(
                b
                + t
                * ((c - a) + t * ((2 * a - 5 * b + 4 * c - d) + t * (3 * b - a - 3 * c + d)))
                / 2
            )
    return np.concatenate([*curve, points[-1:]])


def draw(curves: list[np.ndarray], width: float, side: int) -> Image.Image:
    """Draw curves (m, 2) in pixels with a round pen on a black canvas of side x side: a hard-edged
    "L" image.
    """
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    for curve in curves:
        path = [(float(x), float(y)) for x, y in curve]
        pen.line(path, fill=255, width=max(1, round(width)), joint="curve")
        for x, y in (path[0], path[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return canvas


def by_hand(glyph: str, rng: np.random.Generator, side: int, jitter: float = 0.03) -> Image.Image:
    """Draw a glyph as an unsteady hand does: points moved, turned, slanted, stretched, of any
    size, position and width.
    """
    angle, slant = np.deg2rad(rng.normal(0, 7)), rng.normal(0, 0.12)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag([rng.uniform(0.55, 1.05), 1.0])
    size = side * np.exp(rng.uniform(np.log(0.15), np.log(0.88)))
    curves = []
    for points, corners in parse(glyph):
        moved = points - 0.5 + rng.normal(0, jitter, points.shape)
        curve = smooth(moved, corners)
        tremble = np.cumsum(rng.normal(0, 0.004, curve.shape), axis=0)
        curves.append(
            (curve + tremble - tremble.mean(axis=0))
            @ (turn @ np.array([[1, -slant], [0, 1]]) @ stretch).T
            * size
        )
    low = np.min([c.min(axis=0) for c in curves], axis=0)
    high = np.max([c.max(axis=0) for c in curves], axis=0)
    # 4 to 40 pixels of a canvas of 280, but never so broad that the pen fills the loops.
    width = min(np.exp(rng.uniform(np.log(4), np.log(40))) / 280 * side, 0.2 * size)
    room = np.maximum(side - (high - low) - width, 1)
    corner = width / 2 + rng.uniform(0, 1, 2) * room - low
    return draw([curve + corner for curve in curves], width, side)
