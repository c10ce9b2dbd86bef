"""What the page Listen shows of a recording: its words, its spectrogram, its files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from demos import parts, private
from demos.words import CHINESE, SHARED, say
from model_zoo.speech.mel import FRAMES_PER_SECOND
from model_zoo.speech.transcript import FORMATS, Segment, join
from model_zoo.whisper import SpeechTrace

_CHINESE = SHARED | {
    "Speak, or choose a recording.": "请说话，或选择一段录音。",
    "Transcript": "文字稿",
    "Transcribe again": "重新转写",
    "detected": "自动识别",
    "less sure": "把握较小",
    "Click a word to hear it, or use the arrow keys and Enter.": (
        "点击词语即可听到，也可用方向键和回车键。"
    ),
}
CHINESE.update(
    _CHINESE
    | {
        "first window": "第一段",
        "s a second of sound": "秒 / 每秒声音",
    }
)
HERE = Path(__file__).parent
INK = np.array([(20, 18, 16), (130, 48, 17), (234, 101, 38), (255, 231, 216)])  # quiet to loud


def component(value: dict[str, Any]) -> gr.HTML:
    """The words, with progress; its value is what `heard` makes, it triggers stop."""
    return gr.HTML(
        value,
        html_template=(HERE / "transcript.html").read_text("utf-8"),
        js_on_load=(HERE / "transcript.js").read_text("utf-8"),
        elem_id="heard",
        chinese=_CHINESE,
    )


def heard(kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    """What transcript.js shows: `kind` is hint, trouble or answer, `text` a sentence.

    More: run (another one clears the page), seconds, done, running, language, detected, ticket,
    and segments as `shown` gives them.
    """
    return {"kind": kind, "text": text, "run": "", **more}


def shown(segment: Segment) -> dict[str, Any]:
    """A segment for transcript.js, its words as [text, start, end, probability]."""
    words = [(w.text, w.start, w.end, round(w.probability, 3)) for w in segment.words]
    whole = (segment.text, segment.start, segment.end, round(segment.probability, 3))
    return {"start": segment.start, "end": segment.end, "words": words or [whole]}


def files(segments: Sequence[Segment], language: str, name: str) -> list[gr.DownloadButton]:
    """A button for each format, with its file; hidden where nothing was said."""
    if not segments:
        return [gr.DownloadButton(visible=False)] * len(FORMATS)
    buttons = []
    with tempfile.TemporaryDirectory() as folder:
        for form, write in FORMATS.items():
            path = private.create(Path(folder) / f"{Path(name).stem or 'recording'}.{form}")
            path.write_text(write(join(segments, language)), encoding="utf-8")
            buttons.append(gr.DownloadButton(value=private.hand_out(path), visible=True))
    return buttons


def evidence(trace: SpeechTrace | None = None, request: gr.Request | None = None) -> str:
    """The spectrogram that the encoder saw, and the result line; their places without a trace."""
    caption, small, picture = say("What the model sees", request), "", "<div></div>"
    if trace is not None and trace.seen.size:
        mels, frames = trace.seen.shape
        window = f"{say('first window', request)}, {frames / FRAMES_PER_SECOND:.1f} s"
        small = f"{mels} × {frames} · {window}"
        picture = f'<img src="{parts.png(_spectrogram(trace.seen))}" alt="{caption}">'
    return (
        f'<figure class="spectrogram">{picture}<figcaption>{caption}<small>{small}</small>'
        f'</figcaption></figure><p class="ran">{escape(_line(trace, request))}</p>'
    )


def _line(trace: SpeechTrace | None, request: gr.Request | None) -> str:
    """The result line, with the time that a second of sound took where there was speech."""
    if trace is None:
        return ""
    line = parts.result_line(trace, request)
    if not trace.seen.size:
        return line
    share = sum(trace.timings.values()) / 1000 / trace.seconds
    return line.replace(" — ", f" · {share:.3f} {say('s a second of sound', request)} — ", 1)


def _spectrogram(mel: np.ndarray) -> Image.Image:
    """Log-mel [80, frames] as a picture, low tones at the bottom."""
    low, high = float(mel.min()), float(mel.max())
    level = (mel[::-1] - low) / ((high - low) or 1.0) * (len(INK) - 1)
    channels = [np.interp(level, range(len(INK)), INK[:, channel]) for channel in range(3)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
