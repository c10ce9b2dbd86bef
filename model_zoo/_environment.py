"""Mend settings that would keep a library from being imported, before any of them is."""

from __future__ import annotations

import os
import warnings

SECONDS = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")  # huggingface_hub takes int() of them


def mend() -> None:
    """Take away what is no whole number where one belongs; warns unless it is empty."""
    for name in SECONDS:
        value = os.environ.get(name, "0").strip()
        if value.isdecimal():
            continue
        del os.environ[name]
        if value:
            warnings.warn(
                f"{name} is {value!r}, not a whole number of seconds: it is ignored.", stacklevel=3
            )
