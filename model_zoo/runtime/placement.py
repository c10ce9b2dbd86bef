"""Where a model runs here: what this machine can do, what was measured on it, else a rule."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import inf
from pathlib import Path

from model_zoo.errors import BadInput, CacheError, brief
from model_zoo.runtime.providers import PROVIDERS, has_brain_floats, processor, ready, usable_cores
from model_zoo.sentence import sentence
from model_zoo.spec import ModelSpec
from model_zoo.weights.cache import cache_errors, cache_folder

# Without a measurement: a GPU first, then the CPU's fastest known; int8 where the budget allows it.
PROVIDER_RULE = ("cuda", "coreml", "directml", "openvino", "cpu", "webgpu")
PRECISION_RULE = ("fp16", "bf16", "int8", "fp32")


@dataclass(frozen=True)
class Choice:
    """A pair, and in plain words why it and no other."""

    precision: str
    provider: str
    reason: str


def candidates(
    spec: ModelSpec, precision: str = "auto", provider: str = "auto"
) -> Iterator[tuple[str, str]]:
    """(precision, provider) pairs that this machine can run and a request leaves open.

    Of those that a model would run alike, the one that it really runs at.
    """
    known = spec.run.precisions
    if precision not in ("auto", *known):
        words = "{} has no precision {}: choose one of auto, {}."
        raise BadInput(words, spec.name, brief(precision), ", ".join(known))
    if provider not in ("auto", *PROVIDERS):
        words = "There is no provider {}: choose one of auto, {}."
        raise BadInput(words, brief(provider), ", ".join(PROVIDERS))
    precisions = spec.run.precisions if precision == "auto" else (precision,)
    providers = ready() if provider == "auto" else (provider,)
    seen = []
    for pair in filter(_sensible, product(precisions, providers)):
        if (placed := spec.place(*pair)) not in seen:
            seen.append(placed)
            yield spec.pair(*pair)


def choose(spec: ModelSpec, precision: str = "auto", provider: str = "auto") -> Choice:
    """The pair to run a model at; what the caller names is taken as it is."""
    pairs = [
        pair
        for pair in candidates(spec, precision, provider)
        if precision != "auto" or spec.within_budget(pair[0])
    ]
    if "auto" not in (precision, provider):
        return Choice(*spec.pair(precision, provider), "asked for")
    if not pairs:
        raise BadInput(_nothing(spec, precision, provider))
    times = remembered(spec.name)
    measured = [pair for pair in pairs if "/".join(pair) in times]
    if len(measured) == len(pairs):
        best = min(measured, key=lambda pair: times["/".join(pair)])
        milliseconds = times["/".join(best)]
        return Choice(*best, f"the fastest of {len(pairs)} measured here ({milliseconds:.2f} ms)")
    best = min(pairs, key=lambda p: (PROVIDER_RULE.index(p[1]), PRECISION_RULE.index(p[0])))
    return Choice(*best, f"by rule: run `python -m model_zoo tune {spec.name}` to measure it here")


def _nothing(spec: ModelSpec, precision: str, provider: str) -> str:
    if precision == "auto":
        words = "{} has nothing to run on {}: choose another provider."
        return sentence(words, spec.name, provider)
    there = ", ".join(ready())
    words = "Nothing here ({}) runs {} in {}: choose another precision."
    return sentence(words, there, spec.name, precision)


def remember(name: str, times: Mapping[str, float]) -> None:
    """Keep a model's milliseconds by "precision/provider" for `choose` on this machine."""
    memory = {"machine": _machine(), "median_ms": _memory() | {name: dict(times)}}
    path = _file()
    with cache_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(memory, indent=1), encoding="utf-8")
        scratch.replace(path)


def remembered(name: str) -> dict[str, float]:
    """Milliseconds by "precision/provider" as `tune` measured them here, {} where it never did."""
    return dict(_memory().get(name, {}))


def _file() -> Path:
    return cache_folder() / "tuned.json"


def _memory() -> dict[str, dict[str, float]]:
    """Times by model and pair; empty where they are unreadable or another machine's."""
    try:
        file = _file()
        memory = json.loads(file.read_text(encoding="utf-8"))
        if memory["machine"] != _machine():
            return {}
        return {
            model: {pair: _milliseconds(time) for pair, time in times.items()}
            for model, times in memory["median_ms"].items()
        }
    except (CacheError, FileNotFoundError):
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        warnings.warn(
            f"{file} cannot be read and is ignored: run `python -m model_zoo tune` to measure "
            "again, or remove it.",
            stacklevel=2,
        )
        return {}


def _milliseconds(time: float) -> float:
    if not 0 < time < inf:
        raise ValueError(time)
    return float(time)


@cache
def _machine() -> str:
    """What makes a measurement stale when it changes."""
    return f"{processor()}, {usable_cores()} cores, onnxruntime {_runtime_version()}"


def _runtime_version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


def _sensible(pair: tuple[str, str]) -> bool:
    precision, provider = pair
    if precision == "bf16":
        return provider == "openvino" and has_brain_floats()
    if precision == "int8":  # these products are for processors
        return provider in ("cpu", "openvino")
    # On a CPU half precision is converted at every operator.
    return precision != "fp16" or provider not in ("cpu", "openvino")
