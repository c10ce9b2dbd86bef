"""A model's own options, a frozen dataclass on its card, from `NAME=VALUE` on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from model_zoo.errors import BadInput
from model_zoo.spec import ModelSpec


def parse(spec: ModelSpec, chosen: Sequence[str]) -> Any:
    """The card's options with what was chosen, None for a model that has none.

    A value is read as the kind of its default is: a whole number, a number, yes or no, a text.
    Raises BadInput with the names there are; the dataclass itself judges the values.
    """
    if spec.options is None:
        if chosen:
            raise BadInput(f"{spec.name} has no options: leave --set out.")
        return None
    defaults = {field.name: field.default for field in fields(spec.options)}
    values = {}
    for item in chosen:
        name, equals, text = item.partition("=")
        if name not in defaults or not equals:
            raise BadInput(f"{item!r} is no option: say NAME=VALUE, of {', '.join(defaults)}.")
        values[name] = _read(name, text, defaults[name])
    return spec.options(**values)


def _read(name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("yes", "no", "true", "false"):
            raise BadInput(f"{name} is yes or no, not {text!r}.")
        return text.lower() in ("yes", "true")
    if isinstance(default, tuple):
        kind = default[0] if default else ""
        return tuple(_read(name, item, kind) for item in text.split(","))
    try:
        return type(default)(text) if isinstance(default, (int, float)) else text
    except ValueError:
        raise BadInput(f"{name} is a number, not {text!r}.") from None
