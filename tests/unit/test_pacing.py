"""How fast mail may leave."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.pacing import (
    FREE,
    Rate,
    Slowdown,
    WarmUp,
    asks_to_slow,
    eased,
    per_hour,
    per_second,
    slot,
    slowed,
)

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
GMAIL = "Our system has detected an unusual rate of unsolicited mail"


@given(
    number=st.integers(1, 300),
    seconds=st.sampled_from([1.0, 60.0, 3600.0]),
    pauses=st.lists(st.floats(0, 2), min_size=5, max_size=80),
)
def test_no_stretch_of_time_has_more_than_the_rate(
    number: int, seconds: float, pauses: list[float]
) -> None:
    """However greedily it is asked, no window of the rate's length has more than its number."""
    rate = Rate(number=number, seconds=seconds)
    now, kept = NOW, None
    left: list[datetime] = []
    for pause in pauses:
        now += timedelta(seconds=pause * seconds / number)
        room = rate.room(kept, now)
        if room:
            kept = rate.used(kept, room, now)
            left += [now] * room
    for start in left:
        end = start + timedelta(seconds=seconds)
        assert sum(start <= one < end for one in left) <= number


@given(number=st.integers(1, 5000), used=st.integers(1, 200))
def test_there_is_room_again_when_it_says(number: int, used: int) -> None:
    """At `next_at` one may leave, and a moment before none may."""
    rate = per_hour(number)
    kept = rate.used(None, used, NOW)
    free = rate.next_at(kept, NOW)
    assert rate.room(kept, free + timedelta(microseconds=2)) >= 1
    if free > NOW:
        assert rate.room(kept, free - timedelta(milliseconds=1)) == 0


def test_a_rate_is_nearly_used_up_in_the_long_run() -> None:
    """Who always has mail sends at least 97 of 100 that the rate would allow."""
    rate = per_hour(6000)
    kept, sent, now = None, 0, NOW
    while now < NOW + timedelta(hours=1):
        room = rate.room(kept, now)
        kept = rate.used(kept, room, now)
        sent += room
        now += timedelta(seconds=1)
    assert 0.97 * 6000 <= sent <= 6000


@pytest.mark.parametrize(
    ("number", "apart"), [(0.5, 2.0), (1, 1.0), (2.5, 0.4), (14, 1 / 14), (1000, 1 / 1000)]
)
def test_messages_a_second(number: float, apart: float) -> None:
    """A rate a second may be less than one, and a fraction."""
    assert per_second(number).interval.total_seconds() == pytest.approx(apart, rel=0.03)


@pytest.mark.parametrize(
    ("day", "most"),
    [("2026-03-09", 50), ("2026-03-10", 50), ("2026-03-11", 100), ("2026-03-12", None)],
)
def test_a_warm_up_counts_days(day: str, most: int | None) -> None:
    """Before its first day as on that; after its last any number."""
    plan = WarmUp(since=date(2026, 3, 10), days=(50, 100))
    assert plan.most(date.fromisoformat(day)) == most


@pytest.mark.parametrize(
    ("code", "enhanced", "words", "asks"),
    [
        (421, "4.7.28", GMAIL, True),
        (421, "", "too many connections", True),
        (450, "4.7.1", "too much mail from you", True),
        (451, "4.7.1", "Greylisting in action, please come back later", False),
        (450, "4.2.2", "mailbox full", False),
        (550, "5.7.1", "blocked", False),
        (250, "2.0.0", "ok", False),
        (None, "", "nobody answered", False),
    ],
)
def test_which_answers_ask_to_go_slower(
    code: int | None, enhanced: str, words: str, asks: bool
) -> None:
    """421 and 4.7.x do; a full mailbox, a refusal and greylisting do not."""
    assert asks_to_slow(code, enhanced, words) is asks


def test_gmail_rests_for_ten_minutes_and_gets_one_connection() -> None:
    """4.7.28 is what Gmail says of its rate."""
    after = slowed(None, "gmail.test", "4.7.28", GMAIL, 8, NOW)
    assert (after.until, after.connections) == (NOW + timedelta(minutes=10), 1)


def test_others_rest_for_a_minute_then_for_longer() -> None:
    """Each time it asks again the pause doubles and the connections are halved."""
    first = slowed(None, "example.org", "4.7.0", "slow down", 8, NOW)
    second = slowed(first, "example.org", "4.7.0", "slow down", 8, first.until)
    assert (first.until - NOW, first.connections) == (timedelta(minutes=1), 4)
    assert (second.until - first.until, second.connections) == (timedelta(minutes=2), 2)


def test_answers_of_one_moment_are_one_strike() -> None:
    """What was under way when it asked says the same; the pause is not made longer for it."""
    first = slowed(None, "example.org", "4.7.0", "slow down", 8, NOW)
    same = slowed(first, "example.org", "4.7.0", "slow", 8, NOW + timedelta(seconds=2))
    assert (same.until, same.strikes) == (first.until, 1)


def test_a_domain_that_takes_mail_again_is_forgotten() -> None:
    """Every twenty messages buy a connection, until it is like any other."""
    now: Slowdown | None = slowed(None, "gmail.test", "4.7.28", GMAIL, 8, NOW)
    steps = []
    while now is not None:
        steps.append(now.connections)
        now = eased(now, 20, NOW)
    assert steps == list(range(1, FREE))


def test_a_day_without_such_an_answer_forgets_it() -> None:
    """Yesterday's trouble does not slow today's issue."""
    before = slowed(None, "gmail.test", "4.7.28", GMAIL, 8, NOW)
    assert eased(before, 1, NOW + timedelta(days=1)) is None


def test_what_waits_is_put_as_far_apart_as_the_slowest_rule_wants() -> None:
    """A rate of one a second and two connections: a second apart."""
    assert slot([per_second(1)], 2) == timedelta(seconds=1)
    assert slot([], 2) == timedelta(seconds=0.5)


def test_a_rate_beyond_what_a_clock_can_tell_is_a_rate() -> None:
    """The highest that the settings allow still has an interval."""
    rate = per_second(1_000_000_000)
    assert rate.room(rate.used(None, 1, NOW), NOW) > 0
