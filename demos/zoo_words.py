"""What the model zoo says, in Chinese; it speaks English itself and knows of no pages."""

from __future__ import annotations

import gradio as gr

from demos.words import CHINESE, say
from model_zoo.trace import Ran

SENTENCES = {
    "That file is not a picture that can be read: use PNG or JPEG.": (
        "该文件不是可读取的图片：请用 PNG 或 JPEG。"
    ),
    "The picture is damaged or cut off: save or upload it again.": (
        "图片已损坏或不完整：请重新保存或上传。"
    ),
    "The recording holds values that are not numbers (NaN or infinity): export it again.": (
        "录音中含有非数值（NaN 或无穷大）：请重新导出。"
    ),
    "There is nothing to go on from: write a few words first.": (
        "没有可以续写的内容：请先写几个字。"
    ),
    "There is no text to judge: paste one first.": "没有要评判的文字：请先粘贴一段。",
    "There is no text yet: write a sentence.": "还没有文字：请写一句话。",
    "There are only signs and no words in it: write a sentence.": (
        "其中只有符号，没有词语：请写一句话。"
    ),
    "This does not look like English, the only language that this model knows.": (
        "这看起来不是英语，而此模型只懂英语。"
    ),
    "This is not a text, it holds NUL bytes: give plain text in UTF-8.": (
        "这不是文本，其中含有 NUL 字节：请提供 UTF-8 纯文本。"
    ),
}
PLACES = {
    "on the CPU": "在 CPU 上",
    "on the CPU (OpenVINO)": "在 CPU（OpenVINO）上",
    "on the GPU (CUDA)": "在 GPU（CUDA）上",
}
CHINESE.update(SENTENCES | PLACES)


def told(message: object, request: gr.Request | None = None) -> str:
    """A hint or an error in the reader's language; one that is not known above stays English."""
    sentence = str(message)
    return say(sentence, request) if sentence in CHINESE else sentence


def where(ran: Ran, request: gr.Request | None = None) -> str:
    """For example: int8 on the CPU."""
    note = f": {ran.note}" if ran.note else ""
    return f"{ran.precision} {told(ran.place, request)}{note}"
