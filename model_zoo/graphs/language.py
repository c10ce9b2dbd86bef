"""What the language models' graphs share: tokens and a bound cache in, the next token's logits out.

Inputs: tokens int64 [batch, new]; wanted int64 [wanted], places among the new ones; last_index
int32 [batch] and total_length int32, the place of the last token and the number of all;
past_key_I and past_value_I [batch, heads, capacity, size], which are the present_… outputs too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from model_zoo.graphs.builder import INT8_STEPS, Graph

ZERO = 128  # what MatMulNBits takes for zero in 8 bits
BLOCK = 64  # weights of a row, and activations, that share a scale
TABLE_BLOCK = 32  # of the embeddings, as GGUF has them: their rounding goes through every layer


class LanguageGraph(Graph):
    """A graph whose products are for one row or a few: in int8 there is one scale a block.

    One scale for all activations of a row, which `Graph.linear` has and which many rows need to
    be fast, costs these models several percent of perplexity; one a block costs half a percent.
    """

    def __init__(self, name: str, precision: str, block: int = BLOCK) -> None:
        super().__init__(name, precision)
        self.block = block

    def begin(self) -> str:
        """Declare what every language model is given, and name the tokens."""
        self.wanted = self.input("wanted", np.int64, ["wanted"])
        self.last = self.input("last_index", np.int32, ["batch"])
        self.total = self.input("total_length", np.int32, [])
        return self.input("tokens", np.int64, ["batch", "new"])

    def linear(
        self,
        x: str,
        weight: npt.NDArray[Any],
        bias: npt.NDArray[Any] | None = None,
        block: int = 0,
    ) -> str:
        """x [..., in] times weight [out, in], transposed, plus bias [out]; block 0: the graph's."""
        if self.precision != "int8":
            return super().linear(x, weight, bias)
        block = block or self.block
        quantised, scale = in_blocks(weight, block)
        inputs = [x, self.initializer(quantised, "weight"), self.constant(scale, "scale")]
        if bias is not None:
            inputs += ["", "", self.constant(bias, "bias")]
        rows, width = weight.shape
        return self.op(
            "MatMulNBits", *inputs, N=rows, K=width, bits=8, block_size=block, accuracy_level=4
        )

    def embed(self, table: npt.NDArray[Any], tokens: str) -> str:
        """Rows of table [vocabulary, width] for tokens [batch, new]."""
        if self.precision != "int8":
            return super().embed(table, tokens)
        quantised, scale = in_blocks(table, TABLE_BLOCK)
        rows = self.initializer(quantised.reshape(table.shape), "embeddings")
        return self.op(
            "GatherBlockQuantized", rows, tokens, self.constant(scale, "scale"),
            gather_axis=0, quantize_axis=1, block_size=TABLE_BLOCK, bits=8,
        )  # fmt: skip

    def unembed(self, x: str, table: npt.NDArray[Any], out: str) -> None:
        """x [batch, wanted, width] times the embeddings, as float32 logits."""
        if self.precision != "int8":
            super().unembed(x, table, out)
            return
        self.op("Cast", self.linear(x, table), to=onnx.TensorProto.FLOAT, out=out)

    def attention(
        self, layer: int, qkv: str, heads: int, shared: int, size: int, *rope: str
    ) -> str:
        """Attend to all tokens so far; qkv [batch, new, (heads + 2 · shared) · size].

        `shared`: heads of keys and values. `rope`: cosines and sines where places are rotations.
        """
        shape = ("batch", shared, "capacity", size)
        pasts = [self.input(f"past_{kind}_{layer}", self.float, shape) for kind in ("key", "value")]
        presents = [past.replace("past", "present") for past in pasts]
        for present in presents:
            self.output(present, self.float, shape)
        # GGUF keeps the halves of a rotation side by side, as the authors of RoPE do.
        rotary = {"do_rotary": 1, "rotary_interleaved": 1} if rope else {}
        inputs = [qkv, "", "", *pasts, self.last, self.total, *rope]
        return self.ops(
            "GroupQueryAttention", inputs, [f"attended_{layer}", *presents],
            num_heads=heads, kv_num_heads=shared, **rotary,
        )[0]  # fmt: skip

    def end(self, x: str, table: npt.NDArray[Any], tied: bool = True) -> None:
        """The logits float32 [batch, wanted, vocabulary]: only for the wanted of the new tokens.

        `tied`: the table is the one that the tokens were looked up in.
        """
        x = self.op("Gather", x, self.wanted, axis=1)
        if tied:
            self.unembed(x, table, "logits")
        else:
            self.op("Cast", self.linear(x, table), to=onnx.TensorProto.FLOAT, out="logits")
        self.output("logits", np.float32, ["batch", "wanted", len(table)])


def in_blocks(
    weight: npt.NDArray[Any], block: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """weight [out, in] as 8 bits around 128 [out, blocks, block], and the scales [out, blocks].

    The last block is filled up with zeros.
    """
    rows, width = weight.shape
    padded = np.zeros((rows, -(-width // block) * block), np.float32)
    padded[:, :width] = weight
    blocks = padded.reshape(rows, -1, block)
    scale = np.abs(blocks).max(axis=2) / np.float32(INT8_STEPS)
    scale[scale == 0] = 1  # a block of zeros stays one
    return (np.rint(blocks / scale[..., None]) + ZERO).astype(np.uint8), scale
