"""Sensorium: every page of `demos/` as a tab, at http://localhost:7860."""

from __future__ import annotations

import sys

try:
    import demos
    from demos.shell import serve
except KeyboardInterrupt:  # Ctrl-C before anything is served
    sys.exit(130)

if __name__ == "__main__":
    serve.run(*demos.all_pages())
