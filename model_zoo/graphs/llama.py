"""Llama's graph, of which SmolLM2 is one, from a GGUF file.

Source: "LLaMA: Open and Efficient Foundation Language Models", Touvron et al. 2023; "GLU Variants
Improve Transformer", Shazeer 2020; "RoFormer", Su et al. 2021.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from model_zoo.graphs import gguf
from model_zoo.graphs.language import LanguageGraph

WIDE_BLOCK = 128  # of the product with the most inputs, which loses nothing by longer blocks


def build(model: Path, precision: str, path: Path) -> None:
    """Write the graph of a GGUF file whose architecture is "llama"."""
    file = gguf.read(model)
    facts = {key.removeprefix("llama."): value for key, value in file.metadata.items()}
    heads, shared = facts["attention.head_count"], facts["attention.head_count_kv"]
    width, epsilon = facts["embedding_length"], facts["attention.layer_norm_rms_epsilon"]
    size = width // heads

    def weights(*names: str) -> npt.NDArray[np.float32]:
        return np.concatenate([file.tensors[f"{name}.weight"].read() for name in names])

    g = LanguageGraph("llama", precision)
    tokens, table = g.begin(), weights("token_embd")
    rope = _rope(g, facts["context_length"], size, facts["rope.freq_base"])
    x, branch = g.embed(table, tokens), ""
    for layer in range(facts["block_count"]):
        name = f"blk.{layer}"
        gain = weights(f"{name}.attn_norm")
        normed, x = _add_and_norm(g, x, branch, gain, epsilon)
        qkv = g.linear(normed, weights(*(f"{name}.attn_{part}" for part in "qkv")))
        attended = g.attention(layer, qkv, heads, shared, size, *rope)
        branch = g.linear(attended, weights(f"{name}.attn_output"))
        normed, x = _add_and_norm(g, x, branch, weights(f"{name}.ffn_norm"), epsilon)
        both = g.linear(normed, weights(f"{name}.ffn_gate", f"{name}.ffn_up"))
        halves = f"gate_{layer}", f"up_{layer}"
        gate, up = g.ops("Split", [both], halves, axis=-1, num_outputs=2)
        gated = g.op("Mul", g.op("QuickGelu", gate, alpha=1.0), up)  # x · sigmoid(x) is SiLU
        branch = g.linear(gated, weights(f"{name}.ffn_down"), block=WIDE_BLOCK)
    normed, _ = _add_and_norm(g, x, branch, weights("output_norm"), epsilon)
    own = "output.weight" in file.tensors  # else the embeddings serve both ends
    g.end(normed, weights("output") if own else table, tied=not own)
    g.save(path)


def _add_and_norm(
    g: LanguageGraph, x: str, branch: str, gain: npt.NDArray[np.float32], epsilon: float
) -> tuple[str, str]:
    """(the root mean square norm of x + branch, x + branch)."""
    scale = g.constant(gain, "gain")
    if not branch:  # onnxruntime fuses these when it opens the graph
        square = g.op("ReduceMean", g.op("Mul", x, x), g.constant(np.array([-1])), keepdims=1)
        root = g.op("Sqrt", g.op("Add", square, g.constant(np.float32(epsilon))))
        return g.op("Mul", g.op("Div", x, root), scale), x
    names = f"{branch}.normed", "", "", f"{branch}.sum"
    normed, _, _, total = g.ops(
        "SkipSimplifiedLayerNormalization", [x, branch, scale], names, epsilon=epsilon
    )
    return normed, total


def _rope(g: LanguageGraph, context: int, size: int, base: float) -> tuple[str, str]:
    """Cosines and sines [context, size / 2] of the rotations that tell a token's place."""
    speeds = base ** (-np.arange(0, size, 2) / size)
    angles = np.outer(np.arange(context), speeds)
    cosines, sines = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    return g.constant(cosines, "cosines"), g.constant(sines, "sines")
