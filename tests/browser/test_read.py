"""The page Read in a real browser: words and curve while one writes, edits compared, lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]

HINT = "Paste a review or opinion."
FETCH_SECONDS = 240  # the first test on a machine waits for the weights
EFFECT = re.compile(r"Positive goes from [\d.]+% to [\d.]+%, [+−][\d.]+ in log-odds")
WORKSHOP = "A dull, lifeless and irritating mess."


def opened(visit: Callable, path: str = "/?tab=read", **look: object) -> Page:
    page: Page = visit(path, **look).page
    expect(verdict(page)).to_have_text(re.compile(HINT))
    return page


def verdict(page: Page) -> Locator:
    return page.locator(".verdict[aria-live]").filter(visible=True)


def box(page: Page) -> Locator:
    return page.get_by_label("A text in English")


def word(page: Page, text: str) -> Locator:
    return page.locator("#mood .w").filter(has_text=re.compile(rf"^{re.escape(text)}$"))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).filter(visible=True).click()


def fold(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).filter(visible=True).click()


def answered(page: Page, answer: str) -> None:
    expect(verdict(page).locator("strong")).to_have_text(answer, timeout=FETCH_SECONDS * 1000)


def share(page: Page) -> float:
    """What the upper bar says, as a share."""
    return float(page.locator("#mood .for .share").inner_text().strip("<>% ")) / 100


@pytest.mark.page
def test_a_text_is_read_while_it_is_written(visit: Callable) -> None:
    page = opened(visit)
    box(page).press_sequentially("A charming and often affecting journey", delay=20)
    answered(page, "positive")
    expect(verdict(page)).to_contain_text("sure")
    expect(page.locator("#mood .w.for").first).to_be_visible()
    expect(page.locator(".ran").filter(visible=True).first).to_have_text(
        re.compile(r"preprocess .* model .* why .* — .* on the")
    )
    box(page).fill(WORKSHOP)
    answered(page, "negative")
    expect(page.locator("#mood .text")).to_have_text(WORKSHOP)
    expect(page.locator("#mood .w.against").first).to_be_visible()
    expect(page.locator("#mood .legend")).to_contain_text("counts towards negative")
    assert share(page) < 0.25


def test_each_word_tells_its_weight(visit: Callable) -> None:
    page = opened(visit)
    box(page).fill("The acting is wonderful and the rest is tedious")
    wonderful = word(page, "wonderful")
    expect(wonderful).to_have_class(re.compile("for"), timeout=FETCH_SECONDS * 1000)
    expect(wonderful).to_have_attribute(
        "aria-label", re.compile(r"^wonderful: counts towards positive \+[\d.]+$")
    )
    word(page, "tedious").hover()
    expect(page.locator("#mood .detail")).to_have_text(
        re.compile(r"^tedious counts towards negative −[\d.]+ · without it [\d.> ]+% positive$")
    )


def test_a_click_takes_a_word_out_and_another_puts_it_in_again(visit: Callable) -> None:
    page = opened(visit)
    box(page).fill("It is not funny at all")
    answered(page, "negative")
    before = share(page)
    word(page, "not").click()
    expect(page.locator("#mood .effect")).to_have_text(EFFECT)
    expect(page.locator("#mood del")).to_have_text("not")
    expect(word(page, "not")).to_have_attribute("aria-pressed", "true")
    assert share(page) > before
    expect(box(page)).to_have_value("It is not funny at all")
    word(page, "not").click()
    expect(page.locator("#mood .change")).to_be_hidden()
    word(page, "funny").click()
    expect(page.locator("#mood del")).to_have_text("funny")
    press(page, "Put all words back")
    expect(page.locator("#mood .change")).to_be_hidden()
    answered(page, "negative")
    assert share(page) == pytest.approx(before, abs=0.02)


def test_words_that_are_taken_out_at_once_all_stay_out(visit: Callable) -> None:
    page = opened(visit)
    press(page, "A long review")
    expect(page.locator("#mood .curve")).to_be_visible(timeout=FETCH_SECONDS * 1000)
    tinted = page.locator("#mood .w.for").count()
    for text in ("wonderful.", "gorgeous,", "beautiful,", "perfect."):
        word(page, text).click()
    edits = page.locator("#mood .edits")
    expect(edits).to_have_text(re.compile("wonderful.*gorgeous.*perfect.*beautiful"))
    expect(page.locator("#mood .text")).not_to_have_class(re.compile("stale"))
    expect(page.locator("#mood .w.out")).to_have_count(4)
    assert page.locator("#mood .w.for").count() > tinted / 2


def test_words_are_reached_with_the_keyboard_alone(visit: Callable) -> None:
    page = opened(visit)
    box(page).fill("It is not funny at all")
    answered(page, "negative")
    expect(page.locator("#mood .w")).to_have_count(6)
    word(page, "It").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(word(page, "not")).to_be_focused()
    expect(page.locator("#mood .detail")).to_have_text(re.compile("^not counts towards"))
    page.keyboard.press("Enter")
    expect(page.locator("#mood .effect")).to_have_text(EFFECT)
    expect(word(page, "not")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#mood .change")).to_be_hidden()
    page.keyboard.press("End")
    expect(word(page, "all")).to_be_focused()
    assert page.locator("#mood .w[tabindex='0']").count() == 1


def test_a_kept_text_is_compared_with_its_edit_and_comes_back(visit: Callable) -> None:
    page = opened(visit)
    box(page).fill("The plot is dull.")
    answered(page, "negative")
    press(page, "Compare with an edit")
    expect(page.locator("#mood .effect")).to_contain_text("Nothing has changed yet")
    expect(page.locator("#kept")).to_contain_text("The plot is dull.")
    box(page).fill("The plot is brilliant.")
    expect(page.locator("#mood .effect")).to_have_text(EFFECT)
    expect(page.locator("#mood del")).to_have_text("dull.")
    expect(page.locator("#mood ins")).to_have_text("brilliant.")
    answered(page, "positive")
    press(page, "Back to the kept text")
    expect(box(page)).to_have_value("The plot is dull.")
    answered(page, "negative")
    press(page, "Stop comparing")
    expect(page.locator("#mood .change")).to_be_hidden()
    expect(page.locator("#kept").filter(visible=True)).to_have_count(0)


def test_a_long_review_has_a_curve_whose_sentences_can_be_read(visit: Callable) -> None:
    page = opened(visit)
    press(page, "A long review")
    plot = page.get_by_role("slider", name="Mood, sentence by sentence")
    expect(plot).to_be_visible(timeout=FETCH_SECONDS * 1000)
    count = int(plot.get_attribute("aria-valuemax"))
    expect(page.locator("#mood circle")).to_have_count(count)
    expect(page.locator("#mood .note")).to_contain_text("sentence by sentence")
    plot.focus()
    expect(page.locator("#mood .sentence")).to_contain_text(f"1 / {count} · ")
    page.keyboard.press("ArrowRight")
    expect(plot).to_have_attribute("aria-valuenow", "2")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("The opening is wonderful"))
    expect(page.locator("#mood .s.now")).to_have_text(re.compile("^The opening is wonderful"))
    page.keyboard.press("End")
    expect(plot).to_have_attribute("aria-valuenow", str(count))
    expect(page.locator("#mood .s.now")).to_be_in_viewport()
    size = plot.bounding_box()
    plot.hover(position={"x": size["width"] / 2, "y": size["height"] / 2})
    expect(page.locator("#mood circle.now")).to_have_count(1)
    box(page).fill("Short again.")
    expect(page.locator("#mood .curve")).to_be_hidden()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("😀 😀", "no words"),
        ("x" * 1_000_000, "at most 200,000"),
        ("good\0film", "NUL bytes"),
    ],
)
def test_what_cannot_be_read_is_said_and_the_page_works_on(
    visit: Callable, text: str, says: str
) -> None:
    page = opened(visit)
    box(page).fill(text)
    expect(verdict(page)).to_contain_text(says, timeout=FETCH_SECONDS * 1000)
    expect(page.get_by_text("Traceback")).to_have_count(0)
    expect(page.locator("#mood .text")).to_be_hidden()
    box(page).fill("   ")
    expect(verdict(page)).to_contain_text(HINT)
    box(page).fill("One of the best films of the year")
    answered(page, "positive")


def test_another_language_is_warned_of(visit: Callable) -> None:
    page = opened(visit)
    box(page).fill("Das ist ein sehr guter Film, aber nicht für mich")
    warning = page.locator("#mood .warning")
    expect(warning).to_contain_text("English", timeout=FETCH_SECONDS * 1000)
    box(page).fill("This is a very good film")
    expect(warning).to_be_empty()


def listed(page: Page, path: Path) -> None:
    fold(page, "A list of texts")
    page.locator("#list-file input[type=file]").set_input_files(path)


def test_a_list_comes_back_with_answers(visit: Callable, tmp_path: Path) -> None:
    path = tmp_path / "feedback.csv"
    rows = [f"{n},{'a fine film' if n % 2 else WORKSHOP!r},café" for n in range(1200)]
    path.write_bytes(("id,comment,place\n" + "\n".join(rows)).replace("'", '"').encode("cp1252"))
    page = opened(visit)
    listed(page, path)
    about = page.locator("#list-about")
    expect(about).to_contain_text("1,200 rows.")
    expect(about).to_contain_text("Windows-1252")
    expect(page.get_by_label("Column with the texts")).to_have_value("comment")
    press(page, "Read the list")
    expect(about.locator("progress").or_(about.get_by_text("Done:"))).to_be_visible(
        timeout=FETCH_SECONDS * 1000
    )
    expect(about).to_contain_text("Done: 1,200 of 1,200 rows", timeout=FETCH_SECONDS * 1000)
    expect(about).to_contain_text("The first 10 rows are shown")
    expect(page.locator("#list-answers")).to_contain_text("a fine film")
    with page.expect_download() as download:
        page.get_by_text("Download as CSV").filter(visible=True).click()
    assert download.value.suggested_filename == "feedback-answers.csv"
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert lines[0] == "id,comment,place,answer,probability,verdict,hint"
    assert lines[1].startswith(f'0,"{WORKSHOP}",café,negative,0.')
    assert lines[2].startswith("1,a fine film,café,positive,0.")
    assert len(lines) == 1201


def test_a_list_can_be_stopped(visit: Callable, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("review\n" + "a fine film from the first minute to the last\n" * 60_000)
    page = opened(visit)
    listed(page, path)
    press(page, "Read the list")
    about = page.locator("#list-about")
    expect(about.locator("progress")).to_be_visible(timeout=FETCH_SECONDS * 1000)
    press(page, "Stop")
    expect(about).to_contain_text("Stopped:")
    expect(page.get_by_role("button", name="Read the list", exact=True)).to_be_visible()
    expect(page.get_by_text("Download as CSV").filter(visible=True)).to_be_visible()


def test_a_bad_list_is_said_and_another_one_read(visit: Callable, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"PK\x03\x04, a workbook")
    page = opened(visit)
    listed(page, tmp_path / "bad.csv")
    about = page.locator("#list-about")
    expect(about).to_contain_text("This is a workbook")
    expect(page.get_by_role("button", name="Read the list", exact=True)).to_be_hidden()
    press(page, "An example list")
    expect(about).to_contain_text("10 rows.")
    expect(page.get_by_label("Column with the texts")).to_have_value("review")
    page.get_by_label("Column with the texts").click()
    page.get_by_role("option", name="title").click()
    press(page, "Read the list")
    expect(about).to_contain_text("Done: 10 of 10 rows", timeout=FETCH_SECONDS * 1000)
    expect(page.locator("#list-answers")).to_contain_text("The Lighthouse Keeper")
    page.get_by_label("Column with the texts").click()
    page.get_by_role("option", name="review").click()
    expect(page.locator("#list-answers")).to_be_hidden()


def test_the_address_opens_the_page_and_its_model(visit: Callable) -> None:
    page = opened(visit, "/?tab=read&model=sst2-minilm")
    expect(page.get_by_role("tab", name="Read")).to_have_attribute("aria-selected", "true")
    assert page.url.endswith("/?tab=read&model=sst2-minilm")
    page.get_by_role("tab", name="Draw").click()
    page.wait_for_url("**/?tab=draw")
    page.get_by_role("tab", name="Read").click()
    page.wait_for_url("**/?tab=read")


def test_chinese_readers_are_spoken_to_in_chinese(visit: Callable) -> None:
    page: Page = visit("/?tab=read", locale="zh-CN").page
    expect(verdict(page)).to_contain_text("请粘贴一段评价或看法。")
    page.get_by_role("button", name="没有一刻沉闷").click()
    expect(page.locator("#mood .legend")).to_contain_text("支持正面", timeout=FETCH_SECONDS * 1000)
    page.locator("#mood .w").first.click()
    expect(page.locator("#mood .effect")).to_contain_text("正面概率从")
    page.get_by_role("button", name="一批文字").click()
    page.get_by_role("button", name="示例列表").click()
    expect(page.locator("#list-about")).to_contain_text("10 行")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_has_no_sideways_scroll(visit: Callable, scheme: str) -> None:
    page = opened(visit, width=360, color_scheme=scheme)
    press(page, "A long review")
    expect(page.locator("#mood .curve")).to_be_visible(timeout=FETCH_SECONDS * 1000)
    press(page, "Compare with an edit")
    expect(page.locator("#kept")).to_be_visible()
    fold(page, "A list of texts")
    press(page, "An example list")
    press(page, "Read the list")
    expect(page.locator("#list-answers")).to_be_visible()
    for name in ("Advanced", "Use it from code"):
        fold(page, name)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
