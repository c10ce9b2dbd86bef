"""Sentiment through OpenVINO's own runtime, on the very same graph, and through torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version

import numpy as np

from export.peers import Contender, Contest, installed
from export.peers.openvino_runtime import hints, openvino_request
from model_zoo import zoo
from model_zoo.runtime.providers import usable_cores
from model_zoo.spec import ModelSpec
from model_zoo.text import sst2_minilm
from model_zoo.weights import store

REVIEWS = 1000  # short ones, of 2 to 24 words
Score = Callable[[dict[str, np.ndarray]], np.ndarray]


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """One sentence of 32 tokens, and a list of short reviews."""
    (piece,) = sst2_minilm.pieces(spec.task.example())
    row = np.array([piece.row()])
    feed = {"tokens": row, "mask": np.ones_like(row)}
    runs = (
        Contender(name, lambda feed, score=score: np.round(score(feed)[0], 3))
        for name, score in _contenders(spec)
    )
    yield Contest(f"{spec.name}, {row.shape[1]} tokens", "texts", 1, tuple(runs), [feed])
    yield _reviews(spec)


def _contenders(spec: ModelSpec) -> Iterator[tuple[str, Score]]:
    model: sst2_minilm.Sst2Minilm = zoo.load(spec.name)
    session = model.session
    yield f"sensorium {session.ran}", lambda feed: session(**feed)[0]
    if installed("openvino"):
        path = store.graph_file(spec, "fp32")
        for hint in hints():
            compiled = openvino_request(path, hint)
            yield (
                f"OpenVINO {version('openvino')} {hint}",
                lambda feed, compiled=compiled: compiled.infer(feed)["logits"],
            )
    if installed("torch"):
        yield f"torch {version('torch')} float32", _torch(spec)


def _torch(spec: ModelSpec) -> Score:
    import torch

    from export.checks.sentiment import load

    module = load(spec)

    def score(feed: dict[str, np.ndarray]) -> np.ndarray:
        torch.set_num_threads(usable_cores())
        with torch.inference_mode():
            return np.asarray(module(*map(torch.from_numpy, feed.values())))

    return score


def _reviews(spec: ModelSpec) -> Contest:
    """Cut from the example's words, each review another piece."""
    model: sst2_minilm.Sst2Minilm = zoo.load(spec.name)
    words, chance = spec.task.example().split(), np.random.default_rng(0)
    starts, lengths = chance.integers(0, len(words), REVIEWS), chance.integers(2, 25, REVIEWS)
    texts = [" ".join((words * 2)[a : a + n]) for a, n in zip(starts, lengths, strict=True)]

    def run(texts: list[str]) -> str:
        answers = list(model.classify_many(texts))
        return f"{np.mean([answer['positive'] for answer in answers]):.3f} positive"

    ours = Contender(f"sensorium {model.session.ran}", run)
    return Contest(f"{spec.name}, {REVIEWS:,} short reviews", "texts", REVIEWS, (ours,), [texts])
