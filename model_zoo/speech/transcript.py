"""What was said, when, and how sure; as text, SRT, WebVTT and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


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


@dataclass(frozen=True)
class Transcript:
    """A whole recording: `language` is a code such as en; empty where nobody spoke."""

    text: str
    language: str
    segments: tuple[Segment, ...]


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
        f"{number}\n{_clock(s.start, ',')} --> {_clock(s.end, ',')}\n{_line(s.text)}\n\n"
        for number, s in enumerate(transcript.segments, 1)
    )
    return "".join(blocks)


def vtt(transcript: Transcript) -> str:
    """WebVTT, what a browser's video element reads."""
    blocks = (
        f"{_clock(s.start, '.')} --> {_clock(s.end, '.')}\n{_escaped(_line(s.text))}\n\n"
        for s in transcript.segments
    )
    return "WEBVTT\n\n" + "".join(blocks)


def as_json(transcript: Transcript) -> str:
    """Everything, words included where they were asked for."""
    return json.dumps(asdict(transcript), ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Transcript], str]] = {
    "txt": text, "srt": srt, "vtt": vtt, "json": as_json,
}  # fmt: skip


def _line(text: str) -> str:
    """Without what would end a caption: line breaks and the arrow of its times."""
    return " ".join(text.split()).replace("-->", "→")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, mark: str) -> str:
    """For example 01:02:03,004."""
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
