"""Nothing of this machine's own is used, and a local server stands in for the hub."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_zoo.weights import hub
from tests.fetch.places import CLOSED, Server


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, a hub that nobody runs, and a package index that is one empty folder."""
    (tmp_path / "index").mkdir()
    for name, value in {
        "SENSORIUM_CACHE": tmp_path / "cache",
        "HF_ENDPOINT": CLOSED,
        "HF_HOME": tmp_path / "huggingface",
        "NO_PROXY": "127.0.0.1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": tmp_path / "index",
    }.items():
        monkeypatch.setenv(name, str(value))
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "_silent_until", float("-inf"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A local server, which HF_ENDPOINT names."""
    with Server() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield running
        running.go.set()
        running.shutdown()
