"""Where somebody speaks: Silero's voice-activity detector, and the windows cut by it.

Source: github.com/snakers4/silero-vad, version 6, MIT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_zoo.runtime.session import Session
from model_zoo.speech.audio import SAMPLE_RATE, Samples

FRAME = 512  # samples: one probability every 32 ms
CONTEXT = 64  # samples before a frame that the detector sees as well
STATE = (1, 1, 128)  # of its LSTM
BEGINS, ENDS = 0.5, 0.35  # probabilities at which speech begins, and below which it may end
SHORTEST_SPEECH, SHORTEST_SILENCE = 0.16, 0.32  # seconds; less is a click, less is a breath
PAD = 0.4  # seconds kept before and behind speech, so that no consonant is cut
LONGEST_GAP = 2.0  # seconds of silence inside a window
LONGEST = 29.2  # seconds of speech in a window: with both pads, 30
# Root mean squares of a frame: below the first even the loudest speech is too quiet for the
# detector, so that it is raised to the second; 60 dB at most, where 16 bits hold nothing but noise.
QUIET, AUDIBLE, MOST_GAIN = 0.03, 0.1, 1000.0
CLICKS = 2  # per cent of the frames, the loudest ones, that do not tell how loud somebody speaks


@dataclass(frozen=True)
class Window:
    """A piece of a recording: where it starts, in seconds, and float32 [n] at 16 kHz."""

    start: float
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def end(self) -> float:
        return self.start + self.seconds


class Detector:
    """Probability of speech for every frame of a stream; keeps what it heard before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._h, self._c = np.zeros(STATE, np.float32), np.zeros(STATE, np.float32)
        self._rest = np.zeros(CONTEXT, np.float32)

    def __call__(self, samples: Samples) -> npt.NDArray[np.float32]:
        """float32 [n] to [frames]; samples that fill no frame wait for the next call."""
        held = np.concatenate([self._rest, samples])
        count = (len(held) - CONTEXT) // FRAME
        self._rest = held[count * FRAME :]
        if count == 0:
            return np.zeros(0, np.float32)
        view = np.lib.stride_tricks.sliding_window_view(held, CONTEXT + FRAME)
        frames = np.ascontiguousarray(view[: count * FRAME : FRAME])
        probabilities, self._h, self._c = self._session(input=frames, h=self._h, c=self._c)
        return probabilities.reshape(-1)


class Level:
    """Raises a quiet recording, by the loudest that was heard of it so far.

    Noise may be raised with it: the detector knows it from speech at any level. What is quiet
    behind something loud stays quiet: it is the background.
    """

    def __init__(self) -> None:
        self._loudest = 0.0

    def __call__(self, samples: Samples) -> Samples:
        """float32 [n] to [n], unchanged unless quiet."""
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        if len(frames):
            loud = np.percentile(np.sqrt(np.square(frames).mean(axis=1)), 100 - CLICKS)
            self._loudest = max(self._loudest, float(loud))
        if not 0 < self._loudest < QUIET:
            return samples
        gain = np.float32(min(AUDIBLE / self._loudest, MOST_GAIN))
        raised: Samples = np.clip(samples * gain, -1, 1)
        return raised


class Cutter:
    """Cuts a stream into windows of speech of at most 30 seconds; silence between them is lost."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._level = Level()
        self._audio = np.zeros(0, np.float32)
        self._probabilities = np.zeros(0, np.float32)  # of the frames that begin in `_audio`
        self._offset = 0  # samples of the stream before `_audio`
        self._taken = 0  # samples of the stream that windows have reached

    def feed(self, samples: Samples) -> Iterator[Window]:
        """Take the stream's next samples; the windows that are complete by then."""
        samples = self._level(samples)
        self._audio = np.concatenate([self._audio, samples])
        self._probabilities = np.concatenate([self._probabilities, self._detector(samples)])
        return self._windows(final=False)

    def finish(self) -> Iterator[Window]:
        """The windows that remain at the end of the stream."""
        self._probabilities = np.concatenate(
            [self._probabilities, self._detector(np.zeros(FRAME, np.float32))]
        )
        return self._windows(final=True)

    def _windows(self, final: bool) -> Iterator[Window]:
        spans = list(_spans(self._probabilities))
        heard = len(self._probabilities)
        while spans:
            first, end = spans[0]
            taken = 1
            while taken < len(spans) and _fits(first, end, spans[taken]):
                end = spans[taken][1]
                taken += 1
            if end - first > _frames(LONGEST):
                end = _quietest(self._probabilities, first)
                spans[taken - 1] = (end, spans[taken - 1][1])
                taken -= 1
            elif taken == len(spans) and not final and heard - end < _frames(LONGEST_GAP):
                break  # it may go on
            del spans[:taken]
            yield self._window(first, end, spans[0][0] if spans else heard)
        # What has lasted too short to be speech may yet become some.
        self._forget(spans[0][0] if spans else heard - _frames(SHORTEST_SPEECH))

    def _window(self, first: int, end: int, following: int) -> Window:
        """Frames [first, end) with their pads, which never reach into another window."""
        pad = round(PAD * SAMPLE_RATE)
        begin = max(0, first * FRAME - pad, self._taken - self._offset)
        until = end * FRAME + min(pad, max(0, following - end) * FRAME // 2)
        self._taken = self._offset + until
        samples = self._audio[begin:until]
        return Window((self._offset + begin) / SAMPLE_RATE, samples)

    def _forget(self, frame: int) -> None:
        """Drop all before a frame but what its window's pad may want."""
        frame = max(0, frame - _frames(PAD) - 2)
        self._audio = self._audio[frame * FRAME :]
        self._probabilities = self._probabilities[frame:]
        self._offset += frame * FRAME


def _spans(probabilities: npt.NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """[first, end) frames of speech, with hysteresis; the last may still be going on."""
    begin = end = -1
    for frame, probability in enumerate(probabilities.tolist()):
        if probability >= BEGINS:
            begin = frame if begin < 0 else begin
            end = -1
        elif begin >= 0 and probability < ENDS:
            end = frame if end < 0 else end
            if frame - end >= _frames(SHORTEST_SILENCE):
                if end - begin >= _frames(SHORTEST_SPEECH):
                    yield begin, end
                begin = end = -1
        elif begin >= 0:
            end = -1
    if begin >= 0:
        end = end if end >= 0 else len(probabilities)
        if end - begin >= _frames(SHORTEST_SPEECH):
            yield begin, end


def _fits(first: int, end: int, following: tuple[int, int]) -> bool:
    """Whether a span may join the window [first, end)."""
    near = following[0] - end <= _frames(LONGEST_GAP)
    return near and following[1] - first <= _frames(LONGEST)


def _quietest(probabilities: npt.NDArray[np.float32], first: int) -> int:
    """Where to cut speech that does not pause: the least likely frame of the last third."""
    limit = first + _frames(LONGEST)
    since = first + _frames(LONGEST * 2 / 3)
    return since + int(probabilities[since:limit].argmin())


def _frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / FRAME)
