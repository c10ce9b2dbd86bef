"""Captions of the microphones that are open now: the browser sends sound, words come back."""

from __future__ import annotations

import base64
import binascii
import secrets
from threading import Lock
from typing import TypedDict

import numpy as np
from cachetools import TTLCache

from model_zoo.errors import BadInput, ZooError
from model_zoo.speech.captions import Captions
from model_zoo.whisper import SpeechOptions, Whisper

MOST = 32  # microphones at once; the one that was silent longest makes room
FORGOTTEN_SECONDS = 120  # after the last sound
MAX_SECONDS = 60  # of sound in one message: more is a client that never sends


class Sound(TypedDict):
    """What the browser sends: int16 samples in base64, none at the end."""

    ticket: str
    rate: int
    sound: str


_open: TTLCache[str, tuple[Captions, Lock]] = TTLCache(MOST, FORGOTTEN_SECONDS)
_lock = Lock()


def ticket_for(model: Whisper, options: SpeechOptions) -> str:
    """A word by which the browser names this microphone's captions from now on."""
    ticket = secrets.token_urlsafe(12)
    with _lock:
        _open[ticket] = (Captions(model, options), Lock())
    return ticket


def hear(sent: Sound) -> dict[str, str]:
    """What has been said so far, as {final, tentative}; {trouble} in a sentence."""
    try:
        samples = np.frombuffer(base64.b64decode(sent["sound"], validate=True), np.int16)
        ticket, rate = str(sent["ticket"]), int(sent["rate"])
    except (KeyError, TypeError, ValueError, binascii.Error):
        return {"trouble": "That is no sound: send {ticket, rate, sound}."}
    with _lock:
        known = _open.pop(ticket, None)
        if known and samples.size:
            _open[ticket] = known  # again, so that its time begins anew
    if known is None:
        return {"trouble": "The captions have ended: record again."}
    if not samples.size:
        return {}
    captions, alone = known
    try:
        if len(samples) > MAX_SECONDS * rate:
            raise BadInput("The captions cannot keep up with the sound on this machine.")
        with alone:
            said = captions.hear((rate, samples))
    except ZooError as error:
        return {"trouble": error.args[0]}
    return {"final": said.final, "tentative": said.tentative}
