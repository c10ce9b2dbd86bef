"""Say in plain words what this machine offers, what each model runs on, and what is missing."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass

from model_zoo import __version__, zoo
from model_zoo.cache import cache_folder
from model_zoo.providers import offers, processor, usable_cores
from model_zoo.source import readable
from model_zoo.tuning import choose


@dataclass(frozen=True)
class Finding:
    """One line of the report; `fine` is False where something could be better."""

    subject: str
    fine: bool
    text: str


def examine() -> list[Finding]:
    """Look at the machine, the providers, the cache folder and every model, in that order."""
    import onnxruntime

    versions = f"sensorium {__version__}, Python {platform.python_version()}"
    cores = usable_cores()
    findings = [
        Finding("versions", True, f"{versions}, onnxruntime {onnxruntime.__version__}"),
        Finding("processor", True, f"{processor()}, {cores} usable core{'s' * (cores > 1)}"),
        *(Finding(offer.provider, offer.ready, offer.reason) for offer in offers().values()),
        _cache(),
        _ffmpeg(),
    ]
    return findings + [_model(name) for name in zoo.names()]


def _cache() -> Finding:
    folder = cache_folder()
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(parent).free / 1e9
    text = f"{folder}, {free:.0f} GB free" + ("" if folder.exists() else ", not made yet")
    return Finding("cache", free > 1, text)


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg")
    return Finding("ffmpeg", bool(found), found or "not found: M4A, MP4 and WebM need it")


def _model(name: str) -> Finding:
    spec = zoo.spec(name)
    if name not in zoo.usual():
        size = readable(spec.download)
        return Finding(name, True, f"comes when it is asked for: `fetch {name}`, {size}")
    choice = choose(spec)
    try:
        opened = [
            zoo.new_session(spec, choice.precision, choice.provider, part) for part in spec.parts
        ]
    except Exception as error:  # whatever stops a model is what the doctor is asked about
        return Finding(name, False, str(error))
    ran = dict.fromkeys(str(session.ran) for session in opened)
    fine = not any(session.ran.note for session in opened)
    return Finding(name, fine, f"{', '.join(ran)}; {choice.reason}")
