"""A chart of bars as SVG, readable on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

WIDTH, LABEL, LINE, MARGIN = 760, 330, 20, 8  # pixels
MOST = 1.6  # the longest bar; what is more is cut, and its figure says so
OURS, THEIRS, INK = "#1a8a5a", "#c2602e", "#7a7f87"


@dataclass(frozen=True)
class Bar:
    """Our time as a share of somebody else's at the same work."""

    work: str
    contender: str
    ratio: float


def drawn(bars: Sequence[Bar]) -> str:
    """A bar for everybody, by work; the line is where both take the same time."""
    one = LABEL + (WIDTH - LABEL - 60) / MOST
    parts, y = [f'<text x="{one + 6:.1f}" y="12">1: the same time</text>'], MARGIN + LINE
    for work, rows in groupby(bars, key=lambda bar: bar.work):
        parts.append(f'<text x="0" y="{y + 14}" font-weight="600">{escape(work)}</text>')
        y += LINE
        for bar in rows:
            length = (one - LABEL) * min(bar.ratio, MOST)
            colour = OURS if bar.ratio <= 1 else THEIRS
            middle, name = y + 14, escape(bar.contender)
            parts += [
                f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end">{name}</text>',
                f'<rect x="{LABEL}" y="{y + 3}" width="{length:.1f}" height="14" rx="2" '
                f'fill="{colour}"/>',
                f'<text x="{LABEL + length + 6:.1f}" y="{middle}">{bar.ratio:.2f}</text>',
            ]
            y += LINE
        y += MARGIN
    line = f'<path d="M{one:.1f} 0V{y}" stroke="{INK}" stroke-dasharray="3 3"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        f'viewBox="0 0 {WIDTH} {y}" font-family="system-ui, sans-serif" font-size="12" '
        f'fill="{INK}">\n<title>Our time as a share of others\'</title>\n{line}\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
