"""A model's own options, a frozen dataclass on its card, from `NAME=VALUE` on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from model_zoo import values
from model_zoo.errors import BadInput, brief
from model_zoo.spec import ModelSpec


def parse(spec: ModelSpec, chosen: Sequence[str]) -> Any:
    """The card's options with what was chosen, None for a model that has none.

    The dataclass judges the values, as it does in code. Several come as 0,0.4 or as JSON,
    ["a, b", "\\n"], or one by one where the name is said again.
    """
    if spec.task.options is None:
        if chosen:
            raise BadInput("{} has no options: leave --set out.", spec.name)
        return None
    lists = {one.name: isinstance(one.default, tuple) for one in fields(spec.task.options)}
    found: dict[str, Any] = {}
    for item in chosen:
        name, equals, text = item.partition("=")
        values.require_known(name, lists)
        if not equals:
            raise BadInput("{} has no value: say NAME=VALUE.", brief(item))
        if lists[name]:
            found[name] = [*found.get(name, ()), *_items(text)]
        elif name in found:
            raise BadInput("{} is said twice: leave one out.", name)
        else:
            found[name] = text
    return values.chosen(spec.task.options(), found)


def _items(text: str) -> list[Any]:
    """The values of a list in JSON, else what stands between commas."""
    if text.startswith("["):
        try:
            return list(json.loads(text))
        except (ValueError, RecursionError):
            if text.startswith(('["', "['")):
                raise BadInput(
                    '{} is no list in JSON: say it as ["one", "two"].', brief(text)
                ) from None
    return text.split(",") if text else []
