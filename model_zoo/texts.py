"""Read any text a person may give, cut it into words and sentences; nothing here knows a model."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from model_zoo.errors import BadInput

MAX_CHARACTERS = 200_000  # a short novel; more is refused before any work

Span = tuple[int, int]  # from and to, in characters

_END = re.compile(r"""(?:[.!?…]+["'’”)\]]*\s+|\s*\n\s*)""")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# A full stop ends no sentence behind these, nor behind an initial.
_ABBREVIATIONS = _words("mr mrs ms dr prof st vs etc e.g i.e jr sr inc no vol approx dept fig u.s")
# The commonest small words of English, and those of its neighbours in script that are none of
# English: enough to tell what a sentence is written in, with nothing to download.
_ENGLISH = _words(
    "the of and to is it that this with for are as be by but not you i he she they we his her its "
    "their my your have has had would could should will been were which who what when there from "
    "or if so than too very just about movie at an one all can did does don't isn't it's"
)
_OTHERS = _words(
    "der das und ist nicht ein eine mit für auf den dem des ich wir sehr auch aber wie sich von zu "
    "le la les une est et dans que qui pour pas sur avec ce cette il elle très plus sont mais "
    "el los las un una es por con para pero muy como lo del al esta este su más "
    "gli che di non per sono è questo questa molto anche della nel ma "
    "os um uma não com muito mas isso eu ele ela foi são na da "
    "het een niet van ik dat zijn voor met maar deze ook zeer wel "
    "och det som inte är på för mycket med nie jest się bardzo bir bu çok için"
)
_LEAST_WORDS = 3  # fewer say nothing of their language


def open_text(given: str) -> str:
    """What a command line means: `-` is standard input, a file's name its content, else a text."""
    if given == "-":
        return check(sys.stdin.read())
    if len(given) < 256 and "\0" not in given and (path := Path(given)).is_file():
        try:
            return check(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise BadInput(f"{path.name} is not a text in UTF-8: save it as plain text.") from None
    return check(given)


def check(text: str | None) -> str:
    """The text itself, nothing for None; raises BadInput where it is too long or is no text."""
    text = text or ""
    if "\0" in text:
        raise BadInput("This is not a text, it holds NUL bytes: give plain text in UTF-8.")
    if len(text) > MAX_CHARACTERS:
        raise BadInput(
            f"The text has {len(text):,} characters: give at most {MAX_CHARACTERS:,} at a time."
        )
    return text


def mended(text: str) -> str:
    """The text with U+FFFD for half a surrogate pair, which is no character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def blank(text: str) -> str:
    """Why there is nothing to read in a text, in one sentence; "" where there is something."""
    if not text.strip():
        return "There is no text yet: write a sentence."
    if not any(character.isalnum() for character in text):
        return "There are only signs and no words in it: write a sentence."
    return ""


def foreign(text: str) -> bool:
    """Whether a text seems to be in another language than English, judged by script and words."""
    letters = [character for character in text if character.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    if 2 * latin < len(letters):
        return True
    found = re.findall(r"[^\W\d_]+(?:['’]t)?", text.lower())
    if len(found) < _LEAST_WORDS:
        return False
    english, other = (_count(found, small) for small in (_ENGLISH, _OTHERS))
    return other > english


def words(text: str) -> list[Span]:
    """Where the words are: what stands between white space."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def sentences(text: str) -> list[Span]:
    """Where the sentences are, white space around them left out; a line's end also ends one."""
    spans, start = [], 0
    for match in _END.finditer(text):
        if "\n" not in match[0] and not _ends(text, match):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    trimmed = [_trim(text, *span) for span in spans]
    return [(first, last) for first, last in trimmed if first < last]


def _ends(text: str, match: re.Match[str]) -> bool:
    if not match[0].startswith("."):
        return True
    before = text[: match.start()].rsplit(maxsplit=1)[-1:] or [""]
    word = before[0].lower().lstrip("(\"'“‘")
    spaced = text[match.start() - 1 : match.start()].isspace()  # " ." as tokenised texts have it
    return spaced or not (word in _ABBREVIATIONS or len(word) == 1)


def _trim(text: str, first: int, last: int) -> Span:
    part = text[first:last]
    return first + len(part) - len(part.lstrip()), last - len(part) + len(part.rstrip())


def _count(found: Iterable[str], small: frozenset[str]) -> int:
    return sum(word in small for word in found)
