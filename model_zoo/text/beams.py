"""Beam search: several texts at once, of which the likeliest whole one is the answer."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from model_zoo.sampling import TextOptions, largest, penalise, probabilities
from model_zoo.text.generation import Token, token_of
from model_zoo.text.memory import Reader
from model_zoo.text.tokens import Vocabulary

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Beam:
    """A text so far; `score` is the sum of the logarithms of its tokens' probabilities."""

    tokens: tuple[int, ...] = ()
    shown: tuple[Token, ...] = ()
    score: float = 0.0

    @property
    def mean(self) -> float:
        """Texts of different lengths are compared by this."""
        return self.score / max(1, len(self.tokens))


def search(
    reader: Reader, vocabulary: Vocabulary, prompt: Sequence[int], options: TextOptions
) -> Generator[Token, None, None]:
    """The likeliest of the texts that `options.beams` find; what they all share comes early."""
    logits = [reader.read(prompt)]
    beams, ended = [Beam()], list[Beam]()
    team: Reader | None = None
    room = min(int(options.max_new_tokens), reader.room)
    characters = codecs.getincrementaldecoder("utf-8")("replace")
    told = 0

    def tell(beam: Beam, until: int) -> Iterator[Token]:
        nonlocal told
        for step in beam.shown[told:until]:
            yield replace(step, text=characters.decode(vocabulary.piece(step.id)))
        told = max(told, until)

    for _ in range(room):
        grown = [
            (row, token, beam.score + score)
            for row, beam in enumerate(beams)
            for token, score in _best(logits[row], beam, options)
        ]
        grown.sort(key=lambda found: -found[2])
        rows, kept = list[int](), list[Beam]()
        for row, token, score in grown:
            beam = beams[row]
            if token in vocabulary.ends:
                ended.append(Beam((*beam.tokens, token), beam.shown, score))
            elif len(kept) < options.beams:
                shown = token_of(token, logits[row], vocabulary, "")
                kept.append(Beam((*beam.tokens, token), (*beam.shown, shown), score))
                rows.append(row)
            if len(kept) == options.beams:
                break
        beams = kept
        if len(ended) >= options.beams or len(beams[0].tokens) == room:
            break
        yield from tell(beams[0], _shared([*beams, *ended]))
        if team is None:
            team = reader.team(len(beams))
        else:
            team.decoder.reorder(np.array(rows))
        logits = list(team.together([beam.tokens[-1] for beam in beams]))
        reader.spent, team.spent = reader.spent + team.spent, 0.0
    best = max([*ended, *beams], key=lambda beam: beam.mean)
    yield from tell(best, len(best.shown))


def _shared(beams: Sequence[Beam]) -> int:
    """How many tokens all texts begin with."""
    steps = zip(*(beam.tokens for beam in beams), strict=False)
    return sum(1 for _ in takewhile(lambda step: len(set(step)) == 1, steps))


def _best(logits: Logits, beam: Beam, options: TextOptions) -> list[tuple[int, float]]:
    """Twice as many as there are beams, so that enough go on where others end."""
    penalised = penalise(logits, set(beam.tokens), options.repetition_penalty)
    shares = probabilities(penalised)
    return [
        (int(token), float(np.log(shares[token] + 1e-30)))
        for token in largest(penalised, 2 * options.beams)
    ]
