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

from model_zoo.errors import BadInput
from model_zoo.vision.netpbm import MAGIC, PLAIN, plain_netpbm

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# How many pixels, of what colours, which way up; and the pixels. What else there is, is comment.
PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"eXIf", b"IDAT", b"IEND"}
PNG_NEEDED = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
MOST_PROFILE_BYTES = 4 * 2**20  # a printing press's is 2 MB
MOST_PNG_PROFILE_BYTES = 2**20  # Pillow's own limit there
ORIENTATION = 0x0112  # EXIF's and TIFF's number for it
INTEGERS = {3: "H", 4: "I"}  # EXIF's types of an orientation: SHORT, and LONG by some editors
START_OF_SCAN, ICC = b"\xff\xda", 0xE2  # of JPEG: what the pixels follow, and a colour profile
COMMENTS = {0xFE, *range(0xE1, 0xF0)} - {
    0xEE
}  # what a JPEG can do without; 0xEE: how CMYK is meant
ALONE = {0x01, *range(0xD0, 0xDA)}  # JPEG's markers without a segment
FIELD_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
}
PIECES = {273, 324}  # the fields of a TIFF that say where its strips or tiles are
MOST_PARTS = 100_000  # chunks, strips and the like: ten times what large pictures have
MOST_PAGES = 16  # of a TIFF, among which the one that is no thumbnail is looked for
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
    """The picture in sRGB where it has a colour profile that can be followed."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or len(profile) > MOST_PROFILE_BYTES:
        return image
    if image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    opacity, colours = image.mode.endswith("A"), image.convert(image.mode.removesuffix("A"))
    try:
        from PIL import ImageCms  # not at import: not every Pillow is built with it

        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if (source.profile.profile_description or "").startswith("sRGB"):
            return image
        srgb = ImageCms.createProfile("sRGB")
        found = ImageCms.profileToProfile(colours, source, srgb, outputMode="RGB") or colours
    except (ImportError, OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return image  # a profile of other colours than the picture's, or none at all
    found = found.convert("L") if colours.mode == "L" else found
    if opacity:
        found.putalpha(image.getchannel("A"))
    return found


def plain(data: bytes) -> bytes:
    """A file without what its pixels do not need, where that may cost them, time or memory.

    ValueError for a TIFF that costs memory by what its pixels do need, BadInput where a file is in
    so many pieces that to look at each of them takes too long.
    """
    if data.startswith(PNG_SIGNATURE):
        return plain_png(data)
    if data.startswith(b"GIF8"):
        return plain_gif(data)
    if data.startswith(b"\xff\xd8"):
        return plain_jpeg(data)
    if data[:2] in (b"II", b"MM"):
        _check_tiff(data)
    if MAGIC.match(data):
        check_parts(data.count(b"#") if data[:2] in PLAIN else 0)
        return plain_netpbm(data)
    return data


def check_parts(parts: int) -> None:
    if parts > MOST_PARTS:
        raise BadInput("The picture is in too many small parts: save it again as PNG or JPEG.")


def plain_jpeg(data: bytes) -> bytes:
    """A JPEG without comments and with no more EXIF than the orientation."""
    at, kept, turned, parts = 2, [data[:2]], False, 0
    while 0 <= at < len(data) - 3 and data[at : at + 2] != START_OF_SCAN:
        parts += 1
        check_parts(parts)
        kind = data[at + 1]
        if data[at] != 0xFF or kind in (0x00, 0xFF):  # padding, or what decoders pass over
            at = data.find(b"\xff", at + 1)
            continue
        length = 0 if kind in ALONE else int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at : at + 2 + length]
        if kind not in COMMENTS or (kind == ICC and segment[4:].startswith(b"ICC_PROFILE")):
            kept.append(segment)
        elif not turned and segment[4:].startswith(b"Exif\0\0"):
            turned = True
            kept.append(_exif_segment(exif_orientation(segment[4:])))
        at += 2 + length
    return b"".join([*kept, data[at:] if at >= 0 else b""])


def _exif_segment(orientation: int) -> bytes:
    """An APP1 segment of a JPEG that says which way up it is, and no more."""
    field = struct.pack(">HHIHH", ORIENTATION, 3, 1, orientation, 0)
    block = b"Exif\0\0" + struct.pack(">2sHIH", b"MM", 42, 8, 1) + field + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block


def _check_tiff(data: bytes) -> None:
    """Refuse a TIFF whose fields together claim to be larger than the file: Pillow reads each of
    them, and thousands may name the same megabytes.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2] == 43
    head, field, offset = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    length = 20 if big else 12
    try:
        (at,) = struct.unpack_from(order + offset, data, 8 if big else 4)
        for _ in range(MOST_PAGES):
            (count,) = struct.unpack_from(order + head, data, at)
            check_parts(count)
            at += struct.calcsize(order + head)
            claimed = 0
            for place in range(at, at + length * count, length):
                tag, kind, number = struct.unpack_from(order + field, data, place)
                claimed += min(number * FIELD_BYTES.get(kind, 0), len(data))
                if tag in PIECES:
                    check_parts(number)
            if claimed > 2 * len(data):
                raise ValueError("the fields of this TIFF claim more than its file holds")
            (at,) = struct.unpack_from(order + offset, data, at + length * count)
            if not at:
                return
    except struct.error:  # cut off, which the decoder says
        return


def plain_gif(data: bytes) -> bytes:
    """A GIF without what is said before its first picture but how that is laid; Pillow needs a
    minute for a comment of 10 MB.
    """
    if len(data) < 13:
        return data
    colours = 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0
    at, kept, parts = 13 + colours, [data[: 13 + colours]], 0
    while data[at : at + 1] == b"!":
        parts += 1
        check_parts(parts)
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
    view, at, parts = memoryview(data), len(PNG_SIGNATURE), 0
    while at < len(data):
        parts += 1
        check_parts(parts)
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
        inflate.decompress(packed[1:], MOST_PNG_PROFILE_BYTES)
    except zlib.error:
        return False
    return inflate.eof
