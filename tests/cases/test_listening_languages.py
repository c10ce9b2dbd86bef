"""A language as people and browsers name it (row 29)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import model_zoo
from model_zoo.errors import BadInput
from model_zoo.speech.languages import NAMES, code
from model_zoo.speech.options import SpeechOptions
from tests.conftest import slow


@pytest.mark.parametrize(("wish", "means"), [
    ("English", "en"), ("EN", "en"), ("en-US", "en"), ("en_GB", "en"), (" en", "en"),
    ("zh-CN", "zh"), ("zh_Hant_TW", "zh"), ("Haitian Creole", "ht"), ("Mandarin", "zh"),
    ("jv", "jw"), ("nb-NO", "no"), ("haw", "haw"), ("auto", ""), ("", ""), ("  ", ""),
])  # fmt: skip
def test_29_a_language_is_known_by_name_code_and_tag(wish: str, means: str) -> None:
    assert code(wish) == means
    assert SpeechOptions(language=wish).language == means


def test_29_every_language_is_known_by_its_name() -> None:
    assert {code(name.upper()) for name in NAMES.values()} == set(NAMES)


@pytest.mark.parametrize("wish", ["klingon", "xx", "e", "english please", "-", "en fr"])
def test_29_what_is_no_language_is_refused(wish: str) -> None:
    with pytest.raises(BadInput, match=f"no language '{wish}'"):
        SpeechOptions(language=wish)


SPOKEN = {
    "fr": "Le train pour Paris part à neuf heures du matin. Apportez votre billet et un manteau.",
    "de": "Der Zug nach Berlin fährt um neun Uhr morgens ab. Bringen Sie Ihre Fahrkarte mit.",
    "cmn": "火车早上九点开往北京。请带上您的车票和一件厚外套。",
    "ru": "Поезд в Москву отправляется в девять часов утра. Возьмите билет и тёплое пальто.",
}


@pytest.mark.weights
@pytest.mark.parametrize("voice", ["fr", "en-us", *slow("de", "cmn", "ru")])
def test_s4_the_english_model_says_where_it_hears_another_language(
    tmp_path: Path, voice: str
) -> None:
    said = SPOKEN.get(voice, "The train to London leaves at nine. Please bring a warm coat.")
    subprocess.run(["espeak-ng", "-v", voice, "-w", tmp_path / "a.wav", said], check=True)
    trace = model_zoo.load("whisper-tiny.en").trace(tmp_path / "a.wav")
    hint = (
        "Little of this sounds like English, the only language that whisper-tiny.en knows: for "
        "another choose whisper-base."
    )
    assert trace.hint == ("" if voice == "en-us" else hint)
