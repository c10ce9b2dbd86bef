"""Speech recognition: a recording in, what may be chosen, segments as they come, and files out."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.inputs import find_file
from model_zoo.speech.audio import SAMPLE_RATE, Recording, open_sound
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.trace import SpeechTrace
from model_zoo.speech.transcript import FORMATS, join
from model_zoo.task import Task, Yardstick

if TYPE_CHECKING:
    from model_zoo.speech.whisper import Whisper


PROBE_SECONDS = 2
PROBE = SpeechOptions(temperatures=(0,))  # a second try would not be the same work


def read(given: str) -> Recording:
    """The recording that INPUT names, as `run` takes it."""
    return find_file(given)


def example() -> Recording:
    """Eleven seconds of President Kennedy's inaugural address, 1961, in the public domain."""
    return Path(__file__).with_name("jfk.flac")


def probe(model: Whisper) -> None:
    """The first seconds of the example: a sentence spoken into a microphone."""
    samples = open_sound(example()).samples()[: PROBE_SECONDS * SAMPLE_RATE]
    model.trace((SAMPLE_RATE, samples), PROBE)


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


def formatted(form: str, trace: SpeechTrace) -> str:
    """The transcript in one of FORMATS."""
    return FORMATS[form](trace.answer)


RECOGNITION: Task[Recording, SpeechTrace, Whisper] = Task(
    "speech recognition",
    read,
    example,
    Yardstick("accuracy", 0.003),
    probe=probe,
    options=SpeechOptions,
    stream=stream,
    formats={name: partial(formatted, name) for name in FORMATS},
)
