"""The ONNX files that models open: committed ones, and those built once from fetched weights."""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import textwrap
import time
import warnings
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from model_zoo.errors import WeightsNotFound
from model_zoo.spec import WEIGHTS, WHOLE, Builder, ModelSpec, stored
from model_zoo.weights.cache import (
    cache_errors,
    cache_folder,
    discard,
    is_as_built,
    is_noted,
    locked,
    remember_built,
    require_room,
    sha256_of,
)
from model_zoo.weights.description import describe, description
from model_zoo.weights.fetch import fetch_all

PACKAGE = "model_zoo.graphs"
GRAPHS = WEIGHTS.parent / "graphs"
DAY_SECONDS = 24 * 60 * 60
STALE_DAYS = 30  # an older version of the program, or a newer one, may still open its own graphs
CHEAP_BYTES = 160_000_000
BYTES_PER_WEIGHT = {"fp32": 4, "fp16": 2, "int8": 1}


def weights_of(spec: ModelSpec) -> dict[str, Path]:
    """File name → verified local path of all that a model is built from, fetched if need be."""
    return fetch_all(spec.weights.sources, folder=spec.weights.folder, model=spec.name)


def graph_file(spec: ModelSpec, precision: str, part: str = WHOLE) -> Path:
    """The ONNX file of a part; where it is not embedded, fetched and built once into the cache."""
    if spec.weights.build is not None:
        return _built(spec, spec.weights.build, stored(precision), part)
    path = spec.embedded_file(precision, part)
    if not path.is_file():
        raise WeightsNotFound(
            "{} is missing from {}: restore it from the repository, or make it with: python "
            "-m export build {}",
            path.name,
            path.parent,
            spec.name,
        )
    return path


def graph_files(spec: ModelSpec, precision: str, provider: str = "cpu") -> list[Path]:
    """The ONNX files of all parts that a model opens at this pair."""
    places = spec.place(precision, provider)
    return [graph_file(spec, places[part][0], part) for part in spec.run.parts]


def _built(spec: ModelSpec, build: Builder, precision: str, part: str) -> Path:
    weights = weights_of(spec) | _adapter(spec)
    graphs = cache_folder() / "graphs"
    folder = graphs / _fingerprint(spec)
    path = folder / spec.filename(part, precision)
    with cache_errors(cache_folder()):
        if _is_whole(path):
            _note_use(folder)
            return path
        with locked(folder):
            if not _is_whole(path):  # another process may have built it while this one waited
                _build(spec, build, weights, part, precision, path)
                for other in graphs.glob(f"*/{path.name}"):
                    if other != path and _days_unused(other.parent) > STALE_DAYS:
                        _discard(other)
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
        describe(scratch, spec)
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


def _days_unused(folder: Path) -> float:
    return (time.time() - folder.stat().st_mtime) / DAY_SECONDS


def _note_use(folder: Path) -> None:
    """Once a day, in the folder's own time; a read-only cache is good enough to read from."""
    if _days_unused(folder) > 1:
        with contextlib.suppress(OSError):
            os.utime(folder)


def _discard(graph: Path) -> None:
    for file in (graph.with_suffix(".data"), graph):
        discard(file)


def _expected_bytes(spec: ModelSpec, precision: str) -> int:
    """What a part's graph will need on the disk, roughly: all parts alike."""
    return spec.card.parameters * BYTES_PER_WEIGHT[precision] // len(spec.run.parts)


def _adapter(spec: ModelSpec) -> dict[str, Path]:
    path = spec.adapter_file
    if path is None:
        return {}
    if not path.is_file():
        raise WeightsNotFound(
            "{} is missing from {}: restore it from the repository, or train it: python -m "
            "export train {}",
            path.name,
            path.parent,
            spec.name,
        )
    return {path.name: path}


def is_cheap(spec: ModelSpec, precision: str) -> bool:
    """Whether the graphs of a precision are there, or made in a moment and little room."""
    if spec.weights.build is None:
        return spec.embedded_file(precision).is_file()
    if spec.card.parameters * BYTES_PER_WEIGHT[precision] <= CHEAP_BYTES:
        return True
    folder = cache_folder() / "graphs" / _fingerprint(spec)
    return all((folder / spec.filename(part, precision)).is_file() for part in spec.run.parts)


def digest(spec: ModelSpec) -> str:
    """Another one for other weights, another builder or another card."""
    return _fingerprint(spec) if spec.weights.build else _embedded_digest(spec)


@cache
def _embedded_digest(spec: ModelSpec) -> str:
    files = filter(Path.is_file, map(spec.embedded_file, spec.run.precisions))
    return sha256("".join(map(sha256_of, files)).encode()).hexdigest()[:16]


@cache
def _fingerprint(spec: ModelSpec) -> str:
    """Other weights, a mended builder or card, another folder: nothing stale is ever served."""
    found = sha256("".join(source.sha256 for source in spec.weights.sources).encode())
    for path in _adapter(spec).values():
        found.update(path.read_bytes())
    assert spec.weights.build is not None
    for code in (*builder_code(spec.weights.build), *sorted(description(spec).values())):
        found.update(code.encode())
    return found.hexdigest()[:16]


def builder_code(build: Builder) -> list[str]:
    """The source of a builder and of every file in `graphs` that it imports, one by the other."""
    found = {"": textwrap.dedent(inspect.getsource(build))}
    waiting = [""]
    while waiting:
        for name in _imported(found[waiting.pop()]) - set(found):
            found[name] = (GRAPHS / f"{name}.py").read_text(encoding="utf-8")
            waiting.append(name)
    return [found[name] for name in sorted(found)]


def _imported(code: str) -> set[str]:
    """The files of `graphs` that a piece of Python imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    inside = {name.removeprefix(f"{PACKAGE}.") for name in names if name.startswith(f"{PACKAGE}.")}
    return {name for name in inside if (GRAPHS / f"{name}.py").is_file()}
