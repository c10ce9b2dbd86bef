"""Read the tensors of a CTranslate2 `model.bin`, format version 6, without copying them."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

VERSION = 6
TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)  # by the format's number

Tensors = dict[str, npt.NDArray[np.generic]]


def read(path: Path) -> Tensors:
    """Name to array, in the type that the file has, read from the disk where they are used.

    Aliases (a second name for the same tensor) are names like others. Raises ValueError for
    another format or version and for a file that is cut off.
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _Reader(data).tensors()
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no whole CTranslate2 model") from error


class _Reader:
    """Little-endian fields, one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def number(self, kind: str) -> int:
        (value,) = struct.unpack_from(f"<{kind}", self.data, self.at)
        self.at += struct.calcsize(kind)
        return int(value)

    def text(self) -> str:
        length = self.number("H")  # counts a final NUL
        self.at += length
        return self.data[self.at - length : self.at - 1].decode("utf-8")

    def tensors(self) -> Tensors:
        if (version := self.number("I")) != VERSION:
            raise ValueError(f"CTranslate2 model version {version}, not {VERSION}")
        self.text()  # the spec's name, WhisperSpec
        self.number("I")  # the spec's revision
        found = dict(self.tensor() for _ in range(self.number("I")))
        for _ in range(self.number("I")):
            alias, name = self.text(), self.text()
            found[alias] = found[name]
        return found

    def tensor(self) -> tuple[str, npt.NDArray[np.generic]]:
        name = self.text()
        shape = [self.number("I") for _ in range(self.number("B"))]
        kind, size = np.dtype(TYPES[self.number("B")]), self.number("I")
        if self.at + size > len(self.data) or size != kind.itemsize * int(np.prod(shape)):
            raise IndexError(name)
        array = np.frombuffer(self.data, kind, size // kind.itemsize, self.at).reshape(shape)
        self.at += size
        return name, array
