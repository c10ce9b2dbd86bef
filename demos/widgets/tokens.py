"""A text token by token, tinted by how surprising each was, with what it could have been."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from model_zoo.text.signs import Token

HERE = Path(__file__).parent


def component(value: dict[str, Any], name: str) -> gr.HTML:
    """The text; its value is what `shown` makes."""
    return gr.HTML(
        value,
        html_template=(HERE / "tokens.html").read_text("utf-8"),
        js_on_load=(HERE / "tokens.js").read_text("utf-8"),
        elem_id=name,
        elem_classes="tokens",
    )


def shown(
    kind: str,
    text: str = "",
    run: str = "",
    lines: str = "",
    facts: str = "",
    running: bool = False,
) -> dict[str, Any]:
    """What tokens.js shows: `kind` is hint, trouble or answer, `text` a sentence above it all.

    Another `run` clears the page; `lines` only grow within one, as `lines` makes them.
    """
    return {
        "kind": kind, "text": text, "run": run, "lines": lines, "facts": facts,
        "running": running,
    }  # fmt: skip


def lines(tokens: Sequence[Token]) -> str:
    """[text, probability, alternatives] of each token that shows something, a line of JSON each.

    One text that grows: of a long list the browser would look at every number at every token.
    """
    return "".join(
        json.dumps(
            [
                token.text,
                round(token.probability, 5),
                [(text, round(share, 4)) for text, share in token.alternatives],
            ]
        )
        + "\n"
        for token in tokens
        if token.text
    )


def record(token: Token) -> dict[str, Any]:
    """A token for the endpoint's clients; shares have four digits."""
    others = [(text, digits(share)) for text, share in token.alternatives]
    return {
        "text": token.text, "probability": digits(token.probability), "alternatives": others,
    }  # fmt: skip


def digits(share: float) -> float:
    """The share with four digits, however small it is."""
    return float(f"{share:.4g}")
