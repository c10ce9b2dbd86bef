"""What the model zoo says, in Chinese; it speaks English itself and knows of no pages."""

from __future__ import annotations

import gradio as gr

from demos.shell.words import CHINESE, say
from model_zoo.errors import ZooError
from model_zoo.sentence import Sentence
from model_zoo.trace import Ran

SENTENCES = {
    "This user has no home folder to keep a cache in: set SENSORIUM_CACHE to an absolute path.": (
        "此用户没有主文件夹，无处存放缓存：请将 SENSORIUM_CACHE 设为绝对路径。"
    ),
    "That file is not a picture that can be read: use PNG or JPEG.": (
        "该文件不是可读取的图片：请用 PNG 或 JPEG。"
    ),
    "The picture is damaged or cut off: save or upload it again.": (
        "图片已损坏或不完整：请重新保存或上传。"
    ),
    "The picture is in too many small parts: save it again as PNG or JPEG.": (
        "图片由过多的零碎部分组成：请重新保存为 PNG 或 JPEG。"
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
    "Most of its words are unknown to the network: write it in plain English.": (
        "其中大多数词网络不认识：请用普通英语书写。"
    ),
    "classify_many takes a list of texts: put this one into a list.": (
        "classify_many 需要一列文字：请把这一段放入列表。"
    ),
    "The file is empty: give one with a line for each text.": (
        "文件是空的：请提供每行一条文字的文件。"
    ),
    "The file has one line only: give names and a line for each text.": (
        "文件只有一行：请给出列名，并且每行一条文字。"
    ),
    "This is a workbook or an archive, not a CSV file: save it as CSV.": (
        "这是工作簿或压缩包，不是 CSV 文件：请另存为 CSV。"
    ),
    "This is not a text file: save it as plain text or CSV.": (
        "这不是文本文件：请另存为纯文本或 CSV。"
    ),
    "Some of its bytes are no characters: each of them was read as �.": (
        "有些字节不是字符：均读作 �。"
    ),
    "Its first line looks like a text, not like names: the columns are numbered.": (
        "第一行像是一段文字而非列名：各列已编号。"
    ),
    "Its first line was taken for the names of its columns, and gets no answer.": (
        "第一行被当作列名，因此没有结果。"
    ),
    "temperatures are numbers from 0 to 2, the first to try first.": (
        "temperatures 应为 0 到 2 的数字，先试的在前。"
    ),
    "This is not a text, it holds NUL bytes: give plain text in UTF-8.": (
        "这不是文本，其中含有 NUL 字节：请提供 UTF-8 纯文本。"
    ),
}
FIGURES = {  # {} stands for a figure or a name
    "The network cannot read {}: the answer is about the rest.": (
        "网络无法读取 {}：结果只针对其余部分。"
    ),
    "A text is a string, not {}: give one text.": "文字应为字符串，而不是 {}：请给出一段文字。",
    "{} is a number, not {}.": "{} 应为数字，而不是 {}。",
    "{} is yes or no, not {}.": "{} 应为是或否（yes/no），而不是 {}。",
    "A prompt is a text, not {}.": "提示应为文字，而不是 {}。",
    "{} is a text, not {}.": "{} 应为文字，而不是 {}。",
    "{} is a whole number, not {}.": "{} 应为整数，而不是 {}。",
    "{} is between {} and {}, not {}.": "{} 应在 {} 与 {} 之间，而不是 {}。",
    "{} is a list of texts.": "{} 应为一列文字。",
    "There is no option {}; the nearest is {}.": "没有选项 {}；最接近的是 {}。",
    "There is no option {}: choose one of {}.": "没有选项 {}：请从 {} 中选择。",
    "{} is at most {} texts, none of them empty.": "{} 最多 {} 条文字，且都不能为空。",
    "The text has {} tokens, and {} reads fewer than {}: shorten it.": (
        "这段文字有 {} 个词元，而 {} 只能读少于 {} 个：请缩短。"
    ),
    "The text has {} tokens: {} are the most.": "这段文字有 {} 个词元：最多 {} 个。",
    "The text has {} characters: give at most {} at a time.": (
        "这段文字有 {} 个字符：每次最多 {} 个。"
    ),
    "The text is longer than the {} tokens that are looked back at: it goes on from the last {}.": (
        "文字已超过可回看的 {} 个词元：从最后 {} 个接着写。"
    ),
    "It is not in UTF-8: it was read as {}, a guess that may be wrong.": (
        "它不是 UTF-8 编码：已按 {} 读取，这是猜测，可能有误。"
    ),
    "It is not in UTF-8: it was read as {}.": "它不是 UTF-8 编码：已按 {} 读取。",
    "This is {} data, not a text: save it as plain text or CSV.": (
        "这是 {} 数据，不是文本：请另存为纯文本或 CSV。"
    ),
    "This is {}, not a CSV file: save it as CSV.": "这是 {}，不是 CSV 文件：请另存为 CSV。",
    "It looks like {}: its marks are read as words, too.": (
        "它看起来像 {}：其中的标记也会当作词语读取。"
    ),
    "Rows with more cells than the first line, which get no answer: {}.": (
        "单元格比首行多、因而没有结果的行：{}。"
    ),
    "Lines above the names of the columns, which were left out: {}.": ("列名上方未读取的行：{}。"),
    "Lines that repeat the names of the columns, without an answer: {}.": (
        "重复列名、因而没有结果的行：{}。"
    ),
    "The quotation marks of line {} do not pair up: they were kept.": (
        "第 {} 行的引号不配对：已原样保留。"
    ),
    "The picture is too large: scale it below {} megapixels first.": (
        "图片太大：请先缩小到 {} 百万像素以下。"
    ),
    "The picture is too large ({} × {}): scale it below {} megapixels first.": (
        "图片太大（{} × {}）：请先缩小到 {} 百万像素以下。"
    ),
    "The picture is only {} × {} pixels: show one of at least {} × {}.": (
        "图片只有 {} × {} 像素：请用至少 {} × {} 的图片。"
    ),
    "A picture is an image, a file, or numbers (h, w), (h, w, 3) or (3, h, w), not {}: "
    "convert it first.": (
        "图片应为图像、文件或 (h, w)、(h, w, 3)、(3, h, w) 形状的数字，而不是 {}：请先转换。"
    ),
    "There is no file {}: check its name.": "没有文件 {}：请检查文件名。",
    "There is no file {}.": "没有文件 {}。",
    "There is no column {}: choose one of {}.": "没有名为 {} 的列：请从 {} 中选择。",
    'Line {} has {} cells, the first line {}: put texts with a "{}" in quotation marks.': (
        "第 {} 行有 {} 个单元格，而首行有 {} 个：含有“{}”的文字请放在引号内。"
    ),
    "The file is larger than {} MB: cut it in parts.": "文件大于 {} MB：请分成几部分。",
    "The recording is {} hours long: cut it into pieces of at most {} hours.": (
        "录音长 {} 小时：请切成每段至多 {} 小时。"
    ),
    "The recording is too short to hold a word ({} s).": "录音太短（{} 秒），容不下一个词。",
    "The recording is without speech ({} s).": "录音中没有说话声（{} 秒）。",
    "The recording has {} samples a second: {} to {} kHz can be read.": (
        "录音每秒有 {} 个采样：可读取 {} 到 {} kHz。"
    ),
    "Samples are integers or floats, not {}.": "采样应为整数或浮点数，而不是 {}。",
    "Samples are [n] or [n, channels], not {}-dimensional.": (
        "采样应为 [n] 或 [n, 声道]，而不是 {} 维。"
    ),
    "The recording has {} channels: at most {} can be read.": (
        "录音有 {} 个声道：最多可读取 {} 个。"
    ),
    "Samples are an array of numbers, and this is none: {}.": "采样应为数字数组，而这不是：{}。",
    "Floating-point samples lie between -1 and 1, and these reach {}: divide them by the largest "
    "value of their scale, which is 32768 for 16 bits.": (
        "浮点采样应在 -1 与 1 之间，而这里达到 {}：请除以其量程的最大值，16 位为 32768。"
    ),
    "Samples come as (sampling rate, samples), not as {} values.": (
        "采样应以（采样率，采样）给出，而不是 {} 个值。"
    ),
    "The sampling rate is a whole number such as 16000, not {}.": (
        "采样率应为整数，例如 16000，而不是 {}。"
    ),
    "A recording is a file's path, its bytes, or (sampling rate, samples), not {}.": (
        "录音应为文件路径、文件字节或（采样率，采样），而不是 {}。"
    ),
    "Only the first {} hours were heard: cut the recording into pieces.": (
        "只听了前 {} 小时：请把录音切成几段。"
    ),
    "{} has {} tracks of sound: number {} was heard.": "{} 有 {} 条音轨：听的是第 {} 条。",
    "{} is damaged or cut off: {} of {} seconds were heard.": (
        "{} 已损坏或不完整：只听了 {} 秒，全长应为 {} 秒。"
    ),
    "{} is damaged or cut off: what can be decoded of it was heard.": (
        "{} 已损坏或不完整：能解码的部分已经听写。"
    ),
    "{} goes on after what was heard: to read that, install ffmpeg.": (
        "{} 在已听部分之后还有内容：安装 ffmpeg 才能读取。"
    ),
    "Little of this sounds like English, the only language that {} knows: for another choose "
    "whisper-base.": "其中听起来像英语的很少，而 {} 只懂英语：其他语言请选 whisper-base。",
    "Unsigned samples lie about the middle of their scale, which is silence, and these do not: "
    "give signed integers or floats.": (
        "无符号采样以量程中点为静音，而这些不是：请给出有符号整数或浮点数。"
    ),
    "The name of the recording is empty: choose an audio file.": (
        "录音的文件名是空的：请选择音频文件。"
    ),
    "{} is a folder: choose an audio file.": "{} 是文件夹：请选择音频文件。",
    "{} is a device, not a file: choose an audio file.": "{} 是设备而不是文件：请选择音频文件。",
    "{} may not be read: change its permissions.": "没有读取 {} 的权限：请更改权限。",
    "{} gives text, not bytes: open it in binary mode.": (
        "{} 给出的是文本而不是字节：请以二进制方式打开。"
    ),
    "{} gives more than {} GB: save it as a file first.": "{} 超过 {} GB：请先存成文件。",
    "{} is empty: record or choose another file.": "{} 是空的：请重新录音或另选文件。",
    "{} is damaged or cut off: choose another file.": "{} 已损坏或不完整：请另选文件。",
    "{} is no WAV, FLAC, OGG or MP3 recording; M4A, MP4 and WebM can be read where ffmpeg is "
    "installed.": "{} 不是 WAV、FLAC、OGG 或 MP3 录音；安装了 ffmpeg 才能读取 M4A、MP4 和 WebM。",
    "{} is not a recording that can be read: choose an audio file.": (
        "{} 不是可读取的录音：请选择音频文件。"
    ),
    "{} holds no sound that can be read: choose an audio file.": (
        "{} 中没有可读取的声音：请选择音频文件。"
    ),
    "There is no language {}: give a code such as en, de, zh or es, or none to have it detected.": (
        "没有语言 {}：请给出 en、de、zh、es 之类的代码，或留空以自动识别。"
    ),
    "There is no task {}: choose one of {}.": "没有任务 {}：请从 {} 中选择。",
    "This model knows English only, not {}: choose whisper-base.": (
        "此模型只懂英语，不懂 {}：请选择 whisper-base。"
    ),
    "{} knows English only: translate with whisper-base.": (
        "{} 只懂英语：请用 whisper-base 翻译。"
    ),
    "{} is not in the cache folder {} and could not be fetched from {}. When online, run "
    "`python -m model_zoo fetch {}`; offline, give a folder that holds {}, with --folder or as "
    "SENSORIUM_WEIGHTS.": (
        "{} 不在缓存文件夹 {} 中，也无法从 {} 获取。联网时请运行 `python -m model_zoo fetch {}`；"
        "离线时请用 --folder 或 SENSORIUM_WEIGHTS 给出含有 {} 的文件夹。"
    ),
    "{} is not in the folder {}: put it there, or give no folder to have it fetched.": (
        "{} 不在文件夹 {} 中：请放进去，或不指定文件夹以便下载。"
    ),
    "{} is not the pinned file (its SHA-256 is not {}…): replace it, or give no folder to have the "
    "right one fetched.": (
        "{} 不是指定的文件（其 SHA-256 不是 {}…）：请更换，或不指定文件夹以便下载正确的文件。"
    ),
}
PLACES = {
    "on the CPU": "在 CPU 上",
    "on the CPU (OpenVINO)": "在 CPU（OpenVINO）上",
    "on the GPU (CUDA)": "在 GPU（CUDA）上",
}
CHINESE.update(SENTENCES | FIGURES | PLACES)


def told(message: object, request: gr.Request | None = None) -> str:
    """A hint or an error in the reader's language; one that is not known above stays English."""
    if isinstance(message, ZooError) and message.args:
        message = message.args[0]
    if isinstance(message, Sentence) and message.template in CHINESE:
        values = (told(value, request) for value in message.values)
        return say(message.template, request).format(*values)
    words = str(message)
    return say(words, request) if words in CHINESE else words


def where(ran: Ran, request: gr.Request | None = None) -> str:
    """For example: int8 on the CPU."""
    note = f": {ran.note}" if ran.note else ""
    return f"{ran.precision} {told(ran.place, request)}{note}"
