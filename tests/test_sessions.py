"""Sessions that models share: opened once, bounded by bytes, and on the CPU where need be."""

import threading
import weakref

import numpy as np
import pytest

from model_zoo.errors import ProviderUnavailable
from model_zoo.runtime import sessions
from model_zoo.runtime.session import Session
from model_zoo.runtime.sessions import Sessions, open_part
from model_zoo.spec import WHOLE
from tests import tiny, toys
from tests.test_session import missing


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A model of tiny graphs that nobody has opened."""
    monkeypatch.setattr(sessions, "SESSIONS", Sessions(1_000_000))
    graph = tiny.classifier(tmp_path / "tiny.onnx")
    monkeypatch.setattr(sessions, "graph_file", lambda spec, precision, part: graph)
    return toys.spec()


def test_a_provider_that_is_not_there_falls_back_to_the_cpu_and_says_so(spec):
    with pytest.warns(UserWarning, match=f"{missing()} is not available"):
        opened = open_part(spec, WHOLE, "fp32", missing())
    assert opened.ran.provider == "cpu"
    assert missing() in opened.ran.note
    assert opened(image=np.zeros((1, 1, 4, 4), np.float32))


def test_a_graph_that_fell_back_is_the_one_that_is_open_on_the_cpu(spec):
    there = open_part(spec, WHOLE, "fp32", "cpu")
    with pytest.warns(UserWarning, match="Running on the CPU"):
        opened = open_part(spec, WHOLE, "fp32", missing())
    assert opened._session is there._session
    assert not there.ran.note
    assert sessions.SESSIONS.open_bytes == there.size > 0
    assert open_part(spec, WHOLE, "fp32", missing()) is opened, "it does not try again"


def test_brain_floats_that_fall_back_are_called_what_runs(spec):
    with pytest.warns(UserWarning, match="Running on the CPU"):
        assert open_part(spec, WHOLE, "bf16", missing()).ran.precision == "fp32"


def test_half_precision_never_falls_back(spec):
    with pytest.raises(ProviderUnavailable):
        open_part(spec, WHOLE, "fp16", missing())


class Graphs:
    """Opens the tiny graph under any name, and counts."""

    def __init__(self, folder):
        self.graph = tiny.classifier(folder / "tiny.onnx")
        self.opened = []

    def __call__(self, kept, name):
        def opened():
            self.opened.append(name)
            return Session(self.graph, "fp32", "cpu")

        return kept.get((name,), opened)


@pytest.fixture
def graphs(tmp_path):
    return Graphs(tmp_path)


def test_the_least_recently_used_session_makes_room(graphs):
    size = graphs(Sessions(0), "a").size
    kept = Sessions(2 * size)
    closed = {name: weakref.ref(graphs(kept, name)) for name in "ab"}
    graphs(kept, "a")
    graphs(kept, "c")
    assert closed["a"]() is not None
    assert closed["b"]() is None
    assert kept.open_bytes == 2 * size


def test_a_session_that_is_held_still_counts_and_is_found_again(graphs):
    size = graphs(Sessions(0), "a").size
    kept = Sessions(2 * size)
    held = graphs(kept, "held")
    for name in "abc":
        graphs(kept, name)
        assert kept.open_bytes == 2 * size
    assert graphs(kept, "held") is held


def test_one_that_is_larger_than_the_bound_is_kept_alone(graphs):
    kept = Sessions(1)
    one = weakref.ref(graphs(kept, "a"))
    assert graphs(kept, "a") is one()
    graphs(kept, "b")
    assert one() is None


def test_threads_wait_for_the_one_that_opens(tmp_path):
    graph, kept = tiny.classifier(tmp_path / "tiny.onnx"), Sessions(1_000_000)
    inside, go, count = threading.Event(), threading.Event(), []

    def opened():
        count.append(1)
        inside.set()
        go.wait(30)
        return Session(graph, "fp32", "cpu")

    found = []
    threads = [threading.Thread(target=lambda: found.append(kept.get(("a",), opened)))]
    threads[0].start()
    inside.wait(30)
    threads += [threading.Thread(target=lambda: found.append(kept.get(("a",), opened)))]
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(30)
    assert len(count) == 1
    assert found[0] is found[1]


def test_where_opening_fails_the_next_one_tries(graphs):
    kept = Sessions(1_000_000)
    with pytest.raises(OSError, match="gone"):
        kept.get(("a",), _fails)
    assert graphs(kept, "a")


def _fails():
    raise OSError("gone")
