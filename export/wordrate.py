"""Word error rate of a speech model, at every precision here and of the original, on a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jiwer
import whisper
from tqdm import tqdm
from whisper.normalizers import EnglishTextNormalizer

from export.checks.original_whisper import load
from model_zoo import zoo
from model_zoo.errors import BadInput
from model_zoo.runtime.placement import candidates
from model_zoo.spec import ModelSpec


@dataclass(frozen=True)
class WordRate:
    """One precision of one model on a folder of recordings; `word_errors` is a share of words."""

    model: str
    precision: str
    part: str
    words: int
    word_errors: float


def evaluate(spec: ModelSpec, folder: Path | None) -> Iterator[WordRate]:
    """Recordings NAME.wav or NAME.flac beside what is said in them, NAME.txt."""
    files = sorted(folder.iterdir()) if folder and folder.is_dir() else []
    texts = {path: path.with_suffix(".txt") for path in files if path.suffix in (".wav", ".flac")}
    spoken = {path: text.read_text("utf-8") for path, text in texts.items() if text.is_file()}
    if folder is None or not spoken:
        raise BadInput("Give --data a folder of recordings NAME.wav, each beside its NAME.txt.")
    for precision, provider in candidates(spec):
        model = zoo.load(spec.name, precision, provider)
        rate = _rate(spoken, lambda path, model=model: model(path, language="en").text)
        yield WordRate(spec.name, f"{precision} {provider}", folder.name, *rate)
    original = load(spec)
    rate = _rate(
        spoken,
        lambda path: whisper.transcribe(
            original, str(path), language="en", fp16=False, condition_on_previous_text=False
        )["text"],
    )
    yield WordRate(spec.name, "openai-whisper", folder.name, *rate)


def _rate(spoken: dict[Path, str], hear: Callable[[Path], str]) -> tuple[int, float]:
    """How many words there are, and the share of errors, both in OpenAI's spelling."""
    plain = EnglishTextNormalizer()
    heard = [plain(hear(path)) for path in tqdm(spoken)]
    wanted = [plain(text) for text in spoken.values()]
    return sum(len(text.split()) for text in wanted), jiwer.wer(wanted, heard)
