"""What the harness starts ends with it, also where it is killed and can end nothing itself."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent has ended


def app() -> tuple[str, ...]:
    """What Python is given to run app.py so, as a child of this process."""
    program = (
        f"import runpy; from tests.fuzz import leash; leash.with_parent({os.getpid()}); "
        "runpy.run_path('app.py', run_name='__main__')"
    )
    return "-c", program


def with_parent(parent: int) -> None:
    """Have this process killed as soon as its parent, whose number this is, has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before
            os.kill(os.getpid(), signal.SIGKILL)
