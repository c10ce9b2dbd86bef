"""Several people at once on one machine: each gets a token in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from model_zoo.stopping import NEVER, Stop, Stopped

LOOK_SECONDS = 0.05  # how often someone who waits looks whether they still want their turn


class Turns:
    """A lock that goes to whoever has waited longest, which threading.Lock does not promise.

    >>> with Turns().turn():
    ...     pass
    """

    def __init__(self) -> None:
        self._lock, self._busy = Lock(), False
        self._waiting: deque[Lock] = deque()

    @contextmanager
    def turn(self, stop: Stop = NEVER) -> Iterator[None]:
        """One turn; raises Stopped in place of it, also while others have theirs."""
        self._take(stop)
        try:
            stop.check()
            yield
        finally:
            self._give()

    def _take(self, stop: Stop) -> None:
        with self._lock:
            if not self._busy:
                self._busy = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        while not mine.acquire(timeout=LOOK_SECONDS):
            if stop.is_set():
                with self._lock:
                    if mine in self._waiting:  # else it was given the turn a moment ago
                        self._waiting.remove(mine)
                        raise Stopped

    def _give(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._busy = False
