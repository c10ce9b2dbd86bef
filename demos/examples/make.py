"""Draw the pictures that the page See offers to try: python demos/examples/make.py

All are drawn here by geometry and given some grain and blur, so they are ours to give away.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

HERE = Path(__file__).parent
SIDE = 768  # pixels to draw on; thrice the size that is saved, which smooths the edges
SAVED = 256  # pixels

Colour = tuple[int, int, int]


def scene(top: Colour, bottom: Colour, horizon: float, near: Colour, far: Colour) -> Image.Image:
    """A sky from `top` to `bottom`, and below the horizon a ground from `far` to `near`."""
    rows = np.linspace(0, 1, SIDE)[:, None]
    sky = np.array(top) + (np.array(bottom) - top) * np.clip(rows / horizon, 0, 1)
    depth = np.clip((rows - horizon) / max(1 - horizon, 1e-6), 0, 1)
    ground = np.array(far) + (np.array(near) - far) * depth
    column = np.where(rows < horizon, sky, ground)
    return Image.fromarray(np.broadcast_to(column[:, None], (SIDE, SIDE, 3)).astype(np.uint8))


def finish(image: Image.Image, seed: int) -> Image.Image:
    """Blur and grain as of a small camera."""
    rng = np.random.default_rng(seed)
    small = image.filter(ImageFilter.GaussianBlur(3)).resize((SAVED, SAVED), Image.Resampling.BOX)
    coarse = Image.fromarray(rng.normal(0, 4, (64, 64)).astype(np.float32)).resize((SAVED, SAVED))
    grain = np.asarray(coarse)[..., None] + rng.normal(0, 2.5, (SAVED, SAVED, 1))
    return Image.fromarray(np.clip(np.asarray(small) + grain, 0, 255).astype(np.uint8))


class Pen:
    """Shapes on a picture in coordinates from 0 to 100."""

    def __init__(self, image: Image.Image) -> None:
        self.draw = ImageDraw.Draw(image)

    def shape(self, colour: Colour, *points: tuple[float, float]) -> None:
        self.draw.polygon([(x * SIDE / 100, y * SIDE / 100) for x, y in points], fill=colour)

    def disc(self, colour: Colour, x: float, y: float, wide: float, high: float) -> None:
        box = [x - wide, y - high, x + wide, y + high]
        self.draw.ellipse([at * SIDE / 100 for at in box], fill=colour)

    def line(self, colour: Colour, width: float, *points: tuple[float, float]) -> None:
        at = [(x * SIDE / 100, y * SIDE / 100) for x, y in points]
        self.draw.line(at, fill=colour, width=round(width * SIDE / 100), joint="curve")


def airplane() -> Image.Image:
    image = scene((88, 140, 205), (190, 214, 236), 1.0, (0, 0, 0), (0, 0, 0))
    pen = Pen(image)
    for x, y, wide in ((20, 78, 20), (34, 82, 22), (84, 22, 14), (92, 25, 14)):
        pen.disc((222, 232, 243), x, y, wide, 5)
    white, shade, dark = (238, 240, 243), (176, 184, 196), (98, 108, 124)
    pen.shape(shade, (52, 46), (66, 30), (72, 30), (62, 47))  # far wing
    pen.disc(white, 50, 50, 39, 6.5)  # body
    pen.shape(white, (14, 49), (8, 30), (16, 30), (28, 46))  # fin
    pen.shape(shade, (12, 50), (4, 45), (10, 44), (24, 50))  # tailplane
    pen.shape(shade, (13, 53), (80, 53), (72, 56), (20, 55.5))  # belly
    pen.shape(dark, (44, 52), (30, 74), (38, 75), (62, 53))  # near wing
    pen.disc(shade, 46, 62, 5, 2.6)
    pen.shape(dark, (83, 46.5), (86, 46.5), (88, 49), (83, 49))  # cockpit
    for x in range(28, 80, 4):
        pen.disc((86, 104, 132), x, 48.5, 0.9, 1)
    return finish(image, 1)


def ship() -> Image.Image:
    image = scene((150, 186, 220), (222, 230, 236), 0.58, (34, 74, 108), (92, 134, 162))
    pen = Pen(image)
    pen.shape((120, 138, 150), (0, 58), (14, 54), (30, 56), (46, 58))  # a coast
    pen.shape((44, 52, 70), (8, 56), (94, 54), (84, 71), (18, 71))  # hull
    pen.shape((150, 50, 44), (15, 67.5), (86.5, 67.5), (84, 71), (18, 71))
    pen.shape((240, 240, 238), (24, 56), (24, 47), (76, 46), (80, 55))  # decks
    pen.shape((226, 228, 230), (30, 47), (30, 39), (68, 38.5), (70, 47))
    pen.shape((240, 240, 238), (58, 39), (58, 32), (68, 32), (69, 39))
    pen.shape((196, 66, 52), (40, 39), (41, 27), (49, 27), (49, 39))  # funnel
    pen.shape((40, 44, 54), (41, 27), (41, 30), (49, 30), (49, 27))
    pen.line((70, 74, 84), 0.8, (63, 32), (63, 20))
    for y in (43, 51):
        for x in range(33, 68, 5):
            pen.disc((70, 92, 122), x, y, 1.2, 1.2)
    for x, y, wide in ((12, 74, 12), (50, 73, 34), (80, 78, 12), (30, 86, 14), (66, 90, 18)):
        pen.disc((132, 166, 188), x, y, wide, 0.8)
    return finish(image, 2)


def automobile() -> Image.Image:
    image = scene((176, 200, 222), (224, 228, 226), 0.52, (96, 96, 98), (142, 142, 142))
    pen = Pen(image)
    pen.shape((96, 124, 84), (0, 54), (0, 44), (22, 40), (50, 44), (78, 39), (100, 44), (100, 54))
    red, shade, glass = (196, 36, 36), (140, 22, 26), (66, 84, 104)
    pen.disc((58, 58, 60), 50, 78, 42, 4)  # shadow
    pen.shape(red, (8, 72), (9, 60), (28, 55), (38, 42), (66, 41), (78, 54), (92, 58), (93, 72))
    pen.shape(glass, (33, 55), (41, 45), (51, 44.5), (51, 55))
    pen.shape(glass, (54, 55), (54, 44.5), (64.5, 44.5), (72, 55))
    pen.shape(shade, (8, 68), (93, 68), (93, 73), (8, 73))
    pen.shape((250, 232, 170), (8.5, 61), (13, 60), (13, 64), (8.5, 64))
    pen.shape((120, 14, 18), (92.8, 60), (89, 59.5), (89, 64), (93, 64))
    for x in (26, 75):
        pen.disc((24, 24, 26), x, 73, 9, 9)
        pen.disc((172, 176, 182), x, 73, 4.8, 4.8)
    return finish(image, 3)


def truck() -> Image.Image:
    image = scene((160, 192, 224), (226, 230, 230), 0.6, (88, 88, 90), (134, 132, 128))
    pen = Pen(image)
    pen.shape((112, 136, 92), (0, 62), (0, 52), (30, 50), (60, 54), (100, 50), (100, 62))
    pen.disc((54, 54, 56), 50, 83, 46, 3.5)
    pen.shape((236, 236, 232), (4, 72), (4, 24), (66, 24), (66, 72))  # box
    pen.shape((206, 208, 208), (4, 72), (4, 66), (66, 66), (66, 72))
    for x in range(12, 66, 9):
        pen.line((214, 214, 212), 0.6, (x, 25), (x, 66))
    pen.shape((38, 92, 160), (68, 75), (68, 36), (84, 36), (94, 54), (95, 75))  # cab
    pen.shape((62, 80, 98), (72, 53), (72, 41), (82.5, 41), (89, 53))
    pen.shape((48, 50, 54), (4, 72), (95, 72), (95, 77), (4, 77))
    for x in (17, 31, 82):
        pen.disc((22, 22, 24), x, 77, 7.5, 7.5)
        pen.disc((150, 154, 160), x, 77, 3.4, 3.4)
    return finish(image, 4)


def bird() -> Image.Image:
    image = scene((150, 180, 150), (188, 204, 168), 1.0, (0, 0, 0), (0, 0, 0))
    pen = Pen(image)
    for x, y, size in ((15, 20, 18), (80, 30, 22), (30, 80, 24), (85, 85, 18)):
        pen.disc((128, 160, 120), x, y, size, size)
    pen.line((92, 68, 48), 4, (0, 80), (40, 77), (100, 83))  # branch
    pen.line((70, 54, 40), 1.2, (46, 70), (45, 78))
    pen.line((70, 54, 40), 1.2, (53, 70), (54, 79))
    pen.shape((70, 60, 54), (26, 62), (6, 78), (12, 81), (36, 68))  # tail
    pen.disc((120, 92, 70), 48, 56, 21, 15.5)  # body
    pen.disc((204, 104, 52), 55, 59, 14, 12)  # breast
    pen.disc((224, 214, 196), 50, 67, 10, 4.5)
    pen.shape((84, 66, 54), (32, 50), (54, 50), (46, 62), (20, 68))  # wing
    pen.disc((120, 92, 70), 65, 39, 10.5, 10)  # head
    pen.disc((204, 104, 52), 68, 43, 7, 6.5)
    pen.shape((58, 50, 44), (74.5, 36), (84, 40), (74.5, 42))  # beak
    pen.disc((16, 14, 14), 67.5, 36.5, 1.9, 1.9)
    pen.disc((240, 240, 240), 68.1, 35.9, 0.6, 0.6)
    return finish(image, 5)


def frog() -> Image.Image:
    image = scene((112, 92, 66), (150, 124, 88), 1.0, (0, 0, 0), (0, 0, 0))
    pen = Pen(image)
    rng = np.random.default_rng(6)
    for x, y, size in zip(
        rng.uniform(0, 100, 40), rng.uniform(0, 100, 40), rng.uniform(1, 6, 40), strict=True
    ):
        pen.disc((132, 110, 78), x, y, size, size * 0.6)
    green, dark, pale = (104, 140, 52), (66, 96, 34), (196, 200, 138)
    pen.disc((84, 68, 48), 50, 82, 40, 6)
    pen.disc(dark, 22, 66, 15, 12)
    pen.disc(dark, 78, 66, 15, 12)
    pen.line(dark, 6, (14, 74), (8, 84), (24, 84))
    pen.line(dark, 6, (86, 74), (92, 84), (76, 84))
    pen.disc(green, 50, 58, 28, 25)
    pen.disc(pale, 50, 68, 19, 14)
    pen.line(green, 6, (36, 66), (33, 84), (26, 86))
    pen.line(green, 6, (64, 66), (67, 84), (74, 86))
    pen.disc(green, 50, 42, 25, 15)
    for x in (33, 67):
        pen.disc(green, x, 29, 9, 9)
        pen.disc((214, 172, 62), x, 28, 6, 6)
        pen.disc((18, 16, 12), x, 28, 3.6, 3)
    pen.line((52, 74, 28), 1.2, (28, 45), (40, 50), (60, 50), (72, 45))
    return finish(image, 6)


DRAWN: tuple[Callable[[], Image.Image], ...] = (airplane, ship, automobile, truck, bird, frog)

if __name__ == "__main__":
    for draw in DRAWN:
        draw().save(HERE / f"{draw.__name__}.jpg", quality=88)
