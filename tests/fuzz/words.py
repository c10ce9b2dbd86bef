"""Texts: any encoding, any Unicode, any dialect of CSV, and what the models make of them."""

from __future__ import annotations

import csv
import io
import tempfile
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st

import model_zoo
from model_zoo import inputs
from model_zoo.cli import options
from model_zoo.text import encoding, texts
from model_zoo.text.dialects import NONE
from model_zoo.text.sampling import TextOptions
from model_zoo.text.tables import Writer, open_table
from model_zoo.text.tables import answered as answered_rows
from tests.fuzz import seeds
from tests.fuzz.kinds import Kind, Seeded, Structured
from tests.fuzz.mutations import cuts, mutate
from tests.fuzz.pictures import EVERY, require_shares
from tests.fuzz.rules import answered, require, within_patience
from tests.fuzz.sounds import ANYTHING

TOKENS = 8
CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
# What breaks programs: halves of a pair, other directions, no width, marks on marks, families of
# emoji, zero bytes, other lines, letters that are two in capitals, styled ones, entities of HTML
ODD = (
    "\ud83d", "\ude00", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\ufffe", "e\u0301",
    "a" + "\u0301" * 40, "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "\0", "\x1a", "\x85",
    "\u2028", "\r", "\n\n", "ß", "ﬁ", "𝒻", "ｆ", "İ", "한", "文", "ا", "\U0010ffff",
    "&amp;", "&#x1F600;", "&#0;",
    "<|endoftext|>", "[CLS]", "<|im_end|>", "%s", "{0}", "\\u0041", " ", "\t",
)  # fmt: skip
WORDS = ("good", "film", "not", "the", "It's", "a dull", "story.", "1,000", "http://a.b/c?d=e")
TEXTS = st.one_of(
    st.lists(st.one_of(st.sampled_from(ODD), st.sampled_from(WORDS), st.text(max_size=5)),
             max_size=30).map(" ".join),
    st.lists(st.sampled_from((*ODD, *WORDS)), max_size=40).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=200),
    st.builds(lambda text, times: text * times, st.sampled_from((*ODD, *WORDS, "x")),
              st.sampled_from((100, 3000, 70_000))),
)  # fmt: skip
CELLS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30),
    st.lists(st.sampled_from((*WORDS, '"', "'", ",", ";", "|", "\n", "é", "文")), max_size=9).map(
        " ".join
    ),
).map(str.strip)  # fmt: skip


def damaged(seed: int, random: Random) -> None:
    """A file of any bytes is a list or a text, or refused; the list is written again."""
    files = seeds.tables()
    if seed % EVERY == 0:
        number, end = (ends := cuts(files))[seed // EVERY % len(ends)]
        data = files[number][:end]
    else:
        data = mutate(random, random.choice(files), files)
    found = answered(lambda: encoding.decode(data))
    if found:
        found[0].encode()  # no half of a pair
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.csv")
        path.write_bytes(data)
        table = answered(lambda: open_table(path))
        if table is None:
            return
        out = io.StringIO(newline="")
        writer = Writer(table, out)
        count = 0
        for row, cells in answered_rows(
            table, table.column, lambda some: [{"answer": "x"} for _ in some]
        ):
            require(len(row) == len(table.columns), f"{len(row)} cells")
            writer.add(row, cells)
            count += 1
        require(count == table.count, f"{count} rows of {table.count}")


def any_text(text: str, codec: str) -> None:
    """A text in any encoding with a mark is read as it is, and as plain letters for good."""
    whole = encoding.mend(text)
    if codec != "utf-8" and "\0" not in text and _is_text(whole):
        found = answered(lambda: encoding.decode(whole.encode(codec)))
        same = found and found[0] == whole.replace(encoding.MARK, "")
        require(bool(same), f"read as {found!r}"[:400])
    checked = answered(lambda: texts.check(text))
    if checked is not None:
        plain = texts.plain(checked)
        require(texts.plain(plain) == plain, f"not the same again: {plain!r}"[:400])
        plain.encode()


def _is_text(text: str) -> bool:
    return "\ufffd" not in text and all(s.isprintable() or s in "\t\n\r" for s in text)


def judged(text: str) -> None:
    """The mood of a text is a distribution, nothing with a sentence, or refused."""
    model = model_zoo.load("sst2-minilm")
    found = within_patience(lambda stop: next(model.classify_many([text], stop)))
    if found:
        require_shares(dict(found))
    elif found is not None:
        require(found.hint.endswith("."), f"no answer, and no reason: {found!r}")


def written(text: str, chosen: dict[str, Any]) -> None:
    """A text is gone on with, under any options, or refused."""
    model = model_zoo.load("smollm2-135m")
    asked = answered(lambda: TextOptions(**chosen, max_new_tokens=TOKENS))
    if asked is None:
        return
    trace = within_patience(lambda stop: model.trace(text, asked, owner=None, stop=stop))
    tokens = trace.tokens if trace else ()
    for token in tokens:
        token.text.encode()
        require(0 <= token.probability <= 1, f"a probability of {token.probability}")
    require(len(tokens) <= TOKENS, f"{len(tokens)} tokens")


def chosen_options(chosen: dict[str, Any]) -> None:
    """Every value of an option is taken or refused."""
    answered(lambda: TextOptions(**chosen))


def on_the_command_line(given: str, said: list[str]) -> None:
    """Whatever stands for INPUT and behind --set is taken or refused."""
    if given not in inputs.STDIN:
        answered(lambda: inputs.read_text(given))
        answered(lambda: inputs.find(given))
    for name in ("smollm2-135m", "whisper-tiny.en", "sst2-minilm"):
        answered(partial(options.parse, model_zoo.spec(name), said))


def table(
    rows: list[list[str]], delimiter: str, codec: str, quoting: int, ending: str, said: bool
) -> None:
    """Cells are those of Python's csv, whatever stands between them."""
    out = io.StringIO(newline="")
    names = ["id", "text", "stars"]
    how: Any = {"delimiter": delimiter, "quoting": quoting, "lineterminator": ending}
    writer = csv.writer(out, **how)
    writer.writerows([names, *([str(number), *row] for number, row in enumerate(rows, 1))])
    text = out.getvalue().replace(encoding.MARK, "")  # which may stand between joined files
    if codec == "utf-16-le" and 2 * sum(map(str.isascii, text)) <= len(text):
        return  # without a mark, what is in no alphabet may be no text at all
    head = f"sep={delimiter}{ending}" if said else ""
    wanted = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.csv")
        path.write_bytes((head + text).encode(codec))
        found = open_table(path)
        require(found.columns == ("id", "text", "stars"), f"columns {found.columns}")
        cells = [row for row, fault in found.rows() if not fault]
    require(cells == wanted, f"{cells} instead of {wanted}"[:900])
    require(found.dialect.delimiter != NONE, "one column")


VALUES = {
    name: st.one_of(st.just(field.default), ANYTHING)
    for name, field in TextOptions.__dataclass_fields__.items()
}
USUAL = {
    "temperature": st.floats(0, 5), "top_k": st.integers(0, 100), "top_p": st.floats(0, 1),
    "min_p": st.floats(0, 1), "repetition_penalty": st.floats(0.5, 2), "seed": st.integers(0, 99),
    "stop": st.lists(TEXTS, max_size=3).map(tuple), "beams": st.integers(1, 3),
    "chat": st.booleans(), "answer": TEXTS.map(lambda text: text[:50]),
}  # fmt: skip

KINDS: tuple[Kind, ...] = (
    Seeded("lists and texts, damaged", 12, damaged),
    Structured("texts, encodings", 6, any_text, TEXTS, st.sampled_from(CODECS)),
    Structured(
        "lists, dialects", 8, table, st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1,
        max_size=12), st.sampled_from(",;\t|"), st.sampled_from((*CODECS, "utf-16-le")),
        st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)), st.sampled_from(("\n", "\r\n")),
        st.booleans(),
    ),
    Structured("sentiment, texts", 4, judged, TEXTS, batch=50),
    Structured("language model, texts", 0.7, written, TEXTS,
               st.fixed_dictionaries({}, optional=USUAL), batch=20),
    Structured("language model, options", 4, chosen_options,
               st.fixed_dictionaries({}, optional=VALUES)),
    Structured("command line", 2, on_the_command_line, TEXTS, st.lists(st.one_of(TEXTS, st.builds(
        "{}={}".format, st.sampled_from((*VALUES, "language", "temperatures")), TEXTS)),
        max_size=3)),
)  # fmt: skip
