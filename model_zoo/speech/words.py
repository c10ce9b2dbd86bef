"""When each word was spoken: dynamic time warping over what the alignment heads listened to.

Source: openai-whisper's timing.py, after "Listening while speaking", and its constants.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from model_zoo.speech.tokens import TOKENS_PER_SECOND, WhisperVocabulary
from model_zoo.speech.transcript import Word

MEDIAN_WIDTH = 7  # frames: single frames that stand out are no word
OPENING = "\"'“¿([{-"  # belongs to the word behind it
CLOSING = "\"'.。,，!！?？:：”)]}、"  # belongs to the word before it
SENTENCE_ENDS = tuple(".。!！?？")
SHORTEST = 1 / TOKENS_PER_SECOND  # seconds of a word: one frame
USUAL_LONGEST = 0.7  # seconds, of the median word
SPACELESS = frozenset({"zh", "ja", "th", "lo", "my"})  # languages that put no space between words


def align(
    attention: npt.NDArray[np.float32],
    vocabulary: WhisperVocabulary,
    tokens: Sequence[int],
    logprobs: Sequence[float],
    language: str,
    offset: float,
) -> list[tuple[Word, int]]:
    """Words of the text `tokens`, and beside each how many tokens it has taken.

    attention [heads, rows, frames]: the last rows are one for each step that chose a token, one
    for the step that chose the end, and the end's own. `offset`: seconds of the recording before
    the first frame.
    """
    times = _times(attention, len(tokens) + 1) + offset
    words, at = [], 0
    for pieces in split(vocabulary, tokens, language):
        end = at + len(pieces)
        share = float(np.exp(np.mean(logprobs[at:end])))
        word = Word(vocabulary.decode(pieces), float(times[at]), float(times[end]), share)
        words.append((word, len(pieces)))
        at = end
    return _without_pauses(words)


def in_line(words: Sequence[Word], after: float) -> list[Word]:
    """The words with times that only go forward, from `after` on: to three decimals, and every
    one a frame long at least, also where several were heard in the same one.
    """
    found = []
    for word in words:
        start = round(max(word.start, after), 3)
        after = round(max(word.end, start + SHORTEST), 3)
        found.append(replace(word, start=start, end=after))
    return found


def _without_pauses(words: list[tuple[Word, int]]) -> list[tuple[Word, int]]:
    """Words that are far too long hold a pause: behind them at a sentence's end, else before."""
    spans = [word.end - word.start for word, _ in words if word.end > word.start]
    most = 2 * min(USUAL_LONGEST, float(np.median(spans))) if spans else 0.0
    found = []
    for number, (word, taken) in enumerate(words):
        if word.end - word.start > most:
            last = number == len(words) - 1 or word.text.endswith(SENTENCE_ENDS)
            word = (
                replace(word, end=word.start + most) if last
                else replace(word, start=word.end - most)
            )  # fmt: skip
        found.append((word, taken))
    return found


def split(vocabulary: WhisperVocabulary, tokens: Sequence[int], language: str) -> list[list[int]]:
    """The tokens of each word: cut at spaces, punctuation with its neighbour, no letter halved."""
    words: list[list[int]] = []
    for letters in _letters(vocabulary, tokens):
        text = vocabulary.decode(letters)
        mark = text.strip() in string.punctuation
        if language in SPACELESS or not words or text.startswith(" ") or mark:
            words.append(letters)
        else:
            words[-1] = words[-1] + letters
    return _with_punctuation(vocabulary, words)


def _letters(vocabulary: WhisperVocabulary, tokens: Sequence[int]) -> list[list[int]]:
    """Tokens joined until they are whole characters: some hold half of one."""
    found: list[list[int]] = []
    held: list[int] = []
    for token in tokens:
        held.append(token)
        if "�" not in vocabulary.decode(held):
            found.append(held)
            held = []
    return found + ([held] if held else [])


def _with_punctuation(vocabulary: WhisperVocabulary, words: list[list[int]]) -> list[list[int]]:
    merged: list[list[int]] = []
    opening: list[int] = []
    for word in words:
        text = vocabulary.decode(word)
        if text.startswith(" ") and text.strip() and text.strip() in OPENING:
            opening += word
        elif merged and not opening and text and text in CLOSING:
            merged[-1] = merged[-1] + word
        else:
            merged.append(opening + word)
            opening = []
    return merged + ([opening] if opening else [])


def _times(attention: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float64]:
    """Seconds at which each of `count` rows before the last of [heads, rows, frames] begins."""
    spread = attention.std(axis=1, keepdims=True)
    standard = (attention - attention.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-10)
    rows, frames = warp(-_median(standard).mean(axis=0)[-count - 1 : -1])
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    times: npt.NDArray[np.float64] = frames[firsts] / TOKENS_PER_SECOND
    return times


def _median(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Median of MEDIAN_WIDTH neighbours on the last axis, mirrored at the edges."""
    half = MEDIAN_WIDTH // 2
    if x.shape[-1] <= half:
        return x
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    view = np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_WIDTH, axis=-1)
    middle: npt.NDArray[np.float32] = np.partition(view, half, axis=-1)[..., half]
    return middle


def warp(cost: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The cheapest way from corner to corner of cost [n, m]: the row and column of each step.

    Goes down, right or both at once. A diagonal's cells depend on earlier diagonals only, so each
    is computed at one stroke: n + m steps in place of n · m.
    """
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0
    step = np.zeros((n + 1, m + 1), np.int8)
    for diagonal in range(2, n + m + 1):
        i = np.arange(max(1, diagonal - m), min(n, diagonal - 1) + 1)
        j = diagonal - i
        before = np.stack([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]])
        # openai-whisper's order where two ways cost the same: right, unless another is cheaper
        best = np.where(
            (before[0] < before[1]) & (before[0] < before[2]),
            0,
            np.where((before[1] < before[0]) & (before[1] < before[2]), 1, 2),
        )
        total[i, j] = cost[i - 1, j - 1] + before[best, np.arange(len(i))]
        step[i, j] = best
    step[0, :], step[:, 0] = 2, 1
    path = []
    i, j = n, m
    while i > 0 or j > 0:
        path.append((i - 1, j - 1))
        way = step[i, j]
        i -= way != 2
        j -= way != 1
    rows, columns = np.array(path[::-1]).T
    return rows, columns
