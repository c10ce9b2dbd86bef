"""Rows of tokens through a graph of two logits, sorted by length into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from model_zoo.runtime.session import Session
from model_zoo.stopping import NEVER, Stop

STEP = 8  # tokens: lengths are rounded up to this, as OpenVINO prepares itself for every new shape
BATCH_TOKENS = 1024  # tokens that go through the graph at once, which bounds the memory
MIXED_ROWS = 64  # a batch of so many takes no longer ones, so that the same shapes come again


def log_odds(
    session: Session,
    rows: Sequence[list[int]],
    stop: Stop = NEVER,
    progress: Callable[[float], None] | None = None,
) -> npt.NDArray[np.float64]:
    """Log-odds of positive for rows of tokens, in batches of like length.

    Before each batch `progress` gets the share [0, 1] of the rows that are done, and `stop` may
    raise Stopped.
    """
    found, done = np.zeros(len(rows)), 0
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for chosen in _batches(order, [len(row) for row in rows]):
        stop.check()
        if progress:
            progress(done / len(rows))
        length = _round_up(max(len(rows[index]) for index in chosen))
        tokens = np.zeros((len(chosen), length), np.int64)
        for row, index in enumerate(chosen):
            tokens[row, : len(rows[index])] = rows[index]
        (logits,) = session(tokens=tokens, mask=(tokens > 0).astype(np.int64))
        found[chosen] = logits[:, 1] - logits[:, 0]
        done += len(chosen)
    return found


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices by rising length, as many at a time as BATCH_TOKENS allows, padding included."""
    batch: list[int] = []
    for index in order:
        length = _round_up(lengths[index])
        longer = len(batch) >= MIXED_ROWS and length > _round_up(lengths[batch[-1]])
        if batch and (longer or length * (len(batch) + 1) > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _round_up(length: int) -> int:
    return -(-length // STEP) * STEP
