"""SmolLM2's numbers, texts and file, and GPT-2's tokens, are what the original libraries have."""

from __future__ import annotations

import hashlib

import pytest
from gguf import GGUFReader, quants
from transformers import AutoTokenizer
from whisper.tokenizer import get_encoding

import model_zoo
from export import perplexity
from model_zoo.graphs import gguf
from model_zoo.text.model import LanguageModel
from model_zoo.text.tokens import Vocabulary, from_files
from model_zoo.weights.fetch import fetch_all
from tests.export.gpt2_vocabulary import gpt2_files
from tests.test_language_models import AWKWARD

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def smollm2() -> LanguageModel:
    return model_zoo.load("smollm2-135m", "int8", "cpu")


@pytest.fixture(scope="module")
def gpt2_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    folder = tmp_path_factory.mktemp("gpt2")
    for name, data in zip(("vocab.json", "merges.txt"), gpt2_files(), strict=True):
        (folder / name).write_bytes(data)
    return from_files(folder / "vocab.json", folder / "merges.txt")


def test_the_stand_in_vocabulary_is_the_pinned_one():
    pins = {source.filename: source.sha256 for source in model_zoo.spec("gpt2").weights.sources}
    for name, data in zip(("vocab.json", "merges.txt"), gpt2_files(), strict=True):
        assert hashlib.sha256(data).hexdigest() == pins[name]


@pytest.mark.parametrize("text", AWKWARD)
def test_gpt2_reads_text_as_tiktoken_does(gpt2_vocabulary: Vocabulary, text: str):
    original = get_encoding("gpt2")
    tokens = gpt2_vocabulary.encode(text)
    assert tokens == original.encode(text, disallowed_special=())
    assert gpt2_vocabulary.decode(tokens) == text


@pytest.mark.weights
def test_a_message_is_what_the_chat_template_makes(smollm2: LanguageModel):
    [file] = fetch_all(smollm2.spec.weights.sources).values()
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    said = [{"role": "user", "content": "Why is the sky blue?"}]
    made = tokenizer.apply_chat_template(said, add_generation_prompt=True)
    expected = made if isinstance(made, list) else made["input_ids"]
    assert smollm2.vocabulary.message("Why is the sky blue?") == list(expected)


@pytest.mark.weights
def test_no_precision_costs_more_perplexity_than_the_card_allows():
    rows = list(perplexity.evaluate(model_zoo.spec("smollm2-135m")))
    assert [row.precision for row in rows] == ["fp32", "int8", "fp16"]
    assert all(row.tokens > 5_000 and row.more <= 0.01 for row in rows)


@pytest.mark.weights
def test_all_tensor_types_of_the_file_are_read(smollm2: LanguageModel):
    [path] = fetch_all(smollm2.spec.weights.sources).values()
    ours = gguf.read(path).tensors
    for tensor in GGUFReader(path).tensors[:5]:
        expected = quants.dequantize(tensor.data, tensor.tensor_type)
        assert (ours[tensor.name].read().ravel() == expected.ravel()).all()
