"""What holds of every case: an answer or one sentence, within the time and the memory there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import TypeVar

from model_zoo.errors import ZooError
from model_zoo.stopping import Stop, Stopped

LONGEST_SENTENCE = 1000  # characters: more is not read, and a log of what was given
PATIENCE = 5  # seconds that a person waits before Stop; 140,000 tokens are three times as much work
STATUS = Path("/proc/self/status")
PEAK_RESET = Path("/proc/self/clear_refs")

T = TypeVar("T")


class Broken(AssertionError):
    """A rule that a case has broken."""


def answered(call: Callable[[], T]) -> T | None:
    """What a call gives, None where it refuses in a sentence; every other error is let through."""
    try:
        return call()
    except ZooError as error:
        require_sentence(str(error))
        return None


def within_patience(call: Callable[[Stop], T]) -> T | None:
    """As `answered`; None also where it ended because a person had pressed Stop meanwhile."""
    stop = Stop()
    press = Timer(PATIENCE, stop.set)
    press.start()
    try:
        return answered(lambda: call(stop))
    except Stopped:
        return None
    finally:
        press.cancel()


def require_sentence(words: object) -> None:
    """Broken unless these words are one line that a person can read to its full stop."""
    if not isinstance(words, str) or not words.endswith("."):
        raise Broken(f"no sentence: {words!r}"[:500])
    if len(words.splitlines()) > 1 or "Traceback" in words:
        raise Broken(f"more than a sentence: {words!r}"[:500])
    if len(words) > LONGEST_SENTENCE:
        raise Broken(f"a sentence of {len(words):,} characters: {words[:200]!r}")


def require(claim: bool, otherwise: str) -> None:
    """Broken, with what is wrong, unless the claim holds."""
    if not claim:
        raise Broken(otherwise)


class Memory:
    """How many bytes more than at the start the process has held at once, where Linux tells."""

    def __init__(self) -> None:
        self._start = _status("VmRSS")

    def forget_peak(self) -> None:
        """From here on the peak is that of what follows."""
        if PEAK_RESET.exists():
            PEAK_RESET.write_text("5")
        self._start = min(self._start, _status("VmRSS"))  # the system may have taken some back

    def peak(self) -> int:
        """Bytes above the start."""
        return _status("VmHWM") - self._start


def _status(name: str) -> int:
    if not STATUS.exists():
        return 0
    return 1024 * int(STATUS.read_text().partition(f"{name}:")[2].split()[0])
