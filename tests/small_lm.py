"""A small language model of noise, where no real weights are needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import model_zoo
from model_zoo.graphs import gpt2
from model_zoo.runtime.session import Session
from model_zoo.text.model import LanguageModel
from model_zoo.text.tokens import Vocabulary, byte_alphabet

PLACES = 64  # that it is let look back at
WIDTH, LAYERS, TOKENS = 64, 2, 320


def small_gpt2(folder: Path) -> Path:
    """The graph of two layers of noise in the format of GPT-2's publisher."""
    noise, tensors = np.random.default_rng(4), dict[str, np.ndarray]()

    def weight(name: str, *shape: int) -> None:
        tensors[f"{name}.weight"] = noise.normal(0, 0.3, shape).astype(np.float32)

    weight("wte", TOKENS, WIDTH)
    weight("wpe", 256, WIDTH)
    for layer in range(LAYERS):
        weight(f"h.{layer}.attn.c_attn", WIDTH, 3 * WIDTH)
        weight(f"h.{layer}.attn.c_proj", WIDTH, WIDTH)
        weight(f"h.{layer}.mlp.c_fc", WIDTH, 4 * WIDTH)
        weight(f"h.{layer}.mlp.c_proj", 4 * WIDTH, WIDTH)
    for name in [name for name in tensors if name.startswith("h.")]:
        tensors[name.replace("weight", "bias")] = np.zeros(tensors[name].shape[1], np.float32)
    for norm in ("ln_f", *(f"h.{layer}.ln_{i}" for layer in range(LAYERS) for i in (1, 2))):
        tensors[f"{norm}.weight"] = np.ones(WIDTH, np.float32)
        tensors[f"{norm}.bias"] = np.zeros(WIDTH, np.float32)
    save_file(tensors, folder / "model.safetensors")
    gpt2.build(folder / "model.safetensors", "fp32", folder / "gpt2.onnx", heads=4)
    return folder / "gpt2.onnx"


class Small(LanguageModel):
    """Every byte is a token, and two layers of noise say what comes next."""

    capacity = PLACES

    def __init__(self, session: Session) -> None:
        super().__init__(model_zoo.spec("gpt2"), "fp32", "cpu")
        self._session = session

    @property
    def session(self) -> Session:
        return self._session

    @property
    def vocabulary(self) -> Vocabulary:
        names = [*byte_alphabet(), "<|endoftext|>", *(f"<{i}>" for i in range(63))]
        special = frozenset(range(256, TOKENS))
        tokens = {name: token for token, name in enumerate(names)}
        return Vocabulary(tokens, [], special, 256, False)

    def read_vocabulary(self, files: object) -> Vocabulary:
        raise NotImplementedError
