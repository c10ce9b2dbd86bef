"""The log-mel spectrogram that Whisper reads: 80 bands every 10 ms."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from model_zoo.speech.audio import SAMPLE_RATE, Samples

HOP = 160  # samples: a frame every 10 ms
N_FFT = 400  # samples: each frame looks at 25 ms
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
CHUNK_SECONDS = 30  # what Whisper was trained on
FULL_FRAMES = CHUNK_SECONDS * FRAMES_PER_SECOND  # 3000 frames in a 30-second window
N_MELS = 80
FAINTEST = 1e-10  # of power, so that silence has a logarithm
RANGE = 8.0  # powers of ten below the loudest that are kept
# Slaney's mel scale: linear below 1 kHz, logarithmic above
HERTZ_A_MEL, LINEAR_HERTZ = 200.0 / 3, 1000.0
LOG_STEP = np.log(6.4) / 27


def log_mel(audio: Samples, frames: int = FULL_FRAMES) -> npt.NDArray[np.float32]:
    """float32 [n] at 16 kHz, followed by silence, to float32 [80, frames].

    The scale is relative to the loudest frame, as in training; equal to openai-whisper's to 1e-4.
    """
    padded = np.zeros(frames * HOP + N_FFT, np.float32)
    used = audio[: frames * HOP]
    half = N_FFT // 2
    padded[half : half + len(used)] = used
    padded[:half] = padded[half + 1 : N_FFT + 1][::-1]  # the window's edges are mirrored
    padded[-half:] = padded[-N_FFT - 1 : -half - 1][::-1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:frames]
    spectrum = np.fft.rfft(windows * _hann())
    power = spectrum.real**2 + spectrum.imag**2
    logarithm = np.log10(np.maximum(power @ _filters(), np.float32(FAINTEST)))
    logarithm = np.maximum(logarithm, logarithm.max() - np.float32(RANGE))
    return np.ascontiguousarray((logarithm.T + np.float32(4)) / np.float32(4))


@cache
def _hann() -> npt.NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


@cache
def _filters() -> npt.NDArray[np.float32]:
    """[201, 80]: triangles that overlap by half, each of the same area."""
    top = _to_mel(SAMPLE_RATE / 2)
    corners = _to_hertz(np.linspace(0, top, N_MELS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)[:, None]
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (corners[2:] - corners[:-2])
    return triangles.astype(np.float32)


def _to_mel(hertz: float) -> float:
    linear = LINEAR_HERTZ / HERTZ_A_MEL
    return float(linear + np.log(hertz / LINEAR_HERTZ) / LOG_STEP)


def _to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear = LINEAR_HERTZ / HERTZ_A_MEL
    return np.where(
        mel < linear, mel * HERTZ_A_MEL, LINEAR_HERTZ * np.exp(LOG_STEP * (mel - linear))
    )
