"""How long after it was spoken a word is final: python -m tests.bench_captions [FILE]

Sound arrives in pieces of a quarter of a second on a clock that also counts the computing.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import model_zoo
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from model_zoo.speech.captions import Captions
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.task import example

PIECE = SAMPLE_RATE // 4


def main(file: str | None) -> None:
    recording = file or example()
    model = model_zoo.load("whisper-tiny.en")
    options = SpeechOptions(language="en", word_timestamps=True)
    spoken = [word for segment in model.trace(recording, options).answer.segments
              for word in segment.words]  # fmt: skip
    samples = open_sound(recording).samples()
    captions, clock, final, delays = Captions(model, options), 0.0, 0, []
    for start in range(0, len(samples), PIECE):
        clock = max(clock, (start + PIECE) / SAMPLE_RATE)
        begun = time.perf_counter()
        caption = captions.hear((SAMPLE_RATE, samples[start : start + PIECE]))
        clock += time.perf_counter() - begun
        count = len(caption.final.split())
        delays += [clock - word.end for word in spoken[final:count]]
        final = max(final, count)
    caption = captions.finish()
    print(caption.final)
    shares = np.percentile(delays, [50, 95, 100])
    print("final after {:.2f} s (median), {:.2f} s (95 %), {:.2f} s (last)".format(*shares))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
