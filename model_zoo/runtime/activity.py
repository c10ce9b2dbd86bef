"""When graphs ran in this process: whoever measures in the background waits until nobody does."""

from __future__ import annotations

import threading
import time
from math import inf

_running: set[int] = set()  # threads inside a run
_last_run = -inf


class Run:
    """`with RUN:` around every run of a graph, by any thread."""

    def __enter__(self) -> None:
        _running.add(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        global _last_run
        _last_run = time.monotonic()
        _running.discard(threading.get_ident())


RUN = Run()


def idle_seconds() -> float:
    """Since the end of the last run; 0 during one, infinite before the first."""
    return 0.0 if _running else time.monotonic() - _last_run
