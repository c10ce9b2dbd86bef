"""The last event of a stream, which holds the whole answer, is sent once."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import JsonData
from gradio.queueing import Event
from gradio.server_messages import EventMessage, ProcessGeneratingMessage


def send_the_last_once(demo: gr.Blocks) -> None:
    """Gradio sends /call what a generator gives last twice: as it comes, and as the result."""
    queue = demo._queue
    send = queue.send_message

    def send_message(event: Event, event_message: EventMessage) -> None:
        if not _is_whole(event, event_message):
            send(event, event_message)

    queue.send_message = send_message  # type: ignore[method-assign]


def _is_whole(event: Event, message: EventMessage) -> bool:
    if not isinstance(message, ProcessGeneratingMessage):
        return False
    plain = event.data is not None and event.data.simple_format  # else only what differs is sent
    values: list[Any] = message.output.get("data") or [None]
    value = values[0].root if isinstance(values[0], JsonData) else None
    return plain and isinstance(value, dict) and value.get("done") is True
