"""The same work done by others: what `bench --peers` measures ours beside.

A file here holds the peers of one task, and imports only those that are installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from model_zoo.discovery import offered
from model_zoo.runtime.placement import choose
from model_zoo.spec import ModelSpec

Run = Callable[[Any], Any]


@dataclass(frozen=True)
class Contender:
    """One way to do the work, in a process of its own.

    `begin()` opens what does it and gives `run(piece)`, whose answer is to be compared.
    """

    name: str
    begin: Callable[[], Run]


@dataclass(frozen=True)
class Contest:
    """The same work for all; the first contender is ours and the others are measured by it.

    `amount` of `unit` is what all `pieces` are together: seconds of audio, tokens, rows. `judge`
    says what the answers to them are worth.
    """

    work: str
    unit: str
    amount: float
    contenders: tuple[Contender, ...]
    pieces: Sequence[Any]
    judge: Callable[[Sequence[Any]], str] = lambda answers: str(answers[0])[:60]


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """What a model has to show against its installed peers; none where nobody wrote one."""
    if contests_of := offered("sensorium.peers", spec.task.slug):
        yield from contests_of(spec)


def ours(spec: ModelSpec) -> str:
    """What we are called: by what `auto` takes here."""
    choice = choose(spec)
    return f"sensorium {choice.precision} {choice.provider}"


def rounded(numbers: Iterable[float]) -> list[float]:
    """Logits as a table shows them."""
    return [round(float(number), 2) for number in numbers]


def installed(module: str) -> bool:
    """Whether a peer can be imported, without doing so."""
    return find_spec(module) is not None
