"""The fold "Use it from code": the same answer from Python, over HTTP, from a shell, JavaScript."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import gradio as gr

from demos.shell.parts import fold

DEFAULT_ORIGIN = "http://localhost:7860"

_CLIENT = """
from gradio_client import Client, handle_file

client = Client("ORIGIN")
answer = client.predict(handle_file("FILE")PYTHON_MORE, api_name="/ENDPOINT")
print(answer)
"""

_TEXT_CLIENT = """
from gradio_client import Client

client = Client("ORIGIN")
for answer in client.submit(PYTHON_MORE, api_name="/ENDPOINT"):
    print(answer["new"], end="", flush=True)
"""

_ONE_CLIENT = """
from gradio_client import Client

client = Client("ORIGIN")
answer = client.predict(PYTHON_MORE, api_name="/ENDPOINT")
print(answer)
"""

_ONE_CURL = """
curl -s ORIGIN/gradio_api/run/ENDPOINT -H 'Content-Type: application/json' \\
  -d '{"data": [MORE]}'
"""

_ONE_JAVASCRIPT = """
const reply = await fetch("ORIGIN/gradio_api/run/ENDPOINT", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ data: [MORE] }),
});
const [answer] = (await reply.json()).data;
console.log(answer);
"""

_TEXT_CURL = """
EVENT=$(curl -s ORIGIN/gradio_api/call/ENDPOINT -H 'Content-Type: application/json' \\
  -d '{"data": [MORE]}' | cut -d'"' -f4)
curl -sN ORIGIN/gradio_api/call/ENDPOINT/$EVENT
"""

_TEXT_JAVASCRIPT = """
const api = "ORIGIN/gradio_api/call/ENDPOINT";
const asked = await fetch(api, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ data: [MORE] }),
});
const { event_id } = await asked.json();
const reply = await fetch(`${api}/${event_id}`);
for await (const chunk of reply.body.pipeThrough(new TextDecoderStream())) console.log(chunk);
"""

_CURL = """
SENT=$(curl -s ORIGIN/gradio_api/upload -F files=@FILE | tr -d '[]')
curl -s ORIGIN/gradio_api/run/ENDPOINT -H 'Content-Type: application/json' \\
  -d '{"data": [{"path": '"$SENT"', "meta": {"_type": "gradio.FileData"}}MORE]}'
"""

_JAVASCRIPT = """
// Node 20 or newer; in a page, take the file from <input type="file">.
import { openAsBlob } from "node:fs";

const api = "ORIGIN/gradio_api";
const form = new FormData();
form.append("files", await openAsBlob("FILE"), "FILE");
const [path] = await (await fetch(`${api}/upload`, { method: "POST", body: form })).json();
const reply = await fetch(`${api}/run/ENDPOINT`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ data: [{ path, meta: { _type: "gradio.FileData" } }MORE] }),
});
const [answer] = (await reply.json()).data;
console.log(answer);
"""


def code(
    demo: gr.Blocks,
    python: str,
    endpoint: str,
    file: str | None,
    more: Sequence[Any] = (),
    streams: bool = True,
) -> None:
    """The fold that shows the same answer from Python, over HTTP, from a shell and JavaScript.

    `more` are the values that the endpoint takes behind the file; without a file it streams,
    unless `streams` says otherwise.
    """
    texts = (_CLIENT, _CURL, _JAVASCRIPT)
    if not file:
        one = (_ONE_CLIENT, _ONE_CURL, _ONE_JAVASCRIPT)
        texts = (_TEXT_CLIENT, _TEXT_CURL, _TEXT_JAVASCRIPT) if streams else one
    kinds: tuple[tuple[str, Literal["python", "shell", "javascript"]], ...] = (
        ("gradio_client", "python"),
        ("curl", "shell"),
        ("JavaScript", "javascript"),
    )
    snippets = [(*kind, text) for kind, text in zip(kinds, texts, strict=True)]
    comma = ", " if file else ""

    def at(origin: str) -> list[str]:
        values = {
            "ORIGIN": origin, "ENDPOINT": endpoint, "FILE": file or "",
            "PYTHON_MORE": (comma if more else "") + ", ".join(map(repr, more)),
            "MORE": (comma if more else "") + ", ".join(map(json.dumps, more)),
        }  # fmt: skip
        return [_fill(text, values) for _, _, text in snippets]

    def from_here(request: gr.Request) -> list[str]:
        origin = request.headers.get("origin", DEFAULT_ORIGIN)
        page = request.headers.get("referer", "").partition("?")[0].rstrip("/")
        return at(page if page.startswith(origin) else origin)  # behind a proxy it has a path

    shown = []
    with fold("Use it from code"), gr.Tabs():
        with gr.Tab("Python"):
            gr.Code(
                python.strip(),
                language="python",
                interactive=False,
                show_label=False,
                show_line_numbers=False,
            )
        for (title, language, _), text in zip(snippets, at(DEFAULT_ORIGIN), strict=True):
            with gr.Tab(title):
                shown.append(
                    gr.Code(
                        text,
                        language=language,
                        interactive=False,
                        show_label=False,
                        show_line_numbers=False,
                    )
                )
    demo.load(from_here, None, shown, queue=False, api_visibility="private")


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text.strip()
