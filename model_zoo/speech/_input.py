"""The bytes of a recording, wherever they come from, where a decoder can seek in them."""

from __future__ import annotations

import io
import os
import stat
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from model_zoo.errors import BadInput, named

MAX_PIPED_BYTES = 2 * 1024**3  # a stream that does not end must not fill the disk
CHUNK_BYTES = 1024**2


@dataclass(frozen=True)
class Input:
    """A file by its path, or what came through a pipe in a temporary file without a name."""

    name: str  # as sentences say it
    size: int
    path: Path | None = None
    kept: IO[bytes] | None = None

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """At its beginning, and without a name that libsndfile would guess a format from."""
        if self.kept is not None:
            self.kept.seek(0)
            yield self.kept
        else:
            assert self.path is not None
            flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(self.path, flags), "rb") as file:
                yield file

    @property
    def url(self) -> str:
        """How ffmpeg calls it; what has no name is its standard input."""
        if self.path is not None:
            return f"file:{self.path}"
        # In a pipe ffmpeg cannot seek, which M4A with its index at the end needs.
        return "pipe:0" if sys.platform == "win32" else "file:/dev/fd/0"


def find(source: Any) -> Input:
    """A path, bytes or a stream of them; BadInput for anything else."""
    if isinstance(source, (str, os.PathLike)):
        if source == "":  # which would be the current folder
            raise BadInput("The name of the recording is empty: choose an audio file.")
        return _from_path(Path(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_stream(io.BytesIO(source), "The recording")
    if hasattr(source, "read"):
        return _from_stream(source, "The recording")
    raise BadInput(
        "A recording is a file's path, its bytes, or (sampling rate, samples), not {}.",
        type(source).__name__,
    )


def _from_path(path: Path) -> Input:
    """A file, or a named pipe read to its end; BadInput for anything else."""
    name = _readable(path.name or str(path))
    try:
        found = path.stat()
        if not any(kind(found.st_mode) for kind in (stat.S_ISREG, stat.S_ISFIFO, stat.S_ISDIR)):
            raise BadInput("{} is a device, not a file: choose an audio file.", name)
        with path.open("rb") as file:  # whether it may be read
            if stat.S_ISFIFO(found.st_mode):
                return _from_stream(file, name)
    except IsADirectoryError as error:
        raise BadInput("{} is a folder: choose an audio file.", name) from error
    except PermissionError as error:
        raise BadInput("{} may not be read: change its permissions.", name) from error
    except BadInput:
        raise
    except (OSError, ValueError) as error:  # also a name too long, links in a circle, a NUL
        raise BadInput("There is no file {}.", _readable(str(path))) from error
    # ffmpeg has a standard input of its own: what /dev/stdin stands for here is another file there.
    return _not_empty(Input(name, found.st_size, path.resolve()))


def _from_stream(stream: IO[bytes], name: str) -> Input:
    """All that a stream gives, in a temporary file that goes with the last reference to it."""
    kept = tempfile.TemporaryFile()  # noqa: SIM115 closed with what is returned
    while chunk := stream.read(CHUNK_BYTES):
        if not isinstance(chunk, bytes):
            raise BadInput("{} gives text, not bytes: open it in binary mode.", name)
        kept.write(chunk)
        if kept.tell() > MAX_PIPED_BYTES:
            most = MAX_PIPED_BYTES // 1024**3
            raise BadInput("{} gives more than {} GB: save it as a file first.", name, most)
    kept.flush()
    source = Input(name, kept.tell(), kept=kept)
    weakref.finalize(source, kept.close)
    return _not_empty(source)


def _not_empty(source: Input) -> Input:
    if source.size == 0:
        raise BadInput("{} is empty: record or choose another file.", source.name)
    return source


def _readable(name: str) -> str:
    """A name in a sentence, whose bytes are no UTF-8 with a mark for each of them."""
    return named(name.encode(errors="surrogateescape").decode(errors="replace"))
