"""A session runs where it says it runs, falls back with a word, and is shared by threads."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from model_zoo.cli import doctor
from model_zoo.errors import BadInput, ProviderUnavailable
from model_zoo.runtime import providers, session
from model_zoo.runtime.session import Session, softmax
from tests import tiny


def missing() -> str:
    """A provider that this machine does not have."""
    return next(name for name, offer in providers.offers().items() if not offer.ready)


@pytest.fixture
def graph(tmp_path):
    return tiny.classifier(tmp_path / "tiny.fp32.onnx")


def test_a_graph_answers_with_its_outputs_in_order(graph):
    opened = Session(graph, "fp32", "cpu")
    logits, cam = opened(image=np.full((2, 1, 4, 4), 0.5, np.float32))
    assert list(opened.outputs) == ["logits", "cam"]
    assert opened.inputs["image"][0] == "tensor(float)"
    np.testing.assert_allclose(logits, [[0, 0.5, 1.0]] * 2)
    np.testing.assert_allclose(cam.mean((2, 3)), logits)
    assert str(opened.ran) == "fp32 on the CPU"


def test_a_provider_that_takes_no_part_of_the_graph_is_found_out(graph, monkeypatch):
    """The silent fall-back of onnxruntime: the session opens, and every node is on the CPU."""
    ready = {"cuda": providers.Offer("cuda", True, "pretended")}
    monkeypatch.setattr(session, "offers", lambda: providers.offers() | ready)
    monkeypatch.setattr(session, "_preload_cuda", lambda: None)
    with pytest.raises(ProviderUnavailable, match="took no part"):
        Session(graph, "fp32", "cuda")


def test_a_provider_that_is_not_there_is_refused_with_the_reason(graph):
    with pytest.raises(ProviderUnavailable, match="is not available here: "):
        Session(graph, "fp32", missing())


def test_an_unknown_provider_is_refused_with_the_choices(graph):
    with pytest.raises(BadInput, match="cpu, openvino, cuda"):
        Session(graph, "fp32", "tpu")


def test_many_threads_share_one_session(graph):
    opened = Session(graph, "fp32", "cpu")

    def mean(value: int) -> float:
        return float(opened(image=np.full((1, 1, 8, 8), value, np.float32))[0][0, 1])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(mean, range(200))) == list(range(200))


def test_every_provider_gives_its_reason():
    for offer in providers.offers().values():
        assert offer.reason
    assert providers.ready()[0] == "cpu"


@pytest.mark.skipif(not providers.offers()["openvino"].ready, reason="no device for OpenVINO here")
def test_openvino_runs_float32_as_float32(graph):
    opened = Session(graph, "fp32", "openvino")
    assert opened.ran.provider == "openvino"
    image = np.random.default_rng(0).random((1, 1, 16, 16), dtype=np.float32)
    np.testing.assert_allclose(opened(image=image)[0][0, 2], 2 * image.mean(), rtol=1e-5)


def test_openvino_is_told_the_precision_and_the_cores():
    options = json.loads(session._openvino_options("fp32", 3)["load_config"])
    assert options["CPU"]["INFERENCE_PRECISION_HINT"] == "f32"
    assert options["CPU"]["INFERENCE_NUM_THREADS"] == 3


class Registry:
    """onnxruntime's plugins, of which somebody may have registered one already."""

    def __init__(self, name: str = "") -> None:
        self.names = {name} - {""}
        self.devices = [self.device(name)] if name else []

    def device(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(ep_name=name, ep_metadata={"ov_device": "CPU"})

    def register(self, name: str, library: str) -> None:
        if name in self.names:
            raise RuntimeError(f"EP library is already registered under {name}")
        self.names.add(name)
        self.devices.append(self.device(name))


@pytest.mark.parametrize("name", ["", providers.EXECUTION_PROVIDERS["openvino"], "mine"])
@pytest.mark.skipif(not find_spec("onnxruntime_ep_openvino"), reason="the plugin is not installed")
def test_e16_the_device_of_a_plugin_that_somebody_else_has_registered_is_used(name, monkeypatch):
    there = Registry(name)
    monkeypatch.setattr("onnxruntime.get_ep_devices", lambda: there.devices)
    monkeypatch.setattr("onnxruntime.register_execution_provider_library", there.register)
    found = providers.plugin_device.__wrapped__("openvino")
    assert [found] == there.devices
    monkeypatch.setattr(providers, "plugin_device", lambda provider: found)
    assert providers._plugin_offer("openvino").ready


@pytest.mark.skipif(not find_spec("onnxruntime_ep_openvino"), reason="the plugin is not installed")
def test_e16_a_registered_plugin_without_a_device_does_not_fail_to_load(monkeypatch):
    there = Registry("OpenVINOExecutionProvider")
    monkeypatch.setattr("onnxruntime.get_ep_devices", list)
    monkeypatch.setattr("onnxruntime.register_execution_provider_library", there.register)
    assert providers.plugin_device.__wrapped__("openvino") is None


LIMITED = [
    ({"SENSORIUM_THREADS": "1"}, 1),
    ({"OMP_NUM_THREADS": "2"}, 2),
    ({"OMP_NUM_THREADS": " 1,4 "}, 1),
    ({"SENSORIUM_THREADS": "3", "OMP_NUM_THREADS": "1"}, 3),
    ({"SENSORIUM_THREADS": "", "OMP_NUM_THREADS": "2"}, 2),
    ({"SENSORIUM_THREADS": "64"}, 4),
]


@pytest.fixture
def four_cores(monkeypatch):
    for name in providers.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(4), raising=False)
    monkeypatch.setattr(providers, "_cgroup_quota", lambda: None)
    providers.usable_cores.cache_clear()
    yield monkeypatch
    providers.usable_cores.cache_clear()


@pytest.mark.parametrize(("variables", "threads"), LIMITED)
def test_e18_a_person_may_limit_the_threads(variables, threads, four_cores, graph):
    for name, value in variables.items():
        four_cores.setenv(name, value)
    assert providers.usable_cores() == threads
    opened = Session(graph, "fp32", "cpu")
    assert opened._session.get_session_options().intra_op_num_threads == threads
    assert providers.Workers().threads == threads


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²", "9" * 5000, "2x"])
def test_e18_a_limit_that_is_no_number_is_ignored_with_a_warning(value, four_cores):
    four_cores.setenv("SENSORIUM_THREADS", value)
    with pytest.warns(UserWarning, match=r"^SENSORIUM_THREADS is .{1,120}: it is ignored\.$"):
        assert providers.usable_cores() == 4


def test_e18_doctor_shows_what_limits_the_threads(four_cores):
    four_cores.setattr(doctor.zoo, "names", list)
    lines = {line.subject: line.text for line in doctor.examine()}
    assert lines["processor"].endswith(", 4 usable cores")
    four_cores.setenv("SENSORIUM_THREADS", "2")
    providers.usable_cores.cache_clear()
    lines = {line.subject: line.text for line in doctor.examine()}
    assert lines["processor"].endswith(", 2 usable cores, as SENSORIUM_THREADS says")


def test_softmax_of_large_logits_is_finite_and_sums_to_one():
    probabilities = softmax(np.array([[1e4, 1e4 - 1, -1e4]], np.float32))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1)
