"""Recordings for the cases of sound: made by ffmpeg from a person's words, or cut and joined."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from tests.conftest import SPEECH

SECONDS = 11.0  # of SPEECH
SENTENCE = "what your country can do for you"


def words() -> np.ndarray:
    """The person's words, float32 [n] at 16 kHz."""
    return open_sound(SPEECH).samples()


def made(path: Path, *how: str, source: Path = SPEECH) -> Path:
    """What ffmpeg makes of a recording."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", source, *how, path]
    subprocess.run(command, check=True, timeout=60)
    return path


def made_of(path: Path, *command: str | Path) -> Path:
    """What ffmpeg makes of these arguments."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *command, path], check=True, timeout=60
    )
    return path


def joined(path: Path, *parts: Path) -> Path:
    """The bytes of files behind each other."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def counted(path: Path) -> float:
    """The seconds of sound that ffmpeg decodes, whatever the file says of itself."""
    command = ["ffmpeg", "-v", "quiet", "-nostdin", "-i", path, "-map", "0:a:0", "-f", "s16le",
               "-ac", "1", "-ar", str(SAMPLE_RATE), "pipe:1"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=60)
    return len(done.stdout) / 2 / SAMPLE_RATE


def heard_at(samples: np.ndarray, speech: np.ndarray) -> list[float]:
    """Where in the samples, in seconds, the speech stands: peaks of its correlation with them."""
    early = SAMPLE_RATE // 4  # a decoder may begin a little before
    samples = np.concatenate([np.zeros(early, np.float32), samples])
    size = 1 << (len(samples) + len(speech)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(speech, size).conj()
    likeness = np.fft.irfft(spectrum, size)[: len(samples)] / np.dot(speech, speech)
    found = []
    while likeness.max() > 0.5:
        where = int(likeness.argmax())
        found.append((where - early) / SAMPLE_RATE)
        likeness[max(0, where - SAMPLE_RATE) : where + SAMPLE_RATE] = 0
    return sorted(found)
