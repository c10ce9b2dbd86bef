"""Stop a long computation from another thread: the thread that computes looks between two steps."""

from __future__ import annotations

from threading import Event


class Stopped(Exception):
    """Raised inside a computation whose `Stop` was set."""


class Stop:
    """A flag for one computation.

    >>> stop = Stop()
    >>> stop.set()  # from any thread
    >>> stop.check()  # in the computation, at least every half second
    Traceback (most recent call last):
    model_zoo.stopping.Stopped
    """

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Ask the computation to end."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether it was asked to end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise Stopped where it was asked to end."""
        if self._event.is_set():
            raise Stopped


NEVER = Stop()  # the default: nobody sets it
