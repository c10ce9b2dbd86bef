"""The ONNX files that models open: committed ones, and those built once from fetched weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path

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
from model_zoo.errors import WeightsNotFound
from model_zoo.fetch import fetch_all
from model_zoo.spec import WHOLE, Builder, ModelSpec, stored

BYTES_PER_WEIGHT = {"fp32": 4, "fp16": 2, "int8": 1}


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
