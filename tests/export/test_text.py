"""The token loop writes and judges as transformers does, on the same small random model."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from export.checks.text import small_gpt2
from model_zoo.runtime.session import Session
from model_zoo.text.sampling import TextOptions
from tests.small_lm import Small

pytestmark = pytest.mark.export
GREEDY = TextOptions(max_new_tokens=20, temperature=0, repetition_penalty=1)
PROMPT = "a lighthouse"


@pytest.fixture
def both(tmp_path: Path) -> tuple[PreTrainedModel, Small]:
    original, graph = small_gpt2(tmp_path)
    return original, Small(Session(graph, "fp32", "cpu"))


def test_greed_writes_what_transformers_writes(both):
    original, lm = both
    given = torch.tensor([lm.vocabulary.encode(PROMPT)])
    expected = original.generate(
        given, attention_mask=torch.ones_like(given), max_new_tokens=20, do_sample=False,
        eos_token_id=256, pad_token_id=256,
    )  # fmt: skip
    expected = expected[0, given.shape[1] :].tolist()
    assert [token.id for token in lm(PROMPT, GREEDY)] == [
        token for token in expected if token != 256
    ]


def test_a_score_is_what_the_original_gives(both):
    original, lm = both
    text = "The tide comes in, naïvely."
    tokens = [256, *lm.vocabulary.encode(text)]
    with torch.inference_mode():
        shares = original(torch.tensor([tokens])).logits[0].log_softmax(-1)
    expected = [float(shares[i, token]) for i, token in enumerate(tokens[1:])]
    score = lm.score(text)
    place = len(b"The tide comes in, na")
    expected[place : place + 2] = [expected[place] + expected[place + 1]]  # one sign, two tokens
    found = [math.log(token.probability) for token in score.tokens if token.text]
    assert found == pytest.approx(expected, abs=1e-3)
    mean = np.sum(expected) / len(score.tokens)
    assert score.perplexity == pytest.approx(math.exp(-mean), rel=1e-3)
    assert "".join(token.text for token in score.tokens) == text
