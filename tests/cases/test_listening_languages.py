"""A language as people and browsers name it (row 29)."""

from __future__ import annotations

import pytest

from model_zoo.errors import BadInput
from model_zoo.speech.languages import NAMES, code
from model_zoo.speech.options import SpeechOptions


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
