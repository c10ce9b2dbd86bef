"""Of several inputs the newest has the last word, however late the answers and uploads come."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.browser.test_draw import HINT, THREE, drag, ink, verdict

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "demos" / "examples"
# Holds back each answer (or upload) by the milliseconds at its turn, the last of them for the rest,
# and counts how many are under way at once.
SLOW = """([part, waits, failing]) => {
  const real = window.fetch;
  window.asked = 0;
  window.underWay = 0;
  window.mostUnderWay = 0;
  window.fetch = async (address, ...how) => {
    if (!String(address.url ?? address).includes(part)) return real(address, ...how);
    const wait = waits[Math.min(window.asked++, waits.length - 1)];
    window.mostUnderWay = Math.max(window.mostUnderWay, ++window.underWay);
    try {
      const reply = await real(address, ...how);
      await new Promise((resume) => setTimeout(resume, wait));
      if (failing) return Response.json({ error: null }, { status: 500 });
      return reply;
    } finally {
      window.underWay -= 1;
    }
  };
}"""


def slow(page: Page, part: str, *waits: int, failing: bool = False) -> None:
    page.evaluate(SLOW, [part, waits, failing])


def settled(page: Page) -> None:
    """Wait until every answer that was asked for is there, and time for a late one besides."""
    page.wait_for_timeout(300)
    page.wait_for_function("window.underWay === 0")
    page.wait_for_timeout(300)


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    image = Image.new("RGB", (400, 300), "#204080")
    ImageDraw.Draw(image).line([(150, 60), (260, 60), (190, 240)], fill="#ffe080", width=22)
    image.save(tmp_path / "seven.png")
    return tmp_path / "seven.png"


@pytest.fixture
def draw(visit: Callable) -> Page:
    page = visit().page
    page.get_by_role("button", name="Or show a picture of a digit").click()
    expect(page.locator("#digit-picture input[type=file]")).to_be_attached()
    return page


def show(page: Page, picture: Path) -> None:
    page.locator("#digit-picture input[type=file]").set_input_files(picture)


def test_a_picture_takes_the_place_of_a_drawing_and_undo_brings_it_back(
    draw: Page, seven: Path
) -> None:
    drag(draw, THREE)
    expect(verdict(draw).locator("strong")).to_have_text("3")
    show(draw, seven)
    expect(verdict(draw).locator("strong")).to_have_text("7")
    assert ink(draw) == 0
    draw.get_by_role("button", name="Undo").click()
    expect(verdict(draw).locator("strong")).to_have_text("3")
    expect(draw.locator("#digit-picture img")).to_have_count(0)


def test_a_drawing_takes_the_place_of_a_picture(draw: Page, seven: Path) -> None:
    show(draw, seven)
    expect(verdict(draw).locator("strong")).to_have_text("7")
    drag(draw, THREE)
    expect(verdict(draw).locator("strong")).to_have_text("3")
    expect(draw.locator("#digit-picture img")).to_have_count(0)


def test_a_late_answer_to_a_drawing_does_not_replace_the_picture(draw: Page, seven: Path) -> None:
    slow(draw, "/run", 1500, 0)
    drag(draw, THREE)
    show(draw, seven)
    expect(verdict(draw).locator("strong")).to_have_text("7")
    settled(draw)
    expect(verdict(draw).locator("strong")).to_have_text("7")
    assert draw.evaluate("window.mostUnderWay") == 1


def test_a_late_answer_to_a_picture_does_not_replace_the_drawing(draw: Page, seven: Path) -> None:
    slow(draw, "/run", 1500, 0)
    show(draw, seven)
    draw.wait_for_function("window.underWay === 1")
    drag(draw, THREE)
    settled(draw)
    expect(verdict(draw).locator("strong")).to_have_text("3")
    assert draw.evaluate("window.mostUnderWay") == 1


def test_a_late_upload_does_not_replace_the_drawing_begun_after_it(draw: Page, seven: Path) -> None:
    slow(draw, "/upload?", 1500)
    show(draw, seven)
    draw.wait_for_function("window.underWay === 1")
    drag(draw, THREE)
    settled(draw)
    expect(verdict(draw).locator("strong")).to_have_text("3")
    assert ink(draw) > 0
    expect(draw.locator("#digit-picture img")).to_have_count(0)


def test_a_late_answer_does_not_undo_clear_or_the_choice_of_a_precision(draw: Page) -> None:
    slow(draw, "/run", 1500, 0)
    drag(draw, THREE)
    draw.get_by_role("button", name="Advanced").filter(visible=True).click()
    draw.get_by_label("Precision").filter(visible=True).click()
    draw.get_by_role("option", name="fp32", exact=True).click()
    settled(draw)
    expect(draw.locator(".ran").first).to_have_text(re.compile("fp32"))
    draw.get_by_role("button", name="Clear", exact=True).click()
    settled(draw)
    expect(verdict(draw)).to_have_text(re.compile(HINT))
    assert draw.evaluate("window.mostUnderWay") == 1


def test_two_inputs_in_one_instant_take_turns(draw: Page) -> None:
    drag(draw, THREE)
    drag(draw, [(0.1, 0.1), (0.9, 0.9)])
    expect(verdict(draw).locator("strong")).not_to_have_text(re.compile(HINT))
    draw.wait_for_timeout(500)
    slow(draw, "/run", 1500, 0)
    draw.evaluate("for (const _ of [1, 2]) document.querySelector('#canvas .undo').click()")
    settled(draw)
    expect(verdict(draw)).to_have_text(re.compile(HINT))
    assert draw.evaluate("window.mostUnderWay") == 1


def test_every_stroke_of_many_counts_however_unsteady_the_answers(draw: Page) -> None:
    slow(draw, "/run", 700, 0, 300, 50, 500, 0, 200)
    for name in ("0", "4", "A", "7"):
        draw.get_by_role("button", name=name, exact=True).click()
        draw.wait_for_timeout(150)
    draw.wait_for_timeout(1200)  # the example is drawn
    settled(draw)
    expect(verdict(draw).locator("strong")).to_have_text("7")
    assert draw.evaluate("window.mostUnderWay") == 1


def test_a_request_that_fails_takes_the_old_answer_away(visit: Callable) -> None:
    visited = visit()
    page = visited.page
    drag(page, THREE)
    expect(verdict(page).locator("strong")).to_have_text("3")
    slow(page, "/run", 0, failing=True)
    page.get_by_role("button", name="7", exact=True).click()
    expect(verdict(page)).to_have_text(re.compile("No answer came back"))
    expect(page.get_by_alt_text("What the model sees")).to_have_count(0)


def example(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_late_answer_to_one_example_does_not_replace_the_next(visit: Callable) -> None:
    page = visit("/?tab=see").page
    expect(page.get_by_role("button", name="ship", exact=True)).to_be_visible()
    slow(page, "/run", 1500, 0)
    example(page, "cat")
    example(page, "ship")
    settled(page)
    expect(verdict(page).locator("strong")).to_have_text("ship")
    expect(page.locator("#picture img").first).to_have_attribute("src", re.compile("ship"))
    assert page.evaluate("window.mostUnderWay") == 1


def test_a_late_upload_does_not_replace_the_example_chosen_after_it(visit: Callable) -> None:
    page = visit("/?tab=see").page
    expect(page.get_by_role("button", name="ship", exact=True)).to_be_visible()
    slow(page, "/upload?", 1500)
    page.locator("#picture input[type=file]").first.set_input_files(EXAMPLES / "cat.jpg")
    page.wait_for_function("window.underWay === 1")
    example(page, "ship")
    settled(page)
    expect(verdict(page).locator("strong")).to_have_text("ship")
    expect(page.locator("#picture img").first).to_have_attribute("src", re.compile("ship"))


def test_an_upload_after_an_example_is_the_newest(visit: Callable) -> None:
    page = visit("/?tab=see").page
    example(page, "ship")
    expect(verdict(page).locator("strong")).to_have_text("ship")
    page.locator("#picture").get_by_role("button", name="Remove Image").click()
    page.locator("#picture input[type=file]").first.set_input_files(EXAMPLES / "cat.jpg")
    expect(verdict(page).locator("strong")).to_have_text(re.compile(r"cat\??"))
