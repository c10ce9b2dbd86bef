"""The pieces that picture pages share: what was answered, why, how fast and on what; and the folds."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from threading import BoundedSemaphore
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image

import model_zoo
from demos.words import CHINESE, say, t
from model_zoo import providers
from model_zoo.images import open_image
from model_zoo.trace import ImageTrace

CHINESE.update(
    {
        "Advanced": "高级",
        "Model": "模型",
        "Precision": "精度",
        "Runs on": "运行于",
        "Use it from code": "在代码中使用",
        "In this process": "在本进程中",
        "What the model sees": "模型看到的",
        "Why": "原因",
        "speaks for it": "支持",
        "against it": "反对",
        "sure": "把握",
        "or": "或",
        "preprocess": "预处理",
        "model": "模型",
        "postprocess": "后处理",
    }
)

FOR, AGAINST = (234, 88, 12), (37, 99, 235)  # orange and blue also differ to the colour-blind
HEAT_SIDE = 160  # pixels: smooth, and small enough to send while a stroke goes on
DOUBT = 0.6  # below this share the second answer is named too
# A picture at the limit of open_image takes some 400 MB while it is decoded.
_decoding = BoundedSemaphore(4)


class Picture(gr.Image):
    """`gr.Image` that hands over the file or bytes as they came, for `model_zoo.images.open_image`.

    Gradio's own decoder answers a damaged file with a traceback and loses 16-bit and CMYK colours.
    """

    is_template = True  # the browser shows it as the gr.Image that it is

    def preprocess(self, payload: ImageData | None) -> str | bytes | None:
        if payload is None:
            return None
        if payload.url and payload.url.startswith("data:"):
            return base64.b64decode(payload.url.partition(",")[2])
        return payload.path


def decode(source: str | bytes) -> Image.Image:
    """The picture in a file, its bytes or a data URL; raises BadInput in one plain sentence."""
    if isinstance(source, str) and source.startswith("data:"):
        source = base64.b64decode(source.partition(",")[2])
    with _decoding:
        return open_image(source)


def verdict(big: str, small: str = "", kind: str = "answer") -> str:
    """The answer in large letters; `kind` is answer, reject, hint or trouble."""
    return f'<p class="{kind}"><strong>{escape(big)}</strong> <span>{escape(small)}</span></p>'


def best(answer: dict[str, float], request: gr.Request | None = None) -> str:
    """The verdict for label → probability, with a question mark where the model is in doubt."""
    (first, share), (second, _) = list(answer.items())[:2]
    sure = f"{share:.1%} {say('sure', request)}"
    if share >= DOUBT:
        return verdict(first, sure)
    return verdict(f"{first}?", f"{sure}, {say('or', request)} {second}")


def evidence(
    trace: ImageTrace, picture: Image.Image | None = None, request: gr.Request | None = None
) -> str:
    """What the model saw, the heat map over it (or over `picture`), and the result line."""
    label = next(iter(trace.answer), "")
    seen = _png(Image.fromarray(trace.seen))
    under = _jpeg(picture) if picture else seen
    height, width = trace.seen.shape[:2]
    crisp = "" if picture else "crisp"
    return f"""<div class="tiles">
<figure><div class="tile"><img class="crisp" src="{seen}" alt="{say("What the model sees", request)}"></div>
<figcaption>{say("What the model sees", request)} <small>{width} × {height}</small></figcaption></figure>
<figure><div class="tile"><img class="{crisp}" src="{under}" alt=""><img class="heat"
src="{_png(_heat(trace.why))}" alt="{say("Why", request)}: {escape(label)}"></div>
<figcaption>{say("Why", request)} “{escape(label)}” <small><span><i class="for"></i>{say("speaks for it", request)}</span>
<span><i class="against"></i>{say("against it", request)}</span></small></figcaption></figure>
</div>
<p class="ran">{escape(result_line(trace, request))}</p>"""


def nothing(request: gr.Request | None = None) -> str:
    """The place of the evidence while there is none."""
    tiles = "".join(
        f'<figure><div class="tile empty"></div><figcaption>{say(caption, request)}<small></small></figcaption></figure>'
        for caption in ("What the model sees", "Why")
    )
    return f'<div class="tiles">{tiles}</div><p class="ran">&nbsp;</p>'


def result_line(trace: ImageTrace, request: gr.Request | None = None) -> str:
    """For example: preprocess 0.3 ms · model 0.4 ms · postprocess 0.1 ms — int8 on the CPU."""
    stages = (f"{say(stage, request)} {ms:.1f} ms" for stage, ms in trace.timings.items())
    return f"{' · '.join(stages)} — {trace.ran}"


def live(label: str) -> gr.HTML:
    """An empty place whose changes a screen reader announces."""
    announce = "element.setAttribute('role', 'status'); element.setAttribute('aria-live', 'polite');"
    return gr.HTML(label, elem_classes="verdict", js_on_load=announce)


def shares(count: int) -> gr.Label:
    """The `count` best labels as bars; a model's answer is its value as it is."""
    return gr.Label(
        num_top_classes=count, show_label=False, show_heading=False, elem_classes="shares"
    )


def fold(title: str, *classes: str) -> gr.Accordion:
    """Something that few need at first, closed behind its title."""
    return gr.Accordion(t(title), open=False, elem_classes=["fold", *classes])


def choices(demo: gr.Blocks, slug: str, models: Sequence[str]) -> list[gr.Dropdown]:
    """The fold with model, precision and provider; the model is also the address's `?model=`."""
    precisions = dict.fromkeys(p for name in models for p in model_zoo.spec(name).precisions)
    with fold("Advanced"), gr.Row():
        model = gr.Dropdown(
            [(f"{model_zoo.spec(name).title} ({name})", name) for name in models],
            value=models[0], label=t("Model"),
        )  # fmt: skip
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


def code(demo: gr.Blocks, python: str, endpoint: str, file: str) -> None:
    """The fold that shows the same answer from Python, over HTTP, from a shell and JavaScript."""
    kinds = {
        "gradio_client": ("python", _CLIENT),
        "curl": ("shell", _CURL),
        "JavaScript": ("javascript", _JAVASCRIPT),
    }

    def at(origin: str) -> list[str]:
        fill = {"ORIGIN": origin, "ENDPOINT": endpoint, "FILE": file}
        return [_fill(text, fill) for _, text in kinds.values()]

    def from_here(request: gr.Request) -> list[str]:
        return at(request.headers.get("origin", "http://localhost:7860"))

    shown = []
    with fold("Use it from code"), gr.Tabs():
        with gr.Tab("Python"):
            gr.Code(python.strip(), language="python", interactive=False, show_label=False)
        for (title, (language, _)), text in zip(kinds.items(), at("http://localhost:7860"), strict=True):
            with gr.Tab(title):
                shown.append(
                    gr.Code(text, language=language, interactive=False, show_label=False)
                )
    demo.load(from_here, None, shown, queue=False, api_visibility="private")


def endpoint(answer: Callable[[str], dict[str, float]], name: str) -> None:
    """Offer `answer`, which takes a picture file, at /gradio_api/run/NAME and /gradio_api/call/NAME."""
    with gr.Row(visible=False):
        picture, result, press = Picture(label="image"), gr.JSON(label="answer"), gr.Button()
    # Without the queue one POST is one answer; under load the threads, not a queue, are the bound.
    press.click(answer, picture, result, api_name=name, queue=False, concurrency_limit=None)


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text.strip()


def _heat(why: np.ndarray) -> Image.Image:
    """Logits (h, w) as a smooth RGBA picture: orange for, blue against, clear where they say nothing."""
    strongest = float(np.abs(why).max()) or 1.0
    small = Image.fromarray((why / strongest).astype(np.float32))
    values = np.asarray(small.resize((HEAT_SIDE, HEAT_SIDE), Image.Resampling.BICUBIC))
    rgba = np.empty((HEAT_SIDE, HEAT_SIDE, 4), dtype=np.uint8)
    rgba[..., :3] = np.where(values[..., None] >= 0, np.uint8(FOR), np.uint8(AGAINST))
    rgba[..., 3] = np.clip(np.abs(values), 0, 1) * 190
    return Image.fromarray(rgba)


def _png(image: Image.Image) -> str:
    return _data_url(image, "png", compress_level=1)


def _jpeg(image: Image.Image) -> str:
    return _data_url(image, "jpeg", quality=85)


def _data_url(image: Image.Image, kind: str, **how: int) -> str:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


_CLIENT = """
from gradio_client import Client, handle_file

client = Client("ORIGIN")
answer = client.predict(handle_file("FILE"), api_name="/ENDPOINT")
print(answer)
"""

_CURL = """
SENT=$(curl -s ORIGIN/gradio_api/upload -F files=@FILE | tr -d '[]')
curl -s ORIGIN/gradio_api/run/ENDPOINT -H 'Content-Type: application/json' \\
  -d '{"data": [{"path": '"$SENT"', "meta": {"_type": "gradio.FileData"}}]}'
"""

_JAVASCRIPT = """
// Node 20 or newer; in a page, take the file from <input type="file">.
import { openAsBlob } from "node:fs";

const api = "ORIGIN/gradio_api";
const form = new FormData();
form.append("files", await openAsBlob("FILE"), "FILE");
const [path] = await (await fetch(`${api}/upload`, { method: "POST", body: form })).json();
const reply = await fetch(`${api}/run/ENDPOINT`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ data: [{ path, meta: { _type: "gradio.FileData" } }] }),
});
const [answer] = (await reply.json()).data;
console.log(answer);
"""
