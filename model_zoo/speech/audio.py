"""Sound as the models hear it: any recording to 16 kHz mono float32, block by block.

What is decoded counts, never what a header claims. libsndfile reads WAV, FLAC, OGG and MP3; where
it stops before the end of the file, or does not know the container, ffmpeg reads on.
"""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput
from model_zoo.sentence import sentence
from model_zoo.speech import _ffmpeg, _input, _libsndfile, _parts
from model_zoo.speech._ffmpeg import Media
from model_zoo.speech._input import Input
from model_zoo.speech._live import RATES as RATES
from model_zoo.speech._live import Live as Live
from model_zoo.speech._live import require_rate, resampled
from model_zoo.speech._samples import Mix, as_pair, require_scale
from model_zoo.speech._samples import Samples as Samples
from model_zoo.stopping import NEVER, Stop

SAMPLE_RATE = _ffmpeg.RATE  # samples a second, what every model here was trained on
MAX_SECONDS = 2 * 3600
LOST_SECONDS = 0.1  # fewer are how decoders differ
BLOCK_SECONDS = 20  # read, resampled and searched for speech at once
INAUDIBLE = 1e-4  # of full scale: a track that stays below is empty

# A file's path, its bytes, a stream of them, or (sampling rate, samples [n] or [n, channels])
Recording: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | tuple[int, Any]
)


@dataclass
class Sound:
    """A recording that can be read, block by block.

    `seconds`: an estimate (0: unknown) until `blocks` has come to its end, then the length of
    what was decoded. `promised`: what its headers speak of (0: nothing). `note`: what of it could
    not be heard, in a sentence, if anything. `stop` ends what takes long.
    """

    seconds: float
    source: Input | tuple[int, npt.NDArray[Any]] = field(repr=False)
    media: Media | None = field(default=None, repr=False)  # where ffmpeg reads it
    promised: float = 0
    parts: tuple[Sound, ...] = field(default=(), repr=False)  # where several files were joined
    note: str = ""
    stop: Stop = field(default=NEVER, repr=False)

    def blocks(self) -> Iterator[Samples]:
        """float32 [n] at 16 kHz, mono, in -1..1; BadInput where nothing can be decoded.

        Where it breaks further on, what came before stands, and `note` says so.
        """
        heard, most = 0, MAX_SECONDS * SAMPLE_RATE
        try:
            for block in self._decoded():
                within = block[: most - heard]
                heard += len(within)
                self.seconds = max(self.seconds, heard / SAMPLE_RATE)
                yield within
                if len(within) < len(block):
                    self.note = sentence(
                        "Only the first {} hours were heard: cut the recording into pieces.",
                        MAX_SECONDS // 3600,
                    )
                    break
            else:
                self._count(heard / SAMPLE_RATE)
        except BadInput as error:
            if not heard:
                raise
            self.note = str(error)
        self.seconds = heard / SAMPLE_RATE

    def _count(self, heard: float) -> None:
        """Say what is missing of what was promised."""
        if isinstance(self.source, tuple) or heard > self.promised - LOST_SECONDS:
            return
        if self.promised == math.inf:
            self.note = _damaged(self.source)
        else:
            self.note = sentence(
                "{} is damaged or cut off: {} of {} seconds were heard.",
                self.source.name,
                f"{heard:.1f}",
                f"{self.promised:.1f}",
            )

    def samples(self) -> Samples:
        """The whole recording, float32 [n] at 16 kHz."""
        blocks = list(self.blocks())
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)

    def _decoded(self) -> Iterator[Samples]:
        if isinstance(self.source, tuple):
            rate, array = self.source
            size = BLOCK_SECONDS * rate
            pieces = (array[start : start + size] for start in range(0, len(array), size))
            return resampled(pieces, rate, Mix())
        if self.parts:
            return self._by_parts()
        if self.media:
            return self._by_ffmpeg(self.source, self.media)
        return self._by_libsndfile(self.source)

    def _by_parts(self) -> Iterator[Samples]:
        for part in self.parts:
            try:
                yield from part.blocks()
            except BadInput as error:
                part.note = str(error)
            self.note = self.note or part.note

    def _by_libsndfile(self, source: Input) -> Iterator[Samples]:
        mix = Mix()
        with source.open() as file:
            decoder = _libsndfile.opened(file)
            assert decoder is not None  # it was one when the sound was opened
            with decoder:
                rate, floats = decoder.samplerate, decoder.subtype in ("FLOAT", "DOUBLE")
                reading = _libsndfile.Reading(decoder, file, source.size, BLOCK_SECONDS)
                yield from resampled(_checked(reading) if floats else reading, rate, mix)
        if reading.whole:
            return
        further = self._further(source, reading.given / rate)
        if not (_ffmpeg.is_there() and (yield from further)):
            if reading.broken and not reading.given and not len(reading.rest):
                raise BadInput(_soundless(source))
            yield from resampled([reading.rest], rate, mix)
        counted = reading.broken and self.promised and decoder.format != "OGG"
        if reading.goes_on and not counted and not _ffmpeg.is_there():
            self.promised = 0
            self.note = sentence(
                "{} goes on after what was heard: to read that, install ffmpeg.", source.name
            )

    def _further(self, source: Input, skip: float) -> Generator[Samples, None, bool]:
        """What ffmpeg finds behind so many seconds; False where that is nothing."""
        found = False
        try:
            for block in self._by_ffmpeg(source, _ffmpeg.probe(source, self.stop), skip):
                found |= len(block) > 0
                yield block
        except BadInput:
            pass
        return found

    def _by_ffmpeg(self, source: Input, media: Media, skip: float = 0) -> Iterator[Samples]:
        """The first track that holds sound, the default one before the others.

        As long as a track is silent empty blocks come, for whoever may want no more.
        """
        longest = 0
        for track in media.tracks:
            reading = _ffmpeg.Reading(source, media, track, skip, BLOCK_SECONDS, self.stop)
            mix, silent, sounds = Mix(), 0, False
            for block in reading:
                if not sounds and np.abs(block).max(initial=0) < INAUDIBLE:
                    silent += len(block)
                    if silent > MAX_SECONDS * SAMPLE_RATE:
                        break
                    yield np.zeros(0, np.float32)
                    continue
                if not sounds:
                    yield from _silence(silent)
                sounds = True
                yield np.clip(mix(block), -1, 1)
            if sounds:
                if len(media.tracks) > 1:
                    number = sorted(other.index for other in media.tracks).index(track.index) + 1
                    self.note = sentence(
                        "{} has {} tracks of sound: number {} was heard.",
                        source.name,
                        len(media.tracks),
                        number,
                    )
                # Where the end is known, what is missing is counted; gaps in time are filled.
                if reading.broken and (media.start is not None or not self.promised):
                    self.note = _damaged(source)
                return
            longest = max(longest, silent)
        if not longest:
            raise BadInput(_soundless(source))
        yield from _silence(longest)


def open_sound(source: Recording, stop: Stop = NEVER) -> Sound:
    """Look at a recording without decoding it; BadInput in a sentence where it cannot be used.

    Stopped once `stop` is set, here or in `blocks`, however long a decoder takes.
    """
    if isinstance(source, (tuple, list)):
        rate, array = as_pair(source)
        require_rate(rate)
        seconds = len(array) / rate
        _require_length(seconds)
        return Sound(seconds, (rate, array))
    found = _input.find(source)
    parts = _parts.split(found)
    if len(parts) > 1:
        try:
            sounds = tuple(_opened(part, stop) for part in parts)
            return Sound(sum(part.seconds for part in sounds), found, parts=sounds, stop=stop)
        except BadInput:
            pass  # what looked like a beginning was none
    return _opened(found, stop)


def _opened(found: Input, stop: Stop) -> Sound:
    with found.open() as file:
        decoder = _libsndfile.opened(file)
        # Of OGG libsndfile does not notice what was lost, nor in Opus that a second part follows.
        if decoder is None or (decoder.format == "OGG" and _ffmpeg.is_there()):
            media = _probe(found, stop)
            return Sound(media.seconds, found, media, media.promised, stop=stop)
        with decoder:
            require_rate(decoder.samplerate)
            seconds = _libsndfile.claimed(decoder)
            if _libsndfile.is_sure(decoder, found.size):
                _require_length(seconds)
            promised = _libsndfile.promised(decoder, file)
    return Sound(seconds, found, promised=promised, stop=stop)


def _probe(source: Input, stop: Stop) -> Media:
    if not _ffmpeg.is_there():
        raise BadInput(
            "{} is no WAV, FLAC, OGG or MP3 recording; M4A, MP4 and WebM can be read where "
            "ffmpeg is installed.",
            source.name,
        )
    return _ffmpeg.probe(source, stop)


def _checked(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Blocks of floats, none of them in the scale of integers."""
    for block in blocks:
        require_scale(block)
        yield block


def _silence(samples: int) -> Iterator[Samples]:
    size = BLOCK_SECONDS * SAMPLE_RATE
    for start in range(0, samples, size):
        yield np.zeros(min(size, samples - start), np.float32)


def _damaged(source: Input) -> str:
    return sentence("{} is damaged or cut off: what can be decoded of it was heard.", source.name)


def _soundless(source: Input) -> str:
    return sentence("{} holds no sound that can be read: choose an audio file.", source.name)


def _require_length(seconds: float) -> None:
    if seconds > MAX_SECONDS:
        raise BadInput(
            "The recording is {} hours long: cut it into pieces of at most {} hours.",
            f"{seconds / 3600:.1f}",
            MAX_SECONDS // 3600,
        )
