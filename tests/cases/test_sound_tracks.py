"""What a recording's tracks, channels and loudness mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import model_zoo
from model_zoo.speech import _ffmpeg, audio
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from model_zoo.speech.vad import Cutter, Detector, Level
from tests.cases.sounds import SECONDS, SENTENCE, heard_at, made, made_of, words
from tests.conftest import SPEECH

PICTURES = ("-f", "lavfi", "-i", "color=c=black:s=64x64:r=25:d=20")


@pytest.mark.parametrize("ending", ["mkv", "mp4", "mov", "ts", "flv", "mpg", "asf"])
def test_16_a_track_that_starts_late_is_heard_late(tmp_path: Path, ending: str) -> None:
    late = ["-itsoffset", "4.936", "-i", SPEECH, "-ar", "44100"]
    late += [] if ending in ("flv", "mpg", "asf") else ["-c:v", "mpeg4", "-c:a", "aac"]
    path = made_of(tmp_path / f"a.{ending}", *PICTURES, *late)
    assert heard_at(open_sound(path).samples(), words()) == pytest.approx([4.936], abs=0.15)


def test_16_webm_that_starts_late(tmp_path: Path) -> None:
    late = ("-itsoffset", "4.936", "-i", SPEECH, "-c:v", "libvpx", "-c:a", "libopus")
    path = made_of(tmp_path / "a.webm", *PICTURES, *late)
    assert heard_at(open_sound(path).samples(), words()) == pytest.approx([4.936], abs=0.15)


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_16_a_gap_inside_is_silence(tmp_path: Path, ending: str) -> None:
    """The words twice, and between them packets that are missing."""
    whole = made_of(tmp_path / "whole.mkv", "-stream_loop", "1", "-i", SPEECH, "-c:a", "aac")
    moved = "setts=ts=TS+gte(TS*TB\\,11)*20/TB"
    gap = made(tmp_path / "gap.mkv", "-c", "copy", "-bsf:a", moved, source=whole)
    path = made(tmp_path / f"a.{ending}", "-c", "copy", source=gap)
    places = heard_at(open_sound(path).samples(), words())
    assert places == pytest.approx([0, SECONDS + 20], abs=0.2)


@pytest.mark.parametrize("ending", ["mka", "m4a"])
def test_16_sound_alone_that_starts_late(tmp_path: Path, ending: str) -> None:
    path = made_of(tmp_path / f"a.{ending}", "-itsoffset", "4.936", "-i", SPEECH, "-c:a", "aac")
    assert heard_at(open_sound(path).samples(), words()) == pytest.approx([4.936], abs=0.15)


def test_16_a_clock_that_was_set_is_no_silence(tmp_path: Path) -> None:
    whole = made_of(tmp_path / "whole.mkv", "-stream_loop", "1", "-i", SPEECH, "-c:a", "aac")
    moved = "setts=ts=TS+gte(TS*TB\\,11)*50000/TB"
    path = made(tmp_path / "a.mkv", "-c", "copy", "-bsf:a", moved, source=whole)
    places = heard_at(open_sound(path).samples(), words())
    assert places == pytest.approx([0, SECONDS], abs=0.2)


PHASES = {
    "turned over": (1, -1),
    "nearly": (1, -0.98),
    "quieter": (1, -0.5),
    "three against one": (1, 1, -1, -1),
    "one of four": (0, 0, 0, 1),
    "surround, the middle alone": (0, 0, 1, 0, 0, 0),
}


@pytest.mark.parametrize("name", PHASES)
@pytest.mark.parametrize("ending", ["flac", "mka"])
def test_27_channels_that_cancel_each_other(tmp_path: Path, name: str, ending: str) -> None:
    weights = np.array(PHASES[name])
    soundfile.write(tmp_path / "a.wav", words()[:, None] * weights, SAMPLE_RATE)
    how = ["-c:a", "flac"] if ending == "mka" else []
    path = made(tmp_path / f"a.{ending}", *how, source=tmp_path / "a.wav")
    samples = open_sound(path).samples()
    expected = words() * np.abs(weights).sum() / len(weights)
    scale = np.dot(samples[: len(expected)], expected) / np.dot(expected, expected)
    assert abs(scale) == pytest.approx(1, abs=0.05)


def test_27_through_a_common_noise_and_with_nothing_in_common() -> None:
    noise = np.random.default_rng(3).normal(0, 0.03, (3, len(words()))).astype(np.float32)
    turned = np.stack([words() + noise[0], -words() + noise[0]], axis=1)
    assert len(heard_at(open_sound((SAMPLE_RATE, turned)).samples(), words() / 2)) == 1
    two = np.stack([words(), noise[1] * 10], axis=1)
    samples = open_sound((SAMPLE_RATE, two)).samples()
    assert abs(np.corrcoef(samples, two.mean(axis=1))[0, 1]) > 0.5
    assert heard_at(np.abs(samples), np.abs(words()) / 2)


def test_27_the_mean_of_ordinary_stereo_is_what_it_was() -> None:
    noise = np.random.default_rng(4).normal(0, 0.01, (len(words()), 2)).astype(np.float32)
    stereo = words()[:, None] * np.float32([1, 0.6]) + noise
    samples = open_sound((SAMPLE_RATE, stereo)).samples()
    np.testing.assert_array_equal(samples, stereo.mean(axis=1))


def tracks(path: Path, default: int, *filters: str) -> Path:
    """A file with as many tracks, each the words through a filter."""
    inputs = [value for _ in filters for value in ("-i", str(SPEECH))]
    maps = [value for number in range(len(filters)) for value in ("-map", f"{number}:a")]
    changed = [value for n, how in enumerate(filters) for value in (f"-filter:a:{n}", how)]
    flags = [
        value
        for number in range(len(filters))
        for value in (f"-disposition:a:{number}", "default" if number == default else "0")
    ]
    return made_of(path, *inputs, *maps, *changed, "-c:a", "aac", *flags)


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_28_the_track_that_holds_sound_is_heard(tmp_path: Path, ending: str) -> None:
    path = tracks(tmp_path / f"a.{ending}", 0, "volume=0", "anull")
    sound = open_sound(path)
    assert heard_at(sound.samples(), words()) == pytest.approx([0], abs=0.15)
    assert sound.note == f"a.{ending} has 2 tracks of sound: number 2 was heard."


@pytest.mark.parametrize("count", [1, 2])
def test_38_silence_is_read_bit_by_bit_and_no_further_than_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    quiet = ("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=300", *("-map", "0:a") * count)
    path = made_of(tmp_path / "a.mka", *quiet, "-c:a", "flac")
    seconds = list[float]()
    every = _ffmpeg.Reading.__iter__

    def counted(reading: _ffmpeg.Reading) -> Iterator[np.ndarray]:
        for block in every(reading):
            seconds.append(len(block) / SAMPLE_RATE)
            yield block

    monkeypatch.setattr(_ffmpeg.Reading, "__iter__", counted)
    monkeypatch.setattr(audio, "MAX_SECONDS", 60)
    sound = open_sound(path)
    next(sound.blocks())
    assert seconds == [20]  # whoever listens no more can say so here
    assert len(sound.samples()) == 60 * SAMPLE_RATE
    assert sound.note.startswith("Only the first")
    assert sum(seconds[1:]) == count * 80


def test_28_the_default_track_is_heard_before_the_others(tmp_path: Path) -> None:
    path = tracks(tmp_path / "a.mkv", 1, "areverse", "anull", "volume=0")
    sound = open_sound(path)
    assert heard_at(sound.samples(), words()) == pytest.approx([0], abs=0.15)
    assert "3 tracks" in sound.note
    assert "number 2" in sound.note


def test_28_silence_in_every_track_is_silence(tmp_path: Path) -> None:
    path = tracks(tmp_path / "a.mkv", 0, "volume=0", "volume=0")
    samples = open_sound(path).samples()
    assert len(samples) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.2)
    assert np.abs(samples).max() < 1e-4


def noises() -> dict[str, np.ndarray]:
    """Ten seconds of what is no speech, at full scale."""
    count = 10 * SAMPLE_RATE
    time = np.arange(count) / SAMPLE_RATE
    white = np.random.default_rng(5).normal(0, 1, count)
    bins = np.maximum(1, np.arange(count // 2 + 1))
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(bins))
    brown = np.fft.irfft(np.fft.rfft(white) / bins)
    hum = np.sin(2 * np.pi * 50 * time) + 0.3 * np.sin(2 * np.pi * 150 * time) + 0.05 * white
    clicks = np.where(np.arange(count) % 7919 == 0, 1.0, 0.0)
    waves = white * (1 + np.sin(2 * np.pi * 4 * time))
    found = {"white": white, "pink": pink, "brown": brown, "hum": hum, "clicks": clicks,
             "waves": waves, "least bits": np.round(white)}  # fmt: skip
    return {name: (noise / np.abs(noise).max()).astype(np.float32) for name, noise in found.items()}


def spoken(samples: np.ndarray) -> float:
    """Seconds that the detector takes for speech."""
    cutter = Cutter(Detector(model_zoo.load("whisper-tiny.en").session("vad")))
    size = 20 * SAMPLE_RATE
    blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
    windows = [window for block in blocks for window in cutter.feed(block)]
    return sum(window.seconds for window in [*windows, *cutter.finish()])


@pytest.mark.weights
@pytest.mark.parametrize("loudness", [1.0, 0.03, 0.01, 0.003, 0.001, 0.0003])
def test_s13_quiet_recordings_are_heard(loudness: float) -> None:
    answer = model_zoo.load("whisper-tiny.en")((SAMPLE_RATE, words() * np.float32(loudness)))
    assert answer.text.startswith("And so")
    assert SENTENCE in answer.text


@pytest.mark.weights
@pytest.mark.parametrize("name", noises())
@pytest.mark.parametrize("loudness", [1.0, 0.1, 0.003, 0.00003])
def test_s13_noise_stays_noise_at_any_loudness(name: str, loudness: float) -> None:
    assert spoken(noises()[name] * np.float32(loudness)) == 0


@pytest.mark.weights
def test_s13_what_is_quiet_behind_loud_speech_is_the_background() -> None:
    alone = spoken(words())
    behind = np.concatenate([words(), np.zeros(9 * SAMPLE_RATE, np.float32), words() * 0.001])
    assert spoken(behind.astype(np.float32)) == pytest.approx(alone, abs=0.5)


def test_s13_a_recording_of_ordinary_loudness_is_left_as_it_is() -> None:
    np.testing.assert_array_equal(Level()(words()), words())
    silence = np.zeros(SAMPLE_RATE, np.float32)
    np.testing.assert_array_equal(Level()(silence), silence)
