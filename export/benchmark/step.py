"""One part of a benchmark in a process of its own: a line of JSON at the end."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from export import peers
from export.benchmark import limits, variant, work
from model_zoo import zoo


def measure(turns: int, kind: str, *asked: str) -> dict[str, Any]:
    """What a step asks for."""
    if kind == "limits":
        return asdict(limits.measure())
    spec = zoo.spec(asked[0])
    if kind == "contests":
        found = [row for one in peers.contests(spec) for row in peers.measure(one, turns)]
        return {"rows": [asdict(row) for row in found]}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if kind == "work":
            return asdict(work.measure(spec, Path(folder)))
        return asdict(variant.measure(spec, asked[1], asked[2], Path(folder)))


def main() -> None:
    """The command line."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # a library that prints does not get in between
        try:
            found = measure(int(sys.argv[1]), *sys.argv[2:])
        except Exception as error:  # what peers and drivers raise has no common base
            found = {"failed": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(found), file=out)


if __name__ == "__main__":
    main()
