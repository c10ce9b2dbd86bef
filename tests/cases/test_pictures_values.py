"""Pictures of other numbers than 8 bits and what is clear in them, in files and in images."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from model_zoo.errors import BadInput
from model_zoo.vision.images import as_image, flatten, open_image
from model_zoo.vision.picture_metadata import TURNS

SHIP = Image.open(Path(__file__).parents[2] / "demos" / "examples" / "ship.jpg").resize((96, 64))
COLOURS = np.asarray(SHIP)
GREY = np.linspace(0, 255, 64 * 96).round().astype(np.uint8).reshape(64, 96)
CLEAR = GREY % 16 < 8  # what is transparent where something is
Values = npt.NDArray[np.number]


def shows(picture: object, wanted: Values) -> None:
    """That a picture, laid over white, has these pixels (h, w) or (h, w, 3)."""
    found = np.asarray(flatten(as_image(picture))).astype(int)  # type: ignore[arg-type]
    assert np.abs(found - (wanted if wanted.ndim == 3 else wanted[..., None])).max() <= 2


def of_bits(values: Values, bits: int) -> npt.NDArray[np.uint16]:
    return (values / 255 * (2**bits - 1)).round().astype(np.uint16)


def png(values: Values, bits: int, kind: int, clear: bytes = b"") -> bytes:
    """A PNG of any depth and kind (0 grey, 2 RGB, 4 grey and opacity), with one clear colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width = values.shape[:2]
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    if bits <= 8:
        packed = np.unpackbits(values.astype(np.uint8).reshape(height, -1, 1), axis=2)[..., -bits:]
        rows = np.packbits(packed.reshape(height, -1), axis=1)
    data = b"\x89PNG\r\n\x1a\n"
    data += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    data += chunk(b"tRNS", clear) if clear else b""
    data += chunk(b"IDAT", zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes()))
    return data + chunk(b"IEND", b"")


def tiff(
    values: Values, order: str = "<", photometric: int = 1, packed: bool = False,
    planar: bool = False, opacity: int = 0, turn: int = 1,
) -> bytes:  # fmt: skip
    """A TIFF of numbers of any kind, (h, w) or (h, w, bands), in one strip or one a band."""
    bands = values.reshape(*values.shape[:2], -1).astype(values.dtype.newbyteorder(order))
    count = bands.shape[2]
    strips = [np.ascontiguousarray(bands[..., i]) for i in range(count)] if planar else [bands]
    data = [zlib.compress(strip) if packed else strip.tobytes() for strip in strips]
    starts = [1000 + sum(map(len, data[:i])) for i in range(len(data))]
    fields = {
        256: [values.shape[1]], 257: [values.shape[0]], 258: [8 * values.dtype.itemsize] * count,
        259: [8 if packed else 1], 262: [photometric], 273: starts, 274: [turn], 277: [count],
        278: [values.shape[0]], 279: list(map(len, data)), 284: [1 + planar],
        338: [opacity] if opacity else [], 339: ["uif".index(values.dtype.kind) + 1] * count,
    }  # fmt: skip
    fields = {tag: numbers for tag, numbers in fields.items() if numbers}
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, len(fields))
    rest, at = b"", 10 + 12 * len(fields) + 4
    for tag, numbers in fields.items():
        body = struct.pack(f"{order}{len(numbers)}I", *numbers)
        place = struct.pack(order + "I", at + len(rest)) if len(numbers) > 1 else body
        head += struct.pack(order + "HHI", tag, 4, len(numbers)) + place
        rest += body if len(numbers) > 1 else b""
    return (head + bytes(4) + rest).ljust(1000, b"\0") + b"".join(data)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_with_opacity_of_any_depth_in_sixteen_bits(bits: int) -> None:
    for opaque in (65535, 2**bits - 1):
        opacity = np.full_like(GREY, opaque, np.uint16)
        shows(png(np.dstack([of_bits(GREY, bits), opacity]), 16, 4), GREY)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_an_image_that_was_opened_is_read_with_all_of_its_bits(bits: int) -> None:
    data = io.BytesIO(png(of_bits(COLOURS, bits), 16, 2))
    image = Image.open(data)
    shows(image, COLOURS)
    assert np.asarray(image).shape == COLOURS.shape  # and is still its owner's


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_clear_grey_of_a_png_is_clear(bits: int) -> None:
    clear = 1 if bits == 16 else 2 ** (bits - 1)
    top = 2**bits - 1
    values = np.where(CLEAR, clear, 0 if bits == 1 else top).astype(np.uint16)
    shown = np.where(CLEAR, 255, 0 if bits == 1 else 255)
    values[0, :40], shown[0, :40] = 0, 0
    shows(png(values, bits, 0, struct.pack(">H", clear)), shown)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_clear_colour_of_a_png_is_clear(bits: int) -> None:
    unit = 257 if bits == 16 else 1
    values = np.where(CLEAR[..., None], [7, 3, 9], COLOURS) * unit
    data = png(values, bits, 2, struct.pack(">HHH", 7 * unit, 3 * unit, 9 * unit))
    shows(data, np.where(CLEAR[..., None], 255, COLOURS))


# ---- TIFF ------------------------------------------------------------------------------------
ORDERS = pytest.mark.parametrize("order", ["<", ">"])
PACKED = pytest.mark.parametrize("packed", [False, True])


@pytest.mark.parametrize("values", [of_bits(GREY, 12), of_bits(GREY, 16), np.float32(GREY / 255)])
@PACKED
def test_a_tiff_whose_zero_is_white_is_not_inverted(values: Values, packed: bool) -> None:
    white = 1 if values.dtype == np.float32 else values.max()
    shows(tiff(white - values, photometric=0, packed=packed), GREY)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
@ORDERS
@PACKED
def test_a_tiff_of_numbers_with_a_sign(kind: type, order: str, packed: bool) -> None:
    limits = np.iinfo(kind)
    whole = np.linspace(limits.min, limits.max, GREY.size).astype(kind).reshape(GREY.shape)
    shows(tiff(whole, order, packed=packed), GREY)
    upper = np.linspace(0, limits.max, GREY.size).astype(kind).reshape(GREY.shape)
    shows(tiff(upper, order, packed=packed), GREY)
    shows(upper, GREY)


@PACKED
def test_a_tiff_of_32_bits_without_a_sign(packed: bool) -> None:
    whole = np.linspace(0, 2**32 - 1, GREY.size).astype(np.uint32).reshape(GREY.shape)
    shows(tiff(whole, packed=packed), GREY)


@ORDERS
@PACKED
def test_floats_of_a_tiff_in_either_order(order: str, packed: bool) -> None:
    shows(tiff(np.float32(GREY / 255), order, packed=packed), GREY)


@ORDERS
@PACKED
@pytest.mark.parametrize("bits", [12, 16])
def test_planes_of_16_bits_are_read_or_refused(order: str, packed: bool, bits: int) -> None:
    data = tiff(of_bits(COLOURS, bits), order, 2, packed, planar=True)
    if packed and bits == 16:
        shows(data, COLOURS)
    else:
        with pytest.raises(BadInput, match="not a picture that can be read"):
            open_image(data)


@PACKED
def test_planes_of_which_pillow_drops_the_opacity_are_refused(packed: bool) -> None:
    opaque = np.full_like(GREY, 99)
    for bands, photometric, opacity in (([GREY, opaque], 1, 2), ([COLOURS, opaque], 2, 1)):
        with pytest.raises(BadInput, match="not a picture that can be read"):
            open_image(tiff(np.dstack(bands), "<", photometric, packed, True, opacity))


@pytest.mark.parametrize("turn", [6, 8])
@PACKED
def test_a_tiff_of_any_numbers_that_lies_on_its_side_is_turned(turn: int, packed: bool) -> None:
    upright = np.asarray(Image.fromarray(GREY).transpose(TURNS[turn]))
    for values in (GREY, of_bits(GREY, 12), np.float32(GREY / 255)):
        shows(tiff(values, packed=packed, turn=turn), upright)
    for bits in (12, 16):
        data = tiff(of_bits(COLOURS, bits), "<", 2, packed, turn=turn)
        shows(data, np.asarray(SHIP.transpose(TURNS[turn])))


# ---- Netpbm ----------------------------------------------------------------------------------
@pytest.mark.parametrize("white", [1, 100, 255, 1000, 1023, 4095, 32767, 65535])
@pytest.mark.parametrize(("binary", "words", "of"), [("P5", "P2", GREY), ("P6", "P3", COLOURS)])
def test_white_of_a_netpbm_is_what_its_head_says(
    white: int, binary: str, words: str, of: Values
) -> None:
    for part in (1, 8):  # a dark picture stays one
        if part == 8 and white == 65535:  # which is written for values of any range
            continue
        values = (of / 255 * white / part).round().astype(int)
        packed = values.astype(">u2" if white > 255 else np.uint8).tobytes()
        shows(f"{binary} 96 64 {white}\n".encode() + packed, values * 255 / white)
        text = f"{words} # by hand\n96 64\n{white}\n" + " ".join(map(str, values.ravel()))
        shows(text.encode(), values * 255 / white)


@pytest.mark.parametrize(
    "body", ["1 2 3", "-1 " * 16, "300 " * 16, "3 " * 8 + "x " * 8, "9" * 30 + " 3" * 15]
)
def test_a_netpbm_of_other_words_is_refused(body: str) -> None:
    with pytest.raises(BadInput, match="damaged or cut off"):
        open_image(f"P2 4 4 255 {body}".encode())


def test_no_comment_and_no_white_makes_a_netpbm_slow() -> None:
    began = time.process_time()
    shows(b"P6 #" + b"c" * 10_000_000 + b"\n96 64 255\n" + COLOURS.tobytes(), COLOURS)
    assert open_image(b"P6 1500 1500 1023\n" + bytes(1500 * 1500 * 6)).size == (1500, 1500)
    assert time.process_time() - began < 2


# ---- GIF ---------------------------------------------------------------------------------------
def test_what_the_first_frame_of_a_gif_leaves_out_is_clear() -> None:
    frame = Image.new("P", (8, 8), 2)
    frame.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    file = io.BytesIO()
    frame.save(file, "gif", optimize=False)
    data = bytearray(file.getvalue())
    at = data.index(b",")
    data[6:10] = struct.pack("<HH", 20, 20)
    data[at + 1 : at + 5] = struct.pack("<HH", 6, 6)
    shown = np.full((20, 20, 3), 255)
    shown[6:14, 6:14] = 0, 255, 0
    shows(bytes(data), shown)
