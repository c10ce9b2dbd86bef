"""Speech recognition through faster-whisper and openai-whisper, with the very same weights."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from tokenizers import Tokenizer

from export.peers import Contender, Contest, Run, installed, ours
from model_zoo import zoo
from model_zoo.runtime.providers import usable_cores
from model_zoo.spec import ModelSpec
from model_zoo.speech.audio import SAMPLE_RATE, Recording, Samples, open_sound
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.task import RECOGNITION
from model_zoo.weights.store import weights_of

# Recordings beside `refs.tsv`, with columns file, language, seconds, transcript
SPEECH = Path(os.environ.get("SPEECH", "../shared/data/speech"))
FILES_SECONDS = 200  # of them, about
EXAMPLE_SAYS = (
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do "
    "for your country."
)
PAUSE_SECONDS = 0.8  # between the sentences of the long recording
LONG_SECONDS = 120


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """The same sound, greedy, without second tries, through everybody who is installed."""
    contenders = tuple(_contenders(spec))
    for name, sound in _sounds(spec).items():
        yield _contest(f"{spec.name}, {name}", contenders, [sound])
    spoken = dict(_spoken(spec))
    sounds = [open_sound(path).samples() for path in spoken]
    quick = tuple(one for one in contenders if "openai" not in one.name)
    whole = _contest(f"{spec.name}, {len(sounds)} files", quick, sounds)
    yield replace(whole, judge=partial(_word_errors, list(spoken.values())))


def _contest(work: str, contenders: tuple[Contender, ...], sounds: Sequence[Samples]) -> Contest:
    seconds = sum(map(len, sounds)) / SAMPLE_RATE
    return Contest(work, "s of sound", seconds, contenders, sounds)


def _spoken(spec: ModelSpec) -> Iterator[tuple[Recording, str]]:
    """English recordings and what is said in them: of SPEECH, else the example alone."""
    table = SPEECH / "refs.tsv"
    if not table.is_file():
        yield spec.task.example(), EXAMPLE_SAYS
        return
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["language"] == "en"]
    step = max(1, round(sum(float(row["seconds"]) for row in rows) / FILES_SECONDS))
    for row in rows[::step]:
        yield SPEECH / row["file"], row["transcript"]


def _word_errors(said: Sequence[str], heard: Sequence[str]) -> str:
    """The share of words wrong, in OpenAI's spelling."""
    if not (installed("jiwer") and installed("whisper")):
        return str(heard[0])[:60]
    import jiwer
    from whisper.normalizers import EnglishTextNormalizer

    plain = EnglishTextNormalizer()
    wanted = [plain(text) for text in said]
    words = sum(len(text.split()) for text in wanted)
    wrong = jiwer.wer(wanted, [plain(text) for text in heard])
    return f"{wrong:.1%} word errors of {words}"


def _sounds(spec: ModelSpec) -> dict[str, Samples]:
    """A clip, a sentence or two, and a long recording of them at several speeds."""
    speech = open_sound(spec.task.example()).samples()
    pause = np.zeros(round(PAUSE_SECONDS * SAMPLE_RATE), np.float32)
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < LONG_SECONDS * SAMPLE_RATE:
        speed = 0.9 + 0.05 * (len(pieces) // 2 % 5)
        pieces += [soxr.resample(speech, SAMPLE_RATE, round(SAMPLE_RATE / speed)), pause]
    return {
        "2.6 s": speech[8 * SAMPLE_RATE : round(10.6 * SAMPLE_RATE)],
        "11 s": speech,
        "2 min": np.concatenate(pieces)[: LONG_SECONDS * SAMPLE_RATE],
    }


def _contenders(spec: ModelSpec) -> Iterator[Contender]:
    yield Contender(ours(spec), partial(_ours, spec))
    if installed("faster_whisper"):
        for kind in ("int8", "float32"):
            name = f"faster-whisper {version('faster-whisper')} {kind}"
            yield Contender(name, partial(_faster, spec, kind))
    if installed("whisper"):
        name = f"openai-whisper {version('openai-whisper')} float32"
        yield Contender(name, partial(_openai, spec))


@cache
def _ours(spec: ModelSpec) -> Run:
    model = zoo.load(spec.name, task=RECOGNITION)
    options = SpeechOptions(language="en", temperatures=(0.0,))
    return lambda sound: str(model.trace((SAMPLE_RATE, sound), options).answer.text)


def _lay_out(spec: ModelSpec, folder: Path) -> None:
    """The publisher's files as CTranslate2 wants them, with its list of tokens."""
    for name, path in weights_of(spec).items():
        (folder / name).symlink_to(path)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    known = range(tokenizer.get_vocab_size(with_added_tokens=True))
    tokens = [tokenizer.id_to_token(token) for token in known]
    times = [f"<|{step * 0.02:.2f}|>" for step in range(1501)]  # 0 to 30 seconds
    (folder / "vocabulary.json").write_text(json.dumps(tokens + times), encoding="utf-8")


@cache
def _faster(spec: ModelSpec, kind: str) -> Run:
    from faster_whisper import WhisperModel

    with tempfile.TemporaryDirectory() as folder:
        _lay_out(spec, Path(folder))
        model = WhisperModel(folder, "cpu", compute_type=kind, cpu_threads=usable_cores())

    def run(sound: Samples) -> str:
        segments, _ = model.transcribe(
            sound, "en", beam_size=1, temperature=0.0, condition_on_previous_text=False
        )
        return "".join(segment.text for segment in segments).strip()

    return run


@cache
def _openai(spec: ModelSpec) -> Run:
    import torch
    import whisper

    from export.checks.original_whisper import load

    model = load(spec)
    torch.set_num_threads(usable_cores())

    def run(sound: Samples) -> str:
        found: dict[str, Any] = whisper.transcribe(
            model, sound, language="en", temperature=0.0, fp16=False,
            condition_on_previous_text=False,
        )  # fmt: skip
        return str(found["text"]).strip()

    return run
