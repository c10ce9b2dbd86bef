"""One model at one precision and provider, measured in this process, which does nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from export.benchmark.limits import peak_memory_mb, weight_bytes
from model_zoo import zoo
from model_zoo.runtime.bench import make_random
from model_zoo.runtime.placement import choose
from model_zoo.runtime.session import Session
from model_zoo.runtime.sessions import SESSIONS, open_session
from model_zoo.spec import ModelSpec
from model_zoo.weights.fetch import are_here
from model_zoo.weights.random import RANDOM

LEAST_RUNS, MOST_RUNS = 40, 2000
FEWEST_RUNS = 5  # of what is slow
STEADY = 0.03  # the share by which the 95th percentile moves while the runs grow by half, twice
CALL_SECONDS = 5.0  # after which a figure that is not steady is left at that
RATE_SECONDS = 0.8  # for each throughput
BATCHES, CALLERS = (1, 8, 32), (1, 2, 4)

Work = Callable[[], Any]


@dataclass(frozen=True)
class Variant:
    """The figures of one variant; times in milliseconds.

    `steady`: whether the 95th percentile had settled. `memory_mb`: the most that the process held
    until the end of the single calls, all of Python with it. `batches`, `callers`: pieces of work
    a second, at once in one run of the graph, and by as many threads. `difference`: the largest
    from fp32 on the CPU in the outputs of the task's probe, over the largest output.
    """

    model: str
    precision: str
    provider: str
    weights: str
    work: str
    auto: bool
    size_mb: float
    load_ms: float
    first_ms: float
    median_ms: float
    p95_ms: float
    runs: int
    steady: bool
    memory_mb: float
    batches: Mapping[str, float]
    callers: Mapping[str, float]
    metric: str
    value: float | None
    difference: float | None
    weight_bytes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Begun:
    """A variant that is ready to work: `make()` gives work for one thread."""

    spec: ModelSpec
    pair: tuple[str, str]
    weights: str
    parts: Sequence[str]
    make: Callable[[], Work]

    def sessions(self) -> dict[str, Session]:
        """Its open graphs."""
        return {part: open_session(self.spec, *self.pair, part) for part in self.parts}


def begin(spec: ModelSpec, pair: tuple[str, str], folder: Path) -> Begun:
    """The answer to the example; of weights that cannot be had, the probe of random ones."""
    if spec.embedded or spec.everywhere or are_here(spec.weights.sources, spec.name):
        model, example = zoo.load(spec.name, *pair), spec.task.example()
        answer = partial(spec.task.answer, model, example)
        return Begun(spec, pair, "", spec.run.parts, lambda: answer)
    assert spec.task.probe is not None
    made = make_random(spec, [pair, ("fp32", "cpu")], folder)
    parts = spec.task.probed or spec.run.parts
    return Begun(made, pair, RANDOM, parts, partial(spec.task.probe, made, *pair))


def measure(spec: ModelSpec, precision: str, provider: str, folder: Path) -> Variant:
    """Everything of one variant. Raises RuntimeError where it falls back to another provider."""
    pair = precision, provider
    begun = begin(spec, pair, folder)
    sessions = begun.sessions()
    if note := next((one.ran.note for one in sessions.values() if one.ran.note), ""):
        raise RuntimeError(note)
    load = sum(one.open_ms for one in sessions.values())
    size = sum(one.size for one in sessions.values())
    work = begun.make()
    first = _timed(work)
    laps, steady = _laps(work)
    memory = peak_memory_mb()
    metric = spec.task.yardstick.metric
    choice = choose(spec)
    batches = _batches(*sessions.values()) if len(sessions) == 1 else {}
    callers = {str(count): _together(begun, count) for count in CALLERS}
    difference = _difference(begun)
    return Variant(
        spec.name, *pair, begun.weights,
        spec.task.probe_work if begun.weights else "an answer",
        (choice.precision, choice.provider) == pair, round(size / 1e6, 2), round(load, 2),
        round(first, 3), round(float(np.median(laps)), 4), round(float(np.percentile(laps, 95)), 4),
        len(laps), steady, round(memory, 1), batches, callers,
        metric, None if begun.weights else spec.metric(metric, precision), difference,
        {part: weight_bytes(begun.spec, *pair, part) for part in sessions},
    )  # fmt: skip


def _timed(work: Work) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _laps(work: Work) -> tuple[list[float], bool]:
    """Runs until the 95th percentile no longer moves, within bounds."""
    laps: list[float] = []
    end, at, seen = time.perf_counter() + CALL_SECONDS, LEAST_RUNS, [0.0, 0.0]
    while len(laps) < MOST_RUNS:
        laps.append(_timed(work))
        if len(laps) == at:
            seen.append(float(np.percentile(laps, 95)))
            if max(seen[-3:]) - min(seen[-3:]) < STEADY * seen[-1]:
                return laps, True
            at += at // 2
        if time.perf_counter() > end and len(laps) >= FEWEST_RUNS:
            break
    return laps, False


def _batches(session: Session) -> dict[str, float]:
    """Pieces a second of a graph whose inputs are a batch alone; none of a token loop."""
    inputs = session.inputs
    if len(inputs) > 2 or any(isinstance(shape[0], int) for _, shape in inputs.values()):
        return {}
    found = {}
    for batch in BATCHES:
        feeds = {}
        for name, (kind, (_, *sides)) in inputs.items():
            shape = [batch, *(side if isinstance(side, int) else TOKENS for side in sides)]
            feeds[name] = np.ones(shape, np.int64 if "int64" in kind else np.float32)
            if "float16" in kind:
                feeds[name] = feeds[name].astype(np.float16)
        found[str(batch)] = _rate(lambda feeds=feeds: session(**feeds)) * batch
    return found


TOKENS = 32  # of each text


def _together(begun: Begun, count: int) -> float:
    """Pieces a second by so many threads at once."""
    works = [begun.make() for _ in range(count)]
    for work in works:
        work()
    done = [0] * count
    start = time.perf_counter()

    def call(number: int) -> None:
        while time.perf_counter() - start < RATE_SECONDS or not done[number]:
            works[number]()
            done[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(sum(done) / (time.perf_counter() - start), 3)


def _rate(work: Work) -> float:
    work()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < RATE_SECONDS or not done:
        work()
        done += 1
    return round(done / (time.perf_counter() - start), 3)


def _difference(begun: Begun) -> float | None:
    """Of the probe's first outputs, over the largest: how far the numbers are, not the answers."""
    probe = begun.spec.task.probe
    if probe is None or begun.pair == ("fp32", "cpu"):
        return None
    found = np.copy(probe(begun.spec, *begun.pair)()[0]).astype(np.float32)
    SESSIONS.close(lambda key: True)
    expected = probe(begun.spec, "fp32", "cpu")()[0]
    return float(f"{np.abs(found - expected).max() / (np.abs(expected).max() or 1):.2g}")
