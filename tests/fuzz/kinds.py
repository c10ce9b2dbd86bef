"""Two ways to try something many times: a random number generator of one seed, or Hypothesis."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, Protocol

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from tests.fuzz.rules import Broken, Memory

MOST_BYTES = 1_000_000_000  # of memory that a case may take
LONGEST_REPORT = 3000  # characters


class Watch(Protocol):
    """Whoever is told how it goes: the seed of each case before it begins, and what was lost."""

    def began(self, seed: int) -> None: ...
    def lost(self, seed: int, why: str) -> None: ...


class Kind(ABC):
    """One decoder or endpoint. `batch`: cases that belong to one seed and are only tried together;
    `share`: how many of a hundred cases are its.
    """

    batch = 1

    def __init__(self, name: str, share: float) -> None:
        self.name, self.share = name, share

    @abstractmethod
    def run(self, seed: int, cases: int, watch: Watch) -> None:
        """Try this many cases from a seed on."""


class Seeded(Kind):
    """Case after case, each from a seed of its own."""

    def __init__(self, name: str, share: float, case: Callable[[int, Random], None]) -> None:
        super().__init__(name, share)
        self._case = case

    def run(self, seed: int, cases: int, watch: Watch) -> None:
        memory = Memory()
        for one in range(seed, seed + cases):
            watch.began(one)
            memory.forget_peak()
            try:
                self._case(one, Random(one))
                _require_memory(memory)
            except Exception as error:
                watch.lost(one, report(error))


class Structured(Kind):
    """What Hypothesis makes up, and makes small again where it breaks a rule."""

    batch = 100

    def __init__(
        self, name: str, share: float, check: Callable[..., None], *given: Any, batch: int = 100
    ) -> None:
        super().__init__(name, share)
        self._check, self._given, self.batch = check, st.tuples(*given), batch

    def run(self, seed: int, cases: int, watch: Watch) -> None:
        for one in range(seed, seed + cases, self.batch):
            try:
                self._batch(one, min(self.batch, seed + cases - one), watch)()
            except Exception as error:
                watch.lost(one, report(error))

    def _batch(self, seed: int, cases: int, watch: Watch) -> Callable[[], None]:
        memory = Memory()

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=cases, deadline=None, database=None, report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @hypothesis.given(self._given)
        def check(given: tuple[Any, ...]) -> None:
            watch.began(seed)
            memory.forget_peak()
            self._check(*given)
            _require_memory(memory)

        return check


def _require_memory(memory: Memory) -> None:
    if memory.peak() > MOST_BYTES:
        raise Broken(f"{memory.peak() / 1e6:,.0f} MB more than at the start")


def report(error: BaseException) -> str:
    """An error, where it arose and the example that Hypothesis has found for it."""
    notes = getattr(error, "__notes__", [])
    if isinstance(error, Broken):
        lines = [str(error), *notes]
    else:
        with suppress(Exception):  # a message may be of no encoding
            error.add_note("")
        lines = [*traceback.format_exception(error)[-6:], *notes]
    whole, half = "\n".join(lines), LONGEST_REPORT // 2
    return whole if len(whole) <= LONGEST_REPORT else f"{whole[:half]}\n…\n{whole[-half:]}"
