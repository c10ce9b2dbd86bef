"""Open any picture a person may have, safely, as 8-bit PIL images; nothing here knows a model."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from model_zoo.errors import BadInput, named
from model_zoo.picture_metadata import MOST_PAGES, ORIENTATION, in_srgb, plain, upright

MAX_PIXELS = 100_000_000  # 100 megapixels; more is refused before a byte of it is decoded
MIN_SIDE = 4  # pixels; less holds no picture
WORKING_SIDE = 2048  # pixels; larger pictures are scaled down to this, the models see 32 at most
# The only formats that are ever opened. Pillow knows others that start programs (EPS), call the
# system's own drawing (WMF) or are known by nothing but their name (TGA).
FORMATS = (
    "JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "DIB", "TIFF", "JPEG2000", "ICO", "PPM",
    "QOI",
)  # fmt: skip
# What white is in a picture of other numbers than 8 bits: 1.0, or the largest of 8 to 16 bits
WHITES = (1, 255, 1023, 4095, 16383, 65535)
OVERSHOOT = 0.05  # of white: resampling leaves floats a little above and below their range
BRIGHTEST = 16.0  # of floats whose white is 1; those that go further have theirs at 255
SMALLER_COPY = 0x00FE  # the TIFF tag whose lowest bit says that a page is one

File = str | Path | bytes | BinaryIO
Picture = Image.Image | npt.ArrayLike | File

if Image.MAX_IMAGE_PIXELS == 89_478_485:  # Pillow's default, above which it warns
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def open_image(source: File) -> Image.Image:
    """Decode the first frame upright, in sRGB, as L, RGB or RGBA, at most 2048 pixels a side.

    Takes a path, the bytes of a file or an open file; raises BadInput in one plain sentence for
    what is no picture, is cut off, is too small or would fill the memory.
    """
    try:
        return _decode(_without_comments(source))
    except BadInput:
        raise
    except FileNotFoundError as error:
        raise BadInput(f"There is no file {named(str(source))}: check its name.") from error
    except (UnidentifiedImageError, IsADirectoryError) as error:
        raise BadInput("That file is not a picture that can be read: use PNG or JPEG.") from error
    except Image.DecompressionBombError as error:
        raise BadInput(_too_large()) from error
    except Exception as error:  # decoders meet damaged files with errors of every kind
        raise BadInput("The picture is damaged or cut off: save or upload it again.") from error


def as_image(picture: Picture) -> Image.Image:
    """A PIL image, upright and in sRGB as L, RGB or RGBA, of whatever plainly is a picture.

    Besides images and files: arrays, tensors and lists of bools, integers or floats, as (h, w),
    (h, w, 1 to 4) or (1, 3 or 4, h, w), alone or as a batch of one.
    """
    if isinstance(picture, (str, Path, bytes, io.IOBase)):
        return open_image(picture)
    if isinstance(picture, Image.Image):
        _check_size(picture.width, picture.height)
        return _to_eight_bits(in_srgb(upright(picture)))
    array = _as_array(picture)
    _check_size(array.shape[1], array.shape[0])
    return _to_eight_bits(Image.fromarray(array if array.dtype == np.uint8 else _scale(array)))


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
    return (
        f"A picture is an image, a file, or numbers (h, w), (h, w, 3) or (3, h, w), "
        f"not {kind}: convert it first."
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
    if isinstance(source, (str, Path)):
        source = Path(source).read_bytes()
    return io.BytesIO(plain(source if isinstance(source, bytes) else source.read()))


def _decode(file: io.BytesIO) -> Image.Image:
    with Image.open(file, formats=_formats()) as image:
        orientation = _turn_to_main_page(image) if isinstance(image, TiffImageFile) else None
        _check_size(image.width, image.height)
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # JPEG: decode small from the start
        rawmode = _rawmode(image)
        image.load()
        decoded: Image.Image = image
        if rawmode.startswith("RGB") and ";16" in rawmode and _peak(image) < 64:
            decoded = _all_sixteen_bits(image, file, rawmode)
        result = _to_eight_bits(in_srgb(_shrink(upright(decoded, orientation))))
        result = _shrink(result)  # which needs those 8 bits
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
    # At the end of a load Pillow turns a TIFF by itself, for which it reads all of its metadata.
    image.load_end = lambda: None  # type: ignore[method-assign]
    return image.tag_v2.get(ORIENTATION, 1)


def _rawmode(image: Image.Image) -> str:
    """How the values lie in the file, as Pillow names it: "RGB;16B" for 16 bits, largest first."""
    tiles = getattr(image, "tile", None)
    how = tiles[0][3] if tiles else ""
    return str(how[0] if isinstance(how, tuple) and how else how)


def _peak(image: Image.Image) -> int:
    """The largest value of any colour."""
    return max(int(np.asarray(image.getchannel(band)).max(initial=0)) for band in "RGB")


def _all_sixteen_bits(image: Image.Image, file: io.BytesIO, rawmode: str) -> Image.Image:
    """A 16-bit picture in which so little is used that the upper bytes, all that Pillow keeps,
    show next to nothing: 12 bits, say. The lower bytes are had by reading the values the other way.
    """
    order = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}[rawmode[-1]]
    swapped = rawmode[:-1] + order
    file.seek(0)
    with Image.open(file, formats=_formats()) as lower:
        lower.seek(image.tell())
        assert isinstance(lower, ImageFile.ImageFile)
        for i, tile in enumerate(lower.tile):
            more = tile.args[1:] if isinstance(tile.args, tuple) else None
            lower.tile[i] = tile._replace(args=swapped if more is None else (swapped, *more))
        lower.load()
        values = np.asarray(image).astype(np.uint16) << 8 | np.asarray(lower)
    scaled = Image.fromarray(_scale(values[..., :3], integers=True))
    if image.mode == "RGBA":
        scaled.putalpha(Image.fromarray(_scale(values[..., 3], integers=True)))
    scaled.info = image.info
    return scaled


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
    if max(image.size) > WORKING_SIDE and not image.mode.startswith(("I", "F")):
        profile = image.info.get("icc_profile")
        image = image.convert(_plain_mode(image)) if image.mode in ("P", "1") else image
        image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
        image.info["icc_profile"] = profile
    return image


def _to_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB", "RGBA"):
        return image
    if image.mode.startswith(("I", "F")):
        # Pillow's own conversion clips at 255, which turns a photograph white.
        return Image.fromarray(_scale(np.asarray(image), integers=image.mode != "F"))
    return image.convert(_plain_mode(image))


def _scale(values: npt.NDArray[Any], integers: bool = False) -> npt.NDArray[np.uint8]:
    """Numbers of any shape as 0 to 255, from the range that they plainly have.

    From 0 to the nearest white above; −1 to 1; else from the least to the greatest. Floats that go
    a little beyond 1 end at their greatest; `integers` have no white at 1. What is no number
    (NaN, infinity) becomes the median.
    """
    values = values.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        values[~finite] = np.median(values[finite]) if finite.any() else 0
    black, white = float(values.min(initial=0)), float(values.max(initial=0))
    if black >= -OVERSHOOT * white:
        whites = WHITES[1:] if integers else WHITES
        black = 0
        # A sharpened or very bright picture of floats goes beyond 1, and is far from 255.
        if integers or not 1 + OVERSHOOT < white < BRIGHTEST:
            white = next((w for w in whites if white <= w * (1 + OVERSHOOT)), white)
    elif black >= -1 - OVERSHOOT and white <= 1 + OVERSHOOT:
        black, white = -1, 1
    values = (values - black) * np.float32(255 / (white - black))
    return np.clip(values, 0, 255, out=values).round().astype(np.uint8)


def _plain_mode(image: Image.Image) -> str:
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"
