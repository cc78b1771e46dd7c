"""The life of a delivery: its states, which may follow which, and what an outcome means.

Pure. The ledger (`store/claiming.py`) keeps what is decided here; `pipeline.py` acts on it::

    queued ─► sending ─► sent
                 ├────► deferred ─► sending     not now: 4yz, or the road closed before DATA
                 ├────► failed                  never: 5yz, or tried too often, or no longer news
                 └────► unknown                 it broke after DATA began, and nobody answered
    queued | deferred ─► skipped                the reader left meanwhile, or nothing matched
    queued | deferred ─► failed                 no longer news before a first or next try
    unknown ─► sent | failed | queued           only by an operator who knows (reconcile)
    failed | skipped | unknown ─► queued        only by an operator who wants it (retry)

A digest that is `unknown` is never sent again by itself: a second copy annoys more than a missed
one. Of a mail that somebody waits for, the `Policy` says otherwise.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

FIRST_WAIT = timedelta(minutes=5)  # greylisting lets a second try through after about five
GROWTH = 4  # 5, 20, 80 minutes, then
LONGEST_WAIT = timedelta(hours=4)  # a daily digest has few such waits before it is old
LONGEST_REPLY = 512  # RFC 5321 4.5.3.1.5, a reply line; of several lines this is the gist
JITTER = 0.25  # share of a wait, so that a refused thousand does not return as one


class DeliveryState(StrEnum):
    """Where a delivery stands in the ledger."""

    QUEUED = "queued"  # composed, waiting for its hour
    SENDING = "sending"  # its bytes may be leaving; written before the first of them does
    SENT = "sent"  # the next server took it; nobody knows more
    DEFERRED = "deferred"  # not taken now; tried again at `next_at`
    FAILED = "failed"  # not taken, and not tried again
    SKIPPED = "skipped"  # never tried, for the reason kept with it
    UNKNOWN = "unknown"  # taken or not: the answer was lost


S = DeliveryState

TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    S.QUEUED: frozenset({S.SENDING, S.SKIPPED, S.FAILED}),
    S.DEFERRED: frozenset({S.SENDING, S.SKIPPED, S.FAILED}),
    S.SENDING: frozenset({S.SENT, S.DEFERRED, S.FAILED, S.UNKNOWN}),
    S.SENT: frozenset(),
    S.FAILED: frozenset(),
    S.SKIPPED: frozenset(),
    S.UNKNOWN: frozenset(),
}
"""What the program may do by itself."""

RECONCILED: dict[DeliveryState, frozenset[DeliveryState]] = {
    S.UNKNOWN: frozenset({S.SENT, S.FAILED, S.QUEUED}),
}
"""What an operator who knows more may do besides."""

RETRIED: dict[DeliveryState, frozenset[DeliveryState]] = {
    S.FAILED: frozenset({S.QUEUED}),
    S.SKIPPED: frozenset({S.QUEUED}),
    S.UNKNOWN: frozenset({S.QUEUED}),
}
"""What an operator may send again without knowing more: at the risk of a second copy, if unknown.

Never what was sent: a copy of that is a second mail, whatever the reason.
"""

WAITING = frozenset({S.QUEUED, S.DEFERRED})
"""States that a sender may claim."""

OPEN = frozenset({S.QUEUED, S.SENDING, S.DEFERRED})
"""An issue is finished when none of its deliveries is in one of these."""

RECEIVED = frozenset(S) - {S.FAILED, S.SKIPPED}
"""States in which the reader has, or may yet have, the papers: they are not picked again."""


class OutcomeKind(StrEnum):
    """How a try to send ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # about this recipient: a 4yz or 5yz reply
    ROAD_CLOSED = "road closed"  # before the content left: charged to nobody
    IN_DOUBT = "in doubt"  # after it began to leave, without an answer


class Outcome(NamedTuple):
    """How one try ended, in the next server's words."""

    kind: OutcomeKind
    code: int | None = None  # RFC 5321 4.2; None where no server spoke
    text: str = ""

    @property
    def reply(self) -> str:
        """What the next server said, as one bounded line; empty where none spoke."""
        if self.code is None:
            return ""
        return " ".join(f"{self.code} {self.text}".split())[:LONGEST_REPLY]


class InDoubt(StrEnum):
    """What to do where nobody knows whether a mail arrived."""

    SKIP = "skip"  # leave it unknown: of a digest, a second copy annoys more than a missed one
    RESEND = "resend"  # try again at once: who waits for a link to confirm reads either of two


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How long, and how often, a delivery is worth trying: one of these a kind of mail."""

    tries: int = 5  # tries that are charged to the recipient
    news: timedelta = timedelta(hours=36)  # after its hour; then it is no longer news
    in_doubt: InDoubt = InDoubt.SKIP  # digests: the only mail there is so far


class Decision(NamedTuple):
    """What becomes of a delivery, and why."""

    state: DeliveryState
    reason: str  # one sentence for the operator; empty when sent
    next_at: datetime | None = None  # of a deferred one
    charged: bool = True  # whether the try counts against the recipient


_SENT = Decision(state=DeliveryState.SENT, reason="")


def is_news(due_at: datetime, policy: Policy, now: datetime) -> bool:
    """Whether a delivery of that hour is still worth sending.

    The hour is the reader's, or that of an operator's retry (`Claimed.news_from`).
    """
    return now - due_at <= policy.news


def decide(
    *, key: str, tries: int, due_at: datetime, outcome: Outcome, policy: Policy, now: datetime
) -> Decision:
    """What a try's outcome makes of a delivery in `sending`.

    `key` seeds the jitter, so that the same delivery waits the same time in every run; `tries`
    counts those charged before this one; from `due_at` on it is news.
    """
    if outcome.kind is OutcomeKind.ACCEPTED:  # as most are
        return _SENT
    words = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text
    match outcome.kind:
        case OutcomeKind.IN_DOUBT:
            return _in_doubt(tries + 1, due_at, words, policy, now)
        case OutcomeKind.ROAD_CLOSED:
            return Decision(
                state=S.DEFERRED, reason=f"road closed: {words}", next_at=now, charged=False
            )
        case OutcomeKind.REFUSED:
            return _refused(key, tries + 1, due_at, outcome, words, policy, now)


def _in_doubt(tries: int, due_at: datetime, words: str, policy: Policy, now: datetime) -> Decision:
    reason = f"no answer after the content left: {words}"
    worth = tries < policy.tries and is_news(due_at, policy, now)
    if policy.in_doubt is InDoubt.RESEND and worth:
        return Decision(state=S.DEFERRED, reason=f"{reason}; sent again", next_at=now)
    return Decision(state=S.UNKNOWN, reason=reason)


def _refused(
    key: str,
    tries: int,
    due_at: datetime,
    outcome: Outcome,
    words: str,
    policy: Policy,
    now: datetime,
) -> Decision:
    if outcome.code is None or outcome.code >= 500:  # RFC 5321 4.2.1: 5yz is permanent
        return Decision(state=S.FAILED, reason=f"refused: {words}")
    if tries >= policy.tries:
        return Decision(state=S.FAILED, reason=f"refused {tries} times, last: {words}")
    next_at = now + wait(key, tries)
    if not is_news(due_at, policy, next_at):
        return Decision(state=S.FAILED, reason=f"no longer news before the next try, last: {words}")
    return Decision(state=S.DEFERRED, reason=f"refused for now: {words}", next_at=next_at)


def wait(key: str, tries: int) -> timedelta:
    """How long to wait after the `tries`-th charged try (from 1), jitter included."""
    growth: int = GROWTH ** min(tries - 1, 10)
    plain = min(FIRST_WAIT * growth, LONGEST_WAIT)
    seed = hashlib.sha256(f"{key}/{tries}".encode()).digest()
    share = int.from_bytes(seed[:4], "big") / 2**32  # in [0, 1)
    return plain * (1 + JITTER * (2 * share - 1))


_READERS_OWN = re.compile(
    r"<[^<>\s]*>"  # <asa@example.org>
    r"|[^\s<>@:;,()\[\]\"']+@[^\s<>@:;,()\[\]\"']+"
    r"|\b(?=[A-Za-z]*\d)[0-9A-Za-z]{8,}(?:[-.][0-9A-Za-z]+)*\b"  # a queue id, a session's number
)


def kind_of(reason: str) -> str:
    """A reason without what differs from one reader to the next: addresses and numbers of queues.

    Made for counting alike refusals; codes of three to seven characters stay.
    """
    return _READERS_OWN.sub("…", reason)
