"""libsndfile: WAV, FLAC, OGG and MP3 in this process, as far as it reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model_zoo.speech import _promise

if TYPE_CHECKING:
    import soundfile

TRAILER_BYTES = 1024  # behind the sound: tags in no need of a second look
UNKNOWN_FRAMES = 2**62  # and more: a stream that does not say how long it is
MAX_VALUES = 2**24  # of a block, however many channels there are
# Where the sound takes at least a byte a value, the claimed length cannot exceed the file.
COMPRESSED = ("FLAC", "OGG", "MP3")


def opened(file: IO[bytes]) -> soundfile.SoundFile | None:
    """The recording, or None where libsndfile does not know the container."""
    import soundfile

    try:
        return soundfile.SoundFile(file)
    except soundfile.LibsndfileError:
        return None


def claimed(decoder: soundfile.SoundFile) -> float:
    """The seconds that the header claims or that were guessed, 0 where there are none."""
    return decoder.frames / decoder.samplerate if decoder.frames < UNKNOWN_FRAMES else 0.0


def promised(decoder: soundfile.SoundFile, file: IO[bytes]) -> float:
    """The seconds that the header promises, 0 where it says nothing."""
    at = file.tell()  # where the decoder reads on
    try:
        if decoder.format == "OGG":
            return _promise.of_ogg(file)[1]
        if decoder.format == "MP3" and not _promise.says_its_length(file):
            return 0.0
        # libsndfile shortens what it claims to what is there.
        return claimed(decoder) * _promise.times_as_long(file)
    finally:
        file.seek(at)


def is_sure(decoder: soundfile.SoundFile, size: int) -> bool:
    """Whether a file of `size` bytes must hold as much as its header claims."""
    return decoder.format not in COMPRESSED and decoder.frames * decoder.channels <= size


class Reading:
    """Iterate for blocks [n, channels] of at most some seconds, as they are decoded.

    Afterwards: where the end of the recording was not reached (`whole` is False), the last block
    was kept back in `rest`, behind the `given` frames, since another decoder may find more of it.
    `goes_on`: more of the file lies behind that.
    """

    def __init__(self, decoder: soundfile.SoundFile, file: IO[bytes], size: int, seconds: int):
        self._decoder, self._file, self._size = decoder, file, size
        self._frames = min(seconds * decoder.samplerate, MAX_VALUES // decoder.channels)
        self.given = 0
        self.whole = True
        self.broken = False
        self.goes_on = False
        self.rest: npt.NDArray[np.float32] = np.zeros((0, decoder.channels), np.float32)

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        import soundfile

        while True:
            # Not SoundFile.blocks(): it hands out as many frames as the header claims, and what
            # was not decoded is memory as it was found, another visitor's recording for example.
            try:
                block = self._decoder.read(self._frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                self.whole, self.broken, self.goes_on = False, True, self._more()
                self._read_rest()
                return
            ended = len(block) < self._frames
            if ended and self._more():
                self.whole, self.goes_on, self.rest = False, True, block
                return
            if len(block):
                self.given += len(block)
                yield block
            if ended:
                return

    def _more(self) -> bool:
        """Whether more follows: what libsndfile has taken of it does not tell in a short Ogg."""
        if self._decoder.format == "OGG":
            return _promise.of_ogg(self._file)[0] > 1
        return self._size - self._file.tell() > TRAILER_BYTES

    def _read_rest(self) -> None:
        """Once more to the break, in smaller pieces: an error does not say what came before."""
        import soundfile

        pieces: list[npt.NDArray[np.float32]] = []
        for size in (self._frames // 100, 1):
            self._file.seek(0)
            with suppress(soundfile.LibsndfileError), soundfile.SoundFile(self._file) as again:
                for _ in range(0, self.given, self._frames):
                    again.read(self._frames)
                for piece in pieces:
                    again.read(len(piece))
                while len(piece := again.read(size, "float32", always_2d=True)):
                    pieces.append(piece)
        self.rest = np.concatenate([self.rest, *pieces])
