"""Pictures in a real browser: one that hides the canvas, files whose type the system does not know,
and pictures that a browser cannot show.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pillow_heif import register_heif_opener
from playwright.sync_api import Page, expect

from tests.browser.test_draw import THREE, drag, verdict

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "demos" / "examples"
# As Firefox with resistFingerprinting, the Tor browser and Brave do: noise or white for pixels.
HIDDEN = """(noise) => {
  const level = () => (noise ? Math.floor(Math.random() * 256) : 255);
  CanvasRenderingContext2D.prototype.getImageData = function (x, y, width, height) {
    return new ImageData(new Uint8ClampedArray(4 * width * height).map(level), width, height);
  };
  const real = HTMLCanvasElement.prototype.toDataURL;
  HTMLCanvasElement.prototype.toDataURL = function (...how) {
    const other = Object.assign(document.createElement("canvas"), { width: 280, height: 280 });
    other.getContext("2d").putImageData(this.getContext("2d").getImageData(0, 0, 280, 280), 0, 0);
    return real.apply(other, how);
  };
}"""


@pytest.mark.parametrize("noise", [True, False], ids=["noise", "white"])
def test_36_a_drawing_is_read_though_the_browser_hides_its_pixels(
    visit: Callable, noise: bool
) -> None:
    page = visit().page
    page.evaluate(HIDDEN, noise)
    drag(page, THREE)
    expect(verdict(page).locator("strong")).to_have_text("3")


@pytest.fixture
def heic(tmp_path: Path) -> Path:
    register_heif_opener()
    Image.open(EXAMPLES / "ship.jpg").save(tmp_path / "IMG_1.HEIC", "HEIF", quality=90)
    return tmp_path / "IMG_1.HEIC"


def given(path: Path, mime: str) -> dict[str, object]:
    return {"name": path.name, "mimeType": mime, "buffer": path.read_bytes()}


MIMES = pytest.mark.parametrize("mime", ["application/octet-stream", "image/heic"])


@MIMES
def test_37_a_heic_of_any_type_is_shown_and_named(visit: Callable, heic: Path, mime: str) -> None:
    page = visit("/?tab=see").page
    page.locator("#picture input[type=file]").first.set_input_files([given(heic, mime)])
    expect(verdict(page).locator("strong")).to_have_text("ship")
    # In place of a broken picture stands its name.
    preview = page.locator("#picture .image-frame img")
    expect(preview).to_have_attribute("alt", "IMG_1.HEIC")
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_37_a_heic_of_any_type_is_dropped(visit: Callable, heic: Path) -> None:
    page = visit("/?tab=see").page
    expect(page.locator("#picture input[type=file]").first).to_be_attached()
    page.locator("#picture [data-testid=image] .upload-container button").evaluate(
        """(target, bytes) => {
          const dataTransfer = new DataTransfer();
          const type = "application/octet-stream";
          dataTransfer.items.add(new File([new Uint8Array(bytes)], "IMG_1.HEIC", { type }));
          const how = { dataTransfer, bubbles: true, cancelable: true };
          target.dispatchEvent(new DragEvent("drop", how));
        }""",
        list(heic.read_bytes()),
    )  # fmt: skip
    expect(verdict(page).locator("strong")).to_have_text("ship")


@MIMES
def test_37_several_pictures_take_a_heic_of_any_type(
    visit: Callable, heic: Path, mime: str
) -> None:
    page = visit("/?tab=see").page
    page.get_by_role("button", name="Several pictures at once").click()
    page.locator("#files input[type=file]").set_input_files([given(heic, mime)])
    expect(page.get_by_role("gridcell", name="ship", exact=True)).to_be_visible()


def test_37_the_fold_of_draw_takes_a_file_of_any_type(visit: Callable, tmp_path: Path) -> None:
    from demos.pages.draw import drawn

    strokes = '[{"width": 40, "points": [[174, 129], [386, 129], [252, 454]]}]'
    drawn(strokes).save(tmp_path / "seven.tif")
    page = visit().page
    page.get_by_role("button", name="Or show a picture of a digit").click()
    file = given(tmp_path / "seven.tif", "application/octet-stream")
    page.locator("#digit-picture input[type=file]").set_input_files([file])
    expect(verdict(page).locator("strong")).to_have_text("7")
    expect(page.locator("#digit-picture img")).to_have_attribute("alt", "seven.tif")


def test_what_is_no_picture_is_told_by_the_server(visit: Callable, tmp_path: Path) -> None:
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7")
    page: Page = visit("/?tab=see").page
    page.locator("#picture input[type=file]").first.set_input_files(
        [given(tmp_path / "notes.pdf", "application/pdf")]
    )
    expect(verdict(page)).to_have_text(re.compile("not a picture that can be read"))
