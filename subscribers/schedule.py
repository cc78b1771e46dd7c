"""When a digest is due: pure arithmetic on zone, hour and weekdays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from subscribers.model import Preferences, parse_zone

MINUTE = timedelta(minutes=1)


def paused(preferences: Preferences, day: date) -> bool:
    """Whether a reader wants nothing on a day: the first one with a digest is after it."""
    return preferences.paused_until is not None and day < preferences.paused_until


def due(preferences: Preferences, day: date) -> datetime | None:
    """The instant (UTC) at which the issue of `day` is due; None on a day off, or in a pause.

    An hour that comes twice is meant the first time (PEP 495, fold=0). An hour that a clock
    change skips is the first minute after the gap: 02:30 on the day it does not exist is 03:00.
    """
    if day.weekday() not in preferences.days or paused(preferences, day):
        return None
    zone = parse_zone(preferences.zone)
    local = datetime.combine(day, preferences.at, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    # In a gap fold=1 reads the clock after the change and lands before it, fold=0 lands after it.
    before = local.replace(fold=1).astimezone(UTC)
    while instant - before > MINUTE:
        middle = before + (instant - before) // MINUTE // 2 * MINUTE
        if middle.astimezone(zone).utcoffset() == instant.astimezone(zone).utcoffset():
            instant = middle
        else:
            before = middle
    return instant
