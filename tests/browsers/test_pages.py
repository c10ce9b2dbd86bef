"""Every page does in Firefox and in WebKit what it is there for, and raises no error there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model_zoo.text.sampling import TextOptions
from tests.browsers.conftest import mistakes
from tests.browsers.drivers import Driver
from tests.conftest import SPEECH

EXAMPLES = Path(__file__).parents[2] / "demos" / "examples"
VERDICT = ".verdict[aria-live]"
ONE = [(0.5, 0.2 + step * 0.05) for step in range(13)]
FETCH_SECONDS = 240  # the first test on a machine waits for the weights

Visit = Callable[[str], Driver]


def test_a_drawn_stroke_is_answered_and_cleared(visit: Visit) -> None:
    page = visit("draw")
    page.read(VERDICT, "Draw a digit from 0 to 9.")
    page.draw("canvas[role=application]", ONE)
    page.read(f"{VERDICT} strong", "1")
    page.press("Clear")
    page.read(VERDICT, "Draw a digit from 0 to 9.")


def test_a_photograph_is_named(visit: Visit) -> None:
    page = visit("see")
    page.read(VERDICT, "Show a picture")
    page.upload("#picture input[type=file]", EXAMPLES / "cat.jpg")
    page.read(f"{VERDICT} strong", "cat")


def test_a_text_is_judged(visit: Visit) -> None:
    page = visit("read")
    page.read(VERDICT, "Paste a review")
    page.type("#review textarea", "a fine film")
    page.read(f"{VERDICT} strong", "positive", FETCH_SECONDS)


def test_a_text_is_written_until_it_is_stopped(visit: Visit) -> None:
    page = visit("write")
    page.read("#written .hint", "Ask something")
    page.type("#prompt textarea", "Tell me a long story about a ship.")
    page.press("Ask")
    words = "document.querySelectorAll('#written .text span').length"
    page.wait(f"{words} > 3", seconds=FETCH_SECONDS)
    page.press("Stop")
    page.see_button("Try again")
    count = page.script(f"return {words}")
    assert 3 < count < TextOptions().max_new_tokens
    page.read("#written .facts", f"{count} tokens")


def test_a_recording_is_written_down(visit: Visit) -> None:
    page = visit("listen")
    page.read("#heard .hint", "Speak, or choose a recording.")
    page.upload("#recorder input[type=file]", SPEECH)
    page.read("#heard .text", "my fellow Americans", FETCH_SECONDS)


def test_a_chinese_reader_is_spoken_to_in_chinese(kind: type[Driver], app: str) -> None:
    with kind.started("zh-CN") as page:
        page.open(app)
        language = page.script("return navigator.language")
        assert language == "zh-CN", "no locale zh_CN.UTF-8? sh tests/browsers/install.sh makes it"
        page.press("涂鸦")
        page.read(VERDICT, "这看起来不像数字。")
        assert mistakes(page) == []


@pytest.mark.parametrize(
    "wrong", ["throw Error('wrong')", "Promise.reject(Error('wrong'))", "console.error('wrong')"]
)
def test_an_error_would_be_noticed(english: Driver, app: str, wrong: str) -> None:
    english.open(app)
    english.script(
        "const script = document.createElement('script'); script.textContent = arguments[0];"
        "document.head.append(script);",
        wrong,
    )
    english.wait("window.mistakes.length && window.mistakes[0].includes('wrong')")
