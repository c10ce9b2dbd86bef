"""Who is here: which pages are open, which answers somebody waits for, and an end to all others."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex
from threading import Lock
from typing import NamedTuple
from urllib.parse import parse_qs

import gradio as gr
from gradio.context import LocalContext
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demos.shell import calls
from model_zoo.errors import BadInput
from model_zoo.stopping import Stop, Stopped

PAGE = re.compile(r".*/heartbeat/([^/]+)/?")  # a page holds this connection as long as it is open
EVENTS = re.compile(r".*/queue/data/?")
CALL = re.compile(r".*/call/(?:v2/)?[^/]+/([^/]+)/?")  # one event's answer
PLAIN = re.compile(r".*/(?:run|api)/[^/]+/?")  # one POST, one answer


class _PlainCall:
    """One POST, one answer; `refused` where what it asks for cannot be given."""

    def __init__(self) -> None:
        self.stop, self.refused = Stop(), False


class Question(NamedTuple):
    """What is being answered: its number on the page, 0 where there are none, and its end."""

    turn: int
    stop: Stop


ALL = ""  # the key of every Stop: no session and no event is called so
_http: ContextVar[_PlainCall | None] = ContextVar("http", default=None)
_lock = Lock()
_stops: defaultdict[str, set[Stop]] = defaultdict(set)  # by session and by event
_newest: dict[tuple[str, str], Question] = {}  # by what is done and the session
_pages: Counter[str] = Counter()  # open pages by session
_listeners: Counter[str] = Counter()  # open streams of events by session
_closed: dict[str, float] = {}  # when a session's last page was closed, by time.monotonic()


@contextmanager
def stop_of(request: gr.Request | None) -> Iterator[Stop]:
    """A Stop that is set as soon as nobody waits for this call's answer any more.

    The listener of a page or of a `/call` is known by its session, that of a plain call by its
    connection; `request` is what Gradio hands to the function.
    """
    if call := _http.get():
        stop, keys = call.stop, [ALL]
    else:
        stop, session = Stop(), request.session_hash if request else None
        keys = [ALL, *filter(None, (session, LocalContext.event_id.get(None)))]
    with _lock:
        for key in keys:
            _stops[key].add(stop)
    try:
        yield stop
    finally:
        with _lock:
            for key in keys:
                _stops[key].discard(stop)
                if not _stops[key]:
                    del _stops[key]


@contextmanager
def newest_of(what: str, request: gr.Request | None, turn: int = 0) -> Iterator[Stop]:
    """As `stop_of`; what is done of this kind for the same session ends with its next call too.

    Where the page numbers its questions, one that is overtaken on its way raises Stopped.
    """
    key = what, (request and request.session_hash) or token_hex(16)
    with stop_of(request) as stop:
        question = Question(turn, stop)
        with _lock:
            if other := _newest.get(key):
                if other.turn > turn:
                    raise Stopped
                other.stop.set()
            _newest[key] = question
        try:
            yield stop
        finally:
            with _lock:
                if _newest.get(key) is question:
                    del _newest[key]


def end(what: str, request: gr.Request | None, turn: float = math.inf) -> None:
    """End what is done of this kind for a session, where its number is at most `turn`."""
    with _lock:
        question = _newest.get((what, (request and request.session_hash) or ""))
        if question and question.turn <= turn:
            question.stop.set()


def drop(what: str, request: gr.Request | None) -> None:
    """End what is done of this kind for a session, and let nothing more of it be shown."""
    with _lock:
        question = _newest.pop((what, (request and request.session_hash) or ""), None)
    if question:
        question.stop.set()


def is_newest(stop: Stop) -> bool:
    """Whether what this Stop ends was neither dropped nor overtaken."""
    with _lock:
        return any(question.stop is stop for question in _newest.values())


def is_plain_call() -> bool:
    """Whether what runs here answers a plain HTTP call, with no queue and no stream."""
    return _http.get() is not None


def refuse() -> None:
    """What is answered here is a refusal of what was asked: its status is 400, not 500."""
    if call := _http.get():
        call.refused = True


def left(key: str | None) -> None:
    """Nobody waits for the answers of this session, or of this event, any more."""
    with _lock:
        for stop in _stops.get(key, ()) if key else ():
            stop.set()


def end_all() -> None:
    """The server ends: so does all that is computed."""
    with _lock:
        for stop in _stops.get(ALL, ()):
            stop.set()


def page_is_open(session: str) -> bool:
    """Whether this session's page is open in somebody's browser."""
    return session in _pages


def closed_at(session: str) -> float:
    """When this session's page was closed, by time.monotonic(); 0 where there was none."""
    return _closed.get(session, 0.0)


def is_heard(session: str) -> bool:
    """Whether somebody listens to this session's events."""
    return session in _listeners


def forget(seconds: float) -> None:
    """Forget sessions whose page was closed so long ago."""
    before = time.monotonic() - 2 * seconds  # their files go first, by the time that is noted here
    with _lock:
        for session in [session for session, at in _closed.items() if at < before]:
            del _closed[session]


class Presence:
    """ASGI middleware that notices who comes and who leaves.

    `session_of_event` tells the session of an event of the queue, None of one that it has not.
    """

    def __init__(self, app: ASGIApp, session_of_event: Callable[[str], str | None]) -> None:
        self._app, self._session_of_event = app, session_of_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if found := PAGE.fullmatch(path):
            with _counted(_pages, found[1]):
                await self._app(scope, receive, send)
        elif EVENTS.fullmatch(path):
            query = parse_qs(scope["query_string"].decode("latin-1"))
            with _counted(_listeners, query.get("session_hash", [""])[0]):
                await self._app(scope, receive, send)
        elif scope.get("method") == "GET" and (found := CALL.fullmatch(path)):
            session = self._session_of_event(found[1])
            if session is None:
                raise calls.NotThere(calls.NO_EVENT)
            if is_heard(session) and session == found[1]:  # each would miss what the other gets
                raise BadInput(calls.HEARD)
            with _counted(_listeners, session):
                await self._app(scope, receive, send)
        elif PLAIN.fullmatch(path):
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain call, and watch its connection meanwhile."""
        call, watching = _PlainCall(), list[asyncio.Task[None]]()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            call.stop.set()

        async def watched() -> Message:
            message = await receive()
            if not message.get("more_body") and not watching:  # what comes next is its end
                watching.append(asyncio.create_task(watch()))
            return message

        async def send_on(message: Message) -> None:
            if message.get("status") == 500 and call.refused:
                message["status"] = 400
            await send(message)

        token = _http.set(call)
        try:
            await self._app(scope, watched, send_on)
        finally:
            _http.reset(token)
            for task in watching:
                task.cancel()


@contextmanager
def _counted(what: Counter[str], session: str) -> Iterator[None]:
    if len(session) > calls.LONGEST_SESSION:
        raise BadInput(calls.LONG_SESSION)
    with _lock:
        what[session] += 1
    try:
        yield
    finally:
        with _lock:
            what[session] -= 1
            if not what[session]:
                del what[session]
                if what is _pages:
                    _closed[session] = time.monotonic()
