"""Sound as the models hear it: any recording to 16 kHz mono float32, block by block.

libsndfile reads WAV, FLAC, OGG and MP3; the rest goes through ffmpeg, where there is one.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput

if TYPE_CHECKING:
    import soundfile

SAMPLE_RATE = 16_000  # samples a second, what every model here was trained on
RATES = (8_000, 96_000)  # samples a second that a recording may have
MAX_SECONDS = 2 * 3600
BLOCK_SECONDS = 20  # read, resampled and searched for speech at once
# Containers that hold one recording; no playlists, which name further files and addresses.
CONTAINERS = "aac,aiff,amr,asf,au,avi,caf,flac,matroska,mov,mp3,mp4,m4a,mpegts,ogg,wav,webm"

Samples = npt.NDArray[np.float32]
# A file's path, or (sampling rate, samples [n] or [n, channels], integer or float)
Recording = str | Path | tuple[int, npt.NDArray[Any]]


@dataclass(frozen=True)
class Sound:
    """A recording that can be read: its length in seconds, and its blocks as they are asked for.

    `blocks()` gives float32 [n] at 16 kHz, mono, in -1..1; BadInput where it turns out damaged.
    """

    seconds: float
    source: Recording

    def blocks(self) -> Iterator[Samples]:
        if isinstance(self.source, tuple):
            return _array_blocks(*self.source)
        if _libsndfile_reads(Path(self.source)):
            return _file_blocks(Path(self.source))
        return _ffmpeg_blocks(Path(self.source))

    def samples(self) -> Samples:
        """The whole recording, float32 [n] at 16 kHz."""
        blocks = list(self.blocks())
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def open_sound(source: Recording) -> Sound:
    """Look at a recording without decoding it; BadInput in a sentence where it cannot be used."""
    if isinstance(source, tuple):
        rate, array = source
        _require_rate(int(rate))
        if array.ndim not in (1, 2):
            raise BadInput(f"Samples are [n] or [n, channels], not {array.ndim}-dimensional.")
        seconds = len(array) / int(rate)
    else:
        seconds = _file_seconds(Path(source))
    if seconds > MAX_SECONDS:
        raise BadInput(
            f"The recording is {seconds / 3600:.1f} hours long: cut it into pieces of at most "
            f"{MAX_SECONDS // 3600} hours."
        )
    return Sound(seconds, source)


def _file_seconds(path: Path) -> float:
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise BadInput(f"{path.name} is empty: record or choose another file.")
    if _libsndfile_reads(path):
        import soundfile

        info = soundfile.info(path)
        _require_rate(int(info.samplerate))
        return float(info.frames / info.samplerate)
    return _probe(path)


def _libsndfile_reads(path: Path) -> bool:
    import soundfile

    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError:
        return False
    return bool(info.frames < 2**62)  # a stream that does not know its length


def _file_blocks(path: Path) -> Iterator[Samples]:
    import soundfile

    with soundfile.SoundFile(path) as file:
        try:
            yield from _resampled(_decoded(file), file.samplerate)
        except soundfile.LibsndfileError as error:
            raise BadInput(f"{path.name} is damaged or cut off: choose another file.") from error


def _decoded(file: soundfile.SoundFile) -> Iterator[Samples]:
    """Frames [n, channels] as many as were decoded.

    SoundFile.blocks() hands out as many as the header claims: the rest is memory as it was found,
    another visitor's recording for example.
    """
    size = BLOCK_SECONDS * file.samplerate
    while True:
        block: Samples = file.read(size, dtype="float32", always_2d=True)
        if len(block):
            yield block
        if len(block) < size:
            return


def _array_blocks(rate: int, array: npt.NDArray[Any]) -> Iterator[Samples]:
    size = BLOCK_SECONDS * int(rate)
    raw = (array[start : start + size] for start in range(0, len(array), size))
    return _resampled(raw, int(rate))


def _as_float(block: npt.NDArray[Any]) -> Samples:
    """Integers of any width to -1..1; unsigned ones have their zero in the middle."""
    if block.dtype.kind == "f":
        return block.astype(np.float32)
    if block.dtype.kind not in "iu":
        raise BadInput(f"Samples are integers or floats, not {block.dtype}.")
    half = float(2 ** (8 * block.dtype.itemsize - 1))
    centred = block.astype(np.float32) - (half if block.dtype.kind == "u" else 0)
    return (centred / half).astype(np.float32)


class Live:
    """Sound as it comes at one sampling rate: each piece to float32 [n] at 16 kHz, mono."""

    def __init__(self, rate: int) -> None:
        import soxr

        _require_rate(rate)
        self.rate = rate
        same = rate == SAMPLE_RATE
        self._stream = None if same else soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32")

    def __call__(self, block: npt.NDArray[Any]) -> Samples:
        """Samples [n] or [n, channels], integer or float; BadInput for what is no number."""
        exact = _as_float(block)
        mono = exact.mean(axis=1) if exact.ndim == 2 else exact
        if not np.isfinite(mono).all():
            raise BadInput(
                "The recording holds values that are not numbers (NaN or infinity): "
                "export it again."
            )
        mono = np.clip(mono, -1, 1)
        return self._stream.resample_chunk(mono) if self._stream else mono

    def finish(self) -> Samples:
        """What the filter still holds."""
        rest = np.zeros(0, np.float32)
        return self._stream.resample_chunk(rest, last=True) if self._stream else rest


def _resampled(blocks: Iterator[npt.NDArray[Any]], rate: int) -> Iterator[Samples]:
    live = Live(rate)
    for block in blocks:
        yield live(block)
    yield live.finish()


def _probe(path: Path) -> float:
    """Seconds as ffprobe reads them from a container that libsndfile does not know."""
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        raise BadInput(
            f"{path.name} is no WAV, FLAC, OGG or MP3 recording; M4A, MP4 and WebM can be read "
            "where ffmpeg is installed."
        )
    command = ["ffprobe", *_careful(path), "-show_entries", "format=duration", "-of", "csv=p=0"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise BadInput(f"{path.name} is not a recording that can be read: choose an audio file.")
    try:
        return float(done.stdout.strip())
    except ValueError:  # a browser's WebM does not say how long it is
        return sum(len(block) for block in _ffmpeg_blocks(path)) / SAMPLE_RATE


def _careful(path: Path) -> list[str]:
    limits = ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS]
    return ["-v", "error", *limits, "-i", f"file:{path}"]


def _ffmpeg_blocks(path: Path) -> Iterator[Samples]:
    # To floats, ffmpeg would mix two equal channels to one that is louder by 3 dB.
    form = ["-map", "0:a:0", "-f", "s16le", "-ac", "1", "-ar", str(SAMPLE_RATE), "pipe:1"]
    size, limit = 2 * BLOCK_SECONDS * SAMPLE_RATE, MAX_SECONDS * SAMPLE_RATE
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            ["ffmpeg", "-nostdin", *_careful(path), *form],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        try:
            while limit > 0 and (data := process.stdout.read(size)):
                block = np.frombuffer(data[: len(data) // 2 * 2], np.int16)
                limit -= len(block)
                yield _as_float(block)
        finally:
            process.kill()
        if limit > 0 and process.wait() > 0:
            raise BadInput(f"{path.name} holds no sound that can be read: choose an audio file.")


def _require_rate(rate: int) -> None:
    least, most = RATES
    if not least <= rate <= most:
        raise BadInput(
            f"The recording has {rate:,} samples a second: {least // 1000} to {most // 1000} kHz "
            "can be read."
        )
