"""What numbers of days add up to: periods, sums, shares, percentiles, and the change. Pure.

Every subject is told in the same lines: a number a day, what it comes to over the period, and what
it came to over as many days before. `store/stats.py` counts; `pipeline/stats.py` puts together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from math import ceil
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
QUARTER = 900  # seconds: every zone's midnight is the beginning of a quarter of an hour of UTC
MEDIAN, MOST = 0.5, 0.95  # percentiles that are told


@dataclass(frozen=True, kw_only=True)
class Period:
    """Some days in a row, the first and the last among them."""

    first: date
    last: date

    @property
    def length(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> tuple[date, ...]:
        """Each of them, in order."""
        return tuple(self.first + DAY * number for number in range(self.length))

    @property
    def before(self) -> Period:
        """As many days, up to the day before the first."""
        return Period(first=self.first - DAY * self.length, last=self.first - DAY)

    def begins(self, zone: ZoneInfo) -> datetime:
        """The first instant of it in a zone."""
        return datetime.combine(self.first, time.min, zone).astimezone(UTC)

    def ends(self, zone: ZoneInfo) -> datetime:
        """The first instant after it in a zone."""
        return datetime.combine(self.last + DAY, time.min, zone).astimezone(UTC)


class Unit(StrEnum):
    """What a number is a number of."""

    COUNT = "count"
    LEVEL = "level"  # how many there are at the end of a day; not added up
    SHARE = "share"  # of 1
    MEAN = "mean"
    SECONDS = "seconds"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One number, day by day."""

    key: str  # for programs
    label: str  # for people
    days: tuple[float | None, ...]  # None: there is none that day
    total: float | None  # over the period; of a level, at its end
    before: float | None  # over the period before; of a level, at its end
    unit: Unit = Unit.COUNT
    part: bool = False  # of the line above that is no part

    @property
    def change(self) -> float | None:
        """By what share it grew against the period before; None where there is none to tell."""
        if self.total is None or self.before is None or self.before <= 0:
            return None
        return self.total / self.before - 1

    @property
    def silent(self) -> bool:
        """Whether it tells of nothing, on no day and not before."""
        return not any((self.total, self.before, *self.days))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Lines that belong together."""

    key: str
    title: str
    lines: tuple[Line, ...]
    now: Mapping[str, int] = field(default_factory=dict)  # how it stands today, by name

    @property
    def silent(self) -> bool:
        """Whether there is nothing to tell."""
        return all(line.silent for line in self.lines) and not any(self.now.values())

    def line(self, key: str) -> Line:
        """The line of that key."""
        return next(one for one in self.lines if one.key == key)


@dataclass(frozen=True, kw_only=True)
class TopicLine:
    """How much readers want a topic."""

    slug: str
    followers: int  # readers, today
    mutes: int  # readers, today
    change: int  # followers among readers who came in the period, less those among who left
    papers: int  # sent in the period because of it


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """All that is told of a period."""

    period: Period
    zone: str
    at: datetime  # when it was counted
    subjects: tuple[Subject, ...]
    topics: tuple[TopicLine, ...]  # the most followed first
    own: TopicLine  # readers' own rules together
    plain: int  # papers sent for no topic: trending, or chosen by the editor

    @property
    def running(self) -> bool:
        """Whether the last day is not over."""
        return self.at.astimezone(ZoneInfo(self.zone)).date() <= self.period.last

    @property
    def silent(self) -> bool:
        """Whether nothing has ever happened, as far as can be seen."""
        return all(one.silent for one in self.subjects)

    def subject(self, key: str) -> Subject:
        """The subject of that key."""
        return next(one for one in self.subjects if one.key == key)


def by_day(quarters: Mapping[int, int], zone: ZoneInfo) -> Counter[date]:
    """What was counted by quarters of an hour of UTC, by days of a zone."""
    days = Counter[date]()
    for quarter, number in quarters.items():
        days[datetime.fromtimestamp(quarter * QUARTER, zone).date()] += number
    return days


def count(
    key: str, label: str, counts: Mapping[date, int], period: Period, *, part: bool = False
) -> Line:
    """A line of what is added up; days without a number have 0."""
    return Line(
        key=key,
        label=label,
        days=tuple(counts.get(day, 0) for day in period.days),
        total=sum(counts.get(day, 0) for day in period.days),
        before=sum(counts.get(day, 0) for day in period.before.days),
        part=part,
    )


def ratio(key: str, label: str, part: Line, whole: Line, *, unit: Unit = Unit.SHARE) -> Line:
    """A line of one number over another, day by day, and of their sums."""
    return Line(
        key=key,
        label=label,
        days=tuple(map(_over, part.days, whole.days)),
        total=_over(part.total, whole.total),
        before=_over(part.before, whole.before),
        unit=unit,
    )


def level(
    key: str, label: str, now: int, moves: Mapping[date, int], period: Period, today: date
) -> Line:
    """How many there were at the end of each day, counted back from how many there are now."""
    at = now - sum(many for day, many in moves.items() if period.last < day <= today)
    ends = list[int]()
    for day in reversed(period.days):
        ends.append(at)
        at -= moves.get(day, 0)
    return Line(
        key=key, label=label, days=(*reversed(ends),), total=ends[0], before=at, unit=Unit.LEVEL
    )


def spans(
    key: str, label: str, waits: Mapping[date, Mapping[int, int]], share: float, period: Period
) -> Line:
    """A percentile of seconds, day by day and over the period, from how often each came."""
    return Line(
        key=key,
        label=label,
        days=tuple(percentile(waits.get(day, {}), share) for day in period.days),
        total=percentile(_together(waits, period.days), share),
        before=percentile(_together(waits, period.before.days), share),
        unit=Unit.SECONDS,
    )


def percentile(found: Mapping[int, int], share: float) -> int | None:
    """The least value that a share of all is not above (nearest rank); None of nothing."""
    wanted = ceil(share * sum(found.values()))
    for value in sorted(found):
        wanted -= found[value]
        if wanted <= 0:
            return value
    return None


def plus(*counts: Mapping[date, int]) -> Counter[date]:
    """Numbers a day, added up; what falls below nothing stays."""
    added = Counter[date]()
    for one in counts:
        added.update(one)
    return added


def in_words(value: float | None, unit: Unit) -> str:
    """A number for people: "1,234", "0.12 %", "3.2", "45 min"; "–" where there is none."""
    if value is None:
        return "–"
    match unit:
        case Unit.SHARE:
            return f"{value:.0%}".replace("%", " %") if value >= 0.9995 else f"{value * 100:.2f} %"
        case Unit.MEAN:
            return f"{value:,.1f}"
        case Unit.SECONDS:
            return _span(round(value))
    return f"{round(value):,}".replace("-", "−")


def change_in_words(line: Line) -> str:
    """ "+12 %", "−3 %", "±0 %"; "new" where there was nothing before; else empty."""
    if line.change is None:
        return "new" if line.total and line.total > 0 and line.before in (0, None) else ""
    percent = round(line.change * 100)
    sign = "+" if percent > 0 else "−" if percent < 0 else "±"
    return f"{sign}{abs(percent):,} %"


def fewer(days: Sequence[float | None], most: int) -> list[float]:
    """The days, or where those are too many, means of days in a row; a day without has 0."""
    values = [day or 0.0 for day in days]
    if len(values) <= most:
        return values
    edges = [round(at * len(values) / most) for at in range(most + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def bar(value: int, most: int, width: int, *, unicode: bool = True) -> str:
    """A bar of characters, as long as `width` for the most; whatever is more than 0 shows."""
    length = ceil(width * value / most) if most > 0 else 0
    return ("█" if unicode else "#") * length


def signed(number: int) -> str:
    """A difference for people: "+12", "−3", "±0"."""
    return f"{'+' if number > 0 else '−' if number < 0 else '±'}{abs(number):,}"


def _together(waits: Mapping[date, Mapping[int, int]], days: Sequence[date]) -> Counter[int]:
    every: Iterable[Mapping[int, int]] = (waits.get(day, {}) for day in days)
    found = Counter[int]()
    for one in every:
        found.update(one)
    return found


def _over(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
