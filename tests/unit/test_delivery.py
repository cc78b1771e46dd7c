"""What an outcome makes of a delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.delivery import (
    LONGEST_WAIT,
    RECONCILED,
    TRANSITIONS,
    Decision,
    DeliveryState,
    Outcome,
    OutcomeKind,
    Policy,
    decide,
    wait,
)

NOW = datetime(2026, 3, 12, 8, tzinfo=UTC)
S = DeliveryState
K = OutcomeKind


def decided(kind: K, code: int | None = None, *, tries: int = 0, age: float = 0) -> Decision:
    return decide(
        key="7",
        tries=tries,
        due_at=NOW - timedelta(hours=age),
        outcome=Outcome(kind=kind, code=code, text="words"),
        policy=Policy(tries=3, news=timedelta(hours=10)),
        now=NOW,
    )


@pytest.mark.parametrize(
    ("kind", "code", "tries", "age", "state", "reason"),
    [
        (K.ACCEPTED, 250, 0, 0, S.SENT, ""),
        (K.IN_DOUBT, None, 0, 0, S.UNKNOWN, "no answer after the content left: words"),
        (K.ROAD_CLOSED, None, 0, 0, S.DEFERRED, "road closed: words"),
        (K.REFUSED, 550, 0, 0, S.FAILED, "refused: 550 words"),
        (K.REFUSED, 450, 0, 0, S.DEFERRED, "refused for now: 450 words"),
        (K.REFUSED, 450, 2, 0, S.FAILED, "refused 3 times, last: 450 words"),
        (K.REFUSED, 450, 0, 9.99, S.FAILED, "no longer news before the next try, last: 450 words"),
    ],
)
def test_every_outcome_has_a_state_and_a_reason(
    kind: K, code: int | None, tries: int, age: float, state: S, reason: str
) -> None:
    """The table of outcomes."""
    decision = decided(kind, code, tries=tries, age=age)
    assert (decision.state, decision.reason) == (state, reason)
    assert (decision.next_at is not None) == (state is S.DEFERRED)
    assert decision.state in TRANSITIONS[S.SENDING]


def test_a_closed_road_is_charged_to_nobody() -> None:
    """Only what a recipient's server said counts against the recipient."""
    assert not decided(K.ROAD_CLOSED).charged
    assert decided(K.REFUSED, 450).charged


def test_what_has_ended_stays_ended() -> None:
    """No way leads out of an end but an operator's, out of unknown."""
    ended = {state for state, after in TRANSITIONS.items() if not after}
    assert ended == {S.SENT, S.FAILED, S.SKIPPED, S.UNKNOWN}
    assert set(RECONCILED) == {S.UNKNOWN}


@pytest.mark.parametrize(("tries", "minutes"), [(1, 5), (2, 20), (3, 80), (4, 240), (99, 240)])
def test_waits_grow_and_repeat(tries: int, minutes: int) -> None:
    """A wait is within a quarter of its plain length, and the same in every run."""
    plain = timedelta(minutes=minutes)
    for key in map(str, range(50)):
        assert 0.75 * plain <= wait(key, tries) <= 1.25 * min(plain, LONGEST_WAIT)
        assert wait(key, tries) == wait(key, tries)
    assert len({wait(str(key), tries) for key in range(50)}) == 50
