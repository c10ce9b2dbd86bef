"""Whisper's numbers, rules and times are those of openai-whisper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from whisper.decoding import ApplyTimestampRules, DecodingOptions, SuppressBlank, SuppressTokens
from whisper.timing import dtw_cpu
from whisper.tokenizer import get_tokenizer

import model_zoo
from model_zoo.speech.decoding import Rules
from model_zoo.speech.words import warp

pytestmark = pytest.mark.export
CHANCE = np.random.default_rng(3)


def test_the_cheapest_way_is_openai_whispers():
    for _ in range(20):
        shape = CHANCE.integers(2, 40, 2)
        cost = CHANCE.normal(size=shape).astype(np.float32)
        ours, theirs = np.array(warp(cost)), dtw_cpu(cost.astype(np.float64))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.weights
def test_the_rules_are_openai_whispers():
    """The same tokens are forbidden after any sequence of text and times."""
    vocabulary = model_zoo.load("whisper-tiny.en", "int8", "cpu").vocabulary
    tokenizer = get_tokenizer(False)
    options = DecodingOptions(language="en", without_timestamps=False)
    assert options.suppress_tokens == "-1"
    never = [*tokenizer.non_speech_tokens, tokenizer.transcribe, tokenizer.translate]
    never += [tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm, tokenizer.no_speech]
    filters = [
        SuppressBlank(tokenizer, 1),
        SuppressTokens(sorted(set(never))),
        ApplyTimestampRules(tokenizer, 1, max_initial_timestamp_index=50),
    ]
    rules, begin = Rules(vocabulary), vocabulary.timestamps
    for case in range(200):
        sampled, now = [], 0
        for _ in range(CHANCE.integers(0, 7)):
            if CHANCE.random() < 0.5:
                now += int(CHANCE.integers(0, 60))
                sampled.append(begin + now)
            else:
                sampled.append(int(CHANCE.integers(300, 5000)))
        logits = CHANCE.normal(0, 4, begin + 1501).astype(np.float32)
        logits[begin:] += case % 3 * 4  # so that times win now and then
        theirs = torch.from_numpy(logits.copy())[None]
        tokens = torch.tensor([[tokenizer.sot, *sampled]])
        for rule in filters:
            rule.apply(theirs, tokens)
        rules.apply(logits, sampled)
        allowed, expected = np.isfinite(logits), np.isfinite(theirs[0].numpy())
        if sampled or expected.any():
            np.testing.assert_array_equal(allowed, expected, str(sampled))
