"""A list of texts: a CSV file in, its column chosen, a CSV file with answers out."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

import model_zoo
from demos import EXAMPLES
from demos.shell import leaving, parts
from demos.shell.words import later, say, t, told, where
from model_zoo.errors import ZooError
from model_zoo.stopping import Stop, Stopped
from model_zoo.text.sentiment.task import SENTIMENT, cells
from model_zoo.text.tables import MANY, Judge, Table, Writer, answered, open_table

AT_ONCE = 2  # lists; others wait
FIRST = 10  # rows that the table shows
EXAMPLE = EXAMPLES / "reviews.csv"
PROGRESS = gr.Progress(track_tqdm=True)  # Gradio finds the parameter by this default value
HINT = "Upload a CSV, one text per row: you get it back with an answer in each row."
# The answer is not among them: the verdict is the same, or says that it is not sure.
COLUMNS = later("hint"), later("verdict"), later("probability")


@dataclass(frozen=True)
class List:
    """The fold's components."""

    file: gr.File
    column: gr.Dropdown
    start: gr.Button
    stop: gr.Button
    try_it: gr.Button
    about: gr.HTML
    fetching: gr.HTML
    table: gr.Dataframe
    download: gr.DownloadButton


def build() -> List:
    """The fold, without its events."""
    with parts.fold("A list of texts", "list"):
        about = gr.HTML(
            _about(HINT), js_on_load=f"element.role = 'status'; {parts.SAY_ALL}",
            elem_classes="about", elem_id="list-about",
        )  # fmt: skip
        file = gr.File(
            file_types=[".csv", ".tsv", ".txt"], label=t("CSV file"), height=140,
            elem_id="list-file",
        )  # fmt: skip
        with gr.Row(elem_classes="go"):
            column = gr.Dropdown(
                [], label=t("Column with the texts"), visible=False, min_width=220, elem_id="column"
            )
            start = gr.Button(t("Read the list"), variant="primary", visible=False, min_width=120)
            stop = gr.Button(t("Stop"), visible=False, min_width=90)
            try_it = gr.Button(t("An example list"), size="sm", min_width=90)
        fetching = gr.HTML("", elem_classes="fetching")
        table = gr.Dataframe(
            interactive=False, visible=False, label=t("Answers"), wrap=True, elem_id="list-answers"
        )
        download = gr.DownloadButton(str(t("Download as CSV")), visible=False)
    return List(file, column, start, stop, try_it, about, fetching, table, download)


def connect(demo: gr.Blocks, made: List, pair: Sequence[gr.Dropdown]) -> None:
    """The fold's events; `pair` is model, precision and provider."""
    quiet: dict[str, Any] = {
        "queue": False, "show_progress": "hidden", "api_visibility": "private",
    }  # fmt: skip
    made.try_it.click(lambda: str(EXAMPLE), None, made.file, **quiet)
    made.file.change(
        look, made.file,
        [made.about, made.column, made.start, made.stop, made.table, made.download], **quiet,
    )  # fmt: skip
    made.start.click(
        read_all, [made.file, made.column, *pair],
        [made.about, made.table, made.download, made.start, made.stop],
        show_progress_on=made.fetching, concurrency_limit=AT_ONCE, api_visibility="private",
    )  # fmt: skip
    for other in (made.column, *pair):  # what the answers belong to is another now
        other.change(
            lambda: (gr.Dataframe(visible=False), gr.DownloadButton(visible=False)),
            None, [made.table, made.download], **quiet,
        )  # fmt: skip
    made.stop.click(stop_reading, None, None, **quiet)


def look(file: str | None, request: gr.Request) -> tuple[Any, ...]:
    """What is in a file: (about it, its columns, read, stop, no table, no download).

    What is still read of another file is neither finished nor shown.
    """
    leaving.drop("list", request)
    gone = gr.Button(visible=False), gr.Dataframe(visible=False), gr.DownloadButton(visible=False)
    column, button = gr.Dropdown(visible=False), gr.Button(visible=False)
    if not file:
        return _about(HINT, request), column, button, *gone
    try:
        table = open_table(Path(file))
    except ZooError as error:
        return _about(told(error, request), kind="trouble"), column, button, *gone
    notes = (told(note, request) for note in table.notes)
    facts = " ".join([say("{} rows.", request).format(f"{table.count:,}"), *notes])
    choices = gr.Dropdown(list(table.columns), value=table.columns[table.column], visible=True)
    return _about(facts), choices, gr.Button(visible=True), *gone


def read_all(
    file: str | None,
    column: str | None,
    model: str,
    precision: str,
    provider: str,
    request: gr.Request,
    progress: gr.Progress = PROGRESS,
) -> Iterator[tuple[Any, ...]]:
    """(about it, the first rows, the file to download, read, stop), more with every few rows."""
    with leaving.newest_of("list", request) as ending:
        yield from _read_all(file, column, (model, precision, provider), request, ending)


def _read_all(
    file: str | None,
    column: str | None,
    pair: Sequence[str],
    request: gr.Request,
    ending: Stop,
) -> Iterator[tuple[Any, ...]]:
    buttons = gr.Button(visible=True), gr.Button(visible=False)
    nothing = gr.Dataframe(visible=False), gr.DownloadButton(visible=False)
    try:
        if not file:
            yield _about("Choose a file first.", request, "trouble"), *nothing, *buttons
            return
        yield (
            _about("Opening the model …", request), *nothing,
            gr.Button(visible=False), gr.Button(visible=True),
        )  # fmt: skip
        reader = model_zoo.load(*pair, task=SENTIMENT)
        table = open_table(Path(file))
        with tempfile.TemporaryDirectory() as folder:  # Gradio keeps its own copy to download
            path = Path(folder) / f"{Path(file).stem}-answers.csv"
            reading = Reading(table, table.index(column or ""), path, request)
            for _ in reading.through(partial(cells, reader, stop=ending)):
                if not leaving.is_newest(ending):
                    return
                yield reading.about(), reading.rows(), *(gr.skip(),) * 3
            if not leaving.is_newest(ending):
                return
            ran = where(reader.ran, request)
            about = f"{reading.about(ended=True)}<p class='ran'>{ran}</p>"
            yield about, reading.rows(), gr.DownloadButton(value=path, visible=True), *buttons
    except ZooError as error:
        yield _about(told(error, request), kind="trouble"), *nothing, *buttons


def stop_reading(request: gr.Request) -> None:
    """End the list that is read for this browser, within a second or two."""
    leaving.end("list", request)


class Reading:
    """A list on its way from one file to the other."""

    def __init__(self, table: Table, column: int, path: Path, request: gr.Request) -> None:
        self.table, self.column, self.path, self.request = table, column, path, request
        self.done, self.unanswered = 0, 0
        self.stopped, self.began = False, time.monotonic()
        self.headers = [say(name, request) for name in COLUMNS] + [table.columns[column]]
        self.first: list[list[str]] = []

    def through(self, judge: Judge) -> Iterator[None]:
        """Write every row with its answer until `judge` is stopped, pausing every MANY rows."""
        with self.path.open("w", newline="", encoding="utf-8") as out:
            writer = Writer(self.table, out)
            try:
                for row, found in answered(self.table, self.column, judge):
                    writer.add(row, found)
                    self.done += 1
                    self.unanswered += not found["answer"]
                    if len(self.first) < FIRST:
                        cells = (told(found[name], self.request) for name in COLUMNS)
                        self.first.append([*cells, row[self.column]])
                    if self.done % MANY == 0 and self.done < self.table.count:
                        yield
            except Stopped:
                self.stopped = True

    def rows(self) -> gr.Dataframe:
        """The first rows."""
        return gr.Dataframe({"headers": self.headers, "data": self.first}, visible=True)

    def about(self, ended: bool = False) -> str:
        """How far it is and how long it will take."""
        seconds = max(time.monotonic() - self.began, 1e-3)
        rate = self.done / seconds
        rows = self._say("{} of {} rows", self.done, self.table.count)
        words = [rows, self._say("{} rows a second", round(rate))]
        if ended:
            end = "Stopped: {}" if self.stopped else "Done: {}"
            words[0] = say(end, self.request).format(rows)
            if self.unanswered:
                words.append(self._say("{} without an answer", self.unanswered))
            if self.done > FIRST:
                words.append(self._say("The first {} rows are shown; the download has all.", FIRST))
            return _about(" · ".join(words))
        words.append(self._say("{} s left", round((self.table.count - self.done) / rate)))
        bar = f'<progress max="{self.table.count}" value="{self.done}"></progress>'
        return _about(" · ".join(words)) + bar

    def _say(self, template: str, *figures: int) -> str:
        return say(template, self.request).format(*(f"{figure:,}" for figure in figures))


def _about(words: str, request: gr.Request | None = None, kind: str = "hint") -> str:
    return f'<p class="{kind}" data-say>{escape(say(words, request))}</p>'
