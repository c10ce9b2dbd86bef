"""The model card in code: what a model is, where it comes from, and how good it is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_zoo.source import Source

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
class ModelSpec:
    """Everything that lists, cards, benchmarks and checks are derived from."""

    name: str
    title: str
    task: str
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
    factory: Callable[[ModelSpec, str, str], Any]  # (spec, precision, provider) -> model
    read: Callable[[str], Any]  # a file's name or a text on the command line -> the model's input
    example: Callable[[], Any]  # an input of usual size, to warm up and to measure with
    labels: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("fp32", "int8")
    yardstick: str = "accuracy"  # the metric that judges a precision: accuracy or perplexity
    # What a faster precision may lose: a share of the answers, or of the perplexity's own value.
    accuracy_budget: float = 0.002
    metrics: tuple[Metric, ...] = ()
    sources: tuple[Source, ...] = ()
    build: Builder | None = field(default=None, repr=False)
    folder: Path | None = None  # that holds the sources, in place of the cache and of downloads
    adapter: str | None = None  # a committed file that `build` merges into the sources
    parts: tuple[str, ...] = (WHOLE,)  # one graph and one session each
    spin: bool = False  # hundreds of short operators a run, and no two runs at once
    placement: Placement | None = field(default=None, repr=False)  # default: as asked, every part
    options: type[Any] | None = None  # a frozen dataclass: what a caller may choose for one answer
    # (model, input, options) -> the answer in pieces as they come, then the trace, for `run`
    stream: Callable[[Any, Any, Any], Generator[str, None, Any]] | None = None
    # (model, texts) -> what a CSV file gets behind each text's row, by the name of the column
    cells: Callable[[Any, Sequence[str]], Iterator[dict[str, str]]] | None = None
    formats: Mapping[str, Callable[[Any], str]] = field(
        default_factory=dict, hash=False
    )  # of a trace

    def __post_init__(self) -> None:
        if not self.precisions or self.precisions[0] != "fp32":
            raise ValueError(f"{self.name}: precisions must begin with fp32, the reference")
        if unknown := set(self.precisions) - set(PRECISIONS):
            raise ValueError(f"{self.name}: unknown precisions {sorted(unknown)}")
        if bool(self.sources) != (self.build is not None):
            raise ValueError(
                f"{self.name}: fetched weights need a builder, embedded ones have none"
            )

    @property
    def embedded(self) -> bool:
        """True where the ONNX files are committed and nothing is ever fetched."""
        return not self.sources

    @property
    def download(self) -> int:
        """Bytes of all that has to be fetched."""
        return sum(source.size for source in self.sources)

    def place(self, precision: str, provider: str) -> Mapping[str, tuple[str, str]]:
        """The precision and provider that each part runs at when the model is asked for these."""
        if self.placement is not None:
            return self.placement(precision, provider)
        return dict.fromkeys(self.parts, (precision, provider))

    def pair(self, precision: str, provider: str) -> tuple[str, str]:
        """The pair that all parts run at; where they differ, the one that was asked for."""
        places = set(self.place(precision, provider).values())
        return places.pop() if len(places) == 1 else (precision, provider)

    def filename(self, part: str, precision: str) -> str:
        """What the ONNX file of a part is called."""
        return ".".join([self.name, *([part] if len(self.parts) > 1 else []), precision, "onnx"])

    def embedded_file(self, precision: str) -> Path:
        """The committed ONNX file of a precision, whether or not it is there."""
        return WEIGHTS / self.filename(WHOLE, stored(precision))

    @property
    def adapter_file(self) -> Path | None:
        """The committed adapter, whether or not it is there; None for a model without one."""
        return WEIGHTS / self.adapter if self.adapter else None

    def metric(self, name: str, precision: str = "fp32") -> float | None:
        """The first figure of this name and precision, None where it was not measured."""
        for metric in self.metrics:
            if (metric.name, metric.precision) == (name, precision):
                return metric.value
        return None

    def within_budget(self, precision: str) -> bool:
        """True where the measured loss of accuracy against fp32 is one the spec allows."""
        reference, value = self.metric(self.yardstick), self.metric(self.yardstick, precision)
        if precision == "fp32":
            return True
        if reference is None or value is None:
            return False
        lost = value / reference - 1 if self.yardstick == "perplexity" else reference - value
        return lost <= self.accuracy_budget + 1e-9
