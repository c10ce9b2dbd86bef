"""Pictures: of metadata only orientation and profile count, values keep their own range, and only
the formats that are named are opened.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import time
import tracemalloc
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageFilter, PngImagePlugin

import model_zoo
from model_zoo.errors import BadInput
from model_zoo.vision.images import as_image, flatten, open_image
from model_zoo.vision.picture_metadata import TURNS, exif_orientation

SHIP = Path(__file__).parents[2] / "demos" / "examples" / "ship.jpg"
POINTS = [(80, 70), (200, 70), (130, 220)]  # of a 7 on 280 × 280


def seven(ink: object = "black", paper: object = "white", mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (280, 280), paper)
    ImageDraw.Draw(image).line(POINTS, fill=ink, width=20, joint="curve")
    return image


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def best(name: str, picture: object) -> str:
    return next(iter(model_zoo.load(name)(picture)), "")


def digit(picture: object) -> str:
    return best("mnist-cnn", picture)


# ---- 9 and 15: values of their own range -----------------------------------------------------
GREY = np.asarray(seven(mode="L"), np.float32) / 255


def with_one(value: float, scale: float) -> npt.NDArray[np.float32]:
    values = GREY * np.float32(scale)
    values[3, 5] = value
    return values


@pytest.mark.parametrize(
    "values",
    [
        GREY,
        GREY * 2 - 1,
        GREY * 255,
        GREY * 1.04 - 0.02,
        GREY * 1e6,
        with_one(np.nan, 1),
        with_one(np.inf, 255),
        with_one(-np.inf, 255),
    ],
    ids=["0..1", "-1..1", "0..255", "overshoot", "0..1e6", "NaN", "inf", "-inf"],
)
def test_09_float_pictures_are_scaled_by_their_range(values: npt.NDArray[np.float32]) -> None:
    read = open_image(saved(Image.fromarray(values), "tiff"))
    assert np.abs(np.asarray(read)[10:] - GREY[10:] * 255).max() <= 8
    assert digit(read) == digit(values) == "7"


@pytest.mark.parametrize("brighter", [1.0, 1.06, 1.3, 2.0, 255.0])
def test_09_floats_that_go_beyond_one_are_not_black(brighter: float) -> None:
    ship = np.asarray(Image.open(SHIP).convert("RGB"), np.float32)
    ship /= ship.max()
    read = np.asarray(as_image(ship * np.float32(brighter)), np.float32)
    assert np.abs(read - 255 * ship).max() <= 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_15_grey_of_any_depth_in_sixteen_bits(bits: int) -> None:
    values = (GREY * (2**bits - 1)).astype(np.uint16)
    for kind in ("png", "tiff"):
        assert digit(saved(Image.fromarray(values), kind)) == "7"


def png16(values: npt.NDArray[np.integer]) -> bytes:
    """A PNG of 16 bits a channel, (h, w, 3 or 4), which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width, channels = values.shape
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8).reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    data = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("opaque", [None, 65535])
def test_15_colours_of_any_depth_in_sixteen_bits(bits: int, opaque: int | None) -> None:
    ship = np.asarray(Image.open(SHIP).convert("RGB"))
    values = (ship / 255 * (2**bits - 1)).round().astype(np.uint16)
    if opaque:
        values = np.dstack([values, np.full(ship.shape[:2], opaque)])
    read = flatten(open_image(png16(values)))
    assert np.abs(np.asarray(read).astype(int) - ship).max() <= 1


# ---- 14: a digit on a card -------------------------------------------------------------------
def masks() -> dict[str, Image.Image]:
    found = {name: Image.new("L", (280, 280)) for name in ("whole", "rounded", "sticker")}
    found["whole"].paste(255, (0, 0, 280, 280))
    ImageDraw.Draw(found["rounded"]).rounded_rectangle((0, 0, 279, 279), 40, fill=255)
    ImageDraw.Draw(found["sticker"]).ellipse((2, 2, 277, 277), fill=255)
    return found


def card(
    ink: str, paper: str, shape: str, margin: int, under: object = (0, 0, 0, 0)
) -> Image.Image:
    """A 7 on a cut-out card, which lies on what is transparent or on a table."""
    side = 280 + 2 * margin
    image = Image.new("RGBA", (side, side), under)
    image.paste(seven(ink, paper).convert("RGBA"), (margin, margin), masks()[shape])
    return image


@pytest.mark.parametrize(
    ("ink", "paper"), [("white", "black"), ("black", "white"), ("#204080", "#ffe080")]
)
@pytest.mark.parametrize("shape", ["whole", "rounded", "sticker"])
@pytest.mark.parametrize(
    ("margin", "under"),
    [*((n, (0, 0, 0, 0)) for n in (0, 1, 2, 40)), (2, "#7a5a3a"), (40, "#7a5a3a")],
)
def test_14_a_digit_on_a_card(ink: str, paper: str, shape: str, margin: int, under: object) -> None:
    assert digit(card(ink, paper, shape, margin, under)) == "7"


def shadow() -> Image.Image:
    image = Image.new("RGBA", (360, 360))
    image.paste((0, 0, 0, 160), (50, 50, 330, 330))
    image = image.filter(ImageFilter.GaussianBlur(10))
    image.alpha_composite(card("white", "black", "whole", 40))
    return image


def framed() -> Image.Image:
    image = seven("white", "black")
    ImageDraw.Draw(image).rectangle((0, 0, 279, 279), outline="red", width=4)
    return image


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(shadow(), id="shadow"),
        pytest.param(framed(), id="frame"),
        pytest.param(card("white", "black", "sticker", 2).convert("LA"), id="LA"),
        pytest.param(card("white", "black", "sticker", 2).quantize(32), id="palette"),
        pytest.param(card("white", "black", "whole", 60).rotate(8), id="tilted"),
        pytest.param(card("white", "black", "whole", 20).resize((1600, 1600)), id="large"),
    ],
)
def test_14_a_digit_on_an_odd_card(image: Image.Image) -> None:
    assert digit(image) == digit(open_image(saved(image, "png"))) == "7"


@pytest.mark.parametrize("colour", ["black", "white", "red"])
def test_14_strokes_on_what_is_transparent_stay_the_ink(colour: str) -> None:
    image = Image.new("RGBA", (280, 280), (0, 0, 0, 0))
    image.paste(Image.new("RGBA", (280, 280), colour), mask=seven(255, 0, "L"))
    assert digit(image) == "7"
    rainbow = Image.fromarray(np.arange(280 * 280 * 3).reshape(280, 280, 3).astype(np.uint8))
    image.paste(rainbow, mask=seven(255, 0, "L"))
    assert digit(image) == "7"


# ---- 18: EXIF in disorder --------------------------------------------------------------------
def exif(order: str = ">", orientation: int = 6) -> bytearray:
    """A camera's block: maker, orientation, resolution, and two more folders of fields."""
    head = b"Exif\0\0" + (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HI", 42, 8)
    turned = struct.pack(f"{order}HH", orientation, 0)
    fields = [
        (271, 2, 6, struct.pack(f"{order}I", 74)),
        (274, 3, 1, turned),
        (282, 5, 1, struct.pack(f"{order}I", 80)),
        (34665, 4, 1, struct.pack(f"{order}I", 88)),
        (34853, 4, 1, struct.pack(f"{order}I", 106)),
    ]
    block = head + struct.pack(f"{order}H", len(fields))
    block += b"".join(struct.pack(f"{order}HHI", *field[:3]) + field[3] for field in fields)
    block += struct.pack(f"{order}I", 0) + b"Maker\0" + struct.pack(f"{order}II", 72, 1)
    folder = struct.pack(f"{order}HHHII", 1, 33434, 5, 1, 124) + struct.pack(f"{order}I", 0)
    return bytearray(block + folder + folder + struct.pack(f"{order}II", 1, 60))


PLACE = range(6 + 8 + 2 + 12, 6 + 8 + 2 + 24)  # of the orientation's field in the block
HEADER = range(6 + 8 + 2)  # without which nothing in the block can be found


def mutated(chance: random.Random) -> bytes:
    """The block with one to eight bytes changed or its end cut off, but not its orientation."""
    block = exif(chance.choice("<>"))
    free = [at for at in range(len(block)) if at not in PLACE and at not in HEADER]
    for _ in range(chance.randint(1, 8)):
        block[chance.choice(free)] = chance.choice([0, 1, 5, 12, 255, chance.randrange(256)])
    return bytes(block[: chance.randint(PLACE.stop, len(block))])


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_18_mutated_exif_neither_changes_nor_loses_an_answer(kind: str) -> None:
    chance = random.Random(18)
    image = Image.open(SHIP).convert("RGB").resize((48, 32))
    how = {"lossless": True} if kind == "webp" else {}
    right = np.asarray(Image.open(io.BytesIO(saved(image, kind, **how))).transpose(TURNS[6]))
    for _ in range(100):
        data = saved(image, kind, exif=mutated(chance), **how)
        assert (np.asarray(open_image(data)) == right).all()


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("order", ["<", ">"])
def test_18_each_orientation_is_followed_as_pillow_does(order: str, orientation: int) -> None:
    assert exif_orientation(bytes(exif(order, orientation))) == (
        orientation if orientation in TURNS else 1
    )
    assert exif_orientation(bytes(exif(order, orientation))[: PLACE.start]) == 1


def test_18_tiff_is_turned_once() -> None:
    data = saved(seven().rotate(90), "tiff", tiffinfo={0x0112: 6})
    assert digit(data) == "7"


# ---- 25: comments and profiles of a PNG ------------------------------------------------------
def test_25_no_comment_costs_a_png_its_picture() -> None:
    image, long = Image.open(SHIP).convert("RGB"), "x" * 3_000_000
    texts = {name: PngImagePlugin.PngInfo() for name in ("zTXt", "iTXt", "many")}
    texts["zTXt"].add_text("Comment", long, zip=True)
    texts["iTXt"].add_itxt("XML:com.adobe.xmp", long, zip=True)
    for i in range(90):
        texts["many"].add_text(f"Comment {i}", long[:1_000_000], zip=True)
    for text in texts.values():
        assert (
            np.asarray(open_image(saved(image, "png", pnginfo=text))) == np.asarray(image)
        ).all()
    bomb = saved(image, "png", icc_profile=bytes(20_000_000))
    assert (np.asarray(open_image(bomb)) == np.asarray(image)).all()


def test_25_a_png_whose_comment_is_damaged_is_read_and_one_whose_pixels_are_is_not() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 100)
    whole = saved(seven(), "png", pnginfo=text)
    at = whole.index(b"a" * 100)
    assert digit(whole[:at] + b"b" + whole[at + 1 :]) == "7"
    at = whole.index(b"IDAT") + 40
    for damaged in (whole[:at] + b"\0\1\2\3" + whole[at + 4 :], whole[: at + 20]):
        with pytest.raises(BadInput, match="damaged or cut off"):
            open_image(damaged)


# ---- 39: formats that are not named ----------------------------------------------------------
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n"
WMF = b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<hhhhHI", 0, 0, 99, 99, 96, 0) + bytes(40)


@pytest.mark.parametrize("data", [EPS, WMF, bytes(18) + b"TRUEVISION-XFILE.\0"])
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Ghostscript is a script")
def test_39_no_program_is_started_for_a_picture(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # what Pillow found before
    (tmp_path / "photo.png").write_bytes(data)
    for source in (tmp_path / "photo.png", data):
        with pytest.raises(BadInput, match="not a picture that can be read"):
            open_image(source)
    assert not (tmp_path / "started").exists()


# ---- B22, B26: large pictures, thumbnails before them ----------------------------------------
def test_b22_a_picture_within_the_limit_is_read_without_a_warning() -> None:
    data = saved(Image.new("1", (9800, 9800)), "png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_image(data).size == (2048, 2048)


@pytest.mark.parametrize("says_so", [True, False])
def test_b26_the_thumbnail_that_a_tiff_begins_with_is_passed_over(says_so: bool) -> None:
    ship, thumbnail = Image.open(SHIP), Image.new("RGB", (100 if says_so else 32, 32), "green")
    if says_so:
        thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    data = saved(thumbnail, "tiff", save_all=True, append_images=[ship])
    assert open_image(data).size == ship.size
    pages = saved(ship, "tiff", save_all=True, append_images=[seven()])
    assert (np.asarray(open_image(pages)) == np.asarray(ship)).all()


# ---- colour profiles -------------------------------------------------------------------------
def swapped_profile() -> bytes:
    """sRGB with red and blue exchanged: a profile whose effect nobody can miss."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    for at in range(132, 132 + 12 * count, 12):
        tag = bytes(data[at : at + 4])
        data[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(tag, tag)
    return bytes(data).replace("sRGB".encode("utf-16-be"), "RGBs".encode("utf-16-be"))


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_a_colour_profile_is_followed_and_a_broken_one_ignored(kind: str) -> None:
    image = Image.new("RGB", (64, 64), (250, 10, 10))
    red, _, blue = np.asarray(open_image(saved(image, kind, icc_profile=swapped_profile())))[9, 9]
    assert red < 100 < blue
    for broken in (b"no profile at all", swapped_profile()[:300]):
        red, _, blue = np.asarray(open_image(saved(image, kind, icc_profile=broken)))[9, 9]
        assert blue < 100 < red


# ---- E9: what a program hands over -----------------------------------------------------------
def test_e9_an_opened_picture_is_turned_as_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "turned.jpg").write_bytes(
        saved(seven().rotate(90), "jpeg", exif=bytes(exif()), quality=95)
    )
    path = tmp_path / "turned.jpg"
    for picture in (Image.open(path), path, str(path), path.read_bytes(), path.open("rb")):
        assert digit(picture) == "7"
    assert digit(open_image(path)) == digit(as_image(open_image(path))) == "7"  # and turned once


class Tensor:
    """As torch's, that is still trained: no array before it is detached."""

    def __init__(self, values: npt.NDArray[np.float32]) -> None:
        self.values = values

    def __array__(self, *_: object, **__: object) -> npt.NDArray[np.float32]:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> npt.NDArray[np.float32]:
        return self.values


EIGHT = np.asarray(seven(mode="L"))
RGB = np.dstack([EIGHT] * 3)


@pytest.mark.parametrize(
    "numbers",
    [
        EIGHT > 99,
        EIGHT.astype(np.int64),
        EIGHT.astype(np.float64) / 255,
        EIGHT.astype(np.uint16) * 257,
        EIGHT.tolist(),
        (EIGHT > 99).astype(int).tolist(),
        EIGHT[..., None],
        EIGHT[None],
        RGB,
        RGB.transpose(2, 0, 1),
        (RGB / 255).transpose(2, 0, 1)[None],
        np.dstack([EIGHT, np.full_like(EIGHT, 255)]),
        np.dstack([RGB, np.full_like(EIGHT, 255)]),
        Tensor(np.float32(RGB.transpose(2, 0, 1) / 255)),
    ],
    ids=[
        "bool", "int64", "float64", "uint16", "list", "list of 0 and 1", "(h, w, 1)", "(1, h, w)",
        "(h, w, 3)", "(3, h, w)", "(1, 3, h, w)", "LA", "RGBA", "tensor",
    ],
)  # fmt: skip
def test_e9_numbers_are_taken_for_the_picture_that_they_are(numbers: object) -> None:
    assert digit(numbers) == "7"


# ---- what metadata may cost ------------------------------------------------------------------
def test_a_comment_of_megabytes_takes_no_time() -> None:
    gif = saved(seven(mode="L"), "gif")
    comment = b"!\xfe" + (b"\xff" + b"c" * 255) * 40_000 + b"\0"
    at = 13 + 3 * 2 ** ((gif[10] & 7) + 1)  # behind the table of colours
    began = time.process_time()
    assert digit(gif[:at] + comment + gif[at:]) == "7"
    assert time.process_time() - began < 5


def exif_of_many(fields: int, order: str = ">") -> bytes:
    """EXIF, or a TIFF, in which every field names the same bytes: the whole block."""
    block = struct.pack(f"{order}2sHIH", b"MM" if order == ">" else b"II", 42, 8, fields)
    claimed = 10 + 12 * fields
    for tag in range(fields):
        block += struct.pack(f"{order}HHII", 1000 + tag, 7, claimed, 0)
    return block + bytes(4)


def memory_of(data: bytes) -> int:
    """The most bytes that opening it took, as far as Python counts them."""
    tracemalloc.start()
    with suppress(BadInput):
        open_image(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_fields_that_name_the_same_bytes_take_no_memory() -> None:
    image = saved(seven(), "jpeg", quality=95)
    start = image.index(b"\xff\xdb")  # without JFIF's own segment Pillow looks for the size in EXIF
    block = b"Exif\0\0" + exif_of_many(5000)
    jpeg = image[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + image[start:]
    assert digit(jpeg) == "7"
    assert memory_of(jpeg) < 20_000_000
    for order in "<>":
        assert memory_of(exif_of_many(20_000, order)) < 20_000_000


MANY = 200_000
BIG_FIELDS = struct.pack("<HHQQ", 300, 1, 0, 0) * MANY
GIF = saved(seven(mode="L"), "gif")
GIF_HEAD = 13 + 3 * 2 ** ((GIF[10] & 7) + 1)  # up to the end of its table of colours
PNG = saved(seven(), "png")


def strips(count: int) -> bytes:
    """A TIFF of a row of grey in each of so many strips, all of them the same one."""
    fields = [(256, 280), (257, count), (258, 8), (259, 1), (262, 1), (277, 1), (278, 1)]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields) + 2)
    head += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    for tag in (273, 279):  # where a strip begins, how long it is: for both the number 280
        head += struct.pack("<HHII", tag, 4, count, 400)
    return head.ljust(280, b"\0") + bytes(120) + struct.pack("<I", 280) * max(count, 70)


IN_PIECES = {
    "JPEG, markers alone": b"\xff\xd8" + b"\xff\xd0" * MANY,
    "JPEG, segments": b"\xff\xd8" + b"\xff\xe0\0\2" * MANY,
    "JPEG, comments": b"\xff\xd8" + b"\xff\xfe\0\2" * MANY,
    "JPEG, padding": b"\xff\xd8" + b"\xff" * MANY,
    "JPEG, behind what is passed over": b"\xff\xd8\xff\xe0\0\2x" + b"\xff\xe0\0\2" * MANY,
    "GIF, control blocks": GIF[:GIF_HEAD] + b"!\xf9\0" * MANY + GIF[GIF_HEAD:],
    "PNG, pixels": PNG[:33] + b"\0\0\0\0IDAT\x35\xaf\x06\x1e" * MANY + PNG[33:],
    "PNG, comments": PNG[:33] + b"\0\0\0\0tEXt\0\0\0\0" * MANY + PNG[33:],
    "TIFF, fields": b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, MANY) + BIG_FIELDS + bytes(8),
    "TIFF, strips": strips(MANY),
    "PPM, comments": b"P3 64 64 255\n" + b"7 #\n" * MANY,
    "BMP, runs": b"BM"
    + struct.pack("<IHHI", 0, 0, 0, 1078)
    + struct.pack("<IiiHHIIiiII", 40, 3500, 3500, 1, 8, 1, 0, 0, 0, 256, 0)
    + bytes(1024)
    + b"\1\1" * 15 * MANY,
    "QOI, pixels": b"qoif" + struct.pack(">IIBB", 5000, 5000, 3, 0) + b"\x55" * 45 * MANY,
}


@pytest.mark.parametrize("kind", IN_PIECES)
def test_a_picture_in_very_many_pieces_is_refused_at_once(kind: str) -> None:
    began = time.process_time()
    with pytest.raises(BadInput, match="too many small parts"):
        open_image(IN_PIECES[kind])
    assert time.process_time() - began < 1


def test_a_picture_in_thousands_of_pieces_is_read() -> None:
    jpeg = saved(seven(), "jpeg")
    assert digit(jpeg[:2] + b"\xff\xfe\0\2" * 9000 + jpeg[2:]) == "7"
    assert digit(jpeg[:2] + b"\xff\xfe\0\2junk\xff\0" + jpeg[2:]) == "7"
    assert digit(PNG[:33] + b"\0\0\0\0IDAT\x35\xaf\x06\x1e" * 9000 + PNG[33:]) == "7"
    assert open_image(strips(9000)).height == 2048
    rows = np.asarray(seven(mode="L"))
    lines = [f"# {i}\n{' '.join(map(str, row))}" for i, row in enumerate(rows)]
    assert digit("\n".join(["P2 # grey", "280 280", "255", *lines, ""]).encode()) == "7"


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_large_picture_of_other_numbers_is_scaled_down_as_well(kind: type):
    values = np.zeros((3000, 40), kind)
    values[:, 20:] = 1
    found = open_image(saved(Image.fromarray(values), "tiff"))
    assert max(found.size) == 2048
