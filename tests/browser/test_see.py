"""The page See in a real browser: examples, files, paste, camera, faults, tables, addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "demos" / "examples"
HINT = "Show a picture: upload, paste or take one."


def verdict(page: Page):
    return page.locator(".verdict[aria-live]").filter(visible=True)


def upload(page: Page, path: Path) -> None:
    page.locator("#picture input[type=file]").first.set_input_files(path)


@pytest.mark.page
def test_a_photograph_is_named(visit: Callable) -> None:
    page = visit("/?tab=see").page
    expect(verdict(page)).to_have_text(re.compile(HINT))
    upload(page, EXAMPLES / "cat.jpg")
    expect(verdict(page).locator("strong")).to_have_text(re.compile(r"cat\??"))
    expect(page.get_by_alt_text("What the model sees").filter(visible=True)).to_be_visible()
    expect(page.get_by_alt_text("Why: cat")).to_be_visible()
    expect(page.locator(".ran").filter(visible=True)).to_have_text(re.compile("on the"))
    expect(page.get_by_text("Anything else is taken for one of them")).to_be_visible()


def test_every_example_is_named(visit: Callable) -> None:
    page = visit("/?tab=see").page
    for path in sorted(EXAMPLES.glob("*.jpg")):
        page.get_by_role("button", name=path.stem, exact=True).click()
        expect(verdict(page).locator("strong")).to_have_text(re.compile(rf"{path.stem}\??"))


@pytest.mark.parametrize(
    ("name", "says"), [("notes.png", "not a picture"), ("cut.png", "damaged"), ("dot.png", "1 × 1")]
)
def test_a_fault_is_said_and_the_page_works_on(
    visit: Callable, tmp_path: Path, name: str, says: str
) -> None:
    whole = tmp_path / "whole.png"
    Image.open(EXAMPLES / "ship.jpg").save(whole)
    data = {"notes.png": b"only words", "cut.png": whole.read_bytes()[:2000]}
    if name in data:
        (tmp_path / name).write_bytes(data[name])
    else:
        Image.new("RGB", (1, 1)).save(tmp_path / name)
    page = visit("/?tab=see").page
    upload(page, tmp_path / name)
    expect(verdict(page)).to_contain_text(says)
    expect(page.get_by_text("Traceback")).to_have_count(0)
    page.get_by_label("Remove Image").click()
    expect(verdict(page)).to_have_text(re.compile(HINT))
    upload(page, whole)
    expect(verdict(page).locator("strong")).to_have_text("ship")


def test_the_camera_takes_a_picture(visit: Callable) -> None:
    page = visit("/?tab=see").page
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#picture video')?.readyState >= 2")
    page.get_by_label("capture photo").click()
    expect(page.locator(".ran").filter(visible=True)).to_have_text(re.compile("on the"))


def test_a_pasted_picture_is_named(visit: Callable) -> None:
    page = visit("/?tab=see").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.get_by_label("Paste from clipboard")).to_be_visible()
    page.evaluate(
        """async (url) => {
            const bitmap = await createImageBitmap(await (await fetch(url)).blob());
            const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
            canvas.getContext("2d").drawImage(bitmap, 0, 0);
            const png = await canvas.convertToBlob({ type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }""",
        page.locator("#examples img").nth(5).get_attribute("src"),
    )
    page.get_by_label("Paste from clipboard").click()
    expect(verdict(page).locator("strong")).to_have_text("ship")


def test_several_files_become_a_table_and_a_csv(visit: Callable, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"only words")
    page = visit("/?tab=see").page
    page.get_by_role("button", name="Several pictures at once").click()
    files = [EXAMPLES / "ship.jpg", EXAMPLES / "truck.jpg", tmp_path / "broken.png"]
    page.locator("#files input[type=file]").set_input_files(files)
    table = page.locator("#answers")
    expect(table).to_contain_text("truck")
    expect(table).to_contain_text("not a picture")
    with page.expect_download() as download:
        page.get_by_text("Download as CSV").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert lines[0] == "file,answer,probability,runner-up,milliseconds"
    assert lines[1].startswith("ship.jpg,ship,")
    assert len(lines) == 4


def test_the_address_follows_the_tabs_and_opens_them(visit: Callable) -> None:
    page = visit("/?tab=see&model=cifar10-resnet").page
    expect(page.get_by_role("tab", name="See")).to_have_attribute("aria-selected", "true")
    assert page.url.endswith("/?tab=see&model=cifar10-resnet")
    page.get_by_role("tab", name="Draw").click()
    page.wait_for_url("**/?tab=draw")
    page.get_by_role("tab", name="See").click()
    page.wait_for_url("**/?tab=see")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_has_no_sideways_scroll(visit: Callable, scheme: str) -> None:
    page = visit("/?tab=see", width=360, color_scheme=scheme).page
    upload(page, EXAMPLES / "ship.jpg")
    expect(verdict(page).locator("strong")).to_have_text("ship")
    for name in ("Several pictures at once", "Advanced", "Use it from code"):
        page.get_by_role("button", name=name).filter(visible=True).click()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
