"""What the command line needs of Whisper: a recording read, an example, segments as they come."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.inputs import find_file
from model_zoo.speech.audio import Recording
from model_zoo.speech.transcript import FORMATS, join

if TYPE_CHECKING:
    from model_zoo.whisper import SpeechOptions, SpeechTrace, Whisper


def read(given: str) -> Recording:
    """The recording that INPUT names, as `run` takes it."""
    return find_file(given)


def stream(
    model: Whisper, recording: Recording, options: SpeechOptions
) -> Generator[str, None, SpeechTrace]:
    """A line for each segment as it is found."""
    listening = model.listen(recording, options)
    segments = []
    for segment in listening:
        segments.append(segment)
        yield segment.text.strip() + "\n"
    trace = model.trace_of(listening, join(segments, listening.language))
    if trace.hint:
        yield trace.hint + "\n"
    return trace


def example() -> Recording:
    """Eleven seconds of President Kennedy's inaugural address, 1961, in the public domain."""
    return Path(__file__).with_name("jfk.flac")


def formatted(form: str, trace: SpeechTrace) -> str:
    """The transcript in one of FORMATS."""
    return FORMATS[form](trace.answer)
