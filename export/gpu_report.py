"""What every model does on this machine's GPU: `python -m export.gpu_report --out FOLDER`.

It needs onnxruntime, the WebGPU plugin and nothing from the network: where a model's weights are
not here, its graph is built with random ones. Each model runs in a process of its own, so that a
driver that fails costs one row; rows are written as they come. One file, that it can be read in one
go by whoever sends back its figures.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model_zoo import zoo
from model_zoo.runtime.providers import PLUGINS, offers, plugin_device, processor, usable_cores
from model_zoo.runtime.session import Session
from model_zoo.runtime.sessions import SESSIONS, open_session
from model_zoo.spec import ModelSpec
from model_zoo.weights.fetch import are_here
from model_zoo.weights.random import stand_in

BUDGET_SECONDS = 540.0
MODEL_SECONDS = (
    150.0  # by default, for one model at one precision, its graph and the comparison included
)
RUN_SECONDS, LEAST_RUNS, MOST_RUNS = 2.0, 3, 200
PRECISIONS = ("fp32", "fp16", "int8")
MATCHES = {"fp16": "fp32"}  # what an outcome is compared with on the CPU, else its own precision


@dataclass(frozen=True)
class Row:
    """A model at a precision; times in milliseconds for one piece of the task's `probe`.

    `operators`: on the device, of all. `first_difference`, `last_difference`: the largest from the
    CPU's, of the first outputs and of those after 8 steps or more, over the largest output.
    `held_mb`: the process's memory that a second opening takes; `left_mb`: what of it stays.
    """

    model: str
    precision: str
    provider: str
    weights: str = ""
    operators: str = ""
    open_ms: float = 0.0
    first_ms: float = 0.0
    median_ms: float = 0.0
    p95_ms: float = 0.0
    steps: int = 1
    cpu_precision: str = ""
    cpu_ms: float = 0.0
    first_difference: float = 0.0
    last_difference: float = 0.0
    held_mb: float = 0.0
    left_mb: float = 0.0
    trouble: str = ""


def examine(name: str, precision: str, provider: str, folder: Path, weights: str = "") -> Row:
    """Run one model on the device and on the CPU, and compare."""
    spec, row = zoo.spec(name), Row(name, precision, provider)
    parts = spec.task.probed or spec.run.parts
    if spec.weights.build is None:
        real = "real, committed"
    else:
        real = "real" if weights != "random" and are_here(spec.weights.sources, name) else "random"
    if real == "random":
        for needed in {precision, MATCHES.get(precision, precision)}:
            spec = stand_in(zoo.spec(name), folder, needed, parts)
    probe = spec.task.probe
    assert probe is not None
    reference = MATCHES.get(precision, precision)
    work = probe(spec, reference, "cpu")
    expected = list(map(np.copy, work()))
    cpu_ms = _times(work)
    del work
    _close()
    start = time.perf_counter()
    sessions = [open_session(spec, precision, provider, part) for part in parts]
    opened = (time.perf_counter() - start) * 1000
    for session in sessions:
        session.spare = None  # what fails is to fail, and not to be done by the CPU
    work = probe(spec, precision, provider)
    start = time.perf_counter()
    found = list(map(np.copy, work()))
    first = (time.perf_counter() - start) * 1000
    laps = _times(work)
    note = next((session.ran.note for session in sessions if session.ran.note), "")
    there, every = map(sum, zip(*map(_operators, sessions), strict=True))
    del work, session, sessions
    before, held, after = _memory(spec, precision, provider)
    return replace(
        row, weights=real, operators=f"{there} of {every}", open_ms=opened, first_ms=first,
        median_ms=float(np.median(laps)), p95_ms=float(np.percentile(laps, 95)), steps=len(found),
        cpu_precision=reference, cpu_ms=float(np.median(cpu_ms)),
        first_difference=_difference(found[:1], expected[:1]),
        last_difference=_difference(found[-1:], expected[-1:]),
        held_mb=held - before, left_mb=after - before, trouble=str(note),
    )  # fmt: skip


def _memory(spec: ModelSpec, precision: str, provider: str) -> tuple[float, float, float]:
    """Megabytes of this process before a second opening, with it, and after it was closed."""
    _close()
    before = _resident_mb()
    assert spec.task.probe is not None
    work = spec.task.probe(spec, precision, provider)
    held = _resident_mb()
    del work
    _close()
    return before, held, _resident_mb()


def _close() -> None:
    SESSIONS.close(lambda key: True)
    gc.collect()


def _times(work: Callable[[], Any]) -> list[float]:
    laps: list[float] = []
    end = time.perf_counter() + RUN_SECONDS
    while len(laps) < LEAST_RUNS or (time.perf_counter() < end and len(laps) < MOST_RUNS):
        start = time.perf_counter()
        work()
        laps.append((time.perf_counter() - start) * 1000)
        if laps[-1] > RUN_SECONDS * 1000:  # a processor that plays a GPU: once is enough
            break
    return laps


def _difference(found: Sequence[npt.NDArray[Any]], expected: Sequence[npt.NDArray[Any]]) -> float:
    scale = max(float(np.abs(array).max()) for array in expected)
    pairs = zip(found, expected, strict=True)
    apart = max(float(np.abs(a.astype(np.float32) - b).max()) for a, b in pairs)
    return apart / (scale or 1.0)


def _operators(session: Session) -> tuple[int, int]:
    """How many of a graph's operators are on the device, and how many there are."""
    if session.ran.provider == "cpu":
        return 0, 0
    parts = session.assignment()
    mine = sum(count for name, count in parts if name != "CPUExecutionProvider")
    return mine, sum(count for _, count in parts)


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def machine(provider: str) -> dict[str, str]:
    """What the figures were measured on."""
    found = {
        "date": time.strftime("%Y-%m-%d"), "processor": processor(),
        "cores": str(usable_cores()), "system": platform.platform(),
        "provider": f"{provider}: {offers()[provider].reason}",
    }  # fmt: skip
    for package in ("onnxruntime", "onnxruntime-gpu", *(one.package for one in PLUGINS.values())):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    if provider in PLUGINS and (device := plugin_device(provider)) is not None:
        found["device"] = f"{device.device.vendor} {dict(device.device.metadata)}".strip()
    with suppress(OSError, subprocess.SubprocessError):
        asked = [
            "nvidia-smi",
            "--query-gpu=name,driver_version,memory.total",
            "--format=csv,noheader",
        ]
        found["gpu"] = subprocess.run(
            asked, capture_output=True, text=True, timeout=20
        ).stdout.strip()
    return found


def pairs(names: Sequence[str], provider: str) -> Iterator[tuple[str, str]]:
    """(model, precision) that run on the provider, one of each model first."""
    for precision in PRECISIONS:
        for name in names:
            spec = zoo.spec(name)
            if precision in spec.run.precisions and _is_there(spec, precision, provider):
                yield name, precision


def _is_there(spec: ModelSpec, precision: str, provider: str) -> bool:
    if provider == "cuda" and precision != "fp16" and "fp16" in spec.run.precisions:
        return False
    return any(place[1] == provider for place in spec.place(precision, provider).values())


def report(
    names: Sequence[str],
    provider: str,
    out: Path,
    budget: float,
    model_seconds: float = MODEL_SECONDS,
    weights: str = "",
) -> list[Row]:
    """Examine every model, and write `gpu.json` and `gpu.md` after each."""
    out.mkdir(parents=True, exist_ok=True)
    end, rows, about = time.monotonic() + budget, list[Row](), machine(provider)
    with tempfile.TemporaryDirectory() as folder:
        for name, precision in pairs(names, provider):
            left = min(model_seconds, end - time.monotonic())
            row = Row(name, precision, provider, trouble="no time was left")
            if left > 5:
                row = _apart(row, Path(folder), left, weights)
            rows.append(row)
            print(_line(row), flush=True)
            write(rows, about, out)
    return rows


def _apart(row: Row, folder: Path, seconds: float, weights: str) -> Row:
    """One row from a process of its own."""
    asked = [sys.executable, "-m", "export.gpu_report", "--one", row.model, row.precision,
             "--provider", row.provider, "--folder", str(folder), "--weights", weights]  # fmt: skip
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=seconds)
        return Row(**json.loads(done.stdout.strip().splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return replace(row, trouble=f"not through after {seconds:.0f} s")
    except (ValueError, IndexError):
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        return replace(row, trouble=f"ended with {done.returncode}: {''.join(last)[:300]}")


HEADS = ("model", "precision", "weights", "operators there", "open ms", "first ms", "median ms",
         "p95 ms", "steps", "CPU ms", "difference", "after the steps")  # fmt: skip


def write(rows: Sequence[Row], about: dict[str, str], out: Path) -> None:
    """The rows as JSON and as a table for people."""
    whole = {"machine": about, "rows": [asdict(row) for row in rows]}
    (out / "gpu.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# The models on a GPU",
        "",
        "By `python -m export.gpu_report`; times are for one "
        "probe: a picture, a sentence of 32 tokens, 5 s of sound and 16 tokens, or a prompt "
        "of 16 tokens and 8 behind it. Differences are shares of the largest output.",
        "",
    ]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|", *map(_line, rows)]
    (out / "gpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(row: Row) -> str:
    cells = [row.model, row.precision, row.weights]
    if row.median_ms:
        times = (row.open_ms, row.first_ms, row.median_ms, row.p95_ms)
        cells += [row.operators, *(f"{ms:.4g}" for ms in times), str(row.steps)]
        cells += [f"{row.cpu_ms:.4g} ({row.cpu_precision})"]
        cells += [f"{row.first_difference:.1e}", f"{row.last_difference:.1e} {row.trouble}".strip()]
    else:
        cells += [row.trouble]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="models; default: all")
    parser.add_argument("--provider", default="webgpu")
    parser.add_argument("--out", type=Path, default=Path("gpu-report"))
    parser.add_argument("--budget", type=float, default=BUDGET_SECONDS, help="seconds in all")
    parser.add_argument("--model-seconds", type=float, default=MODEL_SECONDS, help="for one row")
    parser.add_argument("--weights", default="", help='"random", also where real ones are here')
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        try:
            row = examine(*given.one, given.provider, given.folder, given.weights)
        except Exception as error:  # what drivers raise has no common base
            trouble = f"{type(error).__name__}: {error}"[:300]
            row = Row(*given.one, given.provider, trouble=trouble)
        print(json.dumps(asdict(row)))
        return
    if not (offer := offers()[given.provider]).ready:
        sys.exit(f"{given.provider} is not available here: {offer.reason}.")
    names, budget = given.names or zoo.names(), given.budget
    report(names, given.provider, given.out, budget, given.model_seconds, given.weights)


if __name__ == "__main__":
    main()
