"""What `auto` runs on: the rule before any measurement, and the measurement."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import model_zoo
from model_zoo import zoo
from model_zoo.runtime import activity, measured, placement, providers, tuning, workbench
from model_zoo.runtime.background import Background
from model_zoo.runtime.measured import Measured, Pair, Timing
from model_zoo.runtime.providers import Workers
from model_zoo.runtime.workbench import Disturbed, Failed, Workbench
from model_zoo.spec import ModelSpec

FP32, INT8 = ("fp32", "cpu"), ("int8", "cpu")
BF16, OPENVINO = ("bf16", "openvino"), ("int8", "openvino")
USUAL = Workers(2, False)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SENSORIUM_CACHE", str(tmp_path))
    measured._models.cache_clear()
    yield tmp_path
    zoo.unload()
    measured._models.cache_clear()


class Scripted(Workbench):
    """Times by pair, and by its other threads, in place of a process that measures them."""

    def __init__(self, times: dict[Pair, float], **more: float) -> None:
        super().__init__()
        self.times, self.spinning, self.spread = times, more.get("spinning", 9.0), 0.0
        self.asked: list[tuple[Pair, Workers]] = []
        self.drift = more.get("drift", 1.0)

    def time(self, spec, pair, workers, seconds, best=1e9, longest=0.0) -> Timing:  # type: ignore[no-untyped-def]
        if pair not in self.times:
            raise Failed("no such device")
        again = (pair, workers) in self.asked
        self.asked.append((pair, workers))
        usual = self.times[pair] if not workers.spin else self.spinning
        return Timing(usual * (self.drift if again else 1), self.spread, 9, workers)


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """A model of four pairs on a processor with everything."""
    found = model_zoo.spec("sst2-minilm")
    for module in (tuning, placement):
        monkeypatch.setattr(module, "in_budget", lambda *_: [FP32, INT8, BF16, OPENVINO])
        monkeypatch.setattr(module, "has_amx", lambda: True)
    monkeypatch.setattr(tuning, "usable_cores", lambda: 2)
    monkeypatch.setattr(tuning, "physical_cores", lambda: 2)
    monkeypatch.setattr(tuning, "is_cheap", lambda *_: True)
    return found


def test_bfloat16_is_the_rule_with_amx_only() -> None:
    pairs = [FP32, INT8, BF16, OPENVINO]
    assert placement.by_rule(pairs, amx=True) == BF16
    assert placement.by_rule(pairs, amx=False) == INT8


@pytest.mark.parametrize(
    "pairs", [[FP32, INT8], [INT8, OPENVINO], [("fp32", "webgpu"), INT8, FP32]]
)
@pytest.mark.parametrize("amx", [True, False])
def test_no_rule_leaves_int8_on_the_cpu_for_what_nobody_measured(
    pairs: list[Pair], amx: bool
) -> None:
    assert placement.by_rule(pairs, amx) == INT8


@pytest.mark.parametrize(
    ("flags", "bf16", "amx"),
    [("sse2 avx2 fma", 0, 0), ("avx512f avx512_vnni", 0, 0), ("avx512_bf16 avx512_vnni", 1, 0),
     ("avx512_bf16 amx_tile amx_bf16 amx_int8", 1, 1)],
)  # fmt: skip
def test_the_rule_goes_by_the_processors_flags(
    monkeypatch: pytest.MonkeyPatch, flags: str, bf16: bool, amx: bool
) -> None:
    monkeypatch.setattr(providers, "processor_flags", lambda: frozenset(flags.split()))
    monkeypatch.setattr(placement, "ready", lambda: ("cpu", "openvino"))
    spec = model_zoo.spec("sst2-minilm")
    assert (BF16 in placement.candidates(spec)) == bf16
    choice = placement.choose(spec)
    assert (choice.precision, choice.provider) == (BF16 if amx else INT8)
    assert choice.reason == "by rule, not measured here yet"


def test_the_fastest_that_was_measured_is_chosen_and_says_so(spec: ModelSpec) -> None:
    tuning.tune(spec, tuning.QUICK, Scripted({FP32: 8, INT8: 3, BF16: 6, OPENVINO: 4}))
    choice = placement.choose(spec)
    assert (choice.precision, choice.provider) == INT8
    assert choice.reason == "the fastest of 4 measured here"
    assert "int8/cpu 3 ms, int8/openvino 4 ms, bf16/openvino 6 ms" in placement.details(spec)


def test_the_rules_pair_is_not_left_for_a_hundredth(spec: ModelSpec) -> None:
    tuning.tune(spec, tuning.QUICK, Scripted({FP32: 8, INT8: 2.97, BF16: 3, OPENVINO: 4}))
    assert placement.choose(spec).precision == "bf16"


def test_a_pair_that_does_not_run_is_never_chosen(spec: ModelSpec) -> None:
    tuning.tune(spec, tuning.QUICK, Scripted({FP32: 8, INT8: 9}))
    choice = placement.choose(spec)
    assert (choice.precision, choice.provider) == FP32
    assert "bf16/openvino failed" in placement.details(spec)


def test_threads_that_fail_cost_only_themselves(spec: ModelSpec) -> None:
    class Fragile(Scripted):
        def time(self, spec, pair, workers, *rest, **more):  # type: ignore[no-untyped-def]
            if workers.spin:
                raise Failed("a driver that takes no spinning")
            return super().time(spec, pair, workers, *rest, **more)

    known = tuning.tune(spec, tuning.QUICK, Fragile({FP32: 8, INT8: 3}))
    assert known.settled
    assert INT8 in known.timings
    assert INT8 not in known.failed


def test_without_a_folder_to_keep_it_in_an_answer_comes_all_the_same(tmp_path: Path) -> None:
    picture, file = tmp_path / "seven.png", tmp_path / "a file"
    model_zoo.spec("mnist-cnn").task.example().save(picture)
    file.write_text("no folder")
    for folder in ("/proc/nowhere", str(file)):
        environment = os.environ | {tuning.VARIABLE: "on", "SENSORIUM_CACHE": folder}
        done = subprocess.run(
            [sys.executable, "-m", "model_zoo", "run", "mnist-cnn", str(picture)],
            env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[2] == "7"


def test_files_of_the_persons_own_folder_are_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    with Workbench() as bench:
        assert bench.time(model_zoo.spec("mnist-cnn"), INT8, Workers(1), seconds=0.05).runs > 3


def test_threads_that_spin_are_kept_where_they_gain(spec: ModelSpec) -> None:
    tuning.tune(spec, tuning.QUICK, Scripted({FP32: 8, INT8: 3}, spinning=2.5))
    assert measured.workers(spec, *INT8) == Workers(2, True)
    assert measured.workers(spec, *FP32) == USUAL
    tuning.tune(spec, tuning.QUICK, Scripted({FP32: 8, INT8: 3}, spinning=2.9))
    assert measured.workers(spec, *INT8) == USUAL


def test_a_disturbed_measurement_is_repeated_and_the_least_counts(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "is_on", lambda: True)
    monkeypatch.setattr(tuning, "are_here", lambda *_: True)
    assert tuning.is_wanted(spec)
    first = tuning.tune(
        spec, tuning.QUICK, Scripted({FP32: 4, INT8: 5, BF16: 4.5, OPENVINO: 6}, drift=2)
    )
    assert not first.settled
    assert "measured again" in placement.details(spec)
    assert tuning.is_wanted(spec)
    second = tuning.tune(spec, tuning.QUICK, Scripted({FP32: 8, INT8: 3, BF16: 6, OPENVINO: 6}))
    assert second.settled
    assert not tuning.is_wanted(spec)
    assert measured.measured(spec).timings[FP32].median_ms == 4


def test_on_a_machine_that_is_never_calm_the_third_time_counts(spec: ModelSpec) -> None:
    noisy = [tuning.tune(spec, tuning.QUICK, Scripted({FP32: 4, INT8: 5, BF16: 4.5}, drift=2))
             for _ in range(3)]  # fmt: skip
    assert [one.settled for one in noisy] == [False, False, True]


def test_a_clear_winner_needs_no_calm(spec: ModelSpec) -> None:
    assert tuning.tune(spec, tuning.QUICK, Scripted({FP32: 9, INT8: 2}, drift=2)).settled


@pytest.mark.parametrize("changed", ["_machine", "_key"])
def test_what_was_measured_elsewhere_or_with_other_weights_does_not_count(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    tuning.tune(spec, tuning.QUICK, Scripted({FP32: 1, INT8: 3}))
    monkeypatch.setattr(measured, changed, lambda *_: "another")
    assert measured.measured(spec) == measured.NOTHING
    assert "by rule" in placement.choose(spec).reason


def test_models_do_not_forget_each_other() -> None:
    for name in ("mnist-cnn", "cifar10-resnet"):
        known = Measured("2026-01-01", 1, True, {INT8: Timing(1, 0, 1, USUAL)})
        measured.keep(model_zoo.spec(name), known)
    assert all(measured.measured(model_zoo.spec(n)).passes for n in ("mnist-cnn", "cifar10-resnet"))


def test_a_graph_that_costs_much_room_is_not_built_to_be_measured() -> None:
    quick = tuning._pairs(model_zoo.spec("whisper-base"), tuning.QUICK)
    thorough = tuning._pairs(model_zoo.spec("whisper-base"), tuning.THOROUGH)
    assert FP32 in thorough
    assert FP32 not in quick


def test_a_process_times_a_model_and_says_why_it_cannot() -> None:
    spec = model_zoo.spec("mnist-cnn")
    with Workbench() as bench:
        timing = bench.time(spec, INT8, Workers(1), seconds=0.05)
        assert 0 < timing.median_ms < 1000
        assert timing.runs > 3
        with pytest.raises(Failed, match=r"cuda|not available"):
            bench.time(spec, ("fp32", "cuda"), Workers(1), seconds=0.05)
        assert bench.time(spec, FP32, Workers(1), seconds=0.05).runs > 3


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_pair_that_kills_or_hangs_its_process_costs_that_pair_only() -> None:
    spec = model_zoo.spec("mnist-cnn")
    with Workbench() as bench:
        process = bench._started()
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(Failed, match="ended by itself"):
            bench.time(spec, INT8, Workers(1), seconds=0.05)
        os.kill(bench._started().pid, signal.SIGSTOP)
        with pytest.raises(Failed, match="no answer"):
            bench.time(spec, INT8, Workers(1), seconds=0.05, longest=0.3)
        assert bench.time(spec, INT8, Workers(1), seconds=0.05).runs > 3


def test_a_measurement_ends_at_once_when_somebody_wants_an_answer() -> None:
    start = time.monotonic()
    with Workbench(busy=lambda: time.monotonic() - start > 0.2) as bench:
        process = bench._started()
        with pytest.raises(Disturbed):
            bench.time(model_zoo.spec("mnist-cnn"), INT8, Workers(1), seconds=30)
        assert process.poll() is not None


def test_after_the_first_answers_the_fastest_is_found_and_the_next_one_comes_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(tuning.VARIABLE, "on")
    monkeypatch.setattr(zoo, "BACKGROUND", Background(idle_seconds=0.1))
    zoo.unload()
    model = model_zoo.load("mnist-cnn")
    picture = model.spec.task.example()
    assert model.trace(picture).ran.why == "by rule, not measured here yet"
    _until(lambda: measured.measured(model.spec).passes > 0)
    assert measured.measured(model.spec).timings.keys() == {FP32, INT8}
    _until(lambda: "the fastest of 2" in model_zoo.load("mnist-cnn").trace(picture).ran.why)
    assert model(picture)  # what somebody holds goes on answering


def test_nothing_is_measured_while_answers_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tuning.VARIABLE, "on")
    spec, done = model_zoo.spec("mnist-cnn"), []
    background = Background(idle_seconds=0.5)
    background.soon(spec, lambda: done.append(1))
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        with activity.RUN:
            time.sleep(0.01)
    assert measured.measured(spec) == measured.NOTHING
    assert done == []
    background.stop()


@pytest.mark.parametrize("value", ["off", "0", "no", "False"])
def test_a_setting_turns_it_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(tuning.VARIABLE, value)
    assert not tuning.is_wanted(model_zoo.spec("mnist-cnn"))
    monkeypatch.delenv(tuning.VARIABLE)
    assert tuning.is_wanted(model_zoo.spec("mnist-cnn"))


def test_a_program_without_an_interpreter_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench.sys, "executable", "")
    assert not workbench.possible()


@pytest.mark.parametrize(("pairs", "cores"), [("0,1 0,1 2,3 2,3", 2), ("0 1 2 3", 4)])
def test_threads_that_share_a_core_are_told_from_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pairs: str, cores: int
) -> None:
    for number, siblings in enumerate(pairs.split()):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(providers, "usable_cores", lambda: 4)
    assert providers.physical_cores.__wrapped__(tmp_path) == cores


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
