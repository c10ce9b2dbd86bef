"""What the README says of the models is what their cards say."""

from pathlib import Path

import pytest

from model_zoo import zoo

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def row(name: str) -> str:
    """The line of the README's table of models that a card gives."""
    spec = zoo.spec(name)
    cells = [f"`{name}`", spec.card.summary, f"{spec.card.parameters:,}"]
    for precision in ("fp32", "int8"):
        size = spec.embedded_file(precision).stat().st_size / 1e6
        cells.append(f"{spec.metric('accuracy', precision):.2%}, {size:.2f} MB")
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.spec(name).embedded])
def test_the_readme_agrees_with_the_card(name):
    assert row(name) in README


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_readme_agrees_with_the_card_on_sentences(precision):
    assert f"{zoo.spec('sst2-minilm').metric('accuracy', precision):.2%}" in README


def test_every_verb_of_the_command_line_is_in_the_readme():
    from model_zoo.cli.commands import app

    verbs = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert [verb for verb in verbs if f"model_zoo {verb}" not in README] == []
