"""Run Python under strace: `traced.py CALLS FILE [ARGUMENT…]` notes these system calls in FILE.

Without a `-c` of its own it runs the app.
"""

import os
import sys

calls, file, *arguments = sys.argv[1:]
if arguments[:1] != ["-c"]:
    arguments = ["app.py", *arguments]
# -D: the process that was started is Python itself, for signals. -s 0: addresses, not what is sent.
strace = ["strace", "-D", "-f", "-qq", "-s", "0", "-e", f"trace={calls}", "-o", file]
os.execvp("strace", [*strace, sys.executable, *arguments])
