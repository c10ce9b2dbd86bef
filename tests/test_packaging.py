"""What is installed where: Spaces' requirements, the extras, and an app that needs no torch."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
HEAVY = ("torch", "torchvision", "transformers", "whisper", "onnx", "matplotlib")


def test_a_space_installs_what_the_app_and_its_cpu_extra_ask_for():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = PROJECT["project"]["dependencies"] + EXTRAS["cpu"]
    assert [line for line in lines if line and not line.startswith("#")] == wanted


def test_the_cpu_and_gpu_extras_are_declared_in_conflict():
    assert [{"extra": "cpu"}, {"extra": "gpu"}] in PROJECT["tool"]["uv"]["conflicts"]
    both = " ".join(EXTRAS["cpu"] + EXTRAS["gpu"])
    assert re.search(r"onnxruntime>=", both)
    assert "onnxruntime-gpu" in both


def test_importing_the_app_loads_nothing_that_only_training_needs():
    code = f"import sys, app; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_importing_the_zoo_opens_no_runtime():
    code = "import sys, model_zoo; model_zoo.names(); print('onnxruntime' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
