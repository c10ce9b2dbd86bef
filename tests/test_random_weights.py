"""Graphs of random weights are those of the real ones but for their numbers."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest

import model_zoo
from export.shapes import _facts as record
from model_zoo.errors import BadInput
from model_zoo.graphs import ctranslate2, gguf
from model_zoo.runtime import bench
from model_zoo.runtime.sessions import SESSIONS
from model_zoo.weights import random
from model_zoo.weights.store import graph_file
from tests import toys
from tests.small_lm import small_gpt2

SPEECH = "whisper-tiny.en"


def outline(path: Path) -> list[object]:
    """The operators, and the shapes and types of the numbers."""
    graph = onnx.load(path, load_external_data=False).graph
    numbers = [(one.data_type, tuple(one.dims)) for one in graph.initializer]
    return [[node.op_type for node in graph.node], numbers]


@pytest.mark.weights
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize(
    ("name", "part"), [("sst2-minilm", "model"), (SPEECH, "encoder"), (SPEECH, "decoder")]
)
def test_the_graph_is_the_real_one_but_for_its_numbers(
    name: str, part: str, precision: str, tmp_path: Path
) -> None:
    spec = model_zoo.spec(name)
    made = random.stand_in(spec, tmp_path, precision, [part])
    assert outline(graph_file(made, precision, part)) == outline(graph_file(spec, precision, part))


@pytest.mark.parametrize("name", ["smollm2-135m", "gpt2"])
def test_it_runs_and_answers_with_numbers(name: str, tmp_path: Path) -> None:
    spec = random.stand_in(model_zoo.spec(name), tmp_path, "int8", ["model"])
    try:
        logits = spec.task.probe(spec, "int8", "cpu")()
        assert all(np.isfinite(array).all() and array.std() > 0 for array in logits)
    finally:
        SESSIONS.close(lambda key: key[0] == spec.name)


def test_they_are_timed_in_a_place_of_their_own_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORIUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    small_gpt2(tmp_path)
    facts = {"model.safetensors": record(tmp_path / "model.safetensors")}
    facts["model.safetensors"]["tensors"]["wte.weight"][1][0] = 400  # tokens, enough for the probe
    (tmp_path / "gpt2.json").write_text(json.dumps(facts))
    monkeypatch.setattr(random, "SHAPES", tmp_path)
    pairs = [("fp32", "cpu"), ("int8", "cpu")]
    rows = bench.measure_without_weights("gpt2", pairs, rounds=1)
    assert [(row.precision, row.provider) for row in rows] == pairs
    assert all(row.weights == "random weights" and 0 < row.median_ms < 100 for row in rows)
    assert not [key for key in SESSIONS._open if str(key[0]).startswith("gpt2")]
    assert rows[1].size_mb < rows[0].size_mb < 1
    assert not list((tmp_path / "scratch").iterdir())
    assert not (tmp_path / "cache").exists()


def test_no_two_tensors_are_alike() -> None:
    facts = {"tensors": {"a": ["float32", [3, 4]], "b": ["float32", [3, 4]]}}
    first, second = (array for _, array in random._arrays(facts))
    assert not np.isclose(first, second).any()


def test_every_model_that_is_fetched_has_its_shapes() -> None:
    fetched = [spec for name in model_zoo.names() if (spec := model_zoo.spec(name)).weights.build]
    assert fetched
    assert all(random.shapes(spec) for spec in fetched)


def test_a_model_without_recorded_shapes_says_that_it_needs_its_weights(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="shapes"):
        random.shapes(toys.spec())


def test_the_formats_are_those_that_the_readers_know(tmp_path: Path) -> None:
    tensors = {"a/weight": ["float16", [3, 4]], "b": ["float32", [5]], "heads": ["int8", [], [6]]}
    facts = {"tensors": tensors, "aliases": {"tied": "a/weight"}}
    random._ctranslate2(tmp_path / "model.bin", facts)
    found = ctranslate2.read(tmp_path / "model.bin")
    assert {name: array.shape for name, array in found.items()} == {
        "a/weight": (3, 4), "b": (5,), "heads": (), "tied": (3, 4)
    }  # fmt: skip
    assert int(found["heads"]) == 6
    del tensors["heads"]
    settings = {
        "llama.block_count": 2,
        "llama.rope.freq_base": 1e4,
        "general.architecture": "llama",
    }
    random._gguf(tmp_path / "model.gguf", facts | {"metadata": settings})
    file = gguf.read(tmp_path / "model.gguf")
    assert file.metadata == settings
    assert np.array_equal(file.tensors["a/weight"].read(), found["a/weight"].astype(np.float32))
