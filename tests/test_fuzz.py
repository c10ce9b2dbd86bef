"""The harness of `make fuzz` finds what it is there to find, and shows it again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import strategies as st

from model_zoo.errors import BadInput
from tests.conftest import ROOT
from tests.fuzz import kinds, mutations, rules, runner
from tests.fuzz.kinds import Kind, Seeded, Structured
from tests.test_privacy import eventually

MEGABYTES = 300  # that the case of too much memory takes, where half of it is allowed


def case(seed: int, random: Random) -> None:
    if seed == 3:
        raise ValueError("three")
    if seed == 5:
        os.abort()
    if seed == 7:
        time.sleep(60)
    if seed == 9:
        assert len(b"\1" * (MEGABYTES * 10**6))
    if seed == 11:
        rules.answered(lambda: rules.require(random.random() < 0, "a rule"))
    if seed == 13:
        rules.answered(lambda: sentence("No sentence"))
    rules.answered(lambda: sentence("A sentence: go on."))


def sentence(words: str) -> None:
    raise BadInput(words)


def test_errors_crashes_hangs_and_memory_are_lost_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "CASE_SECONDS", 3)
    monkeypatch.setattr(kinds, "MOST_BYTES", MEGABYTES * 10**6 // 2)
    tally = runner.tried(Seeded("case", 1, case), 0, 20)
    assert tally.cases == 20
    assert sorted(tally.losses) == [3, 5, 7, 9, 11, 13]
    assert "ValueError: three" in tally.losses[3]
    assert "ended with -6" in tally.losses[5]
    assert "more than 3 s" in tally.losses[7]
    assert "MB more than at the start" in tally.losses[9]
    assert tally.losses[11] == "a rule"
    assert "no sentence" in tally.losses[13]


def small(number: int) -> None:
    rules.require(number < 1000, f"{number} is too large")


def test_what_hypothesis_finds_is_small_and_found_again_by_its_seed() -> None:
    kind: Kind = Structured("numbers", 1, small, st.integers(0))
    lost = runner.tried(kind, 0, 300).losses
    seed, why = next(iter(lost.items()))
    assert "1000 is too large" in why
    assert runner.tried(kind, seed, kind.batch).losses == {seed: why}


def test_damage_is_the_same_by_the_same_seed_and_of_every_kind() -> None:
    data, other = bytes(range(256)) * 20, b"other" * 99
    some = [mutations.mutate(Random(seed), data, [other]) for seed in range(300)]
    assert some == [mutations.mutate(Random(seed), data, [other]) for seed in range(300)]
    assert len(set(some)) > 290
    assert mutations.cuts([bytes(3000), b"x"]) == [(0, 0), (0, 1024), (0, 2048), (1, 0)]


@pytest.mark.parametrize(
    "words", ["", None, "No stop", "Two\nlines.", "Traceback of it.", "long " * 400 + "."]
)
def test_what_is_no_sentence_is_broken(words: object) -> None:
    with pytest.raises(rules.Broken):
        rules.require_sentence(words)


def test_what_is_started_ends_with_who_started_it_however_that_ends(tmp_path: Path) -> None:
    note = tmp_path / "note"
    child = (
        f"import os, pathlib, time; from tests.fuzz import leash; "
        f"leash.with_parent({{}}); pathlib.Path({str(note)!r}).write_text(str(os.getpid())); "
        "time.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys; subprocess.run("
        f"[sys.executable, '-c', {child!r}.format(os.getpid())])"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT) as process:
        while not (note.exists() and note.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    child_is = Path(f"/proc/{note.read_text()}/stat")
    assert eventually(lambda: not child_is.exists() or ") Z " in child_is.read_text())


def test_what_a_case_that_crashed_has_left_is_removed(tmp_path: Path) -> None:
    note = tmp_path / "note"

    def crash(seed: int, random: Random) -> None:
        note.write_text(tempfile.mkdtemp())
        os.abort()

    assert runner.tried(Seeded("crash", 1, crash), 0, 1).losses
    assert not Path(note.read_text()).exists()
