"""Sound of any sampling rate, piece by piece, to the one that the models hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput
from model_zoo.speech._ffmpeg import RATE as SAMPLE_RATE
from model_zoo.speech._samples import Mix, Samples, as_float

RATES = (4_000, 384_000)  # samples a second that a recording may have


class Live:
    """Sound as it comes at one sampling rate: each piece to float32 [n] at 16 kHz, mono."""

    def __init__(self, rate: int) -> None:
        import soxr

        require_rate(rate)
        self.rate = rate
        same = rate == SAMPLE_RATE
        self._stream = None if same else soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32")

    def __call__(self, block: npt.NDArray[Any]) -> Samples:
        """Samples [n] or [n, channels], integer or float; BadInput for what is no number."""
        exact = as_float(block)
        mono = exact.mean(axis=1) if exact.ndim == 2 else exact
        if not np.isfinite(mono).all():
            raise BadInput(
                "The recording holds values that are not numbers (NaN or infinity): "
                "export it again."
            )
        mono = np.clip(mono, -1, 1)
        return self._filtered(mono) if self._stream else mono

    def finish(self) -> Samples:
        """What the filter still holds."""
        rest = np.zeros(0, np.float32)
        return self._filtered(rest, last=True) if self._stream else rest

    def _filtered(self, samples: Samples, last: bool = False) -> Samples:
        assert self._stream is not None
        # Where sound jumps, as damaged and clipped sound does, the filter goes beyond it.
        within: Samples = np.clip(self._stream.resample_chunk(samples, last=last), -1, 1)
        return within


def resampled(blocks: Iterable[npt.NDArray[Any]], rate: int, mix: Mix) -> Iterator[Samples]:
    live = Live(rate)
    for block in blocks:
        yield live(mix(as_float(block)))
    yield live.finish()


def require_rate(rate: int) -> None:
    least, most = RATES
    if not least <= rate <= most:
        raise BadInput(
            "The recording has {} samples a second: {} to {} kHz can be read.",
            f"{rate:,}",
            least // 1000,
            most // 1000,
        )
