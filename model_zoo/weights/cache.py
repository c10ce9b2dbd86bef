"""The cache folder: where it is, who may write in it now, and which of its files are right."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from model_zoo.errors import CacheError, ZooError
from model_zoo.sentence import sentence
from model_zoo.weights.source import Source, readable

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
    errno.EISDIR: "has a folder where a file belongs: move that away",
    errno.ENOLCK: "is on a disk that cannot lock files: mount it with locks",
    errno.EIO: "is on a disk that fails: replace it",
}

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where fetched and built files are kept: SENSORIUM_CACHE, or the user's cache folder.

    Raises CacheError for a user without a home.
    """
    try:
        if chosen := os.environ.get("SENSORIUM_CACHE"):
            return Path(chosen).expanduser().absolute()
        from platformdirs import user_cache_path

        return user_cache_path("sensorium", appauthor=False).expanduser().absolute()
    except RuntimeError as error:  # there is no home to put for the ~
        raise CacheError(
            "This user has no home folder to keep a cache in: set SENSORIUM_CACHE to an absolute "
            "path."
        ) from error


@contextlib.contextmanager
def cache_errors(cache: Path) -> Iterator[None]:
    """Errors of the disk become one CacheError that names the folder and says what to do."""
    try:
        yield
    except ZooError:
        raise
    except OSError as error:
        advice = DISK_ERRORS.get(error.errno or 0, "cannot be used: see what is wrong with it")
        raise CacheError(
            "The cache folder {} {}, or set SENSORIUM_CACHE to another folder ({}).",
            cache,
            sentence(advice),
            error.strerror or error,
        ) from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in this folder, which is made, among all threads and processes of this machine."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            log.info("Waiting for somebody else who works in %s", folder)
            lock.acquire(poll_interval=LOCK_LOOK_SECONDS)
    except NotImplementedError as error:  # what filelock makes of ENOSYS
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(folder)) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[bool]:
    """True inside while nobody else holds the lock file, False where somebody does; never waits."""
    from filelock import FileLock, Timeout

    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(blocking=False)
    except (Timeout, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        held.release()


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
    and the times that the right file had are noted beside it: what make and rsync go by. Whoever
    writes to the file changes its times, and it is hashed again.
    """
    note = path.with_name("verified")
    if _read(note) == _size_and_times(path):
        return path.stat().st_size == source.size
    if not is_right(path, source):
        return False
    remember_verified(path)
    return True


def remember_verified(path: Path) -> None:
    """Note that the file as it now is has the pinned digest."""
    _write(path.with_name("verified"), _size_and_times(path))


def is_as_built(path: Path) -> bool:
    """Whether a file that was built here is as `remember_built` saw it.

    By size and times first, by the digest where these differ, as with downloads.
    """
    digest, _, seen = _read(_digest_note(path)).partition("\n")
    if not digest or not path.is_file():
        return False
    if seen == _size_and_times(path):
        return True
    if sha256_of(path) != digest:
        return False
    _write(_digest_note(path), f"{digest}\n{_size_and_times(path)}")
    return True


def remember_built(path: Path) -> None:
    """Note the digest of a file that was built just now."""
    _write(_digest_note(path), f"{sha256_of(path)}\n{_size_and_times(path)}")


def is_noted(path: Path) -> bool:
    """Whether `remember_built` was ever called for this file."""
    return bool(_read(_digest_note(path)))


def discard(path: Path) -> None:
    """Remove a built file, whatever lies in its place, and its note."""
    for there in (path, _digest_note(path)):
        _clear(there)


@functools.lru_cache(maxsize=256)
def _sha256_seen(path: Path, size: int, mtime_ns: int) -> str:
    return sha256_of(path)


def _digest_note(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _size_and_times(path: Path) -> str:
    """What changes with a file: the last of the times even where the other is put back."""
    stat = path.stat()
    return f"{stat.st_size} bytes at {stat.st_mtime_ns} ns, changed at {stat.st_ctime_ns} ns"


def _read(note: Path) -> str:
    """What a note says; nothing where it is missing, no file or not in UTF-8."""
    with contextlib.suppress(OSError, ValueError):
        return note.read_text(encoding="utf-8")
    return ""


def _write(note: Path, words: str) -> None:
    """Write a note; a read-only cache is good enough to read from."""
    with contextlib.suppress(OSError):
        if note.is_dir():
            _clear(note)
        note.write_text(words, encoding="utf-8")


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
