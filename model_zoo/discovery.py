"""Where models come from: the zoo's own rooms, installed packages, and the user's folder.

A package offers its models by an entry point in the group `sensorium.models` that names a module
with `SPECS`, or the specs themselves. In the user's folder every model has a folder of its own:

    my-model/model.toml              the manifest, see vision/manifest.py
             my-model.fp32.onnx      the graph; my-model.int8.onnx beside it where there is one
"""

from __future__ import annotations

import os
import pkgutil
import tomllib
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from model_zoo.errors import BadInput
from model_zoo.spec import ModelSpec

ROOMS = (
    "model_zoo.vision",
    "model_zoo.text",
    "model_zoo.speech",
)  # packages whose files have models
GROUP = "sensorium.models"
MANIFEST = "model.toml"


def own() -> Iterator[ModelSpec]:
    """The `SPECS` of each file in the zoo's rooms that has some."""
    for room in map(import_module, ROOMS):
        for module in pkgutil.iter_modules(room.__path__):
            if not module.name.startswith("_"):
                yield from getattr(import_module(f"{room.__name__}.{module.name}"), "SPECS", ())


def installed() -> Iterator[ModelSpec]:
    """The models of other packages; one that cannot be imported is told, and left out."""
    for point in entry_points(group=GROUP):
        try:
            found = point.load()
            yield from getattr(found, "SPECS", found)
        except Exception as error:  # whatever a stranger's package does
            warnings.warn(
                f"The models of {point.value} are left out "
                f"({type(error).__name__}: {error}): mend or remove that package.",
                stacklevel=2,
            )


def offered(group: str, name: str) -> Any:
    """What an installed package offers for a purpose, for example a task's check; None for nothing.

    A folder that was copied and not installed offers nothing.
    """
    return next((point.load() for point in entry_points(group=group, name=name)), None)


def folder() -> Path:
    """Where the user's own models lie: SENSORIUM_MODELS, or a folder of the user's data."""
    if chosen := os.environ.get("SENSORIUM_MODELS"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("sensorium", appauthor=False) / "models"


def in_folder() -> Iterator[ModelSpec]:
    """The models in the user's folder; one whose manifest is wrong is told, and left out."""
    try:
        manifests = sorted(folder().glob(f"*/{MANIFEST}"))
    except (OSError, RuntimeError):  # it may not be read, or there is no home to have one in
        return
    for manifest in manifests:
        from model_zoo.vision.manifest import (
            from_manifest,  # with Pillow and all, where it is needed
        )

        try:
            yield from_manifest(manifest)
        except (BadInput, OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            warnings.warn(f"{manifest} is left out: {error}", stacklevel=2)
