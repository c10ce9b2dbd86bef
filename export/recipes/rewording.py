"""More sentences than were written: words changed for like words, ends exchanged, spans left out.

Nobody labels them but the teacher. A word's likest are its neighbours in the base's own table of
embeddings, its opposites among them, which is all the better: good becomes excellent, or bad.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

LIKEST = 10  # neighbours that a word may be changed for, the nearest most often
COMMONEST = 40  # words, such as "the", that stay
SHARES = (0.1, 0.25, 0.4)  # of the words are changed, in one sentence or another
SPLICED, CUT = 0.35, 0.15  # of the sentences get another's end, or lose a few words
COPIES = 3  # of every sentence
LONGEST = 60  # words
JOINTS = frozenset((",", "but", "and", "--", ";", "that", "with", "as", "or"))

Words = list[str]


def reword(
    sentences: Sequence[str], vocabulary: Mapping[str, int], table: np.ndarray, seed: int
) -> list[str]:
    """New sentences in the manner of these; `table` [vocabulary, width] are word embeddings."""
    rng = np.random.default_rng(seed)
    counts = Counter(word for sentence in sentences for word in sentence.split())
    like = _neighbours(counts, vocabulary, table)
    found = set()
    for sentence in sentences:
        for _ in range(COPIES):
            words, chance = sentence.split(), rng.random()
            if chance < SPLICED:
                words = _splice(words, sentences[rng.integers(len(sentences))].split(), rng)
            elif chance < SPLICED + CUT and len(words) > 8:
                start, count = rng.integers(len(words) - 4), rng.integers(1, 5)
                words = words[:start] + words[start + count :]
            found.add(" ".join(_change(words, like, rng.choice(SHARES), rng)[:LONGEST]))
    return sorted(found - set(sentences))


def _neighbours(
    counts: Counter[str], vocabulary: Mapping[str, int], table: np.ndarray
) -> dict[str, Words]:
    """The likest words of every word that is one token and comes more than once."""
    often = {word for word, _ in counts.most_common(COMMONEST)}
    words = [w for w, count in counts.items() if count > 1 and w in vocabulary and w.isalpha()]
    vectors = table[[vocabulary[word] for word in words]]
    vectors = vectors - vectors.mean(0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    nearest = np.argsort(-alike, axis=1)[:, :LIKEST]
    pairs = zip(words, nearest, strict=True)
    return {word: [words[i] for i in row] for word, row in pairs if word not in often}


def _splice(words: Words, other: Words, rng: np.random.Generator) -> Words:
    """The beginning of one and the end of another, joined where both have a joint."""
    ends = [index for index, word in enumerate(words) if word in JOINTS and index > 1]
    starts = [i for i, word in enumerate(other) if word in JOINTS and i < len(other) - 2]
    if not ends or not starts:
        return words
    return words[: rng.choice(ends)] + other[rng.choice(starts) :]


def _change(
    words: Words, like: Mapping[str, Words], share: float, rng: np.random.Generator
) -> Words:
    return [
        like[word][int(len(like[word]) * rng.random() ** 1.5)]
        if word in like and rng.random() < share
        else word
        for word in words
    ]
