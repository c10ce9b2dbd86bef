"""SmolLM2 as it is published, and GPT-2's class with its true vocabulary from a stand-in hub."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import torch
from transformers import GPT2Config, GPT2LMHeadModel

import model_zoo
from export import perplexity
from model_zoo.graphs import gguf
from model_zoo.text.model import LanguageModel
from model_zoo.text.sampling import TextOptions
from model_zoo.text.tokens import Vocabulary, from_files, from_gguf
from model_zoo.weights.fetch import fetch_all
from tests.conftest import ROOT
from tests.gpt2_vocabulary import gpt2_files

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
    from whisper.tokenizer import get_encoding

    original: tiktoken.Encoding = get_encoding("gpt2")
    tokens = gpt2_vocabulary.encode(text)
    assert tokens == original.encode(text, disallowed_special=())
    assert gpt2_vocabulary.decode(tokens) == text


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
def test_a_message_is_what_the_chat_template_makes(smollm2: LanguageModel):
    from transformers import AutoTokenizer

    [file] = fetch_all(smollm2.spec.weights.sources).values()
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    said = [{"role": "user", "content": "Why is the sky blue?"}]
    made = tokenizer.apply_chat_template(said, add_generation_prompt=True)
    expected = made if isinstance(made, list) else made["input_ids"]
    assert smollm2.vocabulary.message("Why is the sky blue?") == list(expected)


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


@pytest.mark.export
@pytest.mark.weights
def test_no_precision_costs_more_perplexity_than_the_card_allows():
    rows = list(perplexity.evaluate(model_zoo.spec("smollm2-135m")))
    assert [row.precision for row in rows] == ["fp32", "int8", "fp16"]
    assert all(row.tokens > 5_000 and row.more <= 0.01 for row in rows)


def test_the_card_says_what_was_measured():
    spec = model_zoo.spec("smollm2-135m")
    assert spec.within_budget("int8")
    strict = dataclasses.replace(spec.task.yardstick, budget=0.0)
    fp32, int8 = spec.metric("perplexity"), spec.metric("perplexity", "int8")
    assert not strict.allows(fp32, int8)


@pytest.mark.export
@pytest.mark.weights
def test_all_tensor_types_of_the_file_are_read(smollm2: LanguageModel):
    import gguf as reference

    [path] = fetch_all(smollm2.spec.weights.sources).values()
    ours = gguf.read(path).tensors
    for tensor in reference.GGUFReader(path).tensors[:5]:
        expected = reference.quants.dequantize(tensor.data, tensor.tensor_type)
        assert (ours[tensor.name].read().ravel() == expected.ravel()).all()


class Hub(BaseHTTPRequestHandler):
    """Has the files of one repository at one commit."""

    files: dict[str, bytes]

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.files.get(self.path.rpartition("/")[2], b""))

    def _answer(self, body: bytes) -> None:
        name = self.path.rpartition("/")[2]
        there = self.path.startswith("/openai-community/gpt2/resolve/") and name in self.files
        self.send_response(200 if there else 404)
        self.send_header("Content-Length", str(len(self.files[name]) if there else 0))
        self.send_header("ETag", '"etag"')
        self.send_header("X-Repo-Commit", self.path.split("/")[4] if there else "")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


# huggingface_hub reads HF_ENDPOINT once, so that a hub of one's own needs a process of one's own.
# No token begins with " lighthouse" and says more, so that the prompt is read as it is cut.
BEGUN = "Once upon a time a lighthouse"
ASK_GPT2 = """
import dataclasses, json, sys
from model_zoo import zoo
from model_zoo.text.sampling import TextOptions
from model_zoo.weights.source import Source

digest, size, begun = sys.argv[1:]
spec = zoo.spec("gpt2")
pinned, *rest = spec.weights.sources
small = Source(pinned.filename, digest, int(size), pinned.hub)
weights = dataclasses.replace(spec.weights, sources=(small, *rest))
zoo.specs = lambda: {"gpt2": dataclasses.replace(spec, weights=weights)}
model = zoo.load("gpt2", "fp32", "cpu")
options = TextOptions(max_new_tokens=20, temperature=0, repetition_penalty=1)
print(json.dumps([token.id for token in model(begun, options)]))
"""


@pytest.fixture
def small_gpt2(tmp_path: Path) -> GPT2LMHeadModel:
    """Two layers of noise with GPT-2's vocabulary, and `Hub` has its files."""
    torch.manual_seed(0)
    config = GPT2Config(n_embd=128, n_layer=2, n_head=2, initializer_range=0.2)
    original = GPT2LMHeadModel(config).eval()
    original.save_pretrained(tmp_path / "original")
    weights = (tmp_path / "original" / "model.safetensors").read_bytes()
    vocabulary, merges = gpt2_files()
    Hub.files = {"model.safetensors": weights, "vocab.json": vocabulary, "merges.txt": merges}
    return original


def ask_gpt2(folder: Path, endpoint: str) -> subprocess.CompletedProcess[str]:
    """What a process prints that has an empty cache and this hub."""
    weights = Hub.files["model.safetensors"]
    environment = os.environ | {
        "SENSORIUM_CACHE": str(folder / "cache"),
        "HF_HOME": str(folder / "huggingface"),
        "HF_ENDPOINT": endpoint,
        "NO_PROXY": "127.0.0.1",
    }
    environment.pop("HF_HUB_OFFLINE", None)
    pin = [hashlib.sha256(weights).hexdigest(), str(len(weights)), BEGUN]
    return subprocess.run(
        [sys.executable, "-c", ASK_GPT2, *pin],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.export
def test_gpt2_is_fetched_from_a_hub_and_writes_what_transformers_writes(small_gpt2, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        done = ask_gpt2(tmp_path, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 0, done.stderr
    vocabulary = tmp_path / "vocab.json", tmp_path / "merges.txt"
    for path in vocabulary:
        path.write_bytes(Hub.files[path.name])
    given = torch.tensor([from_files(*vocabulary).encode(BEGUN)])
    written = small_gpt2.generate(
        given, attention_mask=torch.ones_like(given), max_new_tokens=20, do_sample=False,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    assert json.loads(done.stdout) == written[0, given.shape[1] :].tolist()


def test_without_a_hub_gpt2_says_where_it_could_not_be_fetched_from(small_gpt2, tmp_path):
    done = ask_gpt2(tmp_path, "http://127.0.0.1:9")  # nobody listens there
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
