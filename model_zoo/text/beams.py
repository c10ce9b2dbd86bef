"""Beam search: several texts at once, of which the likeliest whole one is the answer."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from model_zoo.text.generation import longer_than
from model_zoo.text.memory import Reader
from model_zoo.text.prompt import Prompt, begin
from model_zoo.text.sampling import Sampler, TextOptions, largest, penalise, probabilities
from model_zoo.text.signs import Signs, Step, Token, step_of
from model_zoo.text.tokens import Vocabulary

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Beam:
    """A text so far; `score` is the sum of the logarithms of its tokens' probabilities."""

    tokens: tuple[int, ...] = ()
    steps: tuple[Step, ...] = ()
    score: float = 0.0

    @property
    def mean(self) -> float:
        """Texts of different lengths are compared by this."""
        return self.score / max(1, len(self.tokens))


def search(
    reader: Reader, vocabulary: Vocabulary, prompt: Prompt, options: TextOptions
) -> Generator[Token, None, None]:
    """The likeliest of the texts that `options.beams` find; what they all share comes early."""
    start = begin(reader, vocabulary, prompt, Sampler(replace(options, temperature=0)))
    seen = {*prompt.seen, *(token.id for token in prompt.written)}
    signs, shown, hint = Signs(vocabulary, prompt.written), 0, ""
    context, logits, room = [*start.read], [start.logits], options.max_new_tokens
    if len(prompt.tokens) + len(prompt.written) > reader.decoder.capacity:
        hint = longer_than(reader)
    if start.first is not None:
        yield signs.add(step_of(start.first, start.logits), hint, start.again)
        context.append(start.first)
        seen.add(start.first)
        logits, room, hint = [reader.step(start.first)], room - 1, ""
    beams, ended = [Beam()], list[Beam]()
    team: Reader | None = None

    def tell(beam: Beam, until: int) -> Iterator[Token]:
        nonlocal shown, hint
        for step in beam.steps[shown:until]:
            yield signs.add(step, hint)
            hint = ""
        shown = max(shown, until)

    for left in range(room, 0, -1):
        rows, beams, finished = _grown(beams, logits, seen, vocabulary.ends, options)
        ended += finished
        if len(ended) >= options.beams or left == 1:
            break
        yield from tell(beams[0], _shared([*beams, *ended]))
        if not (team or reader).room:  # as in generate: what is kept begins elsewhere
            team, logits = _moved(reader, context, beams)
            hint = longer_than(reader)
        else:
            if team is None:
                team = reader.team(len(beams))
            else:
                team.decoder.reorder(np.array(rows))
            logits = list(team.together([beam.tokens[-1] for beam in beams]))
        reader.spent, team.spent = reader.spent + team.spent, 0.0
    best = max([*ended, *beams], key=lambda beam: beam.mean)
    yield from tell(best, len(best.steps))


def _grown(
    beams: Sequence[Beam],
    logits: Sequence[Logits],
    seen: Collection[int],
    ends: Collection[int],
    options: TextOptions,
) -> tuple[list[int], list[Beam], list[Beam]]:
    """The best of the beams with one token more, the rows that they come from, and the texts among
    them that have ended.
    """
    candidates = [
        (row, token, beam.score + score)
        for row, beam in enumerate(beams)
        for token, score in _best(logits[row], {*seen, *beam.tokens}, options)
    ]
    candidates.sort(key=lambda candidate: -candidate[2])
    rows, kept, ended = list[int](), list[Beam](), list[Beam]()
    for row, token, score in candidates:
        beam = beams[row]
        if token in ends:
            ended.append(Beam((*beam.tokens, token), beam.steps, score))
            continue
        step = step_of(token, logits[row])
        kept.append(Beam((*beam.tokens, token), (*beam.steps, step), score))
        rows.append(row)
        if len(kept) == options.beams:
            break
    return rows, kept, ended


def _moved(
    reader: Reader, context: Sequence[int], beams: Sequence[Beam]
) -> tuple[Reader, list[Logits]]:
    """A reader of the last half of each text, and what follows it."""
    team, logits = reader.team(len(beams)), list[Logits]()
    for row, beam in enumerate(beams):
        text = [*context, *beam.tokens]
        logits.append(reader.read(text[-(reader.decoder.capacity // 2) :])[-1])
        team.follow(row, reader)
    return team, logits


def _shared(beams: Sequence[Beam]) -> int:
    """How many tokens all texts begin with."""
    steps = zip(*(beam.tokens for beam in beams), strict=False)
    return sum(1 for _ in takewhile(lambda step: len(set(step)) == 1, steps))


def _best(logits: Logits, seen: set[int], options: TextOptions) -> list[tuple[int, float]]:
    """Twice as many as there are beams, so that enough go on where others end."""
    penalised = penalise(logits, seen, options.repetition_penalty)
    shares = probabilities(penalised)
    return [
        (int(token), float(np.log(shares[token] + 1e-30)))
        for token in largest(penalised, 2 * options.beams)
    ]
