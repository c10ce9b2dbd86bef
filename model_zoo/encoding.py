"""Which encoding a text's bytes are in; what is no text is refused."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TextIO

from model_zoo.errors import BadInput

MOST_BYTES = 100_000_000  # of a text or a list; more is minutes of work: better in parts
HEAD = 1 << 16  # bytes that are searched for what no text holds
SAMPLE = 1 << 16  # bytes of lines beyond ASCII that the encoding is judged by
BLOCK = 1 << 16
MOST_CONTROLS = 0.02  # the share of control characters that a text may have
NOT_TEXT = "This is not a text file: save it as plain text or CSV."
DAMAGED = "Some of its bytes are no characters: each of them was read as �."

MARKS = (  # UTF-32's first: UTF-16's is its beginning
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What texts without a mark are found in when they are not in UTF-8, and what people call it.
NAMES = {
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "koi8-r": "KOI8-R (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "cp874": "Windows-874 (Thai)",
    "gb18030": "GBK (Chinese)",
    "big5hkscs": "Big5 (Chinese)",
    "cp932": "Shift-JIS (Japanese)",
    "euc_jis_2004": "EUC-JP (Japanese)",
    "cp949": "EUC-KR (Korean)",
}
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_IN_TEXTS = b"\t\n\v\f\r\x1a\x1b\x85"  # the control characters that a text may hold
_CONTROLS = bytes(set(range(32)) - set(_IN_TEXTS))
_KANA = re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]")  # in Shift-JIS
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII_LETTER = re.compile("[A-Za-z]")
_ALPHABETS = {"GREEK", "CYRILLIC", "HEBREW", "ARABIC", "THAI"}


@dataclass(frozen=True)
class Encoding:
    """A codec that Python knows; whether a byte order mark says so, and whether all bytes fit."""

    codec: str
    marked: bool = False
    damaged: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of it, in sentences."""
        guessed = not self.marked and self.codec in NAMES
        found = (f"It is not in UTF-8: it was read as {NAMES[self.codec]}.",) if guessed else ()
        return (*found, DAMAGED) if self.damaged else found

    def open(self, path: Path, newline: str | None = None) -> TextIO:
        """A file as text; `newline` as Python's open takes it."""
        return path.open(encoding=self.codec, errors="replace", newline=newline)


def of(path: Path) -> Encoding:
    """How a file is to be read; raises BadInput where it is too large or no text."""
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"The file is larger than {MOST_BYTES // 1_000_000} MB: cut it in parts.")
    with path.open("rb") as file:
        return detect(file)


def read(path: Path) -> tuple[str, tuple[str, ...]]:
    """A file's text, and what a reader should know of it; raises as `of` does."""
    found = of(path)
    with found.open(path) as file:
        return file.read(), found.notes


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """A text from its bytes, and what a reader should know of it; BadInput for what is none."""
    found = detect(BytesIO(data))
    return data.decode(found.codec, "replace"), found.notes


def mend(text: str) -> str:
    """The text with each half of a surrogate pair put together, or U+FFFD where one is alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def detect(file: BinaryIO) -> Encoding:
    """How the bytes of an open file are to be read; raises BadInput where they are no text.

    A byte order mark decides; then zero bytes, which only UTF-16 and UTF-32 have; then UTF-8;
    then chardet, by lines that hold more than ASCII.
    """
    head = file.read(HEAD)
    for mark, codec in MARKS:
        if head.startswith(mark):
            text = head.decode(codec, "replace")
            strange = _is_control if codec == "utf-8-sig" else _is_strange
            wrong = sum(sign == "\ufffd" or strange(sign) for sign in text)
            if wrong > max(1, MOST_CONTROLS * len(text)):
                raise BadInput(NOT_TEXT)
            return Encoding(codec, marked=True, damaged=not _decodes(file, codec))
    if 0 in head:
        if wide := _wide(head):
            return Encoding(wide, damaged=not _decodes(file, wide))
        raise BadInput(NOT_TEXT)
    if len(head) - len(head.translate(None, _CONTROLS)) > MOST_CONTROLS * len(head):
        raise BadInput(NOT_TEXT)
    if _decodes(file, "utf-8"):
        return Encoding("utf-8")
    sample = _sample(file)
    if _mostly_utf8(sample):
        return Encoding("utf-8", damaged=True)
    likely = next((codec for codec in _likely(sample) if _decodes(file, codec)), None)
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
    """UTF-16 or UTF-32 without a mark, whose zero bytes are the upper ones; else ""."""
    if head.isascii() and 4 * head.count(0) < len(head):  # where each other byte would be one
        return ""
    upper = head[1::2].count(0) >= head[::2].count(0)
    for codec in ("utf-32-le", "utf-32-be", "utf-16-le" if upper else "utf-16-be"):
        try:
            text = codecs.getincrementaldecoder(codec)().decode(head)
        except UnicodeError:
            continue
        if text and not any(map(_is_strange, text)):
            return codec
    return ""


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" and ord(character) not in _IN_TEXTS


def _is_strange(character: str) -> bool:
    """Whether other data taken for UTF-16 or UTF-32 hold this character, and texts do not.

    What Python knows no character for may be a new emoji, but hardly below those of two units.
    """
    unknown = unicodedata.category(character) in ("Cn", "Co", "Cs")
    return _is_control(character) or (unknown and character < "\U00010000")


def _sample(file: BinaryIO) -> bytes:
    """The first lines that hold more than ASCII."""
    file.seek(0)
    found = bytearray()
    while len(found) < SAMPLE and (line := file.readline(SAMPLE)):
        if not line.isascii():
            found += line
    return bytes(found)


def _mostly_utf8(sample: bytes) -> bool:
    """Whether a few bytes only keep the lines from being UTF-8, as where a file was cut off."""
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(not character.isascii() for character in text) - wrong
    return right >= 4 * wrong


def _likely(sample: bytes) -> Iterator[str]:
    """Codecs by how well they fit."""
    from chardet import detect_all

    if len(_KANA.findall(sample)) > 1:  # chardet does not know short sentences of kana
        yield "cp932"
    found = {
        str(guess["encoding"]): guess["confidence"]
        for guess in detect_all(
            sample,
            ignore_threshold=True,
            prefer_superset=True,
            compat_names=False,
            include_encodings=[codec for codec in NAMES if codec not in _WIDE],
        )
        if guess["encoding"] in NAMES and not _mixed(sample, str(guess["encoding"]))
    }
    # What chardet takes for Central European is mostly one accented word in a text in English.
    if found and next(iter(found)) == "cp1250" and found.get("cp1252", 0) > found["cp1250"] / 2:
        yield "cp1252"
    yield from found


def _mixed(sample: bytes, codec: str) -> bool:
    """Whether half of the words would have letters of two alphabets, as "cafι" in Greek."""
    every = _LETTERS.findall(sample.decode(codec, "replace"))
    words = [word for word in every if not word.isascii()]
    return 2 * sum(map(_of_two_alphabets, words)) >= max(1, len(words))


def _of_two_alphabets(word: str) -> bool:
    if not _ASCII_LETTER.search(word):
        return False
    return not _ALPHABETS.isdisjoint(unicodedata.name(sign, "").partition(" ")[0] for sign in word)
