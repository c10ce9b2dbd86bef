"""Open an ONNX graph on a provider, prove that it really runs there, and run it."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model_zoo.errors import BadInput, DeviceLost, ProviderUnavailable, brief
from model_zoo.runtime.activity import RUN
from model_zoo.runtime.providers import (
    EXECUTION_PROVIDERS,
    LOST,
    PLUGINS,
    Workers,
    offers,
    plugin_device,
)
from model_zoo.trace import Ran

if TYPE_CHECKING:
    import onnxruntime

# Longer than between two operators that share their work. onnxruntime's default is no faster on
# an idle machine, and takes a token loop half its speed where another program wants a core.
SPIN_MICROSECONDS = "10"


class Session:
    """One open graph: `session(image=array)` gives its outputs in the graph's order.

    `workers`: its threads; those that spin while they wait for each other are for graphs of
    hundreds of short operators, of which no two may run at once. `size`: bytes of the graph;
    `open_ms`: how long opening it took. Raises ProviderUnavailable where the provider does not
    start. `spare`: gives the session that takes over where its device fails in the middle.
    onnxruntime's `run` may be called from several threads at once, so a session is shared freely.
    """

    def __init__(
        self, path: Path, precision: str, provider: str, workers: Workers | None = None
    ) -> None:
        if provider not in EXECUTION_PROVIDERS:
            choices = ", ".join(EXECUTION_PROVIDERS)
            raise BadInput("There is no provider {}: choose one of {}.", brief(provider), choices)
        self.path, self.ran = path, Ran(provider, precision)
        self.spare: Callable[[], Session] | None = None
        files = (path, path.with_suffix(".data"))  # the weights that are too large for the graph
        self.size = sum(file.stat().st_size for file in files if file.exists())
        start = time.perf_counter()
        self._session = _open(path, precision, provider, workers or Workers())
        self.open_ms = (time.perf_counter() - start) * 1000

    def noted(self, note: str) -> Session:
        """The same open graph under a note on where it runs; its size counts once."""
        same = copy(self)
        same.ran, same.size = replace(self.ran, note=note), 0
        return same

    def __call__(self, **feeds: npt.NDArray[Any]) -> Sequence[npt.NDArray[Any]]:
        try:
            with RUN:
                outputs: Sequence[npt.NDArray[Any]] = self._session.run(None, feeds)
            return outputs
        except Exception as error:
            if self.spare is None or not self._is_lost(error):
                raise
            spare = self.spare()
            kinds = spare.inputs
            return spare(**{name: _cast(array, kinds[name][0]) for name, array in feeds.items()})

    def binding(self) -> Any:
        """A fresh onnxruntime IOBinding, for loops that keep their buffers between runs."""
        return self._session.io_binding()

    def run(self, binding: Any) -> None:
        """Run with the inputs and outputs that are bound.

        Raises DeviceLost where the device fails, and what is bound there with it.
        """
        try:
            with RUN:
                self._session.run_with_iobinding(binding)
        except Exception as error:
            if self.spare is None or not self._is_lost(error):
                raise
            raise DeviceLost("{} failed in the middle of an answer.", self.ran.provider) from error

    def _is_lost(self, error: Exception) -> bool:
        """Whether it is the device that failed, and not what it was given; notes what is lost."""
        if self.ran.provider in ("cpu", "openvino") or type(error).__name__ == "InvalidArgument":
            return False
        if self.ran.provider not in LOST:
            LOST[self.ran.provider] = str(error)
            warnings.warn(f"{self.ran.provider} failed, the CPU takes over: {error}", stacklevel=3)
        return True

    def assignment(self) -> list[tuple[str, int]]:
        """onnxruntime's name of each provider that has a share of the graph, and its operators."""
        shares = self._session.get_provider_graph_assignment_info()
        return [(share.ep_name, len(share.get_nodes())) for share in shares]

    @property
    def inputs(self) -> dict[str, tuple[str, list[int | str]]]:
        """Input name to (type, shape), symbolic dimensions by name."""
        return {x.name: (x.type, list(x.shape)) for x in self._session.get_inputs()}

    @property
    def outputs(self) -> dict[str, tuple[str, list[int | str]]]:
        """Output name to (type, shape), symbolic dimensions by name."""
        return {x.name: (x.type, list(x.shape)) for x in self._session.get_outputs()}


def _cast(array: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    floats = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    return array.astype(floats[kind], copy=False) if kind in floats else array


@cache
def device_memory(provider: str) -> Any | None:
    """onnxruntime's description of a GPU's memory, None for a provider that reads the CPU's."""
    import onnxruntime

    if provider in ("webgpu", "mlx"):
        device = plugin_device(provider)
        assert device is not None
        return device.memory_info(onnxruntime.OrtDeviceMemoryType.DEFAULT)
    return None


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: npt.NDArray[np.float32] = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities


def _open(
    path: Path, precision: str, provider: str, workers: Workers
) -> onnxruntime.InferenceSession:
    import onnxruntime

    if not (offer := offers()[provider]).ready:
        raise ProviderUnavailable("{} is not available here: {}.", provider, offer.reason)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = workers.threads
    options.log_severity_level = 3  # errors; what a person should know is said by us
    # Threads that spin after a run halve the speed of the next model on the same cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(workers.spin)))
    if workers.spin:
        options.add_session_config_entry("session.intra_op.spin_duration_us", SPIN_MICROSECONDS)
        options.add_session_config_entry("session.dynamic_block_base", "4")  # even shares
    chosen: list[Any] = []
    name = EXECUTION_PROVIDERS[provider]
    if provider in PLUGINS and (device := plugin_device(provider)) is not None:
        name = device.ep_name  # that of whoever registered the plugin
        asked = _openvino_options(precision, workers.threads) if provider == "openvino" else {}
        options.add_provider_for_devices([device], asked)
    else:
        if provider == "cuda":
            _preload_cuda()
        chosen = list(dict.fromkeys([name, EXECUTION_PROVIDERS["cpu"]]))
    if provider != "cpu":
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=chosen or None)
    except Exception as error:  # onnxruntime's error classes share no public base
        if provider == "cpu":
            raise
        raise ProviderUnavailable("{} did not start: {}", provider, error) from error
    if provider != "cpu" and not _runs_on(session, name):
        raise ProviderUnavailable("{} took no part of the graph.", provider)
    return session


def _openvino_options(precision: str, threads: int) -> dict[str, str]:
    # OpenVINO would run a float32 graph in bfloat16 where the processor can: fp32 means fp32.
    hint = {"fp32": "f32", "int8": "f32", "fp16": "f16", "bf16": "bf16"}[precision]
    config = {"CPU": {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads}}
    return {"load_config": json.dumps(config)}


def _runs_on(session: onnxruntime.InferenceSession, execution_provider: str) -> bool:
    """True where onnxruntime's own record assigns at least one part of the graph to it."""
    assigned = session.get_provider_graph_assignment_info()
    return any(part.ep_name == execution_provider for part in assigned)


@cache
def _preload_cuda() -> None:
    import onnxruntime

    # Finds CUDA and cuDNN in the wheels of the [gpu] extra, where the system has none.
    onnxruntime.preload_dlls()
