"""Built graphs and notes in the cache are believed by their digest, never by their name."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import model_zoo
import tests.toys
from model_zoo import zoo
from model_zoo.errors import CacheError
from model_zoo.runtime import measured, placement
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.weights import cache, store
from model_zoo.weights.source import Source, Wheel
from tests import tiny


@dataclass
class Zoo:
    """A zoo of one model whose graph is built, and the builds so far."""

    spec: ModelSpec
    folder: Path
    builds: list[str] = field(default_factory=list)
    apart: bool = False  # the weights lie in a file beside the graph
    trouble: OSError | None = None  # that the builder meets in the middle

    def graph(self) -> Path:
        return store.graph_file(self.spec, "fp32")

    def build(self, weights: object, part: str, precision: str, path: Path) -> None:
        self.builds.append(precision)
        tiny.classifier(path)
        if self.apart:
            path.with_suffix(".data").write_bytes(b"weights")
        if self.trouble:
            raise self.trouble


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zoo]:
    monkeypatch.setenv("SENSORIUM_CACHE", str(tmp_path / "cache"))
    (weights := tmp_path / "toy.bin").write_bytes(b"weights")
    monkeypatch.setattr(store, "fetch_all", lambda sources, folder, model: {"toy.bin": weights})
    toys = Zoo(model_zoo.spec("mnist-cnn"), tmp_path / "cache")
    toys.spec = tests.toys.spec(toys.build)
    monkeypatch.setattr(zoo, "specs", lambda: {"toy": toys.spec})
    yield toys
    zoo.unload()


def zero_one_weight(path: Path) -> None:
    """In place, so that neither size nor name tells."""
    model = onnx.load(path)
    tensor = max(model.graph.initializer, key=lambda tensor: tensor.ByteSize())
    array = numpy_helper.to_array(tensor).copy()
    array.flat[np.abs(array).argmax()] = 0
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    path.write_bytes(model.SerializeToString())


def zero_and_put_the_time_back(path: Path) -> None:
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:99]),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "empty": lambda path: path.write_bytes(b""),
    "one weight": zero_one_weight,
    "another graph": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "its time put back": zero_and_put_the_time_back,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_b5_a_damaged_graph_is_built_again_with_a_note(
    toys: Zoo, damage: Callable[[Path], object]
) -> None:
    whole = toys.graph().read_bytes()
    damage(toys.graph())
    with pytest.warns(UserWarning, match=r"toy\.fp32\.onnx is damaged .* building it again"):
        assert open_session(zoo.spec("toy"), "fp32", "cpu").inputs
    assert toys.graph().read_bytes() == whole
    assert len(toys.builds) == 2


def test_b5_a_whole_graph_is_neither_built_nor_hashed_again(
    toys: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.graph()
    touched = toys.graph()
    os.utime(touched)
    toys.graph()  # hashed once for its new time
    monkeypatch.setattr(cache, "sha256_of", lambda _: pytest.fail("hashed again"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        toys.graph()
    assert len(toys.builds) == 1


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_b5_weights_beside_a_graph_are_looked_at_too(toys: Zoo, damage: str) -> None:
    toys.apart = True
    weights = toys.graph().with_suffix(".data")
    if damage == "gone":
        weights.unlink()
    else:
        weights.write_bytes(b"WEIGHTS")
    with pytest.warns(UserWarning, match="building it again"):
        toys.graph()
    assert weights.read_bytes() == b"weights"


@pytest.mark.parametrize("words", [None, b"", b"\xff\xfe", b"0\nx", "folder"])
def test_b5_a_graph_whose_note_is_damaged_or_gone_is_built_again(
    toys: Zoo, words: bytes | str | None
) -> None:
    path = toys.graph()
    [note] = path.parent.glob(f"{path.name}.*")
    note.unlink()
    if words == "folder":
        note.mkdir()
    elif isinstance(words, bytes):
        note.write_bytes(words)
    with warnings.catch_warnings(record=True):
        toys.graph()
        toys.graph()
    assert len(toys.builds) == 2
    assert note.is_file()


def test_b5_a_folder_in_a_graphs_place_makes_room(toys: Zoo) -> None:
    path = toys.graph()
    path.unlink()
    (path / "below").mkdir(parents=True)
    with warnings.catch_warnings(record=True):
        assert toys.graph().is_file()


@pytest.mark.parametrize("words", [b"\xff\xfe", b"", b"7 bytes", "folder"])
def test_b5_a_damaged_note_of_a_download_is_no_note(tmp_path: Path, words: bytes | str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"right")
    wheel = Wheel("toy", "1.0", "0" * 64, 7, "toy/b")
    source = Source("model.bin", cache.sha256_of(path), 5, wheels=(wheel,))
    note = tmp_path / "verified"
    if isinstance(words, bytes):
        note.write_bytes(words)
    else:
        note.mkdir()
    assert cache.is_verified(path, source)
    assert note.is_file()
    path.write_bytes(b"wrong")
    assert not cache.is_verified(path, source)


KNOWN = (
    b'{"machine": "here", "models": {"m": {"day": "", "passes": 1, "settled": true, "failed": {}, '
    b'"timings": %s}}}'
)
TIMING = (
    b'{"int8/cpu": {"median_ms": %s, "spread": 0, "runs": 1, '
    b'"workers": {"threads": 1, "spin": false}}}'
)


@pytest.mark.parametrize(
    "words",
    [
        b"null", b"[]", b"{}", b"7", b"", b"\xff", b"[" * 100_000,
        b'{"machine": "here"}',
        b'{"machine": "here", "models": null}',
        b'{"machine": "here", "models": {"mnist-cnn": null}}',
        b'{"machine": "here", "models": {"mnist-cnn": {}}}',
        b'{"machine": "here", "models": {"mnist-cnn": {"day": "", "passes": "many"}}}',
        KNOWN % b'{"int8/cpu": null}',
        KNOWN % b'{"int8": {}}',
    KNOWN % (TIMING % b'"fast"'),
    KNOWN % (TIMING % b"NaN"),
    KNOWN % (TIMING % b"-1"),
        "folder",
    ],
    ids=lambda words: str(words)[:60],
)  # fmt: skip
def test_b5_a_damaged_memory_of_tune_is_ignored_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: bytes | str
) -> None:
    monkeypatch.setenv("SENSORIUM_CACHE", str(tmp_path))
    monkeypatch.setattr(measured, "_machine", lambda: "here")
    file = tmp_path / "measured.json"
    if isinstance(words, bytes):
        file.write_bytes(words)
    else:
        file.mkdir()
    with pytest.warns(UserWarning, match=r"measured\.json cannot be read and is ignored"):
        choice = placement.choose(model_zoo.spec("mnist-cnn"), provider="cpu")
    assert "by rule" in choice.reason


@pytest.mark.parametrize("apart", [False, True])
def test_b20_of_a_build_that_fails_nothing_stays(toys: Zoo, apart: bool) -> None:
    toys.trouble, toys.apart = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), apart
    with pytest.raises(CacheError, match="is on a full disk"):
        toys.graph()
    left = [path.name for path in toys.folder.rglob("*") if path.is_file()]
    assert left in ([], ["lock"])


def test_b20_room_is_asked_for_before_a_build(toys: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(toys.folder.parent)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(CacheError, match="is on a full disk"):
        toys.graph()
    assert toys.builds == []


def test_s12_a_disk_without_locks_is_named(toys: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    for error in (OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)), NotImplementedError("flock")):

        def refuse(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
        with pytest.raises(CacheError, match=r"cannot lock files.* SENSORIUM_CACHE"):
            toys.graph()


def test_any_other_trouble_of_the_disk_is_a_sentence_too(tmp_path: Path) -> None:
    with (
        pytest.raises(CacheError, match="set SENSORIUM_CACHE to another folder"),
        cache.cache_errors(tmp_path),
    ):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
