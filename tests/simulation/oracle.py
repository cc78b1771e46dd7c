"""Says who is to get a digest when, by looking at clocks a quarter of an hour at a time.

Shares nothing with `subscribers.schedule`: the hour of a day is the first quarter at which a
reader's clock shows that day and that hour or a later one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from subscribers.model import Preferences
from tests.simulation.world import QUARTER, Plan

LATE = timedelta(hours=6)  # schedule.catch_up_hours
CUT_OFF = time(5)  # schedule.compose_at
GRACE = timedelta(minutes=30)
Stretch = tuple[datetime, datetime]
DAY = timedelta(days=1)
UNSURE = timedelta(days=2)  # around a change: which of the two wishes a day belonged to


class Oracle:
    """What each reader of a plan is to get, of issues that came out when they did."""

    def __init__(self, plan: Plan, issues: Sequence[tuple[date, datetime]]) -> None:
        self._plan = plan
        self._issues = issues
        self._steps = list(plan.steps(plan.start))
        self._clocks: dict[str, list[tuple[datetime, datetime]]] = {}
        self._changes: dict[int, list[tuple[datetime, Preferences]]] = defaultdict(list)
        for one in plan.changes:
            self._changes[one.reader].append((one.at, one.preferences))
        upset = [(plan.start, plan.start), *plan.outages]
        self._upset = [(first, last + UNSURE) for first, last in upset]

    def days_without(self) -> list[str]:
        """Days on which the publication ran after its hour and yet has no issue, or too early."""
        composed = dict(self._issues)
        told = []
        days = {at.date() for at in self._steps if at.time() >= CUT_OFF}
        for day in sorted(days):
            at = composed.get(day)
            cut_off = datetime.combine(day, CUT_OFF, tzinfo=UTC)
            first = self._steps[bisect_left(self._steps, cut_off)]
            if at is None or not cut_off - LATE <= at <= first + self._plan.step:
                told.append(f"the issue of {day}: {at}")
        return told

    def hours(self, wants: Preferences) -> Iterator[tuple[date, datetime]]:
        """The days and instants at which somebody with these wishes is to get a digest.

        If all runs; days by their clock.
        """
        done: date | None = None
        before: datetime | None = None
        for instant, local in self._clock(wants.zone):
            if before is not None and local - before > QUARTER:
                ended = before.date()  # its clock leapt over the hour, and into the next day
                leapt = ended != done and local.date() - ended == DAY
                if leapt and self._is_asked(wants, ended):
                    yield ended, instant
            before = local
            if local.time() < wants.at or local.date() == done:
                continue
            done = local.date()
            if self._is_asked(wants, done):
                yield done, instant

    @staticmethod
    def _is_asked(wants: Preferences, day: date) -> bool:
        paused = wants.paused_until is not None and day < wants.paused_until
        return day.weekday() in wants.days and not paused

    def expected(self, reader: int) -> tuple[list[datetime], list[datetime], list[Stretch]]:
        """The hours of a reader that are served; those that are not for want of an issue; and the
        stretches nothing is sure of.
        """
        wishes = [(self._plan.start, self._plan.readers[reader - 1]), *self._changes[reader]]
        unsure = [(at - UNSURE, at + UNSURE) for at, _ in wishes[1:]]
        served: list[datetime] = []
        without: list[datetime] = []
        had: date | None = None
        done: date | None = None
        for place, (since, wants) in enumerate(wishes):
            until = wishes[place + 1][0] if place + 1 < len(wishes) else self._plan.end
            for day, hour in self.hours(wants):
                steps = self._steps_of(hour)
                if not since <= hour < until or (done is not None and day <= done):
                    continue
                if steps == [hour + LATE]:  # all or nothing: somebody killed then comes too late
                    unsure.append((hour, hour + QUARTER))
                if not steps:  # what waited for this hour was given up
                    had = self._waited(hour, had) or had
                    continue
                found = (self._issue(hour, step, had) for step in steps)
                issue = next((one for one in found if one is not None), None)
                if issue is None:
                    without.append(hour)
                else:
                    had, done = issue, day
                    served.append(hour)
        return served, without, unsure

    def has_changed(self, reader: int) -> bool:
        """Whether a reader ever changed their mind."""
        return bool(self._changes[reader])

    def is_upset(self, at: datetime) -> bool:
        """Whether an outage ended, or all began, not long before."""
        return any(first <= at < last for first, last in self._upset)

    def _steps_of(self, hour: datetime) -> list[datetime]:
        """When the publication looks at its clock while an hour's digest is worth having."""
        first, last = bisect_left(self._steps, hour), bisect_right(self._steps, hour + LATE)
        return self._steps[first:last]

    def _waited(self, hour: datetime, had: date | None) -> date | None:
        """The issue that a reader's digest of an hour was composed from, before all stopped."""
        found = self._issue(hour, hour, had)
        if found is None or hour >= datetime.combine(found, CUT_OFF, tzinfo=UTC) + DAY:
            return None
        return found

    def _issue(self, hour: datetime, step: datetime, had: date | None) -> date | None:
        """The issue that serves an hour: the last one meant for it, else one come early for it."""
        there = [(day, composed) for day, composed in self._issues if composed <= step]
        fresh = [(day, composed) for day, composed in there if had is None or day > had]
        cut_offs = {day: datetime.combine(day, CUT_OFF, tzinfo=UTC) for day, _ in fresh}
        meant = [day for day in cut_offs if cut_offs[day] <= hour]
        early = [
            day
            for day, at in fresh
            if at < cut_offs[day] and max(at - GRACE, cut_offs[day] - LATE) <= hour
        ]
        return max(meant, default=min(early, default=None))

    def _clock(self, name: str) -> list[tuple[datetime, datetime]]:
        if name not in self._clocks:
            zone = ZoneInfo(name)
            rows = []
            at = self._plan.start - timedelta(days=1)
            at = at.replace(hour=0, minute=0)
            while at < self._plan.end:
                rows.append((at, at.astimezone(zone).replace(tzinfo=None)))
                at += QUARTER
            self._clocks[name] = rows
        return self._clocks[name]


def noted(file: Path) -> dict[int, list[datetime]]:
    """When each reader was sent to."""
    found: dict[int, list[datetime]] = defaultdict(list)
    with file.open(encoding="ascii") as lines:
        for line in lines:
            number, _, at = line.partition(" ")
            found[int(number)].append(datetime.fromisoformat(at.strip()).astimezone(UTC))
    return found


def differences(
    plan: Plan, oracle: Oracle, reader: int, got: list[datetime], lost: int
) -> list[str]:
    """What a reader got otherwise than expected; of `lost` digests nobody knows if they left."""
    expected, without, unsure = oracle.expected(reader)
    # Since they changed their mind, which of two issues they had is not sure. Day by day that makes
    # no difference; of an hour at which nothing ran it decides whether it is served.
    changed = oracle.has_changed(reader)

    def sure(at: datetime) -> bool:
        return not any(first <= at < last for first, last in unsure)

    left = sorted(got)
    told: list[str] = []
    for hour in expected:
        mine = [at for at in left if hour <= at <= hour + LATE + plan.step]
        if mine:
            left.remove(mine[0])
        elif sure(hour) and lost:
            lost -= 1
        elif sure(hour) and not (changed and not plan.runs(hour)):
            told.append(f"reader {reader}: nothing at {hour}")
    for hour in without:
        late = timedelta() if plan.runs(hour) else LATE
        mine = [at for at in left if hour <= at <= hour + late + plan.step]
        if mine and changed:
            left.remove(mine[0])
        elif sure(hour) and not oracle.is_upset(hour):
            told.append(f"reader {reader}: no issue for {hour}")
    told += [f"reader {reader}: not asked for, at {at}" for at in left if sure(at)]
    return told
