"""What clients send in a call, brought into the form that Gradio's components take."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote

from fastapi.exceptions import RequestValidationError
from gradio import processing_utils, utils
from gradio.block_function import BlockFunction
from gradio.components import Component
from gradio.data_classes import FileData, ImageData
from gradio_client.utils import strip_invalid_filename_characters
from starlette.requests import Request

from model_zoo.errors import BadInput

_FILES: tuple[object, ...] = (FileData, ImageData)
_FILE_DOOR = "/gradio_api/file="
LONGEST_NAME = 200  # bytes
NO_CALL = 'That is no call: send {"data": [VALUES]} in JSON, as Content-Type application/json.'
MISSING = (
    "A file is missing: send one to /gradio_api/upload and give the path that it answers, "
    'as {"path": PATH, "meta": {"_type": "gradio.FileData"}}, or give a data: address.'
)
NOT_SENT = "That file was not sent to this server: send it to /gradio_api/upload."
NO_DATA = (
    "That data: address cannot be decoded: it is data:KIND;base64, and then the file in base64."
)
NO_FILES = "No file came: send a form whose fields called files are files."
NO_EVENT = "There is no such call: it has ended, or nobody listened to it."
HEARD = "Somebody listens to this call already: its answers come once."
NO_ENDPOINT = "There is no such endpoint: call one of"
SESSION, LONGEST_SESSION = "session_hash", 64  # characters; a client's is a UUID, a page's shorter
LONG_SESSION = "The name of a session is too long: give at most 64 characters."
LONGEST = 36_000_000  # bytes of a call: 25 MB in base64, and room for %2B and the like
TOO_LONG = "A call takes no more than 25 MB: send the file to /gradio_api/upload."


class NotThere(BadInput):
    """What is asked for is not there: a sentence, and behind it the names of what is."""

    def __init__(self, words: str, names: Iterable[str] = ()) -> None:
        super().__init__(words)
        self.names = ", ".join(sorted(names))


def complete(function: BlockFunction, given: list[Any]) -> list[Any]:
    """The values of a call: those left out at their defaults, files by their paths.

    Raises BadInput where one without a default is missing, where there are too many, and for a file
    that is none.
    """
    values = _with_defaults(function, given) if function.api_visibility == "public" else given
    return [
        _file(value) if component.data_model in _FILES else value
        for component, value in zip(_inputs(function), values, strict=False)
    ]


def _inputs(function: BlockFunction) -> list[Component]:
    """What the values of a call go to, in their order; nothing is sent to rows and columns."""
    return [block for block in function.inputs if isinstance(block, Component)]


def _with_defaults(function: BlockFunction, given: list[Any]) -> list[Any]:
    wanted = _inputs(function)
    needed = [component for component in wanted if component.value is None]
    if not len(needed) <= len(given) <= len(wanted):
        names = ", ".join(str(component.label) for component in wanted)
        raise BadInput(
            "/{} takes {} to {} values ({}), not {}.",
            function.api_name,
            len(needed),
            len(wanted),
            names,
            len(given),
        )
    values = given + [component.value for component in wanted[len(given) :]]
    for component, value in zip(wanted, values, strict=True):
        if component.data_model not in _FILES:
            _require_no_file(str(component.label), value)
    return values


def _require_no_file(name: str, value: Any) -> None:
    """BadInput where anything in a value looks like a file to Gradio, which would go and get it."""
    if isinstance(value, dict) and {"path", "meta"} <= value.keys():
        raise BadInput("{} cannot be a file: give a text, a number, true or false.", name)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _require_no_file(name, item)


async def refuse(request: Request, error: Exception) -> NoReturn:
    """A body that is no call at all; FastAPI would repeat it, and fail where it is no text."""
    wrong = error.errors() if isinstance(error, RequestValidationError) else ()
    long = any(one["loc"][-1] == SESSION and one["type"] == "string_too_long" for one in wrong)
    raise BadInput(LONG_SESSION if long else NO_CALL) from None


def _file(value: Any) -> Any:
    """A visitor's file by its path among the uploads; None where there is none."""
    if value is None:
        return None
    named = value if isinstance(value, str) else None
    if isinstance(value, dict):
        named = value.get("path") or value.get("url")
    if not isinstance(named, str) or not named:
        raise BadInput(MISSING)
    name = _name(value.get("orig_name")) if isinstance(value, dict) else None
    path = _decoded(named, name) if named[:5].lower() == "data:" else _uploaded(named)
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def _name(given: Any) -> str | None:
    """A name that a file may have on a disk, with its ending; None for what is no text."""
    if not isinstance(given, str):
        return None
    text = given[-LONGEST_NAME:].encode("utf-8", "ignore").decode("utf-8")
    name = strip_invalid_filename_characters(text, LONGEST_NAME)
    return "file" if name == ".." else name


def _uploaded(named: str) -> str:
    _, door, after = named.partition(_FILE_DOOR)
    folder = os.path.realpath(utils.get_upload_folder())
    try:
        path = os.path.realpath(unquote(after) if door else named)
        there = path.startswith(folder + os.sep) and Path(path).is_file()
    except (OSError, ValueError):  # too long for a name, or a zero byte in it
        there = False
    if not there:
        raise BadInput(NOT_SENT)
    return path


def _decoded(address: str, name: str | None) -> str:
    """The file in data:image/png;base64,…; spaces and missing padding are forgiven."""
    kind, comma, text = address.partition(",")
    text = "".join(unquote(text).split()).rstrip("=")
    try:
        if not (comma and kind.lower().endswith(";base64") and text):
            raise ValueError
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise BadInput(NO_DATA) from None
    ending = kind[len("data:") : -len(";base64")].partition("/")[2].partition(";")[0] or "bin"
    name = name or _name(f"file.{ending}") or "file"
    path: str = processing_utils.save_bytes_to_cache(content, name, utils.get_upload_folder())
    return path
