"""What a page shows of a recording that a model has heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_zoo.speech.transcript import Transcript
from model_zoo.trace import Ran


@dataclass(frozen=True)
class SpeechTrace:
    """One recording's way through the model.

    `seen`: float32 [80, frames], the log-mel spectrogram of the first window, 10 ms a frame.
    `timings`: milliseconds by stage, over all windows.
    """

    answer: Transcript
    seconds: float
    seen: npt.NDArray[np.float32]
    timings: dict[str, float]
    ran: Ran
    hint: str = ""
