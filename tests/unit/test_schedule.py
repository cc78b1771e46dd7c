"""When a digest is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.model import Preferences, parse_zone
from subscribers.schedule import DAY, MINUTE, due, owed, upcoming


@pytest.mark.parametrize(
    ("at", "day", "instant"),
    [
        (time(8), date(2026, 3, 28), (2026, 3, 28, 7, 0)),  # winter
        (time(8), date(2026, 3, 29), (2026, 3, 29, 6, 0)),  # the day clocks go forward
        (time(2, 30), date(2026, 3, 29), (2026, 3, 29, 1, 0)),  # does not exist: 03:00
        (time(2, 30), date(2026, 10, 25), (2026, 10, 25, 0, 30)),  # comes twice: the first
    ],
)
def test_the_hour_is_the_one_on_the_readers_clock(
    at: time, day: date, instant: tuple[int, ...]
) -> None:
    """Oslo, around both changes of the clock."""
    wants = Preferences(at=at, zone="Europe/Oslo")
    assert due(wants, day) == datetime(*instant, tzinfo=UTC)


def test_a_day_off_has_no_digest() -> None:
    """A weekday that was not chosen is skipped."""
    assert due(Preferences(days=frozenset({0})), date(2026, 3, 10)) is None  # a Tuesday


@given(
    st.sampled_from(sorted(available_timezones())),
    st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0, tzinfo=None, fold=0)),
)
def test_the_local_time_is_the_one_asked_for_or_the_end_of_a_gap(
    zone: str, day: date, at: time
) -> None:
    """In every zone, on every day of ten years."""
    instant = due(Preferences(at=at, zone=zone), day)
    assert instant is not None
    local = instant.astimezone(parse_zone(zone)).replace(tzinfo=None)
    asked = datetime.combine(day, at)
    clock = parse_zone(zone)
    back = asked.replace(tzinfo=clock).astimezone(UTC).astimezone(clock).replace(tzinfo=None)
    if back == asked:
        assert local == asked
    else:  # in a gap: the minute before, the clock had not changed yet
        before = (instant - MINUTE).astimezone(clock).replace(tzinfo=None)
        assert before < asked < local


def changes(clock: ZoneInfo) -> frozenset[date]:
    """The days of ten years on which a zone changes its clocks."""
    noons = [datetime(2026, 1, 1, 12, tzinfo=UTC) + at * DAY for at in range(3653)]
    offsets = [noon.astimezone(clock).utcoffset() for noon in noons]
    return frozenset(
        noon.date()
        for noon, before, after in zip(noons, offsets, offsets[1:], strict=False)
        if before != after
    )


def test_each_chosen_day_has_one_digest_in_all_zones_for_ten_years() -> None:
    """Walking from one to the next meets every day, once, in order; around all clock changes."""
    seen: set[frozenset[tuple[date, timedelta | None]]] = set()
    walked = 0
    for name in sorted(available_timezones()):
        clock = parse_zone(name)
        days = changes(clock)
        alike = frozenset(
            (day, datetime.combine(day + 2 * DAY, time(12), tzinfo=clock).utcoffset())
            for day in days
        )
        if alike in seen:  # another name of a zone that was walked, or one that never changes
            continue
        seen.add(alike)
        for at in (time(0, 0), time(2, 30), time(23, 30)):
            wants = Preferences(at=at, zone=name)
            for day in sorted(days)[::3]:
                now = datetime.combine(day - 3 * DAY, time(12), tzinfo=clock).astimezone(UTC)
                done = day - 3 * DAY
                for _ in range(6):
                    found = upcoming(wants, done, now)
                    assert found.day == done + DAY
                    assert found.at > now
                    assert owed(wants, done, found.at) == found
                    assert owed(wants, found.day, found.at) is None
                    now, done = found.at, found.day
                    walked += 1
    assert walked > 1000


def test_a_day_that_a_zone_leaves_out_has_no_digest() -> None:
    """Samoa went from the 29th of December 2011 to the 31st."""
    wants = Preferences(zone="Pacific/Apia")
    assert due(wants, date(2011, 12, 30)) is None
    assert due(wants, date(2011, 12, 31)) == datetime(2011, 12, 30, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("served_on", "now", "late", "day"),
    [
        (None, (2026, 3, 11, 8, 0), 6, 11),  # to the minute
        (None, (2026, 3, 11, 7, 59), 6, None),  # not yet, and yesterday's is too late
        (None, (2026, 3, 11, 14, 0), 6, 11),
        (None, (2026, 3, 11, 14, 1), 6, None),
        (date(2026, 3, 11), (2026, 3, 11, 9, 0), 6, None),  # had
        (date(2026, 3, 10), (2026, 3, 11, 9, 0), 6, 11),
        (None, (2026, 3, 11, 23, 0), None, 11),  # by hand: while the day lasts
    ],
)
def test_what_is_owed_is_the_last_hour_while_it_is_worth_having(
    served_on: date | None, now: tuple[int, ...], late: int | None, day: int | None
) -> None:
    """At 08:00 UTC, each day."""
    found = owed(
        Preferences(),
        served_on,
        datetime(*now, tzinfo=UTC),
        None if late is None else timedelta(hours=late),
    )
    assert (found and found.day.day) == day


def test_after_a_pause_the_first_digest_is_of_the_day_it_ends() -> None:
    """However far ahead."""
    wants = Preferences(paused_until=date(2026, 9, 1), days=frozenset({0}))
    found = upcoming(wants, None, datetime(2026, 3, 11, tzinfo=UTC))
    assert found.day == date(2026, 9, 7)  # the first Monday


def test_an_hour_that_comes_twice_is_looked_at_as_two() -> None:
    """Python takes the two for equal; what holds as of the first is not told as of the second."""
    wants = Preferences(at=time(1, 45), zone="Europe/London", days=frozenset({6}))
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Oslo"))  # 00:30 and 01:30 UTC
    assert upcoming(wants, None, first).day == date(2026, 10, 25)
    assert upcoming(wants, None, first.replace(fold=1)).day == date(2026, 11, 1)
