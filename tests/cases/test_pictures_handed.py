"""Pictures as programs hand them over, in any mode and any hands, and their colour profiles."""

from __future__ import annotations

import io
import os
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_zoo.errors import BadInput
from model_zoo.vision.images import as_image, flatten, open_image
from tests.cases.test_pictures import swapped_profile
from tests.cases.test_pictures_values import CLEAR, COLOURS, GREY, SHIP, of_bits, png, shows

# ---- what a program hands over ---------------------------------------------------------------
CLEARED = Image.fromarray(np.dstack([COLOURS, np.where(CLEAR, 0, 255).astype(np.uint8)]))


@pytest.mark.parametrize("mode", ["LA", "La", "RGBa", "PA"])
def test_an_image_with_opacity_of_any_kind_keeps_it(mode: str) -> None:
    image = CLEARED.convert("LA").convert("La") if mode == "La" else CLEARED.convert(mode)
    found = np.asarray(flatten(as_image(image)))
    assert (found[CLEAR] == 255).all()
    assert np.abs(found[~CLEAR].astype(int).mean() - COLOURS[~CLEAR].mean()) < 9


@pytest.mark.parametrize("mode", ["HSV", "LAB", "CMYK", "YCbCr", "RGBX", "P", "1"])
def test_an_image_of_any_mode_is_what_it_looks_like(mode: str) -> None:
    image = SHIP.convert(mode)
    shows(image, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "<u2"), ("I;16B", ">u2"), ("I;16L", "<u2")])
def test_an_image_of_16_bits_in_either_order(mode: str, kind: str) -> None:
    shows(Image.frombytes(mode, (96, 64), of_bits(GREY, 16).astype(kind).tobytes()), GREY)


def test_a_file_in_any_hands(tmp_path: Path) -> None:
    file = io.BytesIO()
    SHIP.save(file, "png")  # at whose end it stands
    (tmp_path / "ship.png").write_bytes(file.getvalue())
    (entry,) = os.scandir(tmp_path)
    with tempfile.NamedTemporaryFile() as named:
        named.write(file.getvalue())
        for given in (file, bytearray(file.getvalue()), memoryview(file.getvalue()), entry, named,
                      (tmp_path / "ship.png").open(encoding="utf-8")):  # fmt: skip
            shows(given, COLOURS)
    shows(memoryview(GREY), GREY)


def test_an_image_that_is_cut_off_is_refused_in_a_sentence() -> None:
    with pytest.raises(BadInput, match="damaged or cut off"):
        as_image(Image.open(io.BytesIO(png(COLOURS, 8, 2)[:900])))


def test_a_constant_below_zero_is_no_error() -> None:
    assert as_image(np.full((8, 8), -5.0)).getextrema() == (0, 0)


# ---- colour profiles -------------------------------------------------------------------------
def linear_greys() -> bytes:
    """A profile of greys whose numbers are amounts of light."""
    white = struct.pack(">iii", 63190, 65536, 54061)
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, 5) + b"grey\0" + bytes(79),
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"kTRC": b"curv" + struct.pack(">IIHH", 0, 1, 256, 0),
        b"cprt": b"text" + bytes(4) + b"none",
    }
    table, bodies, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, body in tags.items():
        table += tag + struct.pack(">II", at + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", at + len(bodies), b"lcms", 0x2400000, b"mntr", b"GRAY", b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + bodies


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_a_profile_of_greys_is_followed(mode: str, kind: str) -> None:
    image = Image.fromarray(of_bits(GREY, 16) if mode == "I;16" else GREY)
    image = image if mode == "I;16" else image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, icc_profile=linear_greys())
    linear = GREY / 255
    seen = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    found = np.asarray(flatten(open_image(file.getvalue())))[..., 1]
    assert np.abs(found - seen)[GREY > 40].max() <= 2


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_the_profile_of_a_palette_is_followed(kind: str) -> None:
    file, image = io.BytesIO(), SHIP.quantize(256)
    image.save(file, kind, icc_profile=swapped_profile())
    shows(file.getvalue(), np.asarray(image.convert("RGB"))[..., ::-1])
