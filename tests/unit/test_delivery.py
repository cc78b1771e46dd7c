"""What an outcome makes of a delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from newsletter.delivery import (
    LONGEST_WAIT,
    OPEN,
    RECONCILED,
    RETRIED,
    TRANSITIONS,
    WAITING,
    Decision,
    DeliveryState,
    InDoubt,
    Outcome,
    OutcomeKind,
    Policy,
    decide,
    is_news,
    kind_of,
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
    """No way leads out of an end but an operator's; what is known from outside, out of unknown."""
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


@pytest.mark.parametrize(
    ("in_doubt", "tries", "age", "state"),
    [
        (InDoubt.SKIP, 0, 0, S.UNKNOWN),
        (InDoubt.RESEND, 0, 0, S.DEFERRED),
        (InDoubt.RESEND, 1, 0, S.DEFERRED),
        (InDoubt.RESEND, 2, 0, S.UNKNOWN),  # the last try
        (InDoubt.RESEND, 0, 10.1, S.UNKNOWN),  # no longer news
    ],
)
def test_what_is_in_doubt_goes_again_only_where_the_policy_says_so(
    in_doubt: InDoubt, tries: int, age: float, state: S
) -> None:
    """At once, charged, and not for ever; a digest never does."""
    decision = decide(
        key="7",
        tries=tries,
        due_at=NOW - timedelta(hours=age),
        outcome=Outcome(kind=K.IN_DOUBT, text="reset"),
        policy=Policy(tries=3, news=timedelta(hours=10), in_doubt=in_doubt),
        now=NOW,
    )
    assert decision.state is state
    assert decision.next_at == (NOW if state is S.DEFERRED else None)
    assert decision.charged
    assert decision.reason.startswith("no answer after the content left: reset")


def test_digests_are_not_sent_again_in_doubt() -> None:
    """The policy that nobody changed is that of digests."""
    assert Policy().in_doubt is InDoubt.SKIP


def test_an_operator_retries_what_ended_unsent_and_nothing_else() -> None:
    """Sent is for ever, and what is still open goes by itself."""
    assert {before: set(after) for before, after in RETRIED.items()} == {
        S.FAILED: {S.QUEUED},
        S.SKIPPED: {S.QUEUED},
        S.UNKNOWN: {S.QUEUED},
    }
    assert WAITING < OPEN
    assert not OPEN & set(RETRIED)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (
            "refused: 550 5.1.1 <asa@example.org>: Recipient address rejected",
            "refused: 550 5.1.1 …: Recipient address rejected",
        ),
        ("refused: 550 5.1.1 No such user bo@example.org here", None),
        (
            "refused for now: 451 4.7.1 Greylisted 4F1A2BC9D77, see help",
            "refused for now: 451 4.7.1 Greylisted …, see help",
        ),
        ("no longer news when it could be sent", "no longer news when it could be sent"),
        ("unsubscribed before it was sent", "unsubscribed before it was sent"),
    ],
)
def test_alike_refusals_are_counted_together(reason: str, kind: str | None) -> None:
    """Addresses and queue numbers go, codes and words stay."""
    told = kind_of(reason)
    assert told == (kind or "refused: 550 5.1.1 No such user … here")
    assert kind_of(told) == told


AN_OUTCOME = st.builds(
    Outcome,
    kind=st.sampled_from(K),
    code=st.none() | st.sampled_from([250, 421, 450, 451, 452, 550, 552, 554]),
    text=st.text(max_size=20),
)
A_POLICY = st.builds(
    Policy,
    tries=st.integers(1, 6),
    news=st.timedeltas(timedelta(0), timedelta(days=3)),
    in_doubt=st.sampled_from(InDoubt),
)


@given(
    outcome=AN_OUTCOME,
    policy=A_POLICY,
    tries=st.integers(0, 9),
    age=st.timedeltas(timedelta(days=-1), timedelta(days=5)),
    key=st.text(max_size=9),
)
def test_whatever_the_outcome_the_decision_holds_together(
    outcome: Outcome, policy: Policy, tries: int, age: timedelta, key: str
) -> None:
    """It is allowed, has a reason, and a next try only where it is worth one."""
    due_at = NOW - age
    decision = decide(key=key, tries=tries, due_at=due_at, outcome=outcome, policy=policy, now=NOW)
    assert decision.state in TRANSITIONS[S.SENDING]
    assert bool(decision.reason) == (decision.state is not S.SENT)
    assert (decision.state is S.SENT) == (outcome.kind is K.ACCEPTED)
    assert decision.charged == (outcome.kind is not K.ROAD_CLOSED)
    assert (decision.next_at is not None) == (decision.state is S.DEFERRED)
    if decision.next_at is not None:
        assert decision.next_at >= NOW
        if decision.charged:
            assert tries + 1 < policy.tries
            assert is_news(due_at, policy, decision.next_at)


class Life(RuleBasedStateMachine):
    """One delivery through whatever can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = Policy(tries=3, news=timedelta(hours=10))
        self.state = S.QUEUED
        self.now = self.due_at = self.next_at = NOW
        self.tries = 0
        self.left = 0  # copies that may have left since an operator last touched it

    def _move(self, to: S) -> None:
        assert to in TRANSITIONS[self.state], f"{self.state} to {to}"
        self.state = to

    @initialize(policy=A_POLICY)
    def settle(self, policy: Policy) -> None:
        self.policy = policy

    @rule(by=st.timedeltas(timedelta(0), timedelta(hours=6)))
    def wait(self, by: timedelta) -> None:
        self.now += by

    @precondition(lambda self: self.state in WAITING)
    @rule(outcome=AN_OUTCOME)
    def send(self, outcome: Outcome) -> None:
        if self.now < self.next_at:
            return
        if not is_news(self.due_at, self.policy, self.now):
            self._move(S.FAILED)
            return
        self._move(S.SENDING)
        decision = decide(
            key="7",
            tries=self.tries,
            due_at=self.due_at,
            outcome=outcome,
            policy=self.policy,
            now=self.now,
        )
        self._move(decision.state)
        self.left += outcome.kind in (K.ACCEPTED, K.IN_DOUBT)
        self.tries += decision.charged
        self.next_at = decision.next_at or self.next_at

    @precondition(lambda self: self.state in WAITING)
    @rule()
    def leave(self) -> None:
        self._move(S.SKIPPED)

    def _again(self) -> None:
        self.tries = self.left = 0
        self.due_at = self.next_at = self.now

    @precondition(lambda self: self.state in RETRIED)
    @rule()
    def retry(self) -> None:
        (self.state,) = RETRIED[self.state]
        self._again()

    @precondition(lambda self: self.state in RECONCILED)
    @rule(to=st.sampled_from(sorted(RECONCILED[S.UNKNOWN])))
    def reconcile(self, to: S) -> None:
        self.state = to
        if to is S.QUEUED:
            self._again()

    @invariant()
    def nobody_gets_two_by_themselves(self) -> None:
        """Without an operator, and where doubt is left alone, at most one copy leaves."""
        most = 1 if self.policy.in_doubt is InDoubt.SKIP else self.policy.tries
        assert self.left <= most
        assert self.tries <= self.policy.tries

    @invariant()
    def an_end_has_no_way_out_but_an_operators(self) -> None:
        """What is not open has nothing that the program may do with it."""
        assert (self.state in OPEN) == bool(TRANSITIONS[self.state])
        assert self.state is not S.SENDING


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
