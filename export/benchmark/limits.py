"""What this machine can at best do, found in about a second, and what a graph has to read."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from model_zoo.graphs.builder import Graph
from model_zoo.runtime.providers import Workers, has_bf16, ready, usable_cores
from model_zoo.runtime.session import Session
from model_zoo.spec import ModelSpec
from model_zoo.weights.store import graph_file

SIZES_MB = (1, 8, 32, 128)  # the smaller ones lie in the processor's caches
SIDE = 1024  # of the matrices
READ_SECONDS, MULTIPLY_SECONDS = 0.1, 0.3  # of tries for each figure
LOOKED_UP = {"Gather", "GatherBlockQuantized"}  # of whose tables only some rows are read
READERS: tuple[Callable[[Any], Any], ...] = (lambda x: np.dot(x, x), np.max)


@dataclass(frozen=True)
class Limits:
    """`read`: gigabytes a second by megabytes read again and again, all cores together.

    `multiply`: 10⁹ operations a second by precision, a multiplication and an addition being two.
    `memory_mb`: what a process holds with all libraries and no model.
    """

    read: Mapping[str, float]
    multiply: Mapping[str, float]
    memory_mb: float


def measure() -> Limits:
    """The best of several tries at each."""
    precisions = {"fp32": "cpu", "int8": "cpu"}
    if "openvino" in ready() and has_bf16():
        precisions["bf16"] = "openvino"
    memory = peak_memory_mb()
    return Limits(
        {str(size): round(_read(size), 1) for size in SIZES_MB},
        {name: round(_multiply(name, where), 1) for name, where in precisions.items()},
        round(memory, 1),
    )


def bandwidth(limits: Mapping[str, Any], size: float) -> float:
    """Bytes a second at which so many bytes can be read again and again, at best."""
    fitting = [mb for mb in SIZES_MB if mb * 1e6 <= size] or [SIZES_MB[0]]
    return max(float(limits["read"][str(mb)]) for mb in SIZES_MB if mb >= fitting[-1]) * 1e9


def weight_bytes(spec: ModelSpec, precision: str, provider: str, part: str) -> int:
    """Bytes of weights that one run of a part's graph reads."""
    placed, _ = spec.place(precision, provider)[part]
    graph = onnx.load(graph_file(spec, placed, part), load_external_data=False).graph
    read = set(_inputs(graph.node))
    sizes: Iterator[int] = (
        prod(one.dims) * onnx.helper.tensor_dtype_to_np_dtype(one.data_type).itemsize
        for one in graph.initializer
        if one.name in read
    )
    return sum(sizes) // (2 if placed == "bf16" else 1)


def peak_memory_mb() -> float:
    """The most memory that this process ever held; 0 where the system does not say.

    Linux's getrusage begins with what the process that started this one held, its own record does
    not.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _inputs(nodes: Any) -> Iterator[str]:
    for node in nodes:
        if node.op_type not in LOOKED_UP:
            yield from node.input


def _read(size_mb: int) -> float:
    cores = usable_cores()
    parts = [np.ones(size_mb * 250_000 // cores, np.float32) for _ in range(cores)]
    again = max(1, 64 // size_mb)
    best = 0.0
    with ThreadPoolExecutor(cores) as threads:
        for reader in READERS:

            def work(part: Any, reader: Callable[[Any], Any] = reader) -> None:
                for _ in range(again):
                    reader(part)

            seconds = _least(lambda work=work: list(threads.map(work, parts)), READ_SECONDS)
            best = max(best, size_mb * 1e6 * again / seconds / 1e9)
    return best


def _multiply(precision: str, provider: str) -> float:
    """By onnxruntime itself, with the operator that the zoo's graphs multiply with."""
    stored = "fp32" if precision == "bf16" else precision
    weight = np.random.default_rng(0).standard_normal((SIDE, SIDE), np.float32)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        graph, path = Graph("product", stored), Path(folder) / "product.onnx"
        x = graph.input("x", np.float32, [SIDE, SIDE])
        graph.op("Identity", graph.linear(x, weight), out="y")
        graph.output("y", np.float32, [SIDE, SIDE])
        graph.save(path)
        session = Session(path, precision, provider, Workers(usable_cores(), spin=True))
        return 2 * SIDE**3 / _least(lambda: session(x=weight), MULTIPLY_SECONDS) / 1e9


def _least(work: Callable[[], Any], seconds: float) -> float:
    work()
    taken: list[float] = []
    while sum(taken) < seconds or len(taken) < 3:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)
