"""Start-up and surroundings: ports, hosts, proxies of both sides, no home, quotas, mounting."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

import model_zoo
from demos.shell import ending, starting
from model_zoo.cli import doctor
from model_zoo.errors import CacheError
from model_zoo.runtime import placement, providers
from model_zoo.weights import cache, store, wheel
from tests.conftest import ROOT, slow
from tests.test_privacy import Served, served

KUBERNETES = "tcp://10.96.0.1:7860"  # what it puts there for a service called gradio-server
VARIABLES = ("GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME", "SENSORIUM_KEEP_MINUTES")
UNKNOWN_PROXY = {"ALL_PROXY": "socks5://127.0.0.1:9", "https_proxy": "garbage://x"}


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing of where to serve."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def refusal(*arguments: str) -> str:
    """The one sentence with which the app declines to start."""

    def start() -> None:
        chosen = starting.options(arguments)
        starting.listen(chosen.host, chosen.port).close()

    with pytest.raises(SystemExit) as ended:
        start()
    sentence = str(ended.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("value", [KUBERNETES, "abc", "-1", "70000", "7860.5", "9" * 5000])
def test_30_a_port_that_is_none_is_named_and_the_option_wins(
    plain: pytest.MonkeyPatch, value: str
) -> None:
    assert refusal("--port", value).startswith("--port is")
    plain.setenv("GRADIO_SERVER_PORT", value)
    assert refusal().startswith("GRADIO_SERVER_PORT is")
    assert "--port" in refusal()
    assert starting.options(["--port", "0"]).port == 0
    with pytest.raises(SystemExit) as ended:
        starting.options(["--help"])
    assert ended.value.code == 0


def test_30_an_empty_variable_is_none(plain: pytest.MonkeyPatch) -> None:
    default = starting.options(["--no-browser"])
    for name in VARIABLES:
        plain.setenv(name, "")
    assert starting.options(["--no-browser"]) == default
    assert (default.host, default.port) == ("127.0.0.1", 7860)


@pytest.mark.parametrize(
    "host",
    ["", " ", "[]", "no.such.host.invalid", "http://localhost", "a" * 99, "ä\0", "1.2.3.4.5"],
)
def test_30_a_host_that_is_none_is_said(plain: pytest.MonkeyPatch, host: str) -> None:
    sentence = refusal("--host", host, "--port", "0")
    assert "--host" in sentence
    assert "Unknown error" not in sentence


def test_30_a_port_in_use_and_a_foreign_address_are_said(plain: pytest.MonkeyPatch) -> None:
    with starting.listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert "in use" in refusal("--port", port)
    assert "--host" in refusal("--host", "192.0.2.1", "--port", "0")


@pytest.mark.parametrize("minutes", ["soon", "nan", "inf", "0", "-5"])
def test_30_minutes_that_are_none_are_said(plain: pytest.MonkeyPatch, minutes: str) -> None:
    plain.setenv("SENSORIUM_KEEP_MINUTES", minutes)
    assert refusal().startswith("SENSORIUM_KEEP_MINUTES is")


def test_a_hang_up_that_nohup_has_ignored_ends_nothing() -> None:
    server = ending.Server(uvicorn.Config(FastAPI()))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with server.capture_signals():
            signal.raise_signal(signal.SIGHUP)
            assert not server.should_exit
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with server.capture_signals():
            signal.raise_signal(signal.SIGHUP)
            assert server.should_exit
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    "signals", ["INT INT", "HUP HUP", *slow("INT INT INT", "TERM INT", "INT TERM")]
)
def test_b10_the_second_signal_ends_it_at_once_and_without_a_word(
    tmp_path: Path, signals: str
) -> None:
    with served(tmp_path / "t") as server:
        for name in signals.split():
            server.process.send_signal(getattr(signal, f"SIG{name}"))
            time.sleep(0.03)
        assert server.process.wait(timeout=5) == (130 if "INT" in signals else 0)
        assert len(server.log.read_text().splitlines()) == 1  # its address
        assert list(server.folder.iterdir()) == []


@pytest.mark.weights
def test_b10_an_answer_that_is_computed_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with served(tmp_path / "t") as server, ThreadPoolExecutor() as pool:
        body = {"data": ["Tell me a long story.", 4096]}
        pool.submit(httpx.post, f"{server.address}/gradio_api/run/generate_text", json=body)
        time.sleep(1.5)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=15) == 130
        assert len(server.log.read_text().splitlines()) == 1


@pytest.mark.parametrize("seconds", [1, *slow(0.2, 2)])
def test_b10_ctrl_c_is_silent_while_the_app_starts(tmp_path: Path, seconds: float) -> None:
    with subprocess.Popen(
        [sys.executable, "app.py", "--port", "0", "--no-browser"],
        cwd=ROOT, env=os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)}, stderr=subprocess.PIPE,
    ) as app:  # fmt: skip
        time.sleep(seconds)
        app.send_signal(signal.SIGINT)
        assert app.wait(timeout=5) == 130
        assert app.stderr.read() == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["::1", "[::1]", "127.0.0.1", "localhost", "0.0.0.0", "::"])
def test_30_the_address_that_is_printed_can_be_opened(plain: pytest.MonkeyPatch, host: str) -> None:
    chosen = starting.options(["--host", host, "--port", "0"])
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with starting.listen(chosen.host, chosen.port) as listener:
        address = starting.address_of(chosen.host, listener)
        url = httpx.URL(address)
        assert url.port == listener.getsockname()[1]
        assert url.host in ("::1", "localhost")
        assert "[::1]" in address or url.host == "localhost"
        with socket.create_connection((url.host, url.port), timeout=5):
            pass


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


class Proxy(ThreadingHTTPServer):
    """As nginx with `location /sensorium/ { proxy_pass http://APP/; }`, and not a line more."""

    daemon_threads = True

    def __init__(self, app: str) -> None:
        super().__init__(("127.0.0.1", 0), Stripping)
        self.app = app
        self.page = f"http://localhost:{self.server_port}/sensorium"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Stripping(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        if not self.path.startswith("/sensorium/"):
            self.send_error(404)
            return
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        asked = urllib.request.Request(
            self.server.app + self.path.removeprefix("/sensorium"), sent, kept, method=self.command
        )
        with urllib.request.urlopen(asked, timeout=30) as reply:
            body = reply.read()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.headers["Content-Type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - as http.server calls it

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app in the least helpful of surroundings."""
    folder = tmp_path_factory.mktemp("startup") / "t"
    more = {
        "GRADIO_SERVER_PORT": KUBERNETES,
        "HF_HUB_ETAG_TIMEOUT": "",
        "HF_HUB_DOWNLOAD_TIMEOUT": "x",
    }
    with served(folder, **UNKNOWN_PROXY, **more) as running:  # fmt: skip
        yield running


@pytest.fixture(scope="module")
def proxy(server: Served) -> Iterator[Proxy]:
    with Proxy(server.address) as running:
        yield running
        running.shutdown()


def dependencies(server: Served) -> list[dict]:
    return httpx.get(f"{server.address}/config").json()["dependencies"]


def as_the_page(proxy: Proxy, function: dict, *data: object) -> list:
    """What the page's own call of a function gives, with the headers that a browser sends."""
    origin = proxy.page.removesuffix("/sensorium")
    headers = {"Origin": origin, "Referer": f"{proxy.page}/?tab=see"}
    body = {"data": data, "fn_index": function["id"], "session_hash": "visitor"}
    reply = httpx.post(
        f"{proxy.page}/gradio_api/run/predict", json=body, headers=headers, timeout=60
    )
    return reply.raise_for_status().json()["data"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_b15_health_is_told_to_every_method_that_asks(server: Served, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert httpx.request(method, server.address + path).status_code == 200
    assert httpx.post(server.address + path).status_code in (404, 405)


def test_31_b13_the_page_finds_everything_from_where_the_browser_has_it(proxy: Proxy) -> None:
    page = httpx.get(f"{proxy.page}/?tab=see").text
    config = json.loads(page.partition("window.gradio_config = ")[2].partition(";</script>")[0])
    assert httpx.URL(f"{proxy.page}/?tab=see").join(config["root"]) == f"{proxy.page}/"
    files = [found for found in urls(config) if "file=" in found]
    assert files
    for url in files:
        found = httpx.URL(f"{proxy.page}/").join(url)
        assert httpx.get(found).status_code == 200, url


def urls(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("url"), str):
            yield value["url"]
        for item in value.values():
            yield from urls(item)
    elif isinstance(value, list):
        for item in value:
            yield from urls(item)


def test_31_an_example_recording_is_heard_behind_a_proxy(server: Served, proxy: Proxy) -> None:
    components = httpx.get(f"{server.address}/config").json()["components"]
    [recorder] = [c for c in components if c["props"].get("elem_id") == "recorder"]
    asked = {
        "session_hash": "visitor", "component_id": recorder["id"], "fn_name": "example_file",
        "data": recorder["props"]["props"]["examples"][0],
    }  # fmt: skip
    sound = httpx.post(f"{proxy.page}/gradio_api/component_server", json=asked).json()
    found = httpx.URL(f"{proxy.page}/").join(sound["url"])
    assert httpx.get(found).status_code == 200


def test_31_snippets_name_the_address_of_the_page(server: Served, proxy: Proxy) -> None:
    components = {c["id"]: c for c in httpx.get(f"{server.address}/config").json()["components"]}
    of_code = [
        function for function in dependencies(server)
        if function["outputs"]
        and all(components[o]["type"] == "code" for o in function["outputs"])
    ]  # fmt: skip
    assert of_code
    for function in of_code:
        for text in as_the_page(proxy, function):
            assert f"{proxy.page}/gradio_api" in text or f'Client("{proxy.page}")' in text


def test_31_clients_that_are_no_page_get_whole_addresses(server: Served) -> None:
    config = httpx.get(f"{server.address}/config").json()
    assert config["root"] == server.address
    behind = {"X-Forwarded-Host": "example.org", "X-Forwarded-Proto": "https"}
    config = httpx.get(f"{server.address}/config", headers=behind).json()
    assert config["root"] == "https://example.org"


def test_40_a_folder_that_has_become_unusable_is_named(server: Served) -> None:
    [own] = server.folder.iterdir()
    (own / "files").rename(own / "away")
    (own / "files").touch()
    try:
        files = {"files": ("a.txt", b"words")}
        reply = httpx.post(f"{server.address}/gradio_api/upload", files=files)
        assert reply.status_code == 507
        assert f"{server.folder}" in reply.json()["detail"]
        assert "GRADIO_TEMP_DIR" in reply.json()["detail"]
    finally:
        (own / "files").unlink()
        (own / "away").rename(own / "files")


MOUNTED = """
import asyncio
import demos, fastapi, httpx
from demos.shell import serve

async def main():
    outer = fastapi.FastAPI()
    outer.mount("/s", serve.application(demos.all_pages()))
    transport = httpx.ASGITransport(outer)
    async with httpx.AsyncClient(transport=transport, base_url="http://outer") as web:
        while (await web.get("/s/readyz")).status_code != 200:
            await asyncio.sleep(0.1)
        print((await web.get("/s/config")).json()["root"])

asyncio.run(asyncio.wait_for(main(), 60))
"""


def test_b23_a_mounted_app_gets_ready(tmp_path: Path) -> None:
    done = python("-c", MOUNTED, GRADIO_TEMP_DIR=str(tmp_path))
    assert done.stdout.strip() == "http://outer/s", done.stderr


def python(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | more, cwd=ROOT, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(("seconds", "told"), [("", False), ("abc", True), ("2.5", True)])
def test_b19_a_timeout_that_is_no_number_is_ignored(seconds: str, told: bool) -> None:
    done = python("-c", "import model_zoo, huggingface_hub", HF_HUB_ETAG_TIMEOUT=seconds)
    assert done.returncode == 0, done.stderr
    assert ("HF_HUB_ETAG_TIMEOUT" in done.stderr) == told


def test_b11_the_reason_why_pip_fails_is_its_own() -> None:
    said = "ERROR: Exception:\nTraceback (most recent call last):\n  File x\npip.Bad: No SOCKS.\n"
    assert wheel._reason(said) == "pip: No SOCKS"
    assert wheel._reason("x\nERROR: No matching distribution.\n") == "pip: No matching distribution"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A user without an entry in passwd and without HOME, as containers have them."""
    import pwd

    def unknown(user: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {user}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "SENSORIUM_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("chosen", [None, "~/c"])
def test_b12_without_a_home_embedded_models_run_and_others_say_what_they_need(
    homeless: pytest.MonkeyPatch, chosen: str | None
) -> None:
    if chosen:
        homeless.setenv("SENSORIUM_CACHE", chosen)
    assert placement.choose(model_zoo.spec("mnist-cnn")).provider
    assert store.graph_file(model_zoo.spec("mnist-cnn"), "fp32").is_file()
    with pytest.raises(CacheError, match="set SENSORIUM_CACHE to an absolute path"):
        store.graph_file(model_zoo.spec("sst2-minilm"), "fp32")
    found = {finding.subject: finding for finding in doctor.examine()}
    assert not found["cache"].fine
    assert "SENSORIUM_CACHE" in found["cache"].text
    assert "on the" in found["mnist-cnn"].text


def test_b26_doctor_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSORIUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "fetch_all", lambda *_, **__: pytest.fail("fetched"))
    found = {finding.subject: finding for finding in doctor.examine()}
    assert "`fetch smollm2-135m`" in found["smollm2-135m"].text
    assert not (tmp_path / "cache").exists()


def test_40_doctor_says_where_temporary_files_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "new"))
    assert doctor._temporary().fine
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(place))
        finding = doctor._temporary()
        assert not finding.fine
        assert "set GRADIO_TEMP_DIR" in finding.text


V1 = "24 23 0:20 {root} /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct"
V2 = "24 23 0:20 {root} /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate"
QUOTAS = {  # mounts, this process's group, the folder with the quota, the quota, whole cores
    "v1": (V1.format(root="/"), "5:cpu,cpuacct:/app", "cpu,cpuacct/app", 100_000, 1),
    "v1 docker": (V1.format(root="/d/1"), "5:cpu,cpuacct:/d/1", "cpu,cpuacct", 250_000, 2),
    "v1 above": (V1.format(root="/"), "5:cpuacct,cpu:/a/b/c", "cpu,cpuacct/a", 100_000, 1),
    "v1 none": (V1.format(root="/"), "5:cpu,cpuacct:/app", "cpu,cpuacct/app", -1, None),
    "v2": (V2.format(root="/"), "0::/", "", "100000 100000", 1),
    "v2 slice": (V2.format(root="/"), "0::/user.slice/a", "user.slice/a", "50000 100000", 1),
    "v2 above": (V2.format(root="/"), "0::/user.slice/a", "user.slice", "300000 100000", 3),
    "v2 none": (V2.format(root="/"), "0::/app", "app", "max 100000", None),
    "no such": (V2.format(root="/"), "5:memory:/x", "", "100000 100000", None),
}  # fmt: skip


@pytest.mark.parametrize("case", QUOTAS.values(), ids=QUOTAS.keys())
def test_s2_quotas_of_both_kinds_of_control_groups_are_found(
    tmp_path: Path, case: tuple[str, str, str, str | int, int | None]
) -> None:
    mounts, group, folder, quota, cores = case
    there = tmp_path / "sys/fs/cgroup" / folder
    for path in (there, tmp_path / "proc/self"):
        path.mkdir(parents=True, exist_ok=True)
    (tmp_path / "proc/self/mountinfo").write_text(f"22 1 8:1 / / rw - ext4 /dev/x rw\n{mounts}\n")
    (tmp_path / "proc/self/cgroup").write_text(f"9:memory:/elsewhere\n{group}\n")
    if isinstance(quota, str):
        (there / "cpu.max").write_text(f"{quota}\n")
    else:
        (there / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (there / "cpu.cfs_period_us").write_text("100000\n")
    assert providers._cgroup_quota(tmp_path) == cores


def test_s2_a_machine_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert providers._cgroup_quota(tmp_path) is None


def test_b12_a_home_is_enough_for_the_cache(homeless: pytest.MonkeyPatch, tmp_path: Path) -> None:
    homeless.setenv("HOME", str(tmp_path))
    homeless.setenv("SENSORIUM_CACHE", "~/c")
    assert cache.cache_folder() == tmp_path / "c"
