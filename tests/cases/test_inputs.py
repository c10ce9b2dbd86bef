"""A file, a folder, a pipe, standard input, an address or a text: the same for every model."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw

from model_zoo import inputs, zoo
from model_zoo.errors import BadInput
from model_zoo.speech.audio import open_sound
from model_zoo.text import tables

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "model_zoo" / "speech" / "jfk.flac"
NAMES = [name for name in zoo.names() if not name.startswith("gpt2")]


def run(*arguments: str, given: bytes = b"", fails: bool = False) -> str:
    """Standard output of `run`, or its standard error where it should fail."""
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "run", *arguments],
        cwd=ROOT, input=given, capture_output=True,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, done.stderr
    told = (done.stderr if fails else done.stdout).decode()
    assert "Traceback" not in told
    return told


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """What comes on standard input."""
    stream = io.BytesIO()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
    return stream


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).line([(80, 60), (220, 60), (130, 240)], "navy", 18, joint="curve")
    image.save(tmp_path / "seven.png")
    return tmp_path / "seven.png"


def test_01_a_picture_comes_on_standard_input(seven: Path):
    told = json.loads(run("mnist-cnn", "-", "--json", given=seven.read_bytes()))
    assert next(iter(told["answer"])) == "7"


def test_01_sound_of_any_kind_comes_on_standard_input(tmp_path: Path, stdin: io.BytesIO):
    sound = tmp_path / "speech.m4a"
    subprocess.run(["ffmpeg", "-v", "error", "-i", SPEECH, sound], check=True)
    stdin.write(sound.read_bytes())
    stdin.seek(0)
    assert open_sound(zoo.spec("whisper-tiny.en").task.read("-")).seconds == pytest.approx(
        11, abs=0.1
    )


def test_01_the_newline_of_echo_is_no_part_of_a_text(tmp_path: Path, stdin: io.BytesIO):
    stdin.write(b"The capital of France is\n")
    stdin.seek(0)
    assert zoo.spec("smollm2-135m").task.read("-") == "The capital of France is"
    file = tmp_path / "prompt.txt"
    file.write_bytes(b"One\r\nTwo\r\n\r\n")
    assert zoo.spec("smollm2-135m").task.read(str(file)) == "One\nTwo\n"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("text\nfine\ndull\n", True),
        ("id,text\n1,fine\n2,dull\n", True),
        ("id\tReview\n1\tfine\n", True),
        ("My reviews\n\nid,text\n1,fine\n", True),
        ("id,text\n1,fine, really\n2,dull\n", True),
        ("positive,fine\nnegative,dull\n", None),
        ("Kommentar\ngut\n", False),
        ("A fine film, truly.\nIt was, and is.\n", False),
        ("text", False),
        ("", False),
    ],
)
def test_01_a_list_is_known_by_its_names_whatever_it_is_called(
    tmp_path: Path, stdin: io.BytesIO, data: str, found: bool | None
):
    stdin.write(data.encode())
    stdin.seek(0)
    piped = inputs.find("-")
    assert piped
    assert tables.looks_like_a_list(piped) is found
    for name in ("list", "list.dat", "list.md", "list.log"):
        (tmp_path / name).write_text(data)
        assert tables.looks_like_a_list(tmp_path / name) is found


def test_01_a_list_under_another_name_is_read_and_said(tmp_path: Path):
    file = tmp_path / "list.dat"
    file.write_text("text\na fine film\na dull film\n")
    assert run("sst2-minilm", str(file)) == run("sst2-minilm", "-", given=file.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "run", "sst2-minilm", file],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 3
    assert "It was read as a list" in done.stderr


def test_06_what_is_no_text_is_not_written_on_from(seven: Path):
    with pytest.raises(BadInput, match="not a text file"):
        zoo.spec("smollm2-135m").task.read(str(seven))


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_b4_a_named_pipe_is_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"echo A fine film. > {tmp_path}/pipe"]):
        assert inputs.read_text(str(tmp_path / "pipe")) == "A fine film."


@pytest.mark.skipif(sys.platform == "win32", reason="no process substitution")
def test_b4_process_substitution_is_read(seven: Path):
    command = f"{sys.executable} -m model_zoo run mnist-cnn <(cat {seven}) --json"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, check=True)
    assert next(iter(json.loads(done.stdout)["answer"])) == "7"


def test_what_a_pipe_brought_is_private_and_goes_with_the_program(tmp_path: Path):
    code = (
        "import stat; from model_zoo import inputs; path = inputs.find('-');"
        "print(*(oct(stat.S_IMODE(p.stat().st_mode)) for p in (path, path.parent)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=b"secret", capture_output=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.decode().split() == ["0o600", "0o700"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{}", "is a folder"),
        ("{}/loop", "leads back to itself"),
        ("{}/nowhere", "is a link to nothing"),
        ("https://example.com/review.txt", "is an address"),
        ("file:///tmp/review.txt", "is an address"),
        ("/dev/zero", "is a device"),
        ("reveiw.txt", "There is no file"),
        ("./nosuch/file.txt", "There is no file"),
        ("{}/review", "There is no file"),
    ],
)
def test_s11_b4_what_is_no_file_is_refused(tmp_path: Path, name: str, given: str, says: str):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "nothing")
    with pytest.raises(BadInput, match=says):
        zoo.spec(name).task.read(given.format(tmp_path))


@pytest.mark.skipif(not Path("/dev/tty").exists(), reason="no such name here")
def test_b4_a_terminal_is_a_device_also_where_there_is_none() -> None:
    code = (
        "from model_zoo import inputs, errors\nfrom model_zoo.speech.audio import open_sound\n"
        "for read in (inputs.find, open_sound):\n"
        "    try: read('/dev/tty')\n"
        "    except errors.BadInput as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.count("is a device") == 2, done.stdout + done.stderr


@pytest.mark.parametrize(
    "given",
    [
        "reveiw.txt", "great film.txt", "my review.TXT", "./x", "../x", "~/x", "C:\\x.txt", "C:/x",
        "\\\\server\\x", "/nosuch", "reviews/", "tests/reviews", "tests/my review", "a/b/c.md",
    ],
)  # fmt: skip
def test_s11_a_mistyped_path_is_no_text(given: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(BadInput, match="There is no file"):
        inputs.read_text(given)


@pytest.mark.parametrize(
    "given",
    [
        "wow", "wow.", "and/or", "5/10", "n/a", "w/o", "10/10 would watch again", "/s great",
        "D:/ it was bad", "\\o/ great", "...", "U.S.A", "v1.0", "It was great.Loved it",
        "The end is told in notes.txt", "Terrible, see notes.txt", "see https://example.com now",
        "one\n./two.txt", "", " ", "good\0film", "很" * 95, "😀" * 60, "x" * 255, "x" * 300_000,
        "a/" * 100 + "x" * 300,
    ],
)  # fmt: skip
def test_s11_b8_a_text_is_no_path(given: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    assert inputs.read_text(given) == given


def test_b24_a_text_that_begins_with_a_dash_gets_a_hint():
    for given in ("-10 out of 10, awful", "-10", "--- dull"):
        assert f'-- "{given}"' in run("sst2-minilm", given, fails=True)
    assert "No such option" in run("sst2-minilm", "fine", "--colum", "x", fails=True)


def test_several_inputs_are_answered_and_a_bad_one_costs_itself_only(seven: Path):
    done = subprocess.run(
        [sys.executable, "-m", "model_zoo", "run", "mnist-cnn", seven, "nowhere.png", seven],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.count(str(seven)) == 2
    assert "There is no file nowhere.png" in done.stderr
    assert done.returncode == 1
