"""Which replies, bounces and complaints silence an address, and when. Pure.

Mail servers say no in many ways; only some of them are about the address::

    no such mailbox, no such domain      at once, until somebody who knows lifts it     hard
    reported as spam                     at once, until somebody who knows lifts it     complaint
    any other permanent failure          after PERMANENT in a row                       soft
    mailbox full, not now, policy        after PATIENT failures of any kind in a row    soft
    about the sender or the content      never: every address would answer the same

A soft suppression rests the address for REST; then it is tried again. One more failure renews it;
a delivery that is not returned within RETURNS lifts it. `manual` is an operator's. What was heard
and from whom is kept by others; this room gets the facts in order and says what follows, in a
sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PERMANENT = 3  # failures in a row: one may be a server's bad day, two the same bad day
PATIENT = 7  # a full mailbox is emptied after a holiday; a week of a daily digest is waited for
REST = timedelta(days=14)
RETURNS = timedelta(days=5)  # RFC 5321 4.5.4.1: servers give up, and say so, after 4 or 5 days
LONGEST_WORDS = 200  # characters of a server's words that a reason repeats


# RFC 3463 3.2 and 3.5: bad mailbox, bad domain, bad syntax, moved and left no address, no route
# by DNS; RFC 7505: the domain takes no mail; Exchange Online: the domain does not exist.
NOBODY_THERE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.4.4", "5.4.310"})
# RFC 3463 3.2: bad sender; RFC 7372: DKIM, SPF, reverse DNS; Gmail 5.7.26 to 30; Outlook.com:
# 5.7.515, unauthenticated, and 5.7.606 to 649, a blocked IP address.
ABOUT_SENDER = frozenset(
    {"5.1.7", "5.1.8", "5.7.515"}
    | {f"5.7.{detail}" for detail in (*range(20, 31), *range(606, 650))}
)
ABOUT_CONTENT = frozenset({"5.2.3", "5.3.4"})  # RFC 3463 3.3 and 3.4: too long, too big


class SuppressionKind(StrEnum):
    """Why an address gets nothing; a later one of these outweighs the ones before it."""

    SOFT = "soft"  # it failed too often in a row; rests, and is tried again
    HARD = "hard"  # there is nobody
    COMPLAINT = "complaint"  # the reader reported a mail as spam
    MANUAL = "manual"  # an operator said so

    def outweighs(self, other: SuppressionKind) -> bool:
        """Whether this one replaces `other`, rather than the other way round."""
        return _WEIGHT[self] >= _WEIGHT[other]


_WEIGHT = {kind: weight for weight, kind in enumerate(SuppressionKind)}


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """Why an address gets nothing, since when, and until when."""

    address_key: str  # addresses.key(); the address need not be a subscriber's
    kind: SuppressionKind
    reason: str  # one sentence
    at: datetime
    by: str  # what made it: "bounce", "reply", "complaint", "command line"
    until: datetime | None = None  # when a soft one has rested; then the address is tried again
    lifted_at: datetime | None = None
    lifted_by: str = ""
    forgiven_at: datetime | None = None  # by an operator; what was sent before counts no more

    def silences(self, now: datetime) -> bool:
        """Whether the address gets nothing now."""
        return self.lifted_at is None and (self.until is None or now < self.until)


class FactKind(StrEnum):
    """What was heard of one delivery."""

    ACCEPTED = "accepted"  # the next server took it, and it has not come back
    FAILED = "failed"  # refused when it was sent, or returned later
    COMPLAINED = "complained"  # the reader reported it as spam


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What was heard of one delivery to an address."""

    kind: FactKind
    at: datetime  # when the delivery was sent, whenever it came back
    code: str = ""  # RFC 3463 2, such as "5.1.1"; empty where nobody said one
    permanent: bool = False  # of a failure: trying again does not help, by the server's word
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What follows from the facts, and why."""

    kind: SuppressionKind | None  # None: nothing silences the address
    reason: str  # one sentence, also where nothing follows
    until: datetime | None = None


class Weight(StrEnum):
    """What a failure says of the address."""

    GONE = "gone"  # there is nobody
    PERMANENT = "permanent"
    PASSING = "passing"  # may be over tomorrow
    NONE = "none"  # not about the address


def weigh(code: str, *, permanent: bool) -> Weight:
    """What a failure with that code says of the address it was meant for."""
    if code in ABOUT_SENDER or code in ABOUT_CONTENT or code.startswith("5.6."):
        return Weight.NONE  # RFC 3463 3.7: 5.6 is the content
    if not permanent or code.startswith("4."):
        return Weight.PASSING
    if code in NOBODY_THERE:
        return Weight.GONE
    if code == "5.2.2" or code.startswith("5.7."):  # RFC 3463 3.3 and 3.8: full; policy
        return Weight.PASSING
    return Weight.PERMANENT


def judge(facts: Sequence[Fact], now: datetime) -> Verdict:
    """What follows from what was heard of an address's deliveries, the first sent first."""
    for fact in reversed(facts):
        if fact.kind is FactKind.COMPLAINED:
            return Verdict(
                kind=SuppressionKind.COMPLAINT,
                reason=_sentence(f"the mail of {_day(fact)} was reported as spam", fact),
            )
    row, ended_by = _row(facts, now)
    for fact in row:
        if weigh(fact.code, permanent=fact.permanent) is Weight.GONE:
            return Verdict(
                kind=SuppressionKind.HARD,
                reason=_sentence(f"no such mailbox or domain, the answer of {_day(fact)}", fact),
            )
    return _in_a_row(row, ended_by)


def _row(facts: Sequence[Fact], now: datetime) -> tuple[list[Fact], Fact | None]:
    """The failures since the last success, the latest first, and that success."""
    row: list[Fact] = []
    for fact in reversed(facts):
        if fact.kind is FactKind.ACCEPTED:
            if now - fact.at < RETURNS:
                continue  # it may still come back
            return row, fact
        if weigh(fact.code, permanent=fact.permanent) is not Weight.NONE:
            row.append(fact)
    return row, None


def _in_a_row(row: Sequence[Fact], ended_by: Fact | None) -> Verdict:
    if not row:
        what = (
            f"the mail of {_day(ended_by)} was taken and did not come back"
            if ended_by
            else "nothing that was heard is about the address"
        )
        return Verdict(kind=None, reason=f"{what[:1].upper()}{what[1:]}.")
    last = row[0]
    permanent = _count(row, Weight.PERMANENT)
    for number, limit, what in (
        (permanent, PERMANENT, "permanent failures"),
        (len(row), PATIENT, "failures"),
    ):
        if number >= limit:
            return Verdict(
                kind=SuppressionKind.SOFT,
                reason=_sentence(f"{number} {what} in a row, the last of {_day(last)}", last),
                until=last.at + REST,
            )
    told = (
        f"{permanent} of {PERMANENT} permanent failures in a row"
        if permanent
        else f"{len(row)} of {PATIENT} failures in a row"
    )
    return Verdict(kind=None, reason=_sentence(told, last))


def _count(row: Iterable[Fact], weight: Weight) -> int:
    return sum(1 for one in row if weigh(one.code, permanent=one.permanent) is weight)


def _sentence(what: str, fact: Fact) -> str:
    words = fact.words if len(fact.words) <= LONGEST_WORDS else fact.words[:LONGEST_WORDS] + "…"
    code = "" if not fact.code or fact.code in words else f"{fact.code} "
    told = f"{what[:1].upper()}{what[1:]}"
    return f"{told}: {code}{words}".rstrip(". ") + "." if code or words else f"{told}."


def _day(fact: Fact) -> str:
    return f"{fact.at:%Y-%m-%d}"
