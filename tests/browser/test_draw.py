"""The page Draw in a real browser: mouse, keyboard, examples, pictures, narrow and Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import cos, radians, sin
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

HINT = "Draw a digit from 0 to 9."
Point = tuple[float, float]


def arc(x: float, y: float, radius: float, start: int, stop: int) -> list[Point]:
    """Points around (x, y) in shares of the canvas, clockwise from the right."""
    step = 10 if stop > start else -10
    angles = [radians(angle) for angle in range(start, stop + step, step)]
    return [(x + radius * cos(angle), y + radius * sin(angle)) for angle in angles]


THREE = arc(0.48, 0.35, 0.15, -150, 90) + arc(0.48, 0.65, 0.16, -90, 150)


def drag(page: Page, points: list[Point], lift: bool = True) -> None:
    """One stroke of the mouse on the canvas."""
    canvas = page.get_by_role("application")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point)
    if lift:
        page.mouse.up()


def verdict(page: Page):
    return page.locator(".verdict[aria-live]").filter(visible=True)


def ink(page: Page) -> int:
    """How many pixels of the canvas are dark."""
    return page.get_by_role("application").evaluate(
        """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
            .data.filter((level, i) => i % 4 === 0 && level < 128).length"""
    )


@pytest.mark.page
def test_a_three_drawn_with_the_mouse_is_read(visit: Callable) -> None:
    page = visit().page
    expect(verdict(page)).to_have_text(re.compile(HINT))
    drag(page, THREE)
    expect(verdict(page).locator("strong")).to_have_text("3")
    expect(page.get_by_alt_text("What the model sees")).to_be_visible()
    expect(page.get_by_alt_text("Why: 3")).to_be_visible()
    expect(page.locator(".ran").first).to_have_text(
        re.compile(r"preprocess [\d.]+ ms · model [\d.]+ ms · postprocess [\d.]+ ms — .+ on the")
    )
    expect(page.locator(".shares dt", has_text="3").first).to_be_visible()


def test_an_answer_comes_while_the_stroke_goes_on(visit: Callable) -> None:
    page = visit().page
    drag(page, THREE, lift=False)
    expect(page.get_by_alt_text("What the model sees")).to_be_visible()
    page.mouse.up()
    expect(verdict(page).locator("strong")).to_have_text("3")


def test_clear_works_twice_and_undo_brings_back(visit: Callable) -> None:
    page = visit().page
    clear = page.get_by_role("button", name="Clear", exact=True)
    for _ in range(2):
        drag(page, THREE)
        expect(verdict(page).locator("strong")).to_have_text("3")
        clear.click()
        expect(verdict(page)).to_have_text(re.compile(HINT))
        assert ink(page) == 0
    page.get_by_role("button", name="Undo").click()
    expect(verdict(page).locator("strong")).to_have_text("3")
    page.get_by_role("application").focus()
    page.keyboard.press("Control+z")
    expect(verdict(page)).to_have_text(re.compile(HINT))
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert page.get_by_role("application").is_visible()


def test_a_scribble_is_called_no_digit(visit: Callable) -> None:
    page = visit().page
    page.get_by_role("button", name="scribble").click()
    expect(verdict(page).locator("strong")).to_have_text("That doesn't look like a digit.")


@pytest.mark.parametrize("digit", "0123456789")
def test_every_example_is_read(visit: Callable, digit: str) -> None:
    page = visit(reduced_motion="reduce").page
    page.get_by_role("button", name=digit, exact=True).click()
    expect(verdict(page).locator("strong")).to_have_text(digit)


def test_the_keyboard_alone_draws_and_clears(visit: Callable) -> None:
    page = visit().page
    expect(page.get_by_role("application")).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "CANVAS":
            break
    page.keyboard.press(" ")
    for key, times in (("ArrowDown", 18), ("ArrowUp", 1)):
        for _ in range(times):
            page.keyboard.press(key)
    page.keyboard.press(" ")
    expect(verdict(page).locator("strong")).to_have_text("1")
    page.keyboard.press("c")
    expect(verdict(page)).to_have_text(re.compile(HINT))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "undo"


def test_a_finger_draws_without_scrolling(visit: Callable) -> None:
    page = visit(width=360, has_touch=True, is_mobile=True).page
    canvas = page.get_by_role("application")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    touch = page.context.new_cdp_session(page)
    before = page.evaluate("scrollY")
    for kind, points in (
        ("touchStart", THREE[:1]),
        *(("touchMove", [point]) for point in THREE[1:]),
        ("touchEnd", []),
    ):
        at = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in points
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    expect(verdict(page).locator("strong")).to_have_text("3")
    assert page.evaluate("scrollY") == before


def test_a_picture_of_a_digit_is_read(visit: Callable, tmp_path: Path) -> None:
    image = Image.new("RGB", (400, 300), "#204080")
    ImageDraw.Draw(image).line([(150, 60), (260, 60), (190, 240)], fill="#ffe080", width=22)
    image.save(tmp_path / "seven.png")
    page = visit().page
    page.get_by_role("button", name="Or show a picture of a digit").click()
    page.locator("#digit-picture input[type=file]").set_input_files(tmp_path / "seven.png")
    expect(verdict(page).locator("strong")).to_have_text("7")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_has_no_sideways_scroll(visit: Callable, scheme: str) -> None:
    page = visit(width=360, color_scheme=scheme).page
    drag(page, THREE)
    expect(verdict(page).locator("strong")).to_have_text("3")
    for name in ("Or show a picture of a digit", "Advanced", "Use it from code"):
        page.get_by_role("button", name=name).click()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_speaks_chinese(visit: Callable) -> None:
    page = visit(locale="zh-CN").page
    expect(page.get_by_role("button", name="清空")).to_be_visible()
    expect(page.get_by_role("tab", name="手写")).to_be_visible()
    page.get_by_role("button", name="scribble").or_(page.get_by_role("button", name="涂鸦")).click()
    expect(verdict(page).locator("strong")).to_have_text("这看起来不像数字。")
    expect(page.get_by_text("都不会离开这台机器")).to_be_visible()


def test_the_choice_of_a_precision_is_shown(visit: Callable) -> None:
    page = visit().page
    drag(page, THREE)
    expect(verdict(page).locator("strong")).to_have_text("3")
    page.get_by_role("button", name="Advanced").click()
    for label, choice in (("Precision", "fp32"), ("Runs on", "cpu")):
        page.get_by_label(label).filter(visible=True).click()
        page.get_by_role("option", name=choice, exact=True).click()
    expect(page.locator(".ran").first).to_have_text(re.compile(r"fp32 on the CPU"))


def test_the_code_has_this_address(visit: Callable, app: str) -> None:
    page = visit().page
    page.get_by_role("button", name="Use it from code").filter(visible=True).click()
    page.get_by_role("tab", name="curl").filter(visible=True).click()
    expect(page.locator(".cm-content").filter(visible=True)).to_contain_text(app)
