"""Read a GGUF file: its metadata, and its tensors as they lie or as float32.

Source: the format's own description, ggml/docs/gguf.md in ggml-org/ggml.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

VERSIONS = (2, 3)
STRING, ARRAY = 8, 9
# struct's letter for the format's numbers of plain types
SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
BLOCK = 32  # weights that share a scale

Floats = npt.NDArray[np.float32]


def _plain(kind: str, data: npt.NDArray[np.uint8]) -> Floats:
    return data.view(kind).astype(np.float32)


def _half(blocks: npt.NDArray[np.uint8], at: int) -> Floats:
    return blocks[..., at : at + 2].copy().view("<f2").astype(np.float32)


def _nibbles(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """16 bytes to 32 weights: the low halves are the first sixteen, the high halves the rest."""
    return np.concatenate([packed & 15, packed >> 4], axis=-1)


def _q4_0(blocks: npt.NDArray[np.uint8]) -> Floats:
    return _half(blocks, 0) * (_nibbles(blocks[..., 2:]).astype(np.float32) - 8)


def _q4_1(blocks: npt.NDArray[np.uint8]) -> Floats:
    return _half(blocks, 0) * _nibbles(blocks[..., 4:]) + _half(blocks, 2)


def _q8_0(blocks: npt.NDArray[np.uint8]) -> Floats:
    return _half(blocks, 0) * blocks[..., 2:].view(np.int8)


@dataclass(frozen=True)
class Kind:
    """How a type of tensor lies in the file: `size` bytes hold `weights` numbers."""

    weights: int
    size: int
    read: Callable[[npt.NDArray[np.uint8]], Floats]


KINDS = {
    0: Kind(1, 4, partial(_plain, "<f4")),
    1: Kind(1, 2, partial(_plain, "<f2")),
    2: Kind(BLOCK, 18, _q4_0),
    3: Kind(BLOCK, 20, _q4_1),
    8: Kind(BLOCK, 34, _q8_0),
}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file, [out, in] where it is a matrix; read when asked for."""

    shape: tuple[int, ...]
    kind: Kind
    data: npt.NDArray[np.uint8]

    def read(self) -> Floats:
        """Its numbers as float32."""
        blocks = self.data.reshape(-1, self.kind.size)
        return self.kind.read(blocks).reshape(self.shape)


@dataclass(frozen=True)
class Gguf:
    """`metadata["llama.block_count"]`, `tensors["token_embd.weight"].read()`."""

    metadata: dict[str, Any]
    tensors: dict[str, Tensor]


def read(path: Path) -> Gguf:
    """The whole file, mapped, not copied. Raises ValueError for anything else or a type unknown."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    reader = _Reader(data)
    try:
        return reader.gguf()
    except (struct.error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no whole GGUF file that can be read here") from error


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def gguf(self) -> Gguf:
        magic, version, tensors, pairs = self._take("4sIQQ")
        if magic != b"GGUF" or version not in VERSIONS:
            raise ValueError("not a GGUF file of version 2 or 3")
        metadata = {self._string(): self._value(*self._take("I")) for _ in range(pairs)}
        heads = [self._head() for _ in range(tensors)]
        alignment = metadata.get("general.alignment", 32)
        start = -(-self.at // alignment) * alignment
        found = {}
        for name, shape, number, offset in heads:
            kind = KINDS[number]
            size = int(np.prod(shape)) // kind.weights * kind.size
            flat = np.frombuffer(self.data, np.uint8, size, start + offset)
            found[name] = Tensor(shape, kind, flat)
        return Gguf(metadata, found)

    def _head(self) -> tuple[str, tuple[int, ...], int, int]:
        name, (rank,) = self._string(), self._take("I")
        shape = self._take(f"{rank}Q")[::-1]  # the file counts the fastest axis first
        return (name, shape, *self._take("IQ"))

    def _value(self, kind: int) -> Any:
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            inner, length = self._take("IQ")
            if inner in SCALARS:
                return list(self._take(f"{length}{SCALARS[inner]}"))
            return [self._value(inner) for _ in range(length)]
        return self._take(SCALARS[kind])[0]

    def _string(self) -> str:
        (length,) = self._take("Q")
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return values
