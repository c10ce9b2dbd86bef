"""What a run was started with: it stands in every file that comes of the run.

Files are written whole, and one that is damaged or came of something else is never gone on from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

# "recipe": its name and a digest of its code, "data": a digest of what is trained on, "seed"
Origin = Mapping[str, Any]
CODE = Path(__file__).parent
TRAINED_ON = ("train", "validation")


def origin(recipe: str, parts: Mapping[str, Any], seed: int, code: tuple[str, ...]) -> Origin:
    """Of a run of a recipe on these parts; `code` are the files here that make what it makes."""
    sources = b"".join((CODE / f"{name}.py").read_bytes() for name in code)
    data = sha256()
    for value in (value for name in TRAINED_ON for value in vars(parts[name]).values()):
        if isinstance(value, np.ndarray):
            data.update(f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).data)
        else:
            data.update(json.dumps(value).encode())
    version = sha256(sources).hexdigest()[:12]
    return {"recipe": f"{recipe} {version}", "data": data.hexdigest()[:12], "seed": seed}


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what takes this file's place at the end; of a failure nothing stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def keep(path: Path, started: Origin, **arrays: np.ndarray) -> None:
    """Write arrays to an .npz file, with what they came of."""
    with whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, origin=np.array(json.dumps(started)), **arrays)


def kept(path: Path, started: Origin) -> dict[str, np.ndarray] | None:
    """What `keep` wrote, by name; None where that is not there, damaged, or of another origin."""
    try:
        with np.load(path) as file:
            found = dict(file)
    except Exception:  # a cut zip fails in its own ways, and what is in it can be made again
        return None
    return found if str(found.pop("origin", "")) == json.dumps(started) else None
