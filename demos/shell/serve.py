"""Put pages behind one address: tabs, health checks, a public server's settings, the browser.

One file, since what the server promises from its start to its end is read together.
"""

from __future__ import annotations

import asyncio
import platform
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from gradio.routes import App
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

import model_zoo
from demos import Page
from demos.shell import (
    calls,
    doors,
    ending,
    gradio_compat,
    gradio_routes,
    leaving,
    logs,
    private_folder,
    starting,
    uploads,
)
from demos.shell import theme as look
from demos.shell.words import SCRIPT, t, translations

MAX_UPLOAD = "250mb"  # an hour of sound, losslessly; pictures have a limit of their own
STOP_SECONDS = 3  # that requests have to end in once the server is asked to stop


class Readiness:
    """Whether every embedded model has answered once; `error` says why it never will."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.done = False
        self.error = ""

    def warm_up(self) -> None:
        try:
            for name in model_zoo.names():
                spec = model_zoo.spec(name)
                if spec.embedded:
                    model_zoo.load(name)(spec.task.example())
                    self.answered.append(name)
            self.done = True
        except Exception as error:
            self.error = str(error)
            print(f"Not ready: {error}", file=sys.stderr, flush=True)


def blocks(pages: Sequence[Page]) -> gradio_compat.Pages:
    """The pages as tabs, or one page alone without them."""
    demo = gradio_compat.Pages(title="Sensorium", analytics_enabled=False)
    with demo:
        with gr.Row(elem_id="masthead"):
            gr.HTML("<h1>Sensorium</h1>", min_width=0)
            gr.HTML(t("Real neural networks, on your own machine."), min_width=0)
        if len(pages) == 1:
            pages[0].build(demo)
        else:
            _tabs(demo, pages)
        gr.HTML(t("Nothing you draw, show, write or say leaves this machine."), elem_id="promise")
    return demo.queue(max_size=32, default_concurrency_limit=1)


def _tabs(demo: gr.Blocks, pages: Sequence[Page]) -> None:
    """Tabs whose choice is `?tab=` in the address, both ways."""
    with gr.Tabs() as tabs:
        for page in pages:
            with gr.Tab(t(page.title), id=page.slug) as tab:
                page.build(demo)
            # Gradio selects the first tab by itself before the address has been read.
            to_address = f"""() => {{ const url = new URL(location);
                if (!window.addressRead || url.searchParams.get("tab") === "{page.slug}") return;
                url.searchParams.set("tab", "{page.slug}"); url.searchParams.delete("model");
                history.replaceState(null, "", url); }}"""
            tab.select(None, None, None, js=to_address, api_visibility="private")

    def from_address(request: gr.Request) -> Any:
        asked = request.query_params.get("tab")
        return gr.Tabs(selected=asked) if asked in {page.slug for page in pages} else gr.skip()

    read = demo.load(from_address, None, tabs, queue=False, api_visibility="private")
    done = "() => { window.addressRead = true; }"
    read.then(None, None, None, js=done, api_visibility="private")


def application(pages: Sequence[Page], keep_seconds: float = uploads.KEEP_SECONDS) -> FastAPI:
    """The whole server: /healthz and /readyz, then those of Gradio's doors that we open.

    `keep_seconds`: how long a visitor's files stay once the page is closed. Errors and logs of the
    whole process hold nothing of what visitors give from here on. It may be mounted in another app,
    of one process: a visitor's calls and files belong to the process that they came to.
    """
    logs.keep_private()
    folder = private_folder.mine()
    folder.make()
    gradio_routes.harden(folder.files)
    gradio_routes.use_the_browsers_address()
    gradio_routes.refuse_in_sentences()
    ready = Readiness()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=ready.warm_up, name="warm-up", daemon=True).start()
        tasks = [
            asyncio.create_task(demo._queue.drop_unheard()),
            asyncio.create_task(_sweep(demo.state_holder, keep_seconds)),
        ]
        yield
        for task in tasks:
            task.cancel()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    asked = ["GET", "HEAD", "OPTIONS"]  # as load balancers and wget --spider do

    @app.api_route("/healthz", methods=asked)
    async def healthz() -> dict[str, Any]:
        libraries = {name: version(name) for name in ("gradio", "onnxruntime")}
        return {
            "status": "ok",
            "versions": {
                "sensorium": model_zoo.__version__,
                **libraries,
                "python": platform.python_version(),
            },
        }

    @app.api_route("/readyz", methods=asked)
    async def readyz() -> JSONResponse:
        body = {"ready": ready.done, "answered": ready.answered, "error": ready.error}
        return JSONResponse(body, status_code=200 if ready.done else 503)

    demo = blocks(pages)
    # Only `launch` sets this, and without it Gradio 6.31 checks no path that a client names as
    # its upload: any file of this machine could be had by asking for it.
    demo.has_launched = True
    demo.max_threads = 16  # this and the next are options of `launch` that mounting does not take
    demo.state_session_capacity = 1000
    gr.mount_gradio_app(
        app,
        demo,
        path="/",
        footer_links=["api", "settings"],
        run_history=False,
        show_error=False,
        max_file_size=MAX_UPLOAD,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        i18n=translations(),
        theme=look.THEME,
        css_paths=look.CSS,
        head=SCRIPT,
    )
    mounts = (route.app for route in app.routes if isinstance(route, Mount))
    gradio_app = next(mounted for mounted in mounts if isinstance(mounted, App))
    gradio_app.add_exception_handler(RequestValidationError, calls.refuse)
    demo.state_holder.__class__ = gradio_compat.Sessions
    uploads.keep_what_is_there()
    gradio_app.add_exception_handler(OSError, _no_room)
    app.add_middleware(leaving.Presence, session_of_event=demo._queue.session_of_event)
    app.add_middleware(doors.Doorkeeper)  # it is asked before all that answers
    app.add_middleware(_Awake, whole=app)
    return app


class _Awake:
    """ASGI middleware by which the first request wakes an app that is mounted in another one.

    Starlette runs the lifespan of the outermost app only.
    """

    def __init__(self, app: ASGIApp, whole: FastAPI) -> None:
        self._app, self._whole = app, whole
        self._awake, self._lock, self._life = False, asyncio.Lock(), AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._awake = True
        async with self._lock:
            if not self._awake:
                life = self._whole.router.lifespan_context(self._whole)
                await self._life.enter_async_context(life)
                self._awake = True
        await self._app(scope, receive, send)


async def _no_room(request: Request, error: Exception) -> JSONResponse:
    """What became of the folder for temporary files, where that is why nothing arrives."""
    if request.method != "POST" or isinstance(error, ConnectionError):
        raise error
    reason = getattr(error, "strerror", None) or type(error).__name__
    folder = private_folder.mine().path.parent
    words = (
        f"The folder {folder} cannot hold temporary files any more ({reason}): make room there, or "
        "start again with GRADIO_TEMP_DIR set to another one."
    )
    logs.log.error("%s", words)
    return JSONResponse({"detail": words, "error": words}, status_code=507)


async def _sweep(sessions: gradio_compat.Sessions, keep_seconds: float) -> None:
    """Every now and then, remove what closed pages have left."""
    while True:
        await asyncio.sleep(min(60.0, keep_seconds / 4))
        with suppress(OSError):  # the folder was removed, or a file went by itself
            private_folder.mine().make()
            await asyncio.to_thread(uploads.sweep, keep_seconds)
        sessions.forget_closed(keep_seconds)
        leaving.forget(keep_seconds)


def run(*pages: Page, arguments: Sequence[str] | None = None) -> None:
    """Serve the pages until Ctrl-C, a signal or the terminal's end; `--help` has the options."""
    options = starting.options(arguments)
    listener = starting.listen(options.host, options.port)
    address = starting.address_of(options.host, listener)
    proxies = "*" if starting.ON_SPACE else None  # a Space is only ever reached through its proxy
    ending.handle_ends(ending.leave)  # before there is a server and behind it
    try:
        app = application(pages, 60 * options.keep_minutes)
    except private_folder.FolderError as error:
        sys.exit(str(error))
    server = ending.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            forwarded_allow_ips=proxies,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    print(f"Sensorium is at {address}", flush=True)
    if options.browser:
        threading.Timer(1.0, webbrowser.open, [address]).start()
    try:
        server.run(sockets=[listener])
    finally:
        private_folder.remove_mine()
    if server.interrupted:
        sys.exit(130)
