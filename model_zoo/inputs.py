"""What INPUT means on the command line: a file, a pipe, standard input, or a text itself."""

from __future__ import annotations

import atexit
import errno
import os
import re
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from PIL.Image import Image

from model_zoo.errors import BadInput, named
from model_zoo.text import encoding
from model_zoo.vision.images import open_image

STDIN = ("-", "/dev/stdin", "/dev/fd/0")
PIPE = "standard input"  # what refusals call a file that came through a pipe
MOST_BYTES = 4_000_000_000  # that a pipe may bring: two hours of sound at any usual rate
BLOCK = 1 << 20

_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+", re.IGNORECASE)
_BEGINNING = re.compile(r"(?:\.{1,2}[/\\]|~[/\\]|[A-Za-z]:[/\\]|\\\\)\S")  # of paths alone
# Without a list, "great.Loved it" and "Washington D.C" would pass for names of files.
_LISTED = (
    "txt md rst log csv tsv json jsonl xml html htm yaml yml ini toml pdf rtf doc docx odt xls "
    "xlsx ods ppt pptx py js zip gz png jpg jpeg gif webp heic avif bmp tif tiff svg wav flac mp3 "
    "m4a aac ogg oga opus webm mp4 mov mkv avi srt vtt"
)
_ENDINGS = frozenset(_LISTED.split())
_MOST_WORDS = 4  # that a file's name is taken to have: "All that is told in notes.txt" is a text
_PUNCTUATION = re.compile(r"[,;:!?\"“”]")  # in a text before its end; hardly in a name with spaces


def find(given: str) -> Path | None:
    """The file that INPUT names, None where it is no name of anything.

    What a pipe brings is kept until the program ends in a file that only this user can read.
    Raises BadInput for a folder, an address, a device and what may not be read.
    """
    if given in STDIN:
        if sys.stdin is None:
            raise BadInput("There is nothing on standard input: give a file.")
        return _keep(sys.stdin.buffer)
    if _ADDRESS.fullmatch(given):
        raise BadInput("{} is an address: save what is there, and give that file.", named(given))
    if not given:  # which would be the current folder
        return None
    path = Path(given)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISDIR(mode) and not stat.S_ISSOCK(mode):
            with path.open("rb") as file:
                if stat.S_ISREG(mode):
                    return path
                if stat.S_ISFIFO(mode) or file.isatty():
                    return _keep(file)
    except PermissionError:
        raise BadInput("You may not read {}: change its permissions.", named(given)) from None
    except OSError as error:  # above all: there is none, or it is too long for a name
        if error.errno == errno.ELOOP:
            raise BadInput(
                "{} is a link that leads back to itself: give a file.", named(given)
            ) from None
        if error.errno in (errno.ENXIO, errno.ENODEV):  # as /dev/tty where there is no terminal
            raise BadInput("{} is a device: give a file.", named(given)) from None
        if error.errno in (errno.ENOENT, errno.ENOTDIR) and path.is_symlink():
            raise BadInput("{} is a link to nothing: give a file.", named(given)) from None
        return None
    except ValueError:  # a zero byte
        return None
    kind = "a folder: give a file in it" if stat.S_ISDIR(mode) else "a device: give a file"
    raise BadInput("{} is {}.", named(given), kind)


def find_file(given: str) -> Path:
    """The file that INPUT names, for a model that reads nothing else; BadInput without one."""
    if path := find(given):
        return path
    if not given:
        raise BadInput("The name of the file is empty: give one.")
    raise BadInput("There is no file {}: check its name.", named(given))


def read_image(given: str) -> Image:
    """The picture in the file that INPUT names; raises BadInput as `open_image` does."""
    return open_image(find_file(given))


def read_text(given: str) -> str:
    """The text in the file that INPUT names, without the end of its last line; else INPUT itself.

    What is said of the file's encoding goes to standard error. Raises BadInput for what is no
    text, and for a name where there is no file.
    """
    if path := find(given):
        text, notes = encoding.read(path)
        text = text.removesuffix("\n")
    elif _seems_a_path(given):
        raise BadInput("There is no file {}: check its name.", named(given))
    else:
        text, notes = _argument(given)
    for note in notes:
        print(note, file=sys.stderr)
    return text


def _argument(given: str) -> tuple[str, tuple[str, ...]]:
    """A text given as an argument, and what is said of it."""
    try:
        given.encode()
    except UnicodeEncodeError:  # bytes that are not in the console's encoding are surrogates here
        try:
            return encoding.decode(os.fsencode(given))
        except (UnicodeEncodeError, BadInput):
            return encoding.mend(given), ()
    return given, ()


def _seems_a_path(given: str) -> bool:
    """Whether a text is rather a mistyped path: how it begins, where it lies or how it ends."""
    if len(given.splitlines()) > 1:
        return False
    if _BEGINNING.match(given):
        return True
    alone, ended = len(given.split()) == 1, given.rpartition(".")[2].lower() in _ENDINGS
    if alone and given.strip("/\\") and (given[0] == "/" or given[-1] in "/\\"):
        return True
    if "." in given and ended and (alone or _may_be_a_name(given)):
        return True
    folder = re.match(r"/?[^/]+(?=/)", given)
    return folder is not None and _is_folder(folder[0])


def _may_be_a_name(given: str) -> bool:
    return len(given.split()) <= _MOST_WORDS and not _PUNCTUATION.search(given)


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):
        return False


def _keep(pipe: BinaryIO) -> Path:
    folder = tempfile.mkdtemp()  # which nobody else may enter
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path, size = Path(folder) / PIPE, 0
    path.touch(mode=0o600)
    with path.open("wb") as file:
        while block := pipe.read(BLOCK):
            size += len(block)
            if size > MOST_BYTES:
                raise BadInput("More than {} GB came: give a smaller part.", MOST_BYTES // 10**9)
            file.write(block)
    return path
