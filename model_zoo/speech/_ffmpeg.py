"""ffmpeg: what libsndfile does not know or does not read to its end, through a pipe."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Timer
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput
from model_zoo.speech._input import Input

RATE = 16_000  # samples a second that it gives
# Containers that hold one recording; no playlists, which name further files and addresses.
TIMED = (  # those whose packets say when they are heard
    "asf,avi,flv,matroska,mov,mpeg,mpegts,mxf,nut,rm,webm,mp4,m4a,3gp"
)
PLAIN = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,au,caf,dsf,dts,dtshd,eac3,flac,gsm,loas,mlp,mp3,mpc,mpc8,"
    "nistsphere,ogg,qcp,shn,tak,truehd,tta,voc,w64,wav,wv"
)
# Without an index or a clock, so that ffprobe guesses the length from the first packets.
GUESSED = "aac,ac3,amr,amrnb,amrwb,dts,eac3,gsm,loas,mlp,mp3,truehd"
GAP_SECONDS = 0.1  # between two packets: less is how a container rounds
LONGEST_GAP_SECONDS = 600  # more is no silence but a clock that was set
BACK_SECONDS = 2  # further back the clock begins anew, as where two files were joined
HANGS_SECONDS = 60  # without a sample or an answer
ZEROED = "avi,matroska,mov,nut"  # containers whose clock begins with the recording
# A packet is heard at its time, never before what was decoded earlier is through: gaps become
# silence (by aresample), joined parts follow each other. 0: what the clock was set back, 1: the
# end of the packet before, 2: how far this one lies behind that, in seconds, 3: where it goes,
# 4: its own time from `start` on; all others in ticks.
ON_TIME = (
    "st(4,PTS-{start}/TB);"
    "st(2,if(isnan(PTS),0,(ld(4)+ld(0)-ld(1))*TB));"
    f"if(lt(ld(2),-{BACK_SECONDS})+gt(ld(2),{LONGEST_GAP_SECONDS}),"
    "st(0,ld(1)-ld(4));st(2,0));"
    f"st(3,if(lt(ld(2),{GAP_SECONDS}),ld(1),ld(1)+ld(2)/TB));"
    "st(1,ld(3)+NB_SAMPLES/SR/TB);ld(3)"
)


@dataclass(frozen=True)
class Track:
    """One of a file's tracks of sound."""

    index: int
    channels: int
    default: bool


@dataclass(frozen=True)
class Media:
    """What ffprobe finds: seconds (0 where they are not known) and tracks, the default first.

    `start`: the time at which the recording begins, in seconds, where its packets have times.
    """

    seconds: float
    start: float | None
    tracks: tuple[Track, ...]


def is_there() -> bool:
    """Whether it is installed."""
    return bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))


def probe(source: Input) -> Media:
    """The tracks of a file; BadInput where it is no recording."""
    asked = (
        "format=format_name,duration,start_time:stream=index,channels:stream_disposition=default"
    )
    command = ["ffprobe", *_careful(source), "-select_streams", "a", "-show_entries", asked,
               "-of", "json"]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=_stdin(source), timeout=HANGS_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(source) from error
    if b"moov atom not found" in done.stderr:  # the index of an M4A, written at the very end
        raise BadInput(f"{source.name} is damaged or cut off: choose another file.")
    if done.returncode:
        raise _refused(source)
    found = json.loads(done.stdout)
    tracks = [_track(stream) for stream in found.get("streams", [])]
    if not tracks:
        raise BadInput(f"{source.name} holds no sound that can be read: choose an audio file.")
    form, names = found["format"], set(found["format"]["format_name"].split(","))
    seconds = 0.0 if names & set(GUESSED.split(",")) else float(form.get("duration", 0))
    start = None
    if names & set(TIMED.split(",")):
        start = 0.0 if names & set(ZEROED.split(",")) else float(form.get("start_time", 0))
    return Media(seconds, start, tuple(sorted(tracks, key=lambda track: not track.default)))


class Reading:
    """Iterate for blocks [n, channels] at RATE; afterwards `broken` says whether it complained."""

    def __init__(
        self, source: Input, media: Media, track: Track, skip: float, seconds: int
    ) -> None:
        """Without the first `skip` seconds."""
        self._source, self._channels = source, track.channels
        self._timed = media.start is not None and not skip
        self._bytes = 4 * track.channels * RATE * seconds
        times = ON_TIME.format(start=media.start) if self._timed else "N/SR/TB"
        filters = [f"asetpts='{times}'"]
        if skip:
            filters += [f"atrim=start={skip:.6f}", "asetpts=PTS-STARTPTS"]
        filters += [f"aresample={RATE}:async=1:first_pts=0"]
        self._form = ["-map", f"0:{track.index}", "-af", ",".join(filters), "-f", "f32le",
                      "-ac", str(track.channels), "pipe:1"]  # fmt: skip
        self.broken = False

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        command = ["ffmpeg", "-nostdin", "-copyts", *_careful(self._source), *self._form]
        with (
            tempfile.TemporaryFile() as complaints,
            subprocess.Popen(
                command, stdin=_stdin(self._source), stdout=subprocess.PIPE, stderr=complaints
            ) as process,
        ):
            assert process.stdout is not None
            try:
                while data := _read(process, process.stdout, self._bytes):
                    count = len(data) // (4 * self._channels) * self._channels
                    block = np.frombuffer(data, "<f4", count).reshape(-1, self._channels)
                    # What is damaged may decode to anything.
                    yield np.nan_to_num(block, posinf=1, neginf=-1).astype(np.float32, copy=False)
                process.wait(HANGS_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            finally:
                process.kill()
            complaints.seek(0)
            damaged = any(_tells_of_damage(line, self._timed) for line in complaints)
            self.broken = process.wait() != 0 or damaged


def _read(process: subprocess.Popen[bytes], pipe: IO[bytes], size: int) -> bytes:
    """The next bytes, or the end where nothing comes for too long."""
    patience = Timer(HANGS_SECONDS, process.kill)
    patience.start()
    try:
        return pipe.read(size)
    finally:
        patience.cancel()


def _tells_of_damage(complaint: bytes, timed: bool) -> bool:
    """Whether a line of ffmpeg's is on the sound, and not on what is harmless."""
    if b" to muxer in stream" in complaint or b"Last message repeated" in complaint:
        return False  # rates or channels have changed, and our own clock began anew
    # Between two MP3 files that were joined lies a tag, which is no sound.
    tag = b"Header missing" in complaint or complaint.startswith(b"Error while decoding stream")
    return timed or not tag


def _careful(source: Input) -> list[str]:
    limits = ["-protocol_whitelist", "file,pipe", "-format_whitelist", f"{TIMED},{PLAIN}"]
    return ["-v", "error", *limits, "-i", source.url]


def _stdin(source: Input) -> IO[bytes] | int:
    if source.kept is None:
        return subprocess.DEVNULL
    source.kept.seek(0)
    return source.kept


def _track(stream: dict[str, Any]) -> Track:
    default = bool(stream.get("disposition", {}).get("default"))
    return Track(int(stream["index"]), max(1, int(stream.get("channels", 1))), default)


def _refused(source: Input) -> BadInput:
    return BadInput(f"{source.name} is not a recording that can be read: choose an audio file.")
