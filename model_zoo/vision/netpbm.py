"""Netpbm's pictures (PBM, PGM, PPM), made such that Pillow reads them at once: it takes every byte
of a comment, and every number where white is not 255, by itself.
"""

from __future__ import annotations

import re

import numpy as np

from model_zoo.vision.picture_values import scale

MAGIC = re.compile(rb"P[0-6fy]")
PLAIN = (b"P1", b"P2", b"P3")  # numbers as words, among which comments may be
BANDS = {b"P2": 1, b"P3": 3, b"P5": 1, b"P6": 3}
COMMENT = re.compile(rb"#[^\r\n]*")
_WORD = rb"(?:\s|#[^\r\n]*+)++([^\s#]{1,10})"
_END = rb"(?:#[^\r\n]*+)?\s"
_BITS = re.compile(rb"(P[14])" + 2 * _WORD + _END)
_NUMBERS = re.compile(rb"(P\w{1,5})" + 3 * _WORD + _END)


def plain_netpbm(data: bytes) -> bytes:
    """The same picture without comments, and with 255 for white; raises ValueError for none."""
    if data[:2] in PLAIN:
        data = COMMENT.sub(b" ", data)
    head = (_BITS if data[1:2] in b"14" else _NUMBERS).match(data)
    if head is None:
        raise ValueError("no header")
    kind, *words = head.groups()
    body = memoryview(data)[head.end() :]
    if kind not in BANDS or (kind not in PLAIN and words[2] == b"255"):
        return b" ".join([kind, *words]) + b"\n" + body
    width, height, white = map(int, words)
    count = width * height * BANDS[kind]
    if not 0 < white < 65536 or not 0 < count <= len(body):
        raise ValueError("more numbers than the file holds, or none")
    if kind in PLAIN:
        values = np.fromstring(bytes(body), np.int64, count, sep=" ")
        if values.min() < 0 or values.max() > white:
            raise ValueError("numbers out of their range")
    else:
        number = np.dtype(np.uint8 if white < 256 else ">u2")
        values = np.frombuffer(body[: count * number.itemsize], number)
    if len(values) < count:
        raise ValueError("cut off")
    if white == 65535:  # which programs write whatever the range is
        eight = scale(values, integers=True)
    else:
        eight = (np.minimum(values, white) * np.float32(255 / white)).round().astype(np.uint8)
    return b"P%d %d %d 255\n" % (5 if BANDS[kind] == 1 else 6, width, height) + eight.tobytes()
