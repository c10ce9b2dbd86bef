"""Measure every pair that a model has on this machine, and remember the times for `auto`."""

from __future__ import annotations

from model_zoo.runtime.bench import Measurement, measure
from model_zoo.runtime.placement import candidates, remember
from model_zoo.spec import ModelSpec


def tune(spec: ModelSpec) -> list[Measurement]:
    """Measure as `bench` does, and remember the times."""
    rows = measure(spec.name, candidates(spec))
    times = {f"{row.precision}/{row.provider}": round(row.median_ms, 4) for row in rows}
    remember(spec.name, times)
    return rows
