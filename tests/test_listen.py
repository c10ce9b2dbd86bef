"""Speech over HTTP on the running app, and what stands behind the page Listen."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cachetools import TTLCache
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from demos.pages import listen
from demos.widgets import recorder
from model_zoo.errors import BadInput
from model_zoo.speech.audio import MAX_SECONDS
from model_zoo.stopping import Stop
from tests.conftest import SPEECH
from tests.test_api import is_a_sentence, run, snippets_of


@pytest.fixture(scope="module")
def client(app: str) -> Client:
    return Client(app, verbose=False)


def test_speech_is_written_down(client: Client) -> None:
    answer = client.predict(handle_file(SPEECH), api_name="/transcribe")
    assert "my fellow Americans" in answer["text"]
    assert answer["language"] == "en"
    spoken = [word for segment in answer["segments"] for word in segment["words"]]
    assert "".join(word["text"] for word in spoken).strip() == answer["text"]
    assert all(0 <= word["start"] <= word["end"] <= 11 for word in spoken)
    assert all(0 < word["probability"] <= 1 for word in spoken)


def test_the_language_is_detected(client: Client) -> None:
    answer = client.predict(
        handle_file(SPEECH), "", "transcribe", False, "whisper-base", api_name="/transcribe"
    )
    assert answer["language"] == "en"
    assert "country" in answer["text"]


def sound(samples: np.ndarray, rate: int = 16_000, **how: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", **how)
    return file.getvalue()


FORMS: dict[str, list[str]] = {  # what ffmpeg makes of our clip
    "8 kHz, 8 bits.wav": ["-ar", "8000", "-c:a", "pcm_u8"],
    "96 kHz, 24 bits, stereo.wav": ["-ar", "96000", "-ac", "2", "-c:a", "pcm_s24le"],
    "float.wav": ["-c:a", "pcm_f32le"],
    "song.mp3": ["-ar", "44100"],
    "note.ogg": ["-c:a", "libvorbis"],
    "telephone.m4a": ["-ar", "48000"],
    "browser.webm": ["-c:a", "libopus", "-ar", "48000"],
}


@pytest.mark.parametrize("name", FORMS)
def test_every_usual_kind_of_file_is_heard(client: Client, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    command = ["ffmpeg", "-v", "error", "-i", SPEECH, *FORMS[name], path]
    subprocess.run(command, check=True, timeout=60)
    answer = client.predict(handle_file(path), api_name="/transcribe")
    assert "what your country can do for you" in answer["text"]


def wav_that_claims(seconds: int) -> bytes:
    """A WAV file as long as it says, of holes: nothing of it is on the disk."""
    whole = sound(np.zeros(8, np.int16), 8_000, subtype="PCM_U8")
    size = seconds * 8_000
    return whole[:4] + struct.pack("<I", 36 + size) + whole[8:40] + struct.pack("<I", size)


NOISE = np.random.default_rng(7).normal(0, 0.1, 3 * 16_000).astype(np.float32)
QUIET = {
    "a hundredth of a second": sound(np.zeros(160, np.float32)),
    "silence": sound(np.zeros(48_000, np.float32)),
    "white noise": sound(NOISE),
    "loud white noise, 96 kHz, stereo": sound(
        np.stack([NOISE, NOISE], axis=1).clip(-1, 1) * 3, 96_000, subtype="PCM_24"
    ),
}


@pytest.mark.parametrize("name", QUIET)
def test_where_nobody_speaks_nothing_is_invented(client: Client, tmp_path: Path, name: str) -> None:
    (tmp_path / "quiet.wav").write_bytes(QUIET[name])
    answer = client.predict(handle_file(tmp_path / "quiet.wav"), api_name="/transcribe")
    assert answer["text"] == ""
    assert answer["segments"] == []


BAD_SOUND = {
    "empty": ("empty.wav", b"", "empty"),
    "text": ("diary.wav", b"Dear diary, this is no sound. " * 9, "not a recording"),
    "no numbers": (
        "nan.wav", sound(np.full(32_000, np.nan, np.float32), subtype="FLOAT"), "NaN",
    ),
    "telephone exchange": ("slow.wav", sound(np.zeros(2_000, np.float32), 2_000), "4 to 384 kHz"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SOUND)
def test_bad_sound_is_answered_in_a_sentence(client: Client, tmp_path: Path, name: str) -> None:
    file, data, says = BAD_SOUND[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(AppError) as error:
        client.predict(handle_file(tmp_path / file), api_name="/transcribe")
    is_a_sentence(str(error.value), says)


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"language": "klingon"}, "no language 'klingon'"),
        ({"language": "de"}, "English only"),
        ({"task": "sing"}, "no task 'sing'"),
        ({"task": "translate"}, "whisper-base"),
        ({"model": "mnist-cnn"}, "transcribes nothing"),
    ],
)
def test_a_wrong_wish_is_answered_in_a_sentence(
    client: Client, chosen: dict[str, str], says: str
) -> None:
    with pytest.raises(AppError) as error:
        client.predict(handle_file(SPEECH), **chosen, api_name="/transcribe")
    is_a_sentence(str(error.value), says)


def test_what_is_too_long_is_refused_before_any_work(client: Client, tmp_path: Path) -> None:
    head = wav_that_claims(MAX_SECONDS + 60)
    with (tmp_path / "day.wav").open("wb") as file:
        file.write(head)
        file.truncate(len(head) + (MAX_SECONDS + 60) * 8_000)
    began = time.monotonic()
    with pytest.raises(AppError) as error:
        client.predict(handle_file(tmp_path / "day.wav"), api_name="/transcribe")
    is_a_sentence(str(error.value), "hours long")
    assert time.monotonic() - began < 20


def read(path: Path, page: str, turn: int) -> list[dict]:
    """All that the page shows of a recording."""
    sound = {"path": str(path), "name": "x", "page": page, "turn": turn}

    async def shown() -> list[dict]:
        values = listen.read(sound, "en", False, listen.MODELS[0], "auto", "auto", None)
        return [value async for value in values]

    return asyncio.run(shown())


def test_a_listening_that_was_ended_before_it_began_says_nothing() -> None:
    recorder.end({"page": "ended", "turn": 1})
    assert read(SPEECH, "ended", 1) == []


def test_the_newest_question_of_a_page_wins_in_whatever_order_they_arrive() -> None:
    first, second, third = Stop(), Stop(), Stop()
    assert recorder.begin({"page": "a", "turn": 1}, first)
    assert not recorder.begin({"page": "a", "turn": 1}, Stop())  # sent twice
    assert recorder.begin({"page": "a", "turn": 3}, third)
    assert first.is_set()
    assert not recorder.begin({"page": "a", "turn": 2}, second)  # overtaken on its way
    recorder.end({"page": "a", "turn": 2})  # as late as that
    assert not third.is_set()
    assert recorder.begin({"page": "b", "turn": 1}, Stop())
    recorder.end({"page": "a", "turn": 3})
    assert third.is_set()


def test_the_page_reads_uploads_alone() -> None:
    last = read(SPEECH, "alone", 1)[-1]
    assert last["kind"] == "trouble"
    assert "not sent" in last["text"]


def test_the_printed_code_listens(app: str, tmp_path: Path) -> None:
    shutil.copy(SPEECH, tmp_path / "speech.flac")
    code = snippets_of(listen.page, app)
    for kind in ("model_zoo", "gradio_client"):
        assert "my fellow Americans" in run(sys.executable, "-c", code[kind], cwd=tmp_path), kind
    answer = json.loads(run("sh", "-c", code["curl"], cwd=tmp_path))["data"][0]
    assert "my fellow Americans" in answer["text"]


def test_captions_refuse_what_is_no_sound() -> None:
    assert "no sound" in recorder.hear({})["trouble"]
    assert "ended" in recorder.hear({"ticket": "x", "rate": 16_000, "sound": "AAAAAAAA"})["trouble"]


def test_english_has_a_model_of_its_own() -> None:
    assert listen.fitting("en", False, "whisper-tiny.en") == "whisper-tiny.en"
    assert listen.fitting("de", False, "whisper-tiny.en") == "whisper-base"
    assert listen.fitting("en", True, "whisper-tiny.en") == "whisper-base"
    assert listen.understood("whisper-tiny.en", "de", True) == ("en", False)
    assert listen.understood("whisper-base", "en", False) == ("", False)
    assert listen.understood("whisper-base", "de", True) == ("de", True)


def test_no_microphone_is_pushed_out_by_others(monkeypatch):
    monkeypatch.setattr(recorder, "_open", TTLCache(recorder.MOST, 60))
    monkeypatch.setattr(recorder, "Captions", lambda *_: None)
    first = recorder.ticket_for(None, None)
    for _ in range(recorder.MOST - 1):
        recorder.ticket_for(None, None)
    with pytest.raises(BadInput, match="Too many microphones"):
        recorder.ticket_for(None, None)
    assert first in recorder._open
