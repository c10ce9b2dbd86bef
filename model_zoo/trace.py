"""What a page shows beside an answer: the model's view, the reason, the time and the hardware."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

PLACES = {
    "cpu": "the CPU",
    "openvino": "the CPU (OpenVINO)",
    "cuda": "the GPU (CUDA)",
    "webgpu": "the GPU (WebGPU)",
}


@dataclass(frozen=True)
class Ran:
    """The provider and precision that really ran.

    `note`: where they are not what was asked. `why`: why it was these two.
    """

    provider: str
    precision: str
    note: str = ""
    why: str = ""

    @property
    def place(self) -> str:
        """For example: on the CPU."""
        where = {
            "cpu": "the CPU",
            "cuda": "the GPU (CUDA)",
            "openvino": "the CPU (OpenVINO)",
            "webgpu": "the GPU (WebGPU)",
        }
        return f"on {where.get(self.provider, self.provider)}"

    def __str__(self) -> str:
        why = f" ({self.why})" if self.why else ""
        text = f"{self.precision} {self.place}{why}"
        return f"{text}: {self.note}" if self.note else text


@dataclass(frozen=True)
class ImageTrace:
    """One picture's way through a classifier.

    `answer`: label to probability, best first, empty where `hint` says why there is none.
    `seen`: uint8 (h, w) or (h, w, 3), the picture as the network got it.
    `why`: float32 (h', w'), the best label's class activation map; its mean is the label's logit.
    `timings`: milliseconds by stage.
    """

    answer: dict[str, float]
    seen: npt.NDArray[np.uint8]
    why: npt.NDArray[np.float32]
    timings: dict[str, float]
    ran: Ran
    hint: str = ""


@dataclass
class Stopwatch:
    """Milliseconds by stage, in the order in which the stages end.

    >>> watch = Stopwatch()
    >>> watch.lap("preprocess"); watch.lap("model")
    >>> list(watch.laps)
    ['preprocess', 'model']
    """

    laps: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter, repr=False)

    def resume(self) -> None:
        """Leave out the time since the last lap: somebody else's."""
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to `stage`."""
        now = time.perf_counter()
        self.laps[stage] = self.laps.get(stage, 0.0) + (now - self._last) * 1000
        self._last = now
