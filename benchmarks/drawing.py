"""Draws results as one SVG: bars of CPU on a scale of powers of ten, and lines over N. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from newsletter.plots import scale

WIDTH, LEFT, ROW, ROOM = 760, 210, 30, 56  # pixels; ROOM above a drawing is for its title
HEIGHT = 240  # of the drawing of lines
INK, SOFT, RULE, SHEET = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
COLOURS = ("#0550ae", "#bc4c00", "#1a7f37")
FONT = "font-family:system-ui,sans-serif"

Points = Sequence[tuple[float, float]]


def drawn(bars: Mapping[str, float], lines: Mapping[str, Points], titles: tuple[str, str]) -> str:
    """Bars, and below them lines where any has two points."""
    upper = _bars(bars, titles[0])
    top = ROOM + ROW * len(bars) + 40
    lower = _lines(lines, titles[1], top) if any(len(one) > 1 for one in lines.values()) else []
    height = top + (ROOM + HEIGHT + 50 if lower else 0)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" style="{FONT}">',
            f"<title>{escape(titles[0])}</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="{SHEET}"/>',
            *upper,
            *lower,
            "</svg>",
            "",
        ]
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that values lie between, two apart at least by one."""
    low = floor(log10(min(values)))
    return low, max(ceil(log10(max(values))), low + 1)


def _bars(bars: Mapping[str, float], title: str) -> list[str]:
    low, high = _decades(list(bars.values()))
    room = WIDTH - LEFT - 80
    bottom = ROOM + ROW * len(bars)

    def at(value: float) -> float:
        return LEFT + room * (log10(value) - low) / (high - low)

    made = [_text(20, 28, title, size=16, weight=600)]
    for power in range(low, high + 1):
        x = at(10.0**power)
        made.append(_line(x, ROOM - 8, x, bottom))
        made.append(_text(x, bottom + 18, _number(10.0**power), anchor="middle", colour=SOFT))
    for row, (name, value) in enumerate(bars.items()):
        y = ROOM + ROW * row
        colour = COLOURS[0] if name.startswith("ours") else SOFT
        made.append(_text(LEFT - 10, y + 15, name, anchor="end"))
        made.append(
            f'<rect x="{LEFT}" y="{y}" width="{at(value) - LEFT:.1f}" height="{ROW - 10}" '
            f'fill="{colour}"/>'
        )
        made.append(_text(at(value) + 6, y + 15, _number(value)))
    return made


def _lines(lines: Mapping[str, Points], title: str, top: float) -> list[str]:
    every = [point for points in lines.values() for point in points]
    west, east = log10(min(x for x, _ in every)), log10(max(x for x, _ in every))
    most = scale(max(y for _, y in every)).high
    bottom, room = top + ROOM + HEIGHT, WIDTH - 2 * 80

    def at(x: float, y: float) -> tuple[float, float]:
        return 80 + room * (log10(x) - west) / (east - west), bottom - HEIGHT * y / most

    made = [_text(20, top + 28, title, size=16, weight=600)]
    for part in range(5):
        value = most * part / 4
        _, y = at(10**west, value)
        made.append(_line(80, y, WIDTH - 80, y))
        made.append(_text(70, y + 4, _number(value), anchor="end", colour=SOFT))
    for number in sorted({x for x, _ in every}):
        x, _ = at(number, 0)
        made.append(_text(x, bottom + 18, f"N = {number:,.0f}", anchor="middle", colour=SOFT))
    for row, (name, points) in enumerate(lines.items()):
        colour = COLOURS[row % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
        made.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y in (at(*point) for point in points):
            made.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        made.append(_text(80 + 190 * row, bottom + 42, f"● {name}", colour=colour))
    return made


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:g}"


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    colour: str = INK,
    size: int = 13,
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="{size}" font-weight="{weight}">{escape(words)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{RULE}"/>'
