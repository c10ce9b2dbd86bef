"""SST-2 with whole sentences kept apart: they and all their phrases are never trained on.

The phrases of SST-2 are the branches of its sentences' parse trees. Whoever holds out phrases at
random measures what was seen in training; what counts is the sentence that nobody has seen.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.recipes.parts import DataNotFound, reading
from model_zoo.errors import BadInput

LABELS = ("0", "1")
KEPT_APART = 800  # whole sentences of the training part, beside those of a dev part
ENDS = (".", "?", "!", "''")  # of a whole sentence, in SST-2's spelling


@dataclass(frozen=True)
class Texts:
    """Texts and their labels (n,) int64: 0 negative, 1 positive; which are whole sentences."""

    texts: tuple[str, ...]
    labels: np.ndarray
    whole: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def only(self, chosen: np.ndarray) -> Texts:
        """The texts where `chosen` (n,) is True."""
        kept = tuple(text for text, yes in zip(self.texts, chosen, strict=True) if yes)
        return Texts(kept, self.labels[chosen], self.whole[chosen])

    def and_also(self, more: Texts) -> Texts:
        """These texts, then those."""
        labels = np.concatenate([self.labels, more.labels])
        return Texts(self.texts + more.texts, labels, np.concatenate([self.whole, more.whole]))


def sst2(data: Path | None) -> dict[str, Texts]:
    """`train`, `validation` (whole sentences kept apart), `dev` or `test` where there is one.

    `data` is a folder with sst2/train.tsv and dev.tsv (sentence, tab, label); None asks the hub
    through `datasets`, whose validation part is then our `test`.
    """
    rows = _official() if data is None else _folder(data / "sst2")
    dev = rows.get("dev", [])
    whole = whole_sentences(text for text, _ in [*rows["train"], *dev])
    apart = {text for text, _ in dev if text in whole} | _chosen(rows["train"], whole)
    inside = Phrases(apart)
    train = [row for row in rows["train"] if row[0] not in inside]
    parts = {"train": train, "validation": [row for row in rows["train"] + dev if row[0] in apart]}
    for name, part in parts.items():
        if {label for _, label in part} != {0, 1}:
            raise BadInput(
                f"Of {len(whole)} whole sentences and their phrases, {name} has not both labels, "
                "0 and 1: give more of each."
            )
    rest = {name: part for name, part in rows.items() if name != "train"}
    return {name: _texts(part, whole) for name, part in (parts | rest).items()}


def _chosen(rows: list[tuple[str, int]], whole: set[str]) -> set[str]:
    sentences = sorted({text for text, _ in rows if text in whole})
    random.Random(0).shuffle(sentences)
    return set(sentences[: min(KEPT_APART, len(sentences) // 2)])


def unlabelled(texts: list[str]) -> Texts:
    """Texts that nobody has labelled, 0 in the labels' place."""
    nothing = np.zeros(len(texts), np.int64)
    return Texts(tuple(texts), nothing, nothing.astype(bool))


class Phrases:
    """All that can be cut out of some sentences: `"a good film" in Phrases(["a good film ."])`."""

    def __init__(self, sentences: Iterable[str] = ()) -> None:
        self._sentences: list[str] = []
        self._with_word: dict[str, list[int]] = defaultdict(list)
        for sentence in sentences:
            self.add(sentence)

    def add(self, sentence: str) -> None:
        """One more sentence, words parted by single spaces."""
        for word in set(sentence.split()):
            self._with_word[word].append(len(self._sentences))
        self._sentences.append(f" {sentence} ")

    def __contains__(self, phrase: str) -> bool:
        rarest = min((self._with_word.get(word, []) for word in phrase.split()), key=len)
        return any(f" {phrase} " in self._sentences[index] for index in rarest)


def whole_sentences(texts: Iterable[str]) -> set[str]:
    """Those that no other text contains and that end as a sentence does."""
    seen, found = Phrases(), set()
    for text in sorted(set(texts), key=lambda text: (-len(text.split()), text)):
        if text not in seen:
            seen.add(text)
            found |= {text} if text.endswith(ENDS) else set()
    return found


def _texts(rows: list[tuple[str, int]], whole: set[str]) -> Texts:
    texts = tuple(text for text, _ in rows)
    labels = np.array([label for _, label in rows], np.int64)
    return Texts(texts, labels, np.array([text in whole for text in texts], bool))


def _folder(folder: Path) -> dict[str, list[tuple[str, int]]]:
    return {name: _read(folder / f"{name}.tsv") for name in ("train", "dev")}


def _read(path: Path) -> list[tuple[str, int]]:
    with reading(path):
        head, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    if head.strip() != "sentence\tlabel":
        raise BadInput(f"{path} does not begin with the line sentence, tab, label: add it.")
    rows = []
    for number, line in enumerate(lines, 2):
        text, _, label = line.strip("\r").rpartition("\t")
        if not text.strip() or label not in LABELS:
            raise BadInput(f"{path}, line {number}, is not a sentence, a tab, and 0 or 1.")
        rows.append((text.strip(), int(label)))
    return rows


def _official() -> dict[str, list[tuple[str, int]]]:
    from datasets import load_dataset

    try:
        parts = load_dataset("stanfordnlp/sst2")
    except Exception as error:  # of the hub's client, the network's and the file system's many
        raise DataNotFound(
            f"SST-2 could not be fetched ({error}): connect, or give --data a folder."
        ) from error
    names = {"train": "train", "test": "validation"}  # the official test part has no labels
    return {
        ours: [(row["sentence"].strip(), row["label"]) for row in parts[theirs]]
        for ours, theirs in names.items()
    }
