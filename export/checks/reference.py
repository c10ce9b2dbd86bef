"""What is written down of trained networks: the digests of their files, and what they answered.

The weights of a model that was trained here have no other original: they are read from the very
files that are checked. So what the network answers in torch to a few inputs was written down when
it was published, and is compared with what its files answer now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from export.checks.comparison import Comparison
from model_zoo.errors import WeightsNotFound
from model_zoo.spec import WEIGHTS, ModelSpec
from model_zoo.weights.cache import sha256_of
from model_zoo.weights.description import describe, description

DIGESTS = WEIGHTS / "SHA256SUMS"  # as `sha256sum --check` reads them
REFERENCES = Path(__file__).parent / "references"


def read(spec: ModelSpec) -> Mapping[str, np.ndarray]:
    """The inputs and answers of a model by name; WeightsNotFound where nothing was written down."""
    path = REFERENCES / f"{spec.name}.npz"
    if not path.is_file():
        raise WeightsNotFound(
            f"{path.name} is missing from {path.parent}: restore it from the repository, or write "
            f"down what the trained network answers: python -m export record {spec.name}"
        )
    with np.load(path) as file:
        return dict(file)


def write(spec: ModelSpec, answers: Mapping[str, np.ndarray]) -> Path:
    """Write down answers, what the files that give them say of themselves, and their digests."""
    path = REFERENCES / f"{spec.name}.npz"
    np.savez_compressed(path, **answers)
    for file in committed(spec):
        if not _says_what_it_is(file, spec):
            _describe_anew(file, spec)
    pinned = digests() | {file.name: sha256_of(file) for file in committed(spec)}
    lines = [f"{pinned[name]}  {name}\n" for name in sorted(pinned)]
    DIGESTS.write_text("".join(lines), encoding="utf-8")
    return path


def digests() -> dict[str, str]:
    """SHA-256 by file name."""
    lines = DIGESTS.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def committed(spec: ModelSpec) -> list[Path]:
    """The files of a model that lie in the repository, not in a user's or a package's folder."""
    if spec.weights.graphs:
        return []
    if spec.adapter_file:
        return [spec.adapter_file]
    return [spec.embedded_file(p) for p in spec.run.precisions] if spec.embedded else []


def compare_digests(spec: ModelSpec) -> Iterator[Comparison]:
    """Whether the committed files are those that were published, and say so."""
    pinned = digests()
    for file in committed(spec):
        right = file.is_file() and sha256_of(file) == pinned.get(file.name)
        yield Comparison(spec.name, "", f"SHA-256 of {file.name}", (), float(not right), 0)
        if right:
            told = _says_what_it_is(file, spec)
            yield Comparison(spec.name, "", f"metadata of {file.name}", (), float(not told), 0)


def said(file: Path) -> dict[str, str]:
    """The metadata of an ONNX file."""
    properties = onnx.load(file, load_external_data=False).metadata_props
    return {entry.key: entry.value for entry in properties}


def _says_what_it_is(file: Path, spec: ModelSpec) -> bool:
    return file.suffix != ".onnx" or description(spec).items() <= said(file).items()


def _describe_anew(file: Path, spec: ModelSpec) -> None:
    model, wanted = onnx.load(file), description(spec)
    others = {name: text for name, text in said(file).items() if name not in wanted}
    helper.set_model_props(model, others)
    onnx.save(model, file)
    describe(file, spec)
