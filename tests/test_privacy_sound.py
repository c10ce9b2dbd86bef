"""Nothing of one recording is heard in another, whatever a file claims to hold."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_zoo.runtime.decoder import Decoder
from model_zoo.speech import listening
from model_zoo.speech.audio import SAMPLE_RATE, open_sound

MARK = 0.731  # a value that no silence holds
CLAIMED_SECONDS, HELD_SECONDS = 20, 2


def encoded(samples: np.ndarray, form: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format=form, subtype=subtype)
    return file.getvalue()


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def mp3_that_claims_more() -> bytes:
    """The first two seconds of twenty, under the header (Xing) of all."""
    whole = encoded(silence(CLAIMED_SECONDS), "MP3", "MPEG_LAYER_III")
    assert b"Xing" in whole[:200] or b"Info" in whole[:200]
    return whole[: len(whole) * HELD_SECONDS // CLAIMED_SECONDS]


def wav_that_claims_more() -> bytes:
    whole = encoded(silence(HELD_SECONDS), "WAV", "PCM_16")
    claimed = CLAIMED_SECONDS * SAMPLE_RATE * 2
    riff, data = struct.pack("<I", 36 + claimed), struct.pack("<I", claimed)
    return whole[:4] + riff + whole[8:40] + data + whole[44:]


def rustle() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.02, CLAIMED_SECONDS * SAMPLE_RATE)


def ogg_cut_off() -> bytes:
    whole = encoded(rustle(), "OGG", "VORBIS")
    return whole[: len(whole) // 2]


def ogg_with_a_hole() -> bytes:
    whole = encoded(rustle(), "OGG", "VORBIS")
    hole = len(whole) // 5
    return whole[:hole] + bytes(hole) + whole[2 * hole :]


LIES = {
    "claims.mp3": mp3_that_claims_more,
    "claims.wav": wav_that_claims_more,
    "cut-off.ogg": ogg_cut_off,
    "hole.ogg": ogg_with_a_hole,
}


def leave_behind(monkeypatch: pytest.MonkeyPatch, before: np.ndarray) -> None:
    """Memory that numpy takes without clearing it holds `before`, over and over."""
    take = np.empty

    def found(*shape, **how) -> np.ndarray:
        array = take(*shape, **how)
        if array.dtype.kind == "f":
            array[...] = np.resize(before, array.shape)
        return array

    monkeypatch.setattr(np, "empty", found)


@pytest.fixture
def found_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_behind(monkeypatch, np.float32([MARK]))


@pytest.mark.parametrize("name", LIES)
def test_a_file_that_claims_more_than_it_holds_gives_what_it_holds(
    tmp_path: Path, found_memory: None, name: str
) -> None:
    (tmp_path / name).write_bytes(LIES[name]())
    samples = open_sound(tmp_path / name).samples()
    assert len(samples) < (CLAIMED_SECONDS - 1) * SAMPLE_RATE
    assert np.abs(samples).max(initial=0) < 0.3


def test_the_length_is_what_was_decoded(tmp_path: Path, found_memory: None) -> None:
    (tmp_path / "claims.wav").write_bytes(wav_that_claims_more())
    assert len(open_sound(tmp_path / "claims.wav").samples()) == HELD_SECONDS * SAMPLE_RATE


@pytest.mark.weights
def test_nobody_speaks_in_silence_heard_after_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was found: a file that promises more than it holds gave the words of the one before."""
    import model_zoo
    from model_zoo.speech.task import example

    model = model_zoo.load("whisper-tiny.en")
    assert "my fellow Americans" in model(example()).text
    leave_behind(monkeypatch, open_sound(example()).samples())
    (tmp_path / "claims.mp3").write_bytes(mp3_that_claims_more())
    trace = model.trace(tmp_path / "claims.mp3")
    assert trace.answer.text == ""
    assert "1.7 of 20.0 seconds were heard" in trace.hint


@pytest.mark.weights
def test_every_array_that_is_taken_uncleared_is_wholly_written(
    found_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder's batch and the decoder's logits: marked before, the answer stays the same."""
    import model_zoo
    from model_zoo.speech.task import example

    seen = []
    run = Decoder.__call__

    def checked(self: Decoder, *arguments: object) -> np.ndarray:
        logits = run(self, *arguments)
        seen.append(bool((logits == np.float32(MARK)).any()))
        return logits

    monkeypatch.setattr(Decoder, "__call__", checked)
    encode = listening.Listening._encode

    def whole(self: listening.Listening, *arguments: object) -> object:
        heard = encode(self, *arguments)
        seen.extend(bool((array == array.dtype.type(MARK)).any()) for array in heard.values())
        return heard

    monkeypatch.setattr(listening.Listening, "_encode", whole)
    model = model_zoo.load("whisper-tiny.en")
    rate, speech = SAMPLE_RATE, open_sound(example()).samples()
    answer = model((rate, np.tile(speech, 4)))
    assert answer.text.count("my fellow Americans") == 4
    assert seen
    assert not any(seen)
