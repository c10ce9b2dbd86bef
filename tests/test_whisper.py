"""Whisper writes down what was said, and nothing where nobody speaks."""

from __future__ import annotations

import numpy as np
import pytest

import model_zoo
from model_zoo.errors import BadInput
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from model_zoo.speech.captions import Captions
from model_zoo.speech.options import SpeechOptions
from model_zoo.speech.task import example, stream
from model_zoo.speech.whisper import Whisper
from model_zoo.stopping import Stop, Stopped

WORDS = (
    "and so my fellow americans ask not what your country can do for you "
    "ask what you can do for your country"
)
SECOND = SAMPLE_RATE
CHANCE = np.random.default_rng(3)


def plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalpha() or c == " ")


weights = pytest.mark.weights


@pytest.fixture(scope="module")
def model() -> Whisper:
    return model_zoo.load("whisper-tiny.en", "int8", "cpu")


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return open_sound(example()).samples()


@weights
@pytest.mark.parametrize(("precision", "provider"), [("fp32", "cpu"), ("int8", "cpu")])
def test_a_speech_is_written_down(precision, provider):
    transcript = model_zoo.load("whisper-tiny.en", precision, provider)(example())
    assert plain(transcript.text) == WORDS
    assert transcript.language == "en"
    assert transcript.segments[-1].end <= 11.1


@weights
@pytest.mark.parametrize("chosen", [
    {"beam_size": 5}, {"vad": False}, {"whole_window": True}, {"word_timestamps": True},
    {"temperatures": (0.4,)}, {"condition_on_previous_text": True},
])  # fmt: skip
def test_every_way_of_decoding_finds_the_words(model, chosen):
    found = plain(model(example(), **chosen).text).split()
    assert len(set(WORDS.split()) - set(found)) <= 1


@weights
def test_words_have_times_in_order_and_a_probability(model):
    words = [w for s in model(example(), word_timestamps=True).segments for w in s.words]
    assert plain("".join(w.text for w in words)).split() == WORDS.split()
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    assert all(word.start <= word.end and 0 < word.probability <= 1 for word in words)
    country = next(word for word in words if "country" in word.text)
    assert 5.7 < country.start < 6.4


QUIET = {
    "silence": np.zeros(5 * SECOND, np.float32),
    "one sample": np.zeros(1, np.float32),
    "a hundredth of a second": np.full(SECOND // 100, 0.1, np.float32),
    "no samples": np.zeros(0, np.float32),
    "white noise": (CHANCE.normal(size=8 * SECOND) * 0.1).astype(np.float32),
    "loud noise": (CHANCE.normal(size=8 * SECOND) * 0.9).clip(-1, 1).astype(np.float32),
    "hum": (0.3 * np.sin(2 * np.pi * 50 * np.arange(6 * SECOND) / SECOND)).astype(np.float32),
    "chords": sum(
        0.2 * np.sin(2 * np.pi * hertz * np.arange(8 * SECOND) / SECOND)
        for hertz in (220, 277.2, 329.6, 440)
    ).astype(np.float32),
}


@weights
@pytest.mark.parametrize("name", QUIET)
def test_no_words_are_invented(model, name):
    trace = model.trace((SAMPLE_RATE, QUIET[name]))
    assert trace.answer.text == ""
    assert trace.hint.startswith("The recording is ")


@weights
def test_the_command_line_says_why_there_are_no_words(model):
    pieces = list(stream(model, (SAMPLE_RATE, QUIET["silence"]), SpeechOptions()))
    assert pieces == ["The recording is without speech (5.00 s).\n"]


@weights
def test_clipped_speech_is_still_understood(model, speech):
    clipped = (speech * 8).clip(-1, 1)
    found = plain(model((SAMPLE_RATE, clipped)).text).split()
    assert len(set(WORDS.split()) & set(found)) >= 10


@weights
def test_silence_before_speech_moves_its_times(model, speech):
    later = np.concatenate([np.zeros(40 * SECOND, np.float32), speech])
    transcript = model((SAMPLE_RATE, later))
    assert plain(transcript.text) == WORDS
    assert 39.5 < transcript.segments[0].start < 41


@weights
def test_a_long_recording_comes_segment_by_segment(model, speech):
    pause = np.zeros(3 * SECOND, np.float32)
    long = np.concatenate([speech, pause] * 5)
    listening = model.listen((SAMPLE_RATE, long))
    first = next(iter(listening))
    assert first.end < 15
    assert listening.done < 20
    rest = list(listening)
    assert listening.done == pytest.approx(len(long) / SECOND)
    starts = [first.start, *(segment.start for segment in rest)]
    assert starts == sorted(starts)
    found = plain(first.text + "".join(segment.text for segment in rest)).split()
    assert found.count("americans") == 5


@weights
def test_stopping_ends_before_the_next_window(model, speech):
    stop = Stop()
    listening = model.listen((SAMPLE_RATE, np.concatenate([speech] * 6)), stop=stop)
    next(iter(listening))
    stop.set()
    with pytest.raises(Stopped):
        list(listening)


@weights
@pytest.mark.parametrize(("chosen", "says"), [
    ({"language": "xx"}, "no language 'xx'"),
    ({"language": "de"}, "knows English only"),
    ({"task": "translate"}, "knows English only"),
    ({"task": "summarise"}, "no task"),
    ({"beam_size": 0}, "beam_size is between 1 and 10"),
    ({"temperatures": ()}, "temperatures are"),
])  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence(model, chosen, says):
    with pytest.raises(BadInput, match=says):
        model(example(), **chosen)


@weights
def test_captions_end_as_the_speech_was(model, speech):
    captions, finals = Captions(model, SpeechOptions(language="en")), []
    for start in range(0, len(speech), SECOND // 4):
        finals.append(captions.hear((SAMPLE_RATE, speech[start : start + SECOND // 4])).final)
    last = captions.finish()
    assert last.tentative == ""
    # What is final never changes, and some of it is there long before the end.
    for before, after in zip(finals, [*finals[1:], last.final], strict=True):
        assert after.startswith(before)
    assert "Americans" in finals[4 * 6]
    found = plain(last.final).split()
    assert len(set(WORDS.split()) - set(found)) <= 2


@weights
def test_captions_of_silence_are_empty(model):
    captions = Captions(model, SpeechOptions())
    assert captions.hear((48_000, np.zeros((48_000, 2), np.int16))).final == ""
    assert captions.finish().final == ""


@weights
def test_the_larger_model_detects_the_language():
    transcript = model_zoo.load("whisper-base", "int8", "cpu")(example())
    assert transcript.language == "en"
    assert plain(transcript.text) == WORDS
