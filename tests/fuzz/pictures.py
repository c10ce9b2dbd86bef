"""Pictures: damaged files, metadata in any state, arrays of any kind."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import model_zoo
from model_zoo.vision.images import WORKING_SIDE, as_image, open_image
from model_zoo.vision.picture_metadata import TURNS
from tests.fuzz import seeds
from tests.fuzz.kinds import Kind, Seeded, Structured
from tests.fuzz.mutations import cuts, mutate
from tests.fuzz.rules import answered, require

EVERY = 8  # one case of so many is a file that ends at a kilobyte, one after the other
MOST_SEGMENT = 65_000  # bytes of metadata that fit into a segment of a JPEG
# What may stand in a PNG and says nothing of its pixels
PNG_COMMENTS = (b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"tIME", b"hIST", b"sPLT", b"vpAg", b"acTL",
                b"fcTL", b"fdAT", b"oFFs", b"caBX")  # fmt: skip
# The segments of a JPEG that say nothing of its pixels: all of APP1 to APP15 but Adobe's, COM
JPEG_COMMENTS = (*range(0xE1, 0xEE), 0xEF, 0xFE)
PREFIXES = (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"MPF\0", b"Photoshop 3.0\0", b"JFIF\0",
            b"ICC_PROFILE\0\1\1", b"")  # fmt: skip


@cache
def plain_files() -> dict[str, tuple[bytes, Image.Image]]:
    """By format: a file without metadata, and what is seen on it."""
    files = {kind: seeds.saved(seeds.scene(), kind) for kind in ("jpeg", "png", "webp", "tiff")}
    return {kind: (data, open_image(data)) for kind, data in files.items()}


def damaged(seed: int, random: Random) -> None:
    """A file in any state is a picture of the kind that is promised, or refused."""
    files = seeds.pictures()
    if seed % EVERY == 0:
        number, end = (ends := cuts(files))[seed // EVERY % len(ends)]
        data = files[number][:end]
    else:
        data = mutate(random, random.choice(files), files)
    picture = answered(lambda: open_image(data))
    if picture is not None:
        require(picture.mode in ("L", "RGB", "RGBA"), f"a picture of mode {picture.mode}")
        require(max(picture.size) <= WORKING_SIDE, f"a picture of {picture.size}")


def with_metadata(seed: int, random: Random) -> None:
    """The pixels are those of the file without metadata, in one of the eight ways to turn them."""
    kind = random.choice(("jpeg", "png", "webp"))
    block = seeds.exif()
    whole = random.random() < 0.1
    if not whole:
        block = mutate(random, block, [block, seeds.profile()])
    if random.random() < 0.9 and not block.startswith(b"Exif\0\0"):
        block = b"Exif\0\0" + block
    block = block[:MOST_SEGMENT]
    if kind == "webp":
        data = seeds.saved(seeds.scene(), kind, exif=block, xmp=random.randbytes(99))
    else:
        data, _ = plain_files()[kind]
        insert = _into_jpeg if kind == "jpeg" else _into_png
        data = insert(random, data, block)
    _require_pixels(data, plain_files()[kind][1], 6 if whole else None)


def with_profile(seed: int, random: Random) -> None:
    """A damaged colour profile costs no picture."""
    kind = random.choice(("jpeg", "png", "webp", "tiff"))
    block = mutate(random, seeds.profile(), [seeds.exif()])[:MOST_SEGMENT]
    data = seeds.saved(seeds.scene(), kind, icc_profile=block)
    found = open_image(data)
    require(found.size == seeds.scene().size, f"a picture of {found.size}")
    require(found.mode == "RGB", f"a picture of mode {found.mode}")


def _into_jpeg(random: Random, data: bytes, exif: bytes) -> bytes:
    """A JPEG with this EXIF among other segments that say nothing of its pixels."""
    segments = [(0xE1, exif)]
    for _ in range(random.randrange(4)):
        payload = random.choice(PREFIXES[1:]) + random.randbytes(random.randrange(300))
        marker = random.choice(JPEG_COMMENTS)
        if (marker, payload[:4]) != (0xE2, b"ICC_"):
            segments.append((marker, payload))
    random.shuffle(segments)
    packed = [struct.pack(">BBH", 0xFF, kind, 2 + len(body)) + body for kind, body in segments]
    return data[:2] + b"".join(packed) + data[2:]


def _into_png(random: Random, data: bytes, exif: bytes) -> bytes:
    """A PNG with this EXIF among other chunks that say nothing of its pixels."""
    chunks = [(b"eXIf", exif.removeprefix(b"Exif\0\0"))]
    for _ in range(random.randrange(4)):
        kind = random.choice(PNG_COMMENTS)
        body = mutate(random, b"Comment\0" + zlib.compress(b"words " * 99), [exif])
        chunks.append((kind, body))
    random.shuffle(chunks)
    packed = b""
    for kind, body in chunks:
        right = zlib.crc32(kind + body)
        wrong = kind != b"eXIf" and random.random() < 0.1
        checksum = random.randrange(2**32) if wrong else right
        packed += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
    place = 33  # behind IHDR
    if random.random() < 0.2:
        place = len(data) - 12  # before IEND
    return data[:place] + packed + data[place:]


def _require_pixels(data: bytes, plain: Image.Image, orientation: int | None) -> None:
    found = open_image(data)  # refused in a sentence is lost, too
    turns = [orientation] if orientation else [None, *TURNS]
    pixels = np.asarray(found)
    turned = (plain.transpose(TURNS[turn]) if turn else plain for turn in turns)
    same = any(np.array_equal(pixels, np.asarray(one)) for one in turned)
    require(same, f"other pixels: {found.mode} {found.size}")


NUMBERS = st.one_of(
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?"),
    arrays.boolean_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.unicode_string_dtypes(max_len=3),
    arrays.datetime64_dtypes(),
)
OTHERS = st.one_of(
    st.none(), st.integers(), st.text(max_size=9), st.binary(max_size=9),
    st.lists(st.lists(st.floats(), max_size=5), max_size=5),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip
SHAPES = st.one_of(
    arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6),
    st.tuples(st.integers(4, 40), st.integers(4, 40)),
    st.tuples(st.integers(4, 40), st.integers(4, 40), st.integers(0, 5)),
    st.tuples(st.integers(1, 4), st.integers(4, 40), st.integers(4, 40)),
    st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(4, 20), st.integers(4, 20)),
)


@st.composite
def array_like(draw: Callable[..., Any]) -> Any:
    """An array of any type and shape, or the same in lists."""
    kind, shape = draw(NUMBERS), draw(SHAPES)
    elements = None
    if kind.kind == "f":
        span = draw(st.sampled_from((1, 255, 60_000, None)))  # the largest float16 is 65,504
        if span:
            elements = st.floats(-span, span, width=8 * kind.itemsize)
    fill = None if elements is None else st.just(0.0)
    value = draw(arrays.arrays(kind, shape, elements=elements, fill=fill))
    return draw(st.sampled_from((lambda a: a, np.ndarray.tolist, np.asfortranarray)))(value)


THINGS = st.one_of(array_like(), array_like(), OTHERS)


def array(thing: Any) -> None:
    """An array is a picture to both models, or refused; the answer is a distribution."""
    answered(lambda: as_image(thing))
    for name in ("cifar10-resnet", "mnist-cnn"):
        found = answered(partial(model_zoo.load(name), thing))
        if found:
            require_shares(found)


def require_shares(found: dict[str, float]) -> None:
    """Probabilities that are some, the best first, and together 1."""
    values = list(found.values())
    require(bool(np.isfinite(values).all()), f"no probabilities: {values}")
    require(abs(sum(values) - 1) < 1e-3, f"probabilities of together {sum(values)}")
    require(values == sorted(values, reverse=True), f"not the best first: {values}")


KINDS: tuple[Kind, ...] = (
    Seeded("pictures, damaged", 20, damaged),
    Seeded("pictures, metadata", 15, with_metadata),
    Seeded("pictures, profiles", 4, with_profile),
    Structured("pictures, arrays", 10, array, THINGS),
)
