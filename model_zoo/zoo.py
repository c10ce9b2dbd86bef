"""The zoo itself: which models there are, and loaded models that share open sessions."""

from __future__ import annotations

import copyreg
import pkgutil
import warnings
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import import_module, resources
from pathlib import Path
from threading import Condition
from typing import Any

from cachetools import LRUCache, cached

import model_zoo
from model_zoo.cache import (
    cache_errors,
    cache_folder,
    discard,
    is_as_built,
    is_noted,
    locked,
    remember_built,
    require_room,
)
from model_zoo.errors import UnknownModel, WeightsNotFound, brief
from model_zoo.fetch import fetch_all
from model_zoo.session import Session
from model_zoo.spec import WHOLE, Builder, ModelSpec, stored

ASKED_FOR = 1_000_000_000  # bytes: larger weights come only when their model is named
BYTES_PER_WEIGHT = {"fp32": 4, "fp16": 2, "int8": 1}
MAX_OPEN_SESSIONS = 12  # the least recently used is closed when another opens


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


def usual() -> tuple[str, ...]:
    """The models that are fetched, measured and examined without being named."""
    return tuple(name for name, spec in specs().items() if spec.download <= ASKED_FOR)


def spec(name: str) -> ModelSpec:
    """The card of a model; raises UnknownModel with the names there are."""
    try:
        return specs()[name]
    except KeyError:
        raise UnknownModel(
            f"There is no model {brief(name)}: choose one of {', '.join(names())}."
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
    model = chosen.factory(chosen, pair.precision, pair.provider)
    copyreg.pickle(type(model), _by_name)
    return model


def _by_name(model: Any) -> tuple[Any, ...]:
    """How any model is pickled: what it is called, so that another process opens its own."""
    return load, (model.spec.name, model.precision, model.provider)


@cached(LRUCache(MAX_OPEN_SESSIONS), condition=Condition())
def open_session(name: str, precision: str, provider: str, part: str = WHOLE) -> Session:
    """The shared session of a model's part; opened once even when many threads ask at once."""
    return new_session(spec(name), precision, provider, part)


def new_session(spec: ModelSpec, precision: str, provider: str, part: str = WHOLE) -> Session:
    """A session of one's own, at the pair where the model places this part."""
    precision, provider = spec.place(precision, provider)[part]
    return Session(graph_file(spec, precision, part), precision, provider, spec.spin)


def graph_file(spec: ModelSpec, precision: str, part: str = WHOLE) -> Path:
    """The ONNX file of a part; where it is not embedded, fetched and built once into the cache."""
    if spec.build is not None:
        return _built(spec, spec.build, stored(precision), part)
    path = spec.embedded_file(precision)
    if not path.is_file():
        raise WeightsNotFound(
            f"{path.name} is missing from {path.parent}: restore it from the repository, "
            f"or make it with: python -m export build {spec.name}"
        )
    return path


def graph_files(spec: ModelSpec, precision: str, provider: str = "cpu") -> list[Path]:
    """The ONNX files of all parts that a model opens at this pair."""
    places = spec.place(precision, provider)
    return [graph_file(spec, places[part][0], part) for part in spec.parts]


def _built(spec: ModelSpec, build: Builder, precision: str, part: str) -> Path:
    weights = fetch_all(spec.sources, model=spec.name) | _adapter(spec)
    graphs = cache_folder() / "graphs"
    folder = graphs / _fingerprint(spec)
    path = folder / spec.filename(part, precision)
    with cache_errors(cache_folder()):
        if _is_whole(path):
            return path
        with locked(folder):
            if not _is_whole(path):  # another process may have built it while this one waited
                _build(spec, build, weights, part, precision, path)
                for stale in graphs.glob(f"*/{path.name}"):
                    if stale != path:
                        _discard(stale)
    return path


def _build(
    spec: ModelSpec,
    build: Builder,
    weights: Mapping[str, Path],
    part: str,
    precision: str,
    path: Path,
) -> None:
    """Build a graph in place of whatever is there; of a build that fails nothing stays."""
    if path.exists() and is_noted(path):
        warnings.warn(
            f"{path} is damaged (it is not as it was built): building it again.", stacklevel=2
        )
    _discard(path)
    require_room(_expected_bytes(spec, precision), path.parent)
    scratch = path.with_suffix(".part")
    try:
        build(weights, part, precision, scratch)
        scratch.replace(path)
    except BaseException:
        _discard(scratch)
        raise
    for file in _files_of(path):
        remember_built(file)


def _files_of(graph: Path) -> list[Path]:
    """A graph's own file, and beside it that of weights too large for it, where there is one."""
    apart = graph.with_suffix(".data")
    return [graph, apart] if apart.exists() or is_noted(apart) else [graph]


def _is_whole(graph: Path) -> bool:
    return graph.is_file() and all(map(is_as_built, _files_of(graph)))


def _discard(graph: Path) -> None:
    for file in (graph.with_suffix(".data"), graph):
        discard(file)


def _expected_bytes(spec: ModelSpec, precision: str) -> int:
    """What a part's graph will need on the disk, roughly: all parts alike."""
    return spec.parameters * BYTES_PER_WEIGHT[precision] // len(spec.parts)


def _adapter(spec: ModelSpec) -> dict[str, Path]:
    path = spec.adapter_file
    if path is None:
        return {}
    if not path.is_file():
        raise WeightsNotFound(
            f"{path.name} is missing from {path.parent}: restore it from the repository, "
            f"or train it: python -m export train {spec.name}"
        )
    return {path.name: path}


@cache
def _fingerprint(spec: ModelSpec) -> str:
    """Other weights or mended builders, another folder: nothing stale is ever served."""
    digest = sha256("".join(source.sha256 for source in spec.sources).encode())
    for path in _adapter(spec).values():
        digest.update(path.read_bytes())
    for file in sorted(resources.files("export.graphs").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
