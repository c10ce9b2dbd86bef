"""Sound: damaged files against ffmpeg's own count, arrays of any kind, options of any value."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from model_zoo.speech import _input, _parts
from model_zoo.speech.audio import MAX_SECONDS, RATES, SAMPLE_RATE, open_sound
from model_zoo.speech.options import SpeechOptions
from tests.fuzz import seeds
from tests.fuzz.kinds import Kind, Seeded, Structured
from tests.fuzz.mutations import cuts, mutate
from tests.fuzz.pictures import EVERY, THINGS
from tests.fuzz.rules import answered, require

OFF_SECONDS = 0.1  # that two decoders may differ
# Samples that the tag of an MP3 says an encoder has put before and behind: 12 bits each. A damaged
# tag is believed by one decoder and not by the other.
MOST_TRIMMED = 2 * 4095


def plain(seed: int, random: Random) -> None:
    """What ffmpeg decodes without a complaint is heard at its length."""
    data = _damaged(seed, random, seeds.plain_sounds())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sound")
        path.write_bytes(data)
        seconds = _heard(path)
        counted = _counted_parts(path)
    if seconds is None or counted is None:
        return
    right, off = counted
    words = f"{seconds:.3f} s heard, ffmpeg decodes {right:.3f} s"
    require(abs(seconds - min(right, MAX_SECONDS)) <= off, words)


def timed(seed: int, random: Random) -> None:
    """A recording with times in it is heard or refused; damaged ones have no right length."""
    answered(lambda: open_sound(_damaged(seed, random, seeds.timed_sounds())).samples())


def _damaged(seed: int, random: Random, files: Sequence[bytes]) -> bytes:
    if seed % EVERY == 0:
        number, end = (ends := cuts(files))[seed // EVERY % len(ends)]
        return files[number][:end]
    data = random.choice(files)
    return mutate(random, data, [data])


def _heard(path: Path) -> float | None:
    """Seconds that are heard without a word of damage."""
    sound = answered(lambda: open_sound(path))
    samples = answered(sound.samples) if sound else None
    if samples is None or sound is None:
        return None
    require(samples.dtype == np.float32 and samples.ndim == 1, f"{samples.dtype} {samples.shape}")
    require(bool(np.isfinite(samples).all()), "samples that are no numbers")
    require(float(np.abs(samples).max(initial=0)) < 1.5, "samples far beyond full scale")
    return None if sound.note else len(samples) / SAMPLE_RATE


def _counted_parts(path: Path) -> tuple[float, float] | None:
    """As `_counted`, of every recording in the file: ffmpeg stops after the first in many kinds."""
    if not path.stat().st_size:
        return None
    total, off = 0.0, 0.0
    parts = _parts.split(_input.find(path))
    for number, part in enumerate(parts):
        if len(parts) > 1:
            path = path.with_name(f"part {number}")
            with part.open() as file:
                path.write_bytes(file.read())
        found = _counted(path)
        if found is None:
            return None
        total, off = total + found[0], off + found[1]
    return total, off


def _counted(path: Path) -> tuple[float, float] | None:
    """Seconds that ffmpeg decodes of one track at a usual rate, and how many others may differ;
    None where it complains.
    """
    shown = "stream=codec_name,sample_rate"
    asked = ["-select_streams", "a", "-show_entries", shown, "-of", "csv=p=0"]
    found = subprocess.run(
        ["ffprobe", "-v", "quiet", *asked, path], capture_output=True, text=True, timeout=60
    )
    tracks = [line.split(",") for line in found.stdout.split()]
    if len(tracks) != 1 or not RATES[0] <= int(tracks[0][1]) <= RATES[1]:
        return None
    codec, rate = tracks[0][0], int(tracks[0][1])
    form = ["-t", f"{MAX_SECONDS}", "-f", "s16le", "-ac", "1", "-ar", f"{SAMPLE_RATE}", "pipe:1"]
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", "0:a:0", *form]
    with tempfile.TemporaryFile() as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=60)
        size = out.tell()
    if done.returncode or done.stderr.strip():
        return None
    off = OFF_SECONDS + (MOST_TRIMMED / rate if codec == "mp3" else 0)
    return size / 2 / SAMPLE_RATE, off


def array(rate: Any, thing: Any, turned: bool) -> None:
    """Samples are a sound or refused."""
    pair = (thing, rate) if turned else (rate, thing)
    sound = answered(lambda: open_sound(pair))
    samples = answered(sound.samples) if sound else None
    if samples is not None:
        require(samples.dtype == np.float32 and samples.ndim == 1, f"{samples.shape}")
        require(bool(np.isfinite(samples).all()), "samples that are no numbers")


RATE_VALUES = st.one_of(
    st.sampled_from((8000, 16_000, 44_100, 48_000.0, np.int32(22_050), np.float64(16_000))),
    st.integers(), st.floats(), st.none(), st.text(max_size=4), st.booleans(),
)  # fmt: skip
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.lists(st.one_of(st.floats(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=2),
)  # fmt: skip


def options(chosen: dict[str, Any]) -> None:
    """Every value of an option is taken or refused."""
    answered(lambda: SpeechOptions(**chosen))


KINDS: tuple[Kind, ...] = (
    Seeded("sound, damaged, counted", 3, plain),
    Seeded("sound, damaged, timed", 1, timed),
    Structured("sound, arrays", 5, array, RATE_VALUES, THINGS, st.booleans()),
    Structured(
        "sound, options", 4, options,
        st.fixed_dictionaries({}, optional={
            name: st.one_of(st.just(field.default), ANYTHING)
            for name, field in SpeechOptions.__dataclass_fields__.items()
        }),
    ),
)  # fmt: skip
