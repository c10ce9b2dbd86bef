"""Open sessions that models share: each opened once, closed when they take too much memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from threading import Condition
from weakref import WeakValueDictionary

from model_zoo.errors import ProviderUnavailable
from model_zoo.runtime.measured import workers
from model_zoo.runtime.placement import explained
from model_zoo.runtime.providers import LOST, Workers
from model_zoo.runtime.session import Session
from model_zoo.sentence import sentence
from model_zoo.spec import WHOLE, ModelSpec, stored
from model_zoo.trace import Ran
from model_zoo.weights.store import graph_file

# a model, a part of it, the pair that it runs at, and its threads
Key = tuple[str | Workers, ...]

MOST_OPEN_BYTES = 2_000_000_000  # of graphs: all models that `--all` fetches, twice


class Sessions:
    """Sessions by key, the least recently used closed when their graphs are beyond `most_bytes`.

    One that somebody holds cannot be closed: it stays counted, and is found when asked for again.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = Condition()
        self._opening: set[Key] = set()
        self._open: WeakValueDictionary[Key, Session] = WeakValueDictionary()
        self._kept: dict[Key, Session] = {}  # the most recently used last

    def get(self, key: Key, opened: Callable[[], Session]) -> Session:
        """The session of a key, from `opened` where there is none; threads wait for the first."""
        with self._lock:
            self._lock.wait_for(lambda: key not in self._opening)
            if (session := self._open.get(key)) is not None:
                self._kept[key] = self._kept.pop(key, session)
                return session
            self._opening.add(key)
        try:
            session = opened()
            with self._lock:
                self._open[key] = self._kept[key] = session
                self._make_room(key)
            return session
        finally:
            with self._lock:
                self._opening.remove(key)
                self._lock.notify_all()

    @property
    def open_bytes(self) -> int:
        """The size of all open graphs, held or kept."""
        return sum(session.size for session in self._open.values())

    def close(self, chosen: Callable[[Key], bool]) -> None:
        """Close the sessions with such keys that nobody holds."""
        with self._lock:
            for key in filter(chosen, list(self._kept)):
                del self._kept[key]

    def _make_room(self, newest: Key) -> None:
        while self.open_bytes > self.most_bytes and (key := next(iter(self._kept))) != newest:
            del self._kept[key]


SESSIONS = Sessions(MOST_OPEN_BYTES)


def open_session(spec: ModelSpec, precision: str, provider: str, part: str = WHOLE) -> Session:
    """The shared session of a model's part, where the model places it at this pair."""
    return open_part(spec, part, *spec.place(precision, provider)[part])


def open_part(spec: ModelSpec, part: str, precision: str, provider: str) -> Session:
    """The session of a model's part at the pair that it really runs at.

    Where the provider does not start, with a warning and a note, the same graph's on the CPU; also
    where its device has failed in this process.
    Raises ProviderUnavailable for fp16, a graph for GPUs through which a CPU would crawl.
    """
    if provider in LOST:
        return _on_the_cpu(spec, part, precision).noted(sentence("{} failed", provider))
    chosen = workers(spec, precision, provider)

    def opened() -> Session:
        try:
            session = Session(graph_file(spec, precision, part), precision, provider, chosen)
            session.spare = lambda: open_part(spec, part, precision, provider)
            return session
        except ProviderUnavailable as error:
            if precision == "fp16":
                raise
            name = spec.filename(part, stored(precision))
            warnings.warn(f"{name}: {error} Running on the CPU instead.", stacklevel=2)
            there = _on_the_cpu(spec, part, precision)
            return there.noted(sentence("{} did not start", provider))

    return SESSIONS.get((spec.name, part, precision, provider, chosen), opened)


def _on_the_cpu(spec: ModelSpec, part: str, precision: str) -> Session:
    """The part there, in place of a device: of a graph for GPUs, the one for processors."""
    if precision == "fp16":
        small = "int8" in spec.run.precisions and spec.within_budget("int8")
        precision = spec.place("int8" if small else "fp32", "cpu")[part][0]
    return open_part(spec, part, stored(precision), "cpu")


class OneGraph:
    """A model all of whose work is one graph."""

    def __init__(self, spec: ModelSpec, precision: str, provider: str) -> None:
        self.spec, self.precision, self.provider = spec, precision, provider

    @property
    def session(self) -> Session:
        """The open graph, shared by all models of this name, precision and provider."""
        return open_session(self.spec, self.precision, self.provider)

    def open(self) -> None:
        """Open the graph, where it is not open yet."""
        _ = self.session

    @property
    def ran(self) -> Ran:
        """Where it runs, and why there."""
        return explained(self.session.ran, self.spec, self.precision, self.provider)
