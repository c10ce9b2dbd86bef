"""What a visitor gives stays on the machine, with that visitor, and no longer than promised."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import httpx
import pytest
from filelock import FileLock
from gradio_client import Client, handle_file
from PIL import Image

from demos.shell import calls, doors, logs, private_folder, uploads
from tests.conftest import ROOT, _when_ready, slow

SHIP = ROOT / "demos" / "examples" / "ship.jpg"


def python(*arguments: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a person does whose home and temporary folder are new."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY",)}
    for folder in ("home", "tmp"):
        (home / folder).mkdir(exist_ok=True)
    own = {
        "HOME": str(home / "home"), "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(home / "home" / ".cache"), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *arguments], env=inherited | own | more, cwd=home, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "entry",
    [
        ("-m", "model_zoo", "run", "cifar10-resnet", str(SHIP)),
        ("-c", "import model_zoo as z; z.load('mnist-cnn')(z.spec('mnist-cnn').task.example())"),
        ("-c", "import demos, onnxruntime, gradio; demos.all_pages()"),
        ("-c", "import export, onnxruntime; import export.recipes"),
    ],
    ids=["command line", "library", "app", "recipes"],
)  # fmt: skip
def test_no_library_reports_anything_however_the_package_is_entered(
    tmp_path: Path, entry: tuple[str, ...]
) -> None:
    done = python(*entry, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert files_in(tmp_path) == []  # onnxruntime keeps a device's id and its reports in files


def test_an_onnxruntime_imported_before_us_with_its_telemetry_on_is_told(tmp_path: Path) -> None:
    program = "import onnxruntime, model_zoo"
    assert "import model_zoo first" in python("-c", program, home=tmp_path).stderr
    switched_off = python("-c", program, home=tmp_path, ORT_DISABLE_TELEMETRY="1")
    assert switched_off.stderr == ""


@dataclass
class Served:
    """A server of one's own, with its temporary folder and all that it has printed."""

    address: str
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path

    def post(self, endpoint: str, *data: object, session: str | None = None) -> httpx.Response:
        body = {"data": data, "session_hash": session}
        return httpx.post(f"{self.address}/gradio_api/run/{endpoint}", json=body, timeout=60)

    def upload(self, name: str, content: bytes) -> str:
        """The path by which the server knows the file from here on."""
        files = {"files": (name, content)}
        reply = httpx.post(f"{self.address}/gradio_api/upload", files=files, timeout=60)
        return reply.raise_for_status().json()[0]

    def status(self, path: str) -> int:
        return httpx.get(f"{self.address}/gradio_api/file={path}", timeout=60).status_code

    def memory(self) -> float:
        """Resident megabytes of the server."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def served(
    folder: Path, *options: str, program: Sequence[str] = ("app.py",), **more: str
) -> Iterator[Served]:
    """`app.py` as a person starts it, with its temporary files below `folder`."""
    folder.mkdir(exist_ok=True)
    log = folder.parent / f"{folder.name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *program, "--port", "0", "--no-browser", *options],
            cwd=ROOT, env=os.environ | {"GRADIO_TEMP_DIR": str(folder)} | more, stdout=out,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield Served(_when_ready(process, log), process, folder, log)
        finally:
            process.kill()
            process.wait(timeout=20)


@contextmanager
def open_page(address: str, session: str) -> Iterator[None]:
    """What a page holds open as long as somebody looks at it."""
    with httpx.stream("GET", f"{address}/gradio_api/heartbeat/{session}", timeout=30) as reply:
        lines = reply.iter_lines()  # dropping it would close the connection
        next(lines)
        yield


def everything_in(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


def eventually(claim: Callable[[], bool], seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("name", ["SIGTERM", *slow("SIGINT", "SIGHUP")])
def test_nothing_is_left_however_the_server_is_ended(tmp_path: Path, name: str) -> None:
    with served(tmp_path / "t") as server:
        server.upload("diary.txt", b"Dear diary")
        assert any(path.name == "diary.txt" for path in everything_in(server.folder))
        server.process.send_signal(getattr(signal, name))
        status = server.process.wait(timeout=10)
        assert status == (130 if name == "SIGINT" else 0)
        assert list(server.folder.iterdir()) == []
        assert "Traceback" not in server.log.read_text()


@pytest.mark.load
def test_what_a_killed_server_left_goes_at_the_next_start_but_not_what_a_running_one_has(
    tmp_path: Path,
) -> None:
    with served(tmp_path / "t") as killed, served(tmp_path / "t") as alive:
        left = [killed.upload(f"{i}.txt", b"%d" % i) for i in range(40)]
        mine = alive.upload("mine.txt", b"mine")
        assert killed.status(left[0]) == 200
        killed.process.kill()
        killed.process.wait(timeout=10)
        assert Path(left[0]).exists()
        with served(tmp_path / "t") as next_one:
            assert {next_one.status(path) for path in left} == {403}
            assert not any(Path(path).exists() for path in left)
            assert alive.status(mine) == 200
            assert next_one.status(mine) == 403  # another server's


def test_other_users_of_the_machine_can_read_and_list_nothing(tmp_path: Path) -> None:
    with served(tmp_path / "t") as server:
        client = Client(server.address, verbose=False)
        client.predict(handle_file(SHIP), api_name="/classify_image")
        server.upload("diary.txt", b"Dear diary")
        [own] = server.folder.iterdir()
        modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in everything_in(own)}
        assert {oct(mode) for path, mode in modes.items() if mode & 0o077} == set()


@pytest.mark.load
def test_a_visitors_files_go_a_while_after_the_page_has_closed(tmp_path: Path) -> None:
    with served(tmp_path / "t", "--keep-minutes", "0.05") as server:  # three seconds
        with open_page(server.address, "visitor"):
            path = server.upload("a.jpg", SHIP.read_bytes())
            given = {"path": path, "meta": {"_type": "gradio.FileData"}}
            assert server.post("classify_image", given, session="visitor").status_code == 200
            never_used = server.upload("b.jpg", SHIP.read_bytes())
            assert eventually(lambda: not Path(never_used).exists())
            time.sleep(2)
            assert Path(path).exists()  # its page is still open
        assert eventually(lambda: not Path(path).exists())
        examples = [p for p in server.folder.rglob("*.jpg") if p.name == "ship.jpg"]
        assert examples  # the page's own pictures stay


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> private_folder.Folder:
    """A server's folder, in which nobody has claimed anything."""
    mine = private_folder.Folder(tmp_path, FileLock(tmp_path / "lock"))
    mine.make()
    monkeypatch.setattr(private_folder, "_mine", mine)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(mine.files))
    for known in (uploads._used, uploads._owners):
        known.clear()
    return mine


def test_another_server_leaves_a_folder_alone_whose_lock_was_cleaned_away(tmp_path: Path) -> None:
    mine = private_folder._new(tmp_path)
    lock = mine.path / "lock"
    os.utime(lock, (0, 0))
    mine.make()
    assert time.time() - lock.stat().st_mtime < 60  # too new for what cleans up
    lock.unlink()
    mine.make()
    os.utime(mine.path, (0, 0))
    sweep = (
        "import sys; from pathlib import Path; from demos.shell import private_folder as p; "
        "p.sweep(Path(sys.argv[1]))"
    )
    assert python("-c", sweep, str(tmp_path), home=tmp_path).returncode == 0
    assert mine.files.is_dir()
    mine.lock.release()
    assert python("-c", sweep, str(tmp_path), home=tmp_path).returncode == 0
    assert not mine.path.exists()


def test_a_file_belongs_to_its_page_where_the_temporary_folder_is_a_link(
    folder: private_folder.Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    mine = private_folder._new(tmp_path / "link")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(mine.files))
    upload = mine.files / "a1b2"
    upload.mkdir()
    (upload / "a.png").touch()
    uploads.claim(calls._file(str(upload / "a.png")), "visitor")
    assert uploads._owners == {"a1b2": {"visitor"}}
    mine.remove()


def test_what_a_broken_connection_left_goes_but_not_what_is_still_written(
    folder: private_folder.Folder,
) -> None:
    left, list_of_texts = folder.tmp / "tmpa1b2", folder.tmp / "tmpc3d4"
    left.write_bytes(b"half a file")
    list_of_texts.mkdir()
    for path in (left, list_of_texts):
        os.utime(path, (0, 0))
    (list_of_texts / "answers.csv").write_bytes(b"more with every row")
    os.utime(list_of_texts, (0, 0))
    uploads.sweep(60)
    assert list(folder.tmp.iterdir()) == [list_of_texts]


def test_only_files_that_are_there_are_remembered_and_only_as_long(
    folder: private_folder.Folder,
) -> None:
    upload = folder.files / "a1b2"
    upload.mkdir()
    made_up = [f"{folder.files}/{name}/x" for name in ("", "..", "\0", *range(1000))]
    uploads.claim([f"{upload}/a.png", *made_up], "visitor")
    assert [*uploads._used] == [*uploads._owners] == ["a1b2"]
    upload.rmdir()  # by itself, as systems clean their temporary folders up
    uploads.sweep(60)
    assert not uploads._used
    assert not uploads._owners


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = python(
        str(ROOT / "app.py"), "--port", "0", "--no-browser", home=tmp_path,
        GRADIO_TEMP_DIR=str(tmp_path / "file"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "GRADIO_TEMP_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def doors_of_gradio() -> set[tuple[str, str]]:
    """Method and path of every route that the installed version of Gradio writes down anywhere."""
    found = set()
    for file in Path(gr.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"get", "post", "put", "patch", "delete", "head", "websocket"}
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"app", "router"}
                and node.args
                and isinstance(path := node.args[0], ast.Constant)
                and isinstance(path.value, str)
            ):
                prefix = "/gradio_api" if node.func.value.id == "router" else ""
                found.add((node.func.attr.upper(), prefix + path.value))
    return found


def test_every_door_of_gradio_that_we_do_not_need_is_shut(app: str) -> None:
    doors_there = doors_of_gradio()
    assert len(doors_there) > 60
    needed = {door for doors_of_one in doors.OPEN.values() for door in doors_of_one}
    shut = {door for door in doors_there if (door[0], door[1].rstrip("/") or "/") not in needed}
    assert ("GET", "/gradio_api/deep_link") in shut
    assert ("POST", "/gradio_api/call/v2/{api_name}") in shut
    for method, path in sorted(shut):
        there = re.sub(r"\{[^}]*\}", "x", path)
        reply = httpx.request(method, f"{app}{there}?session_hash=x")
        assert reply.status_code == 404, path
        if method != "HEAD":
            assert reply.json() == {"detail": "Not Found"}, path
    gone = needed - doors_there
    ours = next(iter(doors.OPEN.values()))
    assert gone <= set(ours), "a door that Gradio no longer has"


@pytest.mark.parametrize("name", ["deep_link", "deep%5Flink", "d%65ep_link"])
def test_no_link_shows_another_visitors_page(app: str, name: str) -> None:
    page = httpx.get(f"{app}/?tab=see&{name}=abc").text
    assert '"deep_link_state":"none"' in page.replace(" ", "")


def test_a_pages_own_function_takes_no_form_which_would_be_written_to_a_file(app: str) -> None:
    address, secret = f"{app}/gradio_api/component_server", {"files": ("a.txt", b"secret")}
    assert httpx.post(address, files=secret).status_code == 415
    assert httpx.post(f"{address}/", files=secret).status_code == 415


@pytest.mark.parametrize("path", ["https://example.com/a.png", "HTTP://example.com", "http:/x"])
def test_no_file_is_fetched_from_elsewhere(app: str, path: str) -> None:
    assert httpx.get(f"{app}/gradio_api/file={path}").status_code in (403, 404)
    given = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
    reply = httpx.post(f"{app}/gradio_api/run/classify_image", json={"data": [given]}, timeout=20)
    assert reply.status_code >= 400
    assert reply.json()["error"]


def test_an_uploads_path_does_not_follow_from_its_content(app: str) -> None:
    def upload() -> str:
        reply = httpx.post(f"{app}/gradio_api/upload", files={"files": ("a.txt", b"the same")})
        return reply.json()[0]

    assert len({upload() for _ in range(4)}) == 4


MARK = "zebra4711"
# Everything that any library logs, at every level, and what Python itself warns of.
LOUD = """
import logging, sys
logging.basicConfig(level=1)
import demos
from demos.shell import serve
serve.run(*demos.all_pages(), arguments=sys.argv[1:])
"""


def wrong_forms(server: Served) -> Iterator[object]:
    """Marked values in every shape that a careless or curious client may send."""
    path = server.upload(f"{MARK}.png", f"no picture {MARK}".encode())
    text = server.upload(f"{MARK}.csv", f'{MARK},other\n{MARK} is good\n"{MARK}'.encode())
    sound = server.upload(f"{MARK}.wav", b"RIFF\xff\xff\xff\xffWAVEfmt " + MARK.encode() * 9)
    with io.BytesIO() as tiff:
        Image.new("L", (9, 9)).save(tiff, "tiff", description=MARK)
        picture = server.upload(f"{MARK}.tif", tiff.getvalue())
    yield from (MARK, f"{MARK} " * 300, [MARK], {MARK: MARK}, None, 4711, f"/etc/{MARK}")
    yield from (f"data:image/png;base64,{MARK}", f"data:{MARK}", f"https://localhost/{MARK}")
    yield f"{MARK} \ud83d"
    for named in (path, text, sound, picture, f"/etc/{MARK}", f"../{MARK}", f"{path}/{MARK}"):
        yield {"path": named, "meta": {"_type": "gradio.FileData"}, "orig_name": MARK}
        yield {"path": named, "name": MARK, "run": MARK}
        yield named


@pytest.mark.load
def test_no_log_at_any_level_holds_what_a_visitor_gave(tmp_path: Path) -> None:
    loud = served(tmp_path / "t", program=("-X", "dev", "-c", LOUD))
    with loud as server, httpx.Client(timeout=60, headers={"Connection": "close"}) as web:
        config = web.get(f"{server.address}/config").json()
        api = f"{server.address}/gradio_api"
        for turn, value in enumerate(wrong_forms(server)):
            given = json.dumps(value).encode("utf-8", "surrogatepass")
            for function in config["dependencies"]:
                public = function["api_visibility"] == "public"
                if not public and (turn + function["id"]) % 8:
                    continue  # of the pages' own functions each gets some of the forms
                name = function["api_name"] if public else "predict"
                for count in {1, len(function["inputs"])}:
                    body = (
                        b'{"data": [%s], "fn_index": %d, "session_hash": "%s"}'
                        % (b", ".join([given] * count), function["id"], MARK.encode())
                    )  # fmt: skip
                    sent = {"content": body, "headers": {"Content-Type": "application/json"}}
                    if function["queue"]:
                        web.post(f"{api}/queue/join", **sent)
                    else:
                        web.post(f"{api}/run/{name}", **sent)
            server_function = {
                "session_hash": MARK, "component_id": 1, "fn_name": MARK, "data": MARK
            }  # fmt: skip
            for component in config["components"]:
                if component["type"] == "html":
                    for called in ("hear", "end", "example_file"):
                        body = server_function | {"component_id": component["id"]}
                        body |= {"fn_name": called, "data": value if value != MARK else {}}
                        with suppress(UnicodeEncodeError, httpx.HTTPError):
                            web.post(f"{api}/component_server", json=body)
        listen = f"{api}/queue/data?session_hash={MARK}"
        with suppress(httpx.ReadTimeout), web.stream("GET", listen, timeout=5) as reply:
            for _ in reply.iter_lines():
                pass
        for path in (f"/{MARK}", f"/gradio_api/file={MARK}", f"/?deep_link={MARK}"):
            web.get(server.address + path)
        log = server.log.read_text("utf-8", "replace")
        assert MARK not in log
        assert f"/etc/{MARK}" not in log


SERVER = "/x/site-packages/uvicorn/server.py"
SOCKET = "/x/site-packages/uvicorn/protocols/websockets/websockets_impl.py"


@pytest.mark.parametrize(
    ("path", "level", "message", "given", "kept"),
    [
        (SOCKET, logging.INFO, '%s - "WebSocket %s" 403', ("::1", f"/x?q={MARK}"), False),
        (SOCKET, logging.WARNING, "returned '%s'", (MARK,), False),
        (SOCKET, logging.WARNING, "Unsupported upgrade request.", (), True),
        (SERVER, logging.INFO, "Uvicorn running on %s", ("http://localhost",), True),
    ],
)
def test_of_the_server_only_what_it_says_of_itself_is_logged(
    path: str, level: int, message: str, given: tuple[str, ...], kept: bool
) -> None:
    record = logs._without_words("uvicorn.error", level, path, 1, message, given, None)
    assert (record.getMessage() == message % given) is kept
    assert MARK not in record.getMessage()


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("model_zoo/weights/fetch.py", True),
        ("model_zoo/speech/audio.py", True),
        ("demos/shell/serve.py", True),
        (".venv/site-packages/gradio/blocks.py", False),
        ("somewhere/demos/own/module.py", False),
    ],
)
def test_of_warnings_only_our_own_keep_their_words(
    path: str, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    logs._show_warning("so many words", UserWarning, str(ROOT / path), 1)
    assert ("so many words" in capsys.readouterr().err) is kept


def test_a_visitor_can_quote_the_number_under_which_the_log_has_an_error(tmp_path: Path) -> None:
    with served(tmp_path / "t") as server:
        config = httpx.get(f"{server.address}/config").json()
        functions = config["dependencies"]
        keep = next(f for f in functions if f["api_name"] == "_keep")  # which takes a text
        body = {"data": [], "fn_index": keep["id"]}
        reply = httpx.post(f"{server.address}/gradio_api/run/predict", json=body)
        sentence = reply.json()["error"]
        number = re.search(r"[0-9a-f]{8}", sentence)
        assert number
        assert sentence.endswith(".")
        assert number[0] in server.log.read_text()


IMPATIENT = """
import sys
import demos
from demos.shell import gradio_compat, serve
gradio_compat.UNHEARD_SECONDS = 2
serve.run(*demos.all_pages(), arguments=sys.argv[1:])
"""


def ask(server: Served, *data: object) -> str:
    """The address at which the answer of /call/classify_sentiment waits for a listener."""
    address = f"{server.address}/gradio_api/call/classify_sentiment"
    return f"{address}/{httpx.post(address, json={'data': data}).json()['event_id']}"


@pytest.mark.load
@pytest.mark.weights
def test_a_call_that_nobody_listens_to_waits_then_goes_and_delays_nobody(tmp_path: Path) -> None:
    with served(tmp_path / "t", program=("-c", IMPATIENT)) as server:
        server.post("classify_sentiment", "warm up", False)
        late = ask(server, "a fine film", False)
        time.sleep(1)
        assert "positive" in httpx.get(late, timeout=30).text
        unheard = [ask(server, "a fine film", False) for _ in range(100)]
        began = time.monotonic()
        assert "positive" in httpx.get(ask(server, "a fine film", False), timeout=30).text
        assert time.monotonic() - began < 2  # it did not wait for any of them to be dropped
        assert eventually(lambda: httpx.get(unheard[-1]).status_code == 404)
        assert "nobody listened" in httpx.get(unheard[0]).json()["detail"]


@pytest.mark.load
def test_an_open_page_keeps_its_state_whoever_else_comes(tmp_path: Path) -> None:
    with served(tmp_path / "t") as server, httpx.Client() as web:
        config = web.get(f"{server.address}/config").json()
        keep = next(f for f in config["dependencies"] if f["api_name"] == "_keep")

        def run(function: dict, data: list[object], session: str) -> dict:
            body = {"data": data, "fn_index": function["id"], "session_hash": session}
            return web.post(f"{server.address}/gradio_api/run/predict", json=body).json()

        back = next(
            f for f in config["dependencies"]
            if f["inputs"] == keep["outputs"][:1] and f["outputs"] == keep["inputs"]
        )  # fmt: skip
        with open_page(server.address, "visitor"):
            run(keep, ["my own text"], "visitor")
            for stranger in range(1005):
                run(keep, ["a stranger's text"], f"stranger{stranger}")
            assert run(back, [None], "visitor")["data"] == ["my own text"]
            assert run(back, [None], "stranger0")["data"] == [None]  # there is a bound
