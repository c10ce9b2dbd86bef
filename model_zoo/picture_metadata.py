"""What a picture's metadata say of how to show it: which way up, and what its colours mean.

Nothing else in them is read, so that nothing else can cost the picture: Pillow fails on EXIF that a
camera or an editor left in disorder, and refuses a PNG for a long comment.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# How many pixels, of what colours, which way up; and the pixels. What else there is, is comment.
PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"eXIf", b"IDAT", b"IEND"}
PNG_NEEDED = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
# Pillow's limit too: printing presses have larger profiles, but not in a PNG.
MOST_PROFILE_BYTES = 2**20
ORIENTATION = 0x0112  # EXIF's and TIFF's number for it
INTEGERS = {3: "H", 4: "I"}  # EXIF's types of an orientation: SHORT, and LONG by some editors
GRAPHIC_CONTROL = 0xF9  # the GIF block that names the transparent colour
TURNS = {  # by the orientation, what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image, orientation: object = None) -> Image.Image:
    """The picture turned as its EXIF says, or as an `orientation` of 1 to 8 found elsewhere."""
    if orientation is None:
        exif = image.info.get("exif")
        orientation = exif_orientation(exif) if isinstance(exif, bytes) else 1
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def exif_orientation(exif: bytes) -> int:
    """The orientation in a block of EXIF, 1 to 8; 1, which is upright, where it says none."""
    data = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(f"{order}HHI", data, at)
            if tag == ORIENTATION and kind in INTEGERS and values == 1:
                (found,) = struct.unpack_from(f"{order}{INTEGERS[kind]}", data, at + 8)
                return found if found in TURNS else 1
    except struct.error:  # it ends before it says so
        pass
    return 1


def in_srgb(image: Image.Image) -> Image.Image:
    """The picture in sRGB as RGB or RGBA where it has a colour profile that can be followed."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        from PIL import ImageCms  # not at import: not every Pillow is built with it

        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if (source.profile.profile_description or "").startswith("sRGB"):
            return image
        srgb = ImageCms.createProfile("sRGB")
        if image.mode == "CMYK":
            return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB") or image
        colours = image.convert("RGB")
        ImageCms.profileToProfile(colours, source, srgb, inPlace=True)
    except (ImportError, OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return image  # a profile of other colours than the picture's, or none at all
    if image.mode == "RGBA":
        colours.putalpha(image.getchannel("A"))
    return colours


def plain(data: bytes) -> bytes:
    """A file without what its pixels do not need, where that may cost them or much time."""
    if data.startswith(PNG_SIGNATURE):
        return plain_png(data)
    return plain_gif(data) if data.startswith(b"GIF8") else data


def plain_gif(data: bytes) -> bytes:
    """A GIF without what is said before its first picture but how that is laid; Pillow needs a
    minute for a comment of 10 MB.
    """
    if len(data) < 13:
        return data
    colours = 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0
    at, kept = 13 + colours, [data[: 13 + colours]]
    while data[at : at + 1] == b"!":
        start, at = at, at + 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        if data[start + 1] == GRAPHIC_CONTROL:
            kept.append(data[start:at])
    return b"".join([*kept, data[at:]])


def plain_png(data: bytes) -> bytes:
    """A PNG without its comments, and without a profile or EXIF that is damaged.

    A file whose pixels are cut off stays so, for the decoder to say it.
    """
    return PNG_SIGNATURE + b"".join(_chunks(data))


def _chunks(data: bytes) -> Iterator[memoryview]:
    view, at = memoryview(data), len(PNG_SIGNATURE)
    while at < len(data):
        kind = bytes(view[at + 4 : at + 8])
        length = int.from_bytes(view[at : at + 4], "big")
        chunk = view[at : at + 12 + length]
        if kind in PNG_NEEDED or (kind in PNG_CHUNKS and _whole(kind, chunk)):
            yield chunk
        at += 12 + length


def _whole(kind: bytes, chunk: memoryview) -> bool:
    """Whether a chunk's checksum is right, and its profile of a size that profiles have."""
    body, checksum = chunk[8:-4], chunk[-4:]
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(checksum, "big"):
        return False
    if kind != b"iCCP":
        return True
    _, _, packed = bytes(body).partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        inflate.decompress(packed[1:], MOST_PROFILE_BYTES)
    except zlib.error:
        return False
    return inflate.eof
