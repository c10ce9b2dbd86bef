"""A folder of weights stands in for the cache and for every download."""

from pathlib import Path

import pytest

import model_zoo
from model_zoo import zoo
from model_zoo.errors import BadInput, WeightsNotFound
from model_zoo.weights import hub, wheel
from model_zoo.weights.fetch import are_here, cache_folder, fetch, keep
from tests.fetch.places import pin


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a model's file, where every download is a failure."""
    for elsewhere in (hub, wheel):
        monkeypatch.setattr(elsewhere, "download", lambda *_: pytest.fail("looked elsewhere"))
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"right")
    return folder


def test_the_environment_gives_it_to_every_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pin(b"right", on_hub=True)
    assert not are_here([source], "some-model")
    monkeypatch.setenv("SENSORIUM_WEIGHTS", str(folder))
    assert fetch(source) == folder / "model.bin"
    assert are_here([source], "some-model")
    assert not are_here([pin(b"other", on_hub=True)], "some-model")
    assert not cache_folder().exists()


def test_two_models_whose_files_have_one_name_have_a_folder_each(folder: Path) -> None:
    other = pin(b"other", on_hub=True)
    with pytest.raises(WeightsNotFound, match="is not the pinned file"):
        fetch(other, folder=folder, model="other")
    (folder / "other").mkdir()
    (folder / "other" / "model.bin").write_bytes(b"other")
    assert fetch(other, folder=folder, model="other").read_bytes() == b"other"
    assert fetch(pin(b"right", on_hub=True), folder=folder).read_bytes() == b"right"


def test_what_was_kept_needs_the_folder_no_more(folder: Path) -> None:
    source = pin(b"right", on_hub=True)
    keep([source], folder, "some-model")
    keep([source], folder, "some-model")  # is there already
    (folder / "model.bin").unlink()
    assert fetch(source).read_bytes() == b"right"
    assert are_here([source], "some-model")


def test_a_damaged_file_is_not_kept(folder: Path) -> None:
    with pytest.raises(WeightsNotFound, match="is not the pinned file"):
        keep([pin(b"other", on_hub=True)], folder, "some-model")
    assert not cache_folder().exists()


def test_load_gives_it_to_graph_and_vocabulary_alike(folder: Path) -> None:
    model = model_zoo.load("smollm2-135m", folder=folder)
    assert model is not model_zoo.load("smollm2-135m")
    for use in (lambda: model.vocabulary, lambda: model("a")):
        with pytest.raises(WeightsNotFound, match=rf"is not in the folder {folder}"):
            use()
    zoo.unload()


def test_a_model_with_its_weights_in_the_program_takes_none(folder: Path) -> None:
    with pytest.raises(BadInput, match="leave the folder out"):
        model_zoo.load("mnist-cnn", folder=folder)
