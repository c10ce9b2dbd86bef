"""/generate_text as clients use it: it streams, refuses nonsense, ends with its connection."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from demos.pages import write, writing
from tests.test_api import is_a_sentence, run, snippets_of

pytestmark = pytest.mark.weights

ENDPOINT = "/generate_text"
FETCH_SECONDS = 240


@pytest.fixture(scope="module")
def client(app: str) -> Client:
    client = Client(app, verbose=False)
    client.predict("Wake up", 1, api_name=ENDPOINT)  # the model is open from here on
    return client


def call(app: str, *given: object, **chosen: object) -> str:
    """The address where the answer to a plain POST streams."""
    names = list(write.generate_text.__annotations__)[1:]
    values = dict(zip(names, write.DEFAULTS, strict=False)) | chosen
    data = [*given, *list(values.values())[len(given) - 1 :]]
    asked = httpx.post(
        f"{app}/gradio_api/call{ENDPOINT}",
        content=json.dumps({"data": data}),
        headers={"Content-Type": "application/json"},
    )
    return f"{app}/gradio_api/call{ENDPOINT}/{asked.raise_for_status().json()['event_id']}"


def test_text_streams(client: Client):
    answers = list(client.submit("Why is the sky blue?", 40, api_name=ENDPOINT))
    assert len(answers) > 3
    last = answers[-1]
    assert [answer["done"] for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert len(last["tokens"]) == 40
    assert "".join(token["text"] for token in last["tokens"]) == last["text"]
    assert "".join(answer["new"] for answer in answers) == last["text"]
    assert all(len(token["alternatives"]) == 5 for token in last["tokens"])


@pytest.mark.load
def test_two_thousand_tokens_are_sent_in_half_a_megabyte(app: str, client: Client):
    told = "Tell me the longest story that you know, and never end."
    for seed in range(10):  # until one is long enough: as many bytes a token
        asked = call(app, told, 2000, 1.0, 0, 1.0, seed=seed)
        reply = httpx.get(asked, timeout=300)
        lines = [line for line in reply.text.splitlines() if line.startswith("data: [")]
        values = [json.loads(line.removeprefix("data: "))[0] for line in lines]
        if (count := len(values[-1]["tokens"])) > 300:
            break
    assert count > 300
    assert "".join(value["new"] for value in values) == values[-1]["text"]
    assert len(reply.content) < 500_000 * count / 2000


def test_the_same_seed_gives_the_same_text(client: Client):
    def text(seed: int) -> str:
        chosen = {"temperature": 1.2, "seed": seed, "max_new_tokens": 16}
        return client.predict("A story", api_name=ENDPOINT, **chosen)["text"]

    assert text(1) == text(1) != text(2)


def test_a_stop_text_is_left_out(client: Client):
    chosen = {"temperature": 0, "chat": False, "max_new_tokens": 8}
    assert (
        "Paris" in client.predict("The capital of France is", api_name=ENDPOINT, **chosen)["text"]
    )
    stopped = client.predict("The capital of France is", stop="ari", api_name=ENDPOINT, **chosen)
    assert stopped["text"] == " P"


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"prompt": ""}, "write a few words first"),
        ({"prompt": "word " * 5000}, "shorten it"),
        ({"temperature": -1}, "temperature is between"),
        ({"top_p": 2}, "top_p is between"),
        ({"max_new_tokens": 1.5}, "max_new_tokens is a whole number"),
        ({"seed": -3}, "seed is between"),
        ({"model": "gpt3"}, "choose one of"),
    ],
)
def test_bad_input_is_answered_in_a_sentence(client: Client, chosen: dict, says: str):
    with pytest.raises(AppError) as caught:
        client.predict(**({"prompt": "Hello", "max_new_tokens": 4} | chosen), api_name=ENDPOINT)
    is_a_sentence(str(caught.value), says)


def test_what_is_not_a_number_is_refused(app: str, client: Client):
    for value in (math.nan, "hot", None):
        reply = httpx.get(call(app, "Hello", 4, value), timeout=60)
        assert "event: error" in reply.text
    assert "event: complete" in httpx.get(call(app, "Hello", 4), timeout=60).text


@pytest.mark.parametrize("prompt", ["\x00\x07 bell", "\u202eright to left", "🏳️‍🌈" * 20])
def test_odd_characters_are_read(client: Client, prompt: str):
    assert client.predict(prompt, 3, api_name=ENDPOINT)["done"]


def test_the_loop_ends_with_its_connection(app: str, client: Client):
    for _ in range(write.AT_ONCE):
        address = call(app, "Count to ten thousand.", 4096, 1.5, stop="never to be found")
        with httpx.stream("GET", address, timeout=60) as reply:
            assert next(reply.iter_lines()) == "event: generating"
    # As many as may write at once have left: were their loops not over, nobody else could begin.
    began = time.monotonic()
    client.predict("Hi", 1, api_name=ENDPOINT)
    assert time.monotonic() - began < 20


@pytest.mark.load
def test_four_people_are_served_in_fair_turns(client: Client):
    ends: dict[int, float] = {}
    times: dict[int, list[float]] = {person: [] for person in range(4)}

    def ask(person: int) -> None:
        for _ in client.submit(f"Tell story {person}.", 24, 0.9, seed=person, api_name=ENDPOINT):
            times[person].append(time.monotonic())
        ends[person] = time.monotonic()

    threads = [threading.Thread(target=ask, args=(person,)) for person in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    firsts = [stamps[0] for stamps in times.values()]
    # Nobody is through before all have begun.
    assert max(firsts) < min(ends.values())


def test_the_printed_code_runs(app: str, client: Client, tmp_path: Path):
    code = snippets_of(write.page, app)
    for kind in ("model_zoo", "gradio_client"):
        assert len(run(sys.executable, "-c", code[kind], cwd=tmp_path)) > 20, kind
    assert "event: complete" in run("sh", "-c", code["curl"], cwd=tmp_path)


def test_the_model_that_needs_no_hub_comes_first():
    assert writing.ALWAYS == "smollm2-135m"
    assert set(writing.MODELS) >= {"smollm2-135m", "gpt2"}
