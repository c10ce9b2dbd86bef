"""The page Listen in a real browser: microphone, captions, files, words, faults, narrow screens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, Route, expect

from tests.conftest import SPEECH

pytestmark = pytest.mark.browser

HINT = "Speak, or choose a recording."
FIRST_WORDS = re.compile("my fellow Americans")
FETCH_SECONDS = 240  # the first test on a machine waits for the weights
LISTEN_SECONDS = 60


def opened(visit: Callable, path: str = "/?tab=listen", **look: object) -> Page:
    page: Page = visit(path, **look).page
    expect(page.locator("#recorder .record")).to_be_visible()
    return page


def text(page: Page):
    return page.locator("#heard .text")


def hint(page: Page):
    return page.locator("#heard .hint")


def choose(page: Page, path: Path) -> None:
    page.get_by_label("Choose a recording").set_input_files(path)


def listened(page: Page) -> None:
    """Wait until everything has been listened to."""
    expect(page.get_by_role("button", name="Transcribe again")).to_be_visible(
        timeout=FETCH_SECONDS * 1000
    )


def long_recording(path: Path, times: int) -> Path:
    """The clip again and again, with silence between, so that each is a window of its own."""
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    pause = np.zeros(20 * rate, np.int16)
    soundfile.write(path, np.concatenate([samples, pause] * times), rate)
    return path


def test_what_the_microphone_hears_is_written_down(visit: Callable) -> None:
    page = opened(visit)
    expect(hint(page)).to_have_text(HINT)
    page.get_by_label("Captions while you speak").uncheck()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("timer")).to_have_text("0:11", timeout=LISTEN_SECONDS * 1000)
    expect(page.locator("#heard .captions")).to_be_hidden()
    page.get_by_role("button", name="Stop", exact=True).click()
    listened(page)
    expect(text(page)).to_have_text(FIRST_WORDS)
    expect(text(page)).to_have_text(re.compile("what you can do for your country"))
    expect(page.locator(".ran").filter(visible=True)).to_have_text(
        re.compile(r"preprocess .* model .* postprocess .* than real time — .* on the")
    )
    expect(page.get_by_alt_text("What the model sees").filter(visible=True)).to_be_visible()


def test_captions_come_while_somebody_speaks(visit: Callable) -> None:
    page = opened(visit)
    page.get_by_role("button", name="John F. Kennedy, 1961").click()
    listened(page)  # the model is open from here on
    page.get_by_role("button", name="Record", exact=True).click()
    captions = page.locator("#heard .captions")
    expect(captions).to_have_text(FIRST_WORDS, timeout=LISTEN_SECONDS * 1000)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()  # still recording
    expect(captions.locator("span").first).to_have_text(
        re.compile("ask", re.IGNORECASE), timeout=LISTEN_SECONDS * 1000
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    listened(page)
    expect(captions).to_be_hidden()
    expect(text(page)).to_have_text(FIRST_WORDS)


@pytest.mark.page
def test_a_file_becomes_words_that_can_be_heard_and_files(visit: Callable) -> None:
    page = opened(visit)
    choose(page, SPEECH)
    listened(page)
    expect(text(page)).to_have_text(FIRST_WORDS)
    expect(page.locator("#heard .facts")).to_contain_text("0:11 · English")

    word = text(page).get_by_text("Americans", exact=True)
    assert re.match(r"\d+% · 0:0\d", word.get_attribute("title"))
    word.click()
    heard = "document.querySelector('#recorder audio').currentTime"
    page.wait_for_function(f"{heard} > 1 && document.querySelector('#recorder audio').paused")
    assert 1 < page.evaluate(heard) < 4
    expect(word).to_have_class("now")

    page.keyboard.press("Tab")
    text(page).focus()
    page.keyboard.press("ArrowRight")
    expect(text(page).locator(".now")).to_have_text(re.compile("ask", re.IGNORECASE))
    page.keyboard.press("Enter")
    page.wait_for_function(f"{heard} > 2.5")

    saved = {}
    for form in ("TXT", "SRT", "VTT", "JSON"):
        with page.expect_download() as download:
            page.get_by_text(f"↓ {form}").click()
        assert download.value.suggested_filename == f"jfk.{form.lower()}"
        saved[form] = Path(download.value.path()).read_text("utf-8")
    assert "my fellow Americans" in saved["TXT"]
    assert saved["SRT"].startswith("1\n00:00:0")
    assert saved["VTT"].startswith("WEBVTT")
    words = json.loads(saved["JSON"])["segments"][0]["words"]
    assert {"text", "start", "end", "probability"} <= set(words[0])


def test_a_long_recording_shows_its_progress_and_stops(visit: Callable, tmp_path: Path) -> None:
    page = opened(visit)
    choose(page, long_recording(tmp_path / "long.wav", 30))
    expect(page.locator("#heard progress")).to_be_visible(timeout=FETCH_SECONDS * 1000)
    expect(page.locator("#heard .facts")).to_contain_text(re.compile(r"[1-9]\d? / 15:30"))
    expect(text(page).locator("p")).not_to_have_count(0)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Transcribe again")).to_be_visible(timeout=5000)
    count = text(page).locator("p").count()
    assert count < 30
    expect(page.get_by_text("↓ SRT")).to_be_visible()
    page.wait_for_timeout(3000)
    assert text(page).locator("p").count() == count
    choose(page, SPEECH)  # and the page works on
    expect(page.locator("#heard .facts")).to_contain_text("0:11 · English")
    listened(page)
    expect(text(page).locator("p")).to_have_count(1)


def test_another_recording_drops_the_one_that_is_listened_to(
    visit: Callable, tmp_path: Path
) -> None:
    page = opened(visit)
    choose(page, long_recording(tmp_path / "long.wav", 30))
    expect(text(page).locator("p")).not_to_have_count(0, timeout=FETCH_SECONDS * 1000)
    choose(page, SPEECH)
    listened(page)
    page.wait_for_timeout(2000)
    expect(page.locator("#heard .facts")).to_contain_text("0:11 · English")
    expect(text(page).locator("p")).to_have_count(1)


def test_recordings_chosen_at_once_after_each_other_leave_the_last_one(
    visit: Callable, tmp_path: Path
) -> None:
    """Also where the server is slow: what it does not know yet, it cannot end."""
    page = opened(visit)

    def later(route: Route) -> None:
        page.wait_for_timeout(1000)
        route.continue_()

    page.route("**/queue/join*", later)
    for name, times in (("long.wav", 30), ("longer.wav", 40)):
        choose(page, long_recording(tmp_path / name, times))
        expect(page.locator("#recorder .name")).to_have_text(name)
    choose(page, SPEECH)
    expect(page.locator("#heard .facts")).to_contain_text("0:11 · English")
    listened(page)
    expect(text(page).locator("p")).to_have_count(1)


def test_the_second_of_two_recordings_stops_too(visit: Callable, tmp_path: Path) -> None:
    page = opened(visit)
    for times, length in ((30, "15:30"), (40, "20:40")):
        choose(page, long_recording(tmp_path / f"{times}.wav", times))
        expect(page.locator("#heard .facts")).to_contain_text(
            f"/ {length}", timeout=FETCH_SECONDS * 1000
        )
        expect(text(page).locator("p")).not_to_have_count(0)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Transcribe again")).to_be_visible(timeout=5000)
    count = text(page).locator("p").count()
    page.wait_for_timeout(3000)
    assert text(page).locator("p").count() == count < 40


def test_20_a_long_name_is_shortened_for_the_files(visit: Callable) -> None:
    page = opened(visit)
    name = "会" * 100 + ".flac"
    page.get_by_label("Choose a recording").set_input_files(
        {"name": name, "mimeType": "audio/flac", "buffer": SPEECH.read_bytes()}
    )
    listened(page)
    for form in ("TXT", "JSON"):
        with page.expect_download() as download:
            page.get_by_text(f"↓ {form}").click()
        saved = download.value.suggested_filename
        assert saved.startswith("会" * 80)
        assert saved.endswith(f".{form.lower()}")
        assert len(saved.encode()) <= 255


def without_sound(page: Page) -> None:
    """A microphone that is muted."""
    page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia = async () =>
            new AudioContext().createMediaStreamDestination().stream; }"""
    )


def test_23_a_microphone_that_brings_nothing_is_named(visit: Callable) -> None:
    page = opened(visit)
    without_sound(page)
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Stop", exact=True).click()
    alert = page.get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text("No sound came from the microphone")
    expect(hint(page)).to_have_text(HINT)


def test_b18_a_recording_that_cannot_be_sent_can_be_saved(visit: Callable) -> None:
    seen = visit("/?tab=listen")
    page: Page = seen.page
    page.route("**/upload*", lambda route: route.fulfill(status=413, body="too large"))
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("timer")).to_have_text("0:03", timeout=LISTEN_SECONDS * 1000)
    page.get_by_role("button", name="Stop", exact=True).click()
    alert = page.get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text("takes no file of this size")
    expect(page.locator("#recorder audio")).to_be_visible()
    with page.expect_download() as download:
        alert.get_by_role("link", name="Save the recording").click()
    samples, rate = soundfile.read(download.value.path())
    assert len(samples) / rate > 2
    assert np.abs(samples).max() > 0.01
    assert all("413" in error for error in seen.errors)
    seen.errors.clear()  # what the browser says of the 413


def test_s3_a_recording_is_sent_at_the_rate_that_the_model_hears(visit: Callable) -> None:
    page = opened(visit)
    page.evaluate(
        """() => { window.AudioContext = class extends AudioContext {
            constructor() { super({ sampleRate: 48000 }); } }; }"""
    )
    page.get_by_label("Captions while you speak").uncheck()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("timer")).to_have_text("0:11", timeout=LISTEN_SECONDS * 1000)
    page.get_by_role("button", name="Stop", exact=True).click()
    listened(page)
    expect(text(page)).to_have_text(FIRST_WORDS)
    rate = page.evaluate(
        """async () => new DataView(await (await fetch(
            document.querySelector("#recorder audio").src)).arrayBuffer()).getUint32(24, true)"""
    )
    assert rate == 16_000


@pytest.mark.parametrize("language", ["C", "en-US@posix"])
def test_seen_21_a_browser_whose_language_is_none_is_spoken_to_in_english(
    visit: Callable, language: str
) -> None:
    page = opened(visit)
    page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, 'language', {{ get: () => '{language}' }})"
    )
    page.reload()
    expect(page.get_by_label("Language")).to_have_value("English")
    page.get_by_role("button", name="John F. Kennedy, 1961").click()
    listened(page)
    expect(page.locator("#heard .facts")).to_contain_text("0:11 · English")


def test_seen_18_another_model_is_named_when_it_is_taken(visit: Callable) -> None:
    page = opened(visit)
    note = page.get_by_text("whisper-base listens from here on")
    expect(note).to_have_count(0)
    page.get_by_label("Translate to English").check()
    expect(note).to_be_visible()


NOISE = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
FAULTS = {
    "diary.wav": (b"Dear diary, this is no sound. " * 9, "not a recording"),
    "nan.wav": (np.full(32_000, np.nan, np.float32), "NaN"),
    "short.wav": (np.zeros(160, np.float32), "I heard no speech"),
    "silence.wav": (np.zeros(48_000, np.float32), "I heard no speech"),
    "noise.wav": (NOISE, "I heard no speech"),
}


def test_faults_are_said_and_the_page_works_on(visit: Callable, tmp_path: Path) -> None:
    page = opened(visit)
    for name, (data, says) in FAULTS.items():
        path = tmp_path / name
        if isinstance(data, bytes):
            path.write_bytes(data)
        else:
            soundfile.write(path, data, 16_000, subtype="FLOAT")
        choose(page, path)
        expect(hint(page)).to_contain_text(says, timeout=LISTEN_SECONDS * 1000)
        listened(page)
        expect(text(page)).to_be_hidden()
        expect(page.get_by_text("Traceback")).to_have_count(0)
    (tmp_path / "empty.wav").touch()
    choose(page, tmp_path / "empty.wav")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("empty")
    page.get_by_role("button", name="John F. Kennedy, 1961").click()
    expect(text(page)).to_have_text(FIRST_WORDS, timeout=LISTEN_SECONDS * 1000)
    expect(hint(page)).to_be_hidden()


def test_without_a_secure_address_the_page_says_why(visit: Callable) -> None:
    page = opened(visit)
    # What a browser does on an http:// address that is not this machine's own.
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("only to https://")


def test_a_refused_microphone_is_explained(visit: Callable) -> None:
    page = opened(visit)
    page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia =
            () => Promise.reject(new DOMException("no", "NotAllowedError")); }"""
    )
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("does not let this page")


# Every stream that the microphone gives, a while after it was asked for as where a person answers.
COUNTED = """() => {
    window.streams = [];
    const first = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wish) => {
        await new Promise((done) => setTimeout(done, 500));
        streams.push(await first(wish));
        return streams.at(-1);
    };
}"""
STATES = "streams.map((stream) => stream.getTracks()[0].readyState)"


def test_two_clicks_open_one_microphone(visit: Callable) -> None:
    page = opened(visit)
    page.evaluate(COUNTED)
    page.get_by_label("Captions while you speak").uncheck()
    page.get_by_role("button", name="Record", exact=True).dblclick()
    expect(page.get_by_role("timer")).to_have_text("0:01", timeout=LISTEN_SECONDS * 1000)
    assert page.evaluate(STATES) == ["live"]
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function(f"{STATES}.every((state) => state === 'ended')")


def test_a_microphone_that_cannot_be_heard_is_closed_and_it_is_said(visit: Callable) -> None:
    page = opened(visit)
    page.evaluate(COUNTED)
    page.evaluate("() => { AudioWorklet.prototype.addModule = () => Promise.reject(Error()); }")
    page.get_by_role("button", name="Record", exact=True).click()
    alert = page.get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text("The microphone does not start")
    assert page.evaluate(STATES) == ["ended"]
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()


def test_the_address_chooses_a_model_and_its_language_is_detected(visit: Callable) -> None:
    page = opened(visit, "/?tab=listen&model=whisper-base")
    expect(page.get_by_label("Language")).to_have_value("Detect automatically")
    page.get_by_role("button", name="John F. Kennedy, 1961").click()
    listened(page)
    expect(page.locator("#heard .facts")).to_contain_text("English (detected)")
    expect(text(page)).to_have_text(re.compile("country"))


def test_other_languages_take_the_model_that_knows_them(visit: Callable) -> None:
    page = opened(visit)
    page.get_by_role("button", name="Advanced").filter(visible=True).click()
    model = page.get_by_label("Model").filter(visible=True)
    expect(model).to_have_value("whisper-tiny.en")
    page.get_by_label("Language").click()
    page.get_by_label("Language").fill("German")
    page.get_by_role("option", name="German", exact=True).click()
    expect(model).to_have_value("whisper-base")
    expect(page.get_by_label("Language")).to_have_value("German")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_has_no_sideways_scroll(visit: Callable, scheme: str) -> None:
    page = opened(visit, width=360, color_scheme=scheme)
    page.get_by_role("button", name="John F. Kennedy, 1961").click()
    listened(page)
    for name in ("Advanced", "Use it from code"):
        page.get_by_role("button", name=name).filter(visible=True).click()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_speaks_chinese(visit: Callable) -> None:
    page = opened(visit, locale="zh-CN")
    expect(hint(page)).to_have_text("请说话，或选择一段录音。")
    page.get_by_role("button", name="肯尼迪，1961 年").click()
    expect(page.locator("#heard .facts")).to_contain_text("英语", timeout=FETCH_SECONDS * 1000)
    expect(page.get_by_role("button", name="重新转写")).to_be_visible(timeout=LISTEN_SECONDS * 1000)
    expect(page.get_by_label("语言")).to_have_value("英语")
    expect(page.locator(".ran").filter(visible=True)).to_have_text(re.compile("预处理.*在 CPU.*上"))
