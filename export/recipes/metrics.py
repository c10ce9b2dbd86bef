"""How good a classifier is, and how well its probabilities are meant: figures from logits and
labels alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15  # of confidence, for the expected calibration error


@dataclass(frozen=True)
class Measured:
    """Figures of one part; shares are 0..1, `confusion[true, answered]` counts."""

    count: int
    accuracy: float
    nll: float  # mean negative log-likelihood, nats
    calibration_error: float
    # Share answered with a class that the part has none of: a digit taken for "not a digit"
    foreign: float
    confusion: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    reliability: np.ndarray  # (BINS, 3): mean confidence, accuracy, share of the part


def measure(logits: np.ndarray, labels: np.ndarray) -> Measured:
    """Compare logits (n, classes) with labels (n,)."""
    classes = logits.shape[1]
    answers = logits.argmax(axis=1)
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (labels, answers), 1)
    right = np.diag(confusion).astype(float)
    precision = right / np.maximum(confusion.sum(axis=0), 1)
    recall = right / np.maximum(confusion.sum(axis=1), 1)
    bins = reliability(probabilities(logits), labels)
    return Measured(
        count=len(labels),
        accuracy=float(right.sum() / len(labels)),
        nll=negative_log_likelihood(logits, labels),
        calibration_error=float((np.abs(bins[:, 0] - bins[:, 1]) * bins[:, 2]).sum()),
        foreign=float((~np.isin(answers, np.unique(labels))).mean()),
        confusion=confusion,
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / np.maximum(precision + recall, 1e-12),
        reliability=bins,
    )


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean over images, in nats."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(labels)), labels]
    return float((np.log(np.exp(shifted).sum(axis=1)) - chosen).mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The number to divide logits by for the least negative log-likelihood, within 0.05..20."""
    low, high = np.log(0.05), np.log(20.0)
    ratio = (np.sqrt(5) - 1) / 2
    # Golden section: there is one minimum, since the likelihood is convex in the inverse
    # temperature.
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        losses = [negative_log_likelihood(logits / np.exp(at), labels) for at in (left, right)]
        low, high = (low, right) if losses[0] < losses[1] else (left, high)
    return float(np.exp((low + high) / 2))


def reliability(chances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(BINS, 3) by confidence of the answer: mean confidence, accuracy, share of the images; 0
    where a bin is empty.
    """
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(index, minlength=BINS)
    sums = [np.bincount(index, weights=values, minlength=BINS) for values in (confidence, right)]
    return np.stack([*(s / np.maximum(count, 1) for s in sums), count / len(labels)], axis=1)
