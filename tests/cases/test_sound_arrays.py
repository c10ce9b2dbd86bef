"""An array of samples is taken for what it plainly is, or refused in a sentence."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import soundfile

from model_zoo.errors import BadInput
from model_zoo.speech.audio import SAMPLE_RATE, open_sound
from tests.cases.sounds import made, words

READ = {
    "[1, n]": lambda x: x[None],
    "[n, 1]": lambda x: x[:, None],
    "[2, n]": lambda x: np.stack([x, x]),
    "[n, 2]": lambda x: np.stack([x, x], axis=1),
    "int16": lambda x: (x * 32767).astype(np.int16),
    "int32 with the values of 16 bits": lambda x: (x * 32767).astype(np.int32),
    "int32 with the values of 24 bits": lambda x: (x * 8388607).astype(np.int32),
    "int32": lambda x: (x * 2147483392.0).astype(np.int32),
    "int64 with the values of 16 bits": lambda x: (x * 32767).astype(np.int64),
    "int64 with the values of 32 bits": lambda x: (x * 2147483392.0).astype(np.int64),
    "uint8": lambda x: (x * 127 + 128).astype(np.uint8),
    "uint16": lambda x: (x * 32767 + 32768).astype(np.uint16),
    "uint32 with the values of 16 bits": lambda x: (x * 32767 + 32768).astype(np.uint32),
    "uint32 with the values of 8 bits": lambda x: (x * 127 + 128).astype(np.uint32),
    "uint64": lambda x: (x * 2.0**62.99 + 2.0**63).astype(np.uint64),
    "a list of unsigned bytes": lambda x: (x * 127 + 128).astype(int).tolist(),
    "int8": lambda x: (x * 127).astype(np.int8),
    "[n, 2] in the order of Fortran": lambda x: np.asfortranarray(np.stack([x, x], axis=1)),
    "[8, n]": lambda x: np.stack([x] * 8),
    "float16": lambda x: x.astype(np.float16),
    "float64": lambda x: x.astype(np.float64),
    "big-endian": lambda x: (x * 32767).astype(">i2"),
    "big-endian, wide, with the values of 16 bits": lambda x: (x * 32767).astype(">i4"),
    "big-endian floats": lambda x: x.astype(">f4"),
    "a list": lambda x: x.tolist(),
    "a list of integers": lambda x: (x * 32767).astype(int).tolist(),
    "every second of a longer array": lambda x: np.repeat(x, 2)[::2],
}


def in_order(name: str) -> np.ndarray:
    """Three seconds of words, at full scale, in the form of this name."""
    return READ[name](speech())


def speech() -> np.ndarray:
    part = words()[: 3 * SAMPLE_RATE]
    return part / np.abs(part).max()


@pytest.mark.parametrize("name", READ)
def test_e10_what_is_plainly_sound_is_read(name: str) -> None:
    sound = open_sound((SAMPLE_RATE, in_order(name)))
    assert sound.seconds == 3
    np.testing.assert_allclose(sound.samples(), speech(), atol=0.02)


def test_e10_an_array_that_only_has_the_protocol() -> None:
    class Tensor:
        """As torch's: no array, but it can be made one."""

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return speech()

    np.testing.assert_array_equal(open_sound((SAMPLE_RATE, Tensor())).samples(), speech())


def test_e10_the_order_of_soundfile_and_librosa() -> None:
    np.testing.assert_array_equal(open_sound((speech(), SAMPLE_RATE)).samples(), speech())


def test_e10_the_bytes_of_a_file(tmp_path) -> None:
    data = made(tmp_path / "a.flac").read_bytes()
    for given in (data, io.BytesIO(data)):
        np.testing.assert_array_equal(open_sound(given).samples(), words())


class Stubborn:
    """As a tensor that wants its gradient."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nMore on that.")


REFUSED = {
    "floats with the values of integers": ((16_000, words() * 32767), "lie between -1 and 1"),
    "small whole numbers as floats": ((16_000, np.round(words() * 10)), "lie between -1 and 1"),
    "unsigned loudness": ((16_000, (np.abs(words()) * 100).astype(np.uint32)), "about the middle"),
    "signed bits called unsigned": (
        (16_000, (words() * 32767).astype(np.int16).view(np.uint16)),
        "about the middle",
    ),
    "a batch": ((16_000, np.zeros((1, 2, 3))), "3-dimensional"),
    "a single number": ((16_000, 0.5), "sampling rate|0-dimensional"),
    "complex numbers": ((16_000, np.zeros(9, complex)), "integers or floats"),
    "yes and no": ((16_000, np.zeros(9, bool)), "integers or floats"),
    "texts": ((16_000, ["a", "b"]), "integers or floats"),
    "rows of different lengths": ((16_000, [[1.0], [1.0, 2.0]]), "array of numbers"),
    "a tensor with a gradient": ((16_000, Stubborn()), "requires grad"),
    "a thousand channels": ((16_000, np.zeros((2_000, 1_000))), "1000 channels"),
    "no number": ((16_000, np.array([0.0, np.nan])), "not numbers"),
    "infinity": ((16_000, np.array([0.0, np.inf])), "not numbers"),
    "two arrays": ((words(), np.zeros((4, 4), int)), "whole number"),
    "no rate": ((None, np.zeros(9)), "sampling rate"),
    "a rate of nothing": ((0, np.zeros(9)), "4 to 384 kHz"),
    "a rate below nothing": ((-16_000, np.zeros(9)), "4 to 384 kHz"),
    "half a sample": ((16_000.5, np.zeros(9)), "whole number"),
    "a rate that is no number": ((float("nan"), np.zeros(9)), "whole number"),
    "three values": ((16_000, np.zeros(9), "x"), "3 values"),
    "samples alone": (np.zeros(9), "not ndarray"),
    "nothing": (None, "not NoneType"),
    "a text file": (io.StringIO("words"), "binary mode"),
    "no bytes": (b"", "is empty"),
    "bytes of something else": (b"Dear diary, this is no sound.", "not a recording"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_e10_what_is_not_is_refused_in_a_sentence(name: str) -> None:
    given, says = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        open_sound(given).samples()
    sentence = str(caught.value)
    assert re.search(says, sentence), sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_e10_a_file_of_floats_with_the_values_of_integers(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", words() * 32767, SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(BadInput, match="lie between -1 and 1"):
        open_sound(tmp_path / "a.wav").samples()


def test_e10_an_array_is_not_changed() -> None:
    given = np.stack([speech(), speech()])
    before = given.copy()
    open_sound((8_000, given)).samples()
    np.testing.assert_array_equal(given, before)
