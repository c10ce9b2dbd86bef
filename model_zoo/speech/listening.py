"""One recording on its way through Whisper: windows, language, doubt, segments, words.

One file, since every step changes what the next one is given.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model_zoo.errors import DeviceLost
from model_zoo.speech import words
from model_zoo.speech.audio import SAMPLE_RATE, Samples, Sound
from model_zoo.speech.decoding import MAX_TOKENS, Decoded, Heard, token_limit
from model_zoo.speech.mel import CHUNK_SECONDS, FRAMES_PER_SECOND, FULL_FRAMES, N_MELS, log_mel
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.tokens import TOKENS_PER_SECOND
from model_zoo.speech.transcript import Segment, Word
from model_zoo.speech.vad import BEGINS, Cutter, Detector, Window
from model_zoo.stopping import Stop
from model_zoo.trace import Stopwatch

if TYPE_CHECKING:
    from model_zoo.speech.whisper import Whisper

BATCH = 3  # windows decoded side by side; more gains nothing on a CPU, and costs memory
SILENCE_BEHIND = 1.5  # seconds of silence that the encoder is given behind a short window
LENGTH_STEP = 200  # mel frames: windows are rounded up to these, for few shapes to prepare for
SHORTEST = 0.1  # seconds; less holds no word
LEAST_VOICE = 0.1  # share of a window with speech in it: less is a sound like speech


@dataclass(frozen=True)
class Found:
    """What was decoded of a window, and what the encoder had heard of it (a batch of one)."""

    decoded: Decoded
    heard: Heard


class Listening:
    """Iterate for the segments as they are found; Stopped once `stop` is set.

    `language` is known once the first window is decoded, `done` is how many seconds are through,
    `voiced` whether the detector has found speech.
    """

    def __init__(self, model: Whisper, sound: Sound, options: SpeechOptions, stop: Stop) -> None:
        self.model, self.sound, self.options, self._stop = model, sound, options, stop
        self.language = options.language or ("" if model.vocabulary.multilingual else "en")
        self.done = 0.0
        self.voiced = False
        self.watch = Stopwatch()
        self.seen: npt.NDArray[np.float32] = np.zeros((N_MELS, 0), np.float32)
        self._said_until = 0.0  # seconds: no word begins before the one before it has ended
        self._previous: list[int] = []  # tokens of the window before, to prompt the next
        self._segments = self._run()

    def __iter__(self) -> Iterator[Segment]:
        return self._segments

    def _run(self) -> Generator[Segment]:
        options = self.options
        windows = self._by_speech() if options.vad else self._by_length()
        alone = not options.vad or options.condition_on_previous_text
        size = 1  # the first words come soonest from a single window
        while batch := list(islice(windows, size)):
            self.voiced = options.vad
            for window, found in zip(batch, self._decode(batch), strict=True):
                yield from self._say(window, found)
            size = 1 if alone else BATCH
        self.done = self.sound.seconds

    def _by_speech(self) -> Iterator[Window]:
        cutter = Cutter(Detector(self.model.session("vad")))
        for block in self._blocks():
            windows = list(cutter.feed(block))
            self.watch.lap("preprocess")
            yield from windows
        yield from cutter.finish()

    def _by_length(self) -> Iterator[Window]:
        """Thirty seconds from where the window before had ended, as openai-whisper does."""
        blocks, held, start = self._blocks(), np.zeros(0, np.float32), 0.0
        full, more = CHUNK_SECONDS * SAMPLE_RATE, True
        while True:
            held, start = held[round((self.done - start) * SAMPLE_RATE) :], self.done
            while more and len(held) < full:
                block = next(blocks, None)
                more = block is not None
                held = held if block is None else np.concatenate([held, block])
            if len(held) < SHORTEST * SAMPLE_RATE:
                return
            yield Window(start, held[:full])

    def _blocks(self) -> Iterator[Samples]:
        self.watch.resume()
        for block in self.sound.blocks():
            self.watch.lap("preprocess")
            self._stop.check()
            yield block
            self.watch.resume()

    def _say(self, window: Window, found: Found) -> Iterator[Segment]:
        """A window's segments; what of its speech it left unsaid is decoded again from there."""
        while True:
            segments, through = self._segments_of(window, found)
            self._previous = [t for t in found.decoded.tokens if t < self.model.vocabulary.end]
            self.watch.lap("postprocess")
            yield from segments
            self.done = window.start + through
            rest = window.samples[round(through * SAMPLE_RATE) :]
            too_short = len(rest) < SHORTEST * SAMPLE_RATE or through < SHORTEST
            if not self.options.vad or too_short:
                return
            window = Window(window.start + through, rest)
            [found] = self._decode([window])

    def _decode(self, windows: Sequence[Window]) -> list[Found]:
        self.watch.resume()
        try:
            return self._decode_once(windows)
        except DeviceLost:  # the CPU begins these windows again
            return self._decode_once(windows)

    def _decode_once(self, windows: Sequence[Window]) -> list[Found]:
        heard = self._encode(windows)
        if not self.language:
            self.language = next(iter(self.model.language_of(_row(heard, 0))))
        prompt, search, options = self._prompt(), self.model.search, self.options
        stop = self._stop
        limit = token_limit(max(window.seconds for window in windows))
        rows = [_row(heard, row) for row in range(len(windows))]
        first = options.temperatures[0]
        if first > 0:
            results = [
                search.sample(row, prompt, limit, first, options.best_of, stop) for row in rows
            ]
        elif options.beam_size > 1:
            size = options.beam_size
            patience = options.patience
            results = [search.beams(row, prompt, limit, size, patience, stop) for row in rows]
        else:
            results = search.greedy(heard, prompt, limit, stop)
        found = [
            self._without_doubt(window, Found(decoded, row))
            for window, decoded, row in zip(windows, results, rows, strict=True)
        ]
        self.watch.lap("model")
        return found

    def _without_doubt(self, window: Window, found: Found) -> Found:
        """Try again while the result is doubtful: with all 30 seconds, then at the temperatures."""
        search, options, stop = self.model.search, self.options, self._stop
        limit = token_limit(window.seconds)
        again = len(options.temperatures) > 1 and _frames([window]) < FULL_FRAMES
        if again and self._doubtful(window, found.decoded):
            heard = self._encode([window], FULL_FRAMES)
            found = Found(search.greedy(heard, self._prompt(), limit, stop)[0], heard)
        for temperature in options.temperatures[1:]:
            if not self._doubtful(window, found.decoded):
                break
            best_of = options.best_of
            drawn = search.sample(found.heard, self._prompt(), limit, temperature, best_of, stop)
            found = replace(found, decoded=drawn)
        return found

    def _doubtful(self, window: Window, decoded: Decoded) -> bool:
        if self._silent(decoded):
            return False
        return self._lost(window, decoded) or decoded.avg_logprob < self.options.logprob_threshold

    def _lost(self, window: Window, decoded: Decoded) -> bool:
        """Whether the model repeats itself in a loop.

        Repetition is accepted where somebody speaks and the text ends, as in a refrain: a model in
        a loop does not end, or hears words in music. openai-whisper judges by the repetition
        alone, and decodes a refrain six times over.
        """
        if decoded.compression_ratio <= self.options.compression_ratio_threshold:
            return False
        return not (decoded.ended and self._voiced(window))

    def _voiced(self, window: Window) -> bool:
        """Whether somebody speaks in a window: one that was cut by speech, or so it sounds."""
        if self.options.vad:
            return True
        found = Detector(self.model.session("vad"))(window.samples)
        return bool(found.size) and float((found >= BEGINS).mean()) > LEAST_VOICE

    def _silent(self, decoded: Decoded) -> bool:
        quiet = decoded.no_speech_prob > self.options.no_speech_threshold
        return quiet and decoded.avg_logprob < self.options.logprob_threshold

    def _encode(self, windows: Sequence[Window], frames: int = 0) -> Heard:
        self.watch.lap("model")
        frames = FULL_FRAMES if self.options.whole_window else frames or _frames(windows)
        mels = [log_mel(window.samples, frames) for window in windows]
        if not self.seen.size:
            self.seen = mels[0][:, : round(windows[0].seconds * FRAMES_PER_SECOND)]
        self.watch.lap("preprocess")
        # One after the other: side by side they take as long, and the memory of all their scores.
        heard: dict[str, npt.NDArray[np.float32]] = {}
        for row, mel in enumerate(mels):
            self._stop.check()
            for name, array in self.model.encode(mel[None]).items():
                if name not in heard:
                    heard[name] = np.empty((len(mels), *array.shape[1:]), array.dtype)
                heard[name][row] = array[0]
        return heard

    def _prompt(self) -> list[int]:
        vocabulary, options = self.model.vocabulary, self.options
        before = vocabulary.encode(" " + options.initial_prompt) if options.initial_prompt else []
        if options.condition_on_previous_text:
            before += self._previous
        before = before[-(MAX_TOKENS - 1) :]
        start = vocabulary.prompt(self.language, options.task)
        return [vocabulary.previous, *before, *start] if before else start

    def _segments_of(self, window: Window, found: Found) -> tuple[list[Segment], float]:
        """The segments that the timestamps make, and how many seconds of the window they cover."""
        decoded, begin = found.decoded, self.model.vocabulary.timestamps
        if self._silent(decoded) or self._lost(window, decoded):
            return [], window.seconds
        tokens = decoded.tokens
        stamps = [token >= begin for token in tokens]
        cuts = [i for i in range(1, len(tokens)) if stamps[i - 1] and stamps[i]]
        ended = len(tokens) >= 2 and stamps[-1] and not stamps[-2]
        through = window.seconds
        goes_on = bool(cuts) and not ended
        if not goes_on:
            cuts = [*cuts, len(tokens)]
        # Where another window begins behind the last word, one has to know where that ends: the
        # timestamps alone may name a moment before it, and it would be heard twice.
        wanted = self.options.word_timestamps or goes_on
        said = [token for token in tokens[: cuts[-1]] if token < self.model.vocabulary.end]
        placed = list(_take(iter(self._words(window, found)), len(said))) if wanted else []
        if goes_on:
            through = (tokens[cuts[-1] - 1] - begin) / TOKENS_PER_SECOND
            if placed:
                through = max(through, placed[-1][0].end - window.start)
            through = min(through, window.seconds)
        spoken = iter(placed if self.options.word_timestamps else ())
        segments = []
        for first, last in zip([0, *cuts], cuts, strict=False):
            segment = self._segment(window, decoded, slice(first, last), spoken)
            if segment.text.strip():
                segments.append(segment)
                self._said_until = segment.end
        return segments, through

    def _segment(
        self, window: Window, decoded: Decoded, piece: slice, placed: Iterator[tuple[Word, int]]
    ) -> Segment:
        vocabulary = self.model.vocabulary
        pairs = list(zip(decoded.tokens[piece], decoded.logprobs[piece], strict=True))
        times = [
            (token - vocabulary.timestamps) / TOKENS_PER_SECOND
            for token, _ in pairs
            if token >= vocabulary.timestamps
        ]
        start = min(times[0] if times else 0.0, window.seconds)
        end = min(times[-1] if len(times) > 1 else window.seconds, window.seconds)
        text = [(token, logprob) for token, logprob in pairs if token < vocabulary.end]
        taken = [word for word, _ in _take(placed, len(text))]
        spoken = tuple(words.in_line(taken, self._said_until))
        start = max(window.start + start, self._said_until)
        start, end = round(start, 3), round(max(window.start + end, start + words.SHORTEST), 3)
        if spoken:
            start, end = spoken[0].start, spoken[-1].end
        return Segment(
            start=start,
            end=end,
            text=vocabulary.decode([token for token, _ in text]),
            words=spoken,
            probability=float(np.exp(np.mean([logprob for _, logprob in text]))) if text else 0.0,
            avg_logprob=decoded.avg_logprob,
            no_speech_prob=decoded.no_speech_prob,
            compression_ratio=decoded.compression_ratio,
            temperature=decoded.temperature,
        )

    def _words(self, window: Window, found: Found) -> list[tuple[Word, int]]:
        vocabulary = self.model.vocabulary
        pairs = zip(found.decoded.tokens, found.decoded.logprobs, strict=False)
        text = [(token, logprob) for token, logprob in pairs if token < vocabulary.end]
        if not text:
            return []
        tokens, logprobs = zip(*text, strict=True)
        prompt = [*vocabulary.prompt(self.language, self.options.task), vocabulary.no_timestamps]
        frames = round(window.seconds * TOKENS_PER_SECOND)
        attention = self.model.align(found.heard, [*prompt, *tokens, vocabulary.end], frames)
        return words.align(attention, vocabulary, tokens, logprobs, self.language, window.start)


def _take(placed: Iterator[tuple[Word, int]], tokens: int) -> Iterator[tuple[Word, int]]:
    """The next words, as many as take up `tokens` tokens."""
    while tokens > 0 and (found := next(placed, None)):
        tokens -= found[1]
        yield found


def _frames(windows: Sequence[Window]) -> int:
    """Mel frames for the longest window and some silence behind it, at most 30 seconds."""
    seconds = max(window.seconds for window in windows) + SILENCE_BEHIND
    steps = -(-seconds * FRAMES_PER_SECOND // LENGTH_STEP)
    return min(FULL_FRAMES, round(steps) * LENGTH_STEP)


def _row(heard: Heard, row: int) -> Heard:
    return {name: array[row : row + 1] for name, array in heard.items()}
