"""Sentiment through OpenVINO's own runtime, on the very same graph, and through torch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.metadata import version

import numpy as np

from export.peers import Contender, Contest, Run, installed, ours, rounded
from export.peers.openvino_runtime import hints, openvino_run
from model_zoo import zoo
from model_zoo.runtime.providers import usable_cores
from model_zoo.spec import ModelSpec
from model_zoo.text import sst2_minilm
from model_zoo.text.sentiment.task import SENTIMENT
from model_zoo.weights import store

REVIEWS = 1000  # short ones, of 2 to 24 words


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """One sentence of 32 tokens, and a list of short reviews."""
    (piece,) = sst2_minilm.pieces(spec.task.example())
    row = np.array([piece.row()])
    feed = {"tokens": row, "mask": np.ones_like(row)}
    contenders = tuple(_contenders(spec))
    yield Contest(f"{spec.name}, {row.shape[1]} tokens", "texts", 1, contenders, [feed])
    texts, whole = _reviews(spec), (Contender(ours(spec), partial(_list, spec)),)
    yield Contest(f"{spec.name}, {REVIEWS:,} short reviews", "texts", REVIEWS, whole, [texts])


def _contenders(spec: ModelSpec) -> Iterator[Contender]:
    yield Contender(ours(spec), partial(_ours, spec))
    if installed("openvino"):
        file = store.graph_file(spec, "fp32")
        for hint in hints():
            name = f"OpenVINO {version('openvino')} {hint}"
            yield Contender(name, partial(openvino_run, file, hint))
    if installed("torch"):
        yield Contender(f"torch {version('torch')} float32", partial(_torch, spec))


def _ours(spec: ModelSpec) -> Run:
    session = zoo.load(spec.name, task=SENTIMENT).session
    return lambda feed: rounded(session(**feed)[0][0])


def _torch(spec: ModelSpec) -> Run:
    import torch

    from export.checks.sentiment import load

    module = load(spec)
    torch.set_num_threads(usable_cores())

    def run(feed: dict[str, np.ndarray]) -> list[float]:
        with torch.inference_mode():
            logits = np.asarray(module(*map(torch.from_numpy, feed.values())))
            return rounded(logits[0])

    return run


def _list(spec: ModelSpec) -> Run:
    model = zoo.load(spec.name, task=SENTIMENT)

    def run(texts: list[str]) -> str:
        answers = list(model.classify_many(texts))
        return f"{np.mean([answer['positive'] for answer in answers]):.3f} positive"

    return run


def _reviews(spec: ModelSpec) -> list[str]:
    """Cut from the example's words, each review another piece."""
    words, chance = spec.task.example().split(), np.random.default_rng(0)
    starts, lengths = chance.integers(0, len(words), REVIEWS), chance.integers(2, 25, REVIEWS)
    return [" ".join((words * 2)[a : a + n]) for a, n in zip(starts, lengths, strict=True)]
