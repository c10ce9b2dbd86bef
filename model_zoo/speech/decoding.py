"""From what the encoder heard to tokens: openai-whisper's rules, greedy, sampled and by beams.

Several windows are decoded side by side: rows of one batch with the same prompt.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from model_zoo.runtime.decoder import Decoder
from model_zoo.runtime.session import softmax
from model_zoo.speech.tokens import WhisperVocabulary
from model_zoo.stopping import NEVER, Stop

MAX_TOKENS = 224  # of one window: half of the decoder's context; the other half is for the prompt
# A window cannot hold more tokens than the fastest speaker of the most verbose script says
TOKENS_AT_LEAST, TOKENS_A_SECOND = 30, 25
LATEST_BEGINNING = 1.0  # seconds into the window: the first timestamp is no later

Logits = npt.NDArray[np.float32]
Heard = Mapping[str, npt.NDArray[np.float32]]  # cross keys and values of a batch, by name


@dataclass(frozen=True)
class Decoded:
    """One window's tokens with the logarithm of each one's probability; the end's comes last."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    no_speech_prob: float
    temperature: float

    @property
    def ended(self) -> bool:
        """False where the tokens ran out before the end came."""
        return len(self.logprobs) > len(self.tokens)

    @cached_property
    def avg_logprob(self) -> float:
        """How sure the model is of the whole, a logarithm; the end counts as a token."""
        return sum(self.logprobs) / (len(self.tokens) + 1)

    @cached_property
    def compression_ratio(self) -> float:
        """How well the text compresses: above 2.4 it repeats itself."""
        data = self.text.encode("utf-8")
        return len(data) / len(zlib.compress(data)) if data else 0.0


class Rules:
    """Which tokens may come next: openai-whisper's suppression and its grammar of timestamps."""

    def __init__(self, vocabulary: WhisperVocabulary) -> None:
        self.vocabulary = vocabulary
        never = [*vocabulary.suppressed, vocabulary.no_timestamps]
        self._never, self._first = np.array(never), np.array(vocabulary.suppressed_first)

    def apply(self, logits: Logits, sampled: Sequence[int]) -> None:
        """Set what may not follow `sampled` to minus infinity, in the row [vocabulary]."""
        begin, end = self.vocabulary.timestamps, self.vocabulary.end
        logits[self._never] = -np.inf
        if not sampled:
            logits[self._first] = -np.inf
            logits[:begin] = -np.inf
            logits[begin + round(LATEST_BEGINNING / 0.02) + 1 :] = -np.inf
            return
        last = sampled[-1] >= begin
        pair = len(sampled) < 2 or sampled[-2] >= begin
        if last and pair:  # a segment has begun: text must follow
            logits[begin:] = -np.inf
        elif last:  # a segment has ended: the next one's beginning must follow, or the end
            logits[:end] = -np.inf
        if stamps := [token for token in sampled if token >= begin]:
            # Never back in time, and no segment of no length.
            least = stamps[-1] if last and not pair else stamps[-1] + 1
            logits[begin:least] = -np.inf
        # When a timestamp is likelier than any one word, it is time for one.
        stamp = logits[begin:]
        top = stamp.max()
        if np.isfinite(top):
            together = top + np.log(np.exp(stamp - top).sum())
            if together > logits[:begin].max():
                logits[:begin] = -np.inf


class Search:
    """Finds the tokens of a batch of windows.

    `open_decoder(heard, capacity)` gives a decoder of as many rows as `heard` has. Every search
    raises Stopped before the next token once its `stop` is set.
    """

    def __init__(
        self, vocabulary: WhisperVocabulary, open_decoder: Callable[[Heard, int], Decoder]
    ) -> None:
        self.vocabulary, self.rules = vocabulary, Rules(vocabulary)
        self._open = open_decoder

    def greedy(
        self, heard: Heard, prompt: Sequence[int], limit: int, stop: Stop = NEVER
    ) -> list[Decoded]:
        """The likeliest token at every step."""
        return self._run(heard, prompt, limit, 0.0, lambda logprobs: int(logprobs.argmax()), stop)

    def sample(
        self,
        heard: Heard,
        prompt: Sequence[int],
        limit: int,
        temperature: float,
        best_of: int,
        stop: Stop = NEVER,
    ) -> Decoded:
        """The best of several drawn transcripts of one window; the same draw every time."""
        chance = np.random.default_rng(round(temperature * 1000))

        def draw(logprobs: Logits) -> int:
            noise = chance.gumbel(size=logprobs.shape)
            return int((logprobs / np.float32(temperature) + noise).argmax())

        rows = self._run(_repeat(heard, best_of), prompt, limit, temperature, draw, stop)
        return max(rows, key=_rank)

    def _run(
        self,
        heard: Heard,
        prompt: Sequence[int],
        limit: int,
        temperature: float,
        pick: Callable[[Logits], int],
        stop: Stop,
    ) -> list[Decoded]:
        decoder = self._open(heard, len(prompt) + limit)
        logits, silent = self._begin(decoder, prompt)
        count = decoder.batch
        tokens: list[list[int]] = [[] for _ in range(count)]
        logprobs: list[list[float]] = [[] for _ in range(count)]
        rows = list(
            range(count)
        )  # rows that have not ended; the decoder has one for each of `slots`
        slots = list(rows)
        for step in range(limit):
            stop.check()
            following = np.full((decoder.batch, 1), self.vocabulary.end, np.int64)
            for slot, row in enumerate(slots):
                if row not in rows:
                    continue
                line = logits[slot]
                self.rules.apply(line, tokens[row])
                line = _log_softmax(line)
                token = pick(line)
                logprobs[row].append(float(line[token]))
                if token == self.vocabulary.end:
                    rows.remove(row)
                    continue
                tokens[row].append(token)
                following[slot] = token
            if not rows or step == limit - 1:
                break
            if 2 * len(rows) <= decoder.batch:  # the others are through: do not carry them along
                keep = [slot for slot, row in enumerate(slots) if row in rows]
                decoder.keep(keep)
                following, slots = following[keep], list(rows)
            logits = decoder(following)[:, 0]
        return [
            self._decoded(tokens[row], logprobs[row], silent[row], temperature)
            for row in range(count)
        ]

    def beams(
        self,
        heard: Heard,
        prompt: Sequence[int],
        limit: int,
        size: int,
        patience: float = 1.0,
        stop: Stop = NEVER,
    ) -> Decoded:
        """The best of the `size` likeliest transcripts of one window that are kept at each step."""
        decoder = self._open(_repeat(heard, size), len(prompt) + limit)
        logits, silent = self._begin(decoder, prompt)
        beams: list[tuple[list[int], list[float]]] = [([], []) for _ in range(size)]
        finished: list[tuple[list[int], list[float]]] = []
        wanted = max(1, round(size * patience))
        for step in range(limit):
            stop.check()
            found = []
            for row, (tokens, logprobs) in enumerate(beams[: 1 if step == 0 else size]):
                self.rules.apply(logits[row], tokens)
                line = _log_softmax(logits[row])
                for token in np.argpartition(line, -size - 1)[-size - 1 :]:
                    if np.isfinite(line[token]):
                        longer = [*logprobs, float(line[token])]
                        found.append((sum(longer), row, int(token), longer))
            found.sort(key=lambda candidate: -candidate[0])
            following: list[tuple[list[int], list[float]]] = []
            rows: list[int] = []
            for _, row, token, longer in found:
                if token == self.vocabulary.end:
                    finished.append((beams[row][0], longer))
                elif len(following) < size:
                    following.append(([*beams[row][0], token], longer))
                    rows.append(row)
                if len(following) == size:
                    break
            if len(finished) >= wanted or not following or step == limit - 1:
                beams = following
                break
            while len(following) < size:  # fewer ways to go on than beams: follow the last twice
                following.append(following[-1])
                rows.append(rows[-1])
            beams = following
            decoder.reorder(np.array(rows))
            logits = decoder(np.array([[tokens[-1]] for tokens, _ in beams]))[:, 0]
        through = finished[:wanted] or beams
        results = [self._decoded(*one, silent[0], 0.0) for one in through]
        return max(results, key=_rank)

    def _begin(self, decoder: Decoder, prompt: Sequence[int]) -> tuple[Logits, list[float]]:
        """Logits [batch, vocabulary] after the prompt, and each row's probability of no speech."""
        tokens = np.repeat(np.array([prompt], np.int64), decoder.batch, 0)
        start = prompt.index(self.vocabulary.start)
        both = decoder(tokens, [start, len(prompt) - 1])
        silent = [float(softmax(row)[self.vocabulary.no_speech]) for row in both[:, 0]]
        return both[:, 1], silent

    def _decoded(
        self, tokens: Sequence[int], logprobs: Sequence[float], silent: float, temperature: float
    ) -> Decoded:
        text = self.vocabulary.decode(tokens).strip()
        return Decoded(tuple(tokens), tuple(logprobs), text, silent, temperature)


def token_limit(seconds: float) -> int:
    """Tokens that a window of this length may have."""
    return min(MAX_TOKENS, round(TOKENS_AT_LEAST + TOKENS_A_SECOND * seconds))


def _rank(decoded: Decoded) -> float:
    """Logarithm of the probability by length, as openai-whisper ranks without a penalty."""
    return sum(decoded.logprobs) / max(1, len(decoded.tokens))


def _repeat(heard: Heard, count: int) -> Heard:
    return {name: np.repeat(array, count, 0) for name, array in heard.items()}


def _log_softmax(logits: Logits) -> Logits:
    top = logits.max()
    shifted: Logits = logits - top
    result: Logits = shifted - np.log(np.exp(shifted).sum())
    return result
