"""Mend settings that would keep a library from being imported, before any of them is."""

from __future__ import annotations

import os
import sys
import warnings

OURS = ("model_zoo", "demos", "export")  # packages that are run with -m; others keep their folder
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
SECONDS = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")  # huggingface_hub takes int() of them


def leave_current_folder() -> None:
    """Keep `python -m model_zoo` from running what lies in the current folder as csv.py.

    Python looks there first for every module that is imported after this one. -m stands for the
    program's name until it is found; a checkout that is worked in keeps its place.
    """
    if sys.argv[:1] != ["-m"] or sys.flags.safe_path or os.path.realpath(sys.path[0]) == ROOT:
        return
    given = dict(zip(reversed(sys.orig_argv[:-1]), reversed(sys.orig_argv[1:]), strict=True))
    if given.get("-m", "").partition(".")[0] in OURS:
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
