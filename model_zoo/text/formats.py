"""What a file is that is no plain text, by how it begins."""

from __future__ import annotations

import re

from model_zoo.errors import BadInput

# Written in letters, which a model would take for words
_WRITTEN = (
    (b"%PDF-", "PDF"),
    (b"{\\rtf", "RTF"),
    (b"%!PS", "PostScript"),
    (b"-----BEGIN ", "PEM"),
)
_BASE64 = re.compile(rb"(?:data:[\w/+.-]+;base64,)?([A-Za-z0-9+/_-]{60,}[A-Za-z0-9+/_=\r\n-]*)\s*")
_MIXTURE = tuple(map(re.compile, (rb"[A-Z]", rb"[a-z]", rb"[0-9]")))  # of letters, in Base64

_HEADER = r"(?:From|To|Cc|Date|Subject|Received|Return-Path|Delivered-To|Message-ID|MIME-Version)"
_MARKUP = {
    "HTML": r"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body|div|table|p)\b",
    "XML": r"\s*<(?:\?xml|svg)\b",
    "JSON": r'\s*(?:\{\s*"[^"\n]*"\s*:|\[\s*[\[{"])',
    "an e-mail": rf"(?:From \S+@.*\n)?(?:{_HEADER}: .*\n(?:[ \t].*\n)*){{2}}|From \S+@\S+ \w{{3}} ",
    "subtitles": r"\s*(?:WEBVTT\b|\d+\s*\n\d\d:\d\d:\d\d[,.]\d\d\d -->)",
}
_KINDS = {
    kind: re.compile(begins, re.IGNORECASE | re.DOTALL if kind == "HTML" else re.IGNORECASE)
    for kind, begins in _MARKUP.items()
}


def refuse_data(head: bytes) -> None:
    """Raise BadInput for a format that is in letters but not for readers."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    name = next((name for begins, name in _WRITTEN if head.startswith(begins)), "")
    found = _BASE64.fullmatch(head)
    if found and all(sign.search(found[1]) for sign in _MIXTURE):
        name = "Base64"
    if name:
        raise BadInput("This is {} data, not a text: save it as plain text or CSV.", name)


def markup(text: str) -> str:
    """What a text is where a format's own marks stand between its words, or ""."""
    return next((kind for kind, begins in _KINDS.items() if begins.match(text)), "")
