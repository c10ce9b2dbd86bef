"""What kind of work a model does: what goes in, what comes out, and how a faster one is judged."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy.typing as npt

from model_zoo.trace import Ran

Input = TypeVar("Input")
Traced = TypeVar("Traced", bound="Trace")
Runs = TypeVar("Runs")  # the class of the models, or what they have in common

# of a model at a pair: work that can be done again and again
Probe = Callable[[Any, str, str], Callable[[], Sequence[npt.NDArray[Any]]]]

Row = dict[str, Any]  # of a table, by the name of its column


class Trace(Protocol):
    """What every model's trace has: the answer, and how fast and on what it came."""

    @property
    def answer(self) -> Any: ...
    @property
    def hint(self) -> str: ...
    @property
    def timings(self) -> dict[str, float]: ...
    @property
    def ran(self) -> Ran: ...


@dataclass(frozen=True)
class Yardstick:
    """The metric that judges a precision against fp32, and what a faster one may lose of it.

    `budget`: a share of the answers; where less is better, a share of fp32's own value.
    """

    metric: str
    budget: float
    less_is_better: bool = False

    def allows(self, reference: float, value: float) -> bool:
        """Whether a precision with this value loses no more than the budget."""
        lost = value / reference - 1 if self.less_is_better else reference - value
        return lost <= self.budget + 1e-9


def ranked(trace: Any) -> list[Row]:
    """A row for each label, as the answer orders them."""
    return [{"answer": k, "probability": round(v, 4)} for k, v in trace.answer.items()]


def called(call: Callable[..., Any], given: Any) -> Any:
    """What a model, or its `trace`, says of an input."""
    return call(given)


@dataclass(frozen=True, eq=False)
class Task(Generic[Input, Traced, Runs]):
    """A kind of work. Command line, benchmark, checks and pages ask it, and compare no names.

    `read`: a file's name, a text or "-" on the command line to the model's input.
    `example`: an input of usual size, to warm up and to measure with.
    `answer`: (a model or its `trace`, input) to the whole answer, of the same length every time.
    `probe`: (spec, precision, provider) to a short piece of the work that needs no vocabulary and
    gives its outputs: to find the fastest pair with, and to compare devices. `probe_work` says
    what it is, and `probed` which parts it opens, by default all.
    `rows`: the table that `run` prints of a trace.
    `options`: a frozen dataclass of what a caller may choose for one answer.
    `stream`: (model, input, options) to the answer in pieces as they come, then the trace.
    `cells`: (model, texts) to what a CSV file gets behind each text's row, by column.
    `formats`: of a trace as a file, by the name of the format.
    `load(name, task=IMAGES)` gives a model typed as the task says, and refuses those of others.
    """

    name: str
    read: Callable[[str], Input]
    example: Callable[[], Input]
    yardstick: Yardstick
    rows: Callable[[Traced], list[Row]] = ranked
    answer: Callable[[Callable[..., Any], Input], Any] = called
    probe: Probe | None = None
    probe_work: str = ""
    probed: tuple[str, ...] = ()
    options: type[Any] | None = None
    stream: Callable[[Runs, Input, Any], Generator[str, None, Traced]] | None = None
    cells: Callable[[Runs, Sequence[str]], Iterator[dict[str, str]]] | None = None
    formats: Mapping[str, Callable[[Traced], str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def slug(self) -> str:
        """The name in one word, as entry points are called: "image-classification"."""
        return self.name.replace(" ", "-")
