"""The tasks of models that look at pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from model_zoo.inputs import read_image
from model_zoo.task import Task, Yardstick
from model_zoo.trace import ImageTrace
from model_zoo.vision.classify import ImageClassifier
from model_zoo.vision.images import Picture

ACCURACY = Yardstick("accuracy", 0.002)


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


ImageTask = Task[Picture, ImageTrace, ImageClassifier]

DIGITS = ImageTask("digit classification", read_image, drawn_seven, ACCURACY)
IMAGES = ImageTask("image classification", read_image, ramp, ACCURACY)
