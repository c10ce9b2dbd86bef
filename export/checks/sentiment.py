"""Compare BERT's graph with transformers, the adapter merged by PEFT, and words with gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from export.checks import Comparison
from export.recipes.reading import Reader
from export.recipes.sentiment import restore
from model_zoo import zoo
from model_zoo.runtime.placement import candidates
from model_zoo.runtime.session import softmax
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.text import sst2_minilm
from model_zoo.text.sentiment.pieces import CLS, SEP
from model_zoo.weights.store import weights_of

SHAPES = ((1, 2), (1, 32), (3, 7), (7, 33), (2, 512))  # rows, tokens
# Float32 differs by the order of its sums only; otherwise it is the probability that is compared:
# where the model is undecided it moves by a quarter of what its log-odds move.
TOLERANCE = {"fp32": 1e-4, "fp16": 0.02, "bf16": 0.1, "int8": 0.25}
SENTENCES = (
    "the acting is wonderful but the story never quite finds its feet .",
    "not a bad film at all , though it could have been half an hour shorter .",
    "the film suffers from a lack of humor and from a plot that goes nowhere .",
    "i loved every minute of this strange , tender and very funny little picture .",
    "what could have been a moving portrait of a marriage ends as a lifeless lecture .",
    "for all its beautiful photography , the drama remains cold and oddly uninvolving .",
    "a clever script and two charming leads make this comedy a real pleasure to watch .",
    "the director wastes a fine cast on jokes that were already stale ten years ago .",
)
STEPS = 32  # of the integral, from a hidden sentence to the sentence
MASK = 103  # BERT's token for a word that is hidden: nothing, as far as the network knows
LEAST_AGREEMENT = 0.4  # mean rank correlation of leaving out and integrated gradients


def check(spec: ModelSpec) -> Iterator[Comparison]:
    """Every pair of precision and provider that this machine has, on several shapes."""
    original = load(spec)
    cases = [_case(*shape) for shape in SHAPES]
    with torch.inference_mode():
        expected = [original(*map(torch.from_numpy, case)).numpy() for case in cases]
    for precision, provider in candidates(spec):
        session = open_session(spec, precision, provider)
        if list(session.outputs) != ["logits"]:
            raise ValueError(f"{spec.name} {precision}: outputs {list(session.outputs)}")
        for (tokens, mask), theirs in zip(cases, expected, strict=True):
            (ours,) = session(tokens=tokens, mask=mask)
            yield _compare(spec, precision, provider, tokens.shape, ours, theirs)
    disagreement = 1 - agreement(spec, original)
    allowed = 1 - LEAST_AGREEMENT
    shape = (len(SENTENCES),)
    yield Comparison(
        spec.name, "fp32", "1 - rank correlation of words", shape, disagreement, allowed
    )


def load(spec: ModelSpec) -> Reader:
    """transformers' BERT with the committed adapter merged in, and the head."""
    files = weights_of(spec)
    adapter = spec.adapter_file
    assert adapter is not None
    return restore(files["model.safetensors"], adapter)


def agreement(spec: ModelSpec, original: Reader) -> float:
    """Mean Spearman correlation, over some sentences, of the two ways to weigh a word."""
    model = zoo.load(spec.name, "fp32", "cpu")
    found = []
    for text in SENTENCES:
        left_out = [weight for _, weight in model.trace(text).words]
        found.append(_spearman(np.array(left_out), gradients(original, text)))
    return float(np.mean(found))


def gradients(module: Reader, text: str) -> np.ndarray:
    """Integrated gradients of the log-odds by word, from hidden words to the text's."""
    (piece,) = sst2_minilm.pieces(text)
    tokens = torch.tensor([piece.row()])
    table = module.encoder.embeddings.word_embeddings
    nothing = tokens.clone()
    nothing[0, 1:-1] = MASK
    start, end = table(nothing).detach(), table(tokens).detach()
    share = ((torch.arange(STEPS) + 0.5) / STEPS).view(-1, 1, 1)
    path = (start + share * (end - start)).requires_grad_()
    found = module.encoder(inputs_embeds=path).last_hidden_state.mean(1)
    logits = module.head(found)
    (slope,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), path)
    weights = (slope.mean(0) * (end - start)[0]).sum(-1)[1:-1].numpy()
    words = np.zeros(max(piece.words) + 1)
    np.add.at(words, piece.words, weights)
    return words


def _case(rows: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [rows, length] int64 between the marks, rows of several lengths, and their mask."""
    chance = np.random.default_rng(rows * length)
    tokens = chance.integers(1000, 30000, (rows, length))
    mask = np.ones_like(tokens)
    tokens[:, 0] = CLS
    for row in range(rows):
        end = length if row == 0 else int(chance.integers(2, length + 1))
        tokens[row, end - 1] = SEP
        tokens[row, end:] = mask[row, end:] = 0
    return tokens, mask


def _compare(
    spec: ModelSpec, precision: str, provider: str, given: tuple[int, ...],
    ours: np.ndarray, theirs: np.ndarray,
) -> Comparison:  # fmt: skip
    if ours.shape != theirs.shape:
        raise ValueError(f"{spec.name} {precision}: {ours.shape}, transformers {theirs.shape}")
    name = "logits" if precision == "fp32" else "probabilities"
    apart = ours - theirs if precision == "fp32" else softmax(ours) - softmax(theirs)
    where, output = f"{precision} {provider}", f"{name} of {given[0]} × {given[1]}"
    largest = float(np.abs(apart).max())
    return Comparison(spec.name, where, output, ours.shape, largest, TOLERANCE[precision])


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])
