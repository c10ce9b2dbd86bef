"""Times are a line: start before end, never backwards, nothing twice at a border (kind 23)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

import model_zoo
from model_zoo.speech import words
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from model_zoo.speech.decoding import Decoded
from model_zoo.speech.listening import Listening
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.transcript import FORMATS, Segment, Transcript, Word, join
from model_zoo.speech.vad import Window
from model_zoo.speech.whisper import Whisper

weights = pytest.mark.weights


@pytest.fixture(scope="module")
def model() -> Whisper:
    return model_zoo.load("whisper-tiny.en", "int8", "cpu")


@pytest.fixture(scope="module")
def speech(model: Whisper) -> np.ndarray:
    return open_sound(model.spec.task.example()).samples()


def plain(text: str) -> list[str]:
    return re.sub(r"[^a-z ]", "", text.lower()).split()


def doubled(spoken: list[str]) -> list[str]:
    """What is said twice in a row, up to six words long."""
    return [
        " ".join(spoken[at : at + size])
        for size in range(1, 7)
        for at in range(len(spoken) - 2 * size + 1)
        if spoken[at : at + size] == spoken[at + size : at + 2 * size]
    ]


@weights
@pytest.mark.parametrize(("vad", "whole"), [*itertools.product((True, False), repeat=2)])
def test_e12_e13_words_and_segments_follow_each_other(
    model: Whisper, speech: np.ndarray, vad: bool, whole: bool
) -> None:
    long = (SAMPLE_RATE, np.tile(speech, 4))
    heard = model(long, vad=vad, whole_window=whole, word_timestamps=True)
    assert doubled(plain(heard.text)) == []
    assert plain(heard.text).count("americans") == 4
    spoken = [word for segment in heard.segments for word in segment.words]
    for pieces in (spoken, heard.segments):
        assert all(piece.end - piece.start > 0.019 for piece in pieces)
        assert all(one.end <= other.start for one, other in pairwise(pieces))
        assert all(time == round(time, 3) for p in pieces for time in (p.start, p.end))


@weights
def test_e12_nothing_is_heard_twice_without_the_times_of_words(
    model: Whisper, speech: np.ndarray
) -> None:
    heard = model((SAMPLE_RATE, np.tile(speech, 4)), vad=False)
    assert doubled(plain(heard.text)) == []
    assert all(one.end <= other.start for one, other in pairwise(heard.segments))


def test_e13_words_of_one_frame_come_one_after_the_other() -> None:
    found = words.in_line(
        [Word(" a", 0.09999999999999987, 0.1, 1), Word(" b", 0.1, 0.1, 1), Word(" c", 0.1, 1, 1)],
        after=0.0,
    )
    assert [(w.start, w.end) for w in found] == [(0.1, 0.12), (0.12, 0.14), (0.14, 1.0)]
    [late] = words.in_line([Word(" d", 1.0, 2.0, 1)], after=1.5)
    assert (late.start, late.end) == (1.5, 2.0)


def chords() -> np.ndarray:
    time = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    return sum(0.2 * np.sin(2 * np.pi * hertz * time) for hertz in (220, 277.2, 329.6, 440)).astype(
        np.float32
    )


def noted(model: Whisper, sound: np.ndarray, vad: bool) -> Callable[[Decoded], bool]:
    listening: Listening = model.listen((SAMPLE_RATE, sound), SpeechOptions(vad=vad))
    return lambda decoded: listening._lost(Window(0.0, sound), decoded)


@weights
def test_e14_a_loop_in_music_is_not_kept_because_it_ended(
    model: Whisper, speech: np.ndarray
) -> None:
    loop = Decoded(tokens=(1,) * 20, logprobs=(-0.1,) * 21, text="Mm. " * 20,
                   no_speech_prob=0.1, temperature=0.0)  # fmt: skip
    assert loop.ended
    assert loop.compression_ratio > 2.4
    assert noted(model, chords(), vad=False)(loop)
    # A refrain, which somebody sings, is kept: the detector hears a voice.
    assert not noted(model, speech, vad=False)(loop)
    assert not noted(model, speech, vad=True)(loop)
    assert model((SAMPLE_RATE, chords()), vad=False).text == ""


def spoken(text: str, seconds: float) -> Transcript:
    said = text.split()
    step = seconds / len(said)
    timed = tuple(
        Word(f" {word}", round(step * at, 3), round(step * (at + 1), 3), 0.9)
        for at, word in enumerate(said)
    )
    segment = Segment(0.0, seconds, " " + text, timed, 0.9, -0.1, 0.0, 1.0, 0.0)
    return join([segment], "en")


LONG = (
    "Ask not what your country can do for you, ask what you can do for your country, and then ask "
    "what together we can do for the freedom of man"
)


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_s5_captions_are_two_lines_of_42_letters_at_most(form: str) -> None:
    blocks = FORMATS[form](spoken(LONG, 30.0)).strip().split("\n\n")[form == "vtt" :]
    texts, times = [], []
    for block in blocks:
        lines = block.split("\n")[form == "srt" :]
        times.append(lines[0].split(" --> "))
        texts += lines[1:]
        assert len(lines) <= 3
        assert max(map(len, lines[1:])) <= 42
    assert " ".join(texts) == LONG
    assert len(blocks) == 2
    assert times[0][1] == times[1][0]
    first = " ".join(line for line in blocks[0].split("\n")[-2:])
    begins = len(first.split()) * 30.0 / len(LONG.split())
    assert times[1][0].replace(",", ".") == f"00:00:{begins:06.3f}"


def test_s5_a_segment_without_words_is_divided_by_its_letters() -> None:
    whole = Segment(10.0, 20.0, LONG, (), 0.9, -0.1, 0.0, 1.0, 0.0)
    blocks = FORMATS["srt"](join([whole], "en")).strip().split("\n\n")
    assert blocks[0].split("\n")[1].startswith("00:00:10,000 --> 00:00:1")
    assert blocks[-1].split("\n")[1].endswith("00:00:20,000")
