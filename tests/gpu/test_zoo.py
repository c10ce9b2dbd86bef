"""The whole zoo on the machine's GPU or the software one: `make test-gpu` prints the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from export.gpu_report import Row
from tests.conftest import ROOT
from tests.gpu import software

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(7200)]
MOST = {"fp32": 1e-4, "int8": 0.03, "fp16": 0.03}  # of the largest output
SECONDS = 6000  # on the software GPU a token of a language model takes several
LACKING = "requires f16"  # what is said of a device that has no half precision


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """A row for each model and precision, as far as `GPU_MODELS` does not name fewer."""
    real = "GPU" if os.environ.get("SENSORIUM_REAL_GPU") else ""
    environment = dict(os.environ) if real else software.environment()
    out = tmp_path_factory.mktemp("gpu")
    names = os.environ.get("GPU_MODELS", "mnist-cnn cifar10-resnet sst2-minilm whisper-tiny.en "
                           "whisper-base gpt2 smollm2-135m").split()  # fmt: skip
    asked = [sys.executable, "-m", "export.gpu_report", *names, "--out", str(out)]
    budget = ["--budget", str(SECONDS), "--model-seconds", "1200"]
    subprocess.run([*asked, *budget], cwd=ROOT, env=environment, check=True, timeout=SECONDS + 300)
    found: dict[str, Any] = json.loads((Path(out) / "gpu.json").read_text())
    return [Row(**row) for row in found["rows"]]


def test_every_model_answers_as_on_the_cpu_at_the_prompt_and_eight_steps_on(
    rows: list[Row],
) -> None:
    assert rows
    for row in rows:
        if LACKING in row.trouble:
            continue
        assert not row.trouble, row
        assert row.first_difference < MOST[row.precision], row
        assert row.last_difference < MOST[row.precision], row


def test_all_but_a_few_operators_are_on_the_device(rows: list[Row]) -> None:
    for row in rows:
        if row.operators:
            there, every = map(int, row.operators.split(" of "))
            assert every - there <= 3, row


def test_memory_comes_back(rows: list[Row]) -> None:
    for row in rows:
        if row.held_mb:
            assert row.left_mb < 30 + row.held_mb / 4, row
