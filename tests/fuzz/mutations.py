"""Damage to files, as disks, networks, editors and the ill-willed do it; reproducible by a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

KILOBYTE = 1024
LIES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MOST = 3  # kinds of damage to one file
Data = bytearray


def cuts(files: Sequence[bytes]) -> list[tuple[int, int]]:
    """Every file at every kilobyte, as (file, bytes that are left); 0 is an empty one."""
    return [
        (number, end) for number, data in enumerate(files) for end in range(0, len(data), KILOBYTE)
    ]


def mutate(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A file with one to three kinds of damage; `others` are spliced with it."""
    damaged = bytearray(data)
    for _ in range(random.randint(1, MOST)):
        how = random.choice(WAYS)
        how(random, damaged, random.choice(others) if others else data)
    return bytes(damaged)


def _place(random: Random, data: Data) -> int:
    """Anywhere, but as often as not within the head, where the lengths are."""
    return random.randrange(1 + (min(len(data), 512) if random.random() < 0.5 else len(data)))


def _part(random: Random, data: Data) -> slice:
    start = _place(random, data)
    return slice(start, start + int(2 ** random.uniform(0, 12)))


def _flip_bits(random: Random, data: Data, other: bytes) -> None:
    for _ in range(random.randint(1, 8) if data else 0):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _flip_bits_of_the_head(random: Random, data: Data, other: bytes) -> None:
    for _ in range(random.randint(1, 4) if data else 0):
        data[random.randrange(min(len(data), 256))] ^= 1 << random.randrange(8)


def _lie_of_a_length(random: Random, data: Data, other: bytes) -> None:
    size = random.choice((1, 2, 3, 4, 8))
    order: Literal["big", "little"] = random.choice(("big", "little"))
    at = _place(random, data)
    said = int.from_bytes(data[at : at + size], order)
    lie = random.choice((*LIES, said + random.randint(-9, 9), said * 2, said // 2))
    data[at : at + size] = (lie % 2 ** (8 * size)).to_bytes(size, order)


def _cut_off(random: Random, data: Data, other: bytes) -> None:
    del data[random.randrange(1 + len(data)) :]


def _lose_the_beginning(random: Random, data: Data, other: bytes) -> None:
    del data[: random.randrange(1 + len(data))]


def _lose_a_part(random: Random, data: Data, other: bytes) -> None:
    del data[_part(random, data)]


def _repeat_a_part(random: Random, data: Data, other: bytes) -> None:
    part = _part(random, data)
    data[part.stop : part.stop] = data[part] * random.randint(1, 4)


def _move_a_part(random: Random, data: Data, other: bytes) -> None:
    part = _part(random, data)
    moved = data[part]
    del data[part]
    at = _place(random, data)
    data[at:at] = moved


def _zero_a_part(random: Random, data: Data, other: bytes) -> None:
    part = _part(random, data)
    data[part] = bytes(len(data[part]))


def _noise_in_a_part(random: Random, data: Data, other: bytes) -> None:
    part = _part(random, data)
    data[part] = random.randbytes(len(data[part]))


def _add_behind(random: Random, data: Data, other: bytes) -> None:
    data += random.choice((bytes, random.randbytes))(int(2 ** random.uniform(0, 14)))


def _splice(random: Random, data: Data, other: bytes) -> None:
    at = _place(random, data)
    data[at:] = other[random.choice((at, 0, len(other) // 2)) :]


WAYS: Sequence[Callable[[Random, Data, bytes], None]] = (
    _flip_bits, _flip_bits_of_the_head, _lie_of_a_length, _lie_of_a_length, _cut_off,
    _lose_the_beginning, _lose_a_part, _repeat_a_part, _move_a_part, _zero_a_part,
    _noise_in_a_part, _add_behind, _splice,
)  # fmt: skip
