"""What a visitor gives stays on the machine, with that visitor, and no longer than promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SHIP = ROOT / "demos" / "examples" / "ship.jpg"


def python(*arguments: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a person does whose home and temporary folder are new."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY",)}
    for folder in ("home", "tmp"):
        (home / folder).mkdir(exist_ok=True)
    own = {
        "HOME": str(home / "home"), "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(home / "home" / ".cache"), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *arguments], env=inherited | own | more, cwd=home, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "entry",
    [
        ("-m", "model_zoo", "run", "cifar10-resnet", str(SHIP)),
        ("-c", "import model_zoo as z; z.load('mnist-cnn')(z.spec('mnist-cnn').example())"),
        ("-c", "import demos, onnxruntime, gradio; demos.pages()"),
        ("-c", "import export, onnxruntime; import export.recipes"),
    ],
    ids=["command line", "library", "app", "recipes"],
)  # fmt: skip
def test_no_library_reports_anything_however_the_package_is_entered(
    tmp_path: Path, entry: tuple[str, ...]
) -> None:
    done = python(*entry, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert files_in(tmp_path) == []  # onnxruntime keeps a device's id and its reports in files


def test_an_onnxruntime_imported_before_us_with_its_telemetry_on_is_told(tmp_path: Path) -> None:
    program = "import onnxruntime, model_zoo"
    assert "import model_zoo first" in python("-c", program, home=tmp_path).stderr
    switched_off = python("-c", program, home=tmp_path, ORT_DISABLE_TELEMETRY="1")
    assert switched_off.stderr == ""
