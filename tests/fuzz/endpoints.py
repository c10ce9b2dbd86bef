"""The endpoints by HTTP, within this process: any JSON in every place, files in any state."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st
from starlette.testclient import TestClient

import demos
from demos.pages.write import DEFAULTS
from demos.shell import serve
from tests.fuzz import seeds
from tests.fuzz.kinds import Kind, Seeded, Structured
from tests.fuzz.mutations import mutate
from tests.fuzz.rules import require, require_sentence
from tests.fuzz.words import TEXTS, TOKENS

ENDPOINTS = (
    "classify_digit",
    "classify_image",
    "classify_sentiment",
    "generate_text",
    "transcribe",
)
UNFORESEEN = "did not foresee"
TAKES_FILES: dict[str, Callable[[], list[bytes]]] = {
    "classify_digit": seeds.pictures, "classify_image": seeds.pictures,
    "transcribe": lambda: seeds.plain_sounds()[:13],
}  # fmt: skip
ADDRESSES = st.builds(
    "{}{}".format,
    st.sampled_from(("data:image/png;base64,", "data:", "https://localhost/", "/etc/", "../",
                     "file:", "/gradio_api/file=", "")),
    st.text(max_size=20),
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, ADDRESSES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("path", "url", "meta", "orig_name", "size", "x")), inner,
                        max_size=3),
    ),
    max_leaves=4,
)  # fmt: skip


@cache
def client() -> TestClient:
    """The app in this process, as long as this runs."""
    found = TestClient(serve.application(demos.all_pages()), raise_server_exceptions=False)
    return found.__enter__()


def posted(name: str, *data: Any) -> None:
    """A call is answered, or refused in a sentence; nothing unforeseen arises."""
    body = json.dumps({"data": data}).encode()
    sent = {"Content-Type": "application/json"}
    require_answer(client().post(f"/gradio_api/run/{name}", content=body, headers=sent))


def require_answer(reply: Any) -> None:
    """An answer, or a sentence under `error` or `detail` with status 4xx."""
    try:
        said = reply.json()
    except ValueError:
        said = {}
    if reply.status_code == 200:
        require(isinstance(said, dict) and "data" in said, f"no data: {reply.text[:300]}")
        return
    require(400 <= reply.status_code < 500, f"status {reply.status_code}: {reply.text[:300]}")
    require_sentence(said.get("error") or said.get("detail"))
    require(UNFORESEEN not in reply.text, f"unforeseen: {reply.text[:300]}")


def any_values(name: str, values: list[Any]) -> None:
    """Any JSON in every place; but no long texts are asked for."""
    if name == "generate_text":
        values[1:2] = [TOKENS] if values else []
    posted(name, *values)


def one_odd(text: str, place: int, odd: Any) -> None:
    """A prompt with usual options and an odd one among them."""
    values = [text[:500], TOKENS, *DEFAULTS[1:]]
    values[place] = odd
    posted("generate_text", *values)


def files(seed: int, random: Random) -> None:
    """A file in any state, uploaded and asked about."""
    name = random.choice(tuple(TAKES_FILES))
    some = TAKES_FILES[name]()
    data = random.choice(some)
    if random.random() < 0.9:
        data = mutate(random, data, some)
    sent = client().post("/gradio_api/upload", files={"files": ("a.bin", data)})
    require(sent.status_code == 200, f"an upload's status {sent.status_code}: {sent.text[:200]}")
    posted(name, {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}})


KINDS: tuple[Kind, ...] = (
    Structured("endpoints, any values", 1, any_values, st.sampled_from(ENDPOINTS),
               st.lists(JSON, max_size=12)),
    Structured("endpoints, options", 0.3, one_odd, TEXTS, st.integers(2, len(DEFAULTS)), JSON,
               batch=20),
    Seeded("endpoints, files", 0.5, files),
)  # fmt: skip
logging.getLogger("httpx").setLevel(logging.WARNING)
