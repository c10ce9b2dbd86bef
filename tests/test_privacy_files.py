"""What the pages write of a visitor can be read by nobody else on the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

import model_zoo
from demos import listing, see, transcript
from model_zoo.speech.transcript import Segment

ASKED = SimpleNamespace(session_hash="test", headers={})
SAID = [Segment(0.0, 1.0, " Hello.", (), 0.9, -0.1, 0.0, 1.0, 0.0)]
SHIP = Path(see.__file__).parent / "examples" / "ship.jpg"


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of uploads, under the usual mask that lets everybody read what is new."""
    before = os.umask(0o022)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    yield tmp_path / "uploads"
    os.umask(before)


def is_private(button: gr.DownloadButton, uploads: Path) -> None:
    file = Path(button.value["path"])
    assert file.is_relative_to(uploads)
    assert file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_transcripts(uploads: Path):
    for button in transcript.files(SAID, "en", "talk.wav"):
        is_private(button, uploads)


def test_the_answers_to_several_pictures(uploads: Path):
    _, download = next(see.look_at_all([str(SHIP)], "cifar10-resnet", "fp32", "cpu"))
    is_private(download, uploads)


def test_the_answers_to_a_list(uploads: Path, monkeypatch: pytest.MonkeyPatch):
    class Toy:
        session = SimpleNamespace(ran=SimpleNamespace(note="", precision="fp32", place="here"))

        def classify_many(self, given: Any) -> Iterator[dict[str, float]]:
            yield from ({"positive": 0.9, "negative": 0.1} for _ in given)

    monkeypatch.setattr(model_zoo, "load", lambda *_: Toy())
    *_, last = listing.read_all(str(listing.EXAMPLE), "", "toy", "fp32", "cpu", ASKED)
    is_private(last[2], uploads)


def test_the_same_answers_lie_in_another_folder_each_time(uploads: Path):
    first, second = (transcript.files(SAID, "en", "talk.wav")[0].value["path"] for _ in range(2))
    assert Path(first).parent != Path(second).parent
