"""Open any picture a person may have, safely, as 8-bit PIL images; nothing here knows a model."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from model_zoo.errors import BadInput, named
from model_zoo.sentence import sentence
from model_zoo.vision.picture_metadata import (
    MOST_PAGES,
    ORIENTATION,
    check_parts,
    in_srgb,
    plain,
    upright,
)
from model_zoo.vision.picture_values import load, plain_mode, scale, to_eight_bits

MAX_PIXELS = 100_000_000  # 100 megapixels; more is refused before a byte of it is decoded
MIN_SIDE = 4  # pixels; less holds no picture
WORKING_SIDE = 2048  # pixels; larger pictures are scaled down to this, the models see 32 at most
# The only formats that are ever opened. Pillow knows others that start programs (EPS), call the
# system's own drawing (WMF) or are known by nothing but their name (TGA).
FORMATS = (
    "JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "DIB", "TIFF", "JPEG2000", "ICO", "PPM",
    "QOI",
)  # fmt: skip
# Decoders that Pillow has in Python, with the bytes that cost as much time as a part elsewhere
IN_PYTHON = {"qoi": 80, "bmp_rle": 40}
SMALLER_COPY = 0x00FE  # the TIFF tag whose lowest bit says that a page is one

File = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
Picture = Image.Image | npt.ArrayLike | File

if Image.MAX_IMAGE_PIXELS == 89_478_485:  # Pillow's default, above which it warns
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def open_image(source: File) -> Image.Image:
    """Decode the first frame upright, in sRGB, as L, RGB or RGBA, at most 2048 pixels a side.

    Takes a path, the bytes of a file or an open file, from its start; raises BadInput in one plain
    sentence for what is no picture, is cut off, is too small or would fill the memory.
    """
    with _refusing(source):
        return _decode(_without_comments(source))


@contextmanager
def _refusing(source: object) -> Iterator[None]:
    """What goes wrong with a picture, in one plain sentence."""
    try:
        yield
    except BadInput:
        raise
    except FileNotFoundError as error:
        raise BadInput("There is no file {}: check its name.", named(str(source))) from error
    except (UnidentifiedImageError, IsADirectoryError) as error:
        raise BadInput(
            "That file is not a picture that can be read: use JPEG, PNG, WebP, HEIC, AVIF, GIF, "
            "TIFF or BMP."
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except Exception as error:  # decoders meet damaged files with errors of every kind
        raise BadInput("The picture is damaged or cut off: save or upload it again.") from error


def as_image(picture: Picture) -> Image.Image:
    """A PIL image, upright and in sRGB as L, RGB or RGBA, of whatever plainly is a picture.

    Besides images and files: arrays, tensors and lists of bools, integers or floats, as (h, w),
    (h, w, 1 to 4) or (1, 3 or 4, h, w), alone or as a batch of one.
    """
    if _is_file(picture):
        return open_image(picture)
    if isinstance(picture, Image.Image):
        with _refusing(picture):
            _check_size(picture.width, picture.height)
            file = _unread(picture)
            return _decode(_without_comments(file)) if file else _as_shown(upright(picture))
    array = _as_array(picture)
    _check_size(array.shape[1], array.shape[0])
    return to_eight_bits(Image.fromarray(array if array.dtype == np.uint8 else scale(array)))


def _is_file(picture: object) -> TypeGuard[File]:
    if isinstance(picture, memoryview):
        return picture.ndim == 1
    return isinstance(picture, (str, os.PathLike, bytes, bytearray)) or hasattr(picture, "read")


def _unread(image: Image.Image) -> bytes | None:
    """The file of a picture that was opened and has no pixels yet: a decoder would give 8 bits."""
    if not isinstance(image, ImageFile.ImageFile) or image.format not in FORMATS:
        return None
    if not image.tile or image.fp is None or image.tell():
        return None
    at = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(at)  # which Pillow goes on from
    return data


def _as_array(picture: Any) -> npt.NDArray[Any]:
    """Numbers as (h, w) or (h, w, 2 to 4)."""
    try:
        # A torch tensor may be on a GPU, and part of what is trained.
        array = np.asarray(picture.detach().cpu() if hasattr(picture, "detach") else picture)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(_no_picture(type(picture).__name__)) from error
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] > 4 and array.shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype.kind not in "buif" or not (
        array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (2, 3, 4))
    ):
        raise BadInput(_no_picture(f"{array.dtype} {array.shape}"))
    return np.ascontiguousarray(array)


def _no_picture(kind: str) -> str:
    return sentence(
        "A picture is an image, a file, or numbers (h, w), (h, w, 3) or (3, h, w), not "
        "{}: convert it first.",
        kind,
    )


def flatten(image: Image.Image, background: str = "white") -> Image.Image:
    """RGB, with what is transparent laid over a background."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    base = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(base, image).convert("RGB")


@cache
def _formats() -> list[str]:
    """Those of the formats that this machine's Pillow can open."""
    with suppress(ImportError):
        # Registered once and not at import: the decoder of HEIC is a large shared library.
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _without_comments(source: File) -> io.BytesIO:
    """What Pillow is given: the file without what may cost it its picture."""
    if isinstance(source, (str, os.PathLike)):
        data = Path(source).read_bytes()
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    else:
        source = getattr(source, "buffer", source)  # of a file that was opened as text
        with suppress(AttributeError, OSError):  # of a pipe
            source.seek(0)
        data = source.read()
    return io.BytesIO(plain(data))


def _decode(file: io.BytesIO) -> Image.Image:
    with Image.open(file, formats=_formats()) as image:
        orientation = _turn_to_main_page(image) if isinstance(image, TiffImageFile) else None
        _check_size(image.width, image.height)
        for codec, *_ in getattr(image, "tile", ()):
            if codec in IN_PYTHON:
                check_parts(len(file.getbuffer()) // IN_PYTHON[codec])
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # JPEG: decode small from the start
        decoded = load(image, file, _formats())
        result = _shrink(_as_shown(_shrink(upright(decoded, orientation))))
        # A copy, where nothing had to be changed, does not hold the file.
        result = result.copy() if result is image else result
        result.info = {}  # what was in there has been done
        return result


def _turn_to_main_page(image: TiffImageFile) -> object:
    """Go to the first page that is no thumbnail of another one; its orientation, 1 to 8.

    A thumbnail says so, or has less than a quarter of the pixels of the largest page.
    """
    pixels: list[int] = []
    with suppress(Exception):  # of a damaged page, which need not be the one that is shown
        for page in range(MOST_PAGES):
            image.seek(page)
            copy = image.tag_v2.get(SMALLER_COPY, 0) & 1
            pixels.append(0 if copy else image.width * image.height)
    image.seek(next((i for i, size in enumerate(pixels) if 4 * size >= max(pixels)), 0))
    return image.tag_v2.get(ORIENTATION, 1)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large((width, height))
    if min(width, height) < MIN_SIDE:
        raise BadInput(
            "The picture is only {} × {} pixels: show one of at least {} × {}.",
            width,
            height,
            MIN_SIDE,
            MIN_SIDE,
        )


def _too_large(size: tuple[int, int] | None = None) -> BadInput:
    limit = MAX_PIXELS // 1_000_000
    if size is None:
        return BadInput("The picture is too large: scale it below {} megapixels first.", limit)
    return BadInput(
        "The picture is too large ({} × {}): scale it below {} megapixels first.", *size, limit
    )


def _as_shown(image: Image.Image) -> Image.Image:
    """In sRGB as L, RGB or RGBA."""
    # A profile is that of the file's own colours, which for a palette are RGB.
    return to_eight_bits(in_srgb(image if image.mode in ("CMYK", "LA") else to_eight_bits(image)))


def _shrink(image: Image.Image) -> Image.Image:
    if max(image.size) > WORKING_SIDE and not image.mode.startswith(("I", "F")):
        profile = image.info.get("icc_profile")
        if image.mode in ("P", "1") or "transparency" in image.info:
            image = image.convert(plain_mode(image))
        image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
        image.info["icc_profile"] = profile
    return image
