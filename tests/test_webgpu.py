"""Small graphs on the WebGPU plugin and a software GPU: the CPU's answers, and its help."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.gpu import software


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.small"], cwd=ROOT, env=software.environment(),
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_a_processor_that_plays_a_gpu_is_there_when_asked_for_by_name_only(
    found: dict[str, Any],
) -> None:
    assert "a processor that plays one" in found["offer"]
    assert found["by_auto"] == []
    assert ["fp32", "webgpu"] in found["by_name"]
    assert ["int8", "cpu"] in found["by_name"]  # whose products are for processors


def test_a_picture_is_seen_as_the_cpu_sees_it(found: dict[str, Any]) -> None:
    assert found["cifar10-resnet"] < 1e-4
    assert found["elsewhere"] == 0


def test_a_text_is_written_as_on_the_cpu_with_its_cache_on_the_device(
    found: dict[str, Any],
) -> None:
    assert found["same text"]
    assert found["same beams"]
    assert found["cache there"] == "webgpu"
    assert found["ran"].startswith("fp32 on the GPU (WebGPU)")


def test_where_the_device_fails_the_cpu_answers_and_it_is_said(found: dict[str, Any]) -> None:
    assert found["after a loss"] < 1e-4
    assert any("the CPU takes over" in said for said in found["said"])
    assert "webgpu failed" in found["ran after it"]


def test_where_it_fails_in_a_text_the_cpu_goes_on_behind_the_last_token(
    found: dict[str, Any],
) -> None:
    assert found["lost in a text"]
    assert "on the CPU" in found["where the rest ran"]
