"""Which of Gradio's doors are open: those that the pages and their clients use, and no other.

A new version's new route is shut until somebody adds it here.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import gradio as gr
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demos.shell import calls, logs
from demos.shell.words import translated
from model_zoo.errors import BadInput, ZooError

API = "/gradio_api"
UPLOAD = f"{API}/upload"
COMPONENT_SERVER = f"{API}/component_server"
OPEN = {
    "ours, for whoever hosts the app": [
        ("GET", "/healthz"),
        ("HEAD", "/healthz"),
        ("GET", "/readyz"),
        ("HEAD", "/readyz"),
    ],
    "the page and what it is made of": [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/theme.css"),
        ("GET", "/assets/{path:path}"),
        ("GET", "/static/{path:path}"),
        ("GET", "/favicon.ico"),
        ("GET", "/manifest.json"),
        ("GET", "/robots.txt"),
        ("GET", f"{API}/heartbeat/{{session_hash}}"),
        ("POST", COMPONENT_SERVER),
    ],
    "files": [
        ("POST", UPLOAD),
        ("GET", f"{API}/upload_progress"),
        ("GET", f"{API}/file={{path_or_url:path}}"),
        ("HEAD", f"{API}/file={{path_or_url:path}}"),
    ],
    "what clients ask first": [
        ("GET", "/config"),
        ("GET", f"{API}/info"),
    ],
    "answers": [
        ("POST", f"{API}/run/{{api_name}}"),
        ("POST", f"{API}/api/{{api_name}}"),  # as older clients call it
        ("POST", f"{API}/call/{{api_name}}"),
        ("GET", f"{API}/call/{{api_name}}/{{event_id}}"),
        ("POST", f"{API}/queue/join"),
        ("GET", f"{API}/queue/data"),
        ("POST", f"{API}/cancel"),
        ("POST", f"{API}/reset"),  # as older clients cancel
    ],
}
ELSEWHERE = tuple(f"{API}/file={scheme}" for scheme in ("http:", "https:"))
_DOORS = [
    (method, compile_path(path)[0])
    for doors in OPEN.values()
    for method, name in doors
    for path in (name, f"{name.rstrip('/')}/")
]


def is_open(method: str, path: str) -> bool:
    """Whether there is a door at this path; OPTIONS, which browsers ask first, is free."""
    free = method == "OPTIONS"
    return any((free or wanted == method) and door.match(path) for wanted, door in _DOORS)


class Doorkeeper:
    """ASGI middleware that answers 404 wherever there is no open door.

    Nor does a link restore another visitor's page (`?deep_link=`), nor is a file fetched from
    elsewhere (`file=https://…`), nor does a page's own function take forms, which no page sends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if not is_open(scope["method"], path) or path.lower().startswith(ELSEWHERE):
                await JSONResponse({"detail": "Not Found"}, 404)(scope, receive, send)
                return
            kind = Headers(scope=scope).get("content-type", "")
            if path.rstrip("/") == COMPONENT_SERVER and kind.lower().startswith("multipart/"):
                await JSONResponse({"detail": "Unsupported Media Type"}, 415)(scope, receive, send)
                return
            asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            kept = [(name, value) for name, value in asked if name != "deep_link"]
            if kept != asked:
                scope = {**scope, "query_string": urlencode(kept).encode("ascii")}
            room = None if path.rstrip("/") == UPLOAD else calls.LONGEST
            await self._answer(scope, receive, send, room)
        elif scope["type"] != "websocket":
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, room: int | None) -> None:
        """What the app answers, but a sentence in place of a bare "Internal Server Error".

        `room`: how many bytes may come. To read more of them as JSON would hold everybody up.
        """
        begun, too_long, came = False, False, 0

        async def receive_on() -> Message:
            nonlocal came, too_long
            message = await receive()
            came += len(message.get("body", b""))
            too_long = room is not None and came > room
            if too_long:
                raise BadInput(calls.TOO_LONG)
            return message

        async def send_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = not (_is_bare(message) or too_long)
            if begun:
                await send(message)

        try:
            await self._app(scope, receive_on, send_on)
            if too_long:  # which FastAPI has words of its own for
                raise BadInput(calls.TOO_LONG)
        except ClientDisconnect:  # nobody is there to be told
            return
        except Exception as error:
            if begun and isinstance(error.__cause__, HTTPException):  # told in the stream itself
                await send({"type": "http.response.body"})
                return
            if begun:
                raise
            await _sentence(error, gr.Request(Request(scope)))(scope, receive, send)


def _is_bare(start: Message) -> bool:
    """Whether it is Starlette's word for an exception, which it raises again behind it."""
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == 500 and kind.startswith("text/plain")


def _sentence(error: Exception, request: gr.Request) -> JSONResponse:
    """An error of ours is a refusal; of any other the log has the place under a number."""
    if isinstance(error, ZooError):
        words, status = translated(error, request), 400
        if isinstance(error, calls.NotThere):
            words, status = f"{words} {error.names}." if error.names else words, 404
    else:
        words, status = logs.unexpected(error, request), 500
    return JSONResponse({"detail": words, "error": words}, status)
