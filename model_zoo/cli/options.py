"""A model's own options, a frozen dataclass on its card, from `NAME=VALUE` on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from model_zoo.errors import BadInput, brief
from model_zoo.spec import ModelSpec


def parse(spec: ModelSpec, chosen: Sequence[str]) -> Any:
    """The card's options with what was chosen, None for a model that has none.

    A value is read as the kind of its default is: a whole number, a number, yes or no, a text;
    several as 0,0.4 or as JSON, ["a, b", "\\n"], or one by one where the name is said again.
    Raises BadInput with the names there are; the dataclass itself judges the values.
    """
    if spec.task.options is None:
        if chosen:
            raise BadInput("{} has no options: leave --set out.", spec.name)
        return None
    defaults = {field.name: field.default for field in fields(spec.task.options)}
    values: dict[str, Any] = {}
    for item in chosen:
        name, equals, text = item.partition("=")
        if name not in defaults or not equals:
            raise BadInput(
                "{} is no option: say NAME=VALUE, of {}.", brief(item), ", ".join(defaults)
            )
        value = _read(name, text, defaults[name])
        if name in values and not isinstance(value, tuple):
            raise BadInput("{} is said twice: leave one out.", name)
        values[name] = values.get(name, ()) + value if isinstance(value, tuple) else value
    return spec.task.options(**values)


def _items(text: str) -> list[str]:
    """The values of a list in JSON, else what stands between commas."""
    if text.startswith("["):
        try:
            return list(map(str, json.loads(text)))
        except ValueError:
            if text.startswith('["'):
                raise BadInput(
                    '{} is no list in JSON: say it as ["one", "two"].', brief(text)
                ) from None
    return text.split(",")


def _read(name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("yes", "no", "true", "false"):
            raise BadInput("{} is yes or no, not {}.", name, brief(text))
        return text.lower() in ("yes", "true")
    if isinstance(default, tuple):
        kind = default[0] if default else ""
        return tuple(_read(name, item, kind) for item in _items(text))
    try:
        return type(default)(text) if isinstance(default, (int, float)) else text
    except ValueError:
        raise BadInput("{} is a number, not {}.", name, brief(text)) from None
