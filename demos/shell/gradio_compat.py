"""Gradio's calls, queue and sessions as we need them: their private parts, checked with 6.31."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import gradio as gr
from anyio import CapacityLimiter, to_thread
from gradio import queueing, route_utils
from gradio.block_function import BlockFunction
from gradio.data_classes import JsonData
from gradio.server_messages import EventMessage, ProcessGeneratingMessage
from gradio.state_holder import StateHolder

from demos.shell import calls, leaving, logs, uploads
from demos.shell.words import say, told
from model_zoo.errors import BadInput, ZooError
from model_zoo.stopping import Stopped
from model_zoo.text import memory

UNHEARD_SECONDS = 60  # that a call waits for somebody to listen to it
UNHEARD_CALLS = 16  # that wait so; one more pushes the oldest out
AHEAD = 32  # events that a listener may be behind before the call waits for it
LOOK_SECONDS = 0.05

PAGES_ONLY = "Only the page itself may ask for this: call one of the endpoints under Use via API."


class Pages(gr.Blocks):
    """Blocks whose every error is a sentence and whose calls end with their listeners."""

    _queue: Queue
    state_holder: Sessions

    async def process_api(self, block_fn: Any, inputs: list[Any], *rest: Any, **more: Any) -> Any:
        """One step of a call; Gradio would log a traceback with the visitor's words in it."""
        request, session = more.get("request"), more.get("session_hash")
        try:
            if more.get("iterator") is not None:
                await self._queue.until_heard(session)
            else:
                inputs = await to_thread.run_sync(calls.complete, block_fn, inputs)
                uploads.claim(inputs, session)
            async with self._room_for(block_fn, request):
                output = await super().process_api(block_fn, inputs, *rest, **more)
            if not output["is_generating"]:
                uploads.claim(output["data"], session)
            return output
        except gr.Error as error:
            error.print_exception = False  # it tells the visitor what the visitor gave
            leaving.refuse()
            raise
        except Stopped:
            raise gr.Error("Stopped.", print_exception=False) from None
        except ZooError as error:
            leaving.refuse()
            raise gr.Error(told(error, request), print_exception=False) from None
        except Exception as error:
            raise gr.Error(logs.unexpected(error, request), print_exception=False) from None

    def _room_for(self, function: BlockFunction, request: Any) -> AbstractAsyncContextManager[Any]:
        """Of plain calls of what has a queue, as many at a time as that lets through."""
        if not function.queue or not leaving.is_plain_call():
            return nullcontext()
        if function.api_visibility != "public":
            raise BadInput(say(PAGES_ONLY, request))
        limit = function.concurrency_limit
        most = limit if isinstance(limit, int) else 1
        return self._plain_calls.setdefault(function.concurrency_id, CapacityLimiter(most))

    def queue(self, **options: Any) -> Pages:
        """As Gradio's, with our queue."""
        super().queue(**options, api_open=True)
        self._plain_calls = dict[str, CapacityLimiter]()
        self._queue.__class__ = Queue
        self._queue.pending_messages_per_session.max_size = sys.maxsize  # `drop_unheard` bounds it
        return self


class Queue(queueing.Queue):
    """A queue in which nothing is computed, and nothing kept, that nobody listens to.

    Gradio's runs every call to its end and keeps all of its events for ever.
    """

    blocks: Pages

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """A new call; where many wait that nobody came to listen to, the oldest makes room."""
        body.session_hash = body.session_hash or None  # Gradio loses the calls of one called ""
        route_utils.get_fn(self.blocks, None, body)  # which refuses, before anybody makes room
        unheard = [  # a page listens to its first call only when it has the answer to this one
            event
            for event in self._waiting()
            if not leaving.is_heard(event.session_hash)
            and not leaving.page_is_open(event.session_hash)
        ]
        if len(unheard) >= UNHEARD_CALLS:
            await self.drop(min(unheard, key=lambda event: event.enqueue_time).session_hash)
        return await super().push(body, request, username)

    def get_events(self) -> tuple[list[queueing.Event], bool, str] | None:
        """The next call to start: of those that somebody listens to, the one that came first."""
        for event in sorted(self._waiting(), key=lambda event: event.enqueue_time):
            line = self.event_queue_per_concurrency_id[event.concurrency_id]
            limit = line.concurrency_limit
            free = limit is None or line.current_concurrency < limit
            if free and leaving.is_heard(event.session_hash):
                line.queue.remove(event)
                return [event], False, event.concurrency_id
        return None

    def _waiting(self) -> Iterator[queueing.Event]:
        for line in self.event_queue_per_concurrency_id.values():
            yield from line.queue

    def send_message(self, event: queueing.Event, event_message: EventMessage) -> None:
        """Gradio sends /call what a generator gives last twice: as it comes, and as the result.

        Where a call's listener has gone, its own would raise, and the queue end for everybody.
        """
        heard = event.session_hash in self.pending_messages_per_session
        if heard and not _is_whole(event, event_message):
            super().send_message(event, event_message)

    async def clean_events(
        self, *, session_hash: str | None = None, event_id: str | None = None
    ) -> None:
        """Whoever listened has left; what is being computed ends too, other than Gradio's."""
        leaving.left(session_hash)
        leaving.left(event_id)
        await super().clean_events(session_hash=session_hash, event_id=event_id)

    async def reset_iterators(self, event_id: str) -> None:
        """A call has ended, or was cancelled, which does not reach a thread that computes."""
        leaving.left(event_id)
        await super().reset_iterators(event_id)
        # A call that names no session is one of its own: nobody comes back to it.
        self.blocks.state_holder.forget(event_id)

    def compute_analytics_summary(self, records: Any) -> Any:
        """None: it would make a table of all calls after each, for a page that we do not open."""
        return self.cached_event_analytics_summary

    async def until_heard(self, session: str | None) -> None:
        """Wait while the listener is far behind; raises Stopped when none catches up."""
        if session is None:
            return
        end = time.monotonic() + UNHEARD_SECONDS
        while session in self.pending_messages_per_session:
            if self.pending_messages_per_session[session].qsize() < AHEAD:
                return
            if time.monotonic() > end:
                await self.drop(session)
            await asyncio.sleep(LOOK_SECONDS)
        raise Stopped

    async def drop(self, session: str) -> None:
        """Forget a session's calls and what they have said."""
        await self.clean_events(session_hash=session)
        self.pending_messages_per_session.pop(session, None)
        self.pending_event_ids_session.pop(session, None)

    def session_of_event(self, event_id: str) -> str | None:
        """The session of a call whose last answer was not fetched yet; None without one."""
        pending = self.pending_event_ids_session.items()
        return next((session for session, events in pending if event_id in events), None)

    async def drop_unheard(self) -> None:
        """Once a second, drop what nobody has listened to for a minute."""
        since: dict[str, float] = {}
        while not self.stopped:
            now, waiting = time.monotonic(), {event.session_hash for event in self._waiting()}
            unheard = waiting | self.pending_messages_per_session.keys()
            unheard = {session for session in unheard if not leaving.is_heard(session)}
            since = {session: since.get(session, now) for session in unheard}
            for session, when in since.items():
                if now - when > UNHEARD_SECONDS:
                    await self.drop(session)
            await asyncio.sleep(1)


def _is_whole(event: queueing.Event, message: EventMessage) -> bool:
    """Whether this is a stream's last value on its way to /call, before the call has ended."""
    if not isinstance(message, ProcessGeneratingMessage):
        return False
    plain = event.data is not None and event.data.simple_format  # else only what differs is sent
    values: list[Any] = message.output.get("data") or [None]
    value = values[0].root if isinstance(values[0], JsonData) else None
    return plain and isinstance(value, dict) and value.get("done") is True


class Sessions(StateHolder):
    """Sessions of which an open page is never pushed out by others; Gradio's keeps the newest."""

    def update(self, session_id: str) -> None:
        """Note that a session was used; beyond the capacity, the oldest without a page goes."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            if len(self.session_data) > self.capacity:
                ended = (s for s in self.session_data if not leaving.page_is_open(s))
                if (oldest := next(ended, session_id)) != session_id:
                    self.forget(oldest)

    def forget_closed(self, keep_seconds: float) -> None:
        """Drop what is known of sessions that were used, and had a page, so long ago."""
        before = datetime.now() - timedelta(seconds=keep_seconds)
        closed_before = time.monotonic() - keep_seconds
        with self.lock:
            old = [session for session, used in self.time_last_used.items() if used < before]
            for session in old:
                if not leaving.page_is_open(session) and leaving.closed_at(session) < closed_before:
                    self.forget(session)

    def forget(self, session_id: str) -> None:
        """Drop all that is known of a session, and what a language model has read for it."""
        self.session_data.pop(session_id, None)
        self.time_last_used.pop(session_id, None)
        memory.forget(session_id)
