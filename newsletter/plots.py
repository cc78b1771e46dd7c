"""Draws numbers a day as SVG that stretches to whatever room a page has. Pure.

There is no text in a drawing but what is told to screen readers and under a pointer: labels are the
page's, so that they keep their size on a phone. Colours are the page's too, by the classes `s0` to
`s4`, `rule` and `zero`. A day is ten units wide, a drawing a hundred high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, GAP, HEIGHT = 10.0, 2.0, 100.0  # of a day, between days, of the drawing
STEPS = (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)  # of these, an axis also tells the half

Days = Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a drawing is called, and what it shows, in words."""

    key: str  # an id within the page
    title: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From which number to which an axis goes."""

    low: float
    high: float

    def height(self, value: float) -> float:
        """How far from the top a number stands."""
        return HEIGHT * (self.high - value) / (self.high - self.low)


def scale(most: float, least: float = 0.0, *, among: Sequence[float] = ()) -> Scale:
    """An axis with 0 on it that reaches a round number above, or the first that will do among some.

    What lies below 0 is counted in whole numbers, and leaves room for what lies above.
    """
    high = next((one for one in among if one >= most), 0) or _round(max(most, -least / 4))
    return Scale(low=floor(least / ceil(high / 4)) * ceil(high / 4), high=high)


def ticks(axis: Scale) -> list[float]:
    """The numbers told at an axis, the highest first: its ends, 0, and what lies halfway."""
    return sorted({axis.high, axis.high / 2, 0.0, axis.low}, reverse=True)


def columns(
    told: Told, stacks: Sequence[Days], axis: Scale, labels: Sequence[str], *, rules: Days = ()
) -> str:
    """A column a day, of one piece a stack, the first at the bottom; rules go across."""
    drawn = []
    for at, label in enumerate(labels):
        base, pieces = 0.0, []
        for number, stack in enumerate(stacks):
            value = stack[at] or 0.0
            if value > 0:
                pieces.append(_box(at, axis.height(base + value), axis.height(base), number))
                base += value
        drawn.append(_day(at, label, pieces))
    lines = [_across(axis.height(rule), "rule", len(labels)) for rule in rules if rule is not None]
    return _svg(told, len(labels), [_grid(axis, len(labels)), *drawn, *lines])


def balance(told: Told, up: Days, down: Days, axis: Scale, labels: Sequence[str]) -> str:
    """What came above a line and what went below it, a day."""
    zero, drawn = axis.height(0.0), []
    for at, label in enumerate(labels):
        came, went = up[at] or 0.0, down[at] or 0.0
        pieces = [_box(at, axis.height(came), zero, 0)] if came > 0 else []
        pieces += [_box(at, zero, axis.height(-went), 1)] if went > 0 else []
        drawn.append(_day(at, label, pieces))
    return _svg(told, len(labels), [_grid(axis, len(labels)), *drawn])


def lines(
    told: Told, courses: Sequence[Days], axis: Scale, labels: Sequence[str], *, area: bool = False
) -> str:
    """A line a course, over days without a number; `area` fills below it."""
    drawn = [_grid(axis, len(labels))]
    for number, course in enumerate(courses):
        points = [
            (WIDTH * (at + 0.5), axis.height(value))
            for at, value in enumerate(course)
            if value is not None
        ]
        if not points:
            continue
        path = " ".join(f"{x:g},{y:.2f}" for x, y in points)
        if area:
            first, last, zero = points[0][0], points[-1][0], axis.height(0.0)
            shape = f"{first:g},{zero:.2f} {path} {last:g},{zero:.2f}"
            drawn.append(f'<polygon class="area s{number}" points="{shape}"/>')
        path = path if len(points) > 1 else f"{path} {path}"  # a dot
        drawn.append(f'<polyline class="line s{number}" points="{path}"/>')
    drawn += [_day(at, label, []) for at, label in enumerate(labels)]
    return _svg(told, len(labels), drawn)


def _round(most: float) -> float:
    """The least round number that is not below."""
    if most <= 0:
        return 1.0
    size: float = 10.0 ** floor(log10(most))
    return next(step * size for step in STEPS if step * size >= most * (1 - 1e-9))


def _box(at: int, top: float, bottom: float, number: int) -> str:
    return (
        f'<rect class="s{number}" x="{at * WIDTH + GAP / 2:g}" y="{top:.2f}" '
        f'width="{WIDTH - GAP:g}" height="{bottom - top:.2f}"/>'
    )


def _day(at: int, label: str, pieces: Sequence[str]) -> str:
    """A day's pieces, told under a pointer wherever it is above or below them."""
    room = f'<rect class="room" x="{at * WIDTH:g}" y="0" width="{WIDTH:g}" height="{HEIGHT:g}"/>'
    return f"<g><title>{escape(label)}</title>{room}{''.join(pieces)}</g>"


def _grid(axis: Scale, days: int) -> str:
    return "".join(
        _across(axis.height(tick), "zero" if tick == 0 else "grid", days) for tick in ticks(axis)
    )


def _across(y: float, kind: str, days: int) -> str:
    return f'<line class="{kind}" x1="0" x2="{days * WIDTH:g}" y1="{y:.2f}" y2="{y:.2f}"/>'


def _svg(told: Told, days: int, drawn: Sequence[str]) -> str:
    key = escape(told.key, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {days * WIDTH:g} '
        f'{HEIGHT:g}" preserveAspectRatio="none" aria-labelledby="{key}-title {key}-words">'
        f'<title id="{key}-title">{escape(told.title)}</title>'
        f'<desc id="{key}-words">{escape(told.words)}</desc>{"".join(drawn)}</svg>'
    )
