"""Two visitors at one server: what one of them gives never reaches the other.

CALLS in the environment says how many calls are made; the run before a release makes 400.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image, ImageDraw

from tests.test_privacy import Served, served

pytestmark = pytest.mark.weights

CALLS = int(os.environ.get("CALLS", "60"))
SPOKEN = {
    "zebra": "My friend saw a zebra in the garden.",
    "walrus": "A walrus lives in the cold water.",
}
HEARD = {"zebra": "garden", "walrus": "cold water"}  # what the smallest model makes out of it


class Visitor:
    """Somebody whose every text, file and name holds a mark, or speaks it."""

    def __init__(self, server: Served, mark: str, folder: Path) -> None:
        self.server, self.mark, self.session = server, mark, f"session-of-{mark}"
        self.web = httpx.Client(timeout=120, headers={"Connection": "close"})
        wave = folder / f"{mark}.wav"
        speak = ["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(wave), SPOKEN[mark]]
        subprocess.run(speak, check=True)
        samples, rate = soundfile.read(wave, dtype="float32")
        self.sound = wave.read_bytes()
        with io.BytesIO() as file:
            soundfile.write(file, samples, rate, format="MP3")
            whole = file.getvalue()
        with io.BytesIO() as file:  # a second of silence that promises a minute
            soundfile.write(file, np.zeros(rate * 60, np.float32), rate, format="MP3")
            self.cut_off = file.getvalue()[: len(whole) // 8]

    def calls(self) -> list[Callable[[], str]]:
        """Every endpoint, each as a call that gives the text of its answer."""
        mark = self.mark
        return [
            lambda: self.run("classify_sentiment", f"the {mark} is a fine film", True),
            lambda: self.stream("generate_text", f"Tell me of the {mark}.", 12, 0),
            lambda: self.run("generate_text", f"Once a {mark}", 8, 0, 40, 0.95, 1, 0, False),
            lambda: self.run("transcribe", self.sent("wav", self.sound)),
            lambda: self.run("transcribe", self.sent("mp3", self.cut_off)),
            lambda: self.run("classify_image", self.sent("png", self.picture())),
            lambda: self.run("classify_digit", self.sent("png", self.picture())),
            lambda: self.run("classify_digit", self.sent("png", mark.encode())),
            lambda: self.run("classify_sentiment", [mark, {mark: mark}]),
        ]

    def run(self, endpoint: str, *data: object) -> str:
        body = {"data": data, "session_hash": self.session}
        return self.web.post(f"{self.server.address}/gradio_api/run/{endpoint}", json=body).text

    def stream(self, endpoint: str, *data: object) -> str:
        address = f"{self.server.address}/gradio_api/call/{endpoint}"
        event = self.web.post(address, json={"data": data}).json()["event_id"]
        return self.web.get(f"{address}/{event}").text

    def sent(self, ending: str, content: bytes) -> dict[str, object]:
        files = {"files": (f"{self.mark}.{ending}", content)}
        [path] = self.web.post(f"{self.server.address}/gradio_api/upload", files=files).json()
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    def picture(self) -> bytes:
        image = Image.new("L", (120, 120), "white")
        ImageDraw.Draw(image).text((10, 10), self.mark, font_size=60)
        with io.BytesIO() as file:
            image.save(file, "png")
            return file.getvalue()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visitor, Visitor]]:
    folder = tmp_path_factory.mktemp("visitors")
    with served(folder / "t") as server:
        yield Visitor(server, "zebra", folder), Visitor(server, "walrus", folder)


def check(other: Visitor, answer: str) -> None:
    assert other.mark not in answer.lower()
    assert HEARD[other.mark] not in answer.lower()


@pytest.mark.load
def test_in_turn_and_at_once_nobody_gets_what_is_the_others(two: tuple[Visitor, Visitor]) -> None:
    pairs = [(two[0], two[1]), (two[1], two[0])]
    for who, _ in pairs:
        heard = who.run("transcribe", who.sent("wav", who.sound)).lower()
        assert HEARD[who.mark] in heard, heard
    order = [(who, other, call) for who, other in pairs for call in who.calls()]
    order *= -(-CALLS // len(order))
    random.Random(12).shuffle(order)
    half = len(order) // 2
    for _, other, call in order[:half]:
        check(other, call())
    with ThreadPoolExecutor(6) as pool:
        at_once = [(other, pool.submit(call)) for _, other, call in order[half:]]
    for other, answer in at_once:
        check(other, answer.result())
    log = two[0].server.log.read_text()
    assert not any(visitor.mark in log for visitor in two)


def test_events_of_a_session_are_not_heard_by_another(two: tuple[Visitor, Visitor]) -> None:
    mine, other = two
    config = json.loads(mine.web.get(f"{mine.server.address}/config").text)
    function = next(f for f in config["dependencies"] if f["api_name"] == "generate_text")
    body = {
        "data": ["A zebra", 40, 0, 40, 0.95, 1, 0, False, "", "smollm2-135m"],
        "fn_index": function["id"], "session_hash": mine.session,
    }  # fmt: skip
    api = f"{mine.server.address}/gradio_api"
    mine.web.post(f"{api}/queue/join", json=body).raise_for_status()
    theirs = ""
    listen = f"{api}/queue/data?session_hash={other.session}"
    with suppress(httpx.HTTPError), other.web.stream("GET", listen, timeout=5) as reply:
        for line in reply.iter_lines():
            theirs += line
    assert "zebra" not in theirs.lower()
