"""Captions end in the words of the whole recording: none twice, none lost (kind 14)."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import model_zoo
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from model_zoo.speech.captions import Captions, _position
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.transcript import Word
from model_zoo.speech.whisper import Whisper

weights = pytest.mark.weights
PIECES = (0.25, 0.5, 1.0)  # seconds that arrive at once
SENTENCES = {
    "en-us": "The red house has seven windows.",
    "en-gb": "The train to London leaves at nine.",
    "en-gb-x-rp": "Please close the door when you leave the room.",
}


@pytest.fixture(scope="module")
def model() -> Whisper:
    return model_zoo.load("whisper-tiny.en", "int8", "cpu")


def plain(text: str) -> list[str]:
    return "".join(c for c in text.lower() if c.isalnum() or c == " ").split()


def captions_of(model: Whisper, samples: np.ndarray, piece: float) -> list[str]:
    """What was final after every piece, and at the end."""
    captions, size = Captions(model, SpeechOptions(language="en")), round(piece * SAMPLE_RATE)
    pieces = (samples[start : start + size] for start in range(0, len(samples), size))
    return [*(captions.hear((SAMPLE_RATE, one)).final for one in pieces), captions.finish().final]


@weights
@pytest.mark.parametrize("voice", SENTENCES)
def test_t12_captions_say_what_the_whole_recording_says(
    model: Whisper, tmp_path: Path, voice: str
) -> None:
    path = tmp_path / "clip.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", path, SENTENCES[voice]], check=True)
    samples = open_sound(path).samples()
    whole = plain(model(path, language="en").text)
    assert len(whole) > 4
    for piece in PIECES:
        finals = captions_of(model, samples, piece)
        assert plain(finals[-1]) == whole, piece
        for before, after in pairwise(finals):
            assert after.startswith(before)


@pytest.mark.load
@weights
def test_t12_a_pause_inside_a_speech_loses_and_doubles_nothing(model: Whisper) -> None:
    speech = open_sound(model.spec.task.example()).samples()
    pause = np.zeros(3 * SAMPLE_RATE, np.float32)
    whole = plain(model((SAMPLE_RATE, np.concatenate([speech, pause, speech]))).text)
    for piece in PIECES:
        finals = captions_of(model, np.concatenate([speech, pause, speech]), piece)
        assert plain(finals[-1]) == whole, piece


@weights
def test_t12_a_click_is_no_speech(model: Whisper) -> None:
    sound = np.zeros(4 * SAMPLE_RATE, np.float32)
    sound[SAMPLE_RATE : SAMPLE_RATE + 800] = np.random.default_rng(1).normal(0, 0.3, 800)
    assert captions_of(model, sound, 0.5)[-1] == ""


def said(text: str) -> list[Word]:
    return [Word(f" {word}", 0.0, 0.0, 1.0) for word in text.split()]


@pytest.mark.parametrize(("before", "now", "rest"), [
    ("", "The train leaves", "The train leaves"),
    ("The train", "the train leaves.", "leaves."),
    ("The train", "A train leaves", "leaves"),  # heard differently, said once
    ("The train", "train leaves", "leaves"),  # its beginning is no longer in the sound
    ("The train", "So the train leaves", "leaves"),
    ("no no", "no no no I did", "no I did"),  # said three times indeed
    ("The train leaves", "The train", ""),
])  # fmt: skip
def test_t12_what_was_said_is_found_in_the_next_hypothesis(
    before: str, now: str, rest: str
) -> None:
    words = said(now)
    assert [word.text for word in words[_position(said(before), words) :]] == [
        word.text for word in said(rest)
    ]
