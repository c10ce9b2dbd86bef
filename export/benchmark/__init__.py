"""`bench --peers`: every model here and beside others, in one run, each part in its own process.

What is measured lies in one file of JSON, which is written after every part; begun again with the
same file on the same machine and versions, a run that was stopped goes on where it was.
`python -m export benchmarks FILE` makes docs/benchmarks.md of it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from model_zoo.runtime.placement import candidates
from model_zoo.runtime.providers import PLUGINS, offers, processor, usable_cores
from model_zoo.runtime.tuning import VARIABLE as MEASURE
from model_zoo.spec import ModelSpec

PACKAGES = ("onnxruntime", "onnxruntime-gpu", *(one.package for one in PLUGINS.values()),
            "openvino", "torch", "faster-whisper", "ctranslate2", "llama-cpp-python",
            "openai-whisper")  # fmt: skip
STEP_SECONDS = 300  # the longest that one part may take: a peer that hangs costs its row

Said = Callable[[str], None]
Results = dict[str, Any]  # as in the file: machine, limits, and steps by their key
Step = tuple[str, ...]  # kind, model, and what else it needs


def run(specs: Sequence[ModelSpec], turns: int, file: Path | None = None, *, said: Said) -> Results:
    """Measure what the file lacks, or all again where it has everything; what fails is said."""
    results = _begun(file)
    steps = list(_steps(specs))
    done = {key for key, found in results["steps"].items() if "failed" not in found}
    lacking = [step for step in steps if " ".join(step) not in done] or steps
    if len(lacking) < len(steps):
        said(f"{len(steps) - len(lacking)} of {len(steps)} parts are in {file} already.")
    with tempfile.TemporaryDirectory(prefix="sensorium-", ignore_cleanup_errors=True) as scratch:
        for number, (kind, *asked) in enumerate(lacking, 1):
            key = " ".join([kind, *asked])
            said(f"{number} of {len(lacking)}: {key}")
            if kind == "variant":
                _apart("make", scratch, str(turns), *asked)
            found = _apart(kind, scratch, str(turns), *asked)
            if "failed" in found:
                said(f"{key} failed: {found['failed']}")
            results["steps"][key] = found
            if file:
                _write(file, results)
    return results


def of(results: Results, kind: str, name: str | None = None) -> list[dict[str, Any]]:
    """What the steps of a kind found, of all models or one; without those that failed."""
    chosen = [key for key in results["steps"] if key.split()[0] == kind]
    if name:
        chosen = [key for key in chosen if key.split()[1] == name]
    return [found for key in chosen if "failed" not in (found := results["steps"][key])]


def _steps(specs: Sequence[ModelSpec]) -> Iterator[Step]:
    yield ("limits",)
    for spec in specs:
        yield "work", spec.name
        for pair in candidates(spec):
            yield "variant", spec.name, *pair
        yield "contests", spec.name


def _begun(file: Path | None) -> Results:
    machine = _machine()
    with suppress(FileNotFoundError, ValueError, TypeError, LookupError):
        if file:
            before: Results = json.loads(file.read_text(encoding="utf-8"))
            if before["machine"] | {"date": ""} == machine | {"date": ""}:
                return before
    return {"machine": machine, "steps": {}}


def _machine() -> dict[str, str]:
    """What every figure was measured on and with."""
    found = {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "cores": str(usable_cores()),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "providers": ", ".join(name for name, offer in offers().items() if offer.ready),
    }
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _apart(*step: str) -> dict[str, Any]:
    asked = [sys.executable, "-m", "export.benchmark.step", *step]
    environment = os.environ | {MEASURE: "off"}  # nothing else is measured meanwhile
    try:
        done = subprocess.run(
            asked, capture_output=True, text=True, timeout=STEP_SECONDS, env=environment
        )
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found
    except subprocess.TimeoutExpired:
        return {"failed": f"it was not through after {STEP_SECONDS} s"}
    except (ValueError, IndexError):
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        return {"failed": f"it ended with {done.returncode}: {''.join(last)[:200]}"}


def _write(file: Path, results: Results) -> None:
    scratch = file.with_name(f"{file.name}.part")
    scratch.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    scratch.replace(file)
