"""Nobody listens any more: speech recognition ends at once, and frees what it held."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import model_zoo
from demos.pages import listen
from demos.widgets import recorder
from model_zoo.runtime.decoder import Decoder
from model_zoo.speech.audio import SAMPLE_RATE
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.whisper import Whisper
from model_zoo.stopping import Stop, Stopped
from tests.conftest import SPEECH

pytestmark = pytest.mark.weights

REPEATS = 60  # eleven minutes
ENDS_SECONDS = 1.0  # after Stop, on a machine that is not busy with something else


@pytest.fixture(scope="module")
def model() -> Whisper:
    return model_zoo.load("whisper-tiny.en", "int8", "cpu")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, np.tile(samples, REPEATS), rate)
    return path


WAYS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beams": {"beam_size": 5},
    "sampled": {"temperatures": (0.4,)},
    "whole windows": {"vad": False, "whole_window": True},
    "tried again and again": {"logprob_threshold": 0.0},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_long_recording_ends_within_a_second_of_stop(
    model: Whisper, recording: Path, way: str
) -> None:
    stop, threads = Stop(), threading.active_count()
    set_at: list[float] = []

    def leave() -> None:
        set_at.append(time.monotonic())
        stop.set()

    next(iter(model.listen(SPEECH)))  # the graphs are open
    began = time.monotonic()
    list(model.listen(SPEECH))
    window = time.monotonic() - began  # under half a second, unless the machine is busy
    # Not after a segment but in the middle of the work for the next ones.
    threading.Timer(0.8, leave).start()
    with pytest.raises(Stopped):
        model.trace(recording, SpeechOptions(word_timestamps=True, **WAYS[way]), stop)
    assert time.monotonic() - set_at[0] < max(ENDS_SECONDS, 2 * window)
    time.sleep(0.05)  # the timer's own thread
    assert threading.active_count() <= threads


def test_a_stopped_recording_keeps_no_decoder(
    model: Whisper, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[weakref.ref[Decoder]] = []
    first = Decoder.__init__

    def noted(decoder: Decoder, *given: Any) -> None:
        first(decoder, *given)
        opened.append(weakref.ref(decoder))

    monkeypatch.setattr(Decoder, "__init__", noted)
    stop = Stop()
    listening = model.listen(recording, stop=stop)
    next(iter(listening))
    stop.set()
    with pytest.raises(Stopped):
        list(listening)
    gc.collect()
    assert opened
    assert [decoder for decoder in opened if decoder() is not None] == []


def test_stop_ends_the_search_for_speech_too(model: Whisper) -> None:
    stop = Stop()
    hour = np.zeros(3600 * SAMPLE_RATE, np.int16)  # of silence: no window is ever decoded
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        model.trace((SAMPLE_RATE, hour), stop=stop)
    assert time.monotonic() - began < 0.3 + ENDS_SECONDS


def asked(path: Path, page: str, turn: int) -> Any:
    sound = {"path": recorder.kept(path), "name": path.name, "page": page, "turn": turn}
    return listen.read(sound, "en", False, "whisper-tiny.en", "int8", "cpu", None)


def test_the_next_recording_of_a_page_ends_the_one_before(recording: Path) -> None:
    speaks = asyncio.Event()

    async def heard(path: Path, turn: int) -> list[dict[str, Any]]:
        values = []
        async for value in asked(path, "replaced", turn):
            values.append(value)
            if "segments" in value:
                speaks.set()
        return values

    async def run() -> tuple[float, list[dict[str, Any]], list[dict[str, Any]]]:
        before = asyncio.create_task(heard(recording, 1))
        await speaks.wait()
        began = time.monotonic()
        newer = await heard(SPEECH, 2)
        return time.monotonic() - began, await asyncio.wait_for(before, 5), newer

    seconds, before, newer = asyncio.run(run())
    assert before[-1]["segments"]
    assert before[-1]["running"]  # it was not heard to its end
    words = "".join(word[0] for piece in newer[-1]["segments"] for word in piece["words"])
    assert "fellow Americans" in words
    assert seconds < 10  # the whole of the recording before it takes a minute


@pytest.mark.load
def test_a_short_recording_does_not_wait_for_two_long_ones(recording: Path) -> None:
    """Each waits for a piece of the others' work only, also where they are wanted to the end."""

    async def run() -> None:
        long = [asyncio.create_task(listen.transcribe(str(recording))) for _ in range(2)]
        await asyncio.sleep(1)
        answer = await listen.transcribe(str(SPEECH))
        assert "fellow Americans" in answer["text"]
        assert not any(task.done() for task in long)
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)

    asyncio.run(run())
