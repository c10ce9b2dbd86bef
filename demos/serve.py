"""Put pages behind one address: tabs, health checks, a public server's settings, the browser."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from types import FrameType
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.routing import Mount

import model_zoo
from demos import Page, calls, doors, gradio_compat, leaving, logs, look, private_folder, uploads
from demos.words import CHINESE, t, translations

CHINESE.update(
    {
        "Real neural networks, on your own machine.": "真正的神经网络，就在你自己的机器上。",
        "Nothing you draw, show, write or say leaves this machine.": (
            "你画的、展示的、写的、说的一切都不会离开这台机器。"
        ),
    }
)
MAX_UPLOAD = "250mb"  # an hour of sound, losslessly; pictures have a limit of their own
# A closed terminal hangs up; a closed console window on Windows breaks.
ENDS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]
STOP_SECONDS = 3  # that requests have to end in once the server is asked to stop
ON_SPACE = "SPACE_ID" in os.environ  # Hugging Face Spaces set it


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
                    model_zoo.load(name)(spec.example())
                    self.answered.append(name)
            self.done = True
        except Exception as error:
            self.error = str(error)
            print(f"Not ready: {error}", file=sys.stderr, flush=True)


def blocks(pages: Sequence[Page]) -> gr.Blocks:
    """The pages as tabs, or one page alone without them."""
    with gradio_compat.Pages(title="Sensorium", analytics_enabled=False) as demo:
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
    whole process hold nothing of what visitors give from here on.
    """
    logs.keep_private()
    folder = private_folder.mine()
    folder.make()
    gradio_compat.harden(folder.files)
    ready = Readiness()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=ready.warm_up, name="warm-up", daemon=True).start()
        tasks = [
            asyncio.create_task(demo._queue.drop_unheard()),
            asyncio.create_task(_sweep(gradio_app.state_holder, keep_seconds)),
        ]
        yield
        for task in tasks:
            task.cancel()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
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

    @app.get("/readyz")
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
    )
    gradio_app = next(route.app for route in app.routes if isinstance(route, Mount))
    gradio_app.add_exception_handler(RequestValidationError, calls.refuse)
    gradio_app.state_holder.__class__ = gradio_compat.Sessions
    uploads.keep_what_is_there()
    app.add_middleware(leaving.Presence, session_of_event=demo._queue.session_of_event)
    app.add_middleware(doors.Doorkeeper)  # the outermost: it is asked first
    return app


async def _sweep(sessions: gradio_compat.Sessions, keep_seconds: float) -> None:
    """Every now and then, remove what closed pages have left."""
    while True:
        await asyncio.sleep(min(60.0, keep_seconds / 4))
        with suppress(OSError):  # the folder was removed, or a file went by itself
            private_folder.mine().make()
            await asyncio.to_thread(uploads.sweep, keep_seconds)
        sessions.forget_closed(keep_seconds)
        leaving.forget(keep_seconds)


class Server(uvicorn.Server):
    """Ends quietly at every signal that asks for it, also while somebody has a page open."""

    interrupted = False  # by Ctrl-C

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but for hang-ups too, and nothing is raised again when all is over."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in ENDS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more calls, and end; the second Ctrl-C does not wait for anybody."""
        self.interrupted |= sig == signal.SIGINT
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End Gradio's connections too, or it would wait as long as somebody has a page open."""
        for route in self.config.app.routes:
            if stop := getattr(getattr(route, "app", None), "stop_event", None):
                stop.set()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that answers at once.

    `socket.create_server` does not name the protocol, and asyncio then leaves Nagle's algorithm
    on, by which every small answer waits 40 ms for the other side.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # on Windows the option would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()
    return listener


def run(*pages: Page, arguments: Sequence[str] | None = None) -> None:
    """Serve the pages until Ctrl-C, a signal or the terminal's end; `--help` has the options."""
    options = _options(arguments)
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        sys.exit(
            f"Port {options.port} of {options.host} cannot be opened ({os.strerror(error.errno)}): "
            f"choose another with --port."
        )
    port = listener.getsockname()[1]
    host = "localhost" if options.host in ("0.0.0.0", "127.0.0.1", "::") else options.host
    address = f"http://{host}:{port}"
    proxies = "*" if ON_SPACE else None  # a Space is only ever reached through its proxy
    try:
        app = application(pages, 60 * options.keep_minutes)
    except private_folder.FolderError as error:
        sys.exit(str(error))
    server = Server(
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
        private_folder.mine().remove()
    if server.interrupted:
        sys.exit(130)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    person = sys.stdout.isatty() and not ON_SPACE
    # On Linux without a display, webbrowser would open a browser inside the terminal.
    screen = sys.platform in ("darwin", "win32") or any(
        name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    parser = argparse.ArgumentParser(
        description="Sensorium: real neural networks that answer on your own machine."
    )
    parser.add_argument(
        "--host",
        default=os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if ON_SPACE else "127.0.0.1"),
        help="address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        help="port to listen on; 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--keep-minutes",
        type=float,
        default=float(os.environ.get("SENSORIUM_KEEP_MINUTES", uploads.KEEP_SECONDS / 60)),
        help="how long a visitor's files stay once the page is closed (default: %(default)g)",
    )
    parser.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        default=person and screen,
        help="do not open the browser",
    )
    return parser.parse_args(arguments)
