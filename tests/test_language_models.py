"""SmolLM2 as it is published, and GPT-2 where no hub can be reached."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import model_zoo
from model_zoo.text.model import LanguageModel
from model_zoo.text.sampling import TextOptions
from model_zoo.text.tokens import from_gguf
from tests.conftest import ROOT

GREEDY = TextOptions(max_new_tokens=20, temperature=0, repetition_penalty=1)
AWKWARD = (
    "Hello world",
    "don't I'LL we've",
    "  two  spaces\t\ttabs\nlines\r\n\r\n",
    "naïve café ñ ŷ",
    "日本語のテキスト 中文",
    "👩‍👩‍👧 🏳️‍🌈 😀",
    "\x00\x01\x7f\u200b\ufeff",
    "1234567 3.14159 ٣٤ ²",
    "a" * 1000,
    " " * 70 + "x",
    "<|endoftext|> is not the end",
)


@pytest.fixture(scope="module")
def smollm2() -> LanguageModel:
    return model_zoo.load("smollm2-135m", "int8", "cpu")


@pytest.mark.weights
@pytest.mark.parametrize("text", AWKWARD)
def test_smollm2_gives_every_text_back(smollm2: LanguageModel, text: str):
    assert smollm2.vocabulary.decode(smollm2.vocabulary.encode(text)) == text


# As llama.cpp's own tokenizer reads them from the same file; transformers forgets, when it reads
# a GGUF file, that every digit is a token.
LLAMA_CPP = json.loads((Path(__file__).parent / "smollm2_tokens.json").read_text("utf-8"))


@pytest.mark.weights
@pytest.mark.parametrize("text", LLAMA_CPP)
def test_smollm2_reads_text_as_llama_cpp_does(smollm2: LanguageModel, text: str):
    assert smollm2.vocabulary.encode(text) == LLAMA_CPP[text]


@pytest.mark.weights
def test_a_megabyte_of_spaces_is_read(smollm2: LanguageModel):
    assert smollm2.vocabulary.decode(smollm2.vocabulary.encode(" " * 1_000_000)) == " " * 1_000_000


@pytest.mark.weights
def test_special_tokens_cannot_be_smuggled_in(smollm2: LanguageModel):
    assert not smollm2.vocabulary.special & set(smollm2.vocabulary.encode("<|im_end|>"))


@pytest.mark.weights
def test_smollm2_knows_the_capital_of_france(smollm2: LanguageModel):
    assert smollm2.trace("The capital of France is", GREEDY).answer.startswith(" Paris")
    question = "Which city is the capital of France?"
    asked = dataclasses.replace(GREEDY, chat=True)
    assert "Paris" in smollm2.trace(question, asked).answer


@pytest.mark.weights
def test_the_command_line_streams_the_same_text_twice_for_the_same_seed():
    command = [sys.executable, "-m", "model_zoo", "run", "smollm2-135m", "The capital of France is"]
    chosen = ["--set", "seed=4", "--set", "max_new_tokens=24", "--set", "temperature=0.9"]
    texts = [
        subprocess.run(command + chosen, cwd=ROOT, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert texts[0].stdout == texts[1].stdout
    assert len(texts[0].stdout.split()) > 8
    assert "on the CPU" in texts[0].stderr


def test_the_card_says_what_was_measured():
    spec = model_zoo.spec("smollm2-135m")
    assert spec.within_budget("int8")
    strict = dataclasses.replace(spec.task.yardstick, budget=0.0)
    fp32, int8 = spec.metric("perplexity"), spec.metric("perplexity", "int8")
    assert not strict.allows(fp32, int8)


def test_without_a_hub_gpt2_says_where_it_could_not_be_fetched_from(tmp_path: Path):
    environment = os.environ | {
        "SENSORIUM_CACHE": str(tmp_path / "cache"),
        "HF_HOME": str(tmp_path / "huggingface"),
        "HF_ENDPOINT": "http://127.0.0.1:9",  # nobody listens there
        "NO_PROXY": "127.0.0.1",
    }
    environment.pop("HF_HUB_OFFLINE", None)
    code = "import model_zoo; list(model_zoo.load('gpt2', 'fp32', 'cpu')('Once upon a time'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "could not be fetched from the hub's openai-community/gpt2" in done.stderr
    assert "WeightsNotFound" in done.stderr


def test_importing_the_models_opens_nothing():
    code = (
        "import sys, model_zoo; model_zoo.load('smollm2-135m'); "
        "print([n for n in ('tokenizers', 'onnx', 'torch') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_vocabulary_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="not known here"):
        from_gguf({"tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default"})
