"""What is committed is what torch computes; int8 is made from it and costs next to nothing."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from export import recipes
from export.checks.pictures import BATCHES, check
from export.quantize import quantize
from export.recipes.deliver import run
from model_zoo import zoo
from model_zoo.weights import store
from tests import tiny
from tests.conftest import ROOT

pytestmark = pytest.mark.export

EMBEDDED = [name for name in zoo.names() if zoo.spec(name).embedded]


@pytest.mark.parametrize("name", EMBEDDED)
def test_committed_graphs_answer_as_torch_does_at_every_batch_size(name):
    spec = zoo.spec(name)
    rows = list(check(spec))
    assert {row.shape[0] for row in rows} == set(BATCHES)
    assert {row.precision for row in rows} == set(spec.run.precisions)
    assert [row for row in rows if not row.passed] == []


def test_a_graph_that_differs_from_torch_is_found_out(tmp_path, monkeypatch):
    """The check must be able to fail: one weight of the shipped graph is moved."""
    spec = zoo.spec("mnist-cnn")
    model = onnx.load(store.graph_file(spec, "fp32"))
    damaged = tmp_path / "mnist-cnn.fp32.onnx"
    tensor = next(t for t in model.graph.initializer if t.name.startswith("head.weight"))
    values = onnx.numpy_helper.to_array(tensor) * 1.5
    tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(values.dtype), tensor.name))
    onnx.save(model, damaged)
    files = {"fp32": iter([store.graph_file(spec, "fp32"), damaged])}
    true_file = store.graph_file
    monkeypatch.setattr(
        store, "graph_file", lambda s, p: next(files[p]) if p in files else true_file(s, p)
    )
    rows = list(check(spec))
    assert not all(row.passed for row in rows if row.precision == "fp32")


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
