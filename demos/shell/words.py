"""What the pages say, in the reader's language; the English sentence is the key, as in gettext.

A language is a file in `languages/`, named by its code. The browser gets all of them with Gradio's
page; words.js looks there.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import gradio as gr
from gradio.i18n import I18nData

from demos import HERE
from model_zoo.errors import ZooError
from model_zoo.sentence import Sentence
from model_zoo.trace import Ran

CATALOGUES: dict[str, dict[str, str]] = {
    file.stem: tomllib.loads(file.read_text("utf-8"))
    for file in sorted((HERE / "languages").glob("*.toml"))
}
# Words of Gradio 6.31 that it shows without English, or without that of all languages it speaks
GRADIO = {
    "audio.recording_error": "The microphone does not record",
    "common.complete": "Complete",
    "common.download_all": "Download all",
    "common.progress": "Progress",
    "common.upload": "Upload",
    "common.video": "Video",
    "common.webcam": "Camera",
    "dataframe.clear_filter": "Clear filters",
    "dataframe.filter": "Filter",
    "image.no_webcam_support": "No camera here",
    "status.queue_position": "In queue: {position} of {size}",
}


def t(sentence: str) -> I18nData:
    """A label that the browser shows in the reader's language; KeyError where none has it."""
    if not any(sentence in catalogue for catalogue in CATALOGUES.values()):
        raise KeyError(sentence)
    return I18nData(sentence)


def later(sentence: str) -> str:
    """The sentence as it is: a mark that it is said elsewhere, for the test that misses no key."""
    return sentence


# What Gradio names its buttons, which words.js translates, since Gradio does not
NAMES = [
    later("Capture from camera"),
    later("Click to upload or drop files"),
    later("Code input container"),
    later("Copy"),
    later("Copy table data"),
    later("Download"),
    later("Exit fullscreen mode"),
    later("Fold line"),
    later("Fullscreen"),
    later("Gradio footer navigation"),
    later("Paste from clipboard"),
    later("Remove Image"),
    later("Remove this file"),
    later("Reset to default value"),
    later("Table actions"),
    later("Unfold line"),
    later("Upload file"),
    later("capture photo"),
    later("number input for {}"),
    later("range slider for {}"),
]
SCRIPT = Path(__file__).with_name("words.js").read_text("utf-8")
SCRIPT = f"<script>{SCRIPT.replace('GRADIO_NAMES', json.dumps(NAMES))}</script>"


def translations() -> gr.I18n:
    """Every catalogue, for `launch` or `mount_gradio_app`."""
    english = {sentence: sentence for words in CATALOGUES.values() for sentence in words}
    return gr.I18n(en=english | GRADIO, **CATALOGUES)


def say(sentence: str, request: gr.Request | None = None) -> str:
    """The sentence in the language that the reader's browser asks for first; else in English."""
    wanted = getattr(request, "headers", {}).get("accept-language", "")
    language = wanted.lower().replace(";", ",").replace("-", ",").partition(",")[0].strip()
    return CATALOGUES.get(language, {}).get(sentence, sentence)


def translated(message: object, request: gr.Request | None = None) -> str:
    """What the model zoo says, in the reader's language: an error, a hint, or where a model ran."""
    if isinstance(message, ZooError) and message.args:
        message = message.args[0]
    if isinstance(message, Ran):
        return where(message, request)
    if isinstance(message, Sentence):
        values = (
            translated(value, request) if isinstance(value, Sentence | ZooError | Ran) else value
            for value in message.values
        )
        return say(message.template, request).format(*values)
    return say(str(message), request)


def where(ran: Ran, request: gr.Request | None = None) -> str:
    """For example: int8 on the CPU (the fastest of 4 measured here)."""
    why = f" ({translated(ran.why, request)})" if ran.why else ""
    note = f": {translated(ran.note, request)}" if ran.note else ""
    return f"{ran.precision} {say(ran.place, request)}{why}{note}"
