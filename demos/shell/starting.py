"""What the app is started with: options and the variables behind them, and the socket it opens."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from demos.shell import uploads

ON_SPACE = "SPACE_ID" in os.environ  # Hugging Face Spaces set it
EVERYWHERE = ("0.0.0.0", "::")
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """How to serve: where, how long a visitor's files stay, whether to open the browser."""

    host: str
    port: int  # 0 takes a free one
    keep_minutes: float
    browser: bool


def options(arguments: Sequence[str] | None) -> Options:
    """What the command line says, else the variable behind each option, else its default.

    Ends the program with a sentence where one of them cannot be used.
    """
    parser = argparse.ArgumentParser(
        description="Sensorium: real neural networks that answer on your own machine."
    )
    host = "0.0.0.0" if ON_SPACE else "127.0.0.1"
    keep = f"{uploads.KEEP_SECONDS / 60:g}"
    parser.add_argument(
        "--host",
        help="address to listen on; 0.0.0.0 lets other machines in "
        f"(default: GRADIO_SERVER_NAME, or {host})",
    )
    parser.add_argument(
        "--port",
        help="port to listen on; 0 takes a free one (default: GRADIO_SERVER_PORT, or 7860)",
    )
    parser.add_argument(
        "--keep-minutes",
        help="how long a visitor's files stay once the page is closed "
        f"(default: SENSORIUM_KEEP_MINUTES, or {keep})",
    )
    parser.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        default=sys.stdout.isatty() and not ON_SPACE and _has_screen(),
        help="do not open the browser",
    )
    given = parser.parse_args(arguments)
    return Options(
        _chosen("--host", given.host, "GRADIO_SERVER_NAME", host, _host),
        _chosen("--port", given.port, "GRADIO_SERVER_PORT", "7860", _port),
        _chosen("--keep-minutes", given.keep_minutes, "SENSORIUM_KEEP_MINUTES", keep, _minutes),
        given.browser,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that answers at once; ends the program where there can be none.

    `socket.create_server` does not name the protocol, and asyncio then leaves Nagle's algorithm
    on, by which every small answer waits 40 ms for the other side.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError):  # a name that is no name is a ValueError
        sys.exit(
            f"There is no host {host!r}: give --host a name or an address of this machine, such as "
            "127.0.0.1 or 0.0.0.0."
        )
    family, *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    try:
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":  # on Windows the option would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        sys.exit(
            f"Port {port} of {host} cannot be opened ({reason}): choose another with --port, or "
            "another address with --host."
        )
    return listener


def address_of(host: str, listener: socket.socket) -> str:
    """What to type into a browser on this machine."""
    if host in (*EVERYWHERE, "127.0.0.1"):
        host = "localhost"
    elif ":" in host:
        host = f"[{host.replace('%', '%25')}]"
    return f"http://{host}:{listener.getsockname()[1]}"


def _has_screen() -> bool:
    # On Linux without a display, webbrowser would open a browser inside the terminal.
    return sys.platform in ("darwin", "win32") or any(
        name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def _chosen(
    option: str, given: str | None, variable: str, default: str, read: Callable[[str], T]
) -> T:
    """The option's value; an empty variable counts as none, as everywhere."""
    name, value = (option, given) if given is not None else (variable, os.environ.get(variable))
    try:
        return read(given if given is not None else value or default)
    except ValueError as error:
        mend = "" if given is not None else f", or give {option}"
        sys.exit(f"{name} is {value!r}: make it {error}{mend}.")


def _host(words: str) -> str:
    host = words.strip().removeprefix("[").removesuffix("]")
    if not host:
        raise ValueError("an address such as 127.0.0.1, or 0.0.0.0 to let other machines in")
    return host


def _port(words: str) -> int:
    digits = words.strip().lstrip("0") or words.strip()
    if not digits.isdecimal() or len(digits) > 5 or int(digits) > 65_535:
        raise ValueError("a number from 0 to 65535")
    return int(digits)


def _minutes(words: str) -> float:
    message = "a number of minutes above 0"
    try:
        minutes = float(words)
    except ValueError:
        raise ValueError(message) from None
    if not 0 < minutes < inf:
        raise ValueError(message)
    return minutes
