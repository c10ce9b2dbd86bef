"""`CASES=100000 SEED=0 ONLY=pictures INPUTS=folder make fuzz`: try, and print what was lost.

What is printed with a loss shows it again.
"""

from __future__ import annotations

import math
import os
import sys

from tests.fuzz.kinds import Kind
from tests.fuzz.runner import KINDS, Tally, tried


def main() -> int:
    """Try CASES cases, print the table; 1 where anything was lost."""
    cases, seed = int(os.environ.get("CASES") or 1500), int(os.environ.get("SEED") or 0)
    only = os.environ.get("ONLY") or ""
    chosen = [kind for kind in KINDS if only in kind.name]
    if not chosen:
        print(
            f"There is no kind {only!r}: choose one of", *(kind.name for kind in KINDS), sep="\n  "
        )
        return 2
    shares = sum(kind.share for kind in chosen)
    tallies = {}
    for kind in chosen:
        count = math.ceil(cases * kind.share / shares)
        tallies[kind] = tried(kind, seed, count)
        _print(kind, tallies[kind])
    lost = sum(len(tally.losses) for tally in tallies.values())
    print(f"{sum(tally.cases for tally in tallies.values()):,} cases, {lost:,} lost")
    return 1 if lost else 0


def _print(kind: Kind, tally: Tally) -> None:
    rate = tally.cases / max(tally.seconds, 1e-6)
    print(f"{kind.name:30} {tally.cases:7,} cases {rate:7.1f}/s {len(tally.losses):4} lost")
    for seed, why in tally.losses.items():
        again = f"SEED={seed} CASES={kind.batch} ONLY='{kind.name}' make fuzz"
        print(f"    {again}", *(f"        {line}" for line in why.splitlines()), sep="\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
