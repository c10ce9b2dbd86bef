"""What `test_webgpu` looks at, done in a process of its own, as the driver is chosen at its start.

Prints a JSON object.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import model_zoo
from model_zoo import zoo
from model_zoo.runtime import placement, providers
from model_zoo.runtime.sessions import SESSIONS, open_session
from model_zoo.spec import ModelSpec, Weights
from model_zoo.text.model import LanguageModel
from model_zoo.text.sampling import TextOptions
from tests.small_lm import PLACES, Small, small_gpt2

GREEDY = TextOptions(max_new_tokens=24, temperature=0, repetition_penalty=1.3)
PROMPT = "a lighthouse"


class Tiny(LanguageModel):
    """Two layers of noise that open their graph as any model does."""

    capacity = PLACES
    vocabulary = Small.vocabulary  # type: ignore[assignment]

    def read_vocabulary(self, files: object) -> Any:  # type: ignore[override]
        raise NotImplementedError


class Failing:
    """A session of onnxruntime whose device is lost after some runs."""

    def __init__(self, session: Any, runs: int) -> None:
        self._session, self._left = session, runs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, *given: Any) -> Any:
        self._count()
        return self._session.run(*given)

    def run_with_iobinding(self, binding: Any) -> None:
        self._count()
        self._session.run_with_iobinding(binding)

    def _count(self) -> None:
        if not self._left:
            raise RuntimeError("the device is lost")
        self._left -= 1


def tiny_spec(folder: Path) -> ModelSpec:
    small_gpt2(folder).rename(folder / "tiny.fp32.onnx")
    run = replace(model_zoo.spec("gpt2").run, factory=Tiny, precisions=("fp32",))
    return replace(model_zoo.spec("gpt2"), name="tiny", weights=Weights(graphs=folder), run=run)


def text(model: LanguageModel, options: TextOptions = GREEDY) -> list[int]:
    return [token.id for token in model.stream(PROMPT, options, owner=None)]


def probed(spec: ModelSpec, provider: str) -> list[Any]:
    assert spec.task.probe is not None
    return [np.copy(array) for array in spec.task.probe(spec, "fp32", provider)()]


def difference(spec: ModelSpec) -> float:
    pairs = zip(probed(spec, "webgpu"), probed(spec, "cpu"), strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def main(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"offer": providers.offers()["webgpu"].reason}
    cifar, tiny = model_zoo.spec("cifar10-resnet"), tiny_spec(folder)
    found["by_auto"] = [pair for pair in placement.candidates(cifar) if "webgpu" in pair]
    found["by_name"] = list(placement.candidates(cifar, provider="webgpu"))
    found["cifar10-resnet"] = difference(cifar)
    shares = open_session(cifar, "fp32", "webgpu").assignment()
    found["elsewhere"] = sum(count for name, count in shares if name.startswith("CPU"))

    cpu, gpu = Tiny(tiny, "fp32", "cpu"), Tiny(tiny, "fp32", "webgpu")
    beams = replace(GREEDY, beams=3, repetition_penalty=1.0)
    found["same text"] = text(gpu) == text(cpu)
    found["same beams"] = text(gpu, beams) == text(cpu, beams)
    found["ran"] = str(gpu.ran)
    found["cache there"] = gpu_memory(gpu)

    model = zoo.load("mnist-cnn", "fp32", "webgpu")
    picture = model.spec.task.example()
    before = model(picture)
    opened = open_session(model.spec, "fp32", "webgpu")
    opened._session = Failing(opened._session, 0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trace = model.trace(picture)
    found["said"] = [str(one.message) for one in said]
    found["after a loss"] = max(abs(trace.answer[k] - before[k]) for k in before)
    found["ran after it"] = str(trace.ran)

    providers.LOST.clear()
    opened = open_session(tiny, "fp32", "webgpu")
    opened._session = Failing(opened._session, 9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found["lost in a text"] = text(gpu) == text(cpu)
    found["where the rest ran"] = str(gpu.ran)
    SESSIONS.close(lambda key: True)
    return found


def gpu_memory(model: LanguageModel) -> str:
    from model_zoo.text.memory import Reader

    return str(Reader(model.session, PLACES).decoder.cache[0].value.device_name())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(main(Path(name))))
