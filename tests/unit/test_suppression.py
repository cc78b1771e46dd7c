"""Which replies, bounces and complaints silence an address, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.suppression import (
    PATIENT,
    PERMANENT,
    REST,
    RETURNS,
    Fact,
    FactKind,
    Suppression,
    SuppressionKind,
    Weight,
    judge,
    weigh,
)

NOW = datetime(2026, 3, 31, 8, tzinfo=UTC)
HARD, SOFT, COMPLAINT = SuppressionKind.HARD, SuppressionKind.SOFT, SuppressionKind.COMPLAINT

# One letter a delivery, the first sent first, one a day: the last was sent yesterday.
LETTERS = {
    "+": Fact(kind=FactKind.ACCEPTED, at=NOW),
    "0": Fact(kind=FactKind.FAILED, at=NOW, code="5.1.1", permanent=True, words="no such user"),
    "5": Fact(kind=FactKind.FAILED, at=NOW, code="5.2.1", permanent=True, words="disabled"),
    "f": Fact(kind=FactKind.FAILED, at=NOW, code="5.2.2", permanent=True, words="full"),
    "4": Fact(kind=FactKind.FAILED, at=NOW, code="4.4.1", permanent=False, words="expired"),
    "s": Fact(kind=FactKind.FAILED, at=NOW, code="5.7.26", permanent=True, words="no DKIM"),
    "!": Fact(kind=FactKind.COMPLAINED, at=NOW, words="abuse"),
    "?": Fact(kind=FactKind.FAILED, at=NOW, permanent=True, words="550 no"),
}


def facts(letters: str) -> list[Fact]:
    days = range(len(letters), 0, -1)
    made = [LETTERS[letter] for letter in letters]
    return [
        Fact(**vars(one) | {"at": NOW - timedelta(days=ago)})
        for one, ago in zip(made, days, strict=True)
    ]


@pytest.mark.parametrize(
    ("code", "permanent", "weight"),
    [
        ("5.1.1", True, Weight.GONE),
        ("5.1.2", True, Weight.GONE),
        ("5.1.3", True, Weight.GONE),
        ("5.1.6", True, Weight.GONE),
        ("5.1.10", True, Weight.GONE),
        ("5.4.4", True, Weight.GONE),
        ("5.4.310", True, Weight.GONE),
        ("5.1.1", False, Weight.PASSING),  # the server says it may pass: it is believed
        ("4.1.1", True, Weight.PASSING),
        ("5.0.0", True, Weight.PERMANENT),
        ("5.2.1", True, Weight.PERMANENT),
        ("5.4.6", True, Weight.PERMANENT),
        ("", True, Weight.PERMANENT),
        ("", False, Weight.PASSING),
        ("5.2.2", True, Weight.PASSING),
        ("5.7.1", True, Weight.PASSING),
        ("4.2.2", False, Weight.PASSING),
        ("5.1.8", True, Weight.NONE),
        ("5.7.26", True, Weight.NONE),
        ("5.7.515", True, Weight.NONE),
        ("5.7.606", True, Weight.NONE),
        ("5.6.0", True, Weight.NONE),
        ("5.3.4", True, Weight.NONE),
    ],
)
def test_a_failure_weighs_what_its_code_says(code: str, permanent: bool, weight: Weight) -> None:
    """The table of codes: only some failures are about the address."""
    assert weigh(code, permanent=permanent) is weight


@pytest.mark.parametrize(
    ("letters", "kind", "reason"),
    [
        ("", None, "Nothing that was heard is about the address."),
        ("+", None, "Nothing that was heard is about the address."),  # it may still come back
        ("+++++++", None, "The mail of 2026-03-26 was taken and did not come back."),
        (
            "0",
            HARD,
            "No such mailbox or domain, the answer of 2026-03-30: 5.1.1 no such user.",
        ),
        (
            "0+",
            HARD,
            "No such mailbox or domain, the answer of 2026-03-29: 5.1.1 no such user.",
        ),
        ("0++++++", None, "The mail of 2026-03-26 was taken and did not come back."),
        ("5", None, "1 of 3 permanent failures in a row: 5.2.1 disabled."),
        ("55", None, "2 of 3 permanent failures in a row: 5.2.1 disabled."),
        ("555", SOFT, "3 permanent failures in a row, the last of 2026-03-30: 5.2.1 disabled."),
        ("555+", SOFT, "3 permanent failures in a row, the last of 2026-03-29: 5.2.1 disabled."),
        ("555++++++", None, "The mail of 2026-03-26 was taken and did not come back."),
        ("5++++++55", None, "2 of 3 permanent failures in a row: 5.2.1 disabled."),
        ("5+55", SOFT, "3 permanent failures in a row, the last of 2026-03-30: 5.2.1 disabled."),
        ("???", SOFT, "3 permanent failures in a row, the last of 2026-03-30: 550 no."),
        ("ffffff", None, "6 of 7 failures in a row: 5.2.2 full."),
        ("fffffff", SOFT, "7 failures in a row, the last of 2026-03-30: 5.2.2 full."),
        ("4444444", SOFT, "7 failures in a row, the last of 2026-03-30: 4.4.1 expired."),
        ("4f45f54", SOFT, "7 failures in a row, the last of 2026-03-30: 4.4.1 expired."),
        ("4545", None, "2 of 3 permanent failures in a row: 5.2.1 disabled."),
        ("ssssssss", None, "Nothing that was heard is about the address."),
        ("5s5", None, "2 of 3 permanent failures in a row: 5.2.1 disabled."),
        ("!", COMPLAINT, "The mail of 2026-03-30 was reported as spam: abuse."),
        (
            "!++++++++",
            COMPLAINT,
            "The mail of 2026-03-22 was reported as spam: abuse.",
        ),
        ("!0", COMPLAINT, "The mail of 2026-03-29 was reported as spam: abuse."),
    ],
)
def test_what_was_heard_silences_or_does_not(
    letters: str, kind: SuppressionKind | None, reason: str
) -> None:
    """The table of the rule, each line with its sentence."""
    verdict = judge(facts(letters), NOW)
    assert (verdict.kind, verdict.reason) == (kind, reason)
    assert (verdict.until is not None) == (kind is SOFT)


def test_a_soft_suppression_rests_and_is_renewed_by_one_failure() -> None:
    """It rests from the last failure on; after the rest the row is as long as it was."""
    verdict = judge(facts("555"), NOW)
    assert verdict.until == NOW - timedelta(days=1) + REST
    again = [*facts("555"), Fact(**vars(LETTERS["5"]) | {"at": verdict.until})]
    renewed = judge(again, verdict.until)
    assert renewed.kind is SOFT
    assert renewed.until == verdict.until + REST


def test_a_success_counts_when_it_can_no_longer_come_back() -> None:
    """To the second."""
    row = [*facts("555"), Fact(kind=FactKind.ACCEPTED, at=NOW)]
    assert judge(row, NOW + RETURNS - timedelta(seconds=1)).kind is SOFT
    assert judge(row, NOW + RETURNS).kind is None


@pytest.mark.parametrize(
    ("until", "lifted", "silences"),
    [
        (None, None, True),
        (NOW + timedelta(seconds=1), None, True),
        (NOW, None, False),
        (None, NOW, False),
    ],
)
def test_a_suppression_holds_until_it_rested_or_is_lifted(
    until: datetime | None, lifted: datetime | None, silences: bool
) -> None:
    """What ended silences nobody."""
    one = Suppression(
        address_key="a@example.org",
        kind=SOFT,
        reason="",
        at=NOW - REST,
        by="bounce",
        until=until,
        lifted_at=lifted,
    )
    assert one.silences(NOW) is silences


def test_the_weightier_kind_stays() -> None:
    """An operator's word over a complaint, that over a mailbox that is not there, soft last."""
    order = list(SuppressionKind)
    assert order == [SOFT, HARD, COMPLAINT, SuppressionKind.MANUAL]
    for at, kind in enumerate(order):
        assert [kind.outweighs(other) for other in order] == [at >= n for n in range(4)]


@given(st.text(alphabet="+5f4s?", max_size=20))
def test_few_failures_never_silence(letters: str) -> None:
    """Whatever the order, fewer than three permanent and seven in all leave an address alone."""
    permanent = sum(letters.count(letter) for letter in "5?")
    counted = permanent + sum(letters.count(letter) for letter in "4f")
    verdict = judge(facts(letters), NOW)
    if permanent < PERMANENT and counted < PATIENT:
        assert verdict.kind is None
    assert verdict.kind in (None, SOFT)
    assert verdict.reason.endswith(".")
