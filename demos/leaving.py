"""Who asked for an answer may leave before it comes: then nobody needs it any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from model_zoo.stopping import Stop


@contextmanager
def stop_of(request: gr.Request | None) -> Iterator[Stop]:
    """A Stop that is set when whoever listens to this call has left."""
    yield Stop()
