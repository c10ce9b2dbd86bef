"""Options, keys and values are kept or refused; what is printed can be read by others."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import model_zoo
from model_zoo import inputs
from model_zoo.cli import options
from model_zoo.cli import run as _run
from model_zoo.cli.run import Asked
from model_zoo.errors import BadInput, ZooError, brief
from model_zoo.speech.audio import open_sound
from model_zoo.speech.options import SpeechOptions
from model_zoo.text.sampling import TextOptions
from model_zoo.trace import Ran
from model_zoo.vision.images import open_image

ROOT = Path(__file__).parents[2]
SST2, SMOLLM2 = model_zoo.spec("sst2-minilm"), model_zoo.spec("smollm2-135m")
NOTHING = SimpleNamespace(ran=Ran("cpu", "fp32"))


def cells(_: object, given: Sequence[str]) -> Iterator[dict[str, str]]:
    for text in given:
        verdict = "positive" if text else "There is no text yet."
        yield {"answer": "positive" * bool(text), "probability": "0.9000" * bool(text),
               "verdict": verdict}  # fmt: skip


def run(given: object, chosen: Sequence[str] = (), form: str = "", column: str = "",
        as_json: bool = False) -> None:  # fmt: skip
    task = SimpleNamespace(cells=cells, formats=SST2.task.formats, stream=None)
    spec = SimpleNamespace(name="toy", task=task)
    asked = Asked(chosen, form, column, as_json, several=False)
    _run.run_one(NOTHING, spec, str(given), asked)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment, capture_output=True
    )


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text("text,answer\na fine café 评论,mine\n,\n", encoding="utf-8")
    return path


def test_b7_a_column_of_the_users_own_is_kept(listed: Path, capsys):
    run(listed, as_json=True)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["answer"], first["answer 2"], first["probability"]) == ("mine", "positive", 0.9)
    assert (second["answer 2"], second["probability"]) == ("", None)


def test_b7_signs_of_rich_in_names_are_only_signs(tmp_path: Path, capsys):
    path = tmp_path / "list.csv"
    path.write_text("id,text [/b]\n1,fine\n", encoding="utf-8")
    run(path, column="text [/b]")
    assert "text [/b]: 1 row" in capsys.readouterr().err


def test_rows_without_an_answer_are_counted(listed: Path, capsys):
    run(listed)
    told = capsys.readouterr()
    assert "2 rows, 1 without an answer" in told.err
    assert len(list(csv.DictReader(io.StringIO(told.out)))) == 2


@pytest.mark.parametrize(
    ("more", "says"), [({"form": "srt"}, "--format does"), ({"chosen": ["x=1"]}, "--set does")]
)
def test_b21_an_option_that_a_list_does_not_know_is_refused(listed: Path, more: dict, says: str):
    with pytest.raises(BadInput, match=says):
        run(listed, **more)


def test_b21_a_column_of_a_text_and_two_forms_are_refused():
    with pytest.raises(BadInput, match="--column does not apply"):
        run("a fine film", column="text")
    whisper = model_zoo.spec("whisper-tiny.en")
    with pytest.raises(BadInput, match="leave one out"):
        _run.run_one(NOTHING, whisper, "x.wav", Asked([], "srt", "", True, several=False))


def test_b21_an_option_is_said_once():
    with pytest.raises(BadInput, match="seed is said twice"):
        options.parse(SMOLLM2, ["seed=1", "seed=2"])


@pytest.mark.parametrize(
    ("chosen", "stop"),
    [
        (['stop=["a, b", "\\n"]'], ("a, b", "\n")),
        (["stop=\n"], ("\n",)),
        (["stop=a,b"], ("a", "b")),
        (["stop=a", "stop=b"], ("a", "b")),
        (["stop=[end"], ("[end",)),
    ],
)
def test_13_a_stop_may_hold_a_comma_or_a_newline(chosen: list[str], stop: tuple[str, ...]):
    assert options.parse(SMOLLM2, chosen).stop == stop


def test_13_a_list_that_is_not_ended_is_refused():
    with pytest.raises(BadInput, match="no list in JSON"):
        options.parse(SMOLLM2, ['stop=["a", "b"'])


def test_13_numbers_are_listed_as_before():
    spec = model_zoo.spec("whisper-tiny.en")
    assert options.parse(spec, ["temperatures=0,0.4"]).temperatures == (0.0, 0.4)
    assert options.parse(spec, ["temperatures=[0, 0.4]"]).temperatures == (0.0, 0.4)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_04_a_file_loses_no_sign_whatever_the_console_knows(encoding: str):
    code = "from model_zoo.cli.console import start; start(lambda: print('✓ café 评论'))"
    done = python("-c", code, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout.decode().strip()) == (0, "✓ café 评论")


def test_04_doctor_prints_to_any_file():
    done = python("-m", "model_zoo", "doctor", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "✓" in done.stdout.decode()


def test_an_error_that_nobody_foresaw_is_a_sentence():
    code = "from model_zoo.cli.console import start; start(lambda: 1 / 0)"
    done = python("-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith(b"The program failed (ZeroDivisionError: division by zero): ")
    assert b"Traceback" not in done.stderr
    assert b"Traceback" in python("-X", "dev", "-c", code).stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals to be had")
def test_04_a_console_shows_a_question_mark_for_a_sign_it_lacks():
    code = "from model_zoo.cli.console import start; start(lambda: print('café ✓'))"
    assert "caf\xe9 ?" in screen("-c", code, PYTHONIOENCODING="cp1252").decode("cp1252")


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals to be had")
def test_b17_names_are_whole_on_a_screen_of_80_columns():
    shown = screen("-m", "model_zoo", "list", COLUMNS="80", TERM="dumb").decode()
    for name in model_zoo.names():
        assert name in shown
    assert "…" not in shown


def test_b17_names_are_whole_in_a_pipe():
    lines = python("-m", "model_zoo", "list").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(model_zoo.names())


def screen(*arguments: str, **environment: str) -> bytes:
    """What a program shows on a terminal."""
    import pty  # which Windows lacks

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment,
        stdin=theirs, stdout=theirs, stderr=theirs,
    ):  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 1 << 16):
                shown += more
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(ours)
    return shown


@pytest.mark.parametrize("name", model_zoo.names())
def test_b16_a_model_is_pickled_as_its_name_and_choice(name: str):
    model = model_zoo.load(name, "fp32", "cpu")
    data = pickle.dumps(model)
    assert len(data) < 200
    again = pickle.loads(data)
    assert again is model_zoo.load(name, "fp32", "cpu")


def test_b16_a_model_answers_in_another_process():
    code = (
        "from concurrent.futures import ProcessPoolExecutor as Pool; import multiprocessing as m\n"
        "import model_zoo; from model_zoo.vision.task import drawn_seven\n"
        "if __name__ == '__main__':\n"
        "    model = model_zoo.load('mnist-cnn', 'fp32', 'cpu')\n"
        "    with Pool(1, m.get_context('spawn')) as pool:\n"
        "        print(next(iter(pool.submit(model, drawn_seven()).result())))\n"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"language": 5}, "language is a text, not 5."),
        ({"task": None}, "task is a text, not None."),
        ({"beam_size": "many"}, "beam_size is a number, not 'many'."),
        ({"beam_size": 1.5}, "beam_size is a whole number, not 1.5."),
        ({"vad": 7}, "vad is yes or no, not 7."),
        ({"patience": float("nan")}, "patience is a number, not nan."),
        ({"initial_prompt": b"Kennedy"}, "initial_prompt is a text, not b'Kennedy'."),
        ({"temperatures": ()}, "temperatures are numbers from 0 to 2, the first to try first."),
        ({"language": False}, "language is a text, not False."),
        ({"vad": 10**5000}, "vad is yes or no, not a number of 16,610 bits."),
        ({"temperatures": (0, "hot")}, "temperature is a number, not 'hot'."),
        ({"logprob_threshold": None}, "logprob_threshold is a number, not None."),
    ],
)  # fmt: skip
def test_an_option_of_speech_that_is_none_is_refused(chosen: dict, says: str):
    with pytest.raises(BadInput) as refused:
        SpeechOptions(**chosen)
    assert str(refused.value) == says


def test_options_of_speech_are_taken_for_what_they_plainly_are():
    chosen = SpeechOptions(language=None, beam_size="3", vad="no", temperatures=[0, np.float32(1)])
    assert (chosen.language, chosen.beam_size, chosen.vad) == ("", 3, False)
    assert chosen.temperatures == (0, 1)
    assert SpeechOptions(temperatures=0.4).temperatures == (0.4,)
    assert SpeechOptions(temperatures=np.array([0, 0.5])).temperatures == (0, 0.5)
    assert SpeechOptions(vad=np.int64(0), beam_size=np.array(3)).vad is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_new_tokens", "8.0"), ("max_new_tokens", "1e3"), ("max_new_tokens", " 8 "),
        ("max_new_tokens", "8.5"), ("max_new_tokens", ""), ("max_new_tokens", "1,000"),
        ("max_new_tokens", "NaN"), ("max_new_tokens", "inf"), ("max_new_tokens", "9" * 5000),
        ("temperature", "0,5"), ("temperature", "true"), ("temperature", "5.0000001"),
        ("seed", "-2"), ("seed", str(2**63)), ("seed", "none"), ("seed", "٣"),
        ("chat", "1"), ("chat", "on"), ("chat", " Yes"), ("chat", ""), ("chat", "2"),
        ("stop", ""), ("stop", "[END]"), ("stop", "a"), ("answer", ""), ("answer", "a=b"),
    ],
)  # fmt: skip
def test_the_command_line_takes_and_refuses_what_the_library_does(name: str, value: str):
    def asked(make: Callable[[], TextOptions]) -> object:
        try:
            return getattr(make(), name)
        except BadInput as error:
            return str(error)

    written = asked(lambda: options.parse(SMOLLM2, [f"{name}={value}"]))
    assert written == asked(lambda: TextOptions(**{name: value}))


def test_on_the_command_line_yes_is_one_too_and_an_empty_seed_another_each_time():
    whisper = model_zoo.spec("whisper-tiny.en")
    assert [options.parse(whisper, [f"vad={said}"]).vad for said in ("1", "yes", "0")] == [
        True, True, False,
    ]  # fmt: skip
    assert len({options.parse(SMOLLM2, ["seed="]).seed for _ in range(4)}) > 1


def test_limits_are_written_in_whole_digits():
    says = "seed is between 0 and 9,223,372,036,854,775,807, not -2."
    with pytest.raises(BadInput, match=says):
        TextOptions(seed=-2)


@pytest.mark.parametrize(
    ("said", "near"),
    [("sed=1", "seed"), ("Seed=1", "seed"), ("max-new-tokens=8", "max_new_tokens"),
     ("max_tokens=8", "max_new_tokens"), ("beam_size=2", "beams")],
)  # fmt: skip
def test_an_option_that_there_is_not_is_told_with_the_nearest(said: str, near: str):
    with pytest.raises(BadInput, match=f"; the nearest is {near}\\."):
        options.parse(SMOLLM2, [said])
    name = said.partition("=")[0]
    with pytest.raises(BadInput, match=f"; the nearest is {near}\\."):
        model_zoo.load("smollm2-135m")("Once", **{name: 1})


@pytest.mark.parametrize("stop", ["stop=[1, 2]", "stop=[null]", "stop=['a', 'b']", "stop=,"])
def test_13_a_list_whose_items_are_no_texts_is_refused(stop: str):
    with pytest.raises(BadInput):
        options.parse(SMOLLM2, [stop])


def test_numbers_of_other_kinds_are_numbers():
    for half in (np.float16(0.5), np.array(0.5), Decimal("0.5"), Fraction(1, 2), "５e-1"):
        assert TextOptions(temperature=half).temperature == 0.5
    assert TextOptions(stop=np.array(["a", "b"])).stop == ("a", "b")


LONG = "\ud83d" * 3000


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: TextOptions(temperature=LONG),
        lambda: TextOptions(chat=LONG),
        lambda: TextOptions(answer=[LONG] * 100),
        lambda: SpeechOptions(language=LONG),
        lambda: SpeechOptions(task=LONG),
        lambda: options.parse(SMOLLM2, [LONG]),
        lambda: options.parse(SMOLLM2, [f"top_k={LONG}"]),
        lambda: model_zoo.load(LONG),
        lambda: inputs.read_text("https://" + "a" * 3000),
        lambda: inputs.find_file("a\nfile.png"),
        lambda: open_sound("/tmp/no\nsuch.wav"),
        lambda: open_image("no\nsuch.png"),
    ],
)
def test_what_is_refused_is_named_in_one_line_that_can_be_read(wrong: Callable[[], object]):
    with pytest.raises(ZooError) as refused:
        wrong()
    sentence = str(refused.value)
    assert len(sentence) < 500
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")


@pytest.mark.parametrize("rate", [-(2**70), 2**70, float("inf"), float("nan"), 1j, np.complex64(3)])
def test_a_sampling_rate_of_any_size_is_refused_in_one_line(rate: Any) -> None:
    with pytest.raises(BadInput) as caught:
        open_sound((rate, np.zeros((2, 2), np.int8)))
    assert "\n" not in str(caught.value)


def test_an_array_in_a_sentence_is_on_one_line() -> None:
    assert brief(np.zeros((3, 2), np.int8)) == "array([[0, 0], [0, 0], [0, 0]], dtype=int8)"
