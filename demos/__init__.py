"""What people see: pages, the widgets that they are drawn with, and the shell around them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import model_zoo  # noqa: F401 - it switches Gradio's telemetry off, so it comes before Gradio

if TYPE_CHECKING:
    import gradio as gr


HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"

# What Gradio takes int() of as it is imported; Kubernetes, for one, puts addresses there.
_PORTS = ("GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS", "GRADIO_NODE_NUM_PORTS")


def _import_gradio() -> None:
    """Import Gradio without those settings of the surroundings that it could fail at.

    It opens clients of httpx, which raises at a proxy that it does not know; they fetch nothing
    here in any case.
    """
    hidden = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name.lower().endswith("_proxy") or name in _PORTS
    }
    import_module("gradio")
    os.environ.update(hidden)


_import_gradio()


@dataclass(frozen=True)
class Page:
    """One tab: `slug` is its name in the address, `title` its English label, `build` draws it.

    `build` runs inside the `gr.Blocks` it is given and adds the page's components and events to it.
    """

    slug: str
    title: str
    order: int
    build: Callable[[gr.Blocks], None]

    def __post_init__(self) -> None:
        if not self.slug.isalpha() or not self.slug.islower():
            raise ValueError(f"a page's slug is lower-case letters, not {self.slug!r}")


def all_pages() -> tuple[Page, ...]:
    """Every page in `pages/`, in order; `pages/draw.py` has `page = Page("draw", …)`."""
    rooms = iter_modules([str(HERE / "pages")])
    modules = (import_module(f"{__name__}.pages.{module.name}") for module in rooms)
    found = (module.page for module in modules if hasattr(module, "page"))
    return tuple(sorted(found, key=lambda page: page.order))
