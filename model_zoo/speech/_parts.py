"""Files that were joined end to end although their container holds one recording: its parts."""

from __future__ import annotations

import mmap
import re
import tempfile
import weakref

from model_zoo.speech._input import CHUNK_BYTES, Input

MOST_PARTS = 100  # each is a file of its own while it is read
BEGINNINGS = [  # decoders stop after the first of these
    re.compile(beginning, re.DOTALL)
    for beginning in (
        rb"RIFF....WAVEfmt ",
        rb"FORM....AIF[FC]",
        rb"caff\x00\x01\x00\x00desc",
        rb"\0\0\0.ftyp",
        rb"TTA1\x01\x00",
        rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",  # ASF
        rb"\x1a\x45\xdf\xa3.{1,40}?(?:matroska|webm)",
    )
]


def split(source: Input) -> list[Input]:
    """The recordings that lie behind each other in a file, usually one."""
    with source.open() as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        own = next((beginning for beginning in BEGINNINGS if beginning.match(data)), None)
        starts = [found.start() for found in own.finditer(data)] if own else []
        if not 1 < len(starts) <= MOST_PARTS:
            return [source]
        ends = [*starts[1:], len(data)]
        return [_copied(source, data, *part) for part in zip(starts, ends, strict=True)]


def _copied(source: Input, data: mmap.mmap, start: int, end: int) -> Input:
    kept = tempfile.TemporaryFile()  # noqa: SIM115 closed with what is returned
    for at in range(start, end, CHUNK_BYTES):
        kept.write(data[at : min(at + CHUNK_BYTES, end)])
    kept.flush()
    part = Input(source.name, end - start, kept=kept)
    weakref.finalize(part, kept.close)
    return part
