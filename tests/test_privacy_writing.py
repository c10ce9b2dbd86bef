"""What one person writes is nobody else's, and ends when that person wants no more of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.state_holder import StateHolder

from demos.pages import write
from demos.shell import gradio_compat, leaving
from model_zoo.runtime.session import Session
from model_zoo.stopping import Stop, Stopped
from model_zoo.text import memory
from model_zoo.text.memory import CHUNK, Reader
from model_zoo.text.sampling import TextOptions
from model_zoo.text.turns import Turns
from tests.small_lm import Small, small_gpt2

ONE = TextOptions(max_new_tokens=1, temperature=0)
LONG = "Nobody else may know of this. " * 5  # more than two chunks, as each byte is a token


class Wide(Small):
    """It looks back at several chunks."""

    capacity = 4 * CHUNK


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(small_gpt2(tmp_path_factory.mktemp("small")), "fp32", "cpu")


@pytest.fixture
def lm(session: Session) -> Wide:
    return Wide(session)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens were read at a time."""
    counts: list[int] = []
    run = Reader._run

    def counted(self: Reader, tokens: list[int], wanted: object) -> np.ndarray:
        logits = run(self, tokens, wanted)
        counts.append(len(tokens))
        return logits

    monkeypatch.setattr(Reader, "_run", counted)
    return counts


def test_what_one_owner_has_read_is_read_again_for_another(lm: Wide, read: list[int]):
    lm.trace(LONG, ONE, owner="ann")
    whole = sum(read)
    read.clear()
    lm.trace(LONG, ONE, owner="ann")
    assert sum(read) < whole - CHUNK  # Ann is spared it
    for other in ("bob", "", None):
        read.clear()
        lm.trace(LONG, ONE, owner=other)
        assert sum(read) == whole


def test_no_owner_gets_the_memory_that_another_wrote_to(lm: Wide):
    lm.trace(LONG, ONE, owner="ann")
    [kept] = lm._memory._kept
    short = lm.vocabulary.encode("Hi.")
    for other in ("bob", None):
        with lm._memory.reader(lm.session, lm.capacity, short, other) as reader:
            reader.read(short)
            assert reader is not kept
            for buffer in reader.decoder.cache:
                assert not buffer.read()[:, :, len(short) :].any()


def test_nothing_is_kept_without_an_owner_nor_of_what_is_judged(lm: Wide):
    lm.trace(LONG, ONE, owner=None)
    lm.trace(LONG, TextOptions(max_new_tokens=4, beams=2), owner=None)
    lm.score(LONG)
    assert lm._memory._kept == []


def test_an_owner_is_forgotten_even_while_a_text_is_written(lm: Wide):
    lm.trace(LONG, ONE, owner="ann")
    lm.trace(LONG, ONE, owner="bob")
    under_way = lm("Once", owner="ann")
    next(under_way)
    memory.forget("ann")
    under_way.close()
    assert [reader.owner for reader in lm._memory._kept] == ["bob"]


def test_an_owner_is_forgotten_with_the_session(lm: Wide, read: list[int]):
    lm.trace(LONG, ONE, owner="ann")
    whole = sum(read)
    sessions = StateHolder()
    sessions.__class__ = gradio_compat.Sessions
    sessions.forget("ann")
    read.clear()
    lm.trace(LONG, ONE, owner="ann")
    assert sum(read) == whole


def stopped_at(tokens: Iterator[object], stop: Stop, after: int) -> int:
    """How many steps come once it is stopped behind `after` of them."""
    for _ in range(after):
        next(tokens)
    stop.set()
    more = list[object]()
    with pytest.raises(Stopped):
        more.extend(tokens)
    return len(more)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_text_ends_with_the_token_it_is_stopped_at(lm: Wide, beams: int):
    stop = Stop()
    options = TextOptions(max_new_tokens=60, temperature=0, beams=beams)
    assert stopped_at(lm.stream(LONG, options, stop=stop), stop, 1) == 0
    assert lm._memory._lent == []


def test_a_text_that_is_judged_ends_with_the_chunk_it_is_stopped_at(lm: Wide, read: list[int]):
    stop = Stop()
    assert stopped_at(lm.judge(LONG * 10, stop=stop), stop, 2) == 0
    assert read == [CHUNK, CHUNK]


def test_a_prompt_is_read_no_further_once_it_is_stopped(
    lm: Wide, read: list[int], monkeypatch: pytest.MonkeyPatch
):
    stop, run = Stop(), Reader._run

    def stopping(self: Reader, tokens: list[int], wanted: object) -> np.ndarray:
        logits = run(self, tokens, wanted)
        stop.set()
        return logits

    monkeypatch.setattr(Reader, "_run", stopping)
    with pytest.raises(Stopped):
        lm.trace(LONG, ONE, stop=stop)
    assert read == [CHUNK]


def test_whoever_waits_for_a_turn_can_be_stopped_and_holds_up_nobody():
    turns, stops, ended = Turns(), [Stop(), Stop()], list[int]()

    def wait(place: int) -> None:
        try:
            with turns.turn(stops[place]):
                ended.append(place)
        except Stopped:
            ended.append(-1 - place)

    threads = [threading.Thread(target=wait, args=(place,)) for place in (0, 1)]
    with turns.turn():
        for thread in threads:
            thread.start()
        while len(turns._waiting) < len(threads):
            time.sleep(0.001)
        stops[0].set()
        threads[0].join(timeout=10)
        assert ended == [-1]
    threads[1].join(timeout=10)
    assert ended == [-1, 1]
    with turns.turn():  # and it is free again
        pass


def test_a_judged_text_tells_how_far_it_is(lm: Wide):
    shares = list(lm.judge(LONG * 4))
    assert shares == sorted(shares)
    assert len(shares) > 4
    assert shares[-1] == 1


def test_events_hold_what_is_new_and_the_last_one_the_whole(
    lm: Wide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(write.model_zoo, "load", lambda name, task: lm)
    monkeypatch.setattr(write.writing, "SHOW_SECONDS", 0.0)
    chosen = {"max_new_tokens": 50, "temperature": 2, "top_k": 0, "top_p": 1, "seed": 3}
    [whole] = write.generate_text("a lighthouse", **chosen)  # as /run asks: one answer
    context = write.LocalContext.event_id.set("as the queue does")
    try:
        *events, last = write.generate_text("a lighthouse", **chosen)
    finally:
        write.LocalContext.event_id.reset(context)
    assert last | {"new": ""} == whole | {"new": ""}
    assert "".join(event["new"] for event in [*events, last]) == last["text"]
    assert "".join(token["text"] for token in last["tokens"]) == last["text"]
    assert all(set(token) == {"text", "probability"} for e in events for token in e["tokens"])
    assert all(len(token["alternatives"]) == 5 for token in last["tokens"])
    assert [event["done"] for event in events] == [False] * len(events)
    assert len(events) > 5
    assert sum(len(event["tokens"]) for event in events) <= len(last["tokens"])


def test_the_last_event_is_sent_once():
    whole = {"new": "b", "done": True, "text": "ab"}

    def write_two() -> Iterator[dict[str, object]]:
        yield {"new": "a", "done": False}
        yield whole

    with gradio_compat.Pages() as demo:
        gr.Button().click(write_two, None, gr.JSON(), api_name="two")
    app = gr.mount_gradio_app(FastAPI(), demo, path="/")
    app.add_middleware(leaving.Presence, session_of_event=demo._queue.session_of_event)
    with TestClient(app) as client:
        asked = client.post("/gradio_api/call/two", json={"data": []}).json()["event_id"]
        lines = client.get(f"/gradio_api/call/two/{asked}").text.splitlines()
    values = [json.loads(line.removeprefix("data: "))[0] for line in lines if "data: [" in line]
    assert values == [{"new": "a", "done": False}, whole]
