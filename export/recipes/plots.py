"""Pictures of a report: curves, confusion matrix, reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")  # files only: a report is also written where there is no display
from matplotlib import pyplot as plt

DOTS_PER_INCH = 110


def draw_curves(curves: Sequence[dict[str, float]], path: Path) -> None:
    """Loss to the left; to the right the share of errors, on a logarithmic scale, of every
    accuracy in the log.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    epochs = [row["epoch"] for row in curves]
    left.plot(epochs, [row["loss"] for row in curves])
    left.set(xlabel="epoch", ylabel="training loss")
    for name in curves[0].keys() - {"epoch", "loss"}:
        label = "training batches" if name == "accuracy" else name
        right.plot(epochs, [max(1 - row[name], 1e-5) * 100 for row in curves], label=label)
    right.set(xlabel="epoch", ylabel="errors, %", yscale="log")
    right.legend()
    _save(figure, path)


def draw_confusion(confusion: np.ndarray, labels: Sequence[str], path: Path) -> None:
    """Confusion matrix (classes, classes), rows true, coloured by share of the row, counts written
    in.
    """
    side = 2 + 0.6 * len(labels)
    figure, axes = plt.subplots(figsize=(side, side))
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="answered", ylabel="true")
    _save(figure, path)


def draw_reliability(before: np.ndarray, after: np.ndarray, path: Path) -> None:
    """How often answers of a confidence are right, before and after the temperature; (bins, 3)
    each.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), sharey=True)
    for axis, bins, title in zip(
        axes, (before, after), ("before", "after the temperature"), strict=True
    ):
        filled = bins[bins[:, 2] > 0]
        error = (np.abs(bins[:, 0] - bins[:, 1]) * bins[:, 2]).sum()
        axis.bar(filled[:, 0], filled[:, 1], width=0.05, label="right")
        axis.plot([0, 1], [0, 1], "k--", linewidth=1, label="meant")
        axis.set(
            title=f"{title}: error {error:.2%}", xlabel="confidence", xlim=(0, 1.03), ylim=(0, 1.03)
        )
    axes[0].set_ylabel("share of right answers")
    axes[0].legend()
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=DOTS_PER_INCH)
    plt.close(figure)
