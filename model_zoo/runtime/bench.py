"""Measure models as a person meets them: from input to answer, all pairs in one run."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo import zoo
from model_zoo.errors import BadInput
from model_zoo.runtime.sessions import SESSIONS, open_session
from model_zoo.spec import ModelSpec
from model_zoo.weights.random import RANDOM, room_for, stand_in
from model_zoo.weights.source import readable

ROUNDS = 20  # turns that each candidate gets
PEER_TURNS = 5  # of `--peers`, whose work takes seconds
RUNS_A_ROUND = 15
ROUND_SECONDS = 0.25  # a slow model gets fewer runs a turn, at least one
WARM_UP = 5  # runs not counted, at the start of every turn: caches and clocks settle

Pair = tuple[str, str]


@dataclass(frozen=True)
class Measurement:
    """One model at one precision on one provider; times in milliseconds for one piece of `work`.

    `median_ms`, `p95_ms`: the answer alone. `reasons_ms`: the median with all that `trace` gives.
    `model_ms`: the median of what the graphs take of it. None where only they were run.
    """

    model: str
    precision: str
    provider: str
    weights: str
    work: str
    size_mb: float
    load_ms: float
    median_ms: float
    p95_ms: float
    model_ms: float | None
    reasons_ms: float | None
    runs: int

    def row(self) -> dict[str, Any]:
        """The figures, rounded to what they are worth."""
        values = asdict(self)
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}


@dataclass(frozen=True)
class Runs:
    """How one pair does its work: `answer()`, and `trace()` where there is more than the graphs."""

    load_ms: float
    size: int
    answer: Callable[[], Any]
    trace: Callable[[], Any] | None = None


def measure(name: str, pairs: Iterable[Pair], rounds: int = ROUNDS) -> list[Measurement]:
    """Time a model's answer to its example at each pair, and what the reasons add."""
    spec = zoo.spec(name)
    example = spec.task.example()

    def runs(pair: Pair) -> Runs | None:
        model = zoo.load(name, *pair)
        return _opened(
            spec, pair, spec.run.parts,
            partial(spec.task.answer, model, example),
            partial(spec.task.answer, model.trace, example),
        )  # fmt: skip

    return _in_turns(spec, "", "an answer", {pair: runs(pair) for pair in pairs}, rounds)


def measure_without_weights(
    name: str, pairs: Iterable[Pair], rounds: int = ROUNDS
) -> list[Measurement]:
    """Time a model's graphs with random weights, which nothing is downloaded for.

    The work is the task's `probe`. Raises BadInput for a model without recorded shapes, and where
    there is no room for the graphs, which are removed at the end.
    """
    spec, pairs = zoo.spec(name), list(pairs)
    if spec.task.probe is None:
        raise BadInput("{} has no work that is measured without its weights.", spec.task)
    with tempfile.TemporaryDirectory(prefix="sensorium-", ignore_cleanup_errors=True) as folder:
        made = make_random(spec, pairs, Path(folder))
        try:
            found = {pair: probing(made, pair) for pair in pairs}
            weights = RANDOM if made is not spec else "in the program"
            return _in_turns(spec, weights, spec.task.probe_work, found, rounds)
        finally:
            found = {}
            SESSIONS.close(lambda key: key[0] == made.name)


def make_random(spec: ModelSpec, pairs: Iterable[Pair], folder: Path) -> ModelSpec:
    """The stand-in of a model with all graphs that its `probe` opens at these pairs."""
    parts = spec.task.probed or spec.run.parts
    needed = {(part, spec.place(*pair)[part][0]) for pair in pairs for part in parts}
    room = room_for(spec, {precision for _, precision in needed})
    if shutil.disk_usage(folder).free < room:
        words = "Graphs of {} with random weights need {} in {}: free some space there."
        raise BadInput(words, spec.name, readable(room), folder.parent)
    made = spec
    for part, precision in sorted(needed):
        made = stand_in(spec, folder, precision, [part])
    return made


def probing(spec: ModelSpec, pair: Pair) -> Runs | None:
    """The work of a task's `probe` at a pair; None where that falls back to another."""
    assert spec.task.probe is not None
    parts = spec.task.probed or spec.run.parts
    sessions = _opened(spec, pair, parts, lambda: None)
    return sessions and Runs(sessions.load_ms, sessions.size, spec.task.probe(spec, *pair))


def _opened(
    spec: ModelSpec,
    pair: Pair,
    parts: Iterable[str],
    answer: Callable[[], Any],
    trace: Callable[[], Any] | None = None,
) -> Runs | None:
    """None for a pair that falls back to another provider: its figure would be somebody else's."""
    sessions = [open_session(spec, *pair, part) for part in parts]
    if any(session.ran.note for session in sessions):
        return None
    size = sum(session.size for session in sessions)
    return Runs(sum(session.open_ms for session in sessions), size, answer, trace)


def _in_turns(
    spec: ModelSpec, weights: str, work: str, found: Mapping[Pair, Runs | None], rounds: int
) -> list[Measurement]:
    """In turns, so that a drifting clock hits all pairs alike."""
    there = {pair: runs for pair, runs in found.items() if runs}
    answers: dict[Pair, list[float]] = {pair: [] for pair in there}
    reasons: dict[Pair, list[float]] = {pair: [] for pair in there}
    inside: dict[Pair, list[float]] = {pair: [] for pair in there}
    for _ in range(rounds):
        for pair, runs in there.items():
            answers[pair] += [lap for lap, _ in _turn(runs.answer)]
            if runs.trace:
                laps = _turn(runs.trace)
                reasons[pair] += [lap for lap, _ in laps]
                inside[pair] += [trace.timings["model"] for _, trace in laps]
    return [
        Measurement(
            spec.name, *pair, weights, work, runs.size / 1e6, runs.load_ms,
            float(np.median(answers[pair])), float(np.percentile(answers[pair], 95)),
            _median(inside[pair]), _median(reasons[pair]), len(answers[pair]),
        )
        for pair, runs in there.items()
    ]  # fmt: skip


def _median(laps: list[float]) -> float | None:
    return float(np.median(laps)) if laps else None


def _turn(work: Callable[[], Any]) -> list[tuple[float, Any]]:
    """Milliseconds of each run, and what it gave; warmed up."""
    first, _ = _timed(work)
    runs = max(1, min(RUNS_A_ROUND, int(ROUND_SECONDS * 1000 / first)))
    for _ in range(min(WARM_UP, runs) - 1):
        work()
    return [_timed(work) for _ in range(runs)]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return (time.perf_counter() - start) * 1000, found
