"""How the server ends: quietly at every signal that asks for it, and at once at the second one."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from demos.shell import leaving, private_folder

# A closed terminal hangs up; a closed console window on Windows breaks.
ENDS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]


def leave(sig: int, frame: FrameType | None = None) -> NoReturn:
    """End at once, whatever is under way, and leave nothing behind."""
    private_folder.remove_mine()
    os._exit(130 if sig == signal.SIGINT else 0)


def handle_ends(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Set the handler of all signals that end a server; gives those that they had before.

    A signal that is ignored, as nohup has it, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    heard = [number for number in ENDS if signal.getsignal(number) != signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heard}


class Server(uvicorn.Server):
    """Ends quietly at every signal that asks for it, also while somebody has a page open."""

    interrupted = False  # by Ctrl-C

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but for hang-ups too, and nothing is raised again when all is over."""
        before = handle_ends(self.handle_exit)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more calls, and end; the second signal does not wait for anybody."""
        self.interrupted |= sig == signal.SIGINT
        if self.should_exit:
            leave(signal.SIGINT if self.interrupted else sig)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End Gradio's connections too, or it would wait as long as somebody has a page open.

        A thread that computes an answer would go on to its end, and the program with it.
        """
        leaving.end_all()
        for route in getattr(self.config.app, "routes", ()):
            if stop := getattr(getattr(route, "app", None), "stop_event", None):
                stop.set()
        await super().shutdown(sockets)
