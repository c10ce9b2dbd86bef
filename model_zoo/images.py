"""Open any picture a person may have, safely, as 8-bit PIL images; nothing here knows a model."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from model_zoo.errors import BadInput

MAX_PIXELS = 100_000_000  # 100 megapixels; more is refused before a byte of it is decoded
MIN_SIDE = 4  # pixels; less holds no picture
WORKING_SIDE = 2048  # pixels; larger pictures are scaled down to this, the models see 32 at most

Picture = Image.Image | npt.NDArray[np.uint8]


def open_image(source: str | Path | bytes | BinaryIO) -> Image.Image:
    """Decode the first frame upright as L, RGB or RGBA, at most 2048 pixels a side.

    Takes a path, the bytes of a file or an open file; raises BadInput in one plain sentence for
    what is no picture, is cut off, is too small or would fill the memory.
    """
    _register_heif()
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with Image.open(file) as image:
            _check_size(image.width, image.height)
            image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # JPEG: decode small from the start
            image.load()
            # exif_transpose returns a copy where it turns, the same picture where it need not.
            return _to_eight_bits(_shrink(ImageOps.exif_transpose(image)))
    except BadInput:
        raise
    except FileNotFoundError as error:
        raise BadInput(f"There is no file {source!s}: check its name.") from error
    except UnidentifiedImageError as error:
        raise BadInput("That file is not a picture that can be read: use PNG or JPEG.") from error
    except Image.DecompressionBombError as error:
        raise BadInput(_too_large()) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadInput("The picture is damaged or cut off: save or upload it again.") from error


def as_image(picture: Picture) -> Image.Image:
    """A PIL image from a PIL image or a uint8 array (h, w), (h, w, 3) or (h, w, 4)."""
    if isinstance(picture, Image.Image):
        _check_size(picture.width, picture.height)
        return _to_eight_bits(picture)
    array = np.asarray(picture)
    flat = array.ndim == 2
    if array.dtype != np.uint8 or not (flat or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise BadInput(
            f"A picture is a uint8 array (h, w), (h, w, 3) or (h, w, 4), "
            f"not {array.dtype} {array.shape}: convert it first."
        )
    _check_size(array.shape[1], array.shape[0])
    return Image.fromarray(array)


def flatten(image: Image.Image, background: str = "white") -> Image.Image:
    """RGB, with what is transparent laid over a background."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    base = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(base, image).convert("RGB")


@cache
def _register_heif() -> None:
    """Teach Pillow HEIC, once and not at import: the decoder is a large shared library."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return  # open_image then refuses HEIC as it refuses any unknown file
    register_heif_opener()


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BadInput(_too_large(f" ({width} × {height})"))
    if min(width, height) < MIN_SIDE:
        raise BadInput(
            f"The picture is only {width} × {height} pixels: "
            f"show one of at least {MIN_SIDE} × {MIN_SIDE}."
        )


def _too_large(size: str = "") -> str:
    limit = MAX_PIXELS // 1_000_000
    return f"The picture is too large{size}: scale it below {limit} megapixels first."


def _shrink(image: Image.Image) -> Image.Image:
    if max(image.size) > WORKING_SIDE and image.mode not in ("I", "F"):
        image = image.convert(_plain_mode(image)) if image.mode in ("P", "1") else image
        image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    return image


def _to_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB", "RGBA"):
        return image
    if image.mode.startswith(("I", "F")):
        # Pillow's own conversion clips 16 bits at 255, which turns a photograph white.
        values = np.asarray(image, dtype=np.float32)
        top = 65535.0 if values.max(initial=0.0) > 255.0 else 255.0
        return Image.fromarray((np.clip(values / top, 0.0, 1.0) * 255.0).round().astype(np.uint8))
    return image.convert(_plain_mode(image))


def _plain_mode(image: Image.Image) -> str:
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"
