"""Samples as they are given: any array for what it plainly is, any number of channels to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput, brief

MOST_CHANNELS = 64
LOUDEST = 16.0  # of floats: what was mixed too loud stays far below it, 16-bit values do not
WIDTHS = (16, 24, 32, 64)  # bits that a sample may have in a wider integer
OFF_MIDDLE = 0.5  # of half a scale: sound is mostly nearer than that to its silence
AGAINST = 0.1  # correlation from which on a channel counts as turned over, or as right again

Samples = npt.NDArray[np.float32]


def as_pair(pair: Sequence[Any]) -> tuple[int, npt.NDArray[Any]]:
    """(sampling rate, samples), in the other order as well; BadInput for anything else."""
    if len(pair) != 2:
        raise BadInput("Samples come as (sampling rate, samples), not as {} values.", len(pair))
    rate, samples = pair
    if isinstance(samples, (int, float, np.number)):
        rate, samples = samples, rate  # as soundfile and librosa give them
    if not _is_whole(rate):
        raise BadInput("The sampling rate is a whole number such as 16000, not {}.", brief(rate))
    return int(rate), _as_array(samples)


def _is_whole(rate: Any) -> bool:
    """Whether a number is a whole one, of any type and size."""
    if not isinstance(rate, (int, float, np.integer, np.floating)):
        return False
    try:
        return bool(rate == int(rate))
    except (OverflowError, ValueError):  # infinity, and what is no number
        return False


def _as_array(samples: Any) -> npt.NDArray[Any]:
    """A list, an array or a tensor to [n] or [n, channels]; BadInput for anything else."""
    try:
        array = np.asarray(samples)
    except Exception as error:  # whatever the library that it comes from raises
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BadInput("Samples are an array of numbers, and this is none: {}.", reason) from error
    if array.ndim not in (1, 2):
        raise BadInput("Samples are [n] or [n, channels], not {}-dimensional.", array.ndim)
    if array.ndim == 2:
        # There are more samples than channels: [channels, n] is what torchaudio gives.
        array = array.T if array.shape[0] < array.shape[1] else array
        array = array if array.size else array.reshape(0, 1)  # no channels hold no samples
        if array.shape[1] > MOST_CHANNELS:
            raise BadInput(
                "The recording has {} channels: at most {} can be read.",
                array.shape[1],
                MOST_CHANNELS,
            )
    require_numbers(array)
    if array.dtype.kind == "f":
        require_scale(array)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)  # a file's may be another's
    wide = array.dtype in (np.int32, np.int64)
    if array.size and (wide or array.dtype.kind == "u"):
        # numpy makes int64 of any list: the values tell how many bits they were recorded with.
        low, high = int(array.min()), int(array.max())
        centred = _unsigned(array, high) if low >= 0 else None
        if centred is not None:
            return centred
        if not wide:
            raise BadInput(
                "Unsigned samples lie about the middle of their scale, which is silence, and these "
                "do not: give signed integers or floats."
            )
        bits = next(bits for bits in WIDTHS if max(-low - 1, high) < 2 ** (bits - 1))
        array = (array / 2.0 ** (bits - 1)).astype(np.float32)
    return array


def _unsigned(array: npt.NDArray[Any], high: int) -> Samples | None:
    """Samples whose silence is the middle of as many bits as they take; None where it is not."""
    half = 2.0 ** (next(bits for bits in (8, *WIDTHS) if high < 2**bits) - 1)
    centred: Samples = (array / half - 1).astype(np.float32)
    return centred if np.median(np.abs(centred)) <= OFF_MIDDLE else None


def require_numbers(array: npt.NDArray[Any]) -> None:
    """BadInput for an array of anything but integers and floats."""
    if array.dtype.kind not in "iuf":
        raise BadInput("Samples are integers or floats, not {}.", array.dtype)


def require_scale(array: npt.NDArray[Any]) -> None:
    """BadInput for floats that hold the values of integers."""
    finite = array[np.isfinite(array)]
    peak = np.abs(finite).max(initial=0)
    if peak > LOUDEST or (peak > 1 and (finite == np.round(finite)).all()):
        raise BadInput(
            "Floating-point samples lie between -1 and 1, and these reach {}: divide them by "
            "the largest value of their scale, which is 32768 for 16 bits.",
            f"{peak:.0f}",
        )


def as_float(block: npt.NDArray[Any]) -> Samples:
    """Integers of any width to -1..1; unsigned ones have their zero in the middle."""
    require_numbers(block)
    if block.dtype.kind == "f":
        return block.astype(np.float32)
    half = float(2 ** (8 * block.dtype.itemsize - 1))
    centred = block.astype(np.float32) - (half if block.dtype.kind == "u" else 0)
    return (centred / half).astype(np.float32)


class Mix:
    """The channels of one recording, block by block, to one that holds what any of them holds.

    It is their mean, with those turned over that run against the loudest one: a microphone wired
    the wrong way round would cancel the other. Channels that have nothing in common may be turned
    or not; so that this does not change from block to block, the correlation must be clear.
    """

    def __init__(self) -> None:
        self._signs = np.ones(0, np.float32)

    def __call__(self, block: Samples) -> Samples:
        """float32 [n] or [n, channels] to [n]."""
        if block.ndim == 1:
            return block
        channels = block.shape[1]
        if channels == 1:
            return block[:, 0]
        if len(self._signs) != channels:
            self._signs = np.ones(channels, np.float32)
        if len(block):
            self._turn(block)
        mixed: Samples = block.mean(axis=1)
        if (self._signs < 0).any():
            mixed = (block @ self._signs) / np.float32(channels)
        return mixed

    def _turn(self, block: Samples) -> None:
        offset = block.mean(axis=0)
        covariance = block.T @ block / len(block) - np.outer(offset, offset)
        power = np.sqrt(np.maximum(covariance.diagonal(), 0))
        loudest = int(power.argmax())
        scale = power * power[loudest]
        likeness = np.divide(covariance[loudest], scale, out=np.zeros_like(scale), where=scale > 0)
        turned = np.sign(likeness) * self._signs[loudest]
        clear = np.abs(likeness) > AGAINST
        self._signs = np.where(clear, turned, self._signs).astype(np.float32)
