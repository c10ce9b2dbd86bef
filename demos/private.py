"""Files that a page hands to one visitor: nobody else on this machine can read them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gradio import utils


def create(path: Path) -> Path:
    """An empty file that only this user may read and write, to be filled."""
    path.touch(mode=0o600, exist_ok=False)
    return path


def hand_out(path: Path) -> str:
    """Move a file among the uploads, which Gradio serves and clears away.

    It gets a folder of its own, closed to others, whose name cannot be guessed from its content.
    """
    uploads = Path(utils.get_upload_folder())
    uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(shutil.move(path, tempfile.mkdtemp(dir=uploads)))
