"""What callers give for an option, taken for what it plainly is or refused in a sentence."""

from __future__ import annotations

import math
from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import numpy as np

from model_zoo.errors import BadInput, brief
from model_zoo.text.encoding import mend

YES, NO = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}
LARGEST = 2**64  # whatever is larger is too large for any option


def number(name: str, value: Any) -> float:
    """A number, also NumPy's and one in a text."""
    if isinstance(value, str):
        for kind in (int, float):
            with suppress(ValueError):
                return number(name, kind(value))
    elif isinstance(value, Integral) and not isinstance(value, bool):
        whole = int(value)
        if abs(whole) < LARGEST:
            return whole
        return math.inf if whole > 0 else -math.inf
    elif isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    raise BadInput("{} is a number, not {}.", name, brief(value))


def within(name: str, value: Any, least: float, most: float) -> float:
    """A number between two others, these included."""
    found = number(name, value)
    if not least <= found <= most:  # false for what is not a number, too
        raise BadInput(
            "{} is between {} and {}, not {}.", name, f"{least:g}", f"{most:g}", f"{found:g}"
        )
    return found


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number between two others, these included; 3.0 is one."""
    found = within(name, value, least, most)
    if found != int(found):
        raise BadInput("{} is a whole number, not {}.", name, f"{found:g}")
    return int(found)


def text(name: str, value: Any) -> str:
    """A text, whose signs are whole."""
    if not isinstance(value, str):
        raise BadInput("{} is a text, not {}.", name, brief(value))
    return mend(value)


def flag(name: str, value: Any) -> bool:
    """Yes or no, also as a text: of texts Python itself takes only the empty one for no."""
    said = str(value).strip().lower()
    if isinstance(value, (bool, np.bool_, int, str)) and said in YES | NO:
        return said in YES
    raise BadInput("{} is yes or no, not {}.", name, brief(value))


def texts(name: str, value: Any, most: int) -> tuple[str, ...]:
    """Texts from a list, or the one that is given; none for "" and None."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise BadInput("{} is a list of texts.", name)
    if len(value) > most or not all(value):
        raise BadInput("{} is at most {} texts, none of them empty.", name, most)
    return tuple(value)


def is_another(seed: Any) -> bool:
    """Whether a seed means: another each time."""
    return seed is None or str(seed).strip() in ("", "-1", "-1.0")
