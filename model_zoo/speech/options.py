"""What a caller may choose for one recording."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from model_zoo import values
from model_zoo.errors import BadInput, brief
from model_zoo.speech import languages
from model_zoo.speech.tokens import TASKS

THRESHOLDS = ("compression_ratio_threshold", "logprob_threshold", "no_speech_threshold")


@dataclass(frozen=True)
class SpeechOptions:
    """What a caller may choose for one recording; the thresholds are openai-whisper's.

    language: a code such as en, or English or en-US; "" or auto to detect it. task: transcribe, or
    translate (to English). beam_size: 1 is greedy. vad: skip silence. whole_window: give the
    encoder 30 seconds, however short the speech. condition_on_previous_text: what was said so far
    prompts what follows. A window that repeats itself (compression ratio) or that the model doubts
    (logarithm of the probability) is tried again at the next temperature.
    """

    language: str = ""
    task: str = "transcribe"
    word_timestamps: bool = False
    beam_size: int = 1
    patience: float = 1.0
    best_of: int = 5
    initial_prompt: str = ""
    condition_on_previous_text: bool = False
    vad: bool = True
    whole_window: bool = False
    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    compression_ratio_threshold: float = 2.4
    logprob_threshold: float = -1.0
    no_speech_threshold: float = 0.6

    def __post_init__(self) -> None:
        found: dict[str, Any] = {"task": values.text("task", self.task)}
        found["language"] = languages.code(
            values.text("language", "" if self.language is None else self.language)
        )
        if found["task"] not in TASKS:
            raise BadInput(
                "There is no task {}: choose one of {}.", brief(self.task), ", ".join(TASKS)
            )
        for name in ("beam_size", "best_of"):
            found[name] = values.whole(name, getattr(self, name), 1, 10)
        for name in ("word_timestamps", "condition_on_previous_text", "vad", "whole_window"):
            found[name] = values.flag(name, getattr(self, name))
        for name in THRESHOLDS:
            found[name] = values.within(name, getattr(self, name), -math.inf, math.inf)
        found["patience"] = values.within("patience", self.patience, 0, 10)
        found["initial_prompt"] = values.text("initial_prompt", self.initial_prompt)
        found["temperatures"] = values.numbers("temperature", self.temperatures, 0, 2)
        if not found["temperatures"]:
            raise BadInput("temperatures are numbers from 0 to 2, the first to try first.")
        for name, value in found.items():
            object.__setattr__(self, name, value)  # as dataclasses do it that are frozen
