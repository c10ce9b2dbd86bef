"""From a picture of any size to what a network of photographs sees, as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from model_zoo.vision.images import Picture, as_image, flatten

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels


@dataclass(frozen=True)
class Preprocessing:
    """The middle square of a picture, scaled to `side` pixels.

    `crop`: the square's share of the shorter side; torchvision's Resize(256), CenterCrop(224) is
    224 / 256. `reduced`, `enlarged`: how to scale from twice the side on, and below. `mean`, `std`:
    of each channel, in 0..1; by default the graph takes values in 0..1 as they are.
    """

    side: int
    crop: float = 1.0
    reduced: Image.Resampling = Image.Resampling.BOX
    enlarged: Image.Resampling = Image.Resampling.BICUBIC
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def box(self, width: int, height: int) -> Box:
        """The square that is seen of a picture of this size."""
        side = self.crop * min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return left, top, left + side, top + side

    def __call__(self, picture: Picture) -> npt.NDArray[np.uint8]:
        """The picture as the network sees it, uint8 (side, side, 3)."""
        image = flatten(as_image(picture))
        box = self.box(*image.size)
        how = self.reduced if box[2] - box[0] >= 2 * self.side else self.enlarged
        return np.asarray(image.resize((self.side, self.side), how, box=box))

    def batch(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 [n, h, w] or [n, h, w, 3] to the graph's float32 [n, channels, h, w]."""
        planes = pictures[:, None] if pictures.ndim == 3 else pictures.transpose(0, 3, 1, 2)
        values = np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255)
        if (self.mean, self.std) == ((0.0,), (1.0,)):
            return values
        mean, std = (np.array(x, np.float32)[:, None, None] for x in (self.mean, self.std))
        normalised: npt.NDArray[np.float32] = (values - mean) / std
        return normalised
