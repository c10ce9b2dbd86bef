"""The page Read on a slow machine: an answer never outlives its text, and waiting can be ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_read import answered, box, opened, press, verdict
from tests.conftest import ROOT, _when_ready

pytestmark = [pytest.mark.browser, pytest.mark.weights]

SLOWLY = """
import runpy, sys, time
sys.path.insert(0, ".")
from model_zoo.runtime.session import Session
run = Session.__call__
def slowly(self, **feeds):
    if "tokens" in feeds:
        time.sleep(feeds["tokens"].size / 1000)  # a millisecond a token
    return run(self, **feeds)
Session.__call__ = slowly
sys.argv = ["app.py", "--port", "0", "--no-browser"]
runpy.run_path("app.py", run_name="__main__")
"""
GOOD = "A wonderful, moving and very funny film, " * 4 + "and one of the best of the year."  # 4 s
BAD = "A dull mess."
WATCH = """() => {
    window.seen = [];
    const keep = () => { for (const strong of document.querySelectorAll(".verdict strong"))
        if (strong.checkVisibility() && !strong.closest(".stale")) seen.push(strong.textContent); };
    new MutationObserver(keep).observe(document.body, {subtree: true, childList: true});
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app with a sentiment model that is slow on any machine."""
    folder = tmp_path_factory.mktemp("slow")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", SLOWLY], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield _when_ready(process, Path(log.name))
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_an_answer_to_a_replaced_text_never_comes(visit: Callable) -> None:
    page = opened(visit)
    box(page).fill(GOOD)
    page.wait_for_timeout(700)
    box(page).fill(BAD)
    page.evaluate(WATCH)
    expect(verdict(page).locator("strong")).to_have_text("negative", timeout=3_000)
    page.wait_for_timeout(5_000)
    assert set(page.evaluate("seen")) == {"negative"}


def test_an_answer_that_is_asked_for_twice_does_not_hide_the_next_one(visit: Callable) -> None:
    page = opened(visit)
    box(page).fill(GOOD)
    answered(page, "positive")
    press(page, "Compare with an edit")  # reads the same text again
    page.wait_for_timeout(700)
    box(page).fill(BAD)
    expect(verdict(page).locator("strong")).to_have_text("negative", timeout=10_000)
    page.evaluate(WATCH)
    page.wait_for_timeout(6_000)
    assert "positive" not in page.evaluate("seen")
    expect(page.locator("#mood .ins, #mood ins").first).to_be_visible()


def test_the_reasons_of_a_long_text_show_how_far_they_are_and_can_be_stopped(
    visit: Callable,
) -> None:
    page = opened(visit)
    press(page, "A long review")
    expect(page.locator("#mood .busy")).to_contain_text("Reading", timeout=3_000)
    expect(page.locator("#mood .busy")).to_contain_text("Weighing the words", timeout=20_000)
    expect(page.locator(".fetching .progress-bar").filter(visible=True)).to_be_visible()
    page.locator("#mood .stop").click()
    expect(page.locator("#mood .busy")).to_contain_text("Stopped: the words are not weighed.")
    answer = verdict(page).inner_text()
    page.wait_for_timeout(3_000)
    expect(verdict(page)).to_have_text(answer, use_inner_text=True)  # it stays, nothing is added
    expect(page.locator("#mood .w.for, #mood .w.against")).to_have_count(0)
    box(page).fill(BAD)
    expect(verdict(page).locator("strong")).to_have_text("negative", timeout=5_000)
    expect(page.locator("#mood .busy")).to_be_hidden()
