"""The whole files that damage begins from, made here; and those of a folder that INPUTS names."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image, PngImagePlugin, features
from pillow_heif import register_heif_opener

MOST_BYTES = 200_000  # of a file from the folder
RATE = 16_000
SECONDS = 2


def further(endings: Collection[str]) -> list[bytes]:
    """The files with these endings in the folder INPUTS, where there is one."""
    folder = Path(os.environ.get("INPUTS") or os.devnull)
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [
        path.read_bytes() for path in found
        if path.suffix.lower() in endings and path.stat().st_size <= MOST_BYTES
    ]  # fmt: skip


def scene(width: int = 48, height: int = 36) -> Image.Image:
    """A small picture that is the same from no two sides."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    bands = [x, y, (x * y * 7) % 1]
    return Image.fromarray((np.stack(bands, -1) * 255).astype(np.uint8))


def saved(picture: Image.Image, kind: str, **how: Any) -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    picture.save(file, kind, **how)
    return file.getvalue()


def exif() -> bytes:
    """A camera's block of EXIF: numbers of all types, texts, a place, a thumbnail's folder."""
    made = Image.Exif()
    made.update({
        0x010F: "Maker", 0x0110: "Camera é", 0x0112: 6, 0x011A: 72.0, 0x011B: 72.0, 0x0128: 2,
        0x0131: "Editor 1.0", 0x0132: "2024:01:02 03:04:05", 0x9C9C: "notes".encode("utf-16-le"),
        0x8298: "Nobody",
    })  # fmt: skip
    made.get_ifd(0x8769).update({
        0x829A: 0.01, 0x829D: 2.8, 0x9000: b"0232", 0x9003: "2024:01:02 03:04:05", 0x9204: -0.5,
        0x927C: bytes(range(64)), 0x9286: b"ASCII\0\0\0a comment", 0xA002: 48, 0xA003: 36,
    })  # fmt: skip
    made.get_ifd(0x8825).update({0: b"\2\3\0\0", 1: "N", 2: (52.0, 31.0, 12.5), 3: "E", 4: (13.0,)})
    return made.tobytes()


def profile() -> bytes:
    """The colour profile of sRGB."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@cache
def pictures() -> list[bytes]:
    """One file a format and a way to write it, with metadata of every kind."""
    register_heif_opener()
    rgb = scene()
    grey, rgba, palette = rgb.convert("L"), rgb.convert("RGBA"), rgb.quantize(16)
    rgba.putalpha(grey)
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    floats = Image.fromarray(np.asarray(grey).astype(np.float32) / 255)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "some words " * 9)
    texts.add_itxt("Title", "über", "de", "Titel")
    texts.add_text("Long", "words " * 99, zip=True)
    about = {"exif": exif(), "icc_profile": profile()}
    frames = {"save_all": True, "append_images": [rgb.rotate(90), rgb.rotate(180)]}
    files = [
        saved(rgb, "jpeg", **about, comment=b"a comment", xmp=b"<x:xmpmeta/>"),
        saved(rgb, "jpeg", progressive=True, dpi=(72, 72)),
        saved(grey, "jpeg", quality=20),
        saved(rgb.convert("CMYK"), "jpeg"),
        saved(rgb, "png", **about, pnginfo=texts),
        saved(grey, "png", bits=4, dpi=(72, 72)),
        saved(rgba, "png"),
        saved(palette, "png", transparency=3),
        saved(sixteen, "png"),
        saved(rgb, "png", **frames),
        saved(rgb, "webp", **about, xmp=b"<x:xmpmeta/>"),
        saved(rgba, "webp", lossless=True),
        saved(rgb, "webp", **frames),
        saved(rgb, "tiff", **about, description="words"),
        saved(grey, "tiff", compression="tiff_lzw"),
        saved(rgb, "tiff", compression="jpeg"),
        saved(rgba, "tiff", compression="tiff_adobe_deflate"),
        saved(grey.convert("1"), "tiff", compression="group4"),
        saved(floats, "tiff"),
        saved(sixteen, "tiff", compression="packbits"),
        saved(rgb, "tiff", **frames),
        saved(rgb, "tiff", big_tiff=True),
        saved(palette, "gif", comment=b"some words", transparency=2),
        saved(rgb, "gif", **frames),
        saved(rgb, "bmp"), saved(palette, "bmp"), saved(rgb, "dib"), saved(rgba, "ico"),
        saved(grey, "png", transparency=3), saved(rgb, "png", transparency=(1, 2, 3)),
        b"P6 # words\n9 9 1023\n" + bytes(486), b"P2 # words\n9 9 99\n" + b"7 " * 81,
        saved(rgb, "ppm"), saved(sixteen, "ppm"), saved(rgb, "jpeg2000"), saved(rgb, "heif"),
    ]  # fmt: skip
    if features.check("avif"):
        files.append(saved(rgb, "avif", **about))
    endings = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".gif", ".bmp", ".heic", ".eps"}
    return files + further(endings)


def tone(rate: int = RATE, channels: int = 1) -> np.ndarray:
    """A tone that rises, float32 [n, channels], with some noise."""
    time = np.arange(SECONDS * rate) / rate
    noise = np.random.default_rng(0).normal(0, 0.02, (len(time), channels))
    rising = np.sin(2 * np.pi * (200 + 150 * time) * time)[:, None]
    return (0.4 * rising + noise).astype(np.float32)


# By libsndfile: format, subtype, rate, channels. Of these one track and no clock: what decodes is
# the length.
PLAIN = (
    ("WAV", "PCM_16", RATE, 1), ("WAV", "PCM_24", 22_050, 2), ("WAV", "FLOAT", 8_000, 1),
    ("WAV", "PCM_U8", 8_000, 1), ("WAV", "ULAW", 8_000, 1), ("WAV", "IMA_ADPCM", 8_000, 1),
    ("WAVEX", "PCM_16", 8_000, 6), ("AIFF", "PCM_16", 8_000, 2), ("AU", "PCM_16", 8_000, 1),
    ("CAF", "PCM_16", 8_000, 1), ("W64", "PCM_16", 8_000, 1), ("FLAC", "PCM_16", RATE, 2),
    ("MP3", "MPEG_LAYER_III", RATE, 1),
)  # fmt: skip
# By ffmpeg: ending and further arguments
TIMED = (
    ("m4a", "-c:a", "aac"), ("mp4", "-c:a", "alac"), ("aac", "-c:a", "aac"),
    ("ogg", "-c:a", "libvorbis"), ("opus", "-c:a", "libopus"), ("webm", "-c:a", "libopus"),
    ("mkv", "-c:a", "flac"), ("avi", "-c:a", "mp3"), ("mpg", "-c:a", "mp2"),
    ("mp3", "-c:a", "libmp3lame", "-q:a", "5", "-metadata", "title=Some words"),
)  # fmt: skip


@cache
def plain_sounds() -> list[bytes]:
    """Recordings without a clock in their packets."""
    files = []
    for container, subtype, rate, channels in PLAIN:
        file = io.BytesIO()
        soundfile.write(file, tone(rate, channels), rate, subtype, format=container)
        files.append(file.getvalue())
    return files + further({".wav", ".flac", ".mp3"})


@cache
def timed_sounds() -> list[bytes]:
    """Recordings whose packets say when they are heard."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "tone.wav")
        soundfile.write(source, tone(), RATE)
        for ending, *how in TIMED:
            made = source.with_suffix(f".made.{ending}")
            command: list[str | Path] = [
                "ffmpeg",
                "-v",
                "error",
                "-nostdin",
                "-i",
                str(source),
                *how,
                str(made),
            ]
            subprocess.run(command, check=True, timeout=60)
            files.append(made.read_bytes())
    return files + further({".mkv", ".ogg", ".aac", ".m4a", ".webm"})


def tables() -> list[bytes]:
    """Lists of texts as people save them, and texts."""
    rows = 'text;stars\n"A fine, quiet film";4\n"She said ""no""\nand left";1\ncafé;3\n'
    lists = [
        (rows, "utf-8"), (rows, "utf-8-sig"), (rows, "utf-16"), (rows, "cp1252"),
        (rows.replace(";", ","), "utf-8"), ("sep=;\r\n" + rows, "utf-8"),
        (rows.replace(";", "\t").replace("\n", "\r\n"), "utf-16-le"),
        ("文本,星\n很好,5\n", "gb18030"),
        ("text\nOne a line, with commas\nand another\n" * 40, "utf-8"),
        ("привет, мир\n" * 9, "koi8-r"),
        ("まったく退屈しない映画です。\n" * 5, "cp932"),
        ("text,a\n" + "x" * 9000 + ",1\n", "utf-8"),
    ]  # fmt: skip
    return [text.encode(codec) for text, codec in lists] + further({".csv", ".tsv", ".txt"})
