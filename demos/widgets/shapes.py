"""Whether what a page's JavaScript sends has the form that its functions take."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from model_zoo.errors import BadInput

OTHERWISE = "That is not what this page sends: reload it."
Shape = TypeVar("Shape")


def checked(shape: type[Shape], given: Any) -> Shape:
    """The value as the type says it is, a TypedDict for example; raises BadInput for another."""
    try:
        value: Shape = _adapter(cast(Hashable, shape)).validate_python(given)
    except ValidationError:
        raise BadInput(OTHERWISE) from None
    return value


@cache  # to make one takes longer than to use it
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
