"""Several people at once on one machine: each gets a token in turn."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any


class Turns:
    """A lock that goes to whoever has waited longest, which threading.Lock does not promise.

    >>> with Turns():
    ...     pass
    """

    def __init__(self) -> None:
        self._lock, self._busy = Lock(), False
        self._waiting: deque[Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._busy:
                self._busy = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()

    def __exit__(self, *_: Any) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._busy = False
