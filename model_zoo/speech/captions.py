"""Captions while somebody speaks: what two successive hypotheses agree on is final.

Source: local agreement, "Turning Whisper into Real-Time Transcription System", Macháček et al.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model_zoo.speech.audio import SAMPLE_RATE, Live, Samples
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.transcript import Word
from model_zoo.speech.vad import BEGINS, ENDS, FRAME, LONGEST_GAP, PAD, SHORTEST_SPEECH, Detector

if TYPE_CHECKING:
    from model_zoo.speech.whisper import Whisper

STEP_SECONDS = 0.8  # of new sound before the next hypothesis
LONGEST_SECONDS = 12.0  # of sound in a hypothesis: what is final before that is let go
YOUNG_SECONDS = 2.4  # behind the present, up to where the model often thinks better of a word
OLD_SECONDS = 5.0  # from where on a word is final, even if the model cannot decide
OVERLAP_WORDS = 3  # final ones that stay in the sound, so that what follows them can be found


@dataclass(frozen=True)
class Caption:
    """What has been said so far: `final` never changes again, `tentative` may."""

    final: str
    tentative: str


class Captions:
    """One speaker's captions: `hear` each piece of sound as it comes, `finish` at the end.

    Not for several threads at once.
    """

    def __init__(self, model: Whisper, options: SpeechOptions) -> None:
        self._model = model
        self._options = replace(options, vad=False, word_timestamps=True)
        self._detector = Detector(model.session("vad"))
        self._live: Live | None = None
        self._audio = np.zeros(0, np.float32)
        self._offset = 0  # samples of the stream before `_audio`
        self._fresh = 0  # samples since the last hypothesis
        self._heard = 0  # samples of the stream that the detector has judged
        self._speech: tuple[int, int] | None = None  # samples where the speech begins and ends
        self._words: list[Word] = []  # final ones
        self._held: list[Word] = []  # those of them that are in `_audio`
        self._last: list[Word] = []  # the last hypothesis, without what is final

    def hear(self, sound: tuple[int, npt.NDArray[Any]]) -> Caption:
        """Take (sampling rate, samples [n] or [n, channels]), what came since the last call."""
        rate, samples = sound
        if self._live is None or self._live.rate != rate:
            self._live = Live(rate)
        self._take(self._live(samples))
        if self._speech is None:
            self._forget(self._heard - _samples(PAD))
        elif self._heard - self._speech[1] >= _samples(LONGEST_GAP):
            self._settle()
        elif self._fresh >= _samples(STEP_SECONDS):
            self._agree()
        return self.caption

    def finish(self) -> Caption:
        """The speaker has stopped: everything is final."""
        if self._live is not None:
            self._take(self._live.finish())
        self._judge(np.zeros(FRAME, np.float32))  # so that the last piece of a frame is one
        if self._speech is not None:
            self._settle()
        return self.caption

    @property
    def caption(self) -> Caption:
        """What has been said so far."""
        return Caption(_text(self._words).strip(), _text(self._last).strip())

    def _take(self, samples: Samples) -> None:
        self._audio = np.concatenate([self._audio, samples])
        self._fresh += len(samples)
        self._judge(samples)

    def _judge(self, samples: Samples) -> None:
        """Where the speech begins and ends, by the rules of `vad`."""
        for probability in self._detector(samples):
            if self._speech is None and probability >= BEGINS:
                self._speech = self._heard, self._heard
            self._heard += FRAME
            if self._speech is not None and probability >= ENDS:
                self._speech = self._speech[0], self._heard

    def _hypothesis(self, until: int, again: bool) -> list[Word]:
        """The words before a sample of the stream that are not final yet, as they sound now.

        `again`: whether a doubtful hypothesis is tried again, as a whole recording's are; while
        somebody speaks, another one comes in a second anyway.
        """
        assert self._speech is not None
        self._fresh = 0
        begin = max(self._offset, self._speech[0] - _samples(PAD))
        temperatures = self._options.temperatures
        options = replace(self._options, temperatures=temperatures if again else temperatures[:1])
        samples = self._audio[begin - self._offset : until - self._offset]
        listening = self._model.listen((SAMPLE_RATE, samples), options)
        words = [word for segment in listening for word in segment.words]
        start = begin / SAMPLE_RATE
        placed = [replace(word, start=word.start + start, end=word.end + start) for word in words]
        return placed[_position(self._held, placed) :]

    def _agree(self) -> None:
        words = self._hypothesis(self._offset + len(self._audio), again=False)
        if not words:  # in a pause, the model may hear nothing in what it heard before
            return
        now = (self._offset + len(self._audio)) / SAMPLE_RATE
        same = 0
        for before, word in zip(self._last, words, strict=False):
            if _bare(before.text) != _bare(word.text) or word.end > now - YOUNG_SECONDS:
                break
            same += 1
        while same < len(words) and words[same].end < now - OLD_SECONDS:
            same += 1
        self._say(words[:same])
        self._last = words[same:]
        if len(self._audio) > _samples(LONGEST_SECONDS) and self._held:
            self._held = self._held[-OVERLAP_WORDS:]
            self._forget(round(self._held[0].start * SAMPLE_RATE))

    def _settle(self) -> None:
        """The speaker has paused, as long as between the windows of a whole recording: what is
        heard of the speech now is final, and what follows is heard by itself.
        """
        assert self._speech is not None
        begin, end = self._speech
        if end - begin >= _samples(SHORTEST_SPEECH):
            pad = min(_samples(PAD), max(0, self._heard - end) // 2)
            self._say(self._hypothesis(end + pad, again=True))
        self._held, self._last, self._speech = [], [], None
        self._forget(self._heard - _samples(PAD))

    def _say(self, words: Sequence[Word]) -> None:
        self._words += words
        self._held += words

    def _forget(self, until: int) -> None:
        """Let go of the sound before a sample of the stream."""
        gone = max(0, until - self._offset)
        self._audio = self._audio[gone:]
        self._offset += gone


def _position(said: Sequence[Word], words: Sequence[Word]) -> int:
    """How many of `words` have been said: where they are most like `said`, word by word.

    Their times do not tell: they move a little from one hypothesis to the next.
    """
    spoken = [_bare(word.text) for word in words]
    costs = list(range(len(spoken) + 1))  # of turning the words said so far into the first n
    for word in said:
        diagonal, costs[0] = costs[0], costs[0] + 1
        for n, other in enumerate(spoken, 1):
            best = min(diagonal + (_bare(word.text) != other), costs[n] + 1, costs[n - 1] + 1)
            diagonal, costs[n] = costs[n], best
    return min(range(len(costs)), key=lambda n: (costs[n], abs(n - len(said))))


def _text(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words)


def _bare(word: str) -> str:
    """A word without what a change of mind about a comma would alter."""
    return word.strip(" ,.!?;:\"'-…").lower()


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
