"""Which encoding a text's bytes are in; what is no text is refused."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TextIO

from model_zoo.errors import BadInput
from model_zoo.sentence import sentence
from model_zoo.text import charsets, formats

MOST_BYTES = 100_000_000  # of a text or a list; more is minutes of work: better in parts
HEAD = 1 << 16  # bytes that are searched for what no text holds
SAMPLE = 1 << 16  # bytes of lines beyond ASCII that the encoding is judged by
BLOCK = 1 << 16
MOST_CONTROLS = 0.02  # the share of control characters that a text may have
NOT_TEXT = "This is not a text file: save it as plain text or CSV."
MARK = "\ufeff"  # a byte order mark; between the texts of files that were joined, too
DAMAGED = "Some of its bytes are no characters: each of them was read as �."

MARKS = (  # UTF-32's first: UTF-16's is its beginning
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NAMES = {
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
    **charsets.SHIFTING,
}
_IN_TEXTS = b"\t\n\v\f\r\x1a\x1b\x85"  # the control characters that a text may hold
_CONTROLS = bytes(set(range(32)) - set(_IN_TEXTS))
# A text in Chinese or Japanese where nothing is in ASCII, with one sign at least between sentences
_EAST = re.compile(
    r"(?=.*[\u3001\u3002\uff01\uff0c\uff1f])[\u2010-\u2026\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]*"
)


@dataclass(frozen=True)
class Encoding:
    """A codec that Python knows; whether a byte order mark says so, and whether all bytes fit."""

    codec: str
    marked: bool = False
    damaged: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of it, in sentences."""
        if self.codec in charsets.NAMES:
            guess = charsets.NAMES[self.codec]
            found = [
                sentence("It is not in UTF-8: it was read as {}, a guess that may be wrong.", guess)
            ]
        elif self.codec in NAMES and not self.marked:
            found = [sentence("It is not in UTF-8: it was read as {}.", NAMES[self.codec])]
        else:
            found = []
        return (*found, DAMAGED) if self.damaged else tuple(found)

    def open(self, path: Path, newline: str | None = None) -> TextIO:
        """A file as text; `newline` as Python's open takes it."""
        return path.open(encoding=self.codec, errors="replace", newline=newline)


def of(path: Path) -> Encoding:
    """How a file is to be read; raises BadInput where it is too large or no text."""
    if path.stat().st_size > MOST_BYTES:
        raise BadInput("The file is larger than {} MB: cut it in parts.", MOST_BYTES // 1_000_000)
    with path.open("rb") as file:
        return detect(file)


def read(path: Path) -> tuple[str, tuple[str, ...]]:
    """A file's text, and what a reader should know of it; raises as `of` does."""
    found = of(path)
    with found.open(path) as file:
        return _noted(file.read(), found)


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """A text from its bytes, and what a reader should know of it; BadInput for what is none."""
    found = detect(BytesIO(data))
    return _noted(data.decode(found.codec, "replace"), found)


def _noted(text: str, found: Encoding) -> tuple[str, tuple[str, ...]]:
    text = text.replace(MARK, "")
    kind = formats.markup(text)
    note = (sentence("It looks like {}: its marks are read as words, too.", kind),) if kind else ()
    return text, (*found.notes, *note)


def mend(text: str) -> str:
    """The text with each half of a surrogate pair put together, or U+FFFD where one is alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def detect(file: BinaryIO) -> Encoding:
    """How the bytes of an open file are to be read; raises BadInput where they are no text.

    A byte order mark decides; then zero bytes, which only UTF-16 and UTF-32 have; then signs in
    ASCII that stand for other letters; then UTF-8; then a guess by lines that hold more than ASCII.
    """
    head = file.read(HEAD)
    formats.refuse_data(head)
    for mark, codec in MARKS:
        if head.startswith(mark):
            text = head.decode(codec, "replace")
            strange = _is_control if codec == "utf-8-sig" else _is_strange
            wrong = sum(sign == "\ufffd" or strange(sign) for sign in text)
            if wrong > max(1, MOST_CONTROLS * len(text)):
                raise BadInput(NOT_TEXT)
            return Encoding(codec, marked=True, damaged=not _decodes(file, codec))
    if wide := _wide(head):
        return Encoding(wide, damaged=not _decodes(file, wide))
    if 0 in head:
        raise BadInput(NOT_TEXT)
    if _decodes(file, "ascii") and (lines := _sample(file, charsets.SHIFT.search)):
        codec = charsets.shifting(lines)
        if codec and _decodes(file, codec):
            return Encoding(codec)
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > max(1, MOST_CONTROLS * len(head)):  # one may be a slip in a short text
        raise BadInput(NOT_TEXT)
    if _decodes(file, "utf-8"):
        return Encoding("utf-8")
    sample = _sample(file, lambda line: not line.isascii())
    if _mostly_utf8(sample):
        return Encoding("utf-8", damaged=True)
    likely = next((codec for codec in charsets.likely(sample) if _decodes(file, codec)), None)
    return Encoding(likely) if likely else Encoding("cp1252", damaged=True)


def _decodes(file: BinaryIO, codec: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _wide(head: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, whose zero bytes are the upper ones; else "".

    Without zero bytes, where nothing is in ASCII, UTF-16 is known by the control characters that
    the upper bytes of one alphabet would be, or by Chinese signs between sentences.
    """
    halves = head[1::2], head[::2]
    little = halves[0].count(0) >= halves[1].count(0)
    utf16 = ("utf-16-le", "utf-16-be") if little else ("utf-16-be", "utf-16-le")
    for codec in ("utf-32-le", "utf-32-be", *utf16) if 0 in head else utf16:
        try:
            text = codecs.getincrementaldecoder(codec)().decode(head)
        except UnicodeError:
            continue
        upper = set(halves[codec == "utf-16-be"])
        if 0 not in head:
            known = len(upper) == 1 and upper <= set(_CONTROLS)
            fits = (known and len(text) > 1) or bool(_EAST.fullmatch(text))
        else:  # bytes of ASCII with a few zeros among them would be Chinese
            many = 4 * head.count(0) >= len(head)  # where each other byte would be one
            fits = many or not head.isascii() or max(text, default="") < "\u2100"
        strange = _is_control if 2 * sum(map(str.isascii, text)) > len(text) else _is_strange
        if text and fits and not any(map(strange, text)):
            return codec
    return ""


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" and ord(character) not in _IN_TEXTS


def _is_strange(character: str) -> bool:
    """Whether other data taken for UTF-16 or UTF-32 hold this character, and texts do not.

    What Python knows no character for may be a new emoji, but hardly below those of two units;
    among much ASCII it is somebody's own sign.
    """
    unknown = unicodedata.category(character) in ("Cn", "Co", "Cs")
    return _is_control(character) or (unknown and character < "\U00010000")


def _sample(file: BinaryIO, wanted: Callable[[bytes], object]) -> bytes:
    """The first of the lines that are wanted."""
    file.seek(0)
    found = bytearray()
    while len(found) < SAMPLE and (line := file.readline(SAMPLE)):
        if wanted(line):
            found += line
    return bytes(found)


def _mostly_utf8(sample: bytes) -> bool:
    """Whether a few bytes only keep the lines from being UTF-8, as where a file was cut off."""
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(not character.isascii() for character in text) - wrong
    return right >= 4 * wrong
