"""A session runs where it says it runs, falls back with a word, and is shared by threads."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model_zoo import providers, session
from model_zoo.errors import BadInput, ProviderUnavailable
from model_zoo.session import Session, softmax
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
    options = json.loads(session._openvino_options("fp32")["load_config"])
    assert options["CPU"]["INFERENCE_PRECISION_HINT"] == "f32"
    assert options["CPU"]["INFERENCE_NUM_THREADS"] == providers.usable_cores()


def test_softmax_of_large_logits_is_finite_and_sums_to_one():
    probabilities = softmax(np.array([[1e4, 1e4 - 1, -1e4]], np.float32))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1)
