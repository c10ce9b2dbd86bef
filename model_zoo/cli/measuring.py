"""How the command line measures for `auto`: once behind a first answer, and its table in `tune`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from model_zoo.cli.console import progress
from model_zoo.errors import CacheError
from model_zoo.runtime import tuning
from model_zoo.runtime.measured import Measured
from model_zoo.runtime.placement import choose
from model_zoo.runtime.workbench import Workbench
from model_zoo.spec import ModelSpec
from model_zoo.weights.cache import alone, cache_folder


def measure_once(spec: ModelSpec) -> None:
    """After the first answer on this machine: the next one comes by the fastest pair."""
    if not tuning.is_wanted(spec):
        return
    words = f"Measuring once what runs {spec.name} fastest here (Ctrl-C skips it) …"
    with (
        # Without a cache to keep it in, it was not worth an error behind a good answer.
        contextlib.suppress(KeyboardInterrupt, CacheError, OSError),
        alone(cache_folder() / "measuring.lock") as free,
        Workbench() as bench,
        progress.status(words),
    ):
        if free:
            tuning.tune(spec, tuning.QUICK, bench)


def rows_of(spec: ModelSpec, known: Measured) -> Iterator[dict[str, Any]]:
    """A row a pair, fastest first, and at the end those that do not run here."""
    choice = choose(spec)
    for pair, timing in sorted(known.timings.items(), key=lambda one: one[1].median_ms):
        row = {"model": spec.name, "precision": pair[0], "provider": pair[1]}
        chosen = "chosen" if pair == (choice.precision, choice.provider) else ""
        yield row | asdict(timing.workers) | {
            "median_ms": timing.median_ms, "spread": timing.spread, "result": chosen,
        }  # fmt: skip
    for pair, reason in known.failed.items():
        row = {"model": spec.name, "precision": pair[0], "provider": pair[1]}
        nothing = dict.fromkeys(("threads", "spin", "median_ms", "spread"), "")
        yield row | nothing | {"result": reason}
