"""The HTTP API as clients use it, on the running app, and what the app promises about itself."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageDraw

import demos
from demos.pages import draw, see
from demos.shell import leaving, parts
from demos.shell.serve import blocks
from model_zoo.trace import ImageTrace, Ran
from tests.conftest import ROOT, SPEECH, running

CHINESE_READER = gr.Request(headers={"accept-language": "zh-CN"})
SHIP = ROOT / "demos" / "examples" / "ship.jpg"


def seven(size: int = 200) -> Image.Image:
    """A 7 drawn with a thick pen, black on white."""
    image = Image.new("L", (size, size), "white")
    points = [(x * size, y * size) for x, y in ((0.25, 0.22), (0.75, 0.22), (0.45, 0.8))]
    ImageDraw.Draw(image).line(points, fill="black", width=size // 14, joint="curve")
    return image


@pytest.fixture(scope="module")
def client(app: str) -> Client:
    return Client(app, verbose=False)


@pytest.fixture
def digit(tmp_path: Path) -> Path:
    path = tmp_path / "digit.png"
    seven().save(path)
    return path


def test_a_digit_is_read(client: Client, digit: Path) -> None:
    answer = client.predict(handle_file(digit), api_name="/classify_digit")
    assert answer["label"] == "7"
    shares = [one["confidence"] for one in answer["confidences"]]
    assert {one["label"] for one in answer["confidences"]} == {*"0123456789", "not a digit"}
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert shares == sorted(shares, reverse=True)


def test_a_picture_is_named(client: Client) -> None:
    answer = client.predict(handle_file(SHIP), api_name="/classify_image")
    assert answer["label"] == answer["confidences"][0]["label"] == "ship"
    assert len(answer["confidences"]) == 10


def test_nothing_else_is_offered(client: Client) -> None:
    offered = client.view_api(return_format="dict", print_info=False)
    assert set(offered["named_endpoints"]) == {
        "/classify_digit",
        "/classify_image",
        "/classify_sentiment",
        "/generate_text",
        "/transcribe",
    }
    assert not offered["unnamed_endpoints"]


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG whose header promises far more than its few bytes hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


BAD = {
    "not an image": ("notes.txt", b"Dear diary, this is no picture.", "not a picture"),
    "truncated": ("cut.png", saved(seven(), "png")[:300], "damaged or cut off"),
    "one pixel": ("dot.png", saved(Image.new("L", (1, 1)), "png"), "1 × 1"),
    "bomb": ("bomb.png", png_that_claims(60_000, 60_000), "too large"),
    "empty": ("empty.png", b"", "."),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("endpoint", ["/classify_digit", "/classify_image"])
def test_bad_input_is_answered_in_a_sentence(
    client: Client, tmp_path: Path, endpoint: str, name: str
) -> None:
    file, data, says = BAD[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(AppError) as error:
        client.predict(handle_file(tmp_path / file), api_name=endpoint)
    is_a_sentence(str(error.value), says)


def _turned(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me 90° clockwise to see me upright"
    return saved(image.rotate(90, expand=True), "jpeg", exif=exif, quality=95)


def _animated(image: Image.Image) -> bytes:
    blank = Image.new("L", image.size, "white")
    return saved(image, "gif", save_all=True, append_images=[blank, blank], duration=50)


def _sixteen_bits(image: Image.Image) -> bytes:
    return saved(Image.fromarray(np.asarray(image, dtype=np.uint16) * 257), "png")


ODD: dict[str, Callable[[Image.Image], bytes]] = {
    "turned.jpg": _turned,
    "animated.gif": _animated,
    "sixteen.png": _sixteen_bits,
    "cmyk.jpg": lambda image: saved(image.convert("CMYK"), "jpeg", quality=95),
    "palette.png": lambda image: saved(image.convert("P"), "png"),
    "alpha.png": lambda image: saved(image.convert("RGBA"), "png"),
    "photo.webp": lambda image: saved(image.convert("RGB"), "webp"),
    "white-on-black.png": lambda image: saved(image.point(lambda level: 255 - level), "png"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_read_all_the_same(client: Client, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(ODD[name](seven()))
    answer = client.predict(handle_file(tmp_path / name), api_name="/classify_digit")
    assert answer["label"] == "7"


def test_fifty_megapixels_are_scaled(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "poster.jpg"
    Image.open(SHIP).resize((8192, 6144)).save(path, quality=60)
    answer = client.predict(handle_file(path), api_name="/classify_image")
    assert answer["label"] == "ship"


def test_a_picture_may_be_no_larger_than_pictures_are(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "heavy.png"
    path.write_bytes(saved(seven(), "png") + bytes(parts.MOST_BYTES))
    with pytest.raises(AppError, match="25 MB"):
        client.predict(handle_file(path), api_name="/classify_digit")


def test_a_blank_picture_has_no_answer(client: Client, tmp_path: Path) -> None:
    Image.new("L", (200, 200), "white").save(tmp_path / "blank.png")
    with pytest.raises(AppError, match="draw a digit"):
        client.predict(handle_file(tmp_path / "blank.png"), api_name="/classify_digit")


def is_a_sentence(text: str, says: str) -> None:
    assert says in text
    assert "Traceback" not in text
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("endpoint", "file", "more"),
    [
        ("classify_image", SHIP, []),
        ("transcribe", SPEECH, ["", "transcribe", False, "whisper-tiny.en"]),
    ],
)
def test_files_that_were_not_uploaded_stay_private(
    app: str, endpoint: str, file: Path, more: list[object]
) -> None:
    given = {"path": str(file), "meta": {"_type": "gradio.FileData"}}
    reply = httpx.post(f"{app}/gradio_api/run/{endpoint}", json={"data": [given, *more]})
    assert reply.status_code == 400
    assert "was not sent to this server" in reply.json()["error"]
    assert "ship" not in reply.text
    assert "Americans" not in reply.text


def test_health_says_the_versions(app: str) -> None:
    versions = httpx.get(f"{app}/healthz").raise_for_status().json()["versions"]
    assert set(versions) == {"sensorium", "gradio", "onnxruntime", "python"}
    assert versions["gradio"] == gr.__version__


def test_ready_once_the_embedded_models_have_answered(app: str) -> None:
    reply = httpx.get(f"{app}/readyz").raise_for_status().json()
    assert reply["ready"]
    assert {"mnist-cnn", "cifar10-resnet"} <= set(reply["answered"])


def test_it_ends_while_somebody_visits(tmp_path: Path) -> None:
    with running(tmp_path) as address:
        Client(address, verbose=False).predict(handle_file(SHIP), api_name="/classify_image")
        began = time.monotonic()
    assert time.monotonic() - began < 10


def test_other_sites_may_not_call(app: str) -> None:
    reply = httpx.post(
        f"{app}/gradio_api/run/classify_image",
        json={"data": [None]},
        headers={"Origin": "https://elsewhere.example"},
    )
    assert reply.headers.get("access-control-allow-origin") != "https://elsewhere.example"


def snippets_of(page: demos.Page, app: str) -> dict[str, str]:
    """Each snippet of a page by its language, with the running app's address."""
    with gr.Blocks() as demo:
        page.build(demo)
    shown = [block for block in demo.blocks.values() if isinstance(block, gr.Code)]
    python, client, curl, _ = (block.value.replace("http://localhost:7860", app) for block in shown)
    return {"model_zoo": python, "gradio_client": client, "curl": curl}


def run(*command: str, cwd: Path = ROOT) -> str:
    """What a command prints, run by a person who has the project installed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("page", "best"), [(draw.page, "7"), (see.page, "ship")])
def test_the_printed_code_runs(app: str, tmp_path: Path, page: demos.Page, best: str) -> None:
    shutil.copy(SHIP, tmp_path / "photo.jpg")
    seven().save(tmp_path / "digit.png")
    code = snippets_of(page, app)
    for kind, begin in (("model_zoo", f"{{'{best}'"), ("gradio_client", f"{{'label': '{best}'")):
        printed = run(sys.executable, "-c", code[kind], cwd=tmp_path)
        assert printed.splitlines()[-1].startswith(begin), kind
    answer = json.loads(run("sh", "-c", code["curl"], cwd=tmp_path))["data"][0]
    assert answer["label"] == best


def test_every_page_is_found_and_builds_alone() -> None:
    found = demos.all_pages()
    assert {"draw", "see", "read", "write", "listen"} <= {page.slug for page in found}
    assert found[0] is draw.page
    for page in found:
        assert blocks([page]).title == "Sensorium"


def test_doubt_is_said() -> None:
    assert ">3</strong>" in parts.best({"3": 0.97, "5": 0.03})
    assert ">3?</strong>" in parts.best({"3": 0.5, "5": 0.4, "8": 0.1})
    assert "100" not in parts.best({"3": 0.99999, "5": 0.00001})
    bars = parts.bars({"3": 0.99999, "5": 0.00001}, 4)
    assert ">over 99.9%<" in bars
    assert ">&lt;1%<" in bars
    assert "or 5" in parts.best({"3": 0.5, "5": 0.4, "8": 0.1})


def test_the_result_line_says_when_the_processor_stood_in() -> None:
    ran = Ran("cpu", "fp32", "CUDA did not start")
    nothing = np.zeros((1, 1))
    timings = {"preprocess": 0.31, "model": 0.42, "postprocess": 0.1}
    trace = ImageTrace({}, nothing.astype(np.uint8), nothing.astype(np.float32), timings, ran)
    line = parts.result_line(trace)
    assert line.startswith(
        "preprocess 0.3 ms · model 0.4 ms · postprocess 0.1 ms — fp32 on the CPU"
    )
    assert "CUDA did not start" in line


def test_what_is_wrong_with_a_picture_is_said_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing")
    shown, *_ = see.look(str(tmp_path / "broken.png"), see.MODEL, "fp32", "cpu", CHINESE_READER)
    assert "不是可读取的图片" in shown


def test_a_table_of_several_pictures(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing")
    files = [str(SHIP), str(tmp_path / "broken.png")]
    table, download = next(see.look_at_all(files, "cifar10-resnet", "auto", "auto"))
    rows = table.value["data"]
    assert rows[0][:2] == ["ship.jpg", "ship"]
    assert "not a picture" in rows[1][1]
    assert Path(download.value["path"]).read_text().splitlines()[0] == ",".join(see.COLUMNS)


def test_a_table_of_several_pictures_is_in_chinese_but_its_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing")
    files = [str(SHIP), str(tmp_path / "broken.png")]
    made = see.look_at_all(files, "cifar10-resnet", "auto", "auto", CHINESE_READER)
    table, download = next(made)
    assert table.value["headers"] == ["文件", "结果", "概率", "其次", "毫秒"]
    assert table.value["data"][0][:2] == ["ship.jpg", "船"]
    assert "不是可读取的图片" in table.value["data"][1][1]
    assert Path(download.value["path"]).read_text().startswith("file,answer,probability,runner-up")


@pytest.mark.parametrize("how", ["left", "replaced"])
def test_a_list_of_pictures_ends_with_the_picture_at_which_nobody_waits_for_it_any_more(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    visitor = gr.Request(session_hash="visitor", headers={})
    rows: list[str] = []
    newer: list[tuple[gr.Dataframe, gr.DownloadButton]] = []

    def looked(*files: str) -> list[tuple[gr.Dataframe, gr.DownloadButton]]:
        return list(see.look_at_all([*files], see.MODEL, "auto", "auto", visitor))

    def row(file: str, *_: object) -> list[str]:
        rows.append(file)
        if rows == ["old", "old"]:
            if how == "left":
                leaving.left("visitor")
            else:
                newer.extend(looked("new"))
        return [file, "ship", "1", "truck", "1"]

    monkeypatch.setattr(see, "_row", row)
    assert looked(*["old"] * 400) == []
    assert rows.count("old") == 2
    assert [table.value["data"][0][0] for table, _ in newer] == ["new"] * (how == "replaced")
