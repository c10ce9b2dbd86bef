"""Whose a file is that a visitor sent or got, and when it goes: a while after the page closed."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from gradio import utils

from demos.shell import leaving, private_folder

KEEP_SECONDS = 3600.0  # after the page has closed, or after the last use where there was no page
LONGEST_PATH = 4096  # characters; a longer text is none

_lock = Lock()
_owners: defaultdict[str, set[str]] = defaultdict(set)  # sessions by a file's folder
_used: dict[str, float] = {}  # when, by time.monotonic()
_ours: set[str] = set()  # folders with the app's own files, such as its examples


def claim(data: Any, session: str | None) -> None:
    """The files that are named in `data`, what a call takes or gives, are this session's."""
    folder = f"{Path(utils.get_upload_folder())}"
    paths = (path[len(folder) + 1 :] for path in _paths(data, folder))
    named = {path.replace("\\", "/").partition("/")[0] for path in paths}
    there = named & _names() if named else ()  # a client may name any path
    with _lock:
        for name in there:
            _used[name] = time.monotonic()
            if session:
                _owners[name].add(session)


def keep_what_is_there() -> None:
    """What is in the folder before anybody came belongs to the app itself."""
    _ours.update(_names())


def sweep(keep_seconds: float) -> None:
    """Remove the files of pages that were closed so long ago, and what belongs to no page."""
    for path in Path(utils.get_upload_folder()).iterdir():
        if path.name not in _ours and _idle_seconds(path) > keep_seconds:
            _remove(path)
    with _lock:
        for name in _used.keys() - _names():
            del _used[name]
            _owners.pop(name, None)
    for path in private_folder.mine().tmp.iterdir():
        written = max(one.lstat().st_mtime for one in (path, *path.rglob("*")))
        if time.time() - written > keep_seconds:  # what was cut off: nobody else keeps it so long
            _remove(path)


def _names() -> set[str]:
    return {path.name for path in Path(utils.get_upload_folder()).glob("*")}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _idle_seconds(path: Path) -> float:
    """Seconds since a file was last of use to somebody; 0 while its owner's page is open."""
    with _lock:
        owners, used = _owners.get(path.name, set()), _used.get(path.name, 0.0)
    if any(leaving.page_is_open(session) for session in owners):
        return 0.0
    last = max([used, *(leaving.closed_at(session) for session in owners)])
    return min(time.monotonic() - last, time.time() - path.stat().st_ctime)


def _paths(data: Any, folder: str) -> Iterator[str]:
    if isinstance(data, str):
        if len(data) < LONGEST_PATH and data.startswith(folder):
            yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _paths(value, folder)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _paths(value, folder)
