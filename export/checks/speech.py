"""Compare Whisper's graphs with openai-whisper: spectrogram, encoder, decoder, transcripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np
import soxr
import torch
import whisper
from whisper.model import disable_sdpa
from whisper.timing import find_alignment
from whisper.tokenizer import get_tokenizer

from export.checks import original_whisper, reference
from export.checks.comparison import Comparison, Row, attempt, compare, left_out, pairs, same
from export.checks.weights import compare_weights, table
from model_zoo import zoo
from model_zoo.spec import ModelSpec
from model_zoo.speech.audio import SAMPLE_RATE, Samples, open_sound
from model_zoo.speech.mel import FRAMES_PER_SECOND, FULL_FRAMES, log_mel
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.vad import Detector
from model_zoo.speech.whisper import Whisper
from model_zoo.weights import store

NETWORKS = ("encoder", "decoder", "aligner")  # Whisper's own; Silero's detector is beside them
WORDS_APART = {"fp32": 0, "fp16": 0, "bf16": 1, "int8": 2}  # in one clip of some twenty words
# One scale serves all activations of a product, whatever channel they are in; measured: 0.28
ROUNDED = {"int8": 0.5}
FRAME = 0.02 + 1e-6  # seconds, the step of Whisper's times
STEPS = 8  # single tokens after the prompt, through the cache
# As openai-whisper decodes: all 30 seconds, silence included
OPTIONS = SpeechOptions(language="en", vad=False, whole_window=True, temperatures=(0.0,))


def check(spec: ModelSpec) -> Iterator[Row]:
    """Numbers first, then both on the same sound, at every pair that this machine has."""
    yield from left_out(spec)
    yield from _vocabulary(spec, zoo.load(spec.name, "fp32", "cpu"))
    for part in NETWORKS:
        exact = store.graph_file(spec, "fp32", part)
        for precision in ("int8", "fp16"):
            found = compare_weights(
                spec.name, precision, store.graph_file(spec, precision, part), exact
            )
            yield replace(found, output=f"{part}: {found.output}")
    original, recordings = load(spec), clips()
    theirs = original.decoder.token_embedding.weight.detach().numpy()
    for part in NETWORKS[1:]:
        ours = table(store.graph_file(spec, "fp32", part))
        yield compare(spec.name, "fp32", f"{part}: embeddings", ours.T, theirs.T)
    yield from _spectrogram(spec, recordings)
    yield _speech(spec, recordings)
    for precision, provider in pairs(spec):
        model: Whisper = zoo.load(spec.name, precision, provider)
        where = f"{precision} {provider}"
        for part, compared in zip(NETWORKS, (_encoder, _decoder, _aligner), strict=True):
            yield from attempt(spec.name, where, part, compared(spec, where, model, original))
        if precision != "fp16" or provider != "cpu":  # it would crawl
            yield from _transcripts(spec, where, model, recordings)


@lru_cache(maxsize=1)
def load(spec: ModelSpec) -> whisper.Whisper:
    """The original, kept for the next check of the same model."""
    return original_whisper.load(spec)


def record(spec: ModelSpec) -> Mapping[str, np.ndarray]:
    """How probably the detector finds speech in each frame; it has no original but its file."""
    return {"speech": _probabilities(spec)}


@lru_cache(maxsize=1)
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


def _vocabulary(spec: ModelSpec, model: Whisper) -> Iterator[Row]:
    """Every token's text, the special ones' numbers, and which are never written."""
    ours = model.vocabulary
    theirs = get_tokenizer(ours.multilingual, language="en", task="transcribe")
    texts = [theirs.encoding.decode([token]) for token in range(theirs.eot)]
    pieces = [ours.decode([token]) for token in range(ours.end)]
    yield same(spec.name, "", "vocabulary", pieces, texts)
    special = [ours.end, ours.start, ours.previous, ours.no_speech, ours.timestamps]
    numbers = [theirs.eot, theirs.sot, theirs.sot_prev, theirs.no_speech, theirs.timestamp_begin]
    yield same(spec.name, "", "special tokens", special, numbers)
    unsaid = [theirs.sot, theirs.sot_prev, theirs.sot_lm, theirs.no_speech]
    unsaid += [theirs.transcribe, theirs.translate, *theirs.non_speech_tokens]
    yield same(spec.name, "", "tokens never written", ours.suppressed, sorted({*unsaid}))


def _spectrogram(spec: ModelSpec, recordings: dict[str, Samples]) -> Iterator[Row]:
    for name, samples in recordings.items():
        ours = log_mel(samples)
        theirs = whisper.log_mel_spectrogram(whisper.pad_or_trim(samples)).numpy()
        yield compare(spec.name, "fp32", f"log-mel, {name}", ours.T, theirs.T)


def _speech(spec: ModelSpec, recordings: dict[str, Samples]) -> Row:
    expected = reference.read(spec)["speech"]
    return compare(spec.name, "fp32", "vad: speech", _probabilities(spec), expected)


def _probabilities(spec: ModelSpec) -> np.ndarray:
    """[frames, 1], of speech and of noise."""
    detect = Detector(zoo.load(spec.name, "fp32", "cpu").session("vad"))
    recordings = clips()
    noise = np.random.default_rng(2).normal(0, 0.05, 2 * SAMPLE_RATE).astype(np.float32)
    return detect(np.concatenate([recordings["whole"], noise]))[:, None]


def _encoder(
    spec: ModelSpec, where: str, model: Whisper, original: whisper.Whisper
) -> Iterator[Row]:
    """Every layer's cross keys and values, batches of 1 and 2, all 30 seconds and shorter ones."""
    exact = where.startswith("fp32")
    for rows, frames in ((1, FULL_FRAMES), (2, FULL_FRAMES), (2, 600)) if exact else ((2, 600),):
        mel, expected = _heard(original, rows, frames)
        heard = {name: _by_output(name, array) for name, array in model.encode(mel).items()}
        if exact:
            for name, theirs in expected.items():
                output = f"encoder: {name} of {rows} × {frames}"
                yield compare(spec.name, where, output, heard[name], theirs)
            continue
        # A few channels are far larger than all others, which alone feel the rounding: all as one
        found = [np.concatenate([some[n].ravel() for n in expected]) for some in (heard, expected)]
        yield compare(
            spec.name, where, f"encoder: keys and values of {rows} × {frames}",
            found[0][:, None], found[1][:, None], ROUNDED.get(where.split()[0]),
        )  # fmt: skip


@lru_cache(maxsize=4)
def _heard(
    original: whisper.Whisper, rows: int, frames: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    speech = clips()["whole"]
    mel = np.stack([log_mel(speech[row * SAMPLE_RATE :], frames) for row in range(rows)])
    found = _cross(original, mel)
    return mel, {name: _by_output(name, array) for name, array in found.items()}


def _by_output(name: str, array: np.ndarray) -> np.ndarray:
    """Cross keys [batch, heads, size, frames] or values as [batch · frames, heads · size]."""
    order = (0, 3, 1, 2) if "key" in name else (0, 2, 1, 3)
    moved = array.astype(np.float32).transpose(order)
    return moved.reshape(-1, moved.shape[2] * moved.shape[3])


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
    spec: ModelSpec, where: str, model: Whisper, original: whisper.Whisper
) -> Iterator[Row]:
    """The prompt at once, then token by token through the cache, against one pass of all."""
    tokens, mel, theirs, _ = _said(original)
    decoder = model.open_decoder(model.encode(mel), tokens.shape[1])
    first = tokens.shape[1] - STEPS
    ours = [decoder(tokens[:, :first], range(first))]
    ours += [decoder(tokens[:, at : at + 1]) for at in range(first, tokens.shape[1])]
    yield compare(spec.name, where, "decoder: logits", np.concatenate(ours, axis=1)[0], theirs)


def _aligner(
    spec: ModelSpec, where: str, model: Whisper, original: whisper.Whisper
) -> Iterator[Row]:
    """Where the heads that follow the words look."""
    tokens, mel, _, followed = _said(original)
    attention = model.align(model.encode(mel), tokens[0].tolist(), FULL_FRAMES // 2)
    flat = attention.reshape(-1, 1), followed.reshape(-1, 1)
    allowed = ROUNDED.get(where.split()[0])
    yield compare(spec.name, where, "aligner: attention", *flat, allowed)


@lru_cache(maxsize=1)
def _said(original: whisper.Whisper) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tokens [1, n] and their sound, the logits [n, vocabulary], the attention [heads, n, frames]
    of the heads that follow the words.
    """
    tokenizer = get_tokenizer(original.is_multilingual, language="en", task="transcribe")
    text = tokenizer.encode(" And so my fellow Americans ask not what your country can do for you")
    tokens = np.array([[*tokenizer.sot_sequence, tokenizer.timestamp_begin, *text]])
    mel = log_mel(clips()["whole"])[None]
    scores: list[torch.Tensor] = []
    hooks = [
        block.cross_attn.register_forward_hook(lambda _, __, made: scores.append(made[1][0]))
        for block in original.decoder.blocks
    ]
    with torch.no_grad(), disable_sdpa():
        logits = original(torch.from_numpy(mel), torch.from_numpy(tokens))[0].numpy()
    for hook in hooks:
        hook.remove()
    heads = original.alignment_heads.indices().T.tolist()
    followed = torch.stack([scores[layer][head] for layer, head in heads]).softmax(-1)
    return tokens, mel, logits, followed.numpy()


@dataclass(frozen=True)
class Reference:
    """What openai-whisper writes of a clip, and when each word ends, in seconds."""

    text: str
    word_ends: tuple[float, ...]


@lru_cache(maxsize=1)
def _references(original: whisper.Whisper) -> dict[str, Reference]:
    return {name: _decoded(original, samples) for name, samples in clips().items()}


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
    spec: ModelSpec, where: str, model: Whisper, recordings: dict[str, Samples]
) -> Iterator[Row]:
    """How many words of each clip's transcript differ, and in float32 by how much their times."""
    references = _references(load(spec))
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
