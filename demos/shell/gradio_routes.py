"""What Gradio's routes and files do differently here; changed once for the process."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Any

from gradio import processing_utils, route_utils, routes
from gradio.block_function import BlockFunction
from gradio_client import utils as client_utils
from pydantic import Field, create_model

from demos.shell import calls
from model_zoo.errors import BadInput

HERE = "."  # the address at which the browser has the page, and which a proxy does not tell us
BY_NUMBER = "predict"  # the name under which clients call a function by its number
BODIES = ("PredictBody", "SimplePredictBody", "CancelBody", "ComponentServerJSONBody")
_copy = processing_utils.save_file_to_cache
_root_url, _add_root_url = route_utils.get_root_url, processing_utils.add_root_url
_function, _upload = route_utils.get_fn, route_utils.upload_fn


def refuse_in_sentences() -> None:
    """What names no endpoint, no file or too long a session is told so, where Gradio fails."""
    route_utils.get_fn = _function_of
    vars(routes).update(upload_fn=_uploaded)
    for name in BODIES:
        body = vars(routes)[name]
        field = body.model_fields[calls.SESSION]
        default = ... if field.is_required() else field.default
        short: Any = Field(default, max_length=calls.LONGEST_SESSION)
        limited: dict[str, Any] = {calls.SESSION: (field.annotation, short)}
        setattr(routes, name, create_model(name, __base__=body, **limited))


def _function_of(blocks: Any, api_name: str | None, body: Any) -> BlockFunction:
    """The function that a call asks for: an endpoint by its name, or any by its number.

    Where both are given Gradio takes the number, whatever else the name asks for.
    """
    endpoints = {f"/{fn.api_name}" for fn in blocks.fns.values() if fn.api_visibility == "public"}
    try:
        found = _function(blocks, api_name, body)
    except (KeyError, route_utils.FnIndexInferError):
        raise calls.NotThere(calls.NO_ENDPOINT, endpoints) from None
    by_name = body.fn_index is None and found.api_visibility == "public"
    by_number = body.fn_index is not None and api_name in (None, BY_NUMBER, found.api_name)
    if not (by_name or by_number):
        raise calls.NotThere(calls.NO_ENDPOINT, endpoints)
    return found


async def _uploaded(*given: Any, **more: Any) -> Any:
    """Gradio's upload; a form without files would be nothing, or an error of its own."""
    try:
        found = await _upload(*given, **more)
    except TypeError:  # a field called files that is a text
        raise BadInput(calls.NO_FILES) from None
    if not found[0]:
        raise BadInput(calls.NO_FILES)
    return found


class _Unguessable(route_utils.GradioUploadFile):
    """An upload whose folder does not follow from what is in it."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sha = hashlib.sha256(secrets.token_bytes(32))


def _unguessable(*_: Any) -> str:
    return secrets.token_hex(32)


def _private_copy(file_path: str | Path, cache_dir: str) -> str:
    path: str = _copy(file_path, cache_dir)
    Path(path).chmod(0o600)
    return path


async def _fetch_nothing(url: str) -> Any:
    raise BadInput("Files are taken from the browser only, not from addresses: send the file.")


def harden(folder: Path) -> None:
    """Change, once for the process, what Gradio does with files; its own go to this folder."""
    vars(routes).update(DEFAULT_TEMP_DIR=str(folder))  # read before the folder was there
    # The folder of a file would be the hash of its content: who has the same file finds it.
    vars(route_utils).update(GradioUploadFile=_Unguessable)
    for name in ("hash_file", "hash_bytes", "hash_url", "hash_base64"):
        setattr(processing_utils, name, _unguessable)
    # A copy would be as readable as what it was made from.
    processing_utils.save_file_to_cache = _private_copy
    # An address in a visitor's data would be fetched by this machine.
    processing_utils.async_ssrf_protected_get = _fetch_nothing


def use_the_browsers_address() -> None:
    """Once for the process, have pages find everything from where they are, proxies or not.

    Gradio puts the address that it was asked at into the page and its files' addresses: behind a
    proxy that does not hand on the browser's `Host`, or takes a part of the path away, nothing is
    there. Clients that are no page still get whole addresses.
    """
    route_utils.get_root_url = _root_of
    processing_utils.add_root_url = _with_root


def _root_of(request: Any, route_path: str, root_path: str | None) -> str:
    headers = request.headers
    own = "origin" in headers and headers.get("sec-fetch-site", "same-origin") == "same-origin"
    named = (root_path or "").startswith(("http://", "https://"))
    if (own or route_path == "/") and not named:
        return HERE
    root: str = _root_url(request, route_path, root_path)
    return root


def _with_root(data: Any, root_url: str, previous_root_url: str | None) -> Any:
    if root_url != HERE:
        return _add_root_url(data, root_url, previous_root_url)

    def from_here(file: dict[str, Any]) -> dict[str, Any]:
        return file | {"url": file["url"].removeprefix("/")}

    return client_utils.traverse(data, from_here, client_utils.is_file_obj_with_url)
