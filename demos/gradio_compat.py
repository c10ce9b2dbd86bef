"""Every use that we make of Gradio's private parts, each with its reason; checked with 6.31."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils, route_utils, routes
from gradio.state_holder import StateHolder

from demos import leaving, logs, uploads
from demos.words import CHINESE, say
from demos.zoo_words import told
from model_zoo.errors import BadInput, ZooError
from model_zoo.stopping import Stopped

_copy = processing_utils.save_file_to_cache

UNEXPECTED = "Something went wrong here that we did not foresee. The log has it as"
CHINESE[UNEXPECTED] = "这里出了意料之外的错误。日志中的编号是"


class Pages(gr.Blocks):
    """Blocks whose every error is a sentence and whose calls end with their listeners."""

    async def process_api(self, block_fn: Any, inputs: list[Any], *rest: Any, **more: Any) -> Any:
        """One step of a call; Gradio would log a traceback with the visitor's words in it."""
        request, session = more.get("request"), more.get("session_hash")
        try:
            if more.get("iterator") is None:
                uploads.claim(inputs, session)
            output = await super().process_api(block_fn, inputs, *rest, **more)
            if not output["is_generating"]:
                uploads.claim(output["data"], session)
            return output
        except gr.Error as error:
            error.print_exception = False  # it tells the visitor what the visitor gave
            raise
        except Stopped:
            raise gr.Error("Stopped.", print_exception=False) from None
        except ZooError as error:
            raise gr.Error(told(error, request), print_exception=False) from None
        except Exception as error:
            words = f"{say(UNEXPECTED, request)} {logs.unexpected(error)}."
            raise gr.Error(words, print_exception=False) from None


class Sessions(StateHolder):
    """Sessions that are forgotten some time after their page has closed."""

    def forget_closed(self, keep_seconds: float) -> None:
        """Drop what is known of sessions that were last used so long ago and have no page."""
        before = datetime.now() - timedelta(seconds=keep_seconds)
        with self.lock:
            old = [session for session, used in self.time_last_used.items() if used < before]
            for session in old:
                if not leaving.page_is_open(session):
                    self.forget(session)

    def forget(self, session_id: str) -> None:
        """Drop all that is known of a session."""
        self.session_data.pop(session_id, None)
        self.time_last_used.pop(session_id, None)


class _Unguessable(route_utils.GradioUploadFile):
    """An upload whose folder does not follow from what is in it."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sha = hashlib.sha256(secrets.token_bytes(32))


def _unguessable(*_: Any) -> str:
    return secrets.token_hex(32)


def _private_copy(file_path: str | Path, cache_dir: str) -> str:
    path = _copy(file_path, cache_dir)
    Path(path).chmod(0o600)
    return path


async def _fetch_nothing(url: str) -> Any:
    raise BadInput("Files are taken from the browser only, not from addresses: send the file.")


def harden(folder: Path) -> None:
    """Change, once for the process, what Gradio does with files; its own go to this folder."""
    routes.DEFAULT_TEMP_DIR = str(folder)  # which was read before the folder was there
    # The folder of a file would be the hash of its content: who has the same file finds it.
    route_utils.GradioUploadFile = _Unguessable
    for name in ("hash_file", "hash_bytes", "hash_url", "hash_base64"):
        setattr(processing_utils, name, _unguessable)
    # A copy would be as readable as what it was made from.
    processing_utils.save_file_to_cache = _private_copy
    # An address in a visitor's data would be fetched by this machine.
    processing_utils.async_ssrf_protected_get = _fetch_nothing
