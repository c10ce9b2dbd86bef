"""Picture classifiers through OpenVINO's own runtime, on the very same files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from export.peers import Contender, Contest, installed
from export.peers.openvino_runtime import hints, openvino_request
from model_zoo import zoo
from model_zoo.spec import ModelSpec
from model_zoo.vision.task import IMAGES
from model_zoo.weights import store

BATCHES = (1, 32)


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """One picture, and 32 at once, as numbers that are ready to be read."""
    if not installed("openvino"):
        return
    session = zoo.load(spec.name, task=IMAGES).session
    contenders = [Contender(f"sensorium {session.ran}", lambda image: session(image=image)[0])]
    files = [("int8", "f32"), *(("fp32", hint) for hint in hints())]
    for precision, hint in files:
        request = openvino_request(store.graph_file(spec, precision), hint)
        kind = precision if precision == "int8" else hint
        contenders.append(
            Contender(
                f"OpenVINO {version('openvino')} {kind}",
                lambda image, request=request: request.infer({"image": image})["logits"],
            )
        )
    _, shape = session.inputs["image"]
    for batch in BATCHES:
        image = np.random.default_rng(0).random((batch, *map(int, shape[1:])), np.float32)
        yield Contest(
            f"{spec.name}, batch of {batch}", "pictures", batch, tuple(contenders), [image],
            lambda answers: str(np.round(answers[0][0, :3], 2)),
        )  # fmt: skip
