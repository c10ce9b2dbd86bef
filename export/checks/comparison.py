"""What a check says: how far apart two sets of numbers are, and how far they may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from model_zoo.errors import ZooError, brief
from model_zoo.runtime.placement import candidates
from model_zoo.spec import ModelSpec

# How far the outputs of a graph may be from the original's: the root mean square of the difference
# in the worst output, as a share of that of all outputs. Each is about twice the most that was
# measured over all models, and over noise of their shape: fp32 2.9e-5 (its sums are in another
# order), fp16 9e-3, int8 0.14; bf16, which only processors with AMX have, by its eight bits. Where
# any one array has 1 % more, fp32 moves by 7.6e-5 at least, a matrix by 4e-4. Deep networks hide
# as much in the rounding of int8: `weights` is for that.
TOLERANCE = {"fp32": 5e-5, "fp16": 2e-2, "bf16": 1e-1, "int8": 0.25}


@dataclass(frozen=True)
class Comparison:
    """One output of one graph against the original's: how far it is from it, and may be."""

    model: str
    precision: str  # and the provider, where it makes a difference
    output: str
    shape: tuple[int, ...]
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """False also where the difference is not a number."""
        return self.difference <= self.tolerance

    @property
    def room(self) -> float:
        """The share of the tolerance that is left; below 0 where it failed."""
        if self.tolerance == 0:
            return 1.0 if self.passed else -inf
        return 1 - self.difference / self.tolerance

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.model, self.precision)))
        if self.difference == inf:
            return f"{where}: {self.output}"
        return f"{where}: {self.output}: off by {self.difference:.3g}, {self.tolerance:g} allowed"


@dataclass(frozen=True)
class NotCompared:
    """What a check could not look at, and why: it says nothing of whether that is right."""

    model: str
    precision: str
    output: str
    reason: str

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.model, self.precision)))
        return f"{where}: {self.output} not compared: {self.reason}"


Row = Comparison | NotCompared


def compare(
    model: str,
    where: str,
    output: str,
    ours: np.ndarray,
    theirs: np.ndarray,
    tolerance: float | None = None,
) -> Comparison:
    """Both [samples, outputs]; the tolerance is that of the precision where none is given."""
    allowed = TOLERANCE[where.split()[0]] if tolerance is None else tolerance
    return Comparison(model, where, output, ours.shape, apart(ours, theirs), allowed)


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The worst output's root mean square of the difference, as a share of that of all outputs."""
    if ours.shape != theirs.shape:
        return inf
    size = float(np.sqrt(np.square(theirs).mean(dtype=np.float64))) or 1.0
    worst = np.square(ours - theirs).mean(axis=0, dtype=np.float64).max()
    return float(np.sqrt(worst)) / size


def same(
    model: str, where: str, output: str, ours: Sequence[object], theirs: Sequence[object]
) -> Row:
    """How many of these differ; none may."""
    different = sum(a != b for a, b in zip(ours, theirs, strict=False))
    different += abs(len(ours) - len(theirs))
    return Comparison(model, where, output, (len(theirs),), float(different), 0)


def attempt(model: str, where: str, what: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The comparisons as they are made; one that failed where none could be made for an error."""
    try:
        yield from rows
    except (ImportError, ZooError):
        raise
    except Exception as error:  # whatever a damaged model does, it does not pass
        said = f"{what} ended with {type(error).__name__}: {brief(str(error))}"
        yield Comparison(model, where, said, (), inf, 0)


def pairs(spec: ModelSpec) -> Iterator[tuple[str, str]]:
    """What this machine can run; half precision on the CPU too, where it is slow but right."""
    found = list(candidates(spec))
    yield from found
    if "fp16" in spec.run.precisions and not any(precision == "fp16" for precision, _ in found):
        yield "fp16", "cpu"


def left_out(spec: ModelSpec) -> Iterator[NotCompared]:
    """The precisions that nothing here runs."""
    there = {precision for precision, _ in pairs(spec)}
    for precision in spec.run.precisions:
        if precision not in there:
            yield NotCompared(spec.name, precision, "answers", "nothing here runs this precision")
