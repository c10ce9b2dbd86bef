"""Models that were used are measured once, by a thread that waits until nobody waits for it."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from model_zoo.errors import ZooError
from model_zoo.runtime import activity, tuning
from model_zoo.runtime.workbench import Disturbed, Workbench
from model_zoo.spec import ModelSpec
from model_zoo.weights.cache import alone, cache_folder

IDLE_SECONDS = 2.0  # without any run: nobody is in the middle of an answer
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 600.0  # after a measurement that other programs disturbed
MOST_TRIES = 20  # of one model that is in use all the time

log = logging.getLogger(__name__)


@dataclass
class Waiting:
    """A model to be measured, and what to do once it is."""

    spec: ModelSpec
    then: Callable[[], None]
    due: float = 0.0
    tries: int = 0


@dataclass
class Background:
    """`soon(spec, then)` measures a model once the machine is free for it, then calls `then()`."""

    idle_seconds: float = IDLE_SECONDS
    _waiting: dict[str, Waiting] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _bench: Workbench | None = None
    _thread: threading.Thread | None = None

    def soon(self, spec: ModelSpec, then: Callable[[], None]) -> None:
        """Measure a model later, unless that is known or not wanted."""
        with self._lock:
            if spec.name in self._waiting or not tuning.is_wanted(spec):
                return
            self._waiting[spec.name] = Waiting(spec, then)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="measure", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the process that measures, at the end of this one."""
        self._waiting.clear()
        if self._bench is not None:
            self._bench.close()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                now = time.monotonic()
                due = next((one for one in self._waiting.values() if one.due <= now), None)
            if due and self.idle_seconds <= activity.idle_seconds() < inf:
                self._measure(due)
            else:
                time.sleep(LOOK_SECONDS)

    def _measure(self, one: Waiting) -> None:
        started = time.monotonic()

        def busy() -> bool:
            return activity.idle_seconds() < time.monotonic() - started or not self._waiting

        done = True
        try:
            with alone(cache_folder() / "measuring.lock") as free, Workbench(busy) as bench:
                self._bench = bench
                done = free and tuning.tune(one.spec, tuning.QUICK, bench).settled
                if not done:
                    one.due = time.monotonic() + AGAIN_SECONDS
        except Disturbed:
            done, one.tries = one.tries >= MOST_TRIES, one.tries + 1
        except (ZooError, OSError) as error:
            log.warning("%s was not measured: %s", one.spec.name, error)
        finally:
            self._bench = None
        with self._lock:
            if done:
                self._waiting.pop(one.spec.name, None)
        one.then()


BACKGROUND = Background()
atexit.register(BACKGROUND.stop)
