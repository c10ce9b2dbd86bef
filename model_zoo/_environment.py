"""Mend settings that would keep a library from being imported, before any of them is."""

from __future__ import annotations

import os
import sys
import warnings

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
SECONDS = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")  # huggingface_hub takes int() of them


def leave_current_folder() -> None:
    """Keep `python -m` from running what lies in the current folder as csv.py or export.py.

    It looks there first for every module that is imported after this one. -m stands for the
    program's name until it is found; a checkout that is worked in keeps its place.
    """
    if sys.argv[:1] == ["-m"] and not sys.flags.safe_path and os.path.realpath(sys.path[0]) != ROOT:
        del sys.path[0]


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
