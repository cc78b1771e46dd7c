"""Which days an issue comes out on, and from which instant: the publication's calendar.

Pure. Readers' own hours are `subscribers.schedule`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from subscribers.model import EVERY_DAY

DAY = timedelta(days=1)
FURTHEST = 366  # days that are looked through for the next issue


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """When issues come out."""

    zone: ZoneInfo
    compose_at: time = time(5, 0)
    weekdays: frozenset[int] = EVERY_DAY  # 0 is Monday
    free_days: frozenset[date] = frozenset()  # holidays, and days an operator skipped

    def today(self, now: datetime) -> date:
        """The day it is for the publication."""
        return now.astimezone(self.zone).date()

    def publishes(self, day: date) -> bool:
        """Whether a day has an issue."""
        return day.weekday() in self.weekdays and day not in self.free_days

    def cut_off(self, day: date) -> datetime:
        """The instant (UTC) from which the issue of a day is composed."""
        return datetime.combine(day, self.compose_at, tzinfo=self.zone).astimezone(UTC)

    def next_cut_off(self, after: datetime, done: date | None = None) -> datetime:
        """When the first issue may come that is not composed yet; never before `after`.

        `done` is the day of the newest there is. Of a day whose hour is past, that is `after`
        itself: papers may come any moment. Where no day has an issue, a year from then.
        """
        day = self.today(after)
        if done is not None and done >= day:
            day = done + DAY
        for ahead in range(FURTHEST):
            if self.publishes(day + ahead * DAY):
                return max(after, self.cut_off(day + ahead * DAY))
        return after + FURTHEST * DAY
