"""GPT-2's class with its true vocabulary, from a stand-in hub."""

from __future__ import annotations

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
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from model_zoo.text.tokens import from_files
from tests.conftest import ROOT
from tests.export.gpt2_vocabulary import gpt2_files

pytestmark = pytest.mark.export


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
