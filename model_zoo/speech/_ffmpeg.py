"""ffmpeg: what libsndfile does not know or does not read to its end, through a pipe."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput
from model_zoo.speech import _promise
from model_zoo.speech._input import Input
from model_zoo.stopping import Stop

RATE = 16_000  # samples a second that it gives
# Containers that hold one recording; no playlists, scripts or pictures, which name further files
# and addresses, and nothing that is played by rules of its own, such as music for synthesizers.
TIMED = (  # those whose packets say when they are heard
    "asf,avi,dv,flv,ivr,matroska,mov,mpeg,mpegts,mxf,nut,rm,webm,wtv,mp4,m4a,3gp"
)
PLAIN = (
    "aac,ac3,act,adx,aea,aiff,amr,amrnb,amrwb,ape,aptx,aptx_hd,au,caf,daud,dsf,dss,dts,dtshd,eac3,"
    "flac,g722,g723_1,g729,gsm,hcom,ilbc,loas,mlp,mmf,mp3,mpc,mpc8,nistsphere,ogg,oma,qcp,sbc,shn,"
    "sox,tak,truehd,tta,voc,vqf,w64,wav,wv,xwma"
)
# Without an index or a clock, so that ffprobe guesses the length from the first packets.
GUESSED = (
    "aac,ac3,act,adx,aea,amr,amrnb,amrwb,aptx,aptx_hd,daud,dss,dts,eac3,g722,g723_1,g729,gsm,ilbc,"
    "loas,mlp,mp3,sbc,truehd"
)
MEASURED = "dv,mpeg,mpegts,nut,ogg"  # whose length it finds at their end: no header promises it
SHORTENED = "avi,caf,w64,wav"  # whose length it shortens to what is there
GAP_SECONDS = 0.1  # between two packets: less is how a container rounds
LONGEST_GAP_SECONDS = 600  # more is no silence but a clock that was set
BACK_SECONDS = 2  # further back the clock begins anew, as where two files were joined
HANGS_SECONDS = 60  # without a sample or an answer
LOOK_SECONDS = 0.1  # until it is seen that nobody waits any more
ZEROED = "avi,matroska,mov,nut"  # containers whose clock begins with the recording
HARMLESS = (
    b" to muxer in stream",  # rates or channels have changed, and our own clock began anew
    b"Last message repeated",
)
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
    `promised`: the seconds of sound that its headers speak of, 0 where they say nothing.
    `others`: the codecs of pictures and subtitles beside the sound.
    """

    seconds: float
    start: float | None
    promised: float
    tracks: tuple[Track, ...]
    others: frozenset[str]


def is_there() -> bool:
    """Whether it is installed."""
    return bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))


def probe(source: Input, stop: Stop) -> Media:
    """The tracks of a file; BadInput where it is no recording, Stopped once `stop` is set."""
    asked = (
        "format=format_name,duration,start_time,nb_streams:"
        "stream=index,codec_type,codec_name,channels,duration:stream_disposition=default"
    )
    command = ["ffprobe", *_careful(source), "-show_entries", asked, "-of", "json"]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=_stdin(source), stdout=pipe, stderr=pipe) as process,
        _patience(process, stop),
    ):
        shown, complaints = process.communicate()
    if b"moov atom not found" in complaints:  # the index of an M4A, written at the very end
        raise BadInput("{} is damaged or cut off: choose another file.", source.name)
    if process.returncode:
        raise BadInput("{} is not a recording that can be read: choose an audio file.", source.name)
    found = json.loads(shown)
    streams = found.get("streams", [])
    sounds = [stream for stream in streams if stream.get("codec_type") == "audio"]
    if not sounds:
        raise BadInput("{} holds no sound that can be read: choose an audio file.", source.name)
    form, names = found["format"], set(found["format"]["format_name"].split(","))
    seconds = 0.0 if names & set(GUESSED.split(",")) else float(form.get("duration", 0))
    start = None
    if names & set(TIMED.split(",")):
        start = 0.0 if names & set(ZEROED.split(",")) else float(form.get("start_time", 0))
    tracks = tuple(sorted(map(_track, sounds), key=lambda track: not track.default))
    others = frozenset(str(s.get("codec_name")) for s in streams if s not in sounds)
    return Media(seconds, start, _promised(source, names, found, seconds), tracks, others)


def _promised(source: Input, names: set[str], found: dict[str, Any], seconds: float) -> float:
    with source.open() as file:
        if "ogg" in names:
            return _promise.of_ogg(file)[1]
        if len(found["streams"]) > 1 or names & set(MEASURED.split(",")):
            return 0.0  # the longest track's length is not every track's
        return seconds * (_promise.times_as_long(file) if names & set(SHORTENED.split(",")) else 1)


@contextmanager
def _patience(process: subprocess.Popen[bytes], stop: Stop) -> Iterator[None]:
    """Kill the process while waiting for it takes too long or is no longer wanted."""
    over, until = Event(), monotonic() + HANGS_SECONDS

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            if stop.is_set() or monotonic() > until:
                process.kill()
                return

    Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        over.set()
    stop.check()


class Reading:
    """Iterate for blocks [n, channels] at RATE; afterwards `broken` says whether it complained."""

    def __init__(
        self, source: Input, media: Media, track: Track, skip: float, seconds: int, stop: Stop
    ) -> None:
        """Without the first `skip` seconds."""
        self._source, self._channels, self._stop = source, track.channels, stop
        self._others = media.others
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
            try:
                while data := self._read(process):
                    count = len(data) // (4 * self._channels) * self._channels
                    block = np.frombuffer(data, "<f4", count).reshape(-1, self._channels)
                    # What is damaged may decode to anything.
                    yield np.nan_to_num(block, posinf=1, neginf=-1).astype(np.float32, copy=False)
            finally:
                process.kill()
            complaints.seek(0)
            self.broken = process.wait() != 0 or any(map(self._tells_of_damage, complaints))

    def _read(self, process: subprocess.Popen[bytes]) -> bytes:
        """The next bytes, or the end where nothing comes for too long."""
        assert process.stdout is not None
        with _patience(process, self._stop):
            data = process.stdout.read(self._bytes)
            if not data:
                process.wait()
        return data

    def _tells_of_damage(self, complaint: bytes) -> bool:
        """Whether a line of ffmpeg's is on the sound, and not on what is harmless."""
        if any(harmless in complaint for harmless in HARMLESS):
            return False
        other = re.match(rb"\[(?:\w+#[\d:]+/)?(\w+) @", complaint)
        if other and other[1].decode() in self._others:
            return False
        # Between two MP3 files that were joined lies a tag, which is no sound.
        tag = b"Header missing" in complaint or complaint.startswith(b"Error while decoding stream")
        return self._timed or not tag


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
