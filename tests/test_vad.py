"""Speech is cut into windows of at most thirty seconds, and silence between them is lost."""

import numpy as np
import pytest

from model_zoo.speech.audio import SAMPLE_RATE
from model_zoo.speech.vad import FRAME, LONGEST, PAD, Cutter, Detector


class Loud(Detector):
    """Takes what is loud for speech; frames that the real detector would wait for wait here too."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def __call__(self, samples):
        held = np.concatenate([self._rest, samples])
        count = len(held) // FRAME
        self._rest = held[count * FRAME :]
        return np.abs(held[: count * FRAME].reshape(-1, FRAME)).max(axis=1, initial=0)


def sound(*spans: tuple[float, float]) -> np.ndarray:
    """(seconds, loudness) one after the other."""
    return np.concatenate(
        [np.full(round(seconds * SAMPLE_RATE), loud, np.float32) for seconds, loud in spans]
    )


def windows(samples: np.ndarray, block: float = 20.0):
    cutter, found = Cutter(Loud()), []
    size = round(block * SAMPLE_RATE)
    for start in range(0, len(samples), size):
        found += cutter.feed(samples[start : start + size])
    return found + list(cutter.finish())


def test_silence_has_no_window():
    assert windows(sound((10, 0))) == []


def test_a_click_is_no_speech():
    assert windows(sound((2, 0), (0.05, 1), (2, 0))) == []


def test_speech_is_found_with_a_little_around_it():
    [window] = windows(sound((3, 0), (2, 1), (3, 0)))
    assert window.start == pytest.approx(3 - PAD, abs=0.07)
    assert window.end == pytest.approx(5 + PAD, abs=0.07)


def test_a_breath_does_not_part_a_window_and_a_long_silence_does():
    found = windows(sound((1, 1), (1, 0), (1, 1), (5, 0), (1, 1), (1, 0)))
    assert [round(window.start) for window in found] == [0, 8]


@pytest.mark.parametrize("block", [0.1, 1.0, 7.3, 20.0, 200.0])
def test_the_windows_do_not_depend_on_how_the_sound_arrives(block):
    samples = sound((1, 0), (12, 1), (3, 0), (40, 0.9), (1, 0), (9, 1), (4, 0), (2, 1))
    expected = [(round(w.start, 2), round(w.end, 2)) for w in windows(samples)]
    assert [(round(w.start, 2), round(w.end, 2)) for w in windows(samples, block)] == expected


def test_speech_without_a_pause_is_cut_where_it_is_quietest():
    samples = sound((25, 1), (0.2, 0.6), (30, 1))
    found = windows(samples)
    assert all(window.seconds <= 30 for window in found)
    assert found[0].end == pytest.approx(25.1, abs=0.2)
    # No word is heard twice at a cut, and none is lost.
    covered = sum(window.seconds for window in found)
    assert covered == pytest.approx(55.2, abs=0.1)


def test_no_window_is_longer_than_thirty_seconds():
    chance = np.random.default_rng(0)
    spans = [(chance.uniform(0.3, 9), k % 2) for k in range(80)]
    for window in windows(sound(*spans)):
        assert window.seconds <= LONGEST + 2 * PAD + 1e-6


def test_what_is_in_a_window_is_the_sound_from_its_start():
    samples = np.linspace(0.6, 1, 10 * SAMPLE_RATE, dtype=np.float32)
    samples[: 4 * SAMPLE_RATE] = 0
    [window] = windows(samples, block=0.7)
    first = round(window.start * SAMPLE_RATE)
    np.testing.assert_array_equal(window.samples, samples[first : first + len(window.samples)])
