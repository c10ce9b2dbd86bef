"""Say in plain words what this machine offers, what each model runs on, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from model_zoo import __version__, zoo
from model_zoo.errors import CacheError
from model_zoo.runtime.placement import choose, details
from model_zoo.runtime.providers import offers, processor, thread_limit, usable_cores
from model_zoo.runtime.sessions import open_session
from model_zoo.weights.cache import cache_folder
from model_zoo.weights.fetch import are_here
from model_zoo.weights.source import readable

LITTLE_ROOM_BYTES = 1_000_000_000  # the default models need as much, with their graphs


@dataclass(frozen=True)
class Finding:
    """One line of the report; `fine` is False where something could be better."""

    subject: str
    fine: bool
    text: str


def examine() -> list[Finding]:
    """Look at the machine, the providers, the folders and every model, in that order.

    Nothing is fetched; of weights that are here already, the graphs are built.
    """
    import onnxruntime

    versions = f"sensorium {__version__}, Python {platform.python_version()}"
    cores = usable_cores()
    name, limit = thread_limit() or ("", 0)
    limited = f", as {name} says" if limit == cores else ""
    usable = f"{cores} usable core{'s' * (cores > 1)}{limited}"
    findings = [
        Finding("versions", True, f"{versions}, onnxruntime {onnxruntime.__version__}"),
        Finding("processor", True, f"{processor()}, {usable}"),
        *(Finding(offer.provider, offer.ready, offer.reason) for offer in offers().values()),
        _cache(),
        _temporary(),
        _ffmpeg(),
    ]
    return findings + [_model(name) for name in zoo.names()]


def _cache() -> Finding:
    try:
        folder = cache_folder()
    except CacheError as error:
        return Finding("cache", False, str(error))
    return _folder("cache", folder, "SENSORIUM_CACHE")


def _temporary() -> Finding:
    try:
        folder = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    except OSError as error:
        text = f"there is no folder for them ({error.strerror}): set GRADIO_TEMP_DIR to one"
        return Finding("temporary files", False, text)
    return _folder("temporary files", folder, "GRADIO_TEMP_DIR")


def _folder(subject: str, folder: Path, variable: str) -> Finding:
    """How much room a folder has, or that it cannot be written and what chooses another."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        text = f"{folder} cannot be written: set {variable} to another folder"
        return Finding(subject, False, text)
    free = shutil.disk_usage(there).free
    made = "" if there == folder else ", not made yet"
    return Finding(subject, free > LITTLE_ROOM_BYTES, f"{folder}, {free / 1e9:.0f} GB free{made}")


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg")
    return Finding("ffmpeg", bool(found), found or "not found: M4A, MP4 and WebM need it")


def _model(name: str) -> Finding:
    spec = zoo.spec(name)
    try:
        if not are_here(spec.weights.sources, name):
            size = readable(spec.download)
            return Finding(name, True, f"comes when it is asked for: `fetch {name}`, {size}")
        choice = choose(spec)
        pair = choice.precision, choice.provider
        opened = [open_session(spec, *pair, part) for part in spec.run.parts]
    except Exception as error:  # whatever stops a model is what the doctor is asked about
        return Finding(name, False, str(error))
    ran = dict.fromkeys(str(session.ran) for session in opened)
    fine = not any(session.ran.note for session in opened)
    why = "; ".join(filter(None, [choice.reason, details(spec)]))
    return Finding(name, fine, f"{', '.join(ran)}; {why}")
