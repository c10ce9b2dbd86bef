"""The page Listen's recorder: recordings that came up, and captions of open microphones."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import gradio as gr
import numpy as np
from cachetools import TTLCache
from gradio import processing_utils, utils
from pydantic import Field, StrictInt
from typing_extensions import TypedDict  # pydantic takes Python's own from 3.12 on

from demos.shell.words import later
from demos.widgets.shapes import checked
from model_zoo.errors import BadInput, ZooError
from model_zoo.speech.captions import Captions
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.task import example
from model_zoo.speech.whisper import Whisper
from model_zoo.stopping import Stop

HERE = Path(__file__).parent
# President Kennedy's inaugural address: a work of the United States' government, public domain.
EXAMPLES: dict[str, Callable[[], Any]] = {later("John F. Kennedy, 1961"): example}
MOST = 32  # microphones at once
FORGOTTEN_SECONDS = 120  # after the last sound
MOST_PAGES, PAGE_SECONDS = 4096, 86_400  # pages whose latest turn is remembered, and how long
MAX_SECONDS = 60  # of sound in one message: more is a client that never sends


class Turn(TypedDict):
    """One of the questions that a page asks one after the other; the number grows."""

    page: Annotated[str, Field(max_length=64)]  # which is remembered
    turn: StrictInt


class Recorded(Turn):
    """A recording to listen to: the path of the upload and the name of the file."""

    path: str
    name: str


class Sound(TypedDict):
    """What the browser sends: int16 samples in base64, none at the end."""

    ticket: str
    rate: int
    sound: str


_open: TTLCache[str, tuple[Captions, Lock]] = TTLCache(MOST, FORGOTTEN_SECONDS)
# By page: the highest number that has begun or ended, and the Stop of the one that began last.
_turns: TTLCache[str, tuple[int, Stop]] = TTLCache(MOST_PAGES, PAGE_SECONDS)
_lock = Lock()


def ticket_for(model: Whisper, options: SpeechOptions) -> str:
    """A word by which the browser names this microphone's captions from now on.

    Raises BadInput where too many are open: none of them is pushed out by a new one.
    """
    ticket = secrets.token_urlsafe(12)
    with _lock:
        _open.expire()
        if len(_open) >= MOST:
            raise BadInput("Too many microphones are open here: try again in a minute.")
        _open[ticket] = (Captions(model, options), Lock())
    return ticket


def hear(sent: Sound) -> dict[str, str]:
    """What has been said so far, as {final, tentative}; {trouble} in a sentence."""
    try:
        samples = np.frombuffer(base64.b64decode(sent["sound"], validate=True), np.int16)
        ticket, rate = str(sent["ticket"]), int(sent["rate"])
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        return {"trouble": "That is no sound: send {ticket, rate, sound}."}
    with _lock:
        known = _open.pop(ticket, None)
        if known and samples.size:
            _open[ticket] = known  # again, so that its time begins anew
    if known is None:
        return {"trouble": later("The captions have ended: record again.")}
    if not samples.size:
        return {}
    captions, alone = known
    try:
        if len(samples) > MAX_SECONDS * rate:
            raise BadInput("The captions cannot keep up with the sound on this machine.")
        with alone:
            said = captions.hear((rate, samples))
    except ZooError as error:
        return {"trouble": str(error)}
    return {"final": said.final, "tentative": said.tentative}


def begin(asked: Turn, stop: Stop) -> bool:
    """Take over from the page's earlier question; False where a later one came or it was ended.

    Requests may overtake each other, so that the page's own numbers decide, not the order in
    which they arrive.
    """
    with _lock:
        latest, running = _turns.get(asked["page"], (0, Stop()))
        if asked["turn"] <= latest:
            return False
        running.set()
        _turns[asked["page"]] = asked["turn"], stop
        return True


def end(asked: Turn) -> None:
    """Nothing up to this question is wanted any more, even where it has not begun.

    Gradio's own `cancels` loses what the server has not numbered yet, and forgets what is
    submitted while it cancels.
    """
    asked = checked(Turn, asked)
    with _lock:
        latest, running = _turns.get(asked["page"], (0, Stop()))
        if asked["turn"] >= latest:
            running.set()
            _turns[asked["page"]] = asked["turn"], running


def component() -> gr.HTML:
    """Record, choose, drop or try: its value is a Recorded, a Turn while recording, or None.

    It triggers start_recording and upload.
    """
    return gr.HTML(
        None,
        html_template=(HERE / "recorder.html").read_text("utf-8"),
        js_on_load=(HERE / "recorder.js").read_text("utf-8"),
        elem_id="recorder",
        server_functions=[hear, example_file, end],
        examples=list(EXAMPLES),
    )


def example_file(name: str) -> dict[str, str] | None:
    """An example as if it had been uploaded: {path, url, name}."""
    if checked(str, name) not in EXAMPLES:
        return None
    path = kept(EXAMPLES[name]())
    return {"path": path, "url": f"gradio_api/file={path}", "name": Path(path).name}


def kept(path: Path) -> str:
    """A copy among the uploads, which Gradio hands out and clears away."""
    copy: str = processing_utils.save_file_to_cache(path, cache_dir=utils.get_upload_folder())
    return copy


def uploaded(sound: Recorded) -> Path:
    """The file of a recording; only what was uploaded, whatever path a client may name."""
    path = Path(sound["path"]).resolve()
    if not path.is_relative_to(Path(utils.get_upload_folder()).resolve()):
        raise BadInput("That file was not sent to this page: choose it again.")
    return path
