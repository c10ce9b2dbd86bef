"""Pictures as clients send them, the answer as they read it, and what pages tell of a bad one."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path

import gradio as gr
import httpx
import pytest
from PIL import Image

from demos.pages import draw, see
from demos.shell import parts
from model_zoo.errors import BadInput

SHIP = Path(__file__).parents[2] / "demos" / "examples" / "ship.jpg"
URL = "data:image/jpeg;base64," + base64.b64encode(SHIP.read_bytes()).decode()


def asked(app: str, sent: object, endpoint: str = "classify_image") -> httpx.Response:
    return httpx.post(f"{app}/gradio_api/run/{endpoint}", json={"data": [sent]}, timeout=30)


@pytest.fixture(scope="module")
def path(app: str) -> str:
    """Where the server keeps an uploaded ship."""
    file = {"files": ("ship.jpg", SHIP.read_bytes())}
    return str(httpx.post(f"{app}/gradio_api/upload", files=file).raise_for_status().json()[0])


@pytest.mark.parametrize(
    "sent",
    [
        URL,
        {"url": URL},
        {"path": None, "url": URL, "meta": {"_type": "gradio.FileData"}},
        URL.replace("+", "%2B"),
        URL[:99] + "\n" + URL[99:].rstrip("="),
        URL.replace("data:image/jpeg", "DATA:"),
    ],
    ids=["text", "url", "url with meta", "percent", "lines, no padding", "no type"],
)
def test_12_a_data_url_is_a_picture(app: str, sent: object) -> None:
    assert asked(app, sent).json()["data"][0]["label"] == "ship"


def test_12_what_the_upload_answered_is_a_picture(app: str, path: str) -> None:
    meta = {"meta": {"_type": "gradio.FileData"}}
    address = f"{app}/gradio_api/file={path}"
    for sent in (path, {"path": path}, {"path": path} | meta, address, {"url": address}):
        assert asked(app, sent).json()["data"][0]["label"] == "ship", sent


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        7,
        ["a"],
        {},
        {"url": None},
        "data:",
        "data:image/png;base64,",
        "data:image/png;base64,abc",
        "data:image/png;base64,a*c=",
        "data:image/png,abc",
        {"url": "data:image/png;base64,abc"},
        "https://example.com/ship.jpg",
        {"url": "http://127.0.0.1:1/gradio_api/file=/etc/passwd"},
        "ship.jpg",
        "/etc/passwd",
        {"path": "/etc/passwd"},
        {"path": "../../etc/passwd"},
    ],
    ids=str,
)
def test_12_anything_else_is_answered_in_a_sentence(app: str, sent: object) -> None:
    reply = asked(app, sent)
    error = reply.json()["error"]
    assert reply.status_code >= 400
    assert error.endswith(".")
    assert "passwd" not in error


def test_12_a_picture_of_this_machine_that_was_not_sent_stays_private(
    app: str, tmp_path: Path
) -> None:
    shutil.copy(SHIP, tmp_path / "ship.jpg")
    for sent in (str(tmp_path / "ship.jpg"), {"path": str(tmp_path / "ship.jpg")}):
        assert "label" not in asked(app, sent).text


def test_b6_the_likeliest_label_is_a_field_of_its_own(app: str) -> None:
    file = io.BytesIO()
    draw.drawn('[{"width": 40, "points": [[174, 129], [386, 129], [252, 454]]}]').save(file, "png")
    seven = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    answer = asked(app, seven, "classify_digit").json()["data"][0]
    assert answer["label"] == answer["confidences"][0]["label"] == "7"
    shares = [one["confidence"] for one in answer["confidences"]]
    assert shares == sorted(shares, reverse=True)


def test_a_picture_that_is_gone_is_told_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as told:
        parts.decode(str(tmp_path / "secret.png"))
    assert "secret" not in str(told.value)


def test_one_bad_file_costs_its_own_row(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing")
    Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    files = [str(tmp_path / name) for name in ("broken.png", "gone.png", "dot.png")] + [str(SHIP)]
    reader = gr.Request(headers={"accept-language": "zh"})
    table, _ = next(see.look_at_all(files, see.MODEL, "fp32", "cpu", reader))
    answers = [row[1] for row in table.value["data"]]
    assert answers[3] == "船"
    assert all(answer.endswith("。") for answer in answers[:3])


@pytest.mark.parametrize(
    "strokes",
    [
        "[",
        "7",
        "[1]",
        '[{"width": 4}]',
        '[{"width": 4, "points": []}]',
        '[{"width": 4, "points": [[1, 2, 3]]}]',
        '[{"width": 4, "points": [[NaN, 2]]}]',
        '[{"width": -4, "points": [[1, 2], [9, 9]]}]',
        '[{"width": 1e9, "points": [[1, 2]]}]',
        "[" * 100_000,
    ],
)
def test_36_strokes_that_are_none_are_refused(strokes: str) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        draw.drawn(strokes)


def test_36_strokes_are_drawn_where_they_were() -> None:
    picture = draw.drawn('[{"width": 40, "points": [[280, 100]]}]')
    left, top, right, bottom = picture.point(lambda level: 255 - level).getbbox() or (0, 0, 0, 0)
    assert abs(left - 260) <= 1
    assert abs(right - 301) <= 1
    assert abs(top - 80) <= 1
    assert abs(bottom - 121) <= 1
