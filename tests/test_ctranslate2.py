"""Tensors of a model.bin are read as they are; another or a damaged file is refused."""

import struct
from pathlib import Path

import numpy as np
import pytest

from model_zoo.graphs.ctranslate2 import read


def text(word: str) -> bytes:
    return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"


def tensor(name: str, array: np.ndarray, kind: int) -> bytes:
    shape = struct.pack(f"<{array.ndim}I", *array.shape)
    head = text(name) + struct.pack("<B", array.ndim) + shape
    return head + struct.pack("<BI", kind, array.nbytes) + array.tobytes()


def model(version: int = 6) -> bytes:
    weight = np.arange(6, dtype=np.float16).reshape(2, 3)
    count = np.array(8, dtype=np.int16)
    head = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, 2)
    body = tensor("layer/weight", weight, 4) + tensor("heads", count, 2)
    return head + body + struct.pack("<I", 1) + text("tied/weight") + text("layer/weight")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.bin"


def test_tensors_keep_their_names_shapes_and_types(file):
    file.write_bytes(model())
    found = read(file)
    assert found["layer/weight"].dtype == np.float16
    np.testing.assert_array_equal(found["layer/weight"], [[0, 1, 2], [3, 4, 5]])
    assert int(found["heads"]) == 8


def test_an_alias_is_the_same_tensor(file):
    file.write_bytes(model())
    found = read(file)
    assert found["tied/weight"] is found["layer/weight"]


def test_another_version_is_refused(file):
    file.write_bytes(model(version=5))
    with pytest.raises(ValueError, match="version 5, not 6"):
        read(file)


@pytest.mark.parametrize("length", [3, 30, 60, len(model()) - 30])
def test_a_file_that_is_cut_off_is_refused(file, length):
    file.write_bytes(model()[:length])
    with pytest.raises(ValueError, match="no whole CTranslate2 model"):
        read(file)
