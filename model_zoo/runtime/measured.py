"""What was measured on this machine, kept in the cache by machine, versions and model digest."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from typing import Any

from cachetools.func import ttl_cache

from model_zoo.errors import ZooError
from model_zoo.runtime.providers import PLUGINS, Workers, processor, usable_cores
from model_zoo.spec import ModelSpec
from model_zoo.weights.cache import cache_errors, cache_folder, locked
from model_zoo.weights.store import digest

Pair = tuple[str, str]  # precision and provider


@dataclass(frozen=True)
class Timing:
    """How long a short piece of a model's work took at one pair.

    `spread`: the middle half of the runs, as a share of the median.
    """

    median_ms: float
    spread: float
    runs: int
    workers: Workers

    def __post_init__(self) -> None:
        if not (0 < self.median_ms < inf and 0 <= self.spread < inf and self.runs > 0):
            raise ValueError(self)


@dataclass(frozen=True, eq=False)
class Measured:
    """All that is known of one model here.

    `failed`: pairs that did not run, with the reason. `passes`: how often it was measured.
    `settled`: False where other programs disturbed it, so that it is measured again.
    """

    day: str = ""
    passes: int = 0
    settled: bool = False
    timings: Mapping[Pair, Timing] = field(default_factory=dict)
    failed: Mapping[Pair, str] = field(default_factory=dict)


FILE = "measured.json"
LOOK_SECONDS = 1.0  # other processes may have measured meanwhile
NOTHING = Measured()
trying: Workers | None = None  # what `trial` opens every session with


def measured(spec: ModelSpec) -> Measured:
    """What is known of a model; NOTHING where it, a version or the machine is another by now."""
    try:
        return _models(os.environ.get("SENSORIUM_CACHE", "")).get(_key(spec), NOTHING)
    except ZooError:
        return NOTHING


def keep(spec: ModelSpec, found: Measured) -> None:
    """Keep what was measured, beside that of other models."""
    folder = cache_folder()
    path = folder / FILE
    with cache_errors(folder), locked(folder / "measuring"):
        others = _read(folder)
        name = f"{spec.name} "  # of which nothing older is kept
        models = {key: one for key, one in others.items() if not key.startswith(name)}
        models[_key(spec)] = found
        memory = {"machine": _machine(), "models": {k: _plain(one) for k, one in models.items()}}
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(memory, indent=1), encoding="utf-8")
        scratch.replace(path)
    _models.cache_clear()


def workers(spec: ModelSpec, precision: str, provider: str) -> Workers:
    """What was measured as fastest for a pair, else every core that this process may use."""
    if trying is not None:
        return trying
    if timing := measured(spec).timings.get((precision, provider)):
        return timing.workers
    return Workers(usable_cores(), spec.run.spin)


def _key(spec: ModelSpec) -> str:
    return f"{spec.name} {digest(spec)}"


def _plain(found: Measured) -> dict[str, Any]:
    return {
        "day": found.day,
        "passes": found.passes,
        "settled": found.settled,
        "timings": {"/".join(pair): asdict(timing) for pair, timing in found.timings.items()},
        "failed": {"/".join(pair): reason for pair, reason in found.failed.items()},
    }


@ttl_cache(maxsize=8, ttl=LOOK_SECONDS)
def _models(_: str) -> dict[str, Measured]:
    """What the cache folder says, which the variable may have moved; asked at every answer."""
    return _read(cache_folder())


def _read(folder: Path) -> dict[str, Measured]:
    """By model and digest; empty where the file is unreadable or another machine's."""
    file, machine = folder / FILE, _machine()
    try:
        memory = json.loads(file.read_text(encoding="utf-8"))
        if memory["machine"] != machine:
            return {}
        return {
            key: Measured(
                str(one["day"]),
                int(one["passes"]),
                bool(one["settled"]),
                {_pair(pair): _timing(timing) for pair, timing in one["timings"].items()},
                {_pair(pair): str(reason) for pair, reason in one["failed"].items()},
            )
            for key, one in memory["models"].items()
        }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        warnings.warn(
            f"{file} cannot be read and is ignored: run `python -m model_zoo tune` to measure "
            "again, or remove it.",
            stacklevel=2,
        )
        return {}


def _pair(text: str) -> Pair:
    precision, provider = text.split("/")
    return precision, provider


def _timing(values: Mapping[str, Any]) -> Timing:
    threads, spin = int(values["workers"]["threads"]), bool(values["workers"]["spin"])
    median, spread = float(values["median_ms"]), float(values["spread"])
    return Timing(median, spread, int(values["runs"]), Workers(threads, spin))


@cache
def _machine() -> str:
    """What makes a measurement stale when it changes."""
    names = ("onnxruntime", *(plugin.package for plugin in PLUGINS.values()))
    versions = (f"{name} {found}" for name in names if (found := _version(name)))
    return f"{processor()}, {usable_cores()} cores, {', '.join(versions)}"


def _version(package: str) -> str:
    if package == "onnxruntime":  # whose package may be onnxruntime-gpu or another build
        import onnxruntime

        return str(onnxruntime.__version__)
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
