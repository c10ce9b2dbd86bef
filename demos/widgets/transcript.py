"""What the page Listen shows of a recording: its words, its spectrogram, and texts to save."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import numpy as np
from PIL import Image
from pydantic import Field
from typing_extensions import TypedDict  # pydantic takes Python's own from 3.12 on

from demos.shell import parts
from demos.shell.words import say
from demos.widgets import recorder
from demos.widgets.shapes import OTHERWISE, checked
from model_zoo.errors import BadInput
from model_zoo.speech.languages import NAMES
from model_zoo.speech.mel import FRAMES_PER_SECOND
from model_zoo.speech.trace import SpeechTrace
from model_zoo.speech.transcript import FORMATS, Segment, Word, join

HERE = Path(__file__).parent
INK = np.array([(20, 18, 16), (130, 48, 17), (234, 101, 38), (255, 231, 216)])  # quiet to loud


Seconds = Annotated[float, Field(ge=-1e6, le=1e6)]


class Shown(TypedDict):
    """A segment as transcript.js has it; words are [text, start, end, probability].

    `doubt`: probability, avg_logprob, no_speech_prob, compression_ratio and temperature.
    """

    start: Seconds
    end: Seconds
    words: list[tuple[str, Seconds, Seconds, float]]
    doubt: tuple[float, float, float, float, float]


class Wanted(TypedDict):
    """What is to be saved, as transcript.js asks for it: one of FORMATS of these segments."""

    form: str
    language: str
    segments: list[Shown]


def component(value: dict[str, Any]) -> gr.HTML:
    """The words, with progress; its value is what `heard` makes."""
    return gr.HTML(
        value,
        html_template=(HERE / "transcript.html").read_text("utf-8"),
        js_on_load=(HERE / "transcript.js").read_text("utf-8"),
        elem_id="heard",
        server_functions=[saved, recorder.end],
        formats=list(FORMATS),
        languages=NAMES,
    )


def heard(kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    """What transcript.js shows: `kind` is hint, trouble or answer, `text` a sentence.

    More: turn (only the page's latest is shown), seconds, done, running, language, detected,
    ticket, evidence, and segments as `shown` gives them.
    """
    return {"kind": kind, "text": text, "turn": 0, **more}


def shown(segment: Segment) -> Shown:
    """A segment for transcript.js."""
    words = [(w.text, w.start, w.end, round(w.probability, 3)) for w in segment.words]
    whole = (segment.text, segment.start, segment.end, round(segment.probability, 3))
    doubt = (segment.probability, segment.avg_logprob, segment.no_speech_prob,
             segment.compression_ratio, segment.temperature)  # fmt: skip
    return Shown(start=segment.start, end=segment.end, words=words or [whole], doubt=doubt)


def saved(wanted: Wanted) -> str:
    """The text of a file to save; nothing of it is written to a disk here."""
    wanted = checked(Wanted, wanted)
    if wanted["form"] not in FORMATS:
        raise BadInput(OTHERWISE)
    segments = []
    for piece in wanted["segments"]:
        words = tuple(Word(*word) for word in piece["words"])
        text = "".join(word.text for word in words)
        segments.append(Segment(piece["start"], piece["end"], text, words, *piece["doubt"]))
    return FORMATS[wanted["form"]](join(segments, wanted["language"]))


def evidence(trace: SpeechTrace | None = None, request: gr.Request | None = None) -> str:
    """The spectrogram that the encoder saw, and the result line; their places without a trace."""
    caption, small, picture = say("What the model sees", request), "", "<div></div>"
    if trace is not None and trace.seen.size:
        mels, frames = trace.seen.shape
        seconds = f"{frames / FRAMES_PER_SECOND:.1f}"
        window = say("first window, {} s", request).format(seconds)
        small = f"{mels} × {frames} · {window}"
        picture = f'<img src="{parts.png(_spectrogram(trace.seen))}" alt="{caption}">'
    return (
        f'<figure class="spectrogram">{picture}<figcaption><span data-say>{caption}</span>'
        f"<small>{small}</small></figcaption></figure>"
        f'<p class="ran">{escape(_line(trace, request))}</p>'
    )


def _line(trace: SpeechTrace | None, request: gr.Request | None) -> str:
    """The result line, with how fast that was where there was speech."""
    if trace is None:
        return ""
    line = parts.result_line(trace, request)
    if not trace.seen.size:
        return line
    faster = trace.seconds / (sum(trace.timings.values()) / 1000)
    if faster >= 1:
        pace = say("{}× faster than real time", request).format(_digits(faster))
    else:
        pace = say("{}× slower than real time", request).format(_digits(1 / faster))
    return line.replace(" — ", f" · {pace} — ", 1)


def _digits(factor: float) -> str:
    return f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}"


def _spectrogram(mel: np.ndarray) -> Image.Image:
    """Log-mel [80, frames] as a picture, low tones at the bottom."""
    low, high = float(mel.min()), float(mel.max())
    level = (mel[::-1] - low) / ((high - low) or 1.0) * (len(INK) - 1)
    channels = [np.interp(level, range(len(INK)), INK[:, channel]) for channel in range(3)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
