"""Compare Whisper's graphs with openai-whisper: spectrogram, encoder, decoder, transcripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import numpy as np
import soxr
import torch
import whisper
from whisper.timing import find_alignment
from whisper.tokenizer import get_tokenizer

from export.checks import Comparison
from export.checks.original_whisper import load
from model_zoo import zoo
from model_zoo.runtime.placement import candidates
from model_zoo.spec import ModelSpec
from model_zoo.speech.audio import SAMPLE_RATE, Samples, open_sound
from model_zoo.speech.mel import FRAMES_PER_SECOND, FULL_FRAMES, log_mel
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.whisper import Whisper

EXACT = 1e-4  # float32 differs by the order of its sums only
# Rounding moves a token's probability; its logarithm, on average over a transcript, by so much
ROUNDED = 0.15
WORDS_APART = {"fp32": 0, "bf16": 1, "int8": 2}  # in one clip of some twenty words
FRAME = 0.02 + 1e-6  # seconds, the step of Whisper's times
STEPS = 20  # single tokens after the prompt, through the cache
# As openai-whisper decodes: all 30 seconds, silence included
OPTIONS = SpeechOptions(language="en", vad=False, whole_window=True, temperatures=(0.0,))


def check(spec: ModelSpec) -> Iterator[Comparison]:
    """Run both on the same sound; every pair of precision and provider that this machine has."""
    original, recordings = load(spec), clips()
    theirs = {name: _decoded(original, samples) for name, samples in recordings.items()}
    yield from _spectrogram(spec, recordings)
    for precision, provider in candidates(spec):
        model: Whisper = zoo.load(spec.name, precision, provider)
        where = f"{precision} {provider}"
        if precision == "fp32":
            yield from _encoder(spec, where, model, original, recordings)
        yield from _decoder(spec, where, model, original, recordings)
        yield from _transcripts(spec, where, model, theirs, recordings)


def clips() -> dict[str, Samples]:
    """Real speech of several lengths, speeds and qualities, all made of one public recording."""
    speech = open_sound(zoo.spec("whisper-tiny.en").task.example()).samples()
    noise = np.random.default_rng(1).normal(0, 0.01, len(speech)).astype(np.float32)
    return {
        "whole": speech,
        "first sentence": speech[: round(3.2 * SAMPLE_RATE)],
        "end": speech[round(7.9 * SAMPLE_RATE) :],
        "slow": soxr.resample(speech, SAMPLE_RATE, round(1.1 * SAMPLE_RATE)),
        "noisy": speech + noise,
        "twice": np.concatenate([speech, speech]),
    }


def _spectrogram(spec: ModelSpec, recordings: dict[str, Samples]) -> Iterator[Comparison]:
    for samples in recordings.values():
        ours = log_mel(samples)
        theirs = whisper.log_mel_spectrogram(whisper.pad_or_trim(samples)).numpy()
        yield _compared(spec, "fp32", "log-mel", ours, theirs)


def _encoder(
    spec: ModelSpec, where: str, model: Whisper, original: whisper.Whisper,
    recordings: dict[str, Samples],
) -> Iterator[Comparison]:  # fmt: skip
    """Every layer's cross keys and values, batches of 1 and 2, all 30 seconds and shorter ones."""
    speech = recordings["whole"]
    for rows, frames in ((1, FULL_FRAMES), (2, FULL_FRAMES), (2, 600)):
        mel = np.stack([log_mel(speech[row * SAMPLE_RATE :], frames) for row in range(rows)])
        heard = model.encode(mel)
        for name, theirs in _cross(original, mel).items():
            yield _compared(spec, where, name, heard[name], theirs)


def _cross(original: whisper.Whisper, mel: np.ndarray) -> dict[str, np.ndarray]:
    """The original's cross keys, transposed, and values; its positions cut to the frames given."""
    encoder, heads = original.encoder, original.dims.n_text_head
    positions = encoder.positional_embedding
    encoder.positional_embedding = positions[: mel.shape[2] // 2]
    found = {}
    with torch.no_grad():
        heard = encoder(torch.from_numpy(mel))
        for layer, block in enumerate(original.decoder.blocks):
            for kind, order in (("key", (0, 2, 3, 1)), ("value", (0, 2, 1, 3))):
                made = getattr(block.cross_attn, kind)(heard)
                split = made.reshape(*made.shape[:2], heads, -1).permute(order)
                found[f"cross_{kind}_{layer}"] = split.numpy()
    encoder.positional_embedding = positions
    return found


def _decoder(
    spec: ModelSpec, where: str, model: Whisper, original: whisper.Whisper,
    recordings: dict[str, Samples],
) -> Iterator[Comparison]:  # fmt: skip
    """The prompt at once, then token by token through the cache, against one pass of all."""
    vocabulary = model.vocabulary
    text = vocabulary.encode(" And so my fellow Americans ask not what your country can do for you")
    tokens = np.array([[*vocabulary.prompt("en", "transcribe"), vocabulary.timestamps, *text]])
    mel = log_mel(recordings["whole"])[None]
    with torch.no_grad():
        encoded = original.encoder(torch.from_numpy(mel))
        theirs = original.decoder(torch.from_numpy(tokens), encoded).numpy()
    decoder = model.open_decoder(model.encode(mel), tokens.shape[1])
    first = tokens.shape[1] - min(STEPS, len(text))
    ours = [decoder(tokens[:, :first], range(first))]
    ours += [decoder(tokens[:, at : at + 1]) for at in range(first, tokens.shape[1])]
    found = np.concatenate(ours, axis=1)
    if where.startswith("fp32"):
        yield _compared(spec, where, "logits", found, theirs)
        return
    scores = [_scores(logits[0, :-1], tokens[0, 1:]) for logits in (found, theirs)]
    moved = float(np.abs(scores[0] - scores[1]).mean())
    yield Comparison(spec.name, where, "mean log probability", scores[0].shape, moved, ROUNDED)


def _scores(logits: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The logarithm of the probability that each row of logits gives to its token."""
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    exact -= np.log(np.exp(exact).sum(axis=1, keepdims=True))
    return exact[np.arange(len(tokens)), tokens]


@dataclass(frozen=True)
class Reference:
    """What openai-whisper writes of a clip, and when each word ends, in seconds."""

    text: str
    word_ends: tuple[float, ...]


def _decoded(original: whisper.Whisper, samples: Samples) -> Reference:
    # Not its `transcribe`, which fills up a short clip's spectrogram with zeros: no silence, and
    # nothing that the network was trained on.
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(samples))
    options = whisper.DecodingOptions(language="en", temperature=0.0, fp16=False)
    result = whisper.decode(original, mel, options)
    multilingual = original.is_multilingual
    tokenizer = get_tokenizer(multilingual, language="en", task="transcribe")
    text = [token for token in result.tokens if token < tokenizer.eot]
    frames = len(samples) * FRAMES_PER_SECOND // SAMPLE_RATE
    words = find_alignment(original, tokenizer, text, mel, frames)
    return Reference(result.text, tuple(float(word.end) for word in words))


def _transcripts(
    spec: ModelSpec, where: str, model: Whisper, references: dict[str, Reference],
    recordings: dict[str, Samples],
) -> Iterator[Comparison]:  # fmt: skip
    """How many words of each clip's transcript differ, and in float32 by how much their times."""
    exact = where.startswith("fp32")
    options = replace(OPTIONS, word_timestamps=exact)
    for name, samples in recordings.items():
        ours, theirs = model.trace((SAMPLE_RATE, samples), options).answer, references[name]
        written = ours.text.split(), theirs.text.split()
        allowed = float(WORDS_APART[where.split()[0]])
        shape = (len(written[1]),)
        apart = float(_apart(*written))
        yield Comparison(spec.name, where, f"words, {name}", shape, apart, allowed)
        words = [word for segment in ours.segments for word in segment.words]
        if exact and len(words) == len(theirs.word_ends):
            moved = np.abs(np.array([word.end for word in words]) - theirs.word_ends)
            later = float(np.median(moved))
            yield Comparison(spec.name, where, f"median word end, {name}", shape, later, FRAME)


def _apart(ours: list[str], theirs: list[str]) -> int:
    """Words that would have to be changed, put in or left out."""
    changes = SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for kind, a, b, c, d in changes if kind != "equal")


def _compared(
    spec: ModelSpec, where: str, output: str, ours: np.ndarray, theirs: np.ndarray
) -> Comparison:
    if ours.shape != theirs.shape:
        raise ValueError(f"{spec.name} {where} {output}: {ours.shape}, original {theirs.shape}")
    largest = float(np.abs(ours - theirs).max())
    return Comparison(spec.name, where, output, ours.shape, largest, EXACT)
