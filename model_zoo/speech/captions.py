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
from model_zoo.speech.transcript import Word
from model_zoo.speech.vad import BEGINS, ENDS, PAD, Detector

if TYPE_CHECKING:
    from model_zoo.whisper import SpeechOptions, Whisper

STEP_SECONDS = 0.8  # of new sound before the next hypothesis
PAUSE_SECONDS = 0.7  # of silence, after which all that was said is final
LONGEST_SECONDS = 14.0  # of sound in a hypothesis: what is final before that is let go
OLD_SECONDS = 1.6  # behind the present, from where on a word seldom changes for the better
CONTEXT_LETTERS = 200  # of what was said before that prompt the next hypothesis
FINAL_WITHIN_SECONDS = 3.0  # of being spoken: old enough, one more step, and the computing


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
        # No second thoughts: another hypothesis comes in a second anyway.
        self._options = replace(
            options, vad=False, word_timestamps=True, temperatures=options.temperatures[:1]
        )
        self._detector = Detector(model.session("vad"))
        self._live: Live | None = None
        self._audio = np.zeros(0, np.float32)
        self._offset = 0.0  # seconds of the stream before `_audio`
        self._fresh = 0  # samples since the last hypothesis
        self._quiet = 0.0  # seconds of silence at the end
        self._spoken = False  # whether `_audio` holds speech
        self._words: list[Word] = []  # final ones
        self._until = 0.0  # seconds of the stream that final words reach
        self._last: list[Word] = []  # the last hypothesis, without what is final

    def hear(self, sound: tuple[int, npt.NDArray[Any]]) -> Caption:
        """Take (sampling rate, samples [n] or [n, channels]), what came since the last call."""
        rate, samples = sound
        if self._live is None or self._live.rate != rate:
            self._live = Live(rate)
        self._take(self._live(samples))
        if not self._spoken:
            self._forget(self._end - PAD)
        elif self._quiet >= PAUSE_SECONDS:
            self._settle()
        elif self._fresh >= STEP_SECONDS * SAMPLE_RATE:
            self._agree(self._hypothesis())
        return self.caption

    def finish(self) -> Caption:
        """The speaker has stopped: everything is final."""
        if self._live is not None:
            self._take(self._live.finish())
        if self._spoken:
            self._settle()
        return self.caption

    @property
    def caption(self) -> Caption:
        """What has been said so far."""
        return Caption(_text(self._words).strip(), _text(self._last).strip())

    @property
    def _end(self) -> float:
        return self._offset + len(self._audio) / SAMPLE_RATE

    def _take(self, samples: Samples) -> None:
        self._audio = np.concatenate([self._audio, samples])
        self._fresh += len(samples)
        for probability in self._detector(samples):
            self._spoken |= bool(probability >= BEGINS)
            self._quiet = 0.0 if probability >= ENDS else self._quiet + 512 / SAMPLE_RATE

    def _hypothesis(self) -> list[Word]:
        """The words that are not final yet, as they sound now."""
        self._fresh = 0
        options = replace(self._options, initial_prompt=self._context())
        listening = self._model.listen((SAMPLE_RATE, self._audio), options)
        found = [word for segment in listening for word in segment.words]
        words = [
            replace(word, start=word.start + self._offset, end=word.end + self._offset)
            for word in found
        ]
        # A word belongs to where most of it lies; times move a little from one time to the next.
        return [word for word in words if (word.start + word.end) / 2 > self._until]

    def _context(self) -> str:
        """The words before `_audio`: they tell how a sentence goes on, and how names are spelt."""
        before = [word.text for word in self._words if word.end <= self._offset + PAD]
        return "".join([self._options.initial_prompt, *before])[-CONTEXT_LETTERS:].strip()

    def _agree(self, words: list[Word]) -> None:
        same = 0
        for before, now in zip(self._last, words, strict=False):
            if _bare(before.text) != _bare(now.text):
                break
            same += 1
        while same < len(words) and words[same].end < self._end - OLD_SECONDS:
            same += 1
        self._say(words[:same])
        self._last = words[same:]
        if len(self._audio) > LONGEST_SECONDS * SAMPLE_RATE:
            self._forget(self._until)

    def _settle(self) -> None:
        """The speaker has paused: the last hypothesis is final, and the sound is let go."""
        self._say(self._hypothesis())
        self._last = []
        self._spoken = False
        self._forget(self._end - PAD)

    def _say(self, words: Sequence[Word]) -> None:
        if words:
            self._words += words
            self._until = words[-1].end

    def _forget(self, until: float) -> None:
        """Let go of the sound before `until` seconds of the stream."""
        samples = max(0, round((until - self._offset) * SAMPLE_RATE))
        self._audio = self._audio[samples:]
        self._offset += samples / SAMPLE_RATE


def _text(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words)


def _bare(word: str) -> str:
    """A word without what a change of mind about a comma would alter."""
    return word.strip(" ,.!?;:\"'-…").lower()
