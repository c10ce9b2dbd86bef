"""The tasks of models that look at pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from model_zoo.inputs import read_image
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.task import Task, Yardstick
from model_zoo.trace import ImageTrace
from model_zoo.vision.classify import ImageClassifier
from model_zoo.vision.images import Picture

ACCURACY = Yardstick("accuracy", 0.002)
WORK = "one picture"


def drawn_seven() -> Image.Image:
    """A 7 as a mouse draws it."""
    image = Image.new("L", (280, 280), "white")
    corners = [(70, 60), (210, 60), (120, 220)]
    ImageDraw.Draw(image).line(corners, fill="black", width=20, joint="curve")
    return image


def ramp() -> Image.Image:
    """A photograph's size and colours: what is on it does not change the time."""
    values = np.linspace(0, 255, 256, dtype=np.uint8)
    return Image.fromarray(np.stack(np.broadcast_arrays(values, values[:, None], values[::-1]), -1))


def probe(
    spec: ModelSpec, precision: str, provider: str
) -> Callable[[], Sequence[npt.NDArray[Any]]]:
    """One picture of noise: the graph's outputs, logits first."""
    session = open_session(spec, precision, provider)
    _, shape = session.inputs["image"]
    sides = [side if isinstance(side, int) else 1 for side in shape]
    image = np.random.default_rng(0).random(sides, np.float32)
    return lambda: session(image=image)


ImageTask = Task[Picture, ImageTrace, ImageClassifier]

DIGITS = ImageTask(
    "digit classification", read_image, drawn_seven, ACCURACY, probe=probe, probe_work=WORK
)
IMAGES = ImageTask("image classification", read_image, ramp, ACCURACY, probe=probe, probe_work=WORK)
