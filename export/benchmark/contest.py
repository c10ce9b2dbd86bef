"""Let contenders work in turns, each in a process of its own: no library slows another down."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO

import numpy as np

from export import peers
from export.benchmark.limits import peak_memory_mb
from export.peers import Contest, Run
from model_zoo.spec import ModelSpec

TURN_SECONDS = 0.25  # at least: the cores are still busy with the last contender for a moment
CONTEST_SECONDS = 15.0  # after which no further turn begins
LEAST_TURNS = 2  # of work that is one piece


@dataclass(frozen=True)
class Result:
    """One contender's times in one contest; `ours_to_theirs` is the median ratio within turns."""

    work: str
    contender: str
    median_ms: float
    least_ms: float
    most_ms: float
    rate: str
    ours_to_theirs: float
    turns: int
    memory_mb: float
    answer: str


class Process:
    """A contender at work: `do(contest, piece)` gives seconds, its answer and its memory."""

    def __init__(self, spec: ModelSpec, name: str) -> None:
        asked = [sys.executable, "-m", "export.benchmark.step", "contender", spec.name, name]
        self._process = subprocess.Popen(
            asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def do(self, contest: int, piece: int) -> tuple[float, Any, float]:
        """Raises RuntimeError where the contender fails or is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([contest, piece]), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"failed": "its process ended"}
        if "failed" in found:
            raise RuntimeError(found["failed"])
        return found["seconds"], found["answer"], found["memory_mb"]


def measure(spec: ModelSpec, turns: int) -> tuple[list[Result], dict[str, str]]:
    """All contests of a model, and what became of contenders that failed, by their names."""
    results: list[Result] = []
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        there: dict[str, Process] = {}
        for number, contest in enumerate(peers.contests(spec)):
            able: list[str] = []
            for name in (one.name for one in contest.contenders if one.name not in failed):
                if name not in there:
                    there[name] = stack.enter_context(Process(spec, name))
                try:
                    there[name].do(number, 0)  # to warm up
                    able.append(name)
                except RuntimeError as error:
                    failed[name] = str(error)
            if contest.contenders[0].name in able:
                results += _in_turns(contest, number, {name: there[name] for name in able}, turns)
    return results, failed


def _in_turns(contest: Contest, number: int, there: dict[str, Process], turns: int) -> list[Result]:
    """In turns, so that a drifting clock hits all."""
    end, least = time.monotonic() + CONTEST_SECONDS, LEAST_TURNS if len(contest.pieces) == 1 else 1
    laps: list[list[float]] = []
    while len(laps) < least or (len(laps) < turns and time.monotonic() < end):
        done = [
            [process.do(number, piece) for process in there.values()]
            for piece in range(len(contest.pieces))
        ]
        laps.append([sum(seconds for seconds, _, _ in mine) for mine in zip(*done, strict=True)])
    times = np.array(laps) * 1000
    return [
        Result(
            contest.work, name, round(float(np.median(mine)), 3), round(float(mine.min()), 3),
            round(float(mine.max()), 3),
            f"{contest.amount / np.median(mine) * 1000:.4g} {contest.unit}/s",
            round(float(np.median(times[:, 0] / mine)), 3), len(times),
            round(answers[-1][2], 1), contest.judge([answer for _, answer, _ in answers]),
        )
        for name, mine, answers in zip(there, times.T, zip(*done, strict=True), strict=True)
    ]  # fmt: skip


def serve(spec: ModelSpec, name: str, out: TextIO) -> None:
    """Do what comes on standard input, contest and piece by their numbers, until it ends."""
    contests = list(peers.contests(spec))
    begun: dict[int, Run] = {}
    for line in sys.stdin:
        number, piece = json.loads(line)
        contest = contests[number]
        try:
            if number not in begun:
                [mine] = [one for one in contest.contenders if one.name == name]
                begun[number] = mine.begin()
            seconds, answer = _time(begun[number], contest.pieces[piece])
            found = {"seconds": seconds, "answer": answer, "memory_mb": peak_memory_mb()}
        except Exception as error:  # what peers raise has no common base
            found = {"failed": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(found), file=out, flush=True)


def _time(run: Run, piece: Any) -> tuple[float, Any]:
    """One turn: seconds a run, the median where many fit, and the answer."""
    taken = list[float]()
    while sum(taken) < TURN_SECONDS:
        start = time.perf_counter()
        answer = run(piece)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)), answer
