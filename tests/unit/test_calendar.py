"""When issues come out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from newsletter.calendar import Calendar
from subscribers.model import parse_zone

WEEKDAYS = Calendar(
    zone=parse_zone("Europe/Oslo"),
    compose_at=time(6),
    weekdays=frozenset(range(5)),
    free_days=frozenset({date(2026, 12, 25)}),
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of December 2026, UTC; Oslo is an hour ahead."""
    return datetime(2026, 12, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "done", "expected"),
    [
        (at(23, 3), None, at(23, 5)),  # a Wednesday
        (at(23, 9), None, at(23, 9)),  # its hour is past: any moment
        (at(23, 9), 23, at(24, 5)),
        (at(24, 9), 24, at(28, 5)),  # Friday is a holiday, then comes the weekend
        (at(23, 23, 30), None, at(24, 5)),  # in Oslo it is the 24th
        (at(23, 3), 23, at(24, 5)),  # composed early
    ],
)
def test_the_next_issue(after: datetime, done: int | None, expected: datetime) -> None:
    """On weekdays at six in Oslo, but for Christmas."""
    newest = None if done is None else date(2026, 12, done)
    assert WEEKDAYS.next_cut_off(after, done=newest) == expected


def test_a_publication_without_days_has_none_for_a_year() -> None:
    """It does not look for ever."""
    never = Calendar(zone=parse_zone("UTC"), weekdays=frozenset())
    assert never.next_cut_off(at(1, 0)).year == 2027
