"""The server's own temporary folder: for its user's eyes only, and gone when the server is.

Uploads and answers lie in `files`, what libraries keep for a moment in `tmp`. A server that was
killed leaves its folder; the next one to start removes it, which a lock that is no longer held
allows: a process number may belong to somebody else by then.
"""

from __future__ import annotations

import atexit
import contextlib
import getpass
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from model_zoo.errors import ZooError

NEW_SECONDS = 60  # in which a folder may still be without its lock


class FolderError(ZooError, OSError):
    """There is no place for temporary files."""


@dataclass(frozen=True)
class Folder:
    """A temporary folder that is ours as long as its lock is held."""

    path: Path
    lock: BaseFileLock

    @property
    def files(self) -> Path:
        """Where Gradio keeps what visitors send and get."""
        return self.path / "files"

    @property
    def tmp(self) -> Path:
        """Where everything else puts files that live for a moment."""
        return self.path / "tmp"

    def make(self) -> None:
        """Make what is missing, and hold the lock: systems clean their temporary folders up."""
        for folder in (self.files, self.tmp):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.path / "lock"
        if not file.exists():
            self.lock.release(force=True)
        if not self.lock.is_locked:
            self.lock.acquire(blocking=False)
        os.utime(file)  # what is old is cleaned away

    def remove(self) -> None:
        """Remove the folder with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.lock.release()
        shutil.rmtree(self.path, ignore_errors=True)  # Windows keeps the lock's file until then


_mine: Folder | None = None


def mine() -> Folder:
    """This process's folder; from the first call on, all temporary files lie in it.

    It is made below GRADIO_TEMP_DIR or the system's temporary folder; raises FolderError.
    """
    global _mine
    if _mine is None:
        os.umask(0o077)  # from here on a new file is its user's alone, whichever library makes it
        parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
        try:
            parent.mkdir(parents=True, exist_ok=True)
            sweep(parent)
            _mine = _new(parent)
        except OSError as error:
            raise FolderError(
                f"The folder {parent} cannot hold temporary files ({error.strerror}): "
                "set GRADIO_TEMP_DIR to another one."
            ) from error
        os.environ["GRADIO_TEMP_DIR"] = str(_mine.files)
        os.environ["TMPDIR"] = tempfile.tempdir = str(_mine.tmp)  # for our children too
        atexit.register(_mine.remove)
    return _mine


def remove_mine() -> None:
    """Remove this process's folder, where there is one."""
    if _mine is not None:
        _mine.remove()


def sweep(parent: Path) -> None:
    """Remove the folders of this user's servers that have ended."""
    for path in parent.glob(f"{_prefix()}*"):
        with contextlib.suppress(OSError, Timeout):
            if _is_ours(path) and _may_be_dead(path):
                lock = _lock(path)
                lock.acquire(blocking=False)
                Folder(path, lock).remove()


def _new(parent: Path) -> Folder:
    parent = parent.resolve()  # files are known by their real paths
    while True:
        folder = Folder(path := Path(tempfile.mkdtemp(prefix=_prefix(), dir=parent)), _lock(path))
        with contextlib.suppress(Timeout):  # another server swept it, before it had its lock
            folder.make()
            return folder


def _lock(path: Path) -> BaseFileLock:
    return FileLock(path / "lock", mode=0o600, thread_local=False)


def _prefix() -> str:
    return f"sensorium-{os.getuid() if hasattr(os, 'getuid') else getpass.getuser()}-"


def _is_ours(path: Path) -> bool:
    stat = path.lstat()
    mine = not hasattr(os, "getuid") or stat.st_uid == os.getuid()
    return mine and path.is_dir() and not path.is_symlink()


def _may_be_dead(path: Path) -> bool:
    """Whether its lock is there, or it is old enough to have had one."""
    return (path / "lock").exists() or time.time() - path.stat().st_mtime > NEW_SECONDS
