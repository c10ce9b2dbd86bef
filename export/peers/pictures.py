"""Picture classifiers through OpenVINO's own runtime, on the very same files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.metadata import version

import numpy as np

from export.peers import Contender, Contest, Run, installed, ours, rounded
from export.peers.openvino_runtime import hints, openvino_run
from model_zoo import zoo
from model_zoo.spec import ModelSpec
from model_zoo.vision.task import IMAGES
from model_zoo.weights import store

BATCHES = (1, 32)


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """One picture, and 32 at once, as numbers that are ready to be read."""
    if not installed("openvino"):
        return
    contenders = [Contender(ours(spec), partial(_ours, spec))]
    for precision, hint in (("int8", "f32"), *(("fp32", hint) for hint in hints())):
        name = f"OpenVINO {version('openvino')} {precision if precision == 'int8' else hint}"
        file = store.graph_file(spec, precision)
        contenders.append(Contender(name, partial(openvino_run, file, hint)))
    _, (_, *sides) = zoo.load(spec.name, task=IMAGES).session.inputs["image"]
    for batch in BATCHES:
        image = np.random.default_rng(0).random((batch, *map(int, sides)), np.float32)
        work = f"{spec.name}, batch of {batch}"
        yield Contest(work, "pictures", batch, tuple(contenders), [{"image": image}])


def _ours(spec: ModelSpec) -> Run:
    session = zoo.load(spec.name, task=IMAGES).session
    return lambda feed: rounded(session(**feed)[0][0, :3])
