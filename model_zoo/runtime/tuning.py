"""Measure the pairs of a model on this machine, so that `auto` takes the fastest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from math import inf

from model_zoo.runtime.measured import Measured, Pair, Timing, keep, measured
from model_zoo.runtime.placement import by_rule, fastest, in_budget
from model_zoo.runtime.providers import Workers, has_amx, physical_cores, usable_cores
from model_zoo.runtime.workbench import Failed, Workbench, possible
from model_zoo.spec import ModelSpec, stored
from model_zoo.weights.fetch import are_here
from model_zoo.weights.store import is_cheap

VARIABLE = "SENSORIUM_MEASURE"
CALM_SPREAD = 0.25  # of the runs of one pair; more comes from other programs
CALM_DRIFT = 0.15  # between the first time and the last, of the same pair
CLEAR = 1.5  # times slower: a pair that loses so loses under any load
MOST_PASSES = 3  # disturbed ones; then the least that was measured counts
HOPELESSLY_SLOW_MS = 1e9  # JSON knows no infinity
WORKERS_GAIN = 0.1  # of the time, for which the usual threads are left

Said = Callable[[int, int], None]  # trials done, and how many there will be


@dataclass(frozen=True)
class Plan:
    """How thoroughly to measure.

    `seconds`: of runs at each pair. `large`: graphs that are not there yet and take long to build
    or much room take part.
    """

    seconds: float
    large: bool


QUICK = Plan(0.4, large=False)
THOROUGH = Plan(2.0, large=True)


def is_on() -> bool:
    """Whether models are measured without anybody asking: unless SENSORIUM_MEASURE says off."""
    return os.environ.get(VARIABLE, "").strip().lower() not in ("off", "0", "no", "false")


def is_wanted(spec: ModelSpec) -> bool:
    """Whether a model is yet to be measured here, and can be without a download."""
    if spec.weights.folder or not (is_on() and possible()):
        return False
    known = measured(spec)
    fresh = not any(pair not in {*known.timings, *known.failed} for pair in _pairs(spec, QUICK))
    return not (known.settled and fresh) and are_here(spec.weights.sources, spec.name)


def tune(spec: ModelSpec, plan: Plan, bench: Workbench, said: Said = lambda *_: None) -> Measured:
    """Time each pair, then other threads for the fastest, and keep what was found.

    Raises workbench.Disturbed, after which nothing is kept.
    """
    pairs = _pairs(spec, plan)
    usual = Workers(usable_cores(), spec.run.spin)
    others = list(_other_workers(usual))
    trials = _counted(len(pairs) + len(others) + 1, said)
    found: dict[Pair, Timing] = {}
    failed: dict[Pair, str] = {}

    def least() -> float:
        return min((one.median_ms for one in found.values()), default=inf)

    def timed(pair: Pair, workers: Workers, least: float) -> Timing | None:
        next(trials)
        try:
            return bench.time(spec, pair, workers, plan.seconds, min(least, HOPELESSLY_SLOW_MS))
        except Failed as error:
            failed[pair] = str(error)
            return None

    for pair in pairs:
        if timing := timed(pair, usual, least()):
            found[pair] = timing
    settled = True
    if found:
        best = fastest(Measured(timings=found), list(found))
        for workers in others:
            other = timed(best, workers, found[best].median_ms)
            if other and other.median_ms < found[best].median_ms * (1 - WORKERS_GAIN):
                found[best] = other
        again = timed(best, found[best].workers, inf)
        settled = again is not None and _calm(found, best, again)
    failed = {pair: reason for pair, reason in failed.items() if pair not in found}
    before = measured(spec)
    passes = before.passes + 1
    known = Measured(
        date.today().isoformat(), passes, settled or passes >= MOST_PASSES,
        _least(before, found), failed,
    )  # fmt: skip
    keep(spec, known)
    return known


def _pairs(spec: ModelSpec, plan: Plan) -> list[Pair]:
    """Those that `auto` chooses among, the rule's first: the others are measured by it."""
    pairs = in_budget(spec)
    ruled = by_rule(pairs, has_amx())
    return [ruled] + [
        pair for pair in pairs if pair != ruled and (plan.large or is_cheap(spec, stored(pair[0])))
    ]


def _other_workers(usual: Workers) -> Iterator[Workers]:
    """Not fewer threads than cores: a short piece of work would not miss them, a long one does."""
    yield replace(usual, spin=not usual.spin)
    if (cores := physical_cores()) < usual.threads:
        yield replace(usual, threads=cores)


def _calm(found: dict[Pair, Timing], best: Pair, again: Timing) -> bool:
    """Whether the times can be believed: they hardly vary, or the others are far behind."""
    first = found[best]
    rivals = [one.median_ms for pair, one in found.items() if pair != best]
    if min(rivals, default=inf) > CLEAR * max(first.median_ms, again.median_ms):
        return True
    drift = abs(again.median_ms / first.median_ms - 1)
    return drift <= CALM_DRIFT and max(first.spread, again.spread) <= CALM_SPREAD


def _least(before: Measured, found: dict[Pair, Timing]) -> dict[Pair, Timing]:
    """Other programs only add to a time: of two passes the least counts."""
    if before.settled:
        return {**before.timings, **found}
    return {
        pair: min((one for one in (timing, before.timings.get(pair)) if one),
                  key=lambda one: one.median_ms)
        for pair, timing in found.items()
    }  # fmt: skip


def _counted(count: int, said: Said) -> Iterator[None]:
    for done in range(count):
        said(done, count)
        yield
