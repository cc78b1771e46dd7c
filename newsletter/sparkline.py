"""Draws a row of numbers small: as Unicode blocks for a terminal, as SVG for a page.

After Tufte's sparklines ("Beautiful Evidence", 2006): word-sized, without axes; what the numbers
are is told beside it. Pure. What is drawn, and where, is the callers' affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-=*#"  # from low to high, for terminals without Unicode
EDGE = 1.5  # pixels kept free around the line, so that its ends are not cut


def sparkline(values: Sequence[float], *, unicode: bool = True, width: int = 60) -> str:
    """A character a value, the lowest for the least of them; equal ones all low.

    More than `width` values are thinned evenly; the first and the last stay.
    """
    shown = _thinned(values, max(width, 2))
    steps = BLOCKS if unicode else PLAIN
    return "".join(steps[round(height * (len(steps) - 1))] for height in _heights(shown))


def sparkline_svg(
    values: Sequence[float], *, title: str, width: int = 120, height: int = 24
) -> str:
    """An inline SVG of one line in the text's colour, its end a dot; "" without values.

    `title` is told where it is not seen (WAI-ARIA 1.2, role img); it is escaped here.
    """
    shown = _thinned(values, max(width, 2))
    if not shown:
        return ""
    right, bottom = width - 2 * EDGE, height - 2 * EDGE
    step = right / (len(shown) - 1) if len(shown) > 1 else 0.0
    points = [
        (EDGE + at * step if step else EDGE + right, EDGE + (1 - rise) * bottom)
        for at, rise in enumerate(_heights(shown))
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    told = escape(title, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{told}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<title>{told}</title>"
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" fill="currentColor"/></svg>'
    )


def _heights(values: Sequence[float]) -> list[float]:
    """Each value between 0, the least of them, and 1, the greatest."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]


def _thinned(values: Sequence[float], most: int) -> list[float]:
    if len(values) <= most:
        return list(values)
    last = len(values) - 1
    return [values[round(at * last / (most - 1))] for at in range(most)]
