"""What is decoded of a recording counts, never what its header claims."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_zoo.errors import BadInput
from model_zoo.speech import _ffmpeg, audio
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from model_zoo.stopping import Stop, Stopped
from tests.cases.sounds import SECONDS, counted, heard_at, joined, made, made_of, words
from tests.conftest import ROOT, SPEECH

KINDS = [
    (form, subtype)
    for form in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(form)
    # RAW has no header, SD2 a second file beside it; libsndfile cannot read its own DWVW.
    if form not in ("RAW", "SD2") and not subtype.startswith("DWVW")
]


def both(path: Path) -> list[float]:
    """Where the words stand in a file; its length must be what was decoded."""
    sound = open_sound(path)
    samples = sound.samples()
    assert sound.seconds == len(samples) / SAMPLE_RATE
    assert len(samples) / SAMPLE_RATE == pytest.approx(counted(path), abs=0.05)
    return heard_at(samples, words())


@pytest.mark.parametrize("ending", ["mp3", "ogg", "opus", "flac", "aac", "webm", "ts"])
def test_3_17_joined_files_are_heard_wholly(tmp_path: Path, ending: str) -> None:
    one = made(tmp_path / f"one.{ending}")
    places = both(joined(tmp_path / f"both.{ending}", one, one))
    assert places == pytest.approx([0, SECONDS], abs=0.25)


def test_3_three_parts_of_different_rates(tmp_path: Path) -> None:
    parts = [made(tmp_path / f"{rate}.mp3", "-ar", rate) for rate in ("16000", "44100", "24000")]
    places = heard_at(open_sound(joined(tmp_path / "three.mp3", *parts)).samples(), words())
    assert len(places) == 3


@pytest.mark.parametrize("ending", ["ogg", "aac", "ts"])
def test_17_parts_of_other_rates_and_channels(tmp_path: Path, ending: str) -> None:
    one = made(tmp_path / f"one.{ending}")
    two = made(tmp_path / f"two.{ending}", "-ar", "44100", "-ac", "2")
    samples = open_sound(joined(tmp_path / f"both.{ending}", one, two)).samples()
    assert len(heard_at(samples, words())) == 2


def test_3_a_joined_file_is_not_called_damaged(tmp_path: Path) -> None:
    one = made(tmp_path / "one.mp3")
    sound = open_sound(joined(tmp_path / "both.mp3", one, one))
    sound.samples()
    assert sound.note == ""


def unfinished(riff: int, data: int) -> bytes:
    """A WAV whose writer was stopped before it came back to the sizes."""
    file = io.BytesIO()
    soundfile.write(file, words(), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    whole = file.getvalue()
    return whole[:4] + struct.pack("<I", riff) + whole[8:40] + struct.pack("<I", data) + whole[44:]


@pytest.mark.parametrize("riff", [0, 8, 36, 4088, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("data", [0, 0xFFFFFFFF])
def test_10_unfinished_wav_is_read_to_its_end(tmp_path: Path, riff: int, data: int) -> None:
    (tmp_path / "a.wav").write_bytes(unfinished(riff, data))
    assert both(tmp_path / "a.wav") == pytest.approx([0], abs=0.01)


def xing(data: bytes, frames: int) -> bytes:
    """An MP3 whose header (Xing or Info) claims so many frames."""
    at = max(data.find(b"Xing", 0, 400), data.find(b"Info", 0, 400))
    assert at > 0
    return data[: at + 8] + struct.pack(">I", frames) + data[at + 12 :]


@pytest.mark.parametrize("frames", [0, 10, 100_000])
def test_11_an_mp3_that_claims_less_or_more(tmp_path: Path, frames: int) -> None:
    data = made(tmp_path / "one.mp3", "-q:a", "4").read_bytes()
    (tmp_path / "a.mp3").write_bytes(xing(data, frames))
    samples = open_sound(tmp_path / "a.mp3").samples()
    assert len(samples) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1)
    assert heard_at(samples, words()) == pytest.approx([0], abs=0.1)


def test_11_an_mp3_of_variable_rate_without_a_header(tmp_path: Path) -> None:
    how = ("-q:a", "9", "-write_xing", "0", "-af", "apad=pad_dur=5,areverse,apad=pad_dur=5")
    path = made(tmp_path / "a.mp3", *how)
    assert len(open_sound(path).samples()) / SAMPLE_RATE == pytest.approx(SECONDS + 10, abs=0.2)


def test_11_38_no_claim_is_too_long_only_sound_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(tmp_path / "one.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(xing(data, 10_000_000))
    assert open_sound(tmp_path / "a.mp3").samples().size / SAMPLE_RATE == pytest.approx(11, abs=0.1)
    monkeypatch.setattr(audio, "MAX_SECONDS", 7)
    monkeypatch.setattr(audio, "BLOCK_SECONDS", 2)
    sound = open_sound(tmp_path / "a.mp3")
    assert len(sound.samples()) == 7 * SAMPLE_RATE
    assert "Only the first" in sound.note
    assert sound.seconds == 7


def test_38_adts_whose_length_can_only_be_guessed(tmp_path: Path) -> None:
    path = made(tmp_path / "a.aac", "-af", "adelay=20000", "-b:a", "128k")
    assert both(path) == pytest.approx([20], abs=0.1)


@pytest.mark.parametrize(("form", "subtype"), KINDS)
def test_19_every_kind_that_libsndfile_writes_is_read(
    tmp_path: Path, form: str, subtype: str
) -> None:
    path = tmp_path / "a.wav"  # whatever it is called
    try:
        soundfile.write(path, words()[::2], SAMPLE_RATE // 2, format=form, subtype=subtype)
    except soundfile.LibsndfileError:
        pytest.skip("libsndfile does not write this at 8 kHz")
    samples = open_sound(path).samples()
    if form == "XI":  # an instrument's sample: it does not say at what rate it is to be played
        samples = resampled(samples, SAMPLE_RATE // 2, 44_100)
    assert heard_at(samples, words()) == pytest.approx([0], abs=0.1)


def resampled(samples: np.ndarray, rate: int, to: int) -> np.ndarray:
    return np.interp(np.arange(0, len(samples), rate / to), np.arange(len(samples)), samples)


@pytest.mark.parametrize("ending", ["flac", "wav", "m4a", "mp3"])
def test_19_a_recording_under_any_name(tmp_path: Path, ending: str) -> None:
    renamed = made(tmp_path / f"one.{ending}").rename(tmp_path / "talk.raw")
    assert both(renamed) == pytest.approx([0], abs=0.1)


def test_19_samples_without_a_header_are_refused_in_a_sentence(tmp_path: Path) -> None:
    for form in ("s16le", "f32le", "u8", "mulaw"):
        path = made(tmp_path / "talk.raw", "-f", form)
        with pytest.raises(BadInput, match=r"talk\.raw is not a recording that can be read"):
            open_sound(path).samples()


def damaged(path: Path, fill: bytes = b"\0", at: float = 0.6, size: int = 3000) -> Path:
    """The same file with a piece overwritten."""
    data = bytearray(path.read_bytes())
    begin = int(len(data) * at)
    data[begin : begin + size] = fill * size
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("ending", ["flac", "mp3", "m4a", "webm", "ogg", "opus"])
@pytest.mark.parametrize("fill", [b"\0", b"\xa5"])
def test_34_what_comes_before_and_after_a_damaged_place_is_heard(
    tmp_path: Path, ending: str, fill: bytes
) -> None:
    sound = open_sound(damaged(made(tmp_path / f"a.{ending}"), fill))
    samples = sound.samples()
    assert 8.5 < len(samples) / SAMPLE_RATE < 12.5
    assert sound.note.startswith(f"a.{ending} is damaged or cut off: ")
    assert heard_at(samples, words()[: 5 * SAMPLE_RATE]) == pytest.approx([0], abs=0.1)


@pytest.mark.parametrize("ending", ["flac", "mp3", "ogg", "opus", "webm", "wav", "aac"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_34_a_file_that_was_cut_off_is_heard_to_the_break(
    tmp_path: Path, ending: str, share: float
) -> None:
    path = made(tmp_path / f"a.{ending}")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    samples = open_sound(path).samples()
    assert len(samples) / SAMPLE_RATE == pytest.approx(counted(path), abs=0.15)
    assert heard_at(samples, words()[: 2 * SAMPLE_RATE]) == pytest.approx([0], abs=0.1)


def test_34_without_ffmpeg_a_damaged_flac_is_heard_to_the_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ffmpeg, "is_there", lambda: False)
    sound = open_sound(damaged(made(tmp_path / "a.flac"), at=0.9))
    assert len(sound.samples()) > 8 * SAMPLE_RATE
    assert "damaged" in sound.note


def test_3_without_ffmpeg_it_is_said_that_a_joined_file_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ffmpeg, "is_there", lambda: False)
    one = made(tmp_path / "one.mp3")
    sound = open_sound(joined(tmp_path / "both.mp3", one, one))
    sound.samples()
    assert "install ffmpeg" in sound.note


def test_34_an_m4a_without_its_index_is_called_cut_off(tmp_path: Path) -> None:
    path = made(tmp_path / "a.m4a")
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(BadInput, match=r"a\.m4a is damaged or cut off"):
        open_sound(path)


@pytest.mark.parametrize(
    "ending",
    ["ac3", "eac3", "flv", "mpg", "vob", "wv", "tta", "dts", "avi", "au", "aif", "caf", "g722",
     "adx", "sox", "aptx", "aptxhd", "sbc", "wtv", "rm", "nut", "mka", "mlp", "latm"],
)  # fmt: skip
def test_33_containers_that_ffmpeg_knows(tmp_path: Path, ending: str) -> None:
    rates = {"g722": 16_000, "dts": 48_000, "aptx": 48_000, "aptxhd": 48_000, "mlp": 48_000}
    how = ["-strict", "-2", "-ar", str(rates.get(ending, 44_100))]
    how += ["-ac", "2"] if ending in ("dts", "aptx", "aptxhd") else []
    path = made(tmp_path / f"a.{ending}", *how)
    assert heard_at(open_sound(path).samples(), words()) == pytest.approx([0], abs=0.1)


def test_33_a_camcorder_s_dv(tmp_path: Path) -> None:
    pictures = ("-f", "lavfi", "-i", "color=s=720x576:r=25:d=11", "-i", SPEECH)
    path = made_of(tmp_path / "a.dv", *pictures, "-target", "pal-dv", "-ar", "48000", "-ac", "2")
    assert heard_at(open_sound(path).samples(), words()) == pytest.approx([0], abs=0.1)


@pytest.mark.parametrize("rate", [4_000, 6_000, 8_000, 176_400, 192_000, 384_000])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_32_rates_from_4_to_384_khz(tmp_path: Path, rate: int, ending: str) -> None:
    path = made(tmp_path / f"a.{ending}", "-ar", str(rate))
    assert both(path) == pytest.approx([0], abs=0.01)


@pytest.mark.parametrize("ending", ["mp3", "m4a", "flac"])
def test_a_cover_beside_the_sound_is_no_track(tmp_path: Path, ending: str) -> None:
    cover = ("-f", "lavfi", "-i", "color=c=red:s=640x640:d=0.1:r=10")
    shown = ("-c:v", "mjpeg", "-disposition:v", "attached_pic", "-map", "1:a", "-map", "0:v")
    path = made_of(tmp_path / f"a.{ending}", *cover, "-i", SPEECH, *shown)
    sound = open_sound(path)
    assert heard_at(sound.samples(), words()) == pytest.approx([0], abs=0.15)
    assert sound.note == ""


@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg", "flac", "m4a", "webm", "aac", "mov"])
def test_1_every_kind_comes_through_a_pipe_as_well(tmp_path: Path, ending: str) -> None:
    path = made(tmp_path / f"a.{ending}")
    expected = open_sound(path).samples()
    data = path.read_bytes()
    for given in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        np.testing.assert_array_equal(open_sound(given).samples(), expected)
    with path.open("rb") as stream:
        np.testing.assert_array_equal(open_sound(stream).samples(), expected)


def test_1_flac_without_a_total(tmp_path: Path) -> None:
    data = made(tmp_path / "a.flac").read_bytes()
    # STREAMINFO's last 36 bits before the digest are the number of samples; 0 is unknown.
    blank = data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:]
    sound = open_sound(blank)
    assert sound.seconds == 0
    assert heard_at(sound.samples(), words()) == pytest.approx([0], abs=0.01)
    assert sound.seconds == SECONDS


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes of this kind")
def test_b4_a_named_pipe_is_read(tmp_path: Path) -> None:
    path = made(tmp_path / "a.m4a")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()), daemon=True)
    writer.start()
    samples = open_sound(pipe).samples()
    writer.join()
    assert heard_at(samples, words()) == pytest.approx([0], abs=0.1)


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="no such name here")  # noqa: PTH110
@pytest.mark.parametrize("ending", ["flac", "m4a"])
def test_b4_standard_input_by_its_name(tmp_path: Path, ending: str) -> None:
    code = (
        "from model_zoo.speech.audio import open_sound as o; print(len(o('/dev/stdin').samples()))"
    )
    with made(tmp_path / f"a.{ending}").open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=file, capture_output=True, text=True, cwd=ROOT
        )
    assert int(done.stdout) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1), done.stderr


def test_b4_what_is_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused = {
        tmp_path: "is a folder",
        tmp_path / "loop": "There is no file",
        tmp_path / ("会" * 200): "There is no file",
        "nul\0inside.wav": "There is no file",
        "https://example.com/a.mp3": "There is no file",
        "/dev/zero": "is a device",
        "": "The name of the recording is empty",
        "/": "/ is a folder",
    }
    for given, says in refused.items():
        with pytest.raises(BadInput, match=says) as caught:
            open_sound(given)
        str(caught.value).encode()


@pytest.mark.parametrize("ending", ["flac", "m4a"])
def test_s9_names_whose_bytes_are_no_utf_8(tmp_path: Path, ending: str) -> None:
    path = made(tmp_path / f"a.{ending}")
    name = os.fsdecode(b"caf\xe9.")
    renamed = path.rename(tmp_path / f"{name}{ending}")
    assert heard_at(open_sound(renamed).samples(), words()) == pytest.approx([0], abs=0.1)
    (tmp_path / name).write_bytes(b"no sound at all")
    with pytest.raises(BadInput, match="not a recording") as caught:
        open_sound(tmp_path / name)
    str(caught.value).encode()


def hanging_tools(folder: Path) -> str:
    """A PATH on which ffmpeg and ffprobe never answer."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("ffmpeg", "ffprobe"):
        (tools / name).write_text("#!/bin/sh\nexec sleep 60\n")
        (tools / name).chmod(0o755)
    return f"{tools}:{os.environ['PATH']}"


def test_nothing_hangs_where_ffmpeg_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "a.m4a")
    path_first = hanging_tools(tmp_path)
    sound = open_sound(path)
    monkeypatch.setenv("PATH", path_first)
    monkeypatch.setattr(_ffmpeg, "HANGS_SECONDS", 0.2)
    with pytest.raises(BadInput, match="no sound that can be read"):
        sound.samples()
    with pytest.raises(BadInput, match="not a recording"):
        open_sound(path)


def test_a_stop_ends_a_decoder_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "a.m4a")
    path_first = hanging_tools(tmp_path)
    for there in (False, True):  # until it is opened, and while it is read
        stop = Stop()
        sound = open_sound(path, stop) if there else None
        monkeypatch.setenv("PATH", path_first)
        threading.Timer(0.2, stop.set).start()
        begin = time.monotonic()
        with pytest.raises(Stopped):
            _ = sound.samples() if sound else open_sound(path, stop)
        assert time.monotonic() - begin < 2
        monkeypatch.undo()


@pytest.mark.weights
def test_34_command_line_and_page_say_what_could_not_be_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from demos.pages import listen
    from demos.widgets import recorder
    from model_zoo.cli.commands import app

    path = damaged(made(tmp_path / "a.flac"), at=0.95)
    note = "a.flac is damaged or cut off: 10.6 of 11.0 seconds were heard."
    done = CliRunner().invoke(app, ["run", "whisper-tiny.en", str(path), "--format", "srt"])
    assert done.exit_code == 0
    assert "my fellow Americans" in done.stdout
    assert note in " ".join(done.output.split())
    monkeypatch.setattr(recorder, "uploaded", lambda sound: path)
    sent = {"path": str(path), "name": "a.flac", "page": "damaged", "turn": 1}

    async def shown() -> list[dict[str, object]]:
        values = listen.read(sent, "en", False, listen.MODELS[0], "auto", "auto", None)
        return [value async for value in values]

    *_, last = asyncio.run(shown())
    assert last["text"] == note
    assert last["segments"]
    assert last["done"] == last["seconds"]
    answer = asyncio.run(listen.transcribe(str(path)))
    assert answer["hint"] == note
    assert "my fellow Americans" in answer["text"]
