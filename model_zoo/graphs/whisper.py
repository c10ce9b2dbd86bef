"""Whisper's graphs: an encoder that ends in every layer's cross K and V, a decoder with its cache,
and an aligner that shows which frames each token listened to.

Source: "Robust Speech Recognition via Large-Scale Weak Supervision", Radford et al. 2022.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper

from model_zoo.graphs import ctranslate2
from model_zoo.graphs.builder import Graph

EPSILON = 1e-5  # of every layer norm
FRAMES = "frames"  # of 20 ms, after the second convolution has halved the mel frames

Weights = Mapping[str, npt.NDArray[np.generic]]


def build(
    model: Path, part: str, precision: str, path: Path, heads: Sequence[tuple[int, int]]
) -> None:
    """Write one part, "encoder", "decoder" or "aligner", from CTranslate2's `model.bin`.

    `heads`: (layer, head) of the cross attentions that follow the words, for the aligner.
    """
    weights = ctranslate2.read(model)
    graph = Graph(f"whisper {part}", precision)
    if part == "encoder":
        _encoder(graph, weights)
    else:
        _decoder(graph, weights, heads if part == "aligner" else ())
    graph.save(path)


def _encoder(g: Graph, weights: Weights) -> None:
    """mel [batch, 80, 2 · frames] to cross_key_I [batch, heads, size, frames] and cross_value_I."""
    count = int(weights["encoder/num_heads"])
    mels = weights["encoder/conv1/weight"].shape[1]
    x = g.input("mel", g.float, ["batch", mels, "mel_frames"])
    for name, stride in (("conv1", 1), ("conv2", 2)):
        kernel = g.constant(weights[f"encoder/{name}/weight"], name)
        bias = g.constant(weights[f"encoder/{name}/bias"], "bias")
        x = _gelu(g, g.op("Conv", x, kernel, bias, pads=(1, 1), strides=(stride,)))
    x = g.op("Transpose", x, perm=(0, 2, 1))
    positions = g.constant(weights["encoder/position_encodings/encodings"], "positions")
    length = g.op("Shape", x, start=1, end=2)
    start, axis = g.constant(np.array([0])), g.constant(np.array([0]))
    x = g.op("Add", x, g.op("Slice", positions, start, length, axis))
    for layer in _layers(weights, "encoder"):
        name = f"encoder/layer_{layer}"
        normed = _norm(g, weights, f"{name}/self_attention/layer_norm", x)
        x = g.op("Add", x, _self_attention(g, weights, f"{name}/self_attention", normed, count))
        x = _feed_forward(g, weights, f"{name}/ffn", x)
    x = _norm(g, weights, "encoder/layer_norm", x)
    for layer in _layers(weights, "decoder"):
        name = f"decoder/layer_{layer}/attention/linear_1"
        key, value = np.split(weights[f"{name}/weight"], 2)
        key_bias, value_bias = np.split(weights[f"{name}/bias"], 2)
        size = len(key) // count
        keys = g.reshape(g.linear(x, key, key_bias), 0, 0, count, size)
        g.op("Transpose", keys, perm=(0, 2, 3, 1), out=f"cross_key_{layer}")
        values = g.reshape(g.linear(x, value, value_bias), 0, 0, count, size)
        g.op("Transpose", values, perm=(0, 2, 1, 3), out=f"cross_value_{layer}")
        g.output(f"cross_key_{layer}", g.float, ["batch", count, size, FRAMES])
        g.output(f"cross_value_{layer}", g.float, ["batch", count, FRAMES, size])


def _decoder(g: Graph, weights: Weights, heads: Sequence[tuple[int, int]]) -> None:
    """tokens [batch, n] to logits [batch, wanted, vocabulary], the cache written in place.

    With `heads`, an aligner: no cache and no logits, but `attention` [batch, heads, n, frames].
    """
    count = int(weights["decoder/num_heads"])
    embeddings = weights["decoder/embeddings/weight"]
    width = embeddings.shape[1]
    size = width // count
    tokens = g.input("tokens", np.int64, ["batch", "n"])
    positions = g.input("positions", np.int64, ["n"])
    if not heads:
        wanted = g.input("wanted", np.int64, ["wanted"])
        lengths = [
            g.input("last_index", np.int32, ["batch"]), g.input("total_length", np.int32, []),
        ]  # fmt: skip
    x = g.embed(embeddings, tokens)
    places = g.constant(weights["decoder/position_encodings/encodings"], "positions")
    x = g.op("Add", x, g.op("Gather", places, positions))
    listened = []
    deepest = max((layer for layer, _ in heads), default=None)
    for layer in _layers(weights, "decoder"):
        name = f"decoder/layer_{layer}"
        normed = _norm(g, weights, f"{name}/self_attention/layer_norm", x)
        if heads:
            attended = _self_attention(
                g, weights, f"{name}/self_attention", normed, count, causal=True
            )
        else:
            packed = _linear(g, weights, f"{name}/self_attention/linear_0", normed)
            shape = ["batch", count, "capacity", size]
            past = [g.input(f"past_{kind}_{layer}", g.float, shape) for kind in ("key", "value")]
            present = [f"present_{kind}_{layer}" for kind in ("key", "value")]
            attended, *_ = g.ops(
                "GroupQueryAttention", (packed, "", "", *past, *lengths),
                (f"attended_{layer}", *present), num_heads=count, kv_num_heads=count,
            )  # fmt: skip
            for made in present:
                g.output(made, g.float, shape)
            attended = _linear(g, weights, f"{name}/self_attention/linear_1", attended)
        x = g.op("Add", x, attended)
        key = g.input(f"cross_key_{layer}", g.float, ["batch", count, size, FRAMES])
        value = g.input(f"cross_value_{layer}", g.float, ["batch", count, FRAMES, size])
        normed = _norm(g, weights, f"{name}/attention/layer_norm", x)
        scale = size**-0.5
        query = g.heads(_linear(g, weights, f"{name}/attention/linear_0", normed, scale), count)
        attention = g.op("Softmax", g.op("MatMul", query, key), axis=-1)
        if chosen := [head for at, head in heads if at == layer]:
            index = g.constant(np.array(chosen))
            listened.append(g.op("Gather", attention, index, axis=1))
        if layer == deepest:
            break
        heard = g.op("Transpose", g.op("MatMul", attention, value), perm=(0, 2, 1, 3))
        heard = g.reshape(heard, 0, 0, -1)
        x = g.op("Add", x, _linear(g, weights, f"{name}/attention/linear_2", heard))
        x = _feed_forward(g, weights, f"{name}/ffn", x)
    if heads:
        g.op("Concat", *listened, axis=1, out="attention")
        g.output("attention", g.float, ["batch", len(heads), "n", FRAMES])
        return
    x = g.op("Gather", x, wanted, axis=1)
    g.unembed(_norm(g, weights, "decoder/layer_norm", x), embeddings, out="logits")
    g.output("logits", np.float32, ["batch", "wanted", len(embeddings)])


def _self_attention(
    g: Graph, weights: Weights, name: str, x: str, count: int, causal: bool = False
) -> str:
    """Attention of all to all, or with `causal` of each to those before it; no cache."""
    width = weights[f"{name}/linear_1/weight"].shape[1]
    scale = (width // count) ** -0.5
    # The scale goes into the query's weights: one operator less over the largest array.
    parts = zip(
        np.split(_exact(weights, f"{name}/linear_0/weight"), 3),
        np.split(_exact(weights, f"{name}/linear_0/bias"), 3),
        (scale, 1.0, 1.0),
        strict=True,
    )
    q, k, v = (g.heads(g.linear(x, weight * by, bias * by), count) for weight, bias, by in parts)
    scores = g.op("MatMul", q, g.op("Transpose", k, perm=(0, 1, 3, 2)))
    if causal:
        length = g.op("Shape", x, start=1, end=2)
        square = g.op("Concat", length, length, axis=0)
        never = numpy_helper.from_array(np.array([-1e4], g.float))
        masked = g.op("ConstantOfShape", square, value=never)
        scores = g.op("Add", scores, g.op("Trilu", masked, g.constant(np.array(1)), upper=1))
    mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
    mixed = g.reshape(g.op("Transpose", mixed, perm=(0, 2, 1, 3)), 0, 0, -1)
    return _linear(g, weights, f"{name}/linear_1", mixed)


def _feed_forward(g: Graph, weights: Weights, name: str, x: str) -> str:
    hidden = _linear(g, weights, f"{name}/linear_0", _norm(g, weights, f"{name}/layer_norm", x))
    return g.op("Add", x, _linear(g, weights, f"{name}/linear_1", _gelu(g, hidden)))


def _linear(g: Graph, weights: Weights, name: str, x: str, scale: float = 1.0) -> str:
    weight, bias = _exact(weights, f"{name}/weight"), _exact(weights, f"{name}/bias")
    return g.linear(x, weight * scale, bias * scale)


def _exact(weights: Weights, name: str) -> npt.NDArray[np.float32]:
    return weights[name].astype(np.float32)


def _norm(g: Graph, weights: Weights, name: str, x: str) -> str:
    return g.layer_norm(x, weights[f"{name}/gamma"], weights[f"{name}/beta"], EPSILON)


def _gelu(g: Graph, x: str) -> str:
    return g.op("Gelu", x)


def _layers(weights: Weights, side: str) -> range:
    ends = "/ffn/linear_0/weight"  # each layer has one
    return range(sum(name.startswith(f"{side}/") and name.endswith(ends) for name in weights))
