"""When a digest is due: pure arithmetic on zone, hour, weekdays and pause."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from subscribers.model import Preferences, parse_zone

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Clock(NamedTuple):
    """All that says when, of a reader's preferences: few of these for very many readers."""

    at: time
    zone: str
    days: frozenset[int]
    paused_until: date | None

    @classmethod
    def of(cls, preferences: Preferences) -> Clock:
        """The clock part of preferences."""
        return cls(preferences.at, preferences.zone, preferences.days, preferences.paused_until)


class Occurrence(NamedTuple):
    """One digest that a reader wants."""

    day: date  # in their zone; a day has one digest
    at: datetime  # UTC


def paused(preferences: Preferences | Clock, day: date) -> bool:
    """Whether a reader wants nothing on a day: the first one with a digest is after it."""
    return preferences.paused_until is not None and day < preferences.paused_until


def due(preferences: Preferences | Clock, day: date) -> datetime | None:
    """The instant (UTC) at which the issue of `day` is due; None on a day off, in a pause, and on
    a day that the zone leaves out.

    An hour that comes twice is meant the first time (PEP 495, fold=0). An hour that a clock
    change skips is the first minute after the gap: 02:30 on the day it does not exist is 03:00.
    """
    if day.weekday() not in preferences.days or paused(preferences, day):
        return None
    return _instant(preferences.zone, preferences.at, day)


@lru_cache(maxsize=16384)  # many readers share an hour
def _instant(zone_name: str, at: time, day: date) -> datetime | None:
    zone = parse_zone(zone_name)
    local = datetime.combine(day, at, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    noon = datetime.combine(day, time(12), tzinfo=zone).astimezone(UTC)
    if noon.astimezone(zone).date() != day:  # left out, as Samoa did with 2011-12-30
        return None
    # In a gap fold=1 reads the clock after the change and lands before it, fold=0 lands after it.
    before = local.replace(fold=1).astimezone(UTC)
    while instant - before > MINUTE:
        middle = before + (instant - before) // MINUTE // 2 * MINUTE
        if middle.astimezone(zone).utcoffset() == instant.astimezone(zone).utcoffset():
            instant = middle
        else:
            before = middle
    return instant


def owed(
    preferences: Preferences, served_on: date | None, now: datetime, late: timedelta | None = None
) -> Occurrence | None:
    """The last digest whose hour has come and that is not done with; None where there is none.

    Of several that were missed only the last: their papers are in it. `served_on` is the last day
    that is done with; `late` how long after its hour one is still worth having, by default until
    the reader's day ends.
    """
    return _owed(Clock.of(preferences), served_on, now.astimezone(UTC), late)


# Many readers share a clock, and composing asks for all of them as of the same instant: one in UTC,
# since of a zone's own hour that comes twice a cache could not tell the second from the first.
@lru_cache(maxsize=4096)
def _owed(
    clock: Clock, served_on: date | None, now: datetime, late: timedelta | None
) -> Occurrence | None:
    zone = parse_zone(clock.zone)
    today = now.astimezone(zone).date()
    for day in (today, today - DAY):  # an hour that a gap pushes past midnight is yesterday's
        at = due(clock, day) if served_on is None or day > served_on else None
        if at is not None and at <= now:
            soon = at.astimezone(zone).date() == today if late is None else now - at <= late
            return Occurrence(day, at) if soon else None
    return None


def upcoming(preferences: Preferences, served_on: date | None, now: datetime) -> Occurrence:
    """The first digest that is still to come, of a day that is not done with."""
    return _upcoming(Clock.of(preferences), served_on, now.astimezone(UTC))


@lru_cache(maxsize=4096)
def _upcoming(clock: Clock, served_on: date | None, now: datetime) -> Occurrence:
    first = now.astimezone(parse_zone(clock.zone)).date()
    if served_on is not None:
        first = max(first, served_on + DAY)
    if clock.paused_until is not None:
        first = max(first, clock.paused_until)
    for ahead in range(15):  # a week, and the same again where this week's hour is past
        day = first + ahead * DAY
        at = due(clock, day)
        if at is not None and at > now:
            return Occurrence(day, at)
    raise AssertionError("Some weekday is always chosen.")
