"""The API as people call it: values left out, files in every form, refusals in a sentence."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from demos.pages import listen
from demos.shell import calls
from demos.widgets import recorder
from model_zoo.errors import BadInput
from tests.conftest import ROOT

SHIP = ROOT / "demos" / "examples" / "ship.jpg"
DATA = f"data:image/jpeg;base64,{base64.b64encode(SHIP.read_bytes()).decode('ascii')}"


def run(app: str, endpoint: str, *data: object) -> httpx.Response:
    return httpx.post(f"{app}/gradio_api/run/{endpoint}", json={"data": data}, timeout=60)


def uploaded(app: str, path: Path) -> str:
    files = {"files": (path.name, path.read_bytes())}
    return httpx.post(f"{app}/gradio_api/upload", files=files).json()[0]


def is_a_refusal(reply: httpx.Response, says: str) -> None:
    assert reply.status_code == 400
    sentence = reply.json()["error"]
    assert says in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "form",
    [
        lambda path, app: path,
        lambda path, app: {"path": path},
        lambda path, app: {"path": path, "meta": {"_type": "gradio.FileData"}},
        lambda path, app: {"url": f"{app}/gradio_api/file={path}"},
        lambda path, app: f"{app}/gradio_api/file={path}",
        lambda path, app: DATA,
        lambda path, app: {"url": DATA},
        lambda path, app: {"url": DATA, "meta": {"_type": "gradio.FileData"}},
    ],
)
def test_a_file_is_taken_in_every_form_that_names_it(app: str, form) -> None:
    reply = run(app, "classify_image", form(uploaded(app, SHIP), app))
    assert reply.status_code == 200, reply.text
    assert "ship" in reply.text[:40]


@pytest.mark.parametrize(
    "name",
    [123, ["a"], {"a": 1}, "", ".", "..", "x/..", "../x", "a\0b.png", "图" * 100 + ".png", "CON",
     "\ud83d.png", "a." + "x" * 300, "x" * 10_000_000],
)  # fmt: skip
def test_a_file_is_read_whatever_its_name(app: str, name: object) -> None:
    for where in (DATA, uploaded(app, SHIP)):
        body = json.dumps({"data": [{"path": where, "orig_name": name}]})
        sent = {"content": body, "headers": {"Content-Type": "application/json"}}
        reply = httpx.post(f"{app}/gradio_api/run/classify_image", **sent, timeout=60)
        assert reply.status_code == 200, reply.text


def test_a_name_keeps_its_ending() -> None:
    assert calls._name("图" * 100 + ".png") == "图" * 65 + ".png"
    assert calls._name("a/b/../c.tar.gz") == "ab..c.tar.gz"


@pytest.mark.parametrize("kind", ["image/../..", "image/", "/", "image/" + "x" * 1000, "\0"])
def test_a_file_is_read_whatever_its_data_address_calls_it(app: str, kind: str) -> None:
    reply = run(app, "classify_image", f"data:{kind};base64,{DATA.partition(',')[2]}")
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("door", ["run/classify_digit", "queue/join", "component_server"])
@pytest.mark.parametrize("in_one", [True, False])
def test_a_call_that_is_too_long_is_refused_and_holds_up_nobody(
    app: str, door: str, in_one: bool
) -> None:
    body = b'{"data": ["data:image/png;base64,%s"]}' % (b"A" * 60_000_000)
    sent = {"Content-Type": "application/json"}
    pieces = (body[at : at + 2**20] for at in range(0, len(body), 2**20))
    reply = httpx.post(
        f"{app}/gradio_api/{door}", content=body if in_one else pieces, headers=sent, timeout=60
    )
    is_a_refusal(reply, "no more than 25 MB")


def test_an_upload_may_be_longer_than_a_call(app: str) -> None:
    files = {"files": ("a.wav", bytes(40_000_000))}
    assert httpx.post(f"{app}/gradio_api/upload", files=files, timeout=60).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        "data:image/png;base64,a*c", "data:image/png;base64,%%%", "data:", "data:image/png,abc",
        {"url": "data:image/png;base64,a*c"},
    ],
)  # fmt: skip
def test_a_data_address_that_is_none_is_refused(app: str, given: object) -> None:
    is_a_refusal(run(app, "classify_image", given), "cannot be decoded")
    is_a_refusal(run(app, "transcribe", given), "cannot be decoded")


@pytest.mark.parametrize(
    "given",
    [
        "/etc/hostname", "../../etc/hostname", {"path": "/etc/hostname"}, "\0", "nowhere.png",
        "https://example.com/a.png", {"url": "https://example.com/a.png"},
        {"path": ".", "url": "."},
    ],
)  # fmt: skip
def test_a_file_that_was_not_uploaded_is_refused(app: str, given: object) -> None:
    is_a_refusal(run(app, "classify_digit", given), "not sent to this server")


@pytest.mark.parametrize("given", [7, True, [], {}, {"path": None}, {"path": 7}, [DATA]])
def test_what_is_no_file_is_refused(app: str, given: object) -> None:
    is_a_refusal(run(app, "classify_image", given), "A file is missing")


def test_too_few_and_too_many_values_are_refused(app: str) -> None:
    is_a_refusal(run(app, "classify_image"), "takes 1 to 1 values (image), not 0")
    is_a_refusal(run(app, "classify_image", DATA, 2), "not 2")
    is_a_refusal(run(app, "generate_text"), "takes 1 to 10 values")


def test_no_file_at_all_is_refused(app: str) -> None:
    reply = run(app, "classify_image", None)
    assert reply.status_code == 400
    assert "no picture" in reply.json()["error"]


@pytest.mark.parametrize(
    "given",
    [
        {"path": "", "meta": None},
        {"text": {"path": ["a"], "meta": {}}},
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}],
        ["a", [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]],
    ],
)
def test_a_file_where_none_belongs_is_refused(app: str, given: object) -> None:
    is_a_refusal(run(app, "classify_sentiment", given), "cannot be a file")
    is_a_refusal(run(app, "generate_text", "Once", 8, given), "cannot be a file")


@pytest.mark.parametrize("door", ["run/classify_digit", "call/classify_digit", "queue/join"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
@pytest.mark.parametrize("body", [b"\xff\xfe", b"[1, 2", b"null", b'"a"'])
def test_a_body_that_is_no_call_is_refused_whatever_its_bytes(
    app: str, door: str, kind: str, body: bytes
) -> None:
    address, sent = f"{app}/gradio_api/{door}", {"Content-Type": kind}
    is_a_refusal(httpx.post(address, content=body, headers=sent), "no call")


@pytest.mark.parametrize("door", ["run/nope", "api/nope", "call/nope", "run/predict", "run/go"])
def test_a_name_that_is_no_endpoints_is_answered_with_those_there_are(app: str, door: str) -> None:
    names_the_endpoints(httpx.post(f"{app}/gradio_api/{door}", json={"data": ["a"]}))


@pytest.mark.parametrize("number", [99999, -1, 10**30, None])
@pytest.mark.parametrize("door", ["run/predict", "queue/join"])
def test_a_number_that_is_no_functions_is_answered_with_the_endpoints(
    app: str, door: str, number: int | None
) -> None:
    body = {"data": ["a"], "fn_index": number, "session_hash": "q"}
    names_the_endpoints(httpx.post(f"{app}/gradio_api/{door}", json=body))


@pytest.mark.parametrize("name", ["nope", "classify_digit"])
def test_a_name_and_the_number_of_another_are_refused(app: str, name: str) -> None:
    functions = httpx.get(f"{app}/config").json()["dependencies"]
    [number] = [f["id"] for f in functions if f["api_name"] == "classify_sentiment"]
    body = {"data": ["a fine film"], "fn_index": number}
    names_the_endpoints(httpx.post(f"{app}/gradio_api/run/{name}", json=body))


def names_the_endpoints(reply: httpx.Response) -> None:
    assert reply.status_code == 404
    assert "call one of /classify_digit, /classify_image" in reply.json()["error"]


@pytest.mark.parametrize("form", [{"file": (None, "x")}, {"files": (None, "x")}])
def test_an_upload_of_no_file_is_refused(app: str, form: dict) -> None:
    is_a_refusal(httpx.post(f"{app}/gradio_api/upload", files=form), "No file came")


LONG = "x" * 65
NAMED = {"session_hash": LONG, "data": ["a"], "fn_index": 1, "event_id": "a"}


@pytest.mark.parametrize(
    "door", ["run/classify_digit", "call/classify_digit", "queue/join", "cancel"]
)
def test_a_sessions_name_is_short_in_every_call(app: str, door: str) -> None:
    is_a_refusal(httpx.post(f"{app}/gradio_api/{door}", json=NAMED), "at most 64 characters")


@pytest.mark.parametrize("door", [f"heartbeat/{LONG}", f"queue/data?session_hash={LONG}"])
def test_a_sessions_name_is_short_in_every_address(app: str, door: str) -> None:
    is_a_refusal(httpx.get(f"{app}/gradio_api/{door}"), "at most 64 characters")


def test_a_sessions_name_is_short_for_a_pages_own_function(app: str) -> None:
    body = {"component_id": 1, "fn_name": "x", "session_hash": LONG, "data": None}
    assert httpx.post(f"{app}/gradio_api/component_server", json=body).status_code == 400


def test_an_answer_is_fetched_once(app: str) -> None:
    address = f"{app}/gradio_api/call/classify_digit"
    for _ in range(3):
        event = httpx.post(address, json={"data": [None]}).json()["event_id"]
        assert "no picture" in httpx.get(f"{address}/{event}").text
        again = httpx.get(f"{address}/{event}", timeout=3)
        assert (again.status_code, "no such call" in again.json()["error"]) == (404, True)


def test_who_listens_for_a_session_without_calls_is_told_so(app: str) -> None:
    told = httpx.get(f"{app}/gradio_api/queue/data?session_hash=nobody", timeout=5).text
    assert '"session_not_found":true' in told


def test_a_call_has_one_listener(app: str) -> None:
    address = f"{app}/gradio_api/call/generate_text"
    event = httpx.post(address, json={"data": ["Once", 4096]}).json()["event_id"]
    with httpx.stream("GET", f"{address}/{event}", timeout=60):
        is_a_refusal(httpx.get(f"{address}/{event}", timeout=3), "listens to this call already")


@pytest.mark.weights
@pytest.mark.parametrize("explain", [False, "no", 0])
def test_a_no_is_no_in_every_form(app: str, explain: object) -> None:
    assert not run(app, "classify_sentiment", "a fine film", explain).json()["data"][0]["words"]
    is_a_refusal(run(app, "classify_sentiment", "a fine film", "maybe"), "explain is yes or no")


@pytest.mark.weights
def test_values_with_a_default_may_be_left_out(app: str) -> None:
    answer = run(app, "classify_sentiment", "a fine film").json()["data"][0]
    assert answer["verdict"] == "positive"
    assert run(app, "generate_text", "Once upon a time").json()["data"][0]["text"]
    speech = ROOT / "model_zoo" / "speech" / "jfk.flac"
    heard = run(app, "transcribe", uploaded(app, speech)).json()["data"][0]
    assert "Americans" in heard["text"]


def test_a_pages_own_function_is_the_pages_own(app: str) -> None:
    config = httpx.get(f"{app}/config").json()
    own = [f for f in config["dependencies"] if f["queue"] and f["api_visibility"] != "public"]
    body = {"data": ["x"], "fn_index": own[0]["id"]}
    reply = httpx.post(f"{app}/gradio_api/run/predict", json=body)
    assert reply.status_code == 400
    assert "Only the page itself" in reply.json()["error"]


def called(app: str, component: str, function: str, sent: object) -> httpx.Response:
    """What a page's own function answers to the page's JavaScript."""
    components = httpx.get(f"{app}/config").json()["components"]
    [number] = [c["id"] for c in components if c["props"].get("elem_id") == component]
    body = {"component_id": number, "fn_name": function, "session_hash": "x", "data": sent}
    return httpx.post(f"{app}/gradio_api/component_server", json=body)


TURN = {"page": "a", "turn": 1}
WORD = {"start": 0, "end": 1, "words": [[" a", 0, 1, 0.9]], "doubt": [0.9, -0.1, 0, 1, 0]}
SAVE = {"form": "txt", "language": "en", "segments": [WORD]}


@pytest.mark.parametrize(
    ("component", "function", "sent"),
    [
        ("recorder", "end", sent)
        for sent in (
            None, [1], "x", {"page": "a"}, TURN | {"turn": "1"}, TURN | {"turn": 1.5},
            TURN | {"page": "x" * 65}, TURN | {"page": ["a"]},
        )
    ]
    + [("recorder", "example_file", sent) for sent in (None, ["x"], {}, 5)]
    + [
        ("heard", "saved", sent)
        for sent in (
            None, {"form": "exe"}, SAVE | {"form": "exe"}, SAVE | {"form": ["txt"]},
            SAVE | {"segments": [{}]}, SAVE | {"segments": [WORD | {"words": [[1]]}]},
            SAVE | {"form": "srt", "segments": [WORD | {"end": 1e300}]},
        )
    ],
)  # fmt: skip
def test_what_no_page_sends_is_refused(
    app: str, component: str, function: str, sent: object
) -> None:
    is_a_refusal(called(app, component, function, sent), "not what this page sends")


def test_what_a_page_sends_is_answered(app: str) -> None:
    assert called(app, "recorder", "end", TURN).json() is None
    assert called(app, "heard", "saved", SAVE).json() == "a\n"
    assert called(app, "recorder", "example_file", "nothing of ours").json() is None
    endless = {"ticket": "x", "rate": float("inf"), "sound": "AAAA"}  # which JSON may hold here
    assert "no sound" in recorder.hear(endless)["trouble"]


def test_no_door_answers_a_bare_error(app: str) -> None:
    body = {"component_id": 99999, "fn_name": "hear", "session_hash": "x", "data": None}
    reply = httpx.post(f"{app}/gradio_api/component_server", json=body)
    assert reply.status_code == 500
    assert re.fullmatch(r"Something .* The log has it as [0-9a-f]{8}\.", reply.json()["error"])


@pytest.mark.parametrize("given", ["text", 5, [1], {"x": 1}, TURN | {"path": 1, "name": "x"}])
def test_a_recording_that_is_none_is_refused(given: Any) -> None:
    async def read() -> None:
        async for _ in listen.read(given, *wishes):
            pass

    wishes: Any = ("en", False, listen.MODELS[0], "auto", "auto", None)
    with pytest.raises(BadInput, match="not what this page sends"):
        asyncio.run(read())
    if "page" not in str(given):
        with pytest.raises(BadInput, match="not what this page sends"):
            listen.speak(given, *wishes)


def test_a_refusal_is_in_the_readers_language(app: str) -> None:
    address = f"{app}/gradio_api/component_server"
    reply = httpx.post(address, content=b" " * 40_000_000, headers={"Accept-Language": "zh-CN"})
    assert "一次调用最多" in reply.json()["error"]
