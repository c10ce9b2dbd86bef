"""The token loop's engine: a decoder graph with its keys and values bound, never copied.

One graph serves prompt and step. Per layer it has inputs `past_key_I`, `past_value_I` and outputs
`present_key_I`, `present_value_I`, which here are one buffer: GroupQueryAttention reads what is
there and writes the new tokens behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model_zoo.runtime.session import Session, device_memory

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


def place_loop(precision: str, provider: str) -> tuple[str, str]:
    """The pair that a token loop runs at: on the GPU where it can keep its cache there, else on
    the CPU.

    CUDA's GroupQueryAttention knows half precision only; OpenVINO was no faster, and elsewhere
    nobody has seen that the cache stays where it is.
    """
    if (precision, provider) == ("fp16", "cuda") or provider == "webgpu":
        return precision, provider
    return "int8" if precision == "bf16" else precision, "cpu"


class Buffer:
    """Memory that a graph reads and writes where it runs: an array, or a place on the GPU."""

    def __init__(self, array: npt.NDArray[Any], provider: str) -> None:
        import onnxruntime

        make, memory = onnxruntime.OrtValue.ortvalue_from_numpy, device_memory(provider)
        self._array = None if memory or provider == "cuda" else array
        if memory is None:
            self.value = make(array, "cuda" if provider == "cuda" else "cpu", 0)
            return
        self.value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
            array.shape, array.dtype.type, memory_info=memory
        )
        self.write(array)

    def read(self) -> npt.NDArray[Any]:
        """The array itself, or a copy of what is on the GPU."""
        return self.value.numpy() if self._array is None else self._array

    def write(self, array: npt.NDArray[Any]) -> None:
        """Put back what `read` gave and the caller changed."""
        import onnxruntime

        if self._array is None:
            value = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
            onnxruntime.copy_tensors([value], [self.value])


class Decoder:
    """`decoder(tokens)` gives the logits of the last position and goes on where it stood.

    `capacity`: tokens that the cache has room for. `constants`: inputs that stay as they are (an
    encoder's keys and values). Not for several threads at once: one loop, one decoder.
    """

    def __init__(
        self,
        session: Session,
        batch: int,
        capacity: int,
        constants: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        import onnxruntime

        provider = session.ran.provider
        self.batch, self.capacity, self.length = batch, capacity, 0
        self._session, self._binding = session, session.binding()
        self._value = onnxruntime.OrtValue.ortvalue_from_numpy
        self.cache: list[Buffer] = []  # [batch, heads, capacity, size], two a layer
        self._bound: dict[str, npt.NDArray[Any]] = {}  # onnxruntime uses this memory as it is
        self._constants = {
            name: Buffer(array.astype(TYPES[session.inputs[name][0]], copy=False), provider)
            for name, array in (constants or {}).items()
            if name in session.inputs
        }
        self._positions = "positions" in session.inputs
        self._vocabulary = int(session.outputs["logits"][1][-1])
        self._logits = np.empty((0, 0, 0), np.float32)
        for name, (kind, shape) in session.inputs.items():
            if name.startswith("past_"):
                _, heads, _, size = shape
                empty = np.zeros((batch, int(heads), capacity, int(size)), TYPES[kind])
                self.cache.append(Buffer(empty, provider))
        self._bind_all()

    def __call__(
        self, tokens: npt.NDArray[np.int64], wanted: Sequence[int] | None = None
    ) -> npt.NDArray[np.float32]:
        """Take tokens [batch, n] in; logits [batch, len(wanted), vocabulary].

        `wanted` are indices among the new tokens, default the last one: the product with the
        vocabulary, the largest of all, is made for no other.
        """
        new = tokens.shape[1]
        total = self.length + new
        if total > self.capacity:
            raise ValueError(f"{total} tokens do not fit into a cache of {self.capacity}")
        wanted = wanted or [new - 1]
        self._bind("tokens", np.ascontiguousarray(tokens, np.int64))
        self._bind("wanted", np.array(wanted, np.int64))
        self._bind("last_index", np.full(self.batch, total - 1, np.int32))
        self._bind("total_length", np.array(total, np.int32))
        if self._positions:
            self._bind("positions", np.arange(self.length, total, dtype=np.int64))
        self._bind_logits((self.batch, len(wanted), self._vocabulary))
        self._session.run(self._binding)
        self.length = total
        return self._logits.copy()

    def rewind(self, length: int) -> None:
        """Forget everything behind the first `length` tokens; what is before stays computed."""
        self.length = length

    def reorder(self, rows: npt.NDArray[np.int64]) -> None:
        """Row i goes on from what row `rows[i]` was: for beams."""
        if not np.array_equal(rows, np.arange(self.batch)):
            for buffer in self.cache:
                array = buffer.read()
                array[:, :, : self.length] = array[rows, :, : self.length]
                buffer.write(array)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the rows only, in this order."""
        provider = self._session.ran.provider

        def kept(buffer: Buffer) -> Buffer:
            return Buffer(np.ascontiguousarray(buffer.read()[rows]), provider)

        self.cache = list(map(kept, self.cache))
        self._constants = {name: kept(buffer) for name, buffer in self._constants.items()}
        self.batch = len(rows)
        self._bind_all()

    def _bind_all(self) -> None:
        """Bind the cache, each buffer as past and as present, and the constants."""
        pasts = (name for name in self._session.inputs if name.startswith("past_"))
        for name, buffer in zip(pasts, self.cache, strict=True):
            self._binding.bind_ortvalue_input(name, buffer.value)
            self._binding.bind_ortvalue_output(name.replace("past_", "present_"), buffer.value)
        for name, buffer in self._constants.items():
            self._binding.bind_ortvalue_input(name, buffer.value)

    def _bind_logits(self, shape: tuple[int, int, int]) -> None:
        """Memory of our own: to ask the binding would wrap every cached tensor at every step."""
        if self._logits.shape != shape:
            self._logits = np.empty(shape, np.float32)
            self._binding.bind_ortvalue_output("logits", self._value(self._logits))

    def _bind(self, name: str, array: npt.NDArray[Any]) -> None:
        self._binding.bind_ortvalue_input(name, self._value(array))
        self._bound[name] = array
