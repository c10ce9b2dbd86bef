"""Measure models as a person meets them: from input to answer, stage by stage, all in one run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np

from model_zoo import zoo
from model_zoo.errors import BadInput
from model_zoo.providers import PROVIDERS, ready
from model_zoo.session import Session
from model_zoo.spec import ModelSpec

ROUNDS = 20  # turns that each candidate gets
RUNS_A_ROUND = 15
WARM_UP = 5  # runs not counted, at the start of every turn: caches and clocks settle


@dataclass(frozen=True)
class Measurement:
    """One model at one precision on one provider; times in milliseconds for one input."""

    model: str
    precision: str
    provider: str
    size_mb: float
    load_ms: float
    median_ms: float
    p95_ms: float
    model_median_ms: float
    model_p95_ms: float
    runs: int

    def row(self) -> dict[str, Any]:
        """The figures, rounded to what they are worth."""
        values = asdict(self)
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}


def candidates(
    spec: ModelSpec, precision: str = "auto", provider: str = "auto"
) -> Iterator[tuple[str, str]]:
    """(precision, provider) pairs that this machine can run and a request leaves open."""
    _require(precision, spec.precisions, f"{spec.name} has no precision")
    _require(provider, PROVIDERS, "There is no provider")
    precisions = spec.precisions if precision == "auto" else (precision,)
    providers = ready() if provider == "auto" else (provider,)
    for pair in product(precisions, providers):
        if pair != ("fp16", "cpu"):  # the CPU provider computes half precision by converting it
            yield pair


def measure(name: str, pairs: Iterable[tuple[str, str]], rounds: int = ROUNDS) -> list[Measurement]:
    """Time a model's example input at each pair, in turns, so that a drifting clock hits all alike.

    A pair that falls back to another provider is left out: its figure would be somebody else's.
    """
    spec = zoo.spec(name)
    example = spec.example()
    models, load_ms = {}, {}
    for precision, provider in pairs:
        start = time.perf_counter()
        opened = Session(zoo.graph_file(spec, precision), precision, provider)
        load_ms[precision, provider] = (time.perf_counter() - start) * 1000
        if opened.ran.provider == provider:
            models[precision, provider] = zoo.load(name, precision, provider)
    laps: dict[tuple[str, str], list[dict[str, float]]] = {pair: [] for pair in models}
    for _ in range(rounds):
        for pair, model in models.items():
            for _ in range(WARM_UP):
                model.trace(example)
            laps[pair] += [model.trace(example).timings for _ in range(RUNS_A_ROUND)]
    return [
        _summary(spec, precision, provider, load_ms[precision, provider], laps[precision, provider])
        for precision, provider in models
    ]


def _require(asked: str, known: tuple[str, ...], complaint: str) -> None:
    if asked not in ("auto", *known):
        raise BadInput(f"{complaint} {asked!r}: choose one of auto, {', '.join(known)}.")


def _summary(
    spec: ModelSpec, precision: str, provider: str, load_ms: float, laps: list[dict[str, float]]
) -> Measurement:
    total = [sum(lap.values()) for lap in laps]
    inside = [lap["model"] for lap in laps]
    return Measurement(
        model=spec.name,
        precision=precision,
        provider=provider,
        size_mb=zoo.graph_file(spec, precision).stat().st_size / 1e6,
        load_ms=load_ms,
        median_ms=float(np.median(total)),
        p95_ms=float(np.percentile(total, 95)),
        model_median_ms=float(np.median(inside)),
        model_p95_ms=float(np.percentile(inside, 95)),
        runs=len(laps),
    )
