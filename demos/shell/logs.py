"""Logs that hold nothing of what a visitor gave: no text, no file name, no path, no heading.

Libraries write all of these into messages and tracebacks. So of other people's messages the place
in the code is logged, of an error its type and where it arose, and the words are left out. Our own
messages are kept: we write nothing of a visitor's into them.
"""

from __future__ import annotations

import logging
import secrets
import sys
import threading
import traceback
import warnings
from types import TracebackType
from typing import Any, TextIO

import gradio as gr

from demos import HERE
from demos.shell.words import say

OURS = ("model_zoo", "demos")
ROOT = HERE.parent.as_posix()
# Of the server that it starts and stops; where it speaks of a connection, it repeats what came.
UVICORN = ("uvicorn/server.py", "uvicorn/config.py", "uvicorn/lifespan/on.py")
UNEXPECTED = "Something went wrong here that we did not foresee. The log has it as {}."
log = logging.getLogger("demos")
_record = logging.getLogRecordFactory()


def keep_private() -> None:
    """From here on, whatever this process logs or prints of errors leaves visitors' words out."""
    logging.setLogRecordFactory(_without_words)
    vars(traceback).update(print_exc=_print_exc, print_exception=_print_exception)
    sys.unraisablehook = lambda raised: _print(raised.exc_value)
    threading.excepthook = lambda raised: _print(raised.exc_value)
    warnings.showwarning = _show_warning


def unexpected(error: BaseException, request: gr.Request | None = None) -> str:
    """Log an error that nobody foresaw; the sentence for its visitor, with its number there."""
    number = secrets.token_hex(4)
    log.error("%s: %s", number, outline(error))
    return say(UNEXPECTED, request).format(number)


def outline(error: BaseException | None) -> str:
    """An error's type and where it arose, with what led to it, without a word of its message."""
    lines: list[str] = []
    while error is not None and len(lines) < 8:
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        places = (f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
        lines.append(f"{type(error).__name__} at {' > '.join(places)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ", because of ".join(lines)


def _short(path: str) -> str:
    """A module's path: of our own from the package on, of others the end."""
    return _ours(path) or "/".join(path.replace("\\", "/").rsplit("/", 3)[-3:])


def _ours(path: str) -> str:
    """The path of a module of our own from the package on; "" for others."""
    within = path.replace("\\", "/").removeprefix(f"{ROOT}/")
    return within if within.partition("/")[0] in OURS else ""


def _without_words(*arguments: Any, **more: Any) -> logging.LogRecord:
    record = _record(*arguments, **more)
    ours = _is_ours(record)
    if record.exc_info:
        error, record.exc_info = record.exc_info[1], None
        record.msg, record.args = f"{record.getMessage().strip()}: {outline(error)}", ()
        if not ours:
            record.msg = outline(error)
    elif not ours:
        record.msg, record.args = f"a message from {record.name}, line {record.lineno}", ()
    return record


def _is_ours(record: logging.LogRecord) -> bool:
    if record.name == "uvicorn.error":
        told = record.levelno >= logging.WARNING and not record.args
        return told or record.pathname.replace("\\", "/").endswith(UVICORN)
    return record.name.partition(".")[0] in OURS


def _print(error: BaseException | None, file: TextIO | None = None) -> None:
    if error is not None:
        print(outline(error), file=file or sys.stderr, flush=True)


def _print_exc(limit: int | None = None, file: TextIO | None = None, chain: bool = True) -> None:
    _print(sys.exc_info()[1], file)


def _print_exception(
    error: Any,
    /,
    value: BaseException | None = None,
    tb: TracebackType | None = None,
    limit: int | None = None,
    file: TextIO | None = None,
    **_: Any,
) -> None:
    _print(error if isinstance(error, BaseException) else value, file)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    where = _short(filename)
    words = f": {message}" if _ours(filename) else ""
    print(f"{category.__name__} at {where}:{lineno}{words}", file=file or sys.stderr, flush=True)
