"""A text with its mood: how each word moves the answer, the curve over it, what an edit changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from demos.shell.words import say, told
from model_zoo.text import texts
from model_zoo.text.sentiment.pieces import LENGTH
from model_zoo.text.sentiment.task import LABELS, SURE
from model_zoo.text.sentiment.task import verdict as judged
from model_zoo.text.sentiment.trace import Change, SentimentTrace

HERE = Path(__file__).parent
# A text of more words is not compared with another one: finding what changed would take too long.
COMPARED = 5000
LEAST = 1.5  # log-odds: where no word has more, none gets the strongest tint
UNCHANGED = "Nothing has changed yet: edit the text, or take a word out."
CHANGED = "Positive goes from {before} to {after}, {odds} in log-odds{turn}."
TOO_LONG = "A text of more than 5,000 words is not compared with another."
BY_SENTENCE = (
    "With {tokens} tokens it is longer than the {most} that the network reads at once: it is read "
    "sentence by sentence, and the answer is their mean, a sentence counting by its length."
)
NOT_ALL = "The first {words} words are explained: the text is too long for more."
SHOWN = 3000  # words: a browser takes long to draw tens of thousands of buttons
NOT_SHOWN = "The first {words} words are shown; the answer and the curve take in all."


def component(value: dict[str, Any]) -> gr.HTML:
    """The answer with its bars, words and curve; its value is what `shown` or `nothing` makes.

    It triggers `input` when it wants an answer (words are taken out or put back, or
    `window.mood.again()`), `select` when it wants the reasons for what it shows, and `stop` when
    the reader does not want to wait. `window.mood.ask(text)` numbers a question, {turn, out}; a
    value with the `turn` of an older one is not shown.
    """
    return gr.HTML(
        value,
        html_template=(HERE / "mood.html").read_text("utf-8"),
        js_on_load=(HERE / "mood.js").read_text("utf-8"),
        elem_id="mood",
        sure=SURE,
    )


def without(text: str, out: Collection[int]) -> str:
    """The text less its words of these indices; the white space around them stays."""
    kept, end = [], 0
    for index, (first, last) in enumerate(texts.words(text)):
        if index in out:
            kept.append(text[end:first])
            end = last
    return "".join(kept) + text[end:]


def nothing(verdict: str, text: str = "", out: Collection[int] = ()) -> dict[str, Any]:
    """The place while there is no answer; words that were taken out can still be put back."""
    return {
        "verdict": verdict, "ran": "",
        "positive": None, "odds": 0.0, "least": LEAST, "warning": "", "note": "",
        "change": None, "sentences": [], "pending": False, "turn": None,
        "words": list(_words(text, None, out)) if out else [],
    }  # fmt: skip


def shown(
    text: str,
    out: Collection[int],
    trace: SentimentTrace,
    verdict: str = "",
    ran: str = "",
    change: dict[str, Any] | None = None,
    request: gr.Request | None = None,
) -> dict[str, Any]:
    """What mood.js shows of a text; `trace` is that of the text without the words `out`, `verdict`
    the answer as HTML, `ran` its time and hardware in words.
    """
    explained = trace if trace.words else None
    return {
        "verdict": verdict,
        "ran": ran,
        "positive": trace.answer[LABELS[1]],
        "odds": round(trace.log_odds, 4),
        "least": LEAST / (len(trace.sentences) or 1 if _long(trace) else 1),
        "warning": told(trace.hint, request),
        "note": " ".join(_notes(text, trace, request)),
        "change": change,
        "words": list(_words(text, explained, out)),
        "sentences": [(sentence, round(share, 4)) for sentence, share in trace.sentences],
        "pending": explained is None,
        "turn": None,
    }


def edit(change: Change | None, request: gr.Request | None = None) -> dict[str, Any]:
    """What an edit did, for `shown`; None for texts that are too long to compare."""
    if change is None:
        return {"removed": [], "added": [], "effect": say(TOO_LONG, request)}
    found = {"removed": change.removed, "added": change.added}
    if not (change.removed or change.added):
        return found | {"effect": say(UNCHANGED, request)}
    old, new = judged(change.before), judged(change.after)
    turn = "; {before} becomes {after}" if old and new and old != new else ""
    digits = 1 if abs(change.log_odds) >= 0.1 else 2
    effect = say(CHANGED, request).format(
        before=_share(change.before),
        after=_share(change.after),
        odds=f"{change.log_odds:+.{digits}f}".replace("-", "−"),
        turn=turn and say(turn, request).format(before=say(old, request), after=say(new, request)),
    )
    return found | {"effect": effect}


def _share(answer: dict[str, float]) -> str:
    return f"{answer[LABELS[1]]:.1%}" if answer else "–"


def _words(text: str, trace: SentimentTrace | None, out: Collection[int]) -> Iterator[list[Any]]:
    """[the white space before it, the word, its weight or None, its sentence, whether it is out].

    Sentences are counted in what is left of the text, as the network reads that.
    """
    left = without(text, out)
    starts = [first for first, _ in texts.sentences(left)]
    places = iter(texts.words(left))
    weights = iter([weight for _, weight in trace.words] if trace else [])
    end, sentence = 0, 0
    for index, (first, last) in enumerate(texts.words(text)[:SHOWN]):
        gap, end, weight = text[end:first], last, None
        if index not in out:
            sentence = max(0, bisect_right(starts, next(places)[0]) - 1)
            weight = round(next(weights), 6) if trace else None
        yield [gap, text[first:last], weight, sentence, index in out]


def _long(trace: SentimentTrace) -> bool:
    """Whether it was read by sentence, so that a word counts by its sentence's share only."""
    return len(trace.tokens) > LENGTH - 2


def _notes(text: str, trace: SentimentTrace, request: gr.Request | None) -> Iterator[str]:
    """How a long text was read and how much of it is shown, in sentences."""
    if not _long(trace):
        return
    yield say(BY_SENTENCE, request).format(tokens=f"{len(trace.tokens):,}", most=LENGTH)
    weighed = max((n for n, (_, weight) in enumerate(trace.words, 1) if weight), default=0)
    if 0 < weighed < min(SHOWN, len(trace.words)):
        yield say(NOT_ALL, request).format(words=f"{weighed:,}")
    if len(texts.words(text)) > SHOWN:
        yield say(NOT_SHOWN, request).format(words=f"{SHOWN:,}")
