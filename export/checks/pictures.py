"""Compare the committed graphs with what the trained network answered when it was published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from export.checks import reference
from export.checks.comparison import Row, compare, left_out, pairs, same
from export.checks.weights import compare_weights
from model_zoo import zoo
from model_zoo.errors import BadInput
from model_zoo.runtime.session import Session
from model_zoo.spec import ModelSpec
from model_zoo.vision.classify import ImageClassifier
from model_zoo.weights import store

BATCHES = (1, 2, 7, 32)
ENLARGED = 8  # times: every other picture, so that both ways to make a picture smaller are gone
EXACT = 2e-5  # what a graph's map may be from its logits: the order of sums


def check(spec: ModelSpec) -> Iterator[Row]:
    """Pictures of every label through all of the model, then graph by graph and batch by batch."""
    expected = reference.read(spec)
    yield from left_out(spec)
    yield same(spec.name, "", "labels", spec.weights.labels, list(expected["labels"]))
    for precision, provider in pairs(spec):
        where = f"{precision} {provider}"
        model: ImageClassifier = zoo.load(spec.name, precision, provider)
        yield from _answers(model, where, expected)
        yield from _batches(spec.name, where, model, expected)
    exact = store.graph_file(spec, "fp32")
    for precision in spec.run.precisions[1:]:
        yield compare_weights(spec.name, precision, store.graph_file(spec, precision), exact)


def pictures(expected: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """As a person would give them, some small and some large."""
    size = [1 if number % 2 else ENLARGED for number in range(len(expected["pictures"]))]
    return [
        picture.repeat(by, 0).repeat(by, 1)
        for picture, by in zip(expected["pictures"], size, strict=True)
    ]


def record(spec: ModelSpec) -> Mapping[str, np.ndarray]:
    """What the trained network answers in torch to the pictures that were written down before."""
    import torch

    from export import recipes
    from export.recipes.onnx_file import read_state
    from export.recipes.recipe import PictureRecipe

    recipe = recipes.find(spec.name)
    assert isinstance(recipe, PictureRecipe)
    module = recipe.build_folded()
    module.load_state_dict(read_state(store.graph_file(spec, "fp32")))
    known = dict(reference.read(spec))
    seen = [spec.run.factory.preprocess(picture) for picture in pictures(known)]
    with torch.inference_mode():
        given = torch.from_numpy(spec.run.factory.preprocessing.batch(np.stack(seen)))
        logits, cam = (found.numpy() for found in module.eval()(given))
    best = logits.argmax(1)
    if missing := set(range(len(spec.weights.labels))) - set(best.tolist()):
        names = ", ".join(spec.weights.labels[label] for label in sorted(missing))
        raise BadInput(f"None of the pictures in {spec.name}.npz is taken for: {names}.")
    return {
        "pictures": known["pictures"],
        "labels": np.array(spec.weights.labels),
        "logits": logits,
        "why": cam[np.arange(len(best)), best],
    }


def _answers(
    model: ImageClassifier, where: str, expected: Mapping[str, np.ndarray]
) -> Iterator[Row]:
    """From a picture to the probability of each label, by its name, and the reason."""
    name, labels = model.spec.name, list(expected["labels"])
    traces = [model.trace(picture) for picture in pictures(expected)]
    answers = np.array([[trace.answer.get(label, 0.0) for label in labels] for trace in traces])
    ours = _centred(np.log(np.maximum(answers, 1e-30)))
    yield compare(name, where, "answers by label", ours, _centred(expected["logits"]))
    best = [labels[row.argmax()] for row in expected["logits"]]
    yield same(name, where, "best labels", [next(iter(t.answer), "") for t in traces], best)
    why = np.stack([trace.why for trace in traces])
    yield compare(name, where, "why", why.reshape(-1, 1), expected["why"].reshape(-1, 1))


def _batches(
    name: str, where: str, model: ImageClassifier, expected: Mapping[str, np.ndarray]
) -> Iterator[Row]:
    """The same pictures in batches of every size, and whether a map's mean is its logit."""
    order = np.arange(max(BATCHES)) % len(expected["logits"])
    given = pictures(expected)
    seen = model.preprocessing.batch(np.stack([model.preprocess(given[n]) for n in order]))
    session: Session = model.session
    for size in BATCHES:
        parts = [session(image=seen[at : at + size]) for at in range(0, len(seen), size)]
        logits, cam = (np.concatenate(found) for found in zip(*parts, strict=True))
        yield compare(name, where, f"logits, {size} at once", logits, expected["logits"][order])
        means = cam.mean(axis=(2, 3))
        yield compare(name, where, f"means of maps, {size} at once", means, logits, EXACT)


def _centred(logits: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities and logits alike, without what softmax leaves out."""
    return logits - logits.mean(axis=1, keepdims=True)
