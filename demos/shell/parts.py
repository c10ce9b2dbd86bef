"""What the pages share: the answer, why, how fast and on what; and the folds below.

One file, since a picture's answer, its evidence and their events are one request.
"""

from __future__ import annotations

import base64
import io
import json
from abc import ABCMeta
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from threading import BoundedSemaphore
from types import new_class
from typing import Any, Protocol, TypeVar

import gradio as gr
import numpy as np
from gradio.component_meta import ComponentMeta
from gradio.components import Component
from gradio.data_classes import ImageData
from PIL import Image

import model_zoo
from demos.shell.words import later, say, t, where
from model_zoo.errors import BadInput, ZooError
from model_zoo.runtime import providers
from model_zoo.trace import ImageTrace, Ran
from model_zoo.vision.images import open_image

PICTURE_JS = Path(__file__).with_name("picture.js").read_text("utf-8")
# Gradio notes that a request is under way only a moment after it has begun one, and a second event
# in that moment would begin another: it waits here, and goes behind the first.
_TAKE_TURN = """async (...values) => {
  while (TURN) await TURN.ended;
  let end;
  const ended = new Promise((resolve) => (end = resolve));
  TURN = { ended, end };
  return values;
}"""
_END_TURN = "const turn = TURN; TURN = null; turn?.end();"
COUNTS_FOR, COUNTS_AGAINST = later("counts towards it"), later("counts against it")
# Orange and blue also differ to the colour-blind.
FOR, AGAINST = np.array(((234, 88, 12), (37, 99, 235)), np.uint8)
HEAT_SIDE = 160  # pixels: smooth, and small enough to send while a stroke goes on
SAY_ALL = "sayAll(element);"  # what was drawn before there was a reader is in English
DOUBT = 0.6  # below this share the second answer is named too
MOST_BYTES = 25_000_000  # of a picture's file; the server takes longer uploads, for sound
# A picture at the limit of open_image takes some 400 MB while it is decoded.
_decoding = BoundedSemaphore(4)
# Of an event that only changes what the page shows, and takes no time
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
Kind = TypeVar("Kind", bound=Component)


class Traced(Protocol):
    """What every kind of trace has."""

    @property
    def timings(self) -> dict[str, float]: ...
    @property
    def ran(self) -> Ran: ...


class _Unwritten(ComponentMeta):
    """Makes a component's subclass without the .pyi file that Gradio writes beside its module."""

    def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> _Unwritten:
        return ABCMeta.__new__(cls, name, bases, members)


class Picture(gr.Image, metaclass=_Unwritten):
    """`gr.Image` that hands over the file as it came, for `model_zoo.vision.images.open_image`.

    Gradio's own decoder answers a damaged file with a traceback and clips 16-bit pictures.
    """

    is_template = True  # for the browser it is the gr.Image that it looks like

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the uploaded file."""
        return payload.path if payload else None


def as_given(kind: type[Kind]) -> type[Kind]:
    """The component, but with values as they came, for `model_zoo` to read or refuse.

    Of the list ["a"] Gradio's own text box makes the text "['a']".
    """
    members = {"is_template": True, "preprocess": lambda self, payload: payload}
    how = {"metaclass": _Unwritten}
    made: type[Kind] = new_class("AsGiven", (kind,), how, lambda names: names.update(members))
    return made


def decode(path: str | None) -> Image.Image:
    """The picture in a file; raises BadInput in one plain sentence."""
    if not path:
        raise BadInput("There is no picture: send one.")
    try:
        size = Path(path).stat().st_size
    except OSError as error:  # its path is the server's own and says nothing to a visitor
        raise BadInput("The picture is no longer on the server: send it again.") from error
    if size > MOST_BYTES:
        raise BadInput("The picture's file is larger than 25 MB: save it smaller.")
    with _decoding:
        return open_image(path)


def verdict(big: str, small: str = "", kind: str = "answer") -> str:
    """The answer in large letters; `kind` is answer, reject, hint or trouble."""
    strong = f"<strong data-say>{escape(big)}</strong>"
    return f'<p class="{kind}">{strong} <span>{escape(small)}</span></p>'


def best(answer: dict[str, float], request: gr.Request | None = None) -> str:
    """The verdict for label → probability, with a question mark where the model is in doubt."""
    (first, share), (second, _) = list(answer.items())[:2]
    first, second, sure = say(first, request), say(second, request), certainty(share, request)
    if share >= DOUBT:
        return verdict(first, sure)
    return verdict(f"{first}?", say("{}, or {}", request).format(sure, second))


def certainty(share: float, request: gr.Request | None = None) -> str:
    """For example 98.7% sure; nothing is ever 100% sure."""
    if share > 0.999:
        return say("over 99.9% sure", request)
    return say("{} sure", request).format(f"{share:.1%}")


def ranked(answer: dict[str, float]) -> dict[str, Any]:
    """An endpoint's answer, as Gradio's own label has it: no order of keys, which JavaScript sorts
    where they are numbers, says what is likeliest.
    """
    confidences = [{"label": label, "confidence": share} for label, share in answer.items()]
    return {"label": next(iter(answer), None), "confidences": confidences}


def evidence(
    trace: ImageTrace, sharp: Image.Image | None = None, request: gr.Request | None = None
) -> str:
    """What the model saw, the heat map over it (or over a `sharp` copy), and the result line."""
    label = escape(say(next(iter(trace.answer)), request))
    height, width = trace.seen.shape[:2]
    small = png(Image.fromarray(trace.seen))
    seen = _image(small, "crisp", say("What the model sees", request))
    under = _image(_jpeg(sharp), "") if sharp else _image(small, "crisp")
    heat = _image(png(_heat(trace.why)), "heat", f"{say('Why', request)}: {label}")
    legend = "".join(
        f'<span><i class="{kind}"></i>{say(words, request)}</span>'
        for kind, words in (("for", COUNTS_FOR), ("against", COUNTS_AGAINST))
    )
    why = f"{say('Why', request)} “{label}”"
    tiles = _tile(seen, say("What the model sees", request), f"{width} × {height}")
    tiles += _tile(under + heat, why, legend)
    return (
        f'<div class="tiles">{tiles}</div><p class="ran">{escape(result_line(trace, request))}</p>'
    )


def nothing(request: gr.Request | None = None) -> str:
    """The place of the evidence while there is none."""
    captions = say("What the model sees", request), say("Why", request)
    tiles = "".join(_tile("", caption) for caption in captions)
    return f'<div class="tiles">{tiles}</div><p class="ran"></p>'


def result_line(trace: Traced, request: gr.Request | None = None) -> str:
    """For example: preprocess 0.3 ms · model 0.4 ms · postprocess 0.1 ms — int8 on the CPU."""
    stages = (f"{say(stage, request)} {ms:.1f} ms" for stage, ms in trace.timings.items())
    return f"{' · '.join(stages)} — {where(trace.ran, request)}"


def live(label: str) -> gr.HTML:
    """An empty place whose changes a screen reader announces."""
    announce = "element.role = 'status'; element.ariaLive = 'polite';"
    return gr.HTML(label, elem_classes="verdict", js_on_load=announce + SAY_ALL)


def bars(answer: dict[str, float], count: int, request: gr.Request | None = None) -> str:
    """The `count` best labels as bars. Gradio's own would say 100% where nothing is sure."""
    rows = (
        f'<div><dt>{escape(say(label, request))}</dt><dd><i style="width: {share:.1%}"></i></dd>'
        f'<dd class="share">{escape(_percent(share, request))}</dd></div>'
        for label, share in list(answer.items())[:count]
    )
    return f'<dl class="bars">{"".join(rows)}</dl>'


def _percent(share: float, request: gr.Request | None) -> str:
    if share > 0.999:
        return say("over 99.9%", request)
    return "<1%" if share < 0.01 else f"{share:.1%}"


def fold(title: str, *classes: str) -> gr.Accordion:
    """Something that few need at first, closed behind its title."""
    return gr.Accordion(t(title), open=False, elem_classes=["fold", *classes])


def choices(demo: gr.Blocks, slug: str, models: Sequence[str]) -> list[gr.Dropdown]:
    """The fold with model, precision and provider; the model is also the address's `?model=`."""
    precisions = dict.fromkeys(p for name in models for p in model_zoo.spec(name).run.precisions)
    with fold("Advanced"), gr.Row():
        model = gr.Dropdown(list(models), value=models[0], label=t("Model"))
        precision = gr.Dropdown(["auto", *precisions], value="auto", label=t("Precision"))
        provider = gr.Dropdown(["auto", *providers.ready()], value="auto", label=t("Runs on"))

    def from_address(request: gr.Request) -> Any:
        asked = request.query_params.get("model")
        return asked if asked in models else gr.skip()

    demo.load(from_address, None, model, queue=False, api_visibility="private")
    to_address = f"""(name) => {{ const url = new URL(location);
        url.searchParams.set("tab", "{slug}"); url.searchParams.set("model", name);
        history.replaceState(null, "", url); }}"""
    model.input(None, model, None, js=to_address, api_visibility="private")
    return [model, precision, provider]


def answers(
    answer: Callable[..., Any],
    triggers: Sequence[Any],
    inputs: Sequence[Component],
    outputs: Sequence[Component],
) -> None:
    """Show the verdict, the shares and the evidence for what the page holds, after each trigger.

    All triggers share one event, so that one request is under way at a time and the one after it
    takes what the page holds then: the newest input has the last word however slow the answers.
    Triggers are what a person does ("input", not "change", which follows it once more).
    """
    # Without the queue an answer is one request, which keeps up with the hand.
    turn = f"window.answerTo{outputs[0]._id}"
    asked = gr.on(
        triggers, answer, inputs, outputs, queue=False, trigger_mode="always_last",
        show_progress="hidden", api_visibility="private", js=_TAKE_TURN.replace("TURN", turn),
    )  # fmt: skip
    end_turn = _END_TURN.replace("TURN", turn)
    asked.success(None, None, None, js=f"() => {{ {end_turn} }}", api_visibility="private")
    # The answer before it belongs to another picture.
    unanswered = f"() => {{ {end_turn} return {_unanswered()}; }}"
    asked.failure(None, None, outputs, js=unanswered, api_visibility="private")


def _unanswered() -> str:
    """JavaScript for the three outputs of a request that failed, in the reader's language."""
    words = json.dumps(verdict(later("No answer came back: try again."), kind="trouble"))
    return f"[saidIn({words}), '', saidIn({json.dumps(nothing())})]"


def endpoint(answer: Callable[..., Any], name: str, takes: Sequence[Component] = ()) -> None:
    """Offer `answer` at /gradio_api/run/NAME and …/call/NAME.

    It takes a picture file, or what the components `takes`, made with render=False, hand over.
    """
    with gr.Row(visible=False):
        inputs = [component.render() for component in takes] or [Picture(label="image")]
        result, press = gr.JSON(label="answer"), gr.Button()
    # Without the queue one POST is one answer; under load the threads, not a queue, are the bound.
    press.click(answer, inputs, result, api_name=name, queue=False, concurrency_limit=None)


@contextmanager
def plain_errors(words: Callable[[ZooError], str] = str) -> Iterator[None]:
    """An error of ours reaches an endpoint's client as its one sentence, and fills no log."""
    try:
        yield
    except ZooError as error:
        raise gr.Error(words(error), print_exception=False) from error


def _tile(pictures: str, caption: str, small: str = "") -> str:
    return (
        f'<figure><div class="tile">{pictures}</div>'
        f"<figcaption><span data-say>{caption}</span><small>{small}</small></figcaption></figure>"
    )


def _image(url: str, kind: str, words: str = "") -> str:
    return f'<img class="{kind}" src="{url}" alt="{words}">'


def _heat(why: np.ndarray) -> Image.Image:
    """Logits (h, w) as a smooth RGBA picture: orange for, blue against, clear around zero."""
    strongest = float(np.abs(why).max()) or 1.0
    small = Image.fromarray((why / strongest).astype(np.float32))
    values = np.asarray(small.resize((HEAT_SIDE, HEAT_SIDE), Image.Resampling.BICUBIC))
    rgba = np.empty((HEAT_SIDE, HEAT_SIDE, 4), dtype=np.uint8)
    rgba[..., :3] = np.where(values[..., None] >= 0, FOR, AGAINST)
    rgba[..., 3] = np.clip(np.abs(values), 0, 1) * 190
    return Image.fromarray(rgba)


def png(image: Image.Image) -> str:
    """The picture as a data URL."""
    return _data_url(image, "png", compress_level=1)


def _jpeg(image: Image.Image) -> str:
    return _data_url(image, "jpeg", quality=85)


def _data_url(image: Image.Image, kind: str, **how: int) -> str:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
