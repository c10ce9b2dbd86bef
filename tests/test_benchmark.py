"""`bench --peers`: what is counted, who works beside whom, and the page that comes of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import model_zoo
from export import benchmark, peers
from export.benchmark import contest, limits, page, variant, work
from export.benchmark.chart import MOST, Bar, drawn
from export.peers import Contender, Contest, speech
from model_zoo.errors import BadInput
from model_zoo.graphs.builder import Graph
from model_zoo.runtime.sessions import open_session
from tests import toys
from tests.conftest import ROOT

PAIR = "int8", "cpu"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> benchmark.Results:
    """Of one small model, by the command itself."""
    file = tmp_path_factory.mktemp("bench") / "out.json"
    said = run("mnist-cnn", "--peers", "--json", str(file))
    found: benchmark.Results = json.loads(file.read_text(encoding="utf-8"))
    found["file"], found["said"] = str(file), said
    return found


def run(*asked: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "bench", *asked], cwd=ROOT, capture_output=True,
        text=True, timeout=200, check=True,
    )  # fmt: skip
    return " ".join(done.stderr.split())


def test_every_variant_has_its_figures(results: benchmark.Results) -> None:
    rows = benchmark.of(results, "variant", "mnist-cnn")
    assert {row["precision"] for row in rows} >= {"fp32", "int8"}
    for row in rows:
        assert 0 < row["median_ms"] <= row["p95_ms"] < 1000
        assert row["load_ms"] > 0
        assert row["first_ms"] > 0
        assert set(row["batches"]) == {"1", "8", "32"}
        assert set(row["callers"]) == {"1", "2", "4"}
        assert row["batches"]["32"] > row["batches"]["1"] / 4
        assert 20 < row["memory_mb"] < 1000
        assert row["value"] == model_zoo.spec("mnist-cnn").metric("accuracy", row["precision"])


def test_no_answer_is_faster_than_the_machine_can_be(results: benchmark.Results) -> None:
    [bound] = benchmark.of(results, "limits")
    [least] = benchmark.of(results, "work", "mnist-cnn")
    for row in benchmark.of(results, "variant", "mnist-cnn"):
        limit = page._limit(row, least, bound)
        if limit is not None:
            assert 0 < float(limit[-1].rstrip("%")) <= 100


def test_a_run_goes_on_where_it_was(results: benchmark.Results, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped.json"
    steps = dict(results["steps"])
    del steps["work mnist-cnn"]
    stopped.write_text(json.dumps({"machine": results["machine"], "steps": steps}), "utf-8")
    said = run("mnist-cnn", "--peers", "--json", str(stopped))
    assert "1 of 1: work mnist-cnn" in said
    assert "variant" not in said
    assert json.loads(stopped.read_text("utf-8"))["steps"] == results["steps"]


def test_the_page_is_written_between_its_marks(results: benchmark.Results, tmp_path: Path) -> None:
    target = tmp_path / "benchmarks.md"
    page.write(Path(results["file"]), target)
    text = target.read_text(encoding="utf-8")
    assert results["machine"]["processor"] in text
    assert text.count("| mnist-cnn |") >= 3 * len(benchmark.of(results, "variant"))
    target.write_text(f"# Ours\nbefore\n{page.BEGIN}\nold\n{page.END}\nbehind\n", encoding="utf-8")
    _, chart = page.write(Path(results["file"]), target)
    again = target.read_text(encoding="utf-8")
    assert again.startswith("# Ours\nbefore\n")
    assert again.endswith("\nbehind\n")
    assert "\nold\n" not in again
    assert chart.read_text(encoding="utf-8").startswith("<svg")


def test_a_file_that_is_none_of_its_own_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"steps": []}', encoding="utf-8")
    with pytest.raises(BadInput, match=r"other\.json"):
        page.write(other, tmp_path / "page.md")


def test_products_are_counted_by_their_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, path = Graph("toy", "fp32"), tmp_path / "toy.fp32.onnx"
    image = graph.input("image", np.float32, ["batch", 3, 8, 8])
    kernel = np.ones((4, 3, 3, 3), np.float32)
    seen = graph.op("Conv", image, graph.constant(kernel), pads=[1, 1, 1, 1])
    flat = graph.op("Flatten", seen)
    graph.op("Identity", graph.linear(flat, np.ones((5, 256), np.float32)), out="logits")
    graph.output("logits", np.float32, ["batch", 5])
    graph.save(path)
    toy = toys.spec()
    spec = replace(toy, weights=replace(toy.weights, graphs=tmp_path))

    def begun(*_: Any) -> variant.Begun:
        feed = np.ones((1, 3, 8, 8), np.float32)
        make = lambda: lambda: open_session(spec, "fp32", "cpu")(image=feed)  # noqa: E731
        return variant.Begun(spec, ("fp32", "cpu"), "", ("model",), make)

    monkeypatch.setattr(work, "begin", begun)
    found = work.measure(spec, tmp_path)
    assert found.runs == {"model": 1}
    assert found.operations == 2 * (4 * 8 * 8 * 3 * 3 * 3 + 256 * 5)
    assert limits.weight_bytes(spec, "fp32", "cpu", "model") == 4 * (4 * 27 + 5 * 256)


def test_everybody_works_in_a_process_of_its_own_and_one_that_fails_costs_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["sensorium", "slow", "broken"]
    contenders = tuple(Contender(name, lambda: None) for name in names)
    judge = lambda answers: "+".join(map(str, answers))  # noqa: E731
    monkeypatch.setattr(
        peers, "contests", lambda spec: [Contest("toy", "pieces", 2, contenders, ["a", "b"], judge)]
    )

    class Scripted:
        def __init__(self, spec: Any, name: str) -> None:
            self.name = name

        def __enter__(self) -> Scripted:
            return self

        def __exit__(self, *_: Any) -> None:
            pass

        def do(self, number: int, piece: int) -> tuple[float, Any, float]:
            if self.name == "broken":
                raise RuntimeError("no such library")
            return (0.1 if self.name == "sensorium" else 0.4) * (piece + 1), f"{piece}", 7.0

    monkeypatch.setattr(contest, "Process", Scripted)
    rows, failed = contest.measure(toys.spec(), turns=3)
    assert failed == {"broken": "no such library"}
    ours, theirs = rows
    assert (ours.median_ms, theirs.median_ms) == pytest.approx((300, 1200))
    assert theirs.ours_to_theirs == 0.25
    assert (theirs.answer, theirs.turns) == ("0+1", 3)


@pytest.mark.weights
def test_a_contender_answers_from_its_own_process_and_says_what_it_lacks() -> None:
    spec = model_zoo.spec("sst2-minilm")
    with contest.Process(spec, peers.ours(spec)) as process:
        seconds, (negative, positive), memory = process.do(0, 0)
        assert 0 < seconds < 5
        assert negative < 0 < positive
        assert 50 < memory < 2000
    with contest.Process(spec, "nobody") as process, pytest.raises(RuntimeError):
        process.do(0, 0)


def test_word_errors_are_counted_on_a_folder_else_on_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = model_zoo.spec("whisper-tiny.en")
    monkeypatch.setattr(speech, "SPEECH", tmp_path)
    assert list(speech._spoken(spec)) == [(spec.task.example(), speech.EXAMPLE_SAYS)]
    rows = [
        ("de.flac", "de", 9, "Guten Tag"),
        *((f"{i}.flac", "en", 60, f"Say {i}") for i in range(9)),
    ]
    lines = ["file\tlanguage\tseconds\ttranscript", *("\t".join(map(str, row)) for row in rows)]
    (tmp_path / "refs.tsv").write_text("\n".join(lines), encoding="utf-8")
    found = dict(speech._spoken(spec))
    assert found[tmp_path / "0.flac"] == "Say 0"
    assert tmp_path / "de.flac" not in found
    assert 60 * len(found) == pytest.approx(speech.FILES_SECONDS, abs=60)


def test_a_bar_is_as_long_as_its_ratio_and_names_are_escaped() -> None:
    chart = drawn([Bar("a < b", "x", 0.5), Bar("a < b", "y", 9.0)])
    assert "a &lt; b" in chart
    half, most = map(float, re.findall(r'width="([\d.]+)" height="14"', chart))
    assert most / half == pytest.approx(MOST / 0.5, rel=0.01), "cut at the edge"
    assert ">9.00<" in chart
