"""The other end of `trial`: has pairs timed in a process of their own, while nobody waits."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from model_zoo.runtime.measured import Pair, Timing
from model_zoo.runtime.providers import Workers
from model_zoo.spec import ModelSpec

ROOT = Path(__file__).parent.parent.parent
LOOK_SECONDS = 0.05  # how soon a process ends once somebody waits for an answer
LONGEST_SECONDS = 30.0  # to open a pair and to run it, and perhaps to build its graph


class Disturbed(Exception):
    """Somebody wants an answer now."""


class Failed(Exception):
    """A pair does not run here; the text says why."""


def possible() -> bool:
    """Whether a process can be started here: not from a program without an interpreter."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class Workbench:
    """`with Workbench(busy) as bench: bench.time(spec, pair, workers, seconds)`.

    `busy()` is asked all the time; once it says yes, the process is ended and `time` raises
    Disturbed. The next call starts another.
    """

    def __init__(self, busy: Callable[[], bool] = lambda: False) -> None:
        self.busy = busy
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> Workbench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def time(
        self,
        spec: ModelSpec,
        pair: Pair,
        workers: Workers,
        seconds: float,
        best: float = 1e9,
        longest: float = LONGEST_SECONDS,
    ) -> Timing:
        """Time a model at a pair. Raises Failed where it does not run, Disturbed."""
        asked = {
            "model": spec.name, "precision": pair[0], "provider": pair[1],
            "threads": workers.threads, "spin": workers.spin, "seconds": seconds, "best": best,
        }  # fmt: skip
        found = self._ask(asked, longest)
        if "failed" in found:
            raise Failed(found["failed"])
        return Timing(found["median_ms"], found["spread"], found["runs"], workers)

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe:
                        pipe.close()

    def _ask(self, asked: dict[str, Any], longest: float) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone: the loop below finds out
            print(json.dumps(asked), file=process.stdin, flush=True)
        end = time.monotonic() + longest
        while True:
            if self.busy():
                self.close()
                raise Disturbed
            with contextlib.suppress(queue.Empty):
                if line := self._lines.get(timeout=LOOK_SECONDS):
                    found: dict[str, Any] = json.loads(line)
                    return found
                self.close()
                raise Failed("the process that tried it ended by itself")
            if time.monotonic() > end:
                self.close()
                raise Failed(f"no answer within {longest:.0f} s")

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
            self._process = subprocess.Popen(
                # -P: nothing of the folder that the person stands in is imported
                [sys.executable, "-P", "-m", "model_zoo.runtime.trial"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True, encoding="utf-8", env=os.environ | {"PYTHONPATH": search},
            )  # fmt: skip
            self._lines = queue.Queue()
            threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()
        return self._process


def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    """Its lines, and an empty one at the end."""
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):  # closed under our hands
        for line in process.stdout:
            lines.put(line)
    lines.put("")
