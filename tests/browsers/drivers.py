"""Firefox and WebKit, driven alike: what a reader does on a page, and what can be seen there."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from marionette_driver.marionette import ActionSequence, Marionette
from selenium.webdriver import WebKitGTK, WebKitGTKOptions
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.webkitgtk.service import Service

Point = tuple[float, float]
ANSWER_SECONDS = 30  # a bound for a busy machine, not what it should take
WIDTH, HEIGHT = 1280, 1000
STEP_MS = 10  # of the mouse from one point to the next
# The first one that can be seen: Gradio keeps the pages of the other tabs in the document.
SEEN = "[...document.querySelectorAll(arguments[0])].find((node) => node.checkVisibility())"
BUTTON = SEEN.replace("node.c", "node.innerText.trim() == arguments[1] && !node.disabled && node.c")


@dataclass(frozen=True)
class Driver(ABC):
    """A browser with one window; `remote` is the driver of its own."""

    remote: Any
    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def started(cls, language: str) -> AbstractContextManager[Driver]:
        """A context with the browser of a reader of this language, such as zh-CN."""

    @abstractmethod
    def open(self, address: str) -> None: ...

    @abstractmethod
    def script(self, code: str, *given: Any) -> Any:
        """What the code returns; it finds what it is given in `arguments`."""

    @abstractmethod
    def find(self, selector: str) -> Any: ...

    @abstractmethod
    def drag(self, points: Sequence[Point]) -> None:
        """Press the mouse at the first of the window's points, let it go at the last."""

    def text(self, selector: str) -> str:
        """What can be read there, or nothing: the drivers' own way takes minutes in WebKit."""
        return self.script(f"return {SEEN}?.innerText ?? ''", selector).strip()

    def wait(self, condition: str, *given: Any, seconds: float = ANSWER_SECONDS) -> None:
        """Until the JavaScript is true of what it is given."""
        end = time.monotonic() + seconds
        while not self.script(f"return Boolean({condition})", *given):
            if time.monotonic() > end:
                page = self.script("return document.body.innerText")
                pytest.fail(f"{self.name}: {condition} {given} did not come true in:\n{page}")
            time.sleep(0.1)

    def read(self, selector: str, words: str, seconds: float = ANSWER_SECONDS) -> None:
        """Wait until the words can be read there."""
        self.wait(f"{SEEN}?.innerText.includes(arguments[1])", selector, words, seconds=seconds)

    def see_button(self, name: str) -> None:
        """Wait for a button of this name that can be pressed."""
        self.wait(BUTTON, "button", name)

    def press(self, name: str) -> None:
        self.see_button(name)
        self.script(f"{BUTTON}.click()", "button", name)

    def draw(self, selector: str, points: Sequence[Point]) -> None:
        """One stroke of the mouse through points in shares of the element."""
        left, top, width, height = self.script(
            f"const seen = {SEEN}; seen.scrollIntoView({{ block: 'center' }});"
            "const box = seen.getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height];",
            selector,
        )
        self.drag([(left + x * width, top + y * height) for x, y in points])

    def type(self, selector: str, text: str) -> None:
        self.find(selector).send_keys(text)

    def upload(self, selector: str, path: Path) -> None:
        self.find(selector).send_keys(str(path))


class Firefox(Driver):
    """Debian's or another system's Firefox, without a window, by the protocol that it speaks."""

    name = "Firefox"

    @classmethod
    @contextmanager
    def started(cls, language: str) -> Iterator[Firefox]:
        remote = Marionette(
            port=0,
            bin=_program("firefox-esr", "firefox"),
            headless=True,
            gecko_log=os.devnull,
            prefs={"intl.accept_languages": language},
        )
        try:
            # Pages hide their file inputs behind prettier buttons.
            remote.start_session({"strictFileInteractability": False})
            remote.set_window_rect(width=WIDTH, height=HEIGHT)
            yield cls(remote)
        finally:
            remote.cleanup()
            # Its profile cleans up once more when it is forgotten, which fails as Python ends.
            remote.instance = None
            gc.collect()

    def open(self, address: str) -> None:
        self.remote.navigate(address)

    def script(self, code: str, *given: Any) -> Any:
        # In a sandbox it would see the page's objects, but not what the page's scripts put there.
        return self.remote.execute_script(code, script_args=given, sandbox=None)

    def find(self, selector: str) -> Any:
        return self.remote.find_element("css selector", selector)

    def drag(self, points: Sequence[Point]) -> None:
        mouse = ActionSequence(self.remote, "pointer", "mouse", {"pointerType": "mouse"})
        for number, (x, y) in enumerate(points):
            mouse.pointer_move(round(x), round(y), duration=STEP_MS)
            if number == 0:
                mouse.pointer_down()
        mouse.pointer_up()
        mouse.perform()


class WebKit(Driver):
    """WebKitGTK, the engine of Safari, in its own small browser on a screen that nobody sees."""

    name = "WebKit"

    @classmethod
    @contextmanager
    def started(cls, language: str) -> Iterator[WebKit]:
        driver = _program("WebKitWebDriver")
        with _screen() as display:
            environment = os.environ | {
                "DISPLAY": display,
                # English is also what there is where no locales were made.
                "LC_ALL": "C" if language == "en-US" else f"{language.replace('-', '_')}.UTF-8",
            }
            if os.geteuid() == 0:  # whose processes its sandbox refuses
                environment["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"
            remote = WebKitGTK(WebKitGTKOptions(), Service(driver, env=environment))
            try:
                remote.set_window_size(WIDTH, HEIGHT)
                yield cls(remote)
            finally:
                remote.quit()

    def open(self, address: str) -> None:
        self.remote.get(address)

    def script(self, code: str, *given: Any) -> Any:
        return self.remote.execute_script(code, *given)

    def find(self, selector: str) -> Any:
        return self.remote.find_element("css selector", selector)

    def drag(self, points: Sequence[Point]) -> None:
        builder = ActionBuilder(self.remote, duration=STEP_MS)
        for number, (x, y) in enumerate(points):
            builder.pointer_action.move_to_location(round(x), round(y))
            if number == 0:
                builder.pointer_action.pointer_down()
        builder.pointer_action.pointer_up()
        builder.perform()


@contextmanager
def _screen() -> Iterator[str]:
    """The name of a screen in memory."""
    told, tell = os.pipe()
    command = [_program("Xvfb"), "-displayfd", str(tell), "-screen", "0", f"{WIDTH}x{HEIGHT}x24"]
    process = subprocess.Popen(command, pass_fds=[tell], stderr=subprocess.DEVNULL)
    os.close(tell)
    try:
        with os.fdopen(told) as number:
            yield f":{number.readline().strip()}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.fail(f"These tests need {names[0]}: sh tests/browsers/install.sh as root")
    return found
