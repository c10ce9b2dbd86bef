"""Download one pinned file from the Hugging Face hub, going on where an earlier try ended.

hf_hub_download throws away what it has when its process ends, and asks a hub that cannot be
reached for 23 seconds before it says so. So the library is used one level lower: its addresses,
tokens, offline switch, shared cache and retries, with a `.part` file that stays.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model_zoo.errors import OriginError
from model_zoo.weights.cache import DISK_ERRORS, is_right, require_room
from model_zoo.weights.source import HubFile, Source

ANSWER_SECONDS = 4.0  # for the first answer, unless HF_HUB_ETAG_TIMEOUT says otherwise
SILENCE_SECONDS = 300.0  # how long a hub that did not answer is left alone

log = logging.getLogger(__name__)
_silent_until = float("-inf")  # on time.monotonic()'s clock


def is_silent() -> bool:
    """Whether the hub did not answer this process in the last minutes."""
    return time.monotonic() < _silent_until


def download(source: Source, hub: HubFile, part: Path, progress: type[tqdm[Any]]) -> None:
    """Append to `part` what it lacks of the file; its digest is the caller's to check.

    Raises OriginError where the hub does not give it, OSError where the disk is at fault.
    """
    from huggingface_hub import hf_hub_url, try_to_load_from_cache
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    shared = try_to_load_from_cache(hub.repo, hub.path, revision=hub.revision)
    if isinstance(shared, str) and is_right(Path(shared), source):
        require_room(source.size, part.parent)
        shutil.copyfile(shared, part)
        return
    url = hf_hub_url(hub.repo, hub.path, revision=hub.revision)
    _require_offer(url, source)
    if part.exists() and part.stat().st_size > source.size:
        part.unlink()
    with part.open("ab") as file:
        require_room(source.size - file.tell(), part.parent)
        try:
            http_get(
                url,
                file,
                resume_size=file.tell(),
                headers=build_hf_headers(),
                expected_size=source.size,
                displayed_filename=source.filename,
                tqdm_class=progress,
            )
        except Exception as error:  # whichever HTTP library the hub's is built on
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise
            reason = str(error).partition("\n")[0]
            raise OriginError("it broke off, and goes on next time: {}", reason) from error


def _require_offer(url: str, source: Source) -> None:
    """Ask for the file's size: the quick way to learn that there is no hub, or no such file."""
    global _silent_until
    from huggingface_hub import get_hf_file_metadata, get_token
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    patience = float(os.environ.get("HF_HUB_ETAG_TIMEOUT", "0")) or ANSWER_SECONDS
    try:
        offered = get_hf_file_metadata(url, timeout=patience).size
    except OfflineModeIsEnabled:
        raise OriginError("HF_HUB_OFFLINE is set") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403) and get_token():
            raise OriginError(
                "it answered {} to the access token in {}: correct it or remove it",
                status,
                _where_the_token_is(),
            ) from error
        raise OriginError("it answered {}", status) from error
    except (ImportError, ValueError) as error:  # of a proxy that httpx cannot use
        raise OriginError("it cannot be asked: {}", error) from error
    except Exception as error:  # whichever HTTP library the hub's is built on
        _silent_until = time.monotonic() + SILENCE_SECONDS
        raise OriginError("it does not answer: {}", error) from error
    if offered is not None and offered != source.size:
        raise OriginError(
            "its file has {} bytes, not the pinned {}", f"{offered:,}", f"{source.size:,}"
        )


def _where_the_token_is() -> str:
    from huggingface_hub.constants import HF_TOKEN_PATH

    names = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    return next((name for name in names if os.environ.get(name)), HF_TOKEN_PATH)
