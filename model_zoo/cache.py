"""The cache folder: where it is, who may write in it now, and which of its files are right."""

import contextlib
import errno
import functools
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from model_zoo.errors import CacheError
from model_zoo.source import Source, readable

LOCK_LOOK_SECONDS = 0.25  # how often a lock that somebody else holds is tried again

DISK_ERRORS = {
    errno.ENOSPC: "is on a full disk: free some space there",
    errno.EDQUOT: "has no quota left: free some space there",
    errno.EROFS: "is read-only: make it writable",
    errno.EACCES: "may not be written: change its permissions",
    errno.EPERM: "may not be written: change its permissions",
    errno.ENOTDIR: "lies below something that is not a folder: move that away",
    errno.EEXIST: "is not a folder: move that file away",
    errno.ENOENT: "cannot be made: make it yourself",
}

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where fetched and built files are kept: SENSORIUM_CACHE, or the user's cache folder."""
    if chosen := os.environ.get("SENSORIUM_CACHE"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("sensorium", appauthor=False)


@contextlib.contextmanager
def cache_errors(cache: Path) -> Iterator[None]:
    """Errors of the disk become one CacheError that names the folder and says what to do."""
    try:
        yield
    except OSError as error:
        advice = DISK_ERRORS.get(error.errno or 0)
        if advice is None:
            raise
        raise CacheError(
            f"The cache folder {cache} {advice}, or set SENSORIUM_CACHE to another folder"
            f" ({error.strerror})."
        ) from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in this folder, which is made, among all threads and processes of this machine."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        log.info("Waiting for somebody else who works in %s", folder)
        lock.acquire(poll_interval=LOCK_LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()


def require_room(size: int, folder: Path) -> None:
    """Fail with ENOSPC before a download rather than at its end."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, f"{readable(size)} are needed", str(folder))


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_right(path: Path, source: Source) -> bool:
    """Whether the file has the pinned size and digest; hashed once in a process."""
    stat = path.stat()
    if stat.st_size != source.size:
        return False
    return _sha256_seen(path, stat.st_size, stat.st_mtime_ns) == source.sha256


def is_verified(path: Path, source: Source) -> bool:
    """Whether the cached file is the pinned one.

    Hashing half a gigabyte at every start would cost more than opening the model, so the size
    and the time that the right file had are noted beside it: what make and rsync go by. Whoever
    writes to the file changes its time, and it is hashed again.
    """
    with contextlib.suppress(FileNotFoundError):
        if _note(path).read_text() == _size_and_time(path):
            return path.stat().st_size == source.size
    if not is_right(path, source):
        return False
    with contextlib.suppress(OSError):  # a read-only cache is good enough to read from
        remember_verified(path)
    return True


def remember_verified(path: Path) -> None:
    """Note that the file as it now is has the pinned digest."""
    _note(path).write_text(_size_and_time(path))


@functools.lru_cache(maxsize=256)
def _sha256_seen(path: Path, size: int, mtime_ns: int) -> str:
    return sha256_of(path)


def _note(path: Path) -> Path:
    return path.with_name("verified")


def _size_and_time(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} bytes at {stat.st_mtime_ns} ns"
