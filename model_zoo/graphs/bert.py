"""BERT as a classifier of texts: a base and an adapter in, one graph from tokens to logits out.

Written in ONNX's own operators: onnxruntime fuses them as well as its own would be (measured: its
BiasGelu and SkipLayerNormalization were slower than what they replace), and OpenVINO knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from safetensors.numpy import load_file

from model_zoo.graphs.builder import Graph

HEADS = 12  # of 32 numbers each, in MiniLM
EPSILON = 1e-12  # under the root of every layer norm, as BERT has it
ABSENT = -1e4  # added to the attention scores of padding; half precision holds it
ADAPTER = ".adapter.safetensors"  # how the adapter's file name ends
SEEN = ".seen"  # behind a product's name, in the adapter: the range [2, in] of what it is given
QKV = "attention.self"  # one product makes queries, keys and values

Weights = Mapping[str, npt.NDArray[Any]]


def build(weights: Mapping[str, Path], part: str, precision: str, path: Path) -> None:
    """Write the graph of `model.safetensors` with the adapter beside it merged in."""
    adapter = next(file for name, file in weights.items() if name.endswith(ADAPTER))
    classifier(merge(load_file(weights["model.safetensors"]), load_file(adapter)), precision, path)


def merge(base: Weights, adapter: Weights) -> dict[str, npt.NDArray[Any]]:
    """The base's matrices plus the adapter's low-rank products B A, and its head beside them.

    For `NAME.weight` [out, in] the adapter has `NAME.lora_A` [rank, in] and `NAME.lora_B` [out,
    rank], their scale inside; what is no such pair is taken as it is. `NAME.seen` [2, in] is the
    least and greatest that was seen of what the product NAME is given, for int8.
    """
    merged = dict(base)
    for name, array in adapter.items():
        stem, _, kind = name.rpartition(".")
        if kind == "lora_A":
            change = adapter[f"{stem}.lora_B"].astype(np.float32) @ array.astype(np.float32)
            merged[f"{stem}.weight"] = base[f"{stem}.weight"] + change
        elif kind != "lora_B":
            merged[name] = array.astype(np.float32)
    return merged


def classifier(w: Weights, precision: str, path: Path, heads: int = HEADS) -> None:
    """Write a graph from `tokens` and `mask` (1 where there is a token, else 0), int64 [batch,
    length], to `logits`, float32 [batch, classes].
    """
    g = Graph("bert", precision)
    tokens = g.input("tokens", np.int64, ["batch", "length"])
    mask = g.op("Cast", g.input("mask", np.int64, ["batch", "length"]), to=_type(g))
    bias = g.op("Mul", g.op("Sub", g.constant(1.0), mask), g.constant(ABSENT))
    bias = _unsqueeze(g, bias, 1, 2)  # [batch, head, query, key]
    x = _embed(g, w, tokens)
    for layer in range(len({name.split(".")[2] for name in w if ".layer." in name})):
        name = f"encoder.layer.{layer}."
        x = _add_norm(g, w, f"{name}attention.output.", _attend(g, w, name, x, bias, heads), x)
        inner = g.op("Gelu", _linear(g, w, f"{name}intermediate.dense", x))
        x = _add_norm(g, w, f"{name}output.", inner, x)
    head = map(g.constant, _dense(w, "head"))  # never quantised: it costs nothing
    logits = g.op("Gemm", _mean(g, x, _unsqueeze(g, mask, 2)), *head, transB=1)
    g.op("Cast", logits, out="logits", to=TensorProto.FLOAT)
    g.output("logits", np.float32, ["batch", len(w["head.bias"])])
    g.save(path)


def _embed(g: Graph, w: Weights, tokens: str) -> str:
    """Words plus positions, whose table also holds the one type of segment that there is."""
    name = "embeddings."
    table = w[f"{name}position_embeddings.weight"] + w[f"{name}token_type_embeddings.weight"][0]
    start, axis = g.constant([0], "start"), g.constant([0], "axis")
    length = g.op("Shape", tokens, start=1, end=2)
    positions = g.op("Slice", g.constant(table, "positions"), start, length, axis)
    words = g.embed(w[f"{name}word_embeddings.weight"], tokens)
    return _norm(g, w, f"{name}LayerNorm", g.op("Add", words, positions))


def _attend(g: Graph, w: Weights, name: str, x: str, bias: str, heads: int) -> str:
    """Every head's mixture of values [batch, length, width]; one product makes Q, K and V."""
    query, key, value = (_dense(w, f"{name}attention.self.{k}") for k in ("query", "key", "value"))
    scale = np.float32((len(query[1]) // heads) ** -0.5)
    query = query[0] * scale, query[1] * scale  # here it costs nothing
    matrix, offset = map(np.concatenate, zip(query, key, value, strict=True))
    stacked = g.calibrated(x, matrix, offset, w.get(f"{name}{QKV}{SEEN}"))
    apart = g.op("Transpose", g.reshape(stacked, 0, 0, 3, heads, -1), perm=(2, 0, 3, 1, 4))
    q, k, v = (g.op("Gather", apart, g.constant(i, "which"), axis=0) for i in range(3))
    scores = g.op("Add", g.op("MatMul", q, g.op("Transpose", k, perm=(0, 1, 3, 2))), bias)
    mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
    return g.reshape(g.op("Transpose", mixed, perm=(0, 2, 1, 3)), 0, 0, -1)


def _add_norm(g: Graph, w: Weights, name: str, made: str, x: str) -> str:
    """What a block made, through its last product, added to what came in."""
    added = g.op("Add", _linear(g, w, f"{name}dense", made), x)
    return _norm(g, w, f"{name}LayerNorm", added)


def _linear(g: Graph, w: Weights, name: str, x: str) -> str:
    return g.calibrated(x, *_dense(w, name), w.get(f"{name}{SEEN}"))


def _norm(g: Graph, w: Weights, name: str, x: str) -> str:
    return g.layer_norm(x, *_dense(w, name), EPSILON)


def _mean(g: Graph, x: str, mask: str) -> str:
    """Mean [batch, width] of the tokens that are there; mask [batch, length, 1]."""
    axes = g.constant([1], "axes")
    total = g.op("ReduceSum", g.op("Mul", x, mask), axes, keepdims=0)
    return g.op("Div", total, g.op("ReduceSum", mask, axes, keepdims=0))


def _dense(w: Weights, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return w[f"{name}.weight"], w[f"{name}.bias"]


def _unsqueeze(g: Graph, x: str, *axes: int) -> str:
    return g.op("Unsqueeze", x, g.constant(list(axes), "axes"))


def _type(g: Graph) -> int:
    return TensorProto.FLOAT16 if g.precision == "fp16" else TensorProto.FLOAT
