"""When a digest is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.model import Preferences, parse_zone
from subscribers.schedule import MINUTE, due


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
