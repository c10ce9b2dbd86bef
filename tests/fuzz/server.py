"""A served app: whatever comes by HTTP is answered in words, logs no error and leaves no memory."""

from __future__ import annotations

import atexit
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import BinaryIO

import httpx

from tests.fuzz import leash, seeds
from tests.fuzz.endpoints import ENDPOINTS, TAKES_FILES, require_answer
from tests.fuzz.kinds import Kind, Seeded
from tests.fuzz.mutations import mutate
from tests.fuzz.rules import require
from tests.fuzz.words import TOKENS
from tests.test_privacy import Served, served

MOST_MEGABYTES = 1000  # above its start
PATHS = ("run/{}", "call/{}", "queue/join", "queue/data", "upload", "component_server", "file={}")


@dataclass
class App:
    """The server and its memory in megabytes once every endpoint has answered."""

    server: Served
    start: float
    log: BinaryIO  # what was not looked at yet


@cache
def app() -> App:
    """The server that all cases ask; it ends with this process, which may be killed."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    server = stack.enter_context(served(folder / "t", program=leash.app()))
    for name, some in TAKES_FILES.items():
        server.post(name, {"path": server.upload("a", some()[0])}).raise_for_status()
    server.post("classify_sentiment", "a fine film").raise_for_status()
    server.post("generate_text", "Once", TOKENS).raise_for_status()
    return App(server, server.memory(), stack.enter_context(server.log.open("rb")))


def asked(seed: int, random: Random) -> None:
    """A file in any state, or a body in any state at any door."""
    server = app().server
    if random.random() < 0.5:
        name = random.choice(tuple(TAKES_FILES))
        some = TAKES_FILES[name]()
        path = server.upload("a.bin", mutate(random, random.choice(some), some))
        reply = server.post(name, {"path": path})
        judge = require_answer
    else:
        reply, judge = _any_body(server.address, random), _require_no_failure
    log = app().log.read().decode("utf-8", "replace")
    require("Traceback" not in log and "Exception" not in log, f"the log has {log[-500:]}")
    judge(reply)
    more = server.memory() - app().start
    require(more < MOST_MEGABYTES, f"{more:.0f} MB more than at the start")


def _any_body(address: str, random: Random) -> httpx.Response:
    door = random.choice(PATHS).format(random.choice(ENDPOINTS))
    body = b'{"data": ["a fine film", 8, null], "session_hash": "fuzz", "fn_index": 3}'
    if random.random() < 0.9:
        body = mutate(random, body, [body, b"{}", b"[]", b"null", seeds.tables()[0]])
    kind = random.choice(("application/json", "multipart/form-data; boundary=x", "text/plain", ""))
    method = "POST" if "data" not in door and "=" not in door else "GET"
    return httpx.request(
        method,
        f"{address}/gradio_api/{door}",
        content=body,
        headers={"Content-Type": kind},
        timeout=30,
    )


def _require_no_failure(reply: httpx.Response) -> None:
    require(reply.status_code < 500, f"{reply.url}: status {reply.status_code}, {reply.text[:300]}")
    require('"error":null' not in reply.text.replace(" ", ""), f"{reply.url}: no reason")


KINDS: tuple[Kind, ...] = (Seeded("server", 0.5, asked),)
