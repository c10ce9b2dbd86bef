"""What the page Listen saves, and what it keeps of a recording that is damaged further on."""

from __future__ import annotations

import json

from demos.widgets.transcript import saved, shown
from model_zoo.speech.transcript import FORMATS, Segment, Word, join


def test_20_files_are_made_of_what_the_page_holds() -> None:
    words = (Word(" Ask", 0.1, 0.4, 0.51234), Word(" not.", 0.4, 1.25, 0.9))
    segment = Segment(0.1, 1.25, " Ask not.", words, 0.7, -0.3, 0.01, 1.1, 0.0)
    sent = json.loads(json.dumps(shown(segment)))  # to the browser and back
    for form, write in FORMATS.items():
        text = saved({"form": form, "language": "en", "segments": [sent]})
        if form != "json":
            assert text == write(join([segment], "en"))
    whole = json.loads(text)
    assert whole["language"] == "en"
    assert whole["segments"][0]["avg_logprob"] == -0.3
    assert whole["segments"][0]["words"][1] == {
        "text": " not.", "start": 0.4, "end": 1.25, "probability": 0.9,
    }  # fmt: skip


def test_20_nothing_said_is_an_empty_file() -> None:
    assert saved({"form": "txt", "language": "en", "segments": []}) == ""
