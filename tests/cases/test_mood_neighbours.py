"""An answer belongs to its own text: it is the same alone and in any list, in int8 too."""

from __future__ import annotations

import random

import pytest

import model_zoo

pytestmark = pytest.mark.weights
TEXTS = [
    "not a dull moment in it",
    "a film of some wit and little warmth",
    "it never quite becomes the comedy that it wants to be",
    *(f"a {kind} {thing} {end}" for kind in ("fine", "dull", "strange")
      for thing in ("film", "book", "meal") for end in ("", "and no more", "from first to last")),
]  # fmt: skip
RUBBISH = ["zxq vbn kjh " * 20, "%% ## 0x7f @@ ~~ a", "aaaa bbbb cccc dddd", "1 2 3 4 5 6 7 8 9"]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_e1_an_answer_is_the_same_alone_and_in_any_list(precision):
    model = model_zoo.load("sst2-minilm", precision, "cpu")
    alone = {text: model(text)["positive"] for text in TEXTS}
    chance = random.Random(0)
    for size in (2, 7, 30):
        company = chance.sample(TEXTS, min(size, len(TEXTS))) + RUBBISH
        chance.shuffle(company)
        for text, answer in zip(company, model.classify_many(company), strict=True):
            if text in alone:
                assert answer["positive"] == pytest.approx(alone[text], abs=0.005)
