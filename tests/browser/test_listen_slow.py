"""The page Listen where the server is slow: a recording that was replaced ends after the next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_listen import (
    FETCH_SECONDS,
    choose,
    listened,
    long_recording,
    opened,
    text,
)
from tests.conftest import ROOT, SPEECH, _when_ready
from tests.slow_app import BATCH_SECONDS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app whose model is slowed."""
    folder = tmp_path_factory.mktemp("slow")
    environment = os.environ | {"GRADIO_TEMP_DIR": str(folder / "gradio"), "PYTHONUNBUFFERED": "1"}
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.slow_app", "--port", "0", "--no-browser"],
            cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield _when_ready(process, log)
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_a_recording_that_was_replaced_never_comes_back(visit: Callable, tmp_path: Path) -> None:
    page = opened(visit)
    for times, length in ((30, "15:30"), (40, "20:40")):
        choose(page, long_recording(tmp_path / f"{times}.wav", times))
        expect(page.locator("#heard .facts")).to_contain_text(
            f"/ {length}", timeout=FETCH_SECONDS * 1000
        )
        expect(text(page).locator("p")).not_to_have_count(0)
    choose(page, SPEECH)
    expect(page.locator("#heard .facts")).to_contain_text("0:11 · English")
    listened(page)
    page.wait_for_timeout(2.5 * BATCH_SECONDS * 1000)
    expect(page.locator("#heard .facts")).to_contain_text("0:11 · English")
    expect(text(page).locator("p")).to_have_count(1)
    expect(page.get_by_role("button", name="Transcribe again")).to_be_visible()


def test_stop_answers_at_once_and_stays(visit: Callable, tmp_path: Path) -> None:
    page = opened(visit)
    choose(page, long_recording(tmp_path / "long.wav", 30))
    expect(text(page).locator("p")).not_to_have_count(0, timeout=FETCH_SECONDS * 1000)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Transcribe again")).to_be_visible(timeout=500)
    count = text(page).locator("p").count()
    page.wait_for_timeout(1.5 * BATCH_SECONDS * 1000)
    expect(page.get_by_role("button", name="Transcribe again")).to_be_visible()
    expect(text(page).locator("p")).to_have_count(count)
    page.get_by_role("button", name="Transcribe again").click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible(timeout=500)
    expect(text(page).locator("p")).not_to_have_count(0)
