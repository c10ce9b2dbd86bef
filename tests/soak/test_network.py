"""While every page is in use, the server asks no name server and connects to no other machine.

SOAK_SECONDS in the environment says for how long; a release is watched for 300.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import ROOT, SPEECH
from tests.test_privacy import python, served

pytestmark = [pytest.mark.browser, pytest.mark.soak, pytest.mark.weights]

SECONDS = float(os.environ.get("SOAK_SECONDS", "30"))
SHIP = ROOT / "demos" / "examples" / "ship.jpg"
CALLS = "connect,sendto,sendmsg,sendmmsg"
# sin_addr=inet_addr("127.0.0.1"), inet_pton(AF_INET6, "::1", …), and sockets within the machine
HERE = re.compile(r"AF_UNIX|AF_NETLINK|AF_UNSPEC|inet_addr\(\"127\.|\"::1\"")
ADDRESS = re.compile(r"AF_INET|sin_addr|AF_")


def elsewhere(trace: str) -> list[str]:
    """The traced calls that name an address outside this machine."""
    calls = (line for line in trace.splitlines() if ADDRESS.search(line))
    return [line for line in calls if not HERE.search(line)]


def use(page: Page) -> None:
    """Visit every page once, and have it answer."""
    tab = page.get_by_role("tab")
    tab.get_by_text("Draw", exact=True).click()
    canvas = page.locator("#canvas canvas").bounding_box()
    assert canvas
    page.mouse.move(canvas["x"] + 60, canvas["y"] + 60)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 160, canvas["y"] + 200, steps=8)
    page.mouse.up()
    tab.get_by_text("See", exact=True).click()
    page.locator("#picture input[type=file]").first.set_input_files(SHIP)
    page.wait_for_timeout(500)
    tab.get_by_text("Read", exact=True).click()
    page.locator("#review textarea").fill(f"A fine film, at {time.monotonic()}")
    page.wait_for_timeout(500)
    tab.get_by_text("Write", exact=True).click()
    page.locator("#prompt textarea").fill("Why do we see colours?")
    page.locator("#prompt textarea").press("Shift+Enter")
    page.wait_for_timeout(1500)
    tab.get_by_text("Listen", exact=True).click()
    page.get_by_label("Choose a recording").set_input_files(SPEECH)
    page.wait_for_timeout(1500)


def test_nothing_leaves_the_machine_while_every_page_is_in_use(
    tmp_path: Path, chromium: Browser
) -> None:
    assert shutil.which("strace"), "apt-get install -y strace"
    trace = tmp_path / "trace"
    program = ("tests/soak/traced.py", CALLS, str(trace))
    with served(tmp_path / "t", program=program) as server:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            context = chromium.new_context()
            page = context.new_page()
            page.goto(server.address)
            use(page)
            context.close()
    lines = trace.read_text("utf-8", "replace")
    assert "connect(" in lines or "sendto(" in lines  # something was recorded at all
    assert elsewhere(lines) == []


def test_the_recorder_does_see_a_look_up(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    trace = tmp_path / "trace"
    looking_up = "import socket\ntry: socket.getaddrinfo('example.com', 80)\nexcept OSError: pass"
    python(
        str(ROOT / "tests" / "soak" / "traced.py"), CALLS, str(trace), "-c", looking_up,
        home=tmp_path,
    )  # fmt: skip
    assert elsewhere(trace.read_text("utf-8", "replace"))
