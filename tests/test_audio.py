"""Any recording becomes 16 kHz mono in -1..1; what is none is refused in a sentence."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_zoo.errors import BadInput
from model_zoo.speech import _ffmpeg
from model_zoo.speech.audio import MAX_SECONDS, SAMPLE_RATE, open_sound

PITCH = 440.0  # Hz
SECONDS = 1.5


def tone(rate: int, channels: int = 1) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * PITCH * np.arange(round(rate * SECONDS)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def assert_tone(samples: np.ndarray, exactness: float = 0.03) -> None:
    """A second and a half at 16 kHz in which our tone, at its loudness, is all there is."""
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(SECONDS * SAMPLE_RATE, abs=SAMPLE_RATE * 0.15)
    middle = samples[4000:20000]
    spectrum = np.abs(np.fft.rfft(middle)) / len(middle) * 2
    assert np.argmax(spectrum) == round(PITCH)  # one second: a bin a hertz
    assert spectrum.max() == pytest.approx(0.5, abs=exactness)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 96_000, 384_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_rate_and_number_of_channels(rate, channels):
    assert_tone(open_sound((rate, tone(rate, channels))).samples())


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_every_type_of_sample(kind):
    wave = tone(16_000)[:, 0]
    if np.dtype(kind).kind in "iu":
        half = 2.0 ** (8 * np.dtype(kind).itemsize - 1)
        wave = wave * (half - 1) + (half if np.dtype(kind).kind == "u" else 0)
    assert_tone(open_sound((16_000, wave.astype(kind))).samples())


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("u8.wav", "PCM_U8"), ("s16.wav", "PCM_16"), ("s24.wav", "PCM_24"), ("s32.wav", "PCM_32"),
        ("f32.wav", "FLOAT"), ("f64.wav", "DOUBLE"), ("a.flac", "PCM_24"), ("a.ogg", "VORBIS"),
        ("a.mp3", "MPEG_LAYER_III"),
    ],
)  # fmt: skip
def test_every_format_of_libsndfile(tmp_path, name, subtype):
    soundfile.write(tmp_path / name, tone(44_100, 2), 44_100, subtype=subtype)
    sound = open_sound(tmp_path / name)
    assert sound.seconds == pytest.approx(SECONDS, abs=0.1)
    assert_tone(sound.samples())


@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.mp4"])
def test_what_needs_ffmpeg(tmp_path, name):
    soundfile.write(tmp_path / "a.wav", tone(48_000, 2), 48_000)
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.wav"), str(tmp_path / name)]
    subprocess.run(command, check=True)
    sound = open_sound(tmp_path / name)
    assert sound.seconds == pytest.approx(SECONDS, abs=0.1)
    assert_tone(sound.samples(), exactness=0.1)


def test_without_ffmpeg_a_sentence_says_what_it_would_be_good_for(tmp_path, monkeypatch):
    monkeypatch.setattr(_ffmpeg.shutil, "which", lambda _: None)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(BadInput, match="where ffmpeg is installed"):
        open_sound(tmp_path / "a.m4a")


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    (folder / "empty.wav").write_bytes(b"")
    (folder / "notes.wav").write_text("Dear diary, this is no sound.")
    infinite = tone(16_000)
    infinite[100], infinite[200] = np.nan, np.inf
    soundfile.write(folder / "nan.wav", infinite, 16_000, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", tone(2_000), 2_000)
    playlist = folder / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/hostname\n")
    return {
        "empty": (folder / "empty.wav", "is empty"),
        "text": (folder / "notes.wav", "not a recording"),
        "not a number": (folder / "nan.wav", "not numbers"),
        "rate": (folder / "slow.wav", "4 to 384 kHz"),
        "missing": (folder / "nowhere.wav", "no file"),
        "playlist": (playlist, "not a recording"),
    }


@pytest.mark.parametrize("name", ["empty", "text", "not a number", "rate", "missing", "playlist"])
def test_what_is_no_recording_is_refused_in_a_sentence(tmp_path, name):
    path, says = bad_files(tmp_path)[name]
    with pytest.raises(BadInput, match=says) as caught:
        open_sound(path).samples()
    assert "\n" not in str(caught.value)


def test_too_long_is_refused_before_anything_is_decoded():
    silence = np.broadcast_to(np.int16(0), (8_000 * (MAX_SECONDS + 10),))
    with pytest.raises(BadInput, match=r"2\.0 hours long"):
        open_sound((8_000, silence))


def test_louder_than_full_scale_is_clipped():
    samples = open_sound((16_000, np.array([2.0, -3.0, 0.5]))).samples()
    np.testing.assert_array_equal(samples, np.float32([1, -1, 0.5]))


def test_ffmpeg_is_there_for_these_tests():
    assert shutil.which("ffmpeg"), "apt-get install -y ffmpeg"


@pytest.mark.parametrize("shape", [(0,), (1, 0), (0, 1), (5, 0), (0, 5)])
def test_an_array_without_samples_is_a_recording_of_no_length(shape):
    assert len(open_sound((8_000, np.zeros(shape))).samples()) == 0


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_what_jumps_stays_within_full_scale(rate):
    square = np.where(np.arange(rate) // 7 % 2, 1.0, -1.0).astype(np.float32)
    noise = np.sign(np.random.default_rng(0).normal(size=rate)).astype(np.float32)
    assert np.abs(open_sound((rate, np.concatenate([square, noise]))).samples()).max() == 1
