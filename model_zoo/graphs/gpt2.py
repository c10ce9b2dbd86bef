"""GPT-2's graph from the publisher's `model.safetensors`.

Source: "Language Models are Unsupervised Multitask Learners", Radford et al. 2019.
"""

from __future__ import annotations

import json
import mmap
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model_zoo.graphs.language import LanguageGraph

EPSILON = 1e-5  # of every layer norm
HEAD_SIZE = 64  # in every GPT-2
BLOCK = 128

Weights = dict[str, npt.NDArray[np.float32]]


def build(model: Path, precision: str, path: Path, heads: int | None = None) -> None:
    """Write the graph; `heads` where their size is not 64."""
    weights = read(model)
    width = weights["wpe.weight"].shape[1]
    heads = heads or width // HEAD_SIZE
    g = LanguageGraph("gpt2", precision, BLOCK)
    tokens = g.begin()
    positions = g.input("positions", np.int64, ["new"])
    place = g.op("Gather", g.constant(weights["wpe.weight"], "places"), positions)
    x = g.op("Add", g.embed(weights["wte.weight"], tokens), place)
    branch: tuple[str, str] | None = None

    def linear(x: str, name: str, bias: bool = True) -> str:
        """The publisher keeps weights as [in, out]."""
        weight = weights[f"{name}.weight"].T
        return g.linear(x, weight, weights[f"{name}.bias"] if bias else None)

    def norm(name: str, out: str) -> tuple[str, str]:
        """(the layer norm of x and what the last branch adds to it, their sum)."""
        gain, bias = (g.constant(weights[f"{name}.{part}"], part) for part in ("weight", "bias"))
        if branch is None:
            return g.op("LayerNormalization", x, gain, bias, axis=-1, epsilon=EPSILON), x
        added, last = branch
        inputs = [x, added, gain, bias, g.constant(weights[f"{last}.bias"], "bias")]
        outputs = f"{out}.normed", "", "", f"{out}.sum"
        made = g.ops("SkipLayerNormalization", inputs, outputs, epsilon=EPSILON)
        return made[0], made[3]

    for layer in range(sum(name.endswith(".ln_1.weight") for name in weights)):
        name = f"h.{layer}"
        normed, x = norm(f"{name}.ln_1", f"attention_{layer}")
        qkv = linear(normed, f"{name}.attn.c_attn")
        attended = g.attention(layer, qkv, heads, heads, width // heads)
        branch = linear(attended, f"{name}.attn.c_proj", bias=False), f"{name}.attn.c_proj"
        normed, x = norm(f"{name}.ln_2", f"feed_forward_{layer}")
        wide = linear(normed, f"{name}.mlp.c_fc", bias=False)
        bias = g.constant(weights[f"{name}.mlp.c_fc.bias"], "bias")
        branch = (
            linear(g.op("FastGelu", wide, bias), f"{name}.mlp.c_proj", bias=False),
            f"{name}.mlp.c_proj",
        )
    normed, _ = norm("ln_f", "last")
    g.end(normed, weights["wte.weight"])
    g.save(path)


def read(path: Path) -> Weights:
    """Name to float32 array of a safetensors file, its `transformer.` prefix left out.

    The format: a u64 with the length of a JSON header, the header, the raw data.
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, facts in header.items():
        if name == "__metadata__" or not name.endswith((".weight", ".bias")):
            continue
        kind = {"F32": "<f4", "F16": "<f2"}[facts["dtype"]]
        if ".attn.bias" in name:  # the causal mask, in old files
            continue
        start, end = facts["data_offsets"]
        flat = np.frombuffer(
            data, kind, (end - start) // np.dtype(kind).itemsize, 8 + length + start
        )
        array = flat.reshape(facts["shape"]).astype(np.float32, copy=False)
        found[name.removeprefix("transformer.")] = array
    return found
