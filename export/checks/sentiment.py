"""Compare BERT's graph with transformers, the adapter merged by PEFT, and words with gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

import numpy as np
import torch

from export.checks import reference
from export.checks.comparison import Comparison, Row, compare, left_out, pairs, same
from export.checks.weights import compare_weights, table
from export.recipes.reading import Reader
from export.recipes.sentiment import restore
from model_zoo import zoo
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.text import sst2_minilm
from model_zoo.text.sentiment.pieces import CLS, SEP
from model_zoo.weights import store

SHAPES = ((1, 2), (1, 32), (3, 7), (7, 33), (2, 512))  # rows, tokens
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
# Signs, accents and capitals as people type them
TEXTS = (
    *SENTENCES,
    "Don't miss it!!! 10/10, the café scene alone is worth the ticket :-)",
    "zzz... BORING; 2 hours & 14 minutes I will never get back",
    "Weder Fisch noch Fleisch? – naïve, perhaps, but never dull.",
    "ok",
)
STEPS = 32  # of the integral, from a hidden sentence to the sentence
MASK = 103  # BERT's token for a word that is hidden: nothing, as far as the network knows
LEAST_AGREEMENT = 0.4  # mean rank correlation of leaving out and integrated gradients


def check(spec: ModelSpec) -> Iterator[Row]:
    """Its numbers, then every precision: tokens of several shapes, and texts through all of it."""
    name, exact = spec.name, store.graph_file(spec, "fp32")
    yield from left_out(spec)
    for precision in ("int8", "fp16"):
        yield compare_weights(name, precision, store.graph_file(spec, precision), exact)
    original, expected = load(spec), reference.read(spec)
    negative, positive = spec.weights.labels
    theirs = original.encoder.get_input_embeddings().weight.detach().numpy()
    yield compare(name, "fp32", "embeddings", table(exact).T, theirs.T)
    yield same(name, "", "labels", spec.weights.labels, list(expected["labels"]))
    yield same(name, "", "vocabulary", [_vocabulary(spec)], list(expected["vocabulary"]))
    for precision, provider in pairs(spec):
        where = f"{precision} {provider}"
        yield from _shapes(spec, where)
        model = zoo.load(name, precision, provider)
        answers = [model(text) for text in expected["texts"].tolist()]
        odds = [np.log(answer[positive] / answer[negative]) for answer in answers]
        ours = np.array(odds)[:, None]
        yield compare(name, where, "log-odds of texts", ours, expected["log_odds"][:, None])
    disagreement = 1 - agreement(spec, original)
    output, shape = "1 - rank correlation of words", (len(SENTENCES),)
    yield Comparison(name, "fp32", output, shape, disagreement, 1 - LEAST_AGREEMENT)


@lru_cache(maxsize=1)
def load(spec: ModelSpec) -> Reader:
    """transformers' BERT with the committed adapter merged in, and the head."""
    files = store.weights_of(spec)
    adapter = spec.adapter_file
    assert adapter is not None
    return restore(files["model.safetensors"], adapter)


def record(spec: ModelSpec) -> Mapping[str, np.ndarray]:
    """What the trained network answers in torch to some texts."""
    original, odds = load(spec), []
    for text in TEXTS:
        (piece,) = sst2_minilm.pieces(text)
        tokens = torch.tensor([piece.row()])
        with torch.inference_mode():
            (logits,) = original(tokens, torch.ones_like(tokens)).numpy()
        odds.append(logits[1] - logits[0])
    return {
        "texts": np.array(TEXTS),
        "labels": np.array(spec.weights.labels),
        "log_odds": np.array(odds),
        "vocabulary": np.array([_vocabulary(spec)]),
    }


def _vocabulary(spec: ModelSpec) -> str:
    """A digest of every token's number and text, as they are read here."""
    words = sst2_minilm.tokenizer(spec.weights.folder).get_vocab()
    return sha256(repr(sorted(words.items())).encode()).hexdigest()


@lru_cache(maxsize=1)
def _cases(spec: ModelSpec) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Tokens, mask, and the logits that the original makes of them."""
    original, found = load(spec), []
    for shape in SHAPES:
        tokens, mask = _case(*shape)
        with torch.inference_mode():
            logits = original(torch.from_numpy(tokens), torch.from_numpy(mask)).numpy()
        found.append((tokens, mask, logits))
    return found


def _shapes(spec: ModelSpec, where: str) -> Iterator[Row]:
    """Noise, so that single rows are off in the lower precisions: all shapes count as one there."""
    session = open_session(spec, *where.split())
    ours = [session(tokens=tokens, mask=mask)[0] for tokens, mask, _ in _cases(spec)]
    theirs = [logits for _, _, logits in _cases(spec)]
    if not where.startswith("fp32"):
        found = np.concatenate(ours), np.concatenate(theirs)
        yield compare(spec.name, where, f"logits of {len(SHAPES)} shapes", *found)
        return
    for (rows, length), mine, exact in zip(SHAPES, ours, theirs, strict=True):
        yield compare(spec.name, where, f"logits of {rows} × {length}", mine, exact)


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


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])
