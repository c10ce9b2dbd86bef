"""The app, watched, and the other browsers, each started once for all tests in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browsers.drivers import Driver, Firefox, WebKit
from tests.conftest import running


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app whose page notes its own mistakes."""
    with running(tmp_path_factory.mktemp("app"), "-m", "tests.browsers.watched_app") as address:
        yield address


@pytest.fixture(scope="session", params=[Firefox, WebKit], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[Driver]:
    return request.param


@pytest.fixture(scope="session")
def english(kind: type[Driver]) -> Iterator[Driver]:
    with kind.started("en-US") as browser:
        yield browser


@pytest.fixture
def visit(english: Driver, app: str) -> Iterator[Callable[[str], Driver]]:
    """Open a tab of the app; at the end nothing may have gone wrong in it."""

    def open_tab(tab: str) -> Driver:
        english.open(f"{app}/?tab={tab}")
        return english

    yield open_tab
    assert mistakes(english) == []


def mistakes(browser: Driver) -> list[str]:
    """What the page noted from its first script on."""
    return browser.script("return window.mistakes")
