"""The running app, started once a module as a person would start it, and a browser to visit it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parent.parent
SPEECH = ROOT / "model_zoo" / "speech" / "jfk.flac"  # President Kennedy, 1961, public domain
START_SECONDS = 60  # bounds for a busy machine, not what it should take
ANSWER_SECONDS = 15


def slow(*values: Any) -> list[Any]:
    """More values of a test of which `make test` does with one or two."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


# Neither these tests nor the apps that they start measure which pair is fastest.
os.environ["SENSORIUM_MEASURE"] = "off"


def pytest_configure() -> None:
    """Servers that tests start end at signals, though nohup or & has these ignored here."""
    for number, handler in {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGHUP: signal.SIG_DFL,
    }.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: its driver leaves a running loop in the thread of the tests.

    `asyncio.run` refuses to work beside one, so that tests of coroutines would fail after them.
    """
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `app.py`, ready to answer; it writes below a temporary folder.

    But it keeps the user's cache folder: what a model needs is fetched once a machine.
    """
    with running(tmp_path_factory.mktemp("app")) as address:
        yield address


@contextmanager
def running(folder: Path, *program: str, **more: str) -> Iterator[str]:
    """The app's address while it runs, with these environment variables besides its own.

    `program` is what Python is given to run, where it is not app.py.
    """
    environment = os.environ | {
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "PYTHONUNBUFFERED": "1",
        **more,
    }
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *(program or ["app.py"]), "--port", "0", "--no-browser"],
            cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield _when_ready(process, log)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _when_ready(process: subprocess.Popen, log: Path) -> str:
    """The address that the app prints, once /readyz there says yes."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        address = log.read_text().partition("http://")[2].split("\n")[0]
        if address and _answers(f"http://{address}/readyz"):
            return f"http://{address}"
        time.sleep(0.1)
    raise RuntimeError(f"the app did not get ready: {log.read_text()}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The speech that the browser's microphone hears: ours, as the WAV file that Chromium reads."""
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    soundfile.write(path, samples, rate)
    return path


@pytest.fixture(scope="session")
def chromium(spoken: Path) -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names, with a camera and a microphone."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(path).exists():
        pytest.fail("The browser tests drive Chromium: apt-get install -y chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    devices = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}%noloop",
    ]
    expect.set_options(timeout=ANSWER_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags + devices)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page in the browser and what went wrong there: errors, and requests to other hosts."""

    page: Page
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


@pytest.fixture
def visit(chromium: Browser, app: str) -> Iterator[Callable[..., Visit]]:
    """Open the app at `path`; at the end nothing may have gone wrong in any page opened."""
    visits: list[Visit] = []
    contexts = []

    def open_page(path: str = "/", width: int = 1280, **look: str) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **look)
        contexts.append(context)
        visit = Visit(context.new_page())
        visits.append(visit)
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.on(
            "console",
            lambda line: (
                visit.errors.append(f"{line.text} {line.location['url']}")
                if line.type == "error"
                else None
            ),
        )
        visit.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((app, "data:", "blob:"))
                else visit.strangers.append(request.url)
            ),
        )
        visit.page.goto(app + path)
        return visit

    yield open_page
    for context in contexts:
        context.close()
    for seen in visits:
        assert seen.errors == []
        assert seen.strangers == []
