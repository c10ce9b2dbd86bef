"""Texts that a model has read, kept for the one who gave them and may go on from them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from model_zoo.runtime.decoder import Decoder
from model_zoo.runtime.session import Session
from model_zoo.stopping import NEVER, Stop
from model_zoo.text.turns import Turns

Logits = npt.NDArray[np.float32]
CHUNK = 64  # tokens read at once: as fast as more, and others get their turn soon
KEPT = 3  # texts that are kept

_turns = Turns()  # one for all language models: they share the processor
_memories: WeakSet[Memory] = WeakSet()  # of all language models


class Reader:
    """A decoder and the tokens that it has read.

    Tokens are read in chunks that begin at multiples of CHUNK, and only whole chunks are used
    again: a token read alone differs from one read among others in the last bits, and with what
    is kept in the way the same seed would not always write the same text.

    Once `stop` is set, all that reads raises Stopped before its next chunk.
    """

    def __init__(self, session: Session, capacity: int, rows: int = 1) -> None:
        self._session, self.decoder = session, Decoder(session, rows, capacity)
        self.owner: str | None = None  # whose texts it has read, and may read again
        self.stop = NEVER
        self.tokens: list[int] = []
        self.spent = 0.0  # seconds in the network, without the time that others had their turn
        self._whole = 0  # how many of them came in whole chunks

    @property
    def room(self) -> int:
        """Tokens that still fit."""
        return self.decoder.capacity - self.decoder.length

    def shared(self, tokens: Sequence[int], onward: bool = False) -> int:
        """How many of these tokens need not be read again; the last is always read.

        `onward`: they are the text that was written here, to go on with as if at once.
        """
        most = min(len(self.tokens), len(tokens) - 1)
        same = next((i for i in range(most) if tokens[i] != self.tokens[i]), most)
        if onward and same == len(self.tokens):
            return same
        return min(same, self._whole) // CHUNK * CHUNK

    def read(self, tokens: Sequence[int], last: int = 1, onward: bool = False) -> Logits:
        """Read a text from its beginning; logits [last, vocabulary] behind its last tokens."""
        start = self.shared(tokens[: len(tokens) - last + 1], onward)
        found = list(self._chunks(tokens, start, len(tokens) - last))
        return np.concatenate(found) if len(found) > 1 else found[0]

    def chunks(self, tokens: Sequence[int]) -> Iterator[Logits]:
        """Logits [n, vocabulary] of what follows each token, chunk by chunk."""
        return self._chunks(tokens, 0, 0)

    def _chunks(self, tokens: Sequence[int], start: int, wanted: int) -> Iterator[Logits]:
        """Read on from `start`; the logits of the tokens from the place `wanted` on."""
        self.forget(start)
        for at in range(start, len(tokens), CHUNK):
            chunk = list(tokens[at : at + CHUNK])
            first = max(0, wanted - at)
            logits = self._run(chunk, range(first, len(chunk)) if first < len(chunk) else None)
            if len(chunk) == CHUNK and at % CHUNK == 0:
                self._whole = len(self.tokens)
            if first < len(chunk):
                yield logits[0]

    def step(self, token: int) -> Logits:
        """Read one more token and give the logits [vocabulary] of what comes next."""
        logits: Logits = self._run([token], None)[0, -1]
        return logits

    def team(self, rows: int) -> Reader:
        """A reader of several texts at once that all begin with what this one has read."""
        team = Reader(self._session, self.decoder.capacity, rows)
        team.stop = self.stop
        for row in range(rows):
            team.follow(row, self)
        return team

    def follow(self, row: int, other: Reader) -> None:
        """Let a row go on from what another reader has read; in the end, all from as much."""
        length = len(other.tokens)
        for mine, theirs in zip(self.decoder.cache, other.decoder.cache, strict=True):
            array = mine.read()
            array[row, :, :length] = theirs.read()[0, :, :length]
            mine.write(array)
        self.decoder.rewind(length)

    def together(self, tokens: Sequence[int]) -> Logits:
        """Read one more token in each row and give the logits [rows, vocabulary]."""
        with _turns.turn(self.stop):
            start = time.perf_counter()
            logits = self.decoder(np.array(tokens)[:, None])
            self.spent += time.perf_counter() - start
        rows: Logits = logits[:, -1]
        return rows

    def _run(self, tokens: list[int], wanted: Sequence[int] | None) -> Logits:
        with _turns.turn(self.stop):
            start = time.perf_counter()
            logits = self.decoder(np.array([tokens]), wanted)
            self.spent += time.perf_counter() - start
        self.tokens += tokens
        return logits

    def forget(self, length: int) -> None:
        """Keep only the first `length` tokens."""
        self.decoder.rewind(length)
        self.tokens, self._whole = self.tokens[:length], min(self._whole, length)


class Memory:
    """Readers to lend: whoever goes on from a text gets the one that has read most of it.

    Each belongs to its owner and is lent to no other: how soon a first token comes would tell a
    stranger what somebody else has written, and what is read for one owner lies in memory that
    no other's text ever comes into.
    """

    def __init__(self) -> None:
        self._kept: list[Reader] = []  # the last used at the end
        self._lent: list[Reader] = []
        self._lock = Lock()
        _memories.add(self)

    @contextmanager
    def reader(
        self,
        session: Session,
        capacity: int,
        tokens: Sequence[int],
        owner: str | None,
        stop: Stop = NEVER,
        onward: bool = False,
    ) -> Iterator[Reader]:
        """A reader of one's own for a while; without an owner it is new, and nothing is kept."""
        with self._lock:
            reader = self._take(tokens, owner, onward) or Reader(session, capacity)
            reader.owner, reader.stop = owner, stop
            self._lent.append(reader)
        try:
            yield reader
        finally:
            with self._lock:
                self._lent.remove(reader)
                if reader.owner is not None:
                    reader.stop = NEVER
                    self._kept = [*self._kept, reader][-KEPT:]

    def clear(self) -> None:
        """Keep nothing of anybody's."""
        with self._lock:
            self._kept = []

    def forget(self, owner: str) -> None:
        """Keep nothing of what this owner has given, nor of what is being written for it."""
        with self._lock:
            self._kept = [reader for reader in self._kept if reader.owner != owner]
            for reader in self._lent:
                if reader.owner == owner:
                    reader.owner = None

    def _take(self, tokens: Sequence[int], owner: str | None, onward: bool) -> Reader | None:
        """The owner's reader that has read most of it, if any has."""
        mine = [reader for reader in self._kept if reader.owner == owner]
        best = max(mine, key=lambda reader: reader.shared(tokens, onward), default=None)
        if best is None or not best.shared(tokens, onward):
            return None  # rather a new one than to forget what the owner may go on from
        self._kept.remove(best)
        return best


def forget(owner: str) -> None:
    """Keep nothing of what this owner has given to any language model."""
    for memory in list(_memories):
        memory.forget(owner)
