"""How much sound a file promises, read from its own headers: what was heard is counted against it.

What a recorder could not come back to fill in is no promise: a size of 0 or of all bits.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from itertools import pairwise
from typing import IO

NEVER_FILLED_IN = 0x7FFF0000  # bytes, and more: what is written where a size is not yet known
MOST_CHUNKS = 1000  # that are looked at for the one with the sound
MOST_BYTES = 2**48  # of a chunk
FIRST_FRAME_BYTES = 4096  # of an MP3; its length stands in the first frame
CUT_OUT_SECONDS = 2  # where the first page ends later, the clock did not begin with this file
PAGE = re.compile(rb"OggS\0(.)(.{8})", re.DOTALL)  # flags and clock
FIRST_PAGE = 2  # among the flags


def times_as_long(file: IO[bytes]) -> float:
    """How many times as long as it is a WAV, AIFF, W64, AU, CAF or AVI says that its sound is."""
    found = _chunk(file)
    if found is None:
        return 1.0
    begin, claimed = found
    there = file.seek(0, 2) - begin
    return claimed / there if 0 < there < claimed else 1.0


def _chunk(file: IO[bytes]) -> tuple[int, int] | None:
    """Where the sound begins, and how many bytes it is said to have."""
    file.seek(0)
    head = file.read(12)
    if head[:4] == b".snd" and len(head) == 12:
        begin, claimed = struct.unpack(">4xII", head)
        return (begin, claimed) if claimed < NEVER_FILLED_IN else None
    if head[:4] == b"caff":
        return _find(file, 8, ">4sq", 0, 1)
    if head[:4] == b"riff":  # W64, whose sizes count the chunk's own head
        return _find(file, 40, "<4s12xQ", 24, 8)
    order = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}.get(head[:4])
    return _find(file, 12, f"{order}4sI", 0, 2) if order else None


def _find(file: IO[bytes], at: int, form: str, counted: int, even: int) -> tuple[int, int] | None:
    size, sizes64 = struct.calcsize(form), 0
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(size)
        if len(head) < size:
            return None
        name, claimed = struct.unpack(form, head)
        at, claimed = at + size, claimed - counted
        if name == b"ds64":  # RF64 keeps here what does not fit into 32 bits
            [sizes64] = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))
        if name in (b"data", b"SSND") or (name == b"LIST" and file.read(4) == b"movi"):
            claimed = sizes64 or claimed
            return (at, claimed) if sizes64 or size > 8 or claimed < NEVER_FILLED_IN else None
        if not 0 <= claimed < MOST_BYTES:
            return None
        at += -(-claimed // even) * even
    return None


def says_its_length(file: IO[bytes]) -> bool:
    """Whether an MP3 does; else its length was guessed from its first frames."""
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:  # a size of seven bits a byte
        file.seek(10 + sum(byte << 7 * (3 - index) for index, byte in enumerate(head[6:])))
    head = file.read(FIRST_FRAME_BYTES)
    mark = re.search(rb"(?:Xing|Info)...(.)|VBRI", head, re.DOTALL)
    return mark is not None and (mark[1] is None or bool(mark[1][0] & 1))


def of_ogg(file: IO[bytes]) -> tuple[int, float]:
    """How many recordings lie behind each other in an Ogg, and their seconds by its pages' clock.

    The seconds are 0 where they are not known, infinite where the file ends within a page.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pages = [
            (page.start(), page[1][0], int.from_bytes(page[2], "little", signed=True))
            for page in PAGE.finditer(data)
        ]
        first = [bool(flags & FIRST_PAGE) for _, flags, _ in pages]
        begins = [at for at, one in enumerate(first) if one and not (at and first[at - 1])]
        parts = [pages[begin:end] for begin, end in pairwise([*begins, len(pages)])]
        rates = [_rate(data[part[0][0] + 28 : part[0][0] + 80]) for part in parts]
        if sum(first) > len(parts) or not all(rates) or not parts:
            return len(parts), 0.0  # tracks side by side, or a codec with a clock of its own
        if _breaks_off(data, pages[-1][0]):
            return len(parts), math.inf
        clocks = [[clock for _, _, clock in part if clock > 0] for part in parts]
        seconds = sum(map(_seconds, clocks, rates))
    return len(parts), seconds


def _seconds(clock: list[int], rate: int) -> float:
    begin = clock[0] if clock and clock[0] > CUT_OUT_SECONDS * rate else 0
    return (clock[-1] - begin) / rate if clock else 0.0


def _rate(head: bytes) -> int:
    """Ticks a second of the clock of Opus, Vorbis, FLAC or Speex, else 0."""
    if head.startswith(b"OpusHead"):
        return 48_000
    if head.startswith(b"\x01vorbis"):
        return int.from_bytes(head[12:16], "little")
    if head.startswith(b"\x7fFLAC"):
        return int.from_bytes(head[27:30], "big") >> 4
    return int.from_bytes(head[36:40], "little") if head.startswith(b"Speex") else 0


def _breaks_off(data: mmap.mmap, last: int) -> bool:
    pieces = data[last + 27 : last + 27 + data[last + 26]] if last + 26 < len(data) else b""
    end = last + 27 + len(pieces) + sum(pieces)
    return not pieces or end > len(data)
