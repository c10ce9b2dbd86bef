"""Names, specs and loading: derived from the specs, lazy, shared and bounded."""

import dataclasses
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import model_zoo
from model_zoo import zoo
from model_zoo.errors import BadInput, UnknownModel, WeightsNotFound
from model_zoo.runtime import placement
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import WHOLE, Card, Metric
from model_zoo.weights import store
from tests import tiny, toys

EMBEDDED = ("mnist-cnn", "cifar10-resnet")


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Adds one model to the zoo whose graph is built from "fetched" weights; counts the builds."""
    monkeypatch.setenv("SENSORIUM_CACHE", str(tmp_path / "cache"))
    builds: list[str] = []

    def build(weights, part: str, precision: str, path: Path) -> None:
        assert weights["toy.bin"].read_bytes() == b"weights"
        builds.append(precision)
        tiny.classifier(path)

    monkeypatch.setattr(
        store, "fetch_all", lambda sources, folder, model: {"toy.bin": _weights(tmp_path)}
    )
    spec = toys.spec(build)
    monkeypatch.setattr(zoo, "specs", lambda: {"toy": spec})
    zoo.unload()
    yield spec, builds
    zoo.unload()


def _weights(folder: Path) -> Path:
    path = folder / "toy.bin"
    path.write_bytes(b"weights")
    return path


def test_both_embedded_models_are_there_and_the_smaller_comes_first():
    assert model_zoo.names()[:2] == EMBEDDED


def test_gigabytes_come_only_when_they_are_asked_for():
    assert set(model_zoo.names()) - set(zoo.default_models()) == {"gpt2-medium", "gpt2-large"}


@pytest.mark.parametrize("name", model_zoo.names())
def test_every_card_is_filled_in(name):
    spec = model_zoo.spec(name)
    for field in dataclasses.fields(Card):
        if field.type == "str":
            assert getattr(spec.card, field.name), f"{name} has no {field.name}"
    if spec.weights.sources and not spec.weights.sources[0].wheels:
        return  # on the hub only, which could not be reached where the figures were measured
    for precision in spec.run.precisions:
        if precision not in ("fp16",):  # for GPUs
            assert spec.metric(spec.task.yardstick.metric, precision) is not None, precision


def test_an_unknown_model_is_answered_with_the_names_there_are():
    with pytest.raises(UnknownModel, match="mnist-cnn") as caught:
        model_zoo.load("mnist-rnn")
    assert not str(caught.value).startswith('"')


def test_an_unknown_precision_is_answered_with_the_choices():
    with pytest.raises(BadInput, match="auto, fp32, int8"):
        model_zoo.load("mnist-cnn", precision="int3")


def test_loading_twice_gives_the_same_model():
    assert model_zoo.load("mnist-cnn") is model_zoo.load("mnist-cnn")


def test_a_fetched_model_is_built_once_and_opened_once_by_many_threads(toy):
    spec, builds = toy
    opened = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        opened.append(open_session(zoo.spec("toy"), "fp32", "cpu"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in opened}) == 1
    assert builds == ["fp32"]
    assert store.graph_file(spec, "fp32").is_file()
    assert builds == ["fp32"]


def test_nothing_is_opened_before_the_first_call(toy):
    _, builds = toy
    zoo.load("toy", "fp32", "cpu")
    assert builds == []


def test_however_a_pair_is_asked_for_there_is_one_model(toy):
    assert zoo.load("toy") is zoo.load("toy", "auto", "auto") is zoo.load("toy", provider="auto")
    chosen = zoo.load("toy")
    assert zoo.load("toy", chosen.precision, chosen.provider) is chosen


def test_threads_that_ask_at_once_get_one_model(toy):
    barrier = threading.Barrier(8)

    def ask(_: int) -> int:
        barrier.wait()
        return id(zoo.load("toy"))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_a_model_that_places_two_pairs_alike_opens_one_session(toy, monkeypatch):
    spec, _ = toy
    run = dataclasses.replace(spec.run, placement=lambda *_: {WHOLE: ("fp32", "cpu")})
    everywhere_on_the_cpu = dataclasses.replace(spec, run=run)
    monkeypatch.setattr(zoo, "specs", lambda: {"toy": everywhere_on_the_cpu})
    one = zoo.load("toy", "fp32", "cpu")
    assert zoo.load("toy", "int8", "openvino") is one
    assert open_session(zoo.spec("toy"), "int8", "openvino") is one.session


def test_unloading_closes_what_nobody_holds(toy):
    before, held = zoo.load("toy"), open_session(zoo.spec("toy"), "fp32", "cpu")
    closed = weakref.ref(open_session(zoo.spec("toy"), "int8", "cpu"))
    zoo.unload("toy")
    assert closed() is None
    assert open_session(zoo.spec("toy"), "fp32", "cpu") is held
    assert zoo.load("toy") is not before
    with pytest.raises(UnknownModel):
        zoo.unload("nobody")


def test_a_missing_embedded_file_says_how_to_restore_it(monkeypatch, tmp_path):
    # `model_zoo.spec` is the function of that name; the module is behind it.
    monkeypatch.setattr(sys.modules["model_zoo.spec"], "WEIGHTS", tmp_path)
    with pytest.raises(WeightsNotFound, match="export build mnist-cnn"):
        store.graph_file(model_zoo.spec("mnist-cnn"), "fp32")


def test_auto_leaves_out_a_precision_that_loses_too_much():
    metrics = (Metric("accuracy", 0.95, "x"), Metric("accuracy", 0.94, "x", "int8"))
    spec = toys.spec(metrics=metrics)
    assert not spec.within_budget("int8")
    assert placement.choose(spec, provider="cpu").precision == "fp32"


@pytest.mark.parametrize("name", EMBEDDED)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_map_averages_to_the_logits_it_explains(name, precision):
    spec = model_zoo.spec(name)
    session = open_session(zoo.spec(name), precision, "cpu")
    _, shape = session.inputs["image"]
    image = np.random.default_rng(0).random((3, *shape[1:]), dtype=np.float32)
    logits, cam = session(image=image)
    assert logits.shape == (3, len(spec.weights.labels))
    np.testing.assert_allclose(cam.mean((2, 3)), logits, atol=1e-4)
