"""What is said of a recording follows from how much of it was heard, not from a decoder's words."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from model_zoo.speech import _ffmpeg
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from tests.cases.sounds import SECONDS, heard_at, joined, made, made_of, words
from tests.conftest import SPEECH

TAG = b"TAG" + bytes(125)  # ID3v1


def lyrics() -> bytes:
    text = b"LYRICSBEGIN" + b"LYR00500" + b"words" * 400
    return text + b"%06dLYRICS200" % len(text) + TAG


def ape() -> bytes:
    item = struct.pack("<II", 40_000, 0) + b"Cover\0" + b"\xff\xfb\x90\x64" * 10_000
    ends = [struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(item) + 32, 1, flag << 29)
            for flag in (5, 4)]  # fmt: skip
    return ends[0] + item + ends[1] + TAG


BEHIND: dict[str, Callable[[], bytes]] = {
    "ID3v1": lambda: TAG,
    "Lyrics3": lyrics,
    "APEv2": ape,
    "zeros": lambda: bytes(9000),
    "text": lambda: b"downloaded from a page " * 200,
}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("ending", ["mp3", "flac"])
@pytest.mark.parametrize("header", ["1", "0"])
def test_what_lies_behind_the_sound_is_no_damage(
    tmp_path: Path, name: str, ending: str, header: str
) -> None:
    how = ["-write_xing", header] if ending == "mp3" else []
    path = made(tmp_path / f"a.{ending}", *how)
    path.write_bytes(path.read_bytes() + BEHIND[name]())
    sound = open_sound(path)
    assert len(sound.samples()) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.15)
    assert sound.note == ""


def without_a_total(path: Path) -> Path:
    """A FLAC as it comes out of a pipe: STREAMINFO's number of samples is 0."""
    data = path.read_bytes()
    path.write_bytes(data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:])
    return path


@pytest.mark.parametrize("there", [True, False])
def test_a_whole_flac_without_a_total_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    path = without_a_total(made(tmp_path / "a.flac"))
    monkeypatch.setattr(_ffmpeg, "is_there", lambda: there)
    sound = open_sound(path)
    assert len(sound.samples()) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.001)
    assert sound.note == ""


def piped(path: Path) -> bytes:
    """A Matroska whose writer could not come back to its sizes."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-f", "webm", "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


JOINED = {
    "webm from a pipe": ("webm", (), ()),
    "ogg of other rates": ("ogg", (), ("-ar", "44100", "-ac", "2")),
    "opus": ("opus", (), ("-ac", "2")),
    "flac in ogg": ("oga", ("-c:a", "flac"), ("-c:a", "flac", "-ar", "8000")),
    "wav": ("wav", (), ("-ar", "8000")),
    "aiff": ("aif", (), ("-ar", "8000")),
    "caf": ("caf", (), ()),
    "m4a": ("m4a", (), ("-ar", "44100", "-ac", "2")),
    "m4a with its index in front": ("m4a", ("-movflags", "faststart"), ()),
    "mp4 in fragments": ("mp4", ("-movflags", "frag_keyframe+empty_moov"), ()),
    "wma": ("wma", (), ("-ar", "44100")),
    "tta": ("tta", (), ()),
    "webm that came live": ("webm", ("-live", "1"), ()),
    "mkv": ("mkv", ("-c:a", "aac"), ("-c:a", "aac")),
}


@pytest.mark.parametrize("name", JOINED)
def test_parts_that_were_joined_are_not_damaged(tmp_path: Path, name: str) -> None:
    ending, *hows = JOINED[name]
    parts = [made(tmp_path / f"{n}.{ending}", *how) for n, how in enumerate(hows)]
    if name == "webm from a pipe":
        for part in parts:
            part.write_bytes(piped(part))
    sound = open_sound(joined(tmp_path / f"both.{ending}", *parts))
    samples = sound.samples()
    assert len(samples) / SAMPLE_RATE == pytest.approx(2 * SECONDS, abs=0.15)
    assert len(heard_at(samples, words())) == 2
    assert sound.note == ""
    assert sound.seconds == len(samples) / SAMPLE_RATE


@pytest.mark.parametrize("ending", ["ogg", "opus"])
@pytest.mark.parametrize("seconds", ["0.2", "5"])
def test_without_ffmpeg_an_ogg_that_goes_on_is_never_heard_half_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, seconds: str
) -> None:
    one = made(tmp_path / f"one.{ending}", "-t", seconds)
    path = joined(tmp_path / f"both.{ending}", one, one)
    monkeypatch.setattr(_ffmpeg, "is_there", lambda: False)
    sound = open_sound(path)
    sound.samples()
    assert sound.note.endswith("goes on after what was heard: to read that, install ffmpeg.")


CUT = ["wav", "aif", "w64", "au", "caf", "rf64", "mp3", "flac", "wv", "tta", "mka", "avi"]


@pytest.mark.parametrize("ending", CUT)
def test_a_file_that_ends_before_its_header_says_so_is_told_of(tmp_path: Path, ending: str) -> None:
    how = ["-f", "wav", "-rf64", "always"] if ending == "rf64" else []
    path = made(tmp_path / f"a.{ending}", *how)
    whole = open_sound(path)
    assert len(whole.samples()) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1)
    assert whole.note == ""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    cut = open_sound(path)
    heard = len(cut.samples()) / SAMPLE_RATE
    assert re.fullmatch(rf"a\.{ending} is damaged or cut off: .*", cut.note)
    if numbers := re.search(r": (\S+) of (\S+) seconds were heard\.$", cut.note):
        assert float(numbers[1]) == pytest.approx(heard, abs=0.051)
        assert float(numbers[2]) == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize("ending", ["ogg", "opus", "oga"])
@pytest.mark.parametrize("there", [True, False])
def test_an_ogg_that_breaks_off_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, there: bool
) -> None:
    how = ["-c:a", "libspeex"] if ending == "oga" else []
    path = made(tmp_path / f"a.{ending}", *how)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    monkeypatch.setattr(_ffmpeg, "is_there", lambda: there)
    if ending == "oga" and not there:
        return  # libsndfile knows no Speex
    sound = open_sound(path)
    sound.samples()
    assert sound.note == f"a.{ending} is damaged or cut off: what can be decoded of it was heard."


def test_a_wav_whose_writer_was_stopped_is_not_damaged(tmp_path: Path) -> None:
    data = made(tmp_path / "a.wav").read_bytes()
    at = data.index(b"data") + 4
    for size in (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000):
        sound = open_sound(data[:4] + struct.pack("<I", size) + data[8:at]
                           + struct.pack("<I", size) + data[at + 4 :])  # fmt: skip
        assert len(sound.samples()) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.01)
        assert sound.note == ""


def test_damage_of_another_track_is_none_of_the_sound(tmp_path: Path) -> None:
    pictures = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=11")
    path = made_of(
        tmp_path / "a.ts", *pictures, "-i", SPEECH, "-c:v", "libx264", "-g", "999", "-c:a", "aac"
    )
    path.write_bytes(path.read_bytes()[188 * 20 :])
    sound = open_sound(path)
    assert len(sound.samples()) > 9 * SAMPLE_RATE
    assert sound.note == ""
