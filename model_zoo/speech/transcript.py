"""What was said, when, and how sure; as text, SRT, WebVTT and JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Protocol

LINES, LINE_WIDTH = 2, 42  # of a caption, and letters of a line
GUESSED = 0.6  # probability of its words: below that a segment that was doubted is guessed


class Doubts(Protocol):
    """From where on what was decoded is doubted."""

    @property
    def logprob_threshold(self) -> float: ...

    @property
    def compression_ratio_threshold(self) -> float: ...


@dataclass(frozen=True)
class Word:
    """One word with its leading space; `start`, `end` in seconds of the recording."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Segment:
    """A sentence or so; times in seconds of the recording.

    `probability`: the mean of its tokens'. The rest are openai-whisper's measures of doubt.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    probability: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float

    def guessed(self, options: Doubts) -> bool:
        """Whether its words are hardly more than guesses, which they are in an unknown language."""
        doubted = (
            self.temperature > 0
            or self.avg_logprob < options.logprob_threshold
            or self.compression_ratio > options.compression_ratio_threshold
        )
        return doubted and self.probability < GUESSED


@dataclass(frozen=True)
class Transcript:
    """A whole recording: `language` is a code such as en; empty where nobody spoke."""

    text: str
    language: str
    segments: tuple[Segment, ...]

    def guessed(self, options: Doubts) -> bool:
        """Whether most of it is."""
        said = [(s.end - s.start, s.guessed(options)) for s in self.segments]
        return sum(seconds * (1 if guess else -1) for seconds, guess in said) > 0


def join(segments: Iterable[Segment], language: str) -> Transcript:
    """A transcript of segments in order."""
    segments = tuple(segments)
    return Transcript("".join(segment.text for segment in segments).strip(), language, segments)


def text(transcript: Transcript) -> str:
    """A line a segment."""
    return "".join(f"{segment.text.strip()}\n" for segment in transcript.segments)


def srt(transcript: Transcript) -> str:
    """SubRip: numbered captions."""
    blocks = (
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n\n"
        for number, (start, end, text) in enumerate(_captions(transcript), 1)
    )
    return "".join(blocks)


def vtt(transcript: Transcript) -> str:
    """WebVTT, what a browser's video element reads."""
    blocks = (
        f"{_clock(start, '.')} --> {_clock(end, '.')}\n{_escaped(text)}\n\n"
        for start, end, text in _captions(transcript)
    )
    return "WEBVTT\n\n" + "".join(blocks)


def as_json(transcript: Transcript) -> str:
    """Everything, words included where they were asked for."""
    return json.dumps(asdict(transcript), ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Transcript], str]] = {
    "txt": text, "srt": srt, "vtt": vtt, "json": as_json,
}  # fmt: skip


def _captions(transcript: Transcript) -> Iterator[tuple[float, float, str]]:
    """(start, end, text) of captions of at most LINES lines of LINE_WIDTH, as subtitlers have it.

    Where a segment is longer, its words tell when the next caption begins; without them, its time
    is divided by the letters.
    """
    for segment in transcript.segments:
        lines = _lines(segment.text)
        letters = _letters(lines) or 1
        begin, at = segment.start, 0
        for first in range(0, len(lines), LINES):
            group = lines[first : first + LINES]
            at += _letters(group)
            last = first + LINES >= len(lines)
            end = segment.end if last else _moment(segment, at / letters)
            yield begin, end, "\n".join(group)
            begin = end


def _lines(text: str) -> list[str]:
    """Without what would end a caption: empty lines and the arrow of its times."""
    words = " ".join(text.split()).replace("-->", "→")
    return textwrap.wrap(words, LINE_WIDTH, break_on_hyphens=False) or [""]


def _letters(lines: Iterable[str]) -> int:
    return sum(len(line.replace(" ", "")) for line in lines)


def _moment(segment: Segment, share: float) -> float:
    """When that share of a segment's letters has been said."""
    letters = sum(len(word.text.strip()) for word in segment.words)
    said = 0
    for word in segment.words:
        if said >= share * letters - len(word.text) / 2:
            return word.start
        said += len(word.text.strip())
    return segment.start + share * (segment.end - segment.start)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, mark: str) -> str:
    """For example 01:02:03,004."""
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
