"""What the numbers of a picture mean: those of more than 8 bits, of another range or with a sign
become 8 bits by the range that they plainly have.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.GifImagePlugin import GifImageFile
from PIL.TiffImagePlugin import TiffImageFile

# What white is in a picture of other numbers than 8 bits: 1.0, or the largest of 8 to 16 bits
WHITES = (1, 255, 1023, 4095, 16383, 65535)
OVERSHOOT = 0.05  # of white: resampling leaves floats a little above and below their range
BRIGHTEST = 16.0  # of floats whose white is 1; those that go further have theirs at 255
FEW = 64  # upper bytes of 16 bits that are all below this belong to values of 14 bits or fewer
# The tags of a TIFF that say what its numbers mean
BITS, PHOTOMETRIC, PLANAR, OPACITY, SAMPLES = 258, 262, 284, 338, 339
WHITE_IS_ZERO, IN_PLANES, PREMULTIPLIED, UNSIGNED, SIGNED = 0, 2, (1,), (1,), (2,)

Reader = Callable[[str], npt.NDArray[np.uint8]]  # of the same page as another of Pillow's raw modes


def load(image: Image.Image, file: io.BytesIO, formats: list[str]) -> Image.Image:
    """The pixels of an opened file, in which every number is what the file means by it.

    UnidentifiedImageError for the few kinds of TIFF that Pillow reads wrongly.
    """
    again = partial(_read_as, file, formats, image.tell())
    if isinstance(image, TiffImageFile):
        return _load_tiff(image, again)
    rawmode = _rawmode(image)
    box = image.tile[0].extents if isinstance(image, GifImageFile) and image.tile else None
    image.load()
    clear = image.info.get("transparency")
    if box and box != (0, 0, *image.size) and clear is None:
        # What the first frame of a GIF leaves out is empty, for which Pillow takes any colour.
        frame = Image.new("RGBA", image.size)
        frame.paste(image.crop(box).convert("RGBA"), box)
        return frame
    if rawmode in ("L;2", "L;4") and isinstance(clear, int):  # which Pillow leaves unscaled
        image.info["transparency"] = clear * 255 // (2 ** int(rawmode[2:]) - 1)
    return _with_lower_bytes(image, again, rawmode)


def _loaded(image: Image.Image) -> Image.Image:
    """Its pixels as they lie in the file: Pillow turns a TIFF, for which it reads all metadata."""
    if isinstance(image, TiffImageFile):
        image.load_end = lambda: None  # type: ignore[method-assign]
    image.load()
    # The size of a TIFF that is still to be turned is already the other one.
    return image.copy() if image.size != image.im.size else image


def _load_tiff(image: TiffImageFile, again: Reader) -> Image.Image:
    tags, tile, rawmode = image.tag_v2, image.tile[0], _rawmode(image)
    planar = len(image.getbands()) > 1 and tags.get(PLANAR) == IN_PLANES
    if planar and (
        image.mode == "LA"
        or tags.get(OPACITY) == PREMULTIPLIED
        or (tile.codec_name != "libtiff" and max(tags.get(BITS, (1,))) > 8)
    ):
        raise UnidentifiedImageError("planes that Pillow reads wrongly")
    if tile.codec_name == "libtiff" and rawmode.endswith(("BF", "BS")):
        # libtiff gives numbers in this machine's order, which Pillow knows of "I;16B" only.
        rawmode = rawmode.replace("B", "N")
        assert isinstance(tile.args, tuple)
        image.tile = [tile._replace(args=(rawmode, *tile.args[1:]))]
    loaded = _loaded(image)
    values, signs = np.asarray(loaded), tags.get(SAMPLES, UNSIGNED)
    inverted = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO and loaded.mode in ("I;16", "F")
    if loaded.mode == "L" and signs == SIGNED:
        values = values.view(np.int8)
    elif loaded.mode == "I" and signs == UNSIGNED:
        values = values.view(np.uint32)
    elif rawmode.startswith("I;16") and signs == SIGNED:
        values = values.astype(np.int16)
    elif not inverted:
        return _with_lower_bytes(loaded, again, rawmode, planar)
    scaled = scale(values, integers=loaded.mode != "F")
    return _image(255 - scaled if inverted else scaled, loaded.info)


def _image(values: npt.NDArray[np.uint8], info: dict[str | tuple[int, int], Any]) -> Image.Image:
    image = Image.fromarray(values)
    image.info = dict(info)
    return image


def _rawmode(image: Image.Image) -> str:
    """How the values lie in the file, as Pillow names it: "RGB;16B" for 16 bits, largest first."""
    tiles = getattr(image, "tile", None)
    how = tiles[0][3] if tiles else ""
    return str(how[0] if isinstance(how, tuple) and how else how)


def _with_lower_bytes(
    image: Image.Image, again: Reader, rawmode: str, planar: bool = False
) -> Image.Image:
    """A picture of 16 bits a colour, of which Pillow keeps the upper bytes alone, with the lower
    ones where the upper show next to nothing (12 bits, say) or one colour is transparent.
    """
    if image.mode not in ("RGB", "RGBA") or ";16" not in rawmode:
        return image
    # Of premultiplied colours Pillow keeps the quotient, so that it is the opacity that shows it.
    premultiplied = rawmode.startswith("RGBa")
    upper = np.asarray(image)
    peak = int(upper[..., 3 if premultiplied else slice(3)].max(initial=0))
    clear = image.info.pop("transparency", None)
    if clear is None and (peak >= FEW or (premultiplied and peak == 0)):
        return image
    if planar or premultiplied:
        raise UnidentifiedImageError("lower bytes that Pillow does not give")
    if rawmode == "LA;16B":  # taken for four bytes
        values = again("RGBA").view(">u2")
    else:
        order = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}[rawmode[-1]]
        lower = again(rawmode[:-1] + order)
        values = upper.astype(np.uint16) << 8 | lower
    colours = values.shape[2] - (image.mode == "RGBA")
    bands = [scale(values[..., :colours], integers=True)]
    if clear is not None:
        bands.append(np.where((values == clear).all(axis=2), 0, 255).astype(np.uint8))
    elif colours < values.shape[2]:
        bands.append(scale(values[..., colours], integers=True))
    return _image(np.dstack(bands), image.info)


def _read_as(
    file: io.BytesIO, formats: list[str], page: int, rawmode: str
) -> npt.NDArray[np.uint8]:
    """The same page of a file, its bytes taken for another `rawmode`."""
    file.seek(0)
    with Image.open(file, formats=formats) as again:
        again.seek(page)
        assert isinstance(again, ImageFile.ImageFile)
        for i, tile in enumerate(again.tile):
            more = tile.args[1:] if isinstance(tile.args, tuple) else None
            again.tile[i] = tile._replace(args=rawmode if more is None else (rawmode, *more))
        return np.array(_loaded(again))


def to_eight_bits(image: Image.Image) -> Image.Image:
    """L, RGB or RGBA, the last one for what is transparent in any way."""
    if image.mode.startswith(("I", "F")):
        # Pillow's own conversion clips at 255, which turns a photograph white.
        values = np.asarray(image)
        clear = image.info.get("transparency")
        image = _image(scale(values, integers=image.mode != "F"), image.info)
        if image.info.pop("transparency", None) is not None:
            image.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    if image.mode == "La":
        image = image.convert("LA")
    plain = plain_mode(image)
    return image if image.mode == plain else image.convert(plain)


def plain_mode(image: Image.Image) -> str:
    """Which of the three modes shows all of a picture."""
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


def scale(values: npt.NDArray[Any], integers: bool = False) -> npt.NDArray[np.uint8]:
    """Numbers of any shape as 0 to 255, from the range that they plainly have.

    From 0 to the nearest white above; −1 to 1; else from the least to the greatest. Floats that go
    a little beyond 1 end at their greatest; `integers` have no white at 1. What is no number
    (NaN, infinity) becomes the median.
    """
    whites: tuple[int, ...] = WHITES[1:] if integers else WHITES
    if values.dtype.kind == "i" and values.dtype.itemsize <= 2:  # with a sign white is half as much
        most = np.iinfo(values.dtype).max
        whites = (*(white for white in whites if white < most), most)
    values = values.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        values[~finite] = np.median(values[finite]) if finite.any() else 0
    black, white = float(values.min(initial=0)), float(values.max(initial=0))
    if black >= -OVERSHOOT * white:
        black = 0
        # A sharpened or very bright picture of floats goes beyond 1, and is far from 255.
        if integers or not 1 + OVERSHOOT < white < BRIGHTEST:
            white = next((w for w in whites if white <= w * (1 + OVERSHOOT)), white)
    elif black >= -1 - OVERSHOOT and white <= 1 + OVERSHOOT:
        black, white = -1, 1
    values = (values - black) * np.float32(255 / (white - black or 1))
    return np.clip(values, 0, 255, out=values).round().astype(np.uint8)
