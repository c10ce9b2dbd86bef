"""Show a picture, from a file, the camera or the clipboard, and see which of ten things it is."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

import model_zoo
from demos import EXAMPLES, Page
from demos.shell import leaving, parts
from demos.shell.snippets import code
from demos.shell.words import later, say, t, translated
from model_zoo import zoo
from model_zoo.errors import ZooError
from model_zoo.stopping import Stopped
from model_zoo.vision.images import flatten
from model_zoo.vision.preprocessing import Preprocessing
from model_zoo.vision.task import IMAGES

MODEL = zoo.of(IMAGES)[0]
PHOTOGRAPHS = sorted(EXAMPLES.glob("*.jpg"))
AT_ONCE = 4  # people whose lists of pictures are looked at side by side
CROP_SIDE = 320  # pixels: what the model looks at is shown sharper than it sees it
KNOWS = (
    "It knows only ten things: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, "
    "truck. Anything else is taken for one of them."
)
# Gradio gives examples no names, without which a screen reader can only call them "button". And the
# column notes which is newer: an example, or what was chosen above it, whose upload may take long.
NAME_EXAMPLES = """
const column = element.closest(".column");
const name = () => {
  for (const image of document.querySelectorAll("#examples img"))
    image.alt = say(image.src.match(/([^/]+)\\.\\w+$/)[1]);
};
new MutationObserver(name).observe(column, { childList: true, subtree: true });
name();

const file = (url) => {
  const path = decodeURIComponent(url.split("/file=")[1]);
  return { path, url, orig_name: path.split("/").pop(), meta: { _type: "gradio.FileData" } };
};
function note(event) {
  const example = event.target.closest("#examples button")?.querySelector("img");
  if (example) column.newestExample = file(example.src);
  else if (event.target.closest("#picture")) column.newestExample = null;
}
for (const act of ["click", "change", "drop"]) column.addEventListener(act, note, true);
"""
NEWEST = """() =>
  document.querySelector("#picture").closest(".column").newestExample ?? undefined
"""
PROGRESS = gr.Progress()  # Gradio finds the parameter by this default value
COLUMNS = (
    later("file"), later("answer"), later("probability"), later("runner-up"), later("milliseconds"),
)  # fmt: skip


PYTHON = """
import model_zoo

model = model_zoo.load("cifar10-resnet")
print(model("photo.jpg"))
"""


def classify_image(image: str | None) -> dict[str, Any]:
    """Say which of ten things a picture shows: airplane, automobile, bird, cat, deer, dog, frog,
    horse, ship or truck. It looks at the middle square and answers one of the ten for any picture.

    Args:
        image: a picture file (PNG, JPEG, WebP, HEIC …).

    Returns:
        `label`, the likeliest of the ten, and `confidences`, a list of every label with its
        probability as `confidence`, most likely first.
    """
    with parts.plain_errors():
        return parts.ranked(model_zoo.load(MODEL, task=IMAGES)(parts.decode(image)))


def look(
    picture: str | None, model: str, precision: str, provider: str, request: gr.Request
) -> tuple[str, str, str]:
    """What the page shows for a picture file."""
    if not picture:
        return _hint(request), "", parts.nothing(request)
    try:
        image = parts.decode(picture)
        classifier = model_zoo.load(model, precision, provider, task=IMAGES)
        trace = classifier.trace(image)
    except ZooError as error:
        return parts.verdict(translated(error, request), kind="trouble"), "", parts.nothing(request)
    shown = parts.best(trace.answer, request)
    return (
        shown,
        parts.bars(trace.answer, 5, request),
        parts.evidence(trace, _sharp(image, classifier.preprocessing), request),
    )


def _sharp(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The square that the model looks at, with more pixels than it sees."""
    box = preprocessing.box(*image.size)
    return flatten(image).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BICUBIC, box=box)


def _row(
    file: str, model: str, precision: str, provider: str, request: gr.Request | None
) -> list[str]:
    """One file's line in the table; what cannot be read says so in the place of its answer."""
    try:
        trace = model_zoo.load(model, precision, provider, task=IMAGES).trace(parts.decode(file))
    except ZooError as error:
        return [Path(file).name, translated(error, request), "", "", ""]
    (first, share), (second, _) = list(trace.answer.items())[:2]
    return [Path(file).name, first, f"{share:.3f}", second, f"{sum(trace.timings.values()):.1f}"]


def look_at_all(
    files: list[str] | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request | None = None,
    progress: gr.Progress = PROGRESS,
) -> Iterator[tuple[gr.Dataframe, gr.DownloadButton]]:
    """A row for every file, and the table as a CSV file; nothing where it is stopped."""
    rows = list[list[str]]()
    try:
        with leaving.newest_of("pictures", request) as stop:
            if not files:
                yield gr.Dataframe(visible=False), gr.DownloadButton(visible=False)
                return
            for file in progress.tqdm(files):
                rows.append(_row(file, model, precision, provider, request))
                stop.check()
    except Stopped:
        return
    with tempfile.TemporaryDirectory() as folder:  # Gradio keeps its own copy for the download
        path = Path(folder) / "answers.csv"
        with path.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([COLUMNS, *rows])
        shown = [[name, *(say(cell, request) for cell in cells)] for name, *cells in rows]
        headers = [say(column, request) for column in COLUMNS]
        table = gr.Dataframe({"headers": headers, "data": shown}, visible=True)
        yield table, gr.DownloadButton(value=path, visible=True)


def _hint(request: gr.Request | None = None) -> str:
    return parts.verdict(say("Show a picture: upload, paste or take one.", request), kind="hint")


def build(demo: gr.Blocks) -> None:
    """Picture on the left, answer on the right, the folds below."""
    with gr.Row(equal_height=False, elem_classes="page"):
        with gr.Column(scale=5, min_width=300):
            picture = parts.Picture(
                sources=["upload", "webcam", "clipboard"], show_label=False, height=380,
                buttons=["fullscreen"], elem_id="picture",
            )  # fmt: skip
            examples = gr.Dataset(
                components=[parts.Picture(render=False)],
                samples=[[str(path)] for path in PHOTOGRAPHS],
                type="index", label=t("Try one"), elem_id="examples",
            )  # fmt: skip
            gr.HTML(t(KNOWS), elem_classes="note", js_on_load=NAME_EXAMPLES + parts.PICTURE_JS)
        with gr.Column(scale=4, min_width=300):
            shown = parts.live(_hint())
            label = gr.HTML("", elem_classes="shares")
            why = gr.HTML(parts.nothing(), js_on_load=parts.SAY_ALL)
    with parts.fold("Several pictures at once"):
        files = gr.File(
            file_count="multiple",
            label=t("Pictures"),
            height=160,
            elem_id="files",
        )
        table = gr.Dataframe(
            headers=list(COLUMNS),
            interactive=False,
            visible=False,
            label=t("Answers"),
            wrap=True,
            elem_id="answers",
        )
        download = gr.DownloadButton(str(t("Download as CSV")), visible=False, size="md")
    options = parts.choices(demo, page.slug, zoo.of(IMAGES))
    code(demo, PYTHON, "classify_image", "photo.jpg")
    parts.endpoint(classify_image, "classify_image")

    # Listeners to one event take their turns: the newest picture first, then its answer.
    both = [examples.click, picture.input]
    gr.on(both, None, None, picture, js=NEWEST, api_visibility="private")
    sources = [examples.click, picture.input, *(option.change for option in options)]
    parts.answers(look, sources, [picture, *options], [shown, label, why])
    files.change(
        look_at_all, [files, *options], [table, download], show_progress_on=files,
        concurrency_limit=AT_ONCE, trigger_mode="multiple", api_visibility="private",
    )  # fmt: skip


page = Page("see", "See", 20, build)

if __name__ == "__main__":
    from demos.shell import serve

    serve.run(page)
