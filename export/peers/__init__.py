"""The same work done by others, in turn and in one run: what `bench --peers` prints.

A file here holds the peers of one task, and imports only those that are installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from model_zoo.discovery import offered
from model_zoo.spec import ModelSpec

TURN_SECONDS = 0.25  # at least
CONTEST_SECONDS = 15.0  # after which no further turn begins
LEAST_TURNS = 2  # of work that is one piece


@dataclass(frozen=True)
class Contender:
    """One way to do the work: `run(piece)` does one piece and gives the answer, to be compared."""

    name: str
    run: Callable[[Any], Any]


@dataclass(frozen=True)
class Contest:
    """The same work for all; the first contender is ours and the others are measured by it.

    `amount` of `unit` is what all `pieces` are together: seconds of audio, tokens, rows. Of several
    pieces, which everybody does in turn one after the other, `judge` says what the answers are
    worth.
    """

    work: str
    unit: str
    amount: float
    contenders: tuple[Contender, ...]
    pieces: Sequence[Any]
    judge: Callable[[Sequence[Any]], str] = lambda answers: str(answers[0])[:60]


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
    answer: str


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """What a model has to show against its installed peers; none where nobody wrote one."""
    if contests_of := offered("sensorium.peers", spec.task.slug):
        yield from contests_of(spec)


def installed(module: str) -> bool:
    """Whether a peer can be imported, without doing so."""
    return find_spec(module) is not None


def measure(contest: Contest, turns: int) -> list[Result]:
    """Let everybody work once to warm up, then in turns, so that a drifting clock hits all."""
    for contender in contest.contenders:
        contender.run(contest.pieces[0])
    end, least = time.monotonic() + CONTEST_SECONDS, LEAST_TURNS if len(contest.pieces) == 1 else 1
    laps: list[list[float]] = []
    while len(laps) < least or (len(laps) < turns and time.monotonic() < end):
        taken = [[_time(c.run, piece) for c in contest.contenders] for piece in contest.pieces]
        answers = [[answer for _, answer in column] for column in zip(*taken, strict=True)]
        laps.append([sum(lap for lap, _ in column) for column in zip(*taken, strict=True)])
    times = np.array(laps) * 1000
    return [
        Result(
            contest.work,
            contender.name,
            round(float(np.median(mine)), 2),
            round(float(mine.min()), 2),
            round(float(mine.max()), 2),
            f"{contest.amount / np.median(mine) * 1000:.4g} {contest.unit}/s",
            round(float(np.median(times[:, 0] / mine)), 3),
            len(times),
            contest.judge(answer),
        )
        for contender, mine, answer in zip(contest.contenders, times.T, answers, strict=True)
    ]


def _time(run: Callable[[Any], Any], piece: Any) -> tuple[float, Any]:
    """One turn: seconds a run, the median where many fit, since threads of the last contender may
    still spin through the first; and the answer."""
    taken = list[float]()
    while sum(taken) < TURN_SECONDS:
        start = time.perf_counter()
        answer = run(piece)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)), answer
