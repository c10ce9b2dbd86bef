"""The networks that are trained here; a recipe is imported, and torch with it, when it is asked
for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from model_zoo.errors import UnknownModel

if TYPE_CHECKING:
    from export.recipes.recipe import Recipe

_MODULES = {
    "mnist-cnn": "mnist_cnn",
    "mnist-mlp": "perceptron",
    "cifar10-resnet": "cifar10_resnet",
    "sst2-minilm": "sentiment",
}


def names() -> tuple[str, ...]:
    """Names of all recipes."""
    return tuple(_MODULES)


def find(name: str) -> Recipe:
    """The recipe called `name`; UnknownModel names those there are."""
    if name not in _MODULES:
        raise UnknownModel(f"There is no recipe {name!r}: choose one of {', '.join(_MODULES)}.")
    found: Recipe = import_module(f"{__name__}.{_MODULES[name]}").RECIPE
    return found
