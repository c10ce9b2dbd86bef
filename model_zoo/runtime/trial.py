"""A process that times one pair of a model after the other, each in a line of JSON.

A driver that hangs or dies takes this process with it and nobody else, all memory is given back
at its end, and it can be stopped at any moment. `workbench` starts it and talks to it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from model_zoo import zoo
from model_zoo.runtime import measured
from model_zoo.runtime.measured import Pair, Timing
from model_zoo.runtime.providers import Workers
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec

WARM_UP = 2
LEAST_RUNS, MOST_RUNS = 4, 200
SLOW_MS = 2000.0  # a run: one says enough
HOPELESS = 3.0  # times the best so far: one run says enough
NICE = 10  # other programs come first


def time_pair(spec: ModelSpec, pair: Pair, workers: Workers, seconds: float, best: float) -> Timing:
    """Run a short piece of a model's work for about so many seconds.

    `best`: the fastest median so far in milliseconds. Raises ZooError, or what onnxruntime raises.
    """
    measured.trying = workers
    model = zoo.load(spec.name, *pair)
    notes = [open_session(spec, *pair, part).ran.note for part in spec.run.parts]
    if note := next(filter(None, notes), ""):
        raise RuntimeError(note)
    example = spec.task.example()
    work = spec.task.probe(spec, *pair) if spec.task.probe else lambda: model(example)
    laps: list[float] = []
    for _ in range(WARM_UP):  # opens what is not open yet, and lets a GPU compile
        work()
    start = time.perf_counter()
    while len(laps) < MOST_RUNS:
        before = time.perf_counter()
        work()
        laps.append((time.perf_counter() - before) * 1000)
        late = time.perf_counter() - start > seconds
        hopeless = min(laps) > HOPELESS * best or laps[0] > SLOW_MS
        if (late and len(laps) >= LEAST_RUNS) or hopeless:
            break
    quarter, median, three_quarters = np.percentile(laps, [25, 50, 75])
    spread = (three_quarters - quarter) / median
    return Timing(round(float(median), 4), round(float(spread), 3), len(laps), workers)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What one line on standard input asks for; of a pair that does not run, the reason."""
    spec = zoo.spec(asked["model"])
    pair = asked["precision"], asked["provider"]
    workers = Workers(asked["threads"], asked["spin"])
    try:
        return asdict(time_pair(spec, pair, workers, asked["seconds"], asked["best"]))
    except Exception as error:  # onnxruntime's and the drivers' own classes
        return {"failed": str(error) or type(error).__name__}
    finally:
        zoo.unload(spec.name)
        gc.collect()


def main() -> None:
    """Answer until standard input ends."""
    os.environ["SENSORIUM_MEASURE"] = "off"
    if hasattr(os, "nice"):
        os.nice(NICE)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # a library that prints does not get in between
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    main()
