"""What a Chinese reader sees and hears of each page, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.browser

# Names, formats, what one writes, and examples for models that know English only
ENGLISH = {"Sensorium", "Python", "gradio_client", "curl", "JavaScript", "Top k", "Top p", "Min p",
           "Ctrl+Z", "Why do we see colours?", "Write a short poem about rain.",
           "The old lighthouse keeper opened the door and"}  # fmt: skip
SEEN = """() => {
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    if (!node.checkVisibility() || node.closest("script, style, .cm-editor")) continue;
    for (const name of ["aria-label", "aria-valuetext", "alt", "placeholder", "title"])
      found.push(node.getAttribute(name) ?? "");
    for (const child of node.childNodes) if (child.nodeType === 3) found.push(child.data.trim());
  }
  return found;
}"""


@pytest.mark.parametrize("slug", ["draw", "see", "read", "write", "listen"])
def test_nothing_english_is_left_on_a_chinese_page(visit: Callable, slug: str) -> None:
    page = visit(f"/?tab={slug}", locale="zh-CN").page
    page.locator(".fold").filter(visible=True).first.wait_for()
    folds = page.locator(".fold > button").filter(visible=True)
    folds.evaluate_all("all => all.forEach(button => button.click())")
    page.wait_for_timeout(1500)
    chinese = re.compile("[\u4e00-\u9fff]")
    left = {text for text in page.evaluate(SEEN) if re.search("[A-Za-z]{2}", text)}
    assert sorted(text for text in left - ENGLISH if not chinese.search(text)) == []
