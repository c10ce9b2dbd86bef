"""Sensorium: every page of `demos/` as a tab, at http://localhost:7860."""

from __future__ import annotations

import demos
from demos.shell import serve

if __name__ == "__main__":
    serve.run(*demos.pages())
