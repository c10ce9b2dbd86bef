"""Write something and see, while you write, how it sounds and which words make it sound so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from cachetools import LRUCache

import model_zoo
from demos import Page, listing, mood, parts
from demos.snippets import code
from demos.words import CHINESE, say, t
from demos.zoo_words import told
from model_zoo import texts
from model_zoo.errors import ZooError
from model_zoo.sst2_minilm import LABELS, SURE, UNSURE, Sst2Minilm, TextTrace

MODELS = [name for name in model_zoo.names() if model_zoo.spec(name).task == "sentiment analysis"]
AT_ONCE = 4  # people whose texts are read side by side
PROGRESS = gr.Progress(track_tqdm=True)  # Gradio finds the parameter by this default value
LIVE_WORDS = 40  # of so many the reasons are there as soon as the answer; of more they follow it
HINT = "Write or paste what somebody thinks of something."
LONG = (Path(__file__).parent / "examples" / "long-review.txt").read_text("utf-8").strip()
EXAMPLES = {
    "Not a dull moment": "There is not a dull moment in it, and the ending is a small miracle.",
    "Mixed": "The acting is superb, but the plot is thin and the last half hour drags.",
    "Disappointed": (
        "I wanted to love this phone. The screen is gorgeous and the camera is a joy. But it is "
        "slow, it gets hot, and nobody answers when it breaks. I sent it back."
    ),
    "A long review": LONG,
}
KNOWS = (
    "It learned from English film reviews: it knows how people praise and complain, not what is "
    "true, and irony escapes it."
)

CHINESE.update(
    {
        "Read": "阅读",
        HINT: "请写下或粘贴一段评价。",
        "A text in English": "一段英文文字",
        **dict(
            zip(EXAMPLES, ("没有一刻沉闷", "褒贬参半", "失望", "一篇长评论"), strict=True),
        ),
        "Keep it, then edit": "保留，再修改",
        "Back to the kept text": "回到保留的文字",
        "Stop comparing": "停止比较",
        "Compared with": "对比",
        f"sure from {SURE:.0%}": f"{SURE:.0%} 起才算确定",
        KNOWS: "它从英文影评中学习：知道人们如何褒贬，却不知真假，也不懂反讽。",
    }
)

PYTHON = """
import model_zoo

model = model_zoo.load("sst2-minilm")
print(model("a charming and often affecting journey"))

trace = model.trace("not a dull moment in it")
for word, log_odds in trace.words:
    print(f"{log_odds:+.2f} {word}")
"""

Shown = tuple[Any, Any, Any]  # verdict, what mood.js shows, result line
# By the browser's session: what it asked last, so that nothing older is shown after it.
_asked: LRUCache[str, object] = LRUCache(1000)


def classify_sentiment(text: str, explain: bool = True) -> dict[str, Any]:
    """Say whether an English text speaks well or ill of its subject, how sure that is, and which
    words say so. Longer texts are read sentence by sentence.

    Args:
        text: a review, a comment, a sentence; up to 200,000 characters.
        explain: whether to weigh the words and sentences, which takes most of the time.

    Returns:
        answer (positive and negative with their probabilities, likeliest first), verdict (positive,
        negative, or mixed or neutral), log_odds of positive, words with the log-odds each adds,
        sentences with their probability of positive, and a hint where the text is not English.
    """
    with parts.plain_errors():
        trace = model_zoo.load(MODELS[0]).trace(text, explain)
    if not trace.answer:
        raise gr.Error(trace.hint, print_exception=False)
    return {
        "answer": trace.answer,
        "verdict": trace.verdict,
        "log_odds": trace.log_odds,
        "words": [{"text": word, "log_odds": odds} for word, odds in trace.words],
        "sentences": [{"text": words, "positive": share} for words, share in trace.sentences],
        "hint": trace.hint,
    }


def read(
    text: str,
    kept: str | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> Shown:
    """What the page shows of a text as it is written: the answer, soon its reasons."""
    _asked[request.session_hash or ""] = object()
    return _shown(text, (), kept, (model, precision, provider), _few(text), request)


def take_out(
    text: str,
    kept: str | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    event: gr.EventData,
    progress: gr.Progress = PROGRESS,
) -> Shown:
    """The same without some of its words."""
    _asked[request.session_hash or ""] = object()
    return _unless_late(event, text, kept, (model, precision, provider), _few(text), request)


def explain(
    text: str,
    kept: str | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    event: gr.EventData,
    progress: gr.Progress = PROGRESS,
) -> Shown:
    """The same with the reasons, whatever they take."""
    return _unless_late(event, text, kept, (model, precision, provider), True, request)


def _few(text: str | None) -> bool:
    """Whether the reasons are there as soon as the answer."""
    return len(texts.words(text or "")) <= LIVE_WORDS


def _unless_late(
    event: gr.EventData,
    text: str,
    kept: str | None,
    pair: Sequence[str],
    why: bool,
    request: gr.Request,
) -> Shown:
    """What the browser asks for in its turn, unless something else is asked for meanwhile."""
    session, sent = request.session_hash or "", event._data or {}
    asked = _asked.get(session)
    out = tuple(index for index in sent.get("out", ()) if isinstance(index, int))
    verdict, shown, line = _shown(text, out, kept, pair, why, request)
    if _asked.get(session) is not asked:
        return gr.skip(), gr.skip(), gr.skip()
    return verdict, shown | {"turn": sent.get("turn")}, line


def _shown(
    text: str | None,
    out: Sequence[int],
    kept: str | None,
    pair: Sequence[str],
    why: bool,
    request: gr.Request,
) -> Shown:
    text = text or ""
    try:
        reader: Sst2Minilm = model_zoo.load(*pair)
        left = mood.without(texts.check(text), out)
        if not text.strip():
            return _hint(request), mood.nothing(), _line()
        if hint := texts.blank(left):
            return parts.verdict(told(hint, request), kind="hint"), mood.nothing(text, out), _line()
        trace = reader.trace(left, why)
        edit = _edit(reader, text if kept is None else kept, left, request)
    except ZooError as error:
        return parts.verdict(told(error, request), kind="trouble"), mood.nothing(), _line()
    compared = edit if out or kept is not None else None
    shown = mood.shown(text, out, trace, compared, request)
    return _verdict(trace, request), shown, _line(parts.result_line(trace, request))


def _edit(reader: Sst2Minilm, before: str, after: str, request: gr.Request) -> dict[str, Any]:
    longest = max(len(texts.words(text)) for text in (before, after))
    return mood.edit(reader.change(before, after) if longest <= mood.COMPARED else None, request)


def _verdict(trace: TextTrace, request: gr.Request) -> str:
    """The answer in large letters, or that there is no clear one."""
    if trace.verdict != UNSURE:
        sure = parts.certainty(trace.answer[trace.verdict], request)
        return parts.verdict(say(trace.verdict, request), sure)
    share = f"{trace.answer[LABELS[1]]:.1%} {say(LABELS[1], request)}"
    return parts.verdict(
        say(UNSURE, request), f"{share}, {say(f'sure from {SURE:.0%}', request)}", "unsure"
    )


def _line(words: str = "") -> str:
    return f'<p class="ran">{escape(words)}</p>'


def _hint(request: gr.Request | None = None) -> str:
    return parts.verdict(say(HINT, request), kind="hint")


def _keep(text: str, request: gr.Request) -> tuple[Any, ...]:
    """The text to compare with, its quote, and the buttons keep, back, leave; "" for none."""
    kept = text if text and text.strip() else None
    quote = f"<p><b>{say('Compared with', request)}</b>{escape(kept or '')}</p>"
    buttons = (gr.Button(visible=(kept is not None) == later) for later in (False, True, True))
    return kept, gr.HTML(quote, visible=kept is not None), *buttons


def _leave(request: gr.Request) -> tuple[Any, ...]:
    return _keep("", request)


def _begin(example: str) -> Callable[[gr.Request], tuple[Any, ...]]:
    """A handler that begins anew with a text."""

    def begin(request: gr.Request) -> tuple[Any, ...]:
        return example, *_leave(request)

    return begin


def build(demo: gr.Blocks) -> None:
    """Text on the left, answer and reasons on the right, the folds below."""
    with gr.Row(equal_height=False, elem_classes="page"):
        with gr.Column(scale=5, min_width=300):
            text = gr.Textbox(
                lines=6, max_lines=16, label=t("A text in English"), placeholder=t(HINT),
                elem_id="review",
            )  # fmt: skip
            with gr.Row(elem_classes="go"):
                keep = gr.Button(t("Keep it, then edit"), size="sm", min_width=60)
                back = gr.Button(t("Back to the kept text"), size="sm", min_width=60, visible=False)
                leave = gr.Button(t("Stop comparing"), size="sm", min_width=60, visible=False)
            quote = gr.HTML("", elem_classes="kept", elem_id="kept", visible=False)
            gr.HTML(t("Try one"), elem_classes=["note", "asides"])
            with gr.Row(elem_classes=["prompts", "asides"]):
                tries = [gr.Button(t(name), size="sm", min_width=60) for name in EXAMPLES]
            gr.HTML(t(KNOWS), elem_classes=["note", "asides"])
        with gr.Column(scale=6, min_width=300):
            shown = parts.live(_hint())
            fetching = gr.HTML("", elem_classes="fetching")
            why = mood.component()
            line = gr.HTML(_line())
    rows = listing.build()
    # What was drawn before there was a reader is in English.
    demo.load(_hint, None, shown, queue=False, api_visibility="private")
    pair = parts.choices(demo, page.slug, MODELS)
    listing.connect(demo, rows, pair)
    code(demo, PYTHON, "classify_sentiment", None, ["not a dull moment in it", True], streams=False)
    parts.endpoint(
        classify_sentiment, "classify_sentiment",
        [gr.Textbox(label="text", render=False), gr.Checkbox(True, label="explain", render=False)],
    )  # fmt: skip

    kept = gr.State(None)
    given, outputs = [text, kept, *pair], [shown, why, line]
    how: dict[str, Any] = {
        "show_progress_on": fetching, "concurrency_limit": AT_ONCE, "concurrency_id": "read",
        "api_visibility": "private",
    }  # fmt: skip
    changed = [text.change, *(option.change for option in pair)]
    gr.on(changed, read, given, outputs, trigger_mode="always_last", **how)
    why.input(take_out, given, outputs, trigger_mode="multiple", **how)
    why.select(explain, given, outputs, trigger_mode="multiple", **how)

    comparing = [kept, quote, keep, back, leave]
    quiet: dict[str, Any] = {
        "queue": False, "show_progress": "hidden", "api_visibility": "private",
    }  # fmt: skip
    for button, example in zip(tries, EXAMPLES.values(), strict=True):
        button.click(_begin(example), None, [text, *comparing], **quiet)
    keep.click(_keep, text, comparing, **quiet).then(read, given, outputs, **how)
    back.click(lambda kept: kept, kept, text, **quiet).then(read, given, outputs, **how)
    leave.click(_leave, None, comparing, **quiet).then(read, given, outputs, **how)


page = Page("read", "Read", 25, build)

if __name__ == "__main__":
    from demos import serve

    serve.run(page)
