"""What a digit costs through HTTP beside an endpoint that only echoes: python -m tests.bench_api"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import uvicorn

import demos
import model_zoo
from demos.pages import draw
from demos.shell import parts
from demos.shell.serve import application, listen

TURNS = 200


def echo(image: str) -> dict[str, float]:
    """Answer without looking: what remains is Gradio's and HTTP's own time."""
    return {"echo": 1.0}


@contextmanager
def app_with_echo() -> Iterator[str]:
    """The page Draw with one endpoint more, which only echoes, on a free port."""
    echoing = demos.Page("echo", "Draw", 99, lambda demo: parts.endpoint(echo, "echo"))
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application([draw.page, echoing]), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def main() -> None:
    """Ask both in turns, so that whatever else the machine does falls on both; print JSON."""
    spent: dict[str, list[float]] = {"echo": [], "classify_digit": []}
    file = io.BytesIO()
    model_zoo.spec(draw.MODEL).task.example().save(file, "png")
    with app_with_echo() as address, httpx.Client(base_url=f"{address}/gradio_api") as http:
        [path] = http.post("/upload", files={"files": file.getvalue()}).json()
        body = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
        for _ in range(TURNS):
            for name, times in spent.items():
                began = time.perf_counter()
                http.post(f"/run/{name}", json=body).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
    medians = {f"{name}_ms": round(float(np.median(times)), 2) for name, times in spent.items()}
    more = round(medians["classify_digit_ms"] - medians["echo_ms"], 2)
    print(json.dumps({**medians, "more_ms": more, "turns": TURNS}))


if __name__ == "__main__":
    main()
