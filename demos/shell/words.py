"""What the pages say, in English and Chinese; the English sentence is the key, as in gettext."""

from __future__ import annotations

import gradio as gr
from gradio.i18n import I18nData

SHARED = {  # what several pages say, and their JavaScript
    "Examples": "示例",
    "Opening the model …": "正在打开模型……",
    "Stop": "停止",
    "Try one": "试一试",
}
CHINESE = dict(SHARED)  # the rest comes from the modules that say the sentences


def t(sentence: str) -> I18nData:
    """A label that the browser shows in the reader's language; KeyError without Chinese."""
    CHINESE[sentence]
    return I18nData(sentence)


def translations() -> gr.I18n:
    """Every sentence of the pages imported so far, for `launch` or `mount_gradio_app`."""
    return gr.I18n(en={english: english for english in CHINESE}, zh=CHINESE, **{"zh-CN": CHINESE})


def say(sentence: str, request: gr.Request | None = None) -> str:
    """The sentence in the language that the reader's browser asks for first."""
    wanted = request.headers.get("accept-language", "") if request else ""
    return CHINESE[sentence] if wanted.lower().startswith("zh") else sentence
