"""Ask a language model, or begin a text, and watch it write: each token with what it could be.

One file, as every page is one: its words, endpoint, handlers and layout.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.context import LocalContext

import model_zoo
from demos import Page
from demos.pages import writing
from demos.pages.writing import ALWAYS, MODELS, Written
from demos.shell import leaving, parts
from demos.shell.snippets import code
from demos.shell.words import later, t, translated
from demos.widgets import tokens
from model_zoo.errors import BadInput, ZooError, brief
from model_zoo.stopping import Stopped
from model_zoo.text.sampling import TextOptions
from model_zoo.text.task import GENERATION
from model_zoo.values import is_another

AT_ONCE = 8  # people who get tokens in turn; others wait
SENT_TOGETHER = 4  # tokens at least in an event of the endpoint, but the first one comes at once
PROGRESS = gr.Progress(track_tqdm=True)  # Gradio finds the parameter by this default value
HINT = later("Ask something, or begin a text.")
JUDGE = later("Paste a text: each token is tinted by how little the model expected it.")
SEED = later("the same seed writes the same text; empty for another each time")
STOPS = later(r"one a line, \n for the end of a line; the text ends before them")
ASK, CONTINUE = "ask", "continue"  # no labels: those Gradio sometimes translates as values too
LABELS = {ASK: later("Ask it"), CONTINUE: later("Continue my text")}
DEEDS = {ASK: later("Ask"), CONTINUE: later("Write")}
EXAMPLES = (
    ("Why do we see colours?", ASK),
    ("Write a short poem about rain.", ASK),
    ("The old lighthouse keeper opened the door and", CONTINUE),
)
SLIDERS: dict[str, tuple[str, str, float, float, float]] = {
    # option: label, what it does, least, most, step
    "max_new_tokens": (later("Length"), later("tokens at most"), 1, 1024, 1),
    "temperature": (
        later("Temperature"), later("0: always the likeliest; higher: more daring"), 0, 2, 0.05,
    ),
    "top_k": (later("Top k"), later("only the k likeliest; 0 for all"), 0, 200, 1),
    "top_p": (
        later("Top p"), later("only the likeliest tokens whose probabilities add up to this"),
        0, 1, 0.01,
    ),
    "min_p": (
        later("Min p"), later("no token less likely than this fraction of the likeliest one"),
        0, 1, 0.01,
    ),
    "repetition_penalty": (
        later("Repetition penalty"), later("above 1 discourages repetition"), 0.5, 2, 0.05,
    ),
}  # fmt: skip


# The button says what it will do.
NAME_DEED = f"""(mode) => ({{
  __type__: "update", value: say(({json.dumps(DEEDS)})[mode]),
}})"""

PYTHON = """
import model_zoo

lm = model_zoo.load("smollm2-135m")
for token in lm("Why is the sky blue?", chat=True, max_new_tokens=60, seed=1):
    print(token.text, end="", flush=True)
"""


def generate_text(
    prompt: str,
    max_new_tokens: int = 128,
    temperature: float = 0.4,
    top_k: int = 40,
    top_p: float = 0.95,
    repetition_penalty: float = 1.1,
    seed: int | None = 0,
    chat: bool = True,
    stop: Any = "",
    model: str = ALWAYS,
    request: gr.Request | None = None,
) -> Iterator[dict[str, Any]]:
    """Let a small language model answer a question, or go on with a text. It streams.

    Args:
        prompt: a question, or the beginning of a text.
        max_new_tokens: how long the text may become, 1 to 4096 tokens.
        temperature: 0 always takes the likeliest token; 1 takes each as often as the model says.
        top_k: choose among the k likeliest tokens only; 0 for all.
        top_p: choose among the likeliest tokens that have this share together only.
        repetition_penalty: above 1 makes what is already written less likely.
        seed: the same seed writes the same text; null or -1 for another each time.
        chat: ask an instruct model; false to let it go on with the text.
        stop: a text to end before, or a list of them; each is taken as it stands, line ends too.
        model: smollm2-135m, or where the Hugging Face hub can be reached gpt2, gpt2-medium or
            gpt2-large.

    Returns:
        new (the text since the last event), tokens with text and probability, hint, done; the last
        event has the whole text too, and all tokens with what each could have been. A plain POST
        to /run gets that one alone.
    """
    with parts.plain_errors(partial(writing.sentence, model)), leaving.stop_of(request) as left:
        if model not in MODELS:
            raise BadInput("{} writes nothing: choose one of {}.", brief(model), ", ".join(MODELS))
        options = TextOptions(
            max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p,
            repetition_penalty=repetition_penalty, stop=stop, seed=seed, chat=chat,
        )  # fmt: skip
        lm = model_zoo.load(model, task=GENERATION)
        streams = (
            LocalContext.event_id.get(None) is not None
        )  # of /run only the first event is sent
        written, shown, hint, sent = list[dict[str, Any]](), 0, "", 0.0
        try:
            given = "" if prompt is None else prompt
            for token in lm.stream(given, options, owner=None, stop=left):
                hint = hint or token.hint
                if token.text:
                    written.append(tokens.record(token))
                enough = not shown or len(written) - shown >= SENT_TOGETHER
                if streams and enough and time.monotonic() - sent > writing.SHOW_SECONDS:
                    yield _event(written, shown, hint)
                    shown, sent = len(written), time.monotonic()
        except Stopped:  # nobody listens any more
            return
        text = "".join(token["text"] for token in written)
        yield _event(written, shown, hint) | {"text": text, "done": True, "tokens": written}


def _event(written: list[dict[str, Any]], shown: int, hint: str) -> dict[str, Any]:
    """What is new behind the first `shown` tokens."""
    new = [{"text": one["text"], "probability": one["probability"]} for one in written[shown:]]
    text = "".join(one["text"] for one in new)
    return {"new": text, "done": False, "hint": hint, "tokens": new}


*DEFAULTS, _ = generate_text.__defaults__ or ()  # of what a client may leave out


def go(
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
    *,
    prompt: str,
    mode: str,
    model: str,
    precision: str,
    provider: str,
    before: Written,
    seed: int | None,
    stop: str,
    **chosen: Any,
) -> Iterator[tuple[Any, ...]]:
    """What the page shows while a text is written, or more of the text `before`.

    `chosen`: the options of SLIDERS by name.
    """
    try:
        if before.tokens and is_another(seed):
            seed = before.seed
        options = TextOptions(**chosen, stop=_lines(stop), seed=seed, chat=mode == ASK)
    except ZooError as error:
        lines = tokens.lines(before.tokens)
        shown = tokens.shown("trouble", translated(error, request), lines=lines)
        yield shown, "", gr.skip(), *_buttons(False, bool(lines))
        return
    buttons: tuple[Any, ...] = _buttons(True, False)
    pair = model, precision, provider
    for shown, line, kept, running in writing.write(prompt or "", before, options, pair, request):
        if not running:
            buttons = _buttons(False, bool(kept.tokens))
        yield shown, line, kept, *buttons
        buttons = (gr.skip(),) * len(buttons)


def judge(
    text: str,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> Iterator[tuple[Any, ...]]:
    """How surprising each token of a text is."""
    for shown, line, running in writing.judge(text or "", (model, precision, provider), request):
        yield shown, line, gr.Button(visible=not running), gr.Button(visible=running)


def stop_writing(request: gr.Request) -> None:
    """End what is being written for this browser within a token."""
    leaving.end("write", request)


def stop_judging(request: gr.Request) -> None:
    """End what is being judged for this browser within a chunk."""
    leaving.end("judge", request)


def build(demo: gr.Blocks) -> None:
    """Prompt on the left, text on the right, the folds below."""
    with gr.Row(equal_height=False, elem_classes="page"):
        with gr.Column(scale=5, min_width=300):
            prompt = gr.Textbox(
                lines=4, max_lines=12, label=t("Your text"), placeholder=t(HINT),
                elem_id="prompt",
            )  # fmt: skip
            mode = gr.Radio(
                [(t(label), mode) for mode, label in LABELS.items()], value=ASK, show_label=False,
                label=t("What it should do"),
                container=False, elem_id="mode",
            )  # fmt: skip
            with gr.Row(elem_classes="go"):
                start = gr.Button(t(DEEDS[ASK]), variant="primary", min_width=90)
                stop = gr.Button(t("Stop"), visible=False, min_width=90)
                another = gr.Button(t("Try again"), visible=False, min_width=90)
                more = gr.Button(t("Continue"), visible=False, min_width=90)
            gr.HTML(t("Try one"), elem_classes="note")
            with gr.Row(elem_classes="prompts"):
                tries = [gr.Button(words, size="sm", min_width=60) for words, _ in EXAMPLES]
        with gr.Column(scale=6, min_width=300):
            text = tokens.component(tokens.shown("hint", HINT), "written")
            fetching = gr.HTML("", elem_classes="fetching")
            line = gr.HTML('<p class="ran"></p>')
    settings = _settings()
    with parts.fold("How surprising is a text?"):
        given = gr.Textbox(lines=4, max_lines=12, label=t("A text to judge"), elem_id="judged-text")
        press = gr.Button(t("Measure it"))
        enough = gr.Button(t("Stop"), visible=False)
        judged = tokens.component(tokens.shown("hint", JUDGE), "judged")
        judged_line = gr.HTML('<p class="ran"></p>')
    pair = parts.choices(demo, page.slug, MODELS)
    code(demo, PYTHON, "generate_text", None, ["Why is the sky blue?", *DEFAULTS])
    _endpoint()

    mode.change(None, mode, start, js=NAME_DEED, api_visibility="private")
    for button, example in zip(tries, EXAMPLES, strict=True):
        button.click(
            None, None, [prompt, mode], js=f"() => {json.dumps(example)}", api_visibility="private"
        )
    kept, none = gr.State(Written()), gr.State(Written())
    model, precision, provider = pair
    chosen = {
        "prompt": prompt, "mode": mode, "model": model, "precision": precision,
        "provider": provider, **settings,
    }  # fmt: skip
    anew: dict[str, Any] = {**chosen, "before": none}
    onward: dict[str, Any] = {**chosen, "before": kept}
    shown = [text, line, kept, start, stop, another, more]
    how: dict[str, Any] = {
        "show_progress_on": fetching, "concurrency_limit": AT_ONCE, "concurrency_id": "write",
        "api_visibility": "private",
    }  # fmt: skip
    gr.on([start.click, prompt.submit], go, None, shown, inputs_kwargs=anew, **how)
    seed = settings["seed"]
    next_seed = another.click(
        lambda seed: seed if is_another(seed) else seed + 1, seed, seed, **parts.QUIET
    )
    next_seed.then(go, None, shown, inputs_kwargs=anew, **how)
    more.click(go, None, shown, inputs_kwargs=onward, **how)
    stop.click(stop_writing, None, None, queue=False, api_visibility="private")
    press.click(judge, [given, *pair], [judged, judged_line, press, enough], **how)
    enough.click(stop_judging, None, None, queue=False, api_visibility="private")
    demo.unload(writing.forget)


def _settings() -> dict[str, Component]:
    """The fold with the options of sampling, by the names that `go` takes them under."""
    with parts.fold("How it chooses"), gr.Row(elem_classes="settings"):
        sliders = {
            name: gr.Slider(
                least, most, getattr(TextOptions, name), step=step, label=t(label), info=t(info),
                min_width=260,
            )
            for name, (label, info, least, most, step) in SLIDERS.items()
        }  # fmt: skip
        seed = gr.Number(
            0, label=t("Seed"), info=t(SEED), precision=0, minimum=-1, min_width=260,
        )  # fmt: skip
        stops = gr.Textbox(
            lines=1, max_lines=4, label=t("Stop texts"),
            info=t(STOPS), min_width=260,
        )  # fmt: skip
    return {**sliders, "seed": seed, "stop": stops}


def _endpoint() -> None:
    """/generate_text is queued, other than the rest: it streams, and ends with its connection."""
    prompt, *names = list(generate_text.__annotations__)[: 1 + len(DEFAULTS)]
    kinds: dict[type, type[Component]] = {bool: gr.Checkbox, str: gr.Textbox}
    with gr.Row(visible=False):
        inputs: list[Component] = [parts.as_given(gr.Textbox)(label=prompt)]
        for name, default in zip(names, DEFAULTS, strict=True):
            kind = kinds.get(type(default), gr.Number)
            inputs.append(parts.as_given(kind)(default, label=name))
        result, press = gr.JSON(label="answer"), gr.Button()
    press.click(
        generate_text, inputs, result, api_name="generate_text", concurrency_limit=AT_ONCE,
        concurrency_id="write",
    )  # fmt: skip


def _buttons(running: bool, written: bool) -> tuple[gr.Button, ...]:
    """The buttons to start, stop, try again and continue, as far as they make sense."""
    visible = (not running, running, written, written)
    return tuple(gr.Button(visible=now) for now in visible)


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(line.replace(r"\n", "\n") for line in (text or "").splitlines() if line)


page = Page("write", "Write", 30, build)

if __name__ == "__main__":
    from demos.shell import serve

    serve.run(page)
