"""What visitors read: each sentence has its words in every catalogue, and no catalogue has more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from string import Formatter

import gradio as gr
import pytest

from demos.shell import words
from model_zoo.errors import BadInput
from model_zoo.sentence import sentence
from model_zoo.trace import PLACES, Ran
from model_zoo.weights.cache import DISK_ERRORS
from tests.conftest import ROOT

CHINESE_READER = gr.Request(headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
# What whoever starts the program reads in the terminal, in English; no visitor does.
TERMINAL = {
    "cli",
    "discovery",
    "manifest",
    "inputs",
    "bench",
    "tuning",
    "random",
    "command",
    "starting",
}
ERRORS = {"BadInput", "CacheError", "NotThere", "ProviderUnavailable", "UnknownModel",
          "WeightsNotFound"}  # fmt: skip
# Whose first argument is said to a visitor, some time
SAYING = ERRORS | {"t", "say", "_say", "later", "translated", "sentence", "fold", "_about", "lap"}
LITERAL = r'"((?:[^"\\\n]|\\.)*)"'


def trees() -> Iterator[ast.Module]:
    for package in ("demos", "model_zoo"):
        for path in (ROOT / package).rglob("*.py"):
            if not TERMINAL & {path.stem, *path.relative_to(ROOT).parts}:
                yield ast.parse(path.read_text("utf-8"))


def source(ending: str) -> str:
    files = (ROOT / "demos").rglob(f"*.{ending}")
    return "\n".join(path.read_text("utf-8") for path in files)


SCRIPT, HTML = source("js"), source("html")
CONSTANTS = {  # by name, of all modules: the text that a name in capitals stands for
    target.id: node.value.value
    for tree in trees()
    for node in tree.body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    for target in node.targets
    if isinstance(target, ast.Name) and isinstance(node.value.value, str)
}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All below a node, but for documentation and the cards of models."""
    for node in ast.iter_child_nodes(tree):
        document = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        card = isinstance(node, ast.keyword) and node.arg == "card"
        if not (document or card or called(node) == "Card"):
            yield node
            yield from nodes(node)


def called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "id", getattr(function, "attr", ""))


def said(node: ast.expr) -> Iterator[str]:
    """The sentences that an argument may be, where they are written down."""
    assert not isinstance(node, ast.JoinedStr), f"give it values: {ast.unparse(node)}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from said(node.body)
        yield from said(node.orelse)
    name = getattr(node, "id", getattr(node, "attr", ""))
    if name.isupper() and name in CONSTANTS:
        yield CONSTANTS[name]


def literals(tree: ast.AST) -> set[str]:
    found = (node.value for node in nodes(tree) if isinstance(node, ast.Constant))
    return {value for value in found if isinstance(value, str)}


def is_a_sentence(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Z{][^\n<>]* [^\n<>]*[.…]", text))


def from_python() -> set[str]:
    found = set[str]()
    for tree in trees():
        for node in nodes(tree):
            if called(node) in SAYING and node.args:
                found |= set(said(node.args[0]))
            elif called(node) == "Page":
                found |= set(said(node.args[1]))
        found |= {text for text in literals(tree) if is_a_sentence(text)}
    return found - EXAMPLES


def examples() -> Iterator[str]:
    """What a visitor may try is in the language of the model."""
    for tree in trees():
        for node in tree.body:
            names = {getattr(target, "id", "") for target in getattr(node, "targets", ())}
            if {"EXAMPLES", "EXAMPLE", "REVIEWS"} & names or getattr(node, "name", "") == "example":
                marked = {text for one in nodes(node) if called(one) == "later"
                          for text in literals(one)}  # fmt: skip
                yield from literals(node) - marked


EXAMPLES = set(examples())


def from_the_browser() -> set[str]:
    script = re.sub(r'"\s*\+\s*"', "", SCRIPT)  # a sentence on two lines
    found = set(re.findall(rf"say\(\s*{LITERAL}", script))
    found |= {text for text in re.findall(LITERAL, script) if is_a_sentence(text)}
    found |= set(re.findall(r"data-say>([^<]+)<", HTML))
    return found | set(re.findall(rf"aria-label={LITERAL}", HTML))


def wanted() -> set[str]:
    places = {Ran(provider, "fp32").place for provider in PLACES}
    tables = set(DISK_ERRORS.values()) | places | words.GRADIO.keys()
    return from_python() | from_the_browser() | tables


def fields(template: str) -> list[str]:
    return sorted(field for _, field, _, _ in Formatter().parse(template) if field is not None)


@pytest.mark.parametrize("language", words.CATALOGUES)
def test_every_sentence_has_its_words_in_each_language(language: str) -> None:
    assert len(wanted()) > 250
    assert sorted(wanted() - words.CATALOGUES[language].keys()) == []
    assert all(words.CATALOGUES[language].values())


@pytest.mark.parametrize("language", words.CATALOGUES)
def test_a_catalogue_has_nothing_that_nobody_says(language: str) -> None:
    there = set().union(*map(literals, trees()), from_the_browser(), re.findall(LITERAL, SCRIPT))
    assert sorted(words.CATALOGUES[language].keys() - there - wanted()) == []


@pytest.mark.parametrize("language", words.CATALOGUES)
def test_a_translation_has_the_places_of_its_template(language: str) -> None:
    for english, other in words.CATALOGUES[language].items():
        assert fields(words.GRADIO.get(english, english)) == fields(other), english


def test_the_test_sees_a_sentence_without_words() -> None:
    tree = ast.parse('t("Ask"); say("{} rows" if many else "Stop"); hint = "Nobody has this one."')
    calls = [node for node in nodes(tree) if called(node) in SAYING]
    assert [text for call in calls for text in said(call.args[0])] == ["Ask", "{} rows", "Stop"]
    assert "Nobody has this one." in filter(is_a_sentence, literals(tree))
    with pytest.raises(AssertionError, match="give it values"):
        list(said(ast.parse('f"{count} rows"', mode="eval").body))


def test_a_label_without_words_is_an_error_when_the_page_is_built() -> None:
    with pytest.raises(KeyError):
        words.t("A sentence that nobody has translated.")


def test_what_the_zoo_says_is_told_in_the_readers_language() -> None:
    figures = BadInput("{} is between {} and {}, not {}.", "temperature", 0, 5, 7)
    assert words.translated(figures, CHINESE_READER) == "temperature 应在 0 与 5 之间，而不是 7。"
    assert words.translated(figures) == "temperature is between 0 and 5, not 7."
    assert words.translated(str(figures), CHINESE_READER) == words.translated(
        figures, CHINESE_READER
    )
    assert words.translated("No such sentence 7", CHINESE_READER) == "No such sentence 7"


def test_a_note_on_where_it_ran_is_told_too() -> None:
    decoder = Ran("cpu", "int8", sentence("{} did not start", "cuda"))
    ran = Ran("openvino", "fp32", sentence("decoder {}", decoder))
    assert words.where(ran) == str(ran)
    told = words.where(ran, CHINESE_READER)
    assert told == "fp32 在 CPU（OpenVINO）上: 解码器 int8 在 CPU 上: cuda 未能启动"


def test_the_first_language_that_the_reader_asks_for_is_the_one_that_counts() -> None:
    for asked, says in (("zh", "停止"), ("zh-Hant-TW", "停止"), ("en,zh", "Stop"), ("", "Stop")):
        assert words.say("Stop", gr.Request(headers={"accept-language": asked})) == says
