"""The command line prints tables for people, JSON for programs, one sentence for an error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import model_zoo
from model_zoo.cli import commands as command_line
from model_zoo.errors import WeightsNotFound
from model_zoo.runtime.providers import ready
from model_zoo.spec import ModelSpec

ROOT = Path(__file__).parent.parent


def zoo(*arguments: str, fails: bool = False) -> str:
    """Standard output of `python -m model_zoo …`, or its standard error where it should fail."""
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


@pytest.fixture
def seven(tmp_path) -> str:
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).line([(80, 60), (220, 60), (130, 240)], "navy", 18, joint="curve")
    image.save(tmp_path / "seven.png")
    return str(tmp_path / "seven.png")


def test_list_shows_accuracy_size_and_licence():
    rows = {row["name"]: row for row in json.loads(zoo("list", "--json"))}
    assert tuple(rows) == model_zoo.names()
    for name, row in rows.items():
        assert row["licence"]
        assert row["size_mb"] or row["download_mb"]
        if model_zoo.spec(name).embedded:
            assert row["accuracy"]["fp32"] > 0.9


def test_run_answers_with_speed_and_hardware(seven):
    told = json.loads(zoo("run", "mnist-cnn", seven, "--json"))
    assert next(iter(told["answer"])) == "7"
    assert sum(told["answer"].values()) == pytest.approx(1, abs=1e-5)
    assert set(told["timings_ms"]) == {"preprocess", "model", "postprocess"}
    assert told["provider"] in ready()


def test_run_takes_the_precision_and_provider_that_it_is_told(seven):
    told = json.loads(
        zoo("run", "mnist-cnn", seven, "--precision", "fp32", "--provider", "cpu", "--json")
    )
    assert told["precision"] == "fp32"


def test_bench_gives_median_and_p95_of_every_pair():
    rows = json.loads(zoo("bench", "mnist-cnn", "--rounds", "2", "--json"))
    assert {row["precision"] for row in rows} == {"fp32", "int8"}
    for row in rows:
        assert 0 < row["median_ms"] <= row["p95_ms"]
        assert 0 < row["model_ms"] <= row["median_ms"]


def test_doctor_names_the_processor_and_what_each_model_uses():
    found = {finding["subject"]: finding for finding in json.loads(zoo("doctor", "--json"))}
    assert found["processor"]["text"]
    assert found["cpu"]["fine"]
    for name in model_zoo.names():
        here = "on the" in found[name]["text"]
        assert here or f"fetch {name}" in found[name]["text"]


def test_what_cannot_be_had_stops_only_those_who_named_it(monkeypatch, capsys):
    def missing(spec: ModelSpec) -> str:
        raise WeightsNotFound(f"{spec.name} is on the moon.")

    monkeypatch.setattr(command_line, "_fetched", missing)
    command_line.fetch(every=True)
    told = capsys.readouterr().err
    assert [
        name for name in model_zoo.zoo.default_models() if f"{name} is on the moon" not in told
    ] == []
    with pytest.raises(WeightsNotFound):
        command_line.fetch(["gpt2"])


def test_fetching_an_embedded_model_needs_nothing():
    assert "nothing to fetch" in zoo("fetch", "mnist-cnn")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "mnist-rnn", "x.png"), "no model 'mnist-rnn'"),
        (("run", "mnist-cnn", "nowhere.png"), "no file nowhere.png"),
        (("run", "mnist-cnn", __file__), "not a picture"),
        (("bench", "mnist-cnn", "--precision", "fp8"), "no precision 'fp8'"),
        (("fetch",), "which models"),
    ],
)
def test_an_error_is_one_sentence_and_a_failing_status(arguments, says):
    told = zoo(*arguments, fails=True)
    assert says in told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) == 1
