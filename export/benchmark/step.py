"""One part of a benchmark in a process of its own: `step KIND MODEL …` prints lines of JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from export.benchmark import contest, limits, variant, work
from model_zoo import zoo


def measure(kind: str, scratch: Path, turns: int, *asked: str) -> dict[str, Any]:
    """What a step asks for; graphs of random weights are made in `scratch`, and found there."""
    if kind == "limits":
        return asdict(limits.measure())
    spec = zoo.spec(asked[0])
    if kind == "work":
        return asdict(work.measure(spec, scratch))
    if kind == "contests":
        results, failed = contest.measure(spec, turns)
        return {"rows": [asdict(row) for row in results], "missing": failed}
    if kind == "make":  # apart, so that the memory it takes is not that of the variant
        variant.begin(spec, (asked[1], asked[2]), scratch).sessions()
        return {}
    return asdict(variant.measure(spec, asked[1], asked[2], scratch))


def main() -> None:
    """The command line."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # a library that prints does not get in between
        kind, *asked = sys.argv[1:]
        if kind == "contender":
            contest.serve(zoo.spec(asked[0]), asked[1], out)
            return
        try:
            found = measure(kind, Path(asked[0]), int(asked[1]), *asked[2:])
        except Exception as error:  # what drivers raise has no common base
            found = {"failed": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(found), file=out)


if __name__ == "__main__":
    main()
