"""The zoo itself: which models there are, and loaded models that share open sessions."""

from __future__ import annotations

import pkgutil
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from threading import Condition
from typing import Any

from cachetools import LRUCache, cached

import model_zoo
from model_zoo.cache import cache_errors, cache_folder, locked
from model_zoo.errors import UnknownModel, WeightsNotFound
from model_zoo.fetch import fetch_all
from model_zoo.session import Session
from model_zoo.spec import Builder, ModelSpec

MAX_OPEN_SESSIONS = 8  # the least recently used is closed when a ninth opens


@cache
def specs() -> dict[str, ModelSpec]:
    """Every model by name, smallest first: the `SPECS` of each file here that has some."""
    found: list[ModelSpec] = []
    for module in pkgutil.iter_modules(model_zoo.__path__):
        if not module.name.startswith("_"):
            found += getattr(import_module(f"model_zoo.{module.name}"), "SPECS", ())
    return {spec.name: spec for spec in sorted(found, key=lambda spec: spec.parameters)}


def names() -> tuple[str, ...]:
    """The models' names, smallest model first."""
    return tuple(specs())


def spec(name: str) -> ModelSpec:
    """The card of a model; raises UnknownModel with the names there are."""
    try:
        return specs()[name]
    except KeyError:
        raise UnknownModel(
            f"There is no model {name!r}: choose one of {', '.join(names())}."
        ) from None


@cache
def load(name: str, precision: str = "auto", provider: str = "auto") -> Any:
    """A model ready to be called; its graph is fetched and opened at the first call.

    `auto` is the fastest pair on this machine that stays inside the spec's accuracy budget:
    what `python -m model_zoo tune` measured, else a rule of thumb. Raises UnknownModel, BadInput.
    """
    from model_zoo.tuning import choose

    chosen = spec(name)
    pair = choose(chosen, precision, provider)
    return chosen.factory(chosen, pair.precision, pair.provider)


@cached(LRUCache(MAX_OPEN_SESSIONS), condition=Condition())
def open_session(name: str, precision: str, provider: str) -> Session:
    """The shared session of a model; opened once even when many threads ask at the same time."""
    return Session(graph_file(spec(name), precision), precision, provider)


def graph_file(spec: ModelSpec, precision: str) -> Path:
    """The ONNX file of a model; where it is not embedded, fetched and built once into the cache."""
    if spec.build is not None:
        return _built(spec, spec.build, precision)
    path = spec.embedded_file(precision)
    if not path.is_file():
        raise WeightsNotFound(
            f"{path.name} is missing from {path.parent}: restore it from the repository, "
            f"or make it with: python -m export build {spec.name}"
        )
    return path


def _built(spec: ModelSpec, build: Builder, precision: str) -> Path:
    weights = fetch_all(spec.sources, model=spec.name)
    # Other weights or another release, another file: a builder that was mended never serves stale.
    facts = "".join(source.sha256 for source in spec.sources) + model_zoo.__version__
    folder = cache_folder() / "graphs" / sha256(facts.encode()).hexdigest()[:16]
    path = folder / f"{spec.name}.{precision}.onnx"
    if path.is_file():
        return path
    with cache_errors(cache_folder()), locked(folder):
        if not path.is_file():  # another process may have built it while this one waited
            scratch = path.with_suffix(".part")
            build(weights, precision, scratch)
            scratch.replace(path)
    return path
