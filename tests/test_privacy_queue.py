"""The queue ends nobody's calls for another's, and keeps nothing of a call that is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Mount

from demos.shell import calls, gradio_compat, leaving

HOUR = 3600.0


class Served:
    """An app with one endpoint, /twice, and what it keeps."""

    def __init__(self) -> None:
        with gradio_compat.Pages() as demo:
            text = gr.Textbox()
            gr.Button().click(lambda text: 2 * text, text, text, api_name="twice")
        self.app = gr.mount_gradio_app(FastAPI(), demo.queue(max_size=32), path="/")
        self.queue = demo._queue
        self.app.add_middleware(leaving.Presence, session_of_event=self.queue.session_of_event)
        inner = next(route.app for route in self.app.routes if isinstance(route, Mount))
        self.sessions = inner.state_holder
        self.sessions.__class__ = gradio_compat.Sessions

    def join(self, client: TestClient, session: str) -> Any:
        body = {"data": ["a"], "fn_index": 0, "session_hash": session}
        return client.post("/gradio_api/queue/join", json=body)

    def call(self, client: TestClient) -> str:
        event = client.post("/gradio_api/call/twice", json={"data": ["ab"]}).json()["event_id"]
        return client.get(f"/gradio_api/call/twice/{event}").text


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def client(served: Served) -> Iterator[TestClient]:
    with TestClient(served.app) as client:
        yield client


def test_a_call_whose_session_is_empty_stops_nobody(served: Served, client: TestClient) -> None:
    assert served.join(client, "").status_code == 200
    for _ in range(2):  # the first would have been the one at which the queue ended
        assert "abab" in served.call(client)


def test_a_call_whose_mailbox_is_gone_stops_nobody(served: Served, client: TestClient) -> None:
    assert served.join(client, "left").status_code == 200
    served.queue.pending_messages_per_session.pop("left")
    for _ in range(2):
        assert "abab" in served.call(client)


def test_others_are_answered_while_what_a_call_brings_is_decoded(
    served: Served, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    complete = calls.complete

    def slowly(*given: Any) -> Any:
        assert answered.wait(10)  # for ever, were it the loop that waits here
        return complete(*given)

    monkeypatch.setattr(calls, "complete", slowly)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(client.post, "/gradio_api/run/twice", json={"data": ["ab"]})
        assert client.get("/gradio_api/info").status_code == 200
        answered.set()
        assert call.result().json()["data"] == ["abab"]


def test_strangers_push_out_each_other_but_never_an_open_page(
    served: Served, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "page_is_open", lambda session: session.startswith("page"))
    for number in range(10):
        assert served.join(client, f"page{number}").status_code == 200
    for number in range(20):
        assert served.join(client, f"stranger{number}").status_code == 200
    waiting = [event.session_hash for event in served.queue._waiting()]
    assert sorted(name for name in waiting if name.startswith("page")) == [
        f"page{number}" for number in range(10)
    ]
    assert len(waiting) == 10 + gradio_compat.UNHEARD_CALLS
    assert "stranger19" in waiting


def test_a_call_of_no_session_leaves_none(served: Served, client: TestClient) -> None:
    assert "abab" in served.call(client)
    assert list(served.sessions.session_data) == []


def test_a_page_that_was_quiet_is_kept_for_an_hour_after_it_has_closed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = {"just now": time.monotonic(), "long ago": time.monotonic() - 2 * HOUR}
    monkeypatch.setattr(leaving, "closed_at", lambda session: closed.get(session, 0.0))
    for session in ("just now", "long ago", "no page"):
        served.sessions[session]
        served.sessions.time_last_used[session] = datetime.now() - timedelta(hours=3)
    served.sessions.forget_closed(HOUR)
    assert list(served.sessions.session_data) == ["just now"]
