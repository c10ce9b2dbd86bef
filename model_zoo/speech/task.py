"""Speech recognition: a recording in, what may be chosen, segments as they come, and files out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model_zoo.inputs import find_file
from model_zoo.runtime.decoder import TYPES, Decoder
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.speech.audio import Recording
from model_zoo.speech.mel import FRAMES_PER_SECOND, N_MELS
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.trace import SpeechTrace
from model_zoo.speech.transcript import FORMATS, join
from model_zoo.task import Task, Yardstick

if TYPE_CHECKING:
    from model_zoo.speech.whisper import Whisper


PROBE_SECONDS, PROBE_TOKENS = 5, 16


def read(given: str) -> Recording:
    """The recording that INPUT names, as `run` takes it."""
    return find_file(given)


def example() -> Recording:
    """Eleven seconds of President Kennedy's inaugural address, 1961, in the public domain."""
    return Path(__file__).with_name("jfk.flac")


def probe(
    spec: ModelSpec, precision: str, provider: str
) -> Callable[[], Sequence[npt.NDArray[Any]]]:
    """A short window through the encoder, then token by token: the logits of each step."""
    encoder, decoder = (open_session(spec, precision, provider, p) for p in ("encoder", "decoder"))
    shape = 1, N_MELS, PROBE_SECONDS * FRAMES_PER_SECOND
    mel = np.random.default_rng(0).normal(0, 0.5, shape).astype(TYPES[encoder.inputs["mel"][0]])

    def run() -> list[npt.NDArray[Any]]:
        heard = dict(zip(encoder.outputs, encoder(mel=mel), strict=True))
        loop = Decoder(decoder, 1, PROBE_TOKENS, heard)
        return [loop(np.array([[token]])) for token in range(400, 400 + PROBE_TOKENS)]

    return run


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
    probe_work=f"{PROBE_SECONDS} s of sound, {PROBE_TOKENS} tokens written",
    probed=("encoder", "decoder"),
    options=SpeechOptions,
    stream=stream,
    formats={name: partial(formatted, name) for name in FORMATS},
)
