"""Each kind in a process of its own, watched: one that hangs or crashes is started anew."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz import endpoints, leash, pictures, server, sounds, words
from tests.fuzz.kinds import Kind

KINDS = [
    kind
    for room in (pictures, sounds, words, endpoints, server)
    for kind in room.KINDS
]  # fmt: skip
CASE_SECONDS = 10  # that a case may take
FIRST_SECONDS = 180  # the first one, which opens models and makes the files that damage begins from
MOST_LOSSES = 20  # of a kind, after which the rest of it is left


@dataclass
class Tally:
    """What was tried of a kind, and why what was lost, by seed."""

    cases: int = 0
    seconds: float = 0.0
    losses: dict[int, str] = field(default_factory=dict)


class Reporter:
    """The other end of the pipe, in the process that tries."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def began(self, seed: int) -> None:
        self._pipe.send((seed, ""))

    def lost(self, seed: int, why: str) -> None:
        self._pipe.send((seed, why))


def tried(kind: Kind, seed: int, count: int) -> Tally:
    """Try this many cases from a seed on."""
    tally, began, end = Tally(), time.monotonic(), seed + count
    while seed < end and len(tally.losses) < MOST_LOSSES:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            seed = _tried_until(kind, seed, end, tally, folder)
    tally.seconds = time.monotonic() - began
    return tally


def _tried_until(kind: Kind, seed: int, end: int, tally: Tally, folder: str) -> int:
    """Try from a seed on until the end, a hang or a crash; the seed to go on from."""
    context = multiprocessing.get_context("fork")  # at once, with all that is imported here
    ours, theirs = context.Pipe(duplex=False)
    told = kind, seed, end - seed, theirs, os.getpid(), folder
    process = context.Process(target=_try, args=told, daemon=True)
    process.start()
    theirs.close()
    heard, ended = 0, False
    while len(tally.losses) < MOST_LOSSES:
        if not ours.poll(CASE_SECONDS if heard > 1 else FIRST_SECONDS):
            assert process.pid is not None
            os.kill(process.pid, signal.SIGABRT)  # by which faulthandler writes where it hangs
            tally.losses[seed] = f"it took more than {CASE_SECONDS} s"
            break
        try:
            seed, why = ours.recv()
        except EOFError:
            ended = True
            break
        heard += 1
        if why:
            tally.losses[seed] = why
        else:
            tally.cases += 1
    process.join(CASE_SECONDS if ended else 1)
    process.kill()
    process.join()
    if ended and process.exitcode == 0:
        return end
    if ended:
        tally.losses[seed] = f"the process ended with {process.exitcode}"
    return seed + kind.batch if heard else end


def _try(kind: Kind, seed: int, cases: int, pipe: Connection, harness: int, folder: str) -> None:
    leash.with_parent(harness)
    tempfile.tempdir = folder  # which the harness removes, whatever becomes of this process
    faulthandler.enable(os.dup(2))
    with Path(os.devnull).open("wb") as nowhere:  # decoders written in C complain of every damage
        os.dup2(nowhere.fileno(), 2)
    warnings.simplefilter("ignore")
    kind.run(seed, cases, Reporter(pipe))
