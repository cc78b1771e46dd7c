"""Which failures are worth another try, and after how long: the policy, read as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from newsletter.sources.retry import AGAIN, LONGEST_WAIT, Again, decide, seconds_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def decided(
    tried: int,
    status: int | None,
    retry_after: str | None = None,
    chance: float = 0,
    tries: int = 4,
) -> Again:
    return decide(
        tried=tried,
        tries=tries,
        status=status,
        retry_after=retry_after,
        now=NOW,
        chance=chance,
    )


@pytest.mark.parametrize(
    ("tried", "chance", "wait"),
    [
        (1, 0, 0.5),
        (1, 0.5, 0.75),
        (2, 0, 1),
        (2, 0.5, 1.5),
        (3, 0, 2),
        (4, 0, 4),
        (6, 0.999, 31.984),
        (7, 0, 30),  # from here on the wait does not grow
        (90, 0, 30),
    ],
)
@pytest.mark.parametrize("status", [None, *sorted(AGAIN)])
def test_the_waits_double_up_to_a_minute(
    status: int | None, tried: int, chance: float, wait: float
) -> None:
    """A connection that failed and every status that may pass wait alike; half is up to chance."""
    assert decided(tried, status, chance=chance, tries=99) == Again(
        wait=pytest.approx(wait), reason="may pass"
    )


@pytest.mark.parametrize("status", [301, 304, 400, 401, 403, 404, 406, 410, 422, 451, 501, 505])
def test_other_statuses_are_final(status: int) -> None:
    """An answer that another try would only repeat is taken at once, whatever it asks for."""
    final = Again(wait=None, reason="another try would get the same answer")
    assert decided(1, status) == decided(1, status, "5") == final


@pytest.mark.parametrize(
    ("tried", "tries", "more"), [(1, 1, False), (3, 4, True), (4, 4, False), (5, 4, False)]
)
@pytest.mark.parametrize("status", [None, 503])
def test_tries_are_counted_from_one(status: int | None, tried: int, tries: int, more: bool) -> None:
    """The last of the tries is not followed by a wait."""
    again = decided(tried, status, tries=tries)
    assert again.reason == ("may pass" if more else "tried often enough")
    assert (again.wait is not None) == more


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("7", 7),
        ("0", 0.5),  # never less than our own
        ("-7", 0.5),
        ("soon", 0.5),
        ("", 0.5),
        ("60", 60),
        ("Mon, 02 Mar 2026 12:00:20 GMT", 20),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0.5),
        ("61", None),
        ("Tue, 03 Mar 2026 12:00:00 GMT", None),
    ],
)
def test_what_an_upstream_asks_for_is_kept(retry_after: str, wait: float | None) -> None:
    """Up to a minute is waited for, and more ends the tries."""
    assert decided(1, 429, retry_after).wait == wait


@pytest.mark.parametrize(
    ("retry_after", "reason"),
    [
        ("120", "asked to come back in 2 minutes"),
        ("Mon, 02 Mar 2026 13:00:00 GMT", "asked to come back in 60 minutes"),
    ],
)
def test_a_wait_that_is_too_long_is_told(retry_after: str, reason: str) -> None:
    """The operator reads when to come back."""
    assert decided(1, 503, retry_after).reason == reason


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120\t", 120),
        ("9" * 400, 999_999_999),
        ("1.5", 0),
        ("-1", 0),
        ("+1", 0),
        ("²", 0),
        ("", 0),
        ("0x10", 0),
        ("1, 2", 0),
        ("Mon, 02 Mar 2026 12:01:30 GMT", 90),
        ("Monday, 02-Mar-26 12:01:30 GMT", 90),  # the older forms of RFC 9110 5.6.7
        ("Mon Mar  2 12:01:30 2026", 90),
        ("Mon, 02 Mar 2026 12:01:30 -0000", 90),
        ("Mon, 02 Mar 2026 13:01:30 +0100", 90),
        ("Mon, 02 Mar 2026 11:59:59 GMT", 0),
        ("Mon, 31 Feb 2026 12:00:00 GMT", 0),
        ("Mon, 02 Mar 2026 25:00:00 GMT", 0),
        ("Mon, 02 Mar 2026 12:00:00 +9999", 0),
        ("Mon, 02 Mar 99999 12:00:00 GMT", 0),
        ("tomorrow", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, seconds: float) -> None:
    """Both forms of RFC 9110 10.2.3 are read, and nonsense asks for nothing."""
    assert seconds_of(retry_after, NOW) == seconds


@pytest.mark.parametrize("offset", [timedelta(hours=9), timedelta(hours=-8)])
def test_the_zone_of_now_does_not_matter(offset: timedelta) -> None:
    """An instant is the same one in whatever zone it is told."""
    then = format_datetime(NOW + timedelta(seconds=LONGEST_WAIT), usegmt=True)
    assert seconds_of(then, NOW.astimezone(timezone(offset))) == LONGEST_WAIT
