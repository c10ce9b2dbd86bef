"""What callers give for an option, taken for what it plainly is or refused in a sentence."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from decimal import Decimal
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, TypeVar

from model_zoo.errors import BadInput, brief
from model_zoo.text.encoding import mend

YES, NO = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}
LARGEST = 2**64  # whatever is larger is too large for any option
Options = TypeVar("Options")


def chosen(options: Options, values: Mapping[str, Any]) -> Options:
    """The options, a dataclass, with these values by name; it judges the values itself."""
    for name in values:
        require_known(name, [field.name for field in fields(options)])  # type: ignore[arg-type]
    return replace(options, **values)  # type: ignore[type-var]


def require_known(name: str, names: Collection[str]) -> None:
    """Raise BadInput for a name that is none of these, with the nearest one or all."""
    if name in names:
        return
    if near := get_close_matches(name.strip().lower().replace("-", "_"), names, 1):
        raise BadInput("There is no option {}; the nearest is {}.", brief(name), near[0])
    raise BadInput("There is no option {}: choose one of {}.", brief(name), ", ".join(names))


def number(name: str, value: Any) -> float:
    """A number, also NumPy's and one in a text."""
    value = _plain(value)
    if isinstance(value, str):
        for kind in (int, float):
            with suppress(ValueError):
                return number(name, kind(value))
    elif isinstance(value, Integral) and not isinstance(value, bool):
        whole = int(value)
        if abs(whole) < LARGEST:
            return whole
        return math.inf if whole > 0 else -math.inf
    elif isinstance(value, (Real, Decimal)) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return float(value)
    raise BadInput("{} is a number, not {}.", name, brief(value))


def within(name: str, value: Any, least: float, most: float) -> float:
    """A number between two others, these included."""
    found = number(name, value)
    if math.isnan(found):
        raise BadInput("{} is a number, not {}.", name, brief(value))
    if not least <= found <= most:
        raise BadInput(
            "{} is between {} and {}, not {}.",
            name,
            f"{least:,}",
            f"{most:,}",
            brief(_plain(value)),
        )
    return found


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number between two others, these included; 3.0 is one."""
    found = within(name, value, least, most)
    if found != int(found):
        raise BadInput("{} is a whole number, not {}.", name, brief(_plain(value)))
    return int(found)


def numbers(name: str, value: Any, least: float, most: float) -> tuple[float, ...]:
    """Numbers between two others from a list, or the one that is given."""
    value = _plain(value)
    several = value if isinstance(value, (list, tuple)) else (value,)
    return tuple(within(name, one, least, most) for one in several)


def text(name: str, value: Any) -> str:
    """A text, whose signs are whole."""
    if not isinstance(value, str):
        raise BadInput("{} is a text, not {}.", name, brief(value))
    return mend(value)


def flag(name: str, value: Any) -> bool:
    """Yes or no, also as a text: of texts Python itself takes only the empty one for no."""
    plain = _plain(value)
    said = plain.strip().lower() if isinstance(plain, str) else brief(plain).lower()
    if isinstance(plain, (bool, int, str)) and said in YES | NO:
        return said in YES
    raise BadInput("{} is yes or no, not {}.", name, brief(value))


def texts(name: str, value: Any, most: int) -> tuple[str, ...]:
    """Texts from a list, or the one that is given; none for "" and None."""
    value = _plain(value)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise BadInput("{} is a list of texts.", name)
    if len(value) > most or not all(value):
        raise BadInput("{} is at most {} texts, none of them empty.", name, most)
    return tuple(map(mend, value))


def is_another(seed: Any) -> bool:
    """Whether a seed means: another each time."""
    plain = _plain(seed)
    said = plain.strip() if isinstance(plain, str) else plain
    return said is None or said in ("", "-1", "-1.0", -1)


def _plain(value: Any) -> Any:
    """As Python's own: a number or a list that NumPy or torch holds."""
    return value.tolist() if hasattr(value, "tolist") else value
