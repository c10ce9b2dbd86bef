"""openai-whisper's own module with the very tensors that our graphs are built from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from whisper import _ALIGNMENT_HEADS
from whisper.model import ModelDimensions, Whisper

from model_zoo.graphs import ctranslate2
from model_zoo.spec import ModelSpec
from model_zoo.weights.store import weights_of

State = dict[str, torch.Tensor]
ATTENTION = ("query", "key", "value")


def load(spec: ModelSpec) -> Whisper:
    """The original in float32, its alignment heads set; ValueError where a tensor has no place."""
    files = weights_of(spec)
    tensors = {
        name: torch.from_numpy(np.array(array, np.float32))
        for name, array in ctranslate2.read(files["model.bin"]).items()
    }
    state = dict(_stem(tensors))
    layers = range(sum(n.startswith("encoder/") and "ffn/linear_0/weight" in n for n in tensors))
    for side in ("encoder", "decoder"):
        for layer in layers:
            state |= _block(tensors, f"{side}/layer_{layer}", f"{side}.blocks.{layer}")
    vocabulary, width = state["decoder.token_embedding.weight"].shape
    heads = int(tensors["encoder/num_heads"])
    mels = state["encoder.conv1.weight"].shape[1]
    shape = (width, heads, len(layers))
    model = Whisper(ModelDimensions(mels, 1500, *shape, vocabulary, 448, *shape))
    model.load_state_dict(state)
    model.set_alignment_heads(_ALIGNMENT_HEADS[spec.name.removeprefix("whisper-")])
    return model.eval()


def _stem(tensors: Mapping[str, torch.Tensor]) -> State:
    names = {
        "encoder.positional_embedding": "encoder/position_encodings/encodings",
        "decoder.positional_embedding": "decoder/position_encodings/encodings",
        "decoder.token_embedding.weight": "decoder/embeddings/weight",
    }
    for conv in ("conv1", "conv2"):
        for part in ("weight", "bias"):
            names[f"encoder.{conv}.{part}"] = f"encoder/{conv}/{part}"
    state = {ours: tensors[theirs] for ours, theirs in names.items()}
    state |= _norm(tensors, "encoder/layer_norm", "encoder.ln_post")
    return state | _norm(tensors, "decoder/layer_norm", "decoder.ln")


def _block(tensors: Mapping[str, torch.Tensor], theirs: str, ours: str) -> State:
    state = _norm(tensors, f"{theirs}/self_attention/layer_norm", f"{ours}.attn_ln")
    state |= _linears(tensors, f"{theirs}/self_attention/linear_0", f"{ours}.attn", ATTENTION)
    state |= _linears(tensors, f"{theirs}/self_attention/linear_1", f"{ours}.attn", ("out",))
    if theirs.startswith("decoder"):
        cross = f"{ours}.cross_attn"
        state |= _norm(tensors, f"{theirs}/attention/layer_norm", f"{ours}.cross_attn_ln")
        state |= _linears(tensors, f"{theirs}/attention/linear_0", cross, ATTENTION[:1])
        state |= _linears(tensors, f"{theirs}/attention/linear_1", cross, ATTENTION[1:])
        state |= _linears(tensors, f"{theirs}/attention/linear_2", cross, ("out",))
    state |= _norm(tensors, f"{theirs}/ffn/layer_norm", f"{ours}.mlp_ln")
    state |= _linears(tensors, f"{theirs}/ffn/linear_0", f"{ours}.mlp", ("0",))
    return state | _linears(tensors, f"{theirs}/ffn/linear_1", f"{ours}.mlp", ("2",))


def _linears(
    tensors: Mapping[str, torch.Tensor], theirs: str, ours: str, parts: tuple[str, ...]
) -> State:
    """The products stacked in one tensor; the original's keys have no bias."""
    state = {}
    for kind in ("weight", "bias"):
        pieces = tensors[f"{theirs}/{kind}"].chunk(len(parts))
        for part, piece in zip(parts, pieces, strict=True):
            if (part, kind) != ("key", "bias"):
                state[f"{ours}.{part}.{kind}"] = piece
    return state


def _norm(tensors: Mapping[str, torch.Tensor], theirs: str, ours: str) -> State:
    parts = {"weight": "gamma", "bias": "beta"}
    return {f"{ours}.{part}": tensors[f"{theirs}/{name}"] for part, name in parts.items()}
