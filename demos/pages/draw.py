"""Draw a digit and see it read while the stroke goes on.

The canvas is our own (canvas.html, canvas.js) in a `gr.HTML`, not `gr.Sketchpad`: it draws at the
first touch without choosing a tool, asks for an answer every 120 ms of a stroke instead of at its
end, takes back and clears by key, is drawn on from the keyboard alone, and cannot be zoomed or
panned away by a finger.
"""

from __future__ import annotations

import json
from itertools import pairwise
from math import cos, pi, radians, sin
from typing import Any

import gradio as gr
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

import model_zoo
from demos import HERE, Page
from demos.shell import parts
from demos.shell.snippets import code
from demos.shell.words import later, say, translated
from model_zoo import zoo
from model_zoo.errors import BadInput, ZooError
from model_zoo.vision.task import DIGITS

MODEL = zoo.of(DIGITS)[0]
REJECT = "not a digit"
SIDE = 560  # pixels of a drawing, as canvas.js sends it
CURVE_STEPS = 4  # lines to a curve between two points of a stroke
MOST_POINTS = 40_000  # of a drawing: a line of 120,000 pixels, a second's work to draw


Line = list[tuple[float, float]]


def _arc(x: float, y: float, wide: float, high: float, start: float, stop: float) -> Line:
    """Points of an ellipse around (x, y) from one angle to another, clockwise from the right."""
    angles = [radians(start + (stop - start) * i / 24) for i in range(25)]
    return [(x + wide * cos(a), y + high * sin(a)) for a in angles]


def _line(*corners: tuple[float, float]) -> Line:
    """Points along straight lines, close enough for a replay at a steady hand's pace."""
    points = [corners[0]]
    for (x, y), (u, v) in pairwise(corners):
        points += [(x + (u - x) * i / 8, y + (v - y) * i / 8) for i in range(1, 9)]
    return points


# Strokes on a square of 100 × 100, drawn one after the other when an example is chosen.
EXAMPLES: dict[str, list[Line]] = {
    "0": [_arc(50, 50, 21, 31, -80, -445)],
    "1": [_line((38, 34), (53, 19), (53, 81))],
    "2": [_arc(50, 37, 18, 18, -170, 40) + _line((62, 50), (32, 80), (70, 80))],
    "3": [_arc(47, 35, 17, 15, -150, 90) + _arc(47, 66, 19, 16, -90, 150)],
    "4": [_line((54, 19), (30, 60), (72, 60)), _line((60, 40), (60, 83))],
    "5": [_line((68, 20), (40, 20), (37, 47)) + _arc(48, 62, 19, 18, -125, 140)],
    "6": [_arc(68, 60, 34, 41, -100, -180) + _arc(51, 63, 17, 18, 180, -190)],
    "7": [_line((31, 23), (69, 23), (45, 81))],
    "8": [[(50 + 18 * sin(2 * a), 50 - 30 * cos(a)) for a in (2 * pi * i / 40 for i in range(41))]],
    "9": [_arc(49, 38, 17, 17, 0, -360) + _line((66, 38), (60, 82))],
    "A": [_line((26, 82), (50, 18), (74, 82)), _line((36, 58), (64, 58))],
    later("scribble"): [
        [
            (50 + (12 + 0.4 * i) * cos(i * 1.9), 50 + (30 - 0.3 * i) * sin(i * 1.3))
            for i in range(60)
        ]
    ],
}

# An upload may end after a drawing was begun, which is then newer than what was chosen before it.
# What is undefined stays as it is.
NEWEST = """() => document.querySelector("#canvas").dataset.newest === "picture"
  ? [undefined, ""] : [null, undefined]
"""

PYTHON = """
import model_zoo

model = model_zoo.load("mnist-cnn")
print(model("digit.png"))
"""


def classify_digit(image: str | None) -> dict[str, Any]:
    """Read one handwritten digit: ink of any colour on a plain background, anywhere in the picture.

    Args:
        image: a picture file (PNG, JPEG, WebP, HEIC …) of one digit.

    Returns:
        `label`, the likeliest of "0" to "9" and "not a digit", and `confidences`, a list of every
        label with its probability as `confidence`, most likely first.
    """
    with parts.plain_errors():
        trace = model_zoo.load(MODEL, task=DIGITS).trace(parts.decode(image))
        if trace.hint:
            raise BadInput(trace.hint)
        return parts.ranked(trace.answer)


def drawn(strokes: str) -> Image.Image:
    """The picture of a drawing: JSON of strokes {width, points} on a square of 560."""
    try:
        lines = [
            (float(stroke["width"]), np.array(stroke["points"], dtype=float).reshape(-1, 2))
            for stroke in json.loads(strokes)
        ]
        if sum(map(len, (points for _, points in lines))) > MOST_POINTS:
            raise ValueError
        picture = Image.new("L", (SIDE, SIDE), "white")
        pen = ImageDraw.Draw(picture)
        for width, points in lines:
            if not (0 < width <= SIDE and len(points) and np.isfinite(points).all()):
                raise ValueError
            _stroke(pen, width, np.clip(points, -SIDE, 2 * SIDE))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise BadInput("The drawing cannot be read: clear it and draw again.") from error
    return picture


def _stroke(pen: ImageDraw.ImageDraw, width: float, points: npt.NDArray[np.float64]) -> None:
    """Draw as the page does, through the midpoints: a fast stroke is a curve and not a polygon."""
    middles = (points[:-1] + points[1:]) / 2
    starts = np.concatenate([points[:1], middles[:-1]])
    share = np.linspace(0, 1, CURVE_STEPS)[:, None, None]
    curves = (1 - share) ** 2 * starts + 2 * share * (1 - share) * points[:-1] + share**2 * middles
    path = np.concatenate([curves.swapaxes(0, 1).reshape(-1, 2), points[-1:]])
    corners = [(x, y) for x, y in path.tolist()]
    pen.line(corners, fill="black", width=max(1, round(width)), joint="curve")
    for x, y in corners[0], corners[-1]:
        pen.circle((x, y), width / 2, fill="black")


def read(
    drawing: str | None,
    picture: str | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
) -> tuple[str, str, str]:
    """What the page shows for a drawing's strokes or a picture file, of which one is empty."""
    if not (drawing or picture):
        return _hint(request), "", parts.nothing(request)
    try:
        image = drawn(drawing) if drawing else parts.decode(picture)
        trace = model_zoo.load(model, precision, provider, task=DIGITS).trace(image)
    except ZooError as error:
        return parts.verdict(translated(error, request), kind="trouble"), "", parts.nothing(request)
    if trace.hint:
        return _hint(request), "", parts.nothing(request)
    best = next(iter(trace.answer))
    if best == REJECT:
        words = parts.verdict(say("That doesn't look like a digit.", request), kind="reject")
    else:
        words = parts.best(trace.answer, request)
    return words, parts.bars(trace.answer, 4, request), parts.evidence(trace, request=request)


def _hint(request: gr.Request | None = None) -> str:
    return parts.verdict(say("Draw a digit from 0 to 9.", request), kind="hint")


def build(demo: gr.Blocks) -> None:
    """Canvas on the left, answer on the right, the folds below."""
    with gr.Row(equal_height=False, elem_classes="page"):
        with gr.Column(scale=5, min_width=300):
            canvas = gr.HTML(
                "",
                html_template=(HERE / "widgets" / "canvas.html").read_text("utf-8"),
                js_on_load=(HERE / "widgets" / "canvas.js").read_text("utf-8") + parts.PICTURE_JS,
                elem_id="canvas",
                examples=EXAMPLES,
            )
            with parts.fold("Or show a picture of a digit", "asides"):
                picture = parts.Picture(
                    sources=["upload", "clipboard"], show_label=False, height=200, buttons=[],
                    elem_id="digit-picture",
                )  # fmt: skip
        with gr.Column(scale=4, min_width=300):
            shown = parts.live(_hint())
            label = gr.HTML("", elem_classes="shares")
            why = gr.HTML(parts.nothing(), js_on_load=parts.SAY_ALL)
    options = parts.choices(demo, page.slug, zoo.of(DIGITS))
    code(demo, PYTHON, "classify_digit", "digit.png")
    parts.endpoint(classify_digit, "classify_digit")

    # Of two inputs the newest counts and the other goes. Listeners to one event take their turns:
    # this one, in the browser, before the answer is asked for.
    both = [canvas.input, picture.input]
    gr.on(both, None, None, [picture, canvas], js=NEWEST, api_visibility="private")
    sources = [canvas.input, picture.input, *(option.change for option in options)]
    parts.answers(read, sources, [canvas, picture, *options], [shown, label, why])


page = Page("draw", "Draw", 10, build)

if __name__ == "__main__":
    from demos.shell import serve

    serve.run(page)
