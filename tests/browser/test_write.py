"""The page Write in a real browser: text that streams, stops, repeats, explains itself."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]

HINT = "Ask something, or begin a text."
START = re.compile("^(Ask|Write)$")  # whichever the chosen mode does
FETCH_SECONDS = 240  # the first test on a machine waits for the weights
WRITE_SECONDS = 120
FACTS = re.compile(r"\d+ tokens · [\d.]+ tokens a second · first after [\d.]+ s")


def opened(visit: Callable, path: str = "/?tab=write", **look: object) -> Page:
    page: Page = visit(path, **look).page
    expect(page.locator("#written .hint")).to_have_text(HINT)
    return page


def text(page: Page):
    return page.locator("#written .text")


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name, exact=True).filter(visible=True).click()


def length(page: Page, tokens: int) -> None:
    fold = page.get_by_role("button", name="How it chooses")
    if not page.get_by_label("Seed").is_visible():
        fold.click()
    box = page.get_by_label("number input for Length")
    box.fill(str(tokens))
    box.press("Tab")


def finished(page: Page) -> None:
    expect(page.get_by_role("button", name="Try again", exact=True)).to_be_visible(
        timeout=FETCH_SECONDS * 1000
    )


@pytest.mark.page
def test_a_text_streams_and_stops(visit: Callable) -> None:
    page = opened(visit)
    page.get_by_label("Your text").fill("Tell me a long story about a ship.")
    length(page, 1024)
    press(page, START)
    expect(page.locator("#written .text span").nth(3)).to_be_visible(timeout=FETCH_SECONDS * 1000)
    early = text(page).inner_text()
    expect(page.locator("#written .text span").nth(15)).to_be_visible()
    assert text(page).inner_text().startswith(early.rstrip())
    press(page, "Stop")
    finished(page)
    count, stopped = page.locator("#written .text span").count(), text(page).inner_text()
    assert count < 1000
    page.wait_for_timeout(1000)
    assert text(page).inner_text() == stopped  # it stays, and nothing is added
    expect(page.locator("#written .facts")).to_have_text(FACTS)
    expect(page.locator(".ran").filter(visible=True).first).to_contain_text("on the CPU")


def test_t5_stop_ends_the_reading_of_a_long_prompt_and_the_next_one_is_answered(
    visit: Callable,
) -> None:
    page = opened(visit)
    page.get_by_label("Your text").fill("A long letter. " * 400)
    length(page, 8)
    press(page, START)
    expect(page.locator("#written .hint")).to_contain_text("Reading", timeout=FETCH_SECONDS * 1000)
    press(page, "Stop")
    expect(page.get_by_role("button", name=START)).to_be_visible()
    page.wait_for_timeout(1000)
    assert page.locator("#written .text span").count() == 0
    page.get_by_label("Your text").fill("Why do we see colours?")
    press(page, START)
    finished(page)
    expect(page.locator("#written .text span").first).to_be_visible()


def test_the_same_seed_writes_the_same_text_and_another_another(visit: Callable) -> None:
    page = opened(visit)
    press(page, "The old lighthouse keeper opened the door and")
    expect(page.get_by_label("Continue my text")).to_be_checked()
    length(page, 24)
    page.get_by_label("number input for Temperature").fill("1")
    texts = []
    for button in (START, START, "Try again"):
        # A short text may have ended before anybody sees that it began.
        page.locator("#written .text span").evaluate_all("all => all.map(s => s.className = 'old')")
        press(page, button)
        expect(page.locator("#written .text span.old")).to_have_count(0)
        expect(page.locator("#written .text span").first).to_be_visible()
        finished(page)
        texts.append(text(page).inner_text())
    assert texts[0] == texts[1] != texts[2]
    expect(page.locator(".ran").filter(visible=True).first).to_have_text(
        re.compile(r"preprocess .* model .* postprocess .* — .* on the CPU")
    )


def test_a_text_goes_on_where_it_ended(visit: Callable) -> None:
    page = opened(visit)
    press(page, "The old lighthouse keeper opened the door and")
    length(page, 10)
    press(page, START)
    finished(page)
    before = text(page).inner_text()
    press(page, "Continue")
    expect(page.locator("#written .text span").nth(12)).to_be_visible(timeout=WRITE_SECONDS * 1000)
    finished(page)
    assert text(page).inner_text().startswith(before.rstrip())


def test_each_token_shows_what_it_could_have_been(visit: Callable) -> None:
    page = opened(visit)
    press(page, "Why do we see colours?")
    length(page, 12)
    press(page, START)
    finished(page)
    page.locator("#written .text span").nth(2).hover()
    why = page.locator("#written .why")
    expect(why).to_contain_text("had a probability of")
    expect(why.locator("tbody tr")).to_have_count(5)
    first = why.locator(".chosen").inner_text()
    text(page).focus()
    page.keyboard.press("ArrowRight")
    expect(why.locator(".chosen")).not_to_have_text(first)


def test_a_pasted_text_is_judged(visit: Callable) -> None:
    page = opened(visit)
    page.get_by_role("button", name="How surprising is a text?").click()
    page.get_by_label("A text to judge").fill("The quick brown fox jumps over the lazy xylophone.")
    press(page, "Measure it")
    judged = page.locator("#judged")
    expect(judged.locator(".facts")).to_have_text(
        re.compile(r"\d+ tokens · perplexity [\d.]+"), timeout=FETCH_SECONDS * 1000
    )
    doubt = "span => parseInt(getComputedStyle(span).getPropertyValue('--doubt'))"
    fox = judged.locator(".text span", has_text="fox").evaluate(doubt)
    instrument = judged.locator(".text span", has_text=re.compile("^ x")).evaluate(doubt)
    assert instrument > fox + 30


def test_t6_judging_a_long_text_can_be_stopped_and_the_next_one_is_judged(
    visit: Callable,
) -> None:
    page = opened(visit)
    page.get_by_role("button", name="How surprising is a text?").click()
    page.get_by_label("A text to judge").fill("The quick brown fox jumps over it. " * 800)
    press(page, "Measure it")
    hint = page.locator("#judged .hint")
    expect(hint).to_have_text(re.compile(r"Reading … \d+%"), timeout=FETCH_SECONDS * 1000)
    press(page, "Stop")
    expect(hint).to_have_text("Stopped.")
    page.wait_for_timeout(1000)
    expect(hint).to_have_text("Stopped.")
    page.get_by_label("A text to judge").fill("The quick brown fox jumps over the lazy dog. " * 2)
    press(page, "Measure it")
    expect(page.locator("#judged .facts")).to_contain_text(
        "perplexity", timeout=WRITE_SECONDS * 1000
    )


def test_what_is_missing_is_said_and_the_page_works_on(visit: Callable) -> None:
    page = opened(visit)
    press(page, START)
    expect(page.locator("#written .hint")).to_contain_text("write a few words first")
    page.get_by_label("Your text").fill("x " * 5000)
    press(page, START)
    expect(page.locator("#written .hint")).to_contain_text(
        "shorten it", timeout=FETCH_SECONDS * 1000
    )
    page.get_by_label("Your text").fill("Hello")
    length(page, 5)
    press(page, START)
    finished(page)
    expect(page.locator("#written .text span").first).to_be_visible()


def test_gpt2_offers_the_model_that_is_there(visit: Callable) -> None:
    page = opened(visit, "/?tab=write&model=gpt2")
    page.get_by_label("Your text").fill("Once upon a time")
    press(page, START)
    hint = page.locator("#written .hint")
    written = page.locator("#written .text span").first
    expect(written.or_(hint.filter(has_text="Choose smollm2-135m"))).to_be_visible(
        timeout=FETCH_SECONDS * 1000
    )


def test_chinese_readers_are_spoken_to_in_chinese(visit: Callable) -> None:
    page: Page = visit("/?tab=write", locale="zh-CN").page
    expect(page.locator("#written .hint")).to_have_text("提个问题，或写个开头。")
    expect(page.get_by_role("button", name="提问", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_has_no_sideways_scroll(visit: Callable, scheme: str) -> None:
    page = opened(visit, width=360, color_scheme=scheme)
    press(page, "Write a short poem about rain.")
    length(page, 20)
    press(page, START)
    finished(page)
    page.locator("#written .text span").first.click()
    for name in ("How surprising is a text?", "Advanced", "Use it from code"):
        page.get_by_role("button", name=name).filter(visible=True).click()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
