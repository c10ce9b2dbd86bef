"""Captions in the formats that players read."""

import json

import pytest

from model_zoo.speech.transcript import FORMATS, Segment, Transcript, join


def segment(start: float, end: float, text: str) -> Segment:
    return Segment(start, end, text, (), 0.9, -0.1, 0.0, 1.0, 0.0)


@pytest.fixture
def spoken() -> Transcript:
    return join(
        [segment(0, 1.5, " Ask not"), segment(3723.0045, 3725, " what --> <you> can")], "en"
    )


def test_text_has_a_line_a_segment(spoken):
    assert FORMATS["txt"](spoken) == "Ask not\nwhat --> <you> can\n"
    assert spoken.text == "Ask not what --> <you> can"


def test_subrip_numbers_its_captions_and_rounds_to_milliseconds(spoken):
    assert FORMATS["srt"](spoken).split("\n\n")[:2] == [
        "1\n00:00:00,000 --> 00:00:01,500\nAsk not",
        "2\n01:02:03,004 --> 01:02:05,000\nwhat → <you> can",
    ]


def test_webvtt_escapes_what_would_be_a_tag(spoken):
    text = FORMATS["vtt"](spoken)
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n")
    assert "what → &lt;you&gt; can" in text


def test_json_holds_everything(spoken):
    told = json.loads(FORMATS["json"](spoken))
    assert told["segments"][0]["probability"] == 0.9
    assert told["language"] == "en"


def test_nothing_said_is_an_empty_file_of_each_format():
    empty = join([], "")
    assert FORMATS["txt"](empty) == FORMATS["srt"](empty) == ""
    assert FORMATS["vtt"](empty) == "WEBVTT\n\n"
