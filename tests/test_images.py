"""Any picture a person may have is opened upright in 8 bits, or refused in one plain sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from model_zoo.errors import BadInput
from model_zoo.vision.images import WORKING_SIDE, as_image, flatten, open_image

RED, BLUE = (220, 20, 30), (20, 40, 210)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def half_red_half_blue(size: int = 64) -> Image.Image:
    image = Image.new("RGB", (size, size), RED)
    image.paste(BLUE, (0, size // 2, size, size))
    return image


def near(pixel: tuple[int, ...], colour: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "HEIF"])
def test_common_formats_keep_their_colours(format):
    if format == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    image = flatten(open_image(encoded(half_red_half_blue(), format)))
    assert near(image.getpixel((32, 8)), RED)
    assert near(image.getpixel((32, 56)), BLUE)


def test_a_photograph_taken_with_the_camera_turned_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn 90 degrees clockwise to view"
    image = open_image(encoded(half_red_half_blue(), "JPEG", exif=exif, quality=95))
    assert near(image.getpixel((56, 32)), RED)
    assert near(image.getpixel((8, 32)), BLUE)


def test_cmyk_becomes_rgb():
    image = open_image(encoded(half_red_half_blue().convert("CMYK"), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert near(image.getpixel((32, 8)), RED)


def test_sixteen_bits_keep_their_shades_instead_of_clipping_to_white():
    ramp = np.linspace(0, 65535, 64 * 64, dtype=np.uint16).reshape(64, 64)
    image = open_image(encoded(Image.fromarray(ramp), "PNG"))
    assert image.mode == "L"
    assert abs(image.getpixel((32, 32)) - 128) <= 2


def test_palette_with_transparency_lies_on_white():
    image = Image.new("P", (16, 16), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (0, 0, 8, 16))
    opened = open_image(encoded(image, "PNG", transparency=0))
    assert flatten(opened).getpixel((12, 8)) == (255, 255, 255)
    assert flatten(opened).getpixel((4, 8)) == (0, 255, 0)


def test_an_animation_is_its_first_frame():
    frames = [Image.new("RGB", (32, 32), RED), Image.new("RGB", (32, 32), BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(flatten(open_image(data)).getpixel((16, 16)), RED)


def test_fifty_megapixels_are_scaled_down():
    data = encoded(Image.new("L", (10_000, 5_000), 200), "JPEG")
    image = open_image(data)
    assert max(image.size) <= WORKING_SIDE
    assert image.width == 2 * image.height


def bomb(side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes whose header promises side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"this is no picture", "not a picture"),
        (b"", "not a picture"),
        (bomb(), "too large"),
        (bomb(12_000), "too large"),
        (encoded(half_red_half_blue(400), "PNG")[:300], "cut off"),
        (encoded(half_red_half_blue(400), "JPEG")[:900], "cut off"),
        (encoded(Image.new("RGB", (1, 1)), "PNG"), "only 1 × 1"),
    ],
    ids=["text", "empty", "bomb", "144 megapixels", "truncated PNG", "truncated JPEG", "1x1"],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(data, says):
    with pytest.raises(BadInput) as caught:
        open_image(data)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(BadInput, match=r"no file nowhere\.png"):
        open_image("nowhere.png")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(8, np.uint8),
        np.zeros((2, 8, 8, 3), np.uint8),
        np.zeros((8, 8, 5), np.uint8),
        np.zeros((8, 8), np.complex64),
        np.array([["a"] * 8] * 8),
        [[1, 2, 3, 4], [1, 2]],
        object(),
        None,
    ],
    ids=["a row", "a batch", "five channels", "complex", "texts", "ragged", "object", "None"],
)
def test_what_is_no_picture_is_refused_in_one_sentence(array):
    with pytest.raises(BadInput, match=r"^A picture is an image, a file, or numbers .+\.$"):
        as_image(array)
