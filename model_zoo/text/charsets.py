"""A guess in which of the older encodings bytes are: chardet's, weighed by what people write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

# What texts without a mark are found in when they are not in UTF-8, and what people call it.
# Of those that fit equally well, the first.
NAMES = {
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
    "koi8-u": "KOI8-U (Ukrainian)",
    "cp1257": "Windows-1257 (Baltic)",
    "iso8859-2": "ISO-8859-2 (Central European)",
    "iso8859-5": "ISO-8859-5 (Cyrillic)",
    "iso8859-6": "ISO-8859-6 (Arabic)",
    "mac-roman": "Mac Roman (Western European)",
    "mac-cyrillic": "Mac Cyrillic",
    "cp850": "DOS 850 (Western European)",
    "cp852": "DOS 852 (Central European)",
    "cp866": "DOS 866 (Cyrillic)",
}
# In ASCII alone: signs between others that say what these stand for.
SHIFTING = {
    "iso2022_jp_2": "ISO-2022-JP (Japanese)",
    "iso2022_kr": "ISO-2022-KR (Korean)",
    "hz": "HZ (Chinese)",
    "utf-7": "UTF-7",
}
SHIFT = re.compile(rb"\x1b\$|~\{|\+[A-Za-z0-9+/]{2}")  # lines with such signs have these
# The weight of other Latin alphabets: most texts are in Windows-1252, and one accented word in
# English is easily taken for Central European.
_RARER = {
    **dict.fromkeys(("cp1250", "cp1254", "cp1257", "iso8859-2", "cp852"), 0.6),
    **dict.fromkeys(("mac-roman", "cp850"), 0.8),
}
_ODD = 0.5  # the weight of a reading whose words are all odd
_KANA = re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]")  # in Shift-JIS
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII_LETTER = re.compile("[A-Za-z]")
_INSIDE = re.compile(  # a word: "cafŽs" and "na•ve", but "the—one" and "one’s" are usual
    r"[^\W\d_][^\w\s'’\-‐‑–—…·/.,;:!?&()\"“”]+[^\W\d_]"
)
_ALPHABETS = {"GREEK", "CYRILLIC", "HEBREW", "ARABIC", "THAI"}


def shifting(sample: bytes) -> str:
    """The codec of lines in ASCII that stand for other letters; "" where they stand for none."""
    from chardet import detect

    found = detect(sample, compat_names=False, include_encodings=["ascii", *SHIFTING])["encoding"]
    if found not in SHIFTING:
        return ""
    try:
        text = sample.decode(found)
    except UnicodeError:
        return ""
    # "+Positive" could be three rare signs of Chinese in UTF-7.
    return "" if found == "utf-7" and max(text) >= "\u3000" else found


def likely(sample: bytes) -> Iterator[str]:
    """Codecs by how well they fit lines that hold more than ASCII."""
    from chardet import detect_all

    if len(_KANA.findall(sample)) > 1:  # chardet does not know short sentences of kana
        yield "cp932"
    guesses = detect_all(
        sample, ignore_threshold=True, compat_names=False, include_encodings=list(NAMES)
    )
    fits = {str(guess["encoding"]): guess["confidence"] for guess in guesses}
    found = {codec: fits[codec] * _weight(sample, codec) for codec in NAMES if codec in fits}
    yield from sorted(filter(found.get, found), key=lambda codec: -round(found[codec], 4))


def _weight(sample: bytes, codec: str) -> float:
    """How likely it is that people have written the text that a codec finds; 0: not at all."""
    text = sample.decode(codec, "replace")
    words = [word for word in _LETTERS.findall(text) if not word.isascii()]
    # "cafι" in Greek; a dash between English words that would be a letter of Cyrillic
    mixed = [word for word in words if _ASCII_LETTER.search(word)]
    alone = [word for word in words if len(word) == 1]
    if _ASCII_LETTER.search(text) and len(mixed) + len(alone) == len(words):
        mixed += alone
    if 2 * sum(map(_of_another_alphabet, mixed)) >= max(1, len(words)):
        return 0
    every = [word for word in text.split() if not word.isascii()]
    odd = sum(map(_is_odd, every)) / max(1, len(every))
    return (1 - odd * (1 - _ODD)) * _RARER.get(codec, 1)


def _of_another_alphabet(word: str) -> bool:
    """Whether a word has letters of another alphabet than the Latin."""
    return not _ALPHABETS.isdisjoint(unicodedata.name(sign, "").partition(" ")[0] for sign in word)


def _is_odd(word: str) -> bool:
    """Whether there are capitals or signs inside, as where bytes were taken for other letters."""
    pairs = pairwise(word)
    capital = any(a.islower() and b.isupper() and not (a + b).isascii() for a, b in pairs)
    return capital or _INSIDE.search(word) is not None
