"""Write something and see, while you write, how it sounds and which words make it sound so.

One file, as every page is one: its words, endpoint, handlers and layout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

import model_zoo
from demos import EXAMPLES, Page
from demos.pages import listing
from demos.shell import leaving, parts
from demos.shell.snippets import code
from demos.shell.words import later, say, t, told
from demos.widgets import mood
from model_zoo import zoo
from model_zoo.errors import ZooError
from model_zoo.stopping import Stop, Stopped
from model_zoo.text import texts
from model_zoo.text.sentiment.task import SENTIMENT, SURE, UNSURE
from model_zoo.text.sentiment.trace import TextTrace
from model_zoo.text.sst2_minilm import Sst2Minilm

MODELS = zoo.of(SENTIMENT)
AT_ONCE = 4  # people whose texts are read side by side
PROGRESS = gr.Progress(track_tqdm=True)  # Gradio finds the parameter by this default value
LIVE_WORDS = 40  # of so many the reasons are there as soon as the answer; of more they follow it
HINT = later("Paste a review or opinion.")
LONG = (EXAMPLES / "long-review.txt").read_text("utf-8").strip()
REVIEWS = {
    later("Not a dull moment"): (
        "There is not a dull moment in it, and the ending is a small miracle."
    ),
    later("Mixed"): "The acting is superb, but the plot is thin and the last half hour drags.",
    later("Disappointed"): (
        "I wanted to love this phone. The screen is gorgeous and the camera is a joy. But it is "
        "slow, it gets hot, and nobody answers when it breaks. I sent it back."
    ),
    later("A long review"): LONG,
}
KNOWS = (
    "It learned from English film reviews: it knows how people praise and complain, not what is "
    "true, and irony escapes it."
)


PYTHON = """
import model_zoo

model = model_zoo.load("sst2-minilm")
print(model("a charming and often affecting journey"))

trace = model.trace("not a dull moment in it")
for word, log_odds in trace.words:
    print(f"{log_odds:+.2f} {word}")
"""

# What the browser sends with a question: its number, and which words are taken out. The text is
# looked at when it is sent, which may be later than the event: Gradio keeps one event back while
# another is answered. mood.js has the numbers' other end.
ASK = "(text, kept, asked, ...pair) => [text, kept, window.mood.ask(text), ...pair]"
AGAIN = "(text, kept, asked, ...pair) => [text, kept, window.mood.asked(), ...pair]"
BEFORE = "() => [window.mood.asked()]"
Asked = dict[str, Any]  # {turn, out}, of the browser: nothing in it is sure


def classify_sentiment(
    text: str, explain: bool = True, request: gr.Request | None = None
) -> dict[str, Any]:
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
    try:
        with parts.plain_errors(), leaving.stop_of(request) as stop:
            trace = model_zoo.load(MODELS[0], task=SENTIMENT).trace(text, explain, stop)
    except Stopped:  # who asked has gone: nobody reads this
        raise gr.Error("Stopped.", print_exception=False) from None
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
    asked: Asked | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> Any:
    """What the page shows of a text as it is written, without the words that are taken out: the
    answer, and where they are few the reasons.
    """
    few = len(texts.words(text or "")) <= LIVE_WORDS
    return _answered(text, kept, asked, (model, precision, provider), few, request)


def explain(
    text: str,
    kept: str | None,
    asked: Asked | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> Any:
    """The same with the reasons, whatever they take."""

    def tell(share: float) -> None:
        progress(share, desc=say("Weighing the words", request))

    return _answered(text, kept, asked, (model, precision, provider), True, request, tell)


def stop_older(asked: Asked | None, request: gr.Request) -> None:
    """End the answer to this question or to an older one: nobody wants it any more."""
    leaving.end("read", request, _sent(asked)[0])


def _answered(
    text: str | None,
    kept: str | None,
    asked: Asked | None,
    pair: Sequence[str],
    why: bool,
    request: gr.Request,
    progress: Callable[[float], None] | None = None,
) -> Any:
    """What mood.js shows, or nothing where something newer is asked meanwhile."""
    turn, words = _sent(asked)
    try:
        with leaving.newest_of("read", request, turn) as stop:
            return _shown(text or "", words, kept, pair, why, request, stop, progress) | {
                "turn": turn
            }
    except Stopped:
        return gr.skip()


def _sent(asked: Asked | None) -> tuple[int, tuple[int, ...]]:
    """A question's number, and which words are taken out."""
    sure = asked if isinstance(asked, dict) else {}
    turn, out = sure.get("turn"), sure.get("out")
    words = tuple(i for i in out if isinstance(i, int)) if isinstance(out, list) else ()
    return turn if isinstance(turn, int) else 0, words


def _shown(
    text: str,
    out: Sequence[int],
    kept: str | None,
    pair: Sequence[str],
    why: bool,
    request: gr.Request,
    stop: Stop,
    progress: Callable[[float], None] | None,
) -> dict[str, Any]:
    try:
        reader = model_zoo.load(*pair, task=SENTIMENT)
        text = texts.plain(texts.check(text))
        if not text.strip():
            return _empty(request)
        left = mood.without(text, out)
        trace = reader.trace(left, why, stop, progress)
        if not trace.answer:
            return mood.nothing(parts.verdict(told(trace.hint, request), kind="hint"), text, out)
        compared = None
        if out or kept is not None:
            compared = _edit(reader, text if kept is None else kept, left, request, stop)
    except ZooError as error:
        return mood.nothing(parts.verdict(told(error, request), kind="trouble"))
    return mood.shown(
        text, out, trace, _verdict(trace, request), parts.result_line(trace, request),
        compared, request,
    )  # fmt: skip


def _edit(
    reader: Sst2Minilm, before: str, after: str, request: gr.Request, stop: Stop
) -> dict[str, Any]:
    longest = max(len(texts.words(text)) for text in (before, after))
    change = reader.change(before, after, stop) if longest <= mood.COMPARED else None
    return mood.edit(change, request)


def _verdict(trace: TextTrace, request: gr.Request) -> str:
    """The answer in large letters, or that there is no clear one."""
    if trace.verdict != UNSURE:
        sure = parts.certainty(trace.answer[trace.verdict], request)
        return parts.verdict(say(trace.verdict, request), sure)
    likelier, share = next(iter(trace.answer.items()))
    doubt = say("Not sure: {} {} (needs {})", request)
    doubt = doubt.format(f"{share:.0%}", say(likelier, request), f"{SURE:.0%}")
    return parts.verdict(say(UNSURE, request), doubt, "unsure")


def _empty(request: gr.Request | None = None) -> dict[str, Any]:
    return mood.nothing(parts.verdict(say(HINT, request), kind="hint"))


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
                keep = gr.Button(t("Compare with an edit"), size="sm", min_width=60)
                back = gr.Button(t("Back to the kept text"), size="sm", min_width=60, visible=False)
                leave = gr.Button(t("Stop comparing"), size="sm", min_width=60, visible=False)
            quote = gr.HTML("", elem_classes="kept", elem_id="kept", visible=False)
            gr.HTML(t("Try one"), elem_classes=["note", "asides"])
            with gr.Row(elem_classes=["prompts", "asides"]):
                tries = [gr.Button(t(name), size="sm", min_width=60) for name in REVIEWS]
            gr.HTML(t(KNOWS), elem_classes=["note", "asides"])
        with gr.Column(scale=6, min_width=300):
            fetching = gr.HTML("", elem_classes="fetching")
            why = mood.component(_empty())
    rows = listing.build()
    pair = parts.choices(demo, page.slug, MODELS)
    listing.connect(demo, rows, pair)
    code(demo, PYTHON, "classify_sentiment", None, ["not a dull moment in it", True], streams=False)
    parts.endpoint(
        classify_sentiment, "classify_sentiment",
        [
            parts.as_given(gr.Textbox)(label="text", render=False),
            gr.Checkbox(True, label="explain", render=False),
        ],
    )  # fmt: skip

    kept, asked = gr.State(None), gr.JSON(visible=False)
    given = [text, kept, asked, *pair]
    quiet: dict[str, Any] = {
        "queue": False, "show_progress": "hidden", "api_visibility": "private",
    }  # fmt: skip
    changed = [text.change, why.input, *(option.change for option in pair)]
    gr.on([*changed, why.stop], stop_older, asked, None, js=BEFORE, **quiet)
    how: dict[str, Any] = {
        "show_progress_on": fetching, "concurrency_limit": AT_ONCE, "concurrency_id": "read",
        "trigger_mode": "always_last", "api_visibility": "private",
    }  # fmt: skip
    gr.on(changed, read, given, why, js=ASK, **how)
    why.select(explain, given, why, js=AGAIN, **how)

    comparing = [kept, quote, keep, back, leave]
    for button, example in zip(tries, REVIEWS.values(), strict=True):
        button.click(_begin(example), None, [text, *comparing], **quiet)
    for event, then in (
        (keep.click(_keep, text, comparing, **quiet), "again"),
        (back.click(lambda kept: kept, kept, text, **quiet), "restore"),
        (leave.click(_leave, None, comparing, **quiet), "again"),
    ):
        event.then(None, None, None, js=f"() => window.mood.{then}()", api_visibility="private")


page = Page("read", "Read", 25, build)

if __name__ == "__main__":
    from demos.shell import serve

    serve.run(page)
