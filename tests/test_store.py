"""Built graphs are keyed by their weights and their builder, and versions leave each other's be."""

import json
import os
import shutil
import time

import onnx
import pytest

import model_zoo
from model_zoo import zoo
from model_zoo.text import gpt2, smollm2
from model_zoo.weights import store
from model_zoo.weights.description import description
from tests.test_zoo import toy

__all__ = ["toy"]  # a fixture


@pytest.fixture
def graphs(tmp_path, monkeypatch):
    """A copy of the builders that may be edited."""
    folder = shutil.copytree(store.GRAPHS, tmp_path / "graphs")
    monkeypatch.setattr(store, "GRAPHS", folder)
    return folder


def edit(file):
    file.write_text(file.read_text() + "\nEDITED = True\n")


def fingerprints():
    store._fingerprint.cache_clear()
    specs = map(model_zoo.spec, model_zoo.names())
    found = {spec.name: store._fingerprint(spec) for spec in specs if spec.weights.build}
    store._fingerprint.cache_clear()
    return found


@pytest.mark.parametrize(
    ("edited", "rebuilt"),
    [
        ("bert", {"sst2-minilm"}),
        ("gguf", {"smollm2-135m"}),
        ("language", {"smollm2-135m", "gpt2", "gpt2-medium", "gpt2-large"}),
        ("ctranslate2", {"whisper-tiny.en", "whisper-base"}),
    ],
)
def test_a_builder_that_was_mended_rebuilds_what_it_builds_and_nothing_else(
    graphs, edited, rebuilt
):
    before = fingerprints()
    edit(graphs / f"{edited}.py")
    after = fingerprints()
    assert {name for name in before if before[name] != after[name]} == rebuilt


def test_what_a_models_own_file_does_to_the_weights_is_part_of_the_key():
    codes = [store.builder_code(build)[0] for build in (gpt2.build, smollm2.build)]
    assert ["gpt2.build(weights[WEIGHTS]" in code for code in codes] == [True, False]
    assert "summary=" not in codes[0], "a card's words are not"


def test_a_built_graph_says_what_it_is_made_of_and_under_which_licence(toy):
    spec, _ = toy
    file = onnx.load(store.graph_file(spec, "fp32"))
    said = {entry.key: entry.value for entry in file.metadata_props}
    assert (file.producer_name, file.producer_version) == ("Sensorium", model_zoo.__version__)
    assert (said["model"], said["licence"]) == (spec.name, spec.card.licence)
    [source] = spec.weights.sources
    assert json.loads(said["made_from"]) == {source.filename: source.sha256}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", ["mnist-cnn", "cifar10-resnet"])
def test_a_committed_graph_says_its_labels_and_names_no_operators_that_it_has_not(name, precision):
    spec = model_zoo.spec(name)
    file = onnx.load(spec.embedded_file(precision))
    said = {entry.key: entry.value for entry in file.metadata_props}
    assert description(spec).items() <= said.items()
    assert json.loads(said["labels"]) == list(spec.weights.labels)
    assert {opset.domain for opset in file.opset_import} == {n.domain for n in file.graph.node}


def test_the_steps_before_a_graph_are_said_only_where_they_are_all():
    assert json.loads(description(zoo.spec("cifar10-resnet"))["preprocessing"])["side"] == 32
    assert "preprocessing" not in description(zoo.spec("mnist-cnn"))  # it looks for the ink first


def test_two_versions_leave_each_others_graphs_alone_while_they_are_used(toy, monkeypatch):
    spec, builds = toy
    monkeypatch.setattr(store, "_fingerprint", lambda spec: "old")
    old = store.graph_file(spec, "fp32")
    monkeypatch.setattr(store, "_fingerprint", lambda spec: "new")
    new = store.graph_file(spec, "fp32")
    assert old.is_file()
    monkeypatch.setattr(store, "_fingerprint", lambda spec: "old")
    assert store.graph_file(spec, "fp32") == old != new
    assert builds == ["fp32", "fp32"]


def test_a_graph_that_no_version_used_for_a_month_makes_room(toy, monkeypatch):
    spec, _ = toy
    month_ago = time.time() - (store.STALE_DAYS + 1) * store.DAY_SECONDS
    monkeypatch.setattr(store, "_fingerprint", lambda spec: "old")
    old = store.graph_file(spec, "fp32")
    os.utime(old.parent, (month_ago, month_ago))
    store.graph_file(spec, "fp32")  # used again
    monkeypatch.setattr(store, "_fingerprint", lambda spec: "new")
    store.graph_file(spec, "fp32")
    assert old.is_file()
    os.utime(old.parent, (month_ago, month_ago))
    monkeypatch.setattr(store, "_fingerprint", lambda spec: "newer")
    store.graph_file(spec, "fp32")
    assert not old.exists()
    zoo.unload()
