"""Measure models as a person meets them: from input to answer, stage by stage, all in one run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from model_zoo import zoo
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.weights.store import graph_files

ROUNDS = 20  # turns that each candidate gets
PEER_TURNS = 5  # of `--peers`, whose work takes seconds
RUNS_A_ROUND = 15
ROUND_SECONDS = 0.5  # a slow model gets fewer runs a turn, at least one
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


def measure(name: str, pairs: Iterable[tuple[str, str]], rounds: int = ROUNDS) -> list[Measurement]:
    """Time a model's example input at each pair, in turns, so that a drifting clock hits all alike.

    A pair that falls back to another provider is left out: its figure would be somebody else's.
    """
    spec = zoo.spec(name)
    example = spec.task.example()
    models, opened = {}, {}
    for pair in pairs:
        sessions = [open_session(spec, *pair, part) for part in spec.run.parts]
        if not any(session.ran.note for session in sessions):
            models[pair], opened[pair] = zoo.load(name, *pair), sessions
    laps: dict[tuple[str, str], list[dict[str, float]]] = {pair: [] for pair in models}
    for _ in range(rounds):
        for pair, model in models.items():
            start = time.perf_counter()
            model.trace(example)
            runs = _affordable(time.perf_counter() - start)
            for _ in range(min(WARM_UP, runs) - 1):
                model.trace(example)
            laps[pair] += [model.trace(example).timings for _ in range(runs)]
    return [
        _summary(spec, *pair, sum(session.open_ms for session in opened[pair]), laps[pair])
        for pair in models
    ]


def _affordable(seconds: float) -> int:
    return max(1, min(RUNS_A_ROUND, int(ROUND_SECONDS / seconds)))


def _summary(
    spec: ModelSpec, precision: str, provider: str, load_ms: float, laps: list[dict[str, float]]
) -> Measurement:
    total = [sum(lap.values()) for lap in laps]
    inside = [lap["model"] for lap in laps]
    return Measurement(
        model=spec.name,
        precision=precision,
        provider=provider,
        size_mb=sum(f.stat().st_size for f in graph_files(spec, precision, provider)) / 1e6,
        load_ms=load_ms,
        median_ms=float(np.median(total)),
        p95_ms=float(np.percentile(total, 95)),
        model_median_ms=float(np.median(inside)),
        model_p95_ms=float(np.percentile(inside, 95)),
        runs=len(laps),
    )
