"""Take the README's pictures from the running app: python docs/screenshots.py [ADDRESS]"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1120, 900  # pixels of the window
FETCH_SECONDS = 240  # weights that are not there yet


def draw(page: Page) -> None:
    page.get_by_role("button", name="3", exact=True).click()
    expect(page.locator(".verdict strong").first).to_have_text("3")


def see(page: Page) -> None:
    page.get_by_role("button", name="ship", exact=True).click()
    expect(page.locator(".verdict strong").filter(visible=True)).to_have_text("ship")


def read(page: Page) -> None:
    page.get_by_role("button", name="Disappointed", exact=True).click()
    expect(page.locator("#mood .curve")).to_be_visible(timeout=FETCH_SECONDS * 1000)
    page.locator("#mood .w", has_text="gorgeous").focus()


def write(page: Page) -> None:
    page.get_by_role("button", name="Why do we see colours?").click()
    page.get_by_role("button", name="Ask", exact=True).click()
    again = page.get_by_role("button", name="Try again", exact=True)
    expect(again).to_be_visible(timeout=FETCH_SECONDS * 1000)
    page.locator("#written .text").evaluate("node => node.scrollTo(0, 0)")
    page.locator("#written .text span").nth(6).click()


def listen(page: Page) -> None:
    page.get_by_role("button", name="John F. Kennedy, 1961").click()
    again = page.get_by_role("button", name="Transcribe again")
    expect(again).to_be_visible(timeout=FETCH_SECONDS * 1000)


def main(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        for show in (draw, see, read, write, listen):
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce"
            )
            page.goto(f"{address}/?tab={show.__name__}")
            show(page)
            page.mouse.move(0, 0)
            page.wait_for_timeout(1000)  # the bars' transitions end, the last answer arrives
            box = page.locator(".page").filter(visible=True).bounding_box()
            shown = {"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"]}
            picture = Image.open(io.BytesIO(page.screenshot(clip=shown, full_page=True)))
            picture.convert("RGB").save(HERE / f"{show.__name__}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:7860")
