"""What is committed is what torch computes; int8 is made from it and costs next to nothing."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from export import recipes
from export.checks import reference
from export.checks.pictures import BATCHES, check, record
from export.quantize import quantize
from export.recipes.deliver import run
from model_zoo import zoo
from model_zoo.runtime import sessions
from model_zoo.weights import store
from tests import tiny
from tests.conftest import ROOT

pytestmark = pytest.mark.export

EMBEDDED = [name for name in zoo.names() if zoo.spec(name).embedded]


@pytest.mark.parametrize("name", EMBEDDED)
def test_committed_graphs_answer_as_the_trained_network_did_at_every_batch_size(name):
    spec = zoo.spec(name)
    rows = list(check(spec))
    outputs = {row.output for row in rows}
    assert {f"logits, {size} at once" for size in BATCHES} <= outputs
    assert {row.precision.split(" ")[0] for row in rows} >= set(spec.run.precisions)
    assert [row for row in rows if not row.passed] == []


@pytest.mark.parametrize("name", EMBEDDED)
def test_what_is_written_down_is_what_torch_computes(name):
    recorded, written = record(zoo.spec(name)), reference.read(zoo.spec(name))
    for part, array in recorded.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(array, written[part], atol=1e-4)
        else:
            np.testing.assert_array_equal(array, written[part])


def test_an_int8_that_reads_no_three_is_found_out(tmp_path, monkeypatch):
    spec = zoo.spec("mnist-cnn")
    model = onnx.load(store.graph_file(spec, "int8"))
    tensor = next(t for t in model.graph.initializer if t.name == "head.bias")
    bias = onnx.numpy_helper.to_array(tensor).copy()
    bias[3] = -100
    tensor.CopyFrom(onnx.numpy_helper.from_array(bias, tensor.name))
    onnx.save(model, tmp_path / "mnist-cnn.int8.onnx")
    true_file = store.graph_file
    monkeypatch.setattr(
        sessions,
        "graph_file",
        lambda s, p, part: tmp_path / "mnist-cnn.int8.onnx" if p == "int8" else true_file(s, p),
    )
    zoo.unload("mnist-cnn")
    failed = {row.output for row in check(spec) if not row.passed}
    zoo.unload("mnist-cnn")
    assert {"best labels", "answers by label", "logits, 1 at once"} <= failed


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_card_states_the_network_that_is_committed(name):
    spec = zoo.spec(name)
    module = recipes.find(name).build_folded()
    assert spec.card.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert tuple(spec.weights.labels) == tuple(recipes.find(name).labels)


@pytest.mark.parametrize(
    ("name", "limit"), [("mnist-cnn", 1_000_000), ("cifar10-resnet", 6_000_000)]
)
def test_embedded_files_stay_small(name, limit):
    spec = zoo.spec(name)
    assert sum(spec.embedded_file(p).stat().st_size for p in spec.run.precisions) <= limit


@pytest.mark.parametrize("name", EMBEDDED)
def test_int8_loses_no_more_than_the_budget(name):
    assert zoo.spec(name).within_budget("int8")


def test_quantising_keeps_the_answers_and_the_head_in_float(tmp_path):
    fp32, int8 = tiny.classifier(tmp_path / "a.onnx"), tmp_path / "b.onnx"
    images = np.random.default_rng(0).random((64, 1, 8, 8), dtype=np.float32)
    quantize(fp32, int8, images)
    np.testing.assert_allclose(run(int8, images), run(fp32, images), atol=1e-6)


def test_check_prints_json_and_succeeds():
    done = subprocess.run(
        [sys.executable, "-m", "export", "check", "mnist-cnn", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(row["passed"] for row in json.loads(done.stdout))


def test_an_unknown_recipe_is_answered_with_the_names_there_are():
    done = subprocess.run(
        [sys.executable, "-m", "export", "train", "mnist-rnn"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"There is no recipe 'mnist-rnn': choose one of {', '.join(recipes.names())}."
    )
