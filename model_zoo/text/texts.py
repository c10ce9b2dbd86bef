"""Any text a person may give, cut into words and sentences; nothing here knows a model."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from html import unescape
from html.entities import html5
from itertools import pairwise
from typing import Any

from model_zoo.errors import BadInput
from model_zoo.text import formats
from model_zoo.text.encoding import MARK, mend

MAX_CHARACTERS = 200_000  # a short novel; more is refused before any work

Span = tuple[int, int]  # from and to, in characters

_END = re.compile(r"""(?:[.!?…]+["'’”)\]]*\s+|\s*\n\s*)""")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# A full stop ends no sentence behind these, nor behind an initial.
_ABBREVIATIONS = _words("mr mrs ms dr prof st vs etc e.g i.e jr sr inc no vol approx dept fig u.s")
# What may be meant in Latin letters. Each further language takes some short English phrases for its
# own: of all 97 that the library knows, Latin and Luxembourgish alone take dozens.
_LANGUAGES = _words("en ca cs da de es fi fr hr hu id it nl no pl pt ro sk sv tr vi")
_LEAST_WORDS = 2  # a single one may be a name, or at home in several languages
_FOREIGN = 0.01  # probability of English below which a text is none; of 6,735 phrases of SST-2 none
_LOOKED_AT = 500  # characters, to tell a language

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# What colours a terminal's text, moves in it or names its window
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_EMOJI = "\u2190-\u2bff\ufe0f\u200d\U0001f000-\U0001faff"
_SEAM = re.compile(rf"(?<=\w)(?=[{_EMOJI}])|(?<=[{_EMOJI}])(?=\w)")
_ITEM = re.compile(r"(?:[-*•–]|\d+[.)])\s")  # how a line of a list begins
_HEAD = re.compile(r"[^\s\-–—]*[\-–—]*")  # of a line: what might have stood on the one before it
NARROW = 20  # characters: shorter lines are not those of a wrapped text
LEAST_LINES = 3  # two may be as long by chance: a third of random phrases would be joined
FULL = 0.85  # of the widest line: a line that with the next word would be longer is full


def check(text: object) -> str:
    """The text itself, mended, nothing for None; raises BadInput where it is too long or none."""
    if text is None:
        return ""
    if not isinstance(text, str):
        raise BadInput("A text is a string, not {}: give one text.", type(text).__name__)
    if "\0" in text:
        raise BadInput("This is not a text, it holds NUL bytes: give plain text in UTF-8.")
    if len(text) > MAX_CHARACTERS:
        raise BadInput(
            "The text has {} characters: give at most {} at a time.",
            f"{len(text):,}",
            f"{MAX_CHARACTERS:,}",
        )
    text = mend(text)
    formats.refuse_data(text.encode())
    return text


def plain(text: str) -> str:
    """The text in plain letters, as a network knows them: that of `plain` is the same again.

    Styled letters (NFKC) and HTML's entities are what they stand for, a space of no width is one,
    an emoji is a word of its own, a terminal's colours are nothing, and a paragraph that was
    wrapped into lines is in one.
    """
    while (plainer := _plainer(text)) != text:
        text = plainer
    return text


def _plainer(text: str) -> str:
    text = _ESCAPE.sub("", text).replace(MARK, "")
    text = unicodedata.normalize("NFKC", text).replace("\u200b", " ")
    text = _ENTITY.sub(_character, text)
    text = _SEAM.sub(" ", text)
    lines = re.sub(r"\r\n?|[\x85\u2028\u2029]", "\n", text)
    return "".join(map(_unwrapped, re.split(r"(\n\s*\n)", lines)))


def _character(entity: re.Match[str]) -> str:
    """What an entity stands for; a name that there is not stays as it is."""
    name = entity[0][1:]
    return unescape(entity[0]) if name.startswith("#") else html5.get(name, entity[0])


def _unwrapped(paragraph: str) -> str:
    """In one line, where all lines but the last are full, as those of a wrapped text are."""
    lines = [line.strip() for line in paragraph.split("\n")]
    width, pairs = max(map(len, lines)), list(pairwise(lines))
    full = all(len(a) + 1 + len(_head(b)) > FULL * width for a, b in pairs)
    if width < NARROW or len(lines) < LEAST_LINES or not full or any(map(_ITEM.match, lines)):
        return paragraph
    return " ".join(lines)


def _head(line: str) -> str:
    found = _HEAD.match(line)
    return found[0] if found else ""


def blank(text: str) -> str:
    """Why there is nothing to read in a text, in one sentence; "" where there is something."""
    if not text.strip():
        return "There is no text yet: write a sentence."
    if not any(character.isalnum() for character in text):
        return "I see no words: write a sentence."
    return ""


def foreign(text: str) -> bool:
    """Whether a text seems to be in another language than English."""
    letters = [character for character in text if character.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    if 2 * latin < len(letters):
        return True
    if len(re.findall(r"[^\W\d_]{2,}", text)) < _LEAST_WORDS:
        return False
    return bool(dict(_identifier().rank(text[:_LOOKED_AT]))["en"] < _FOREIGN)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # a third of a second

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages(sorted(_LANGUAGES))
    return found


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
