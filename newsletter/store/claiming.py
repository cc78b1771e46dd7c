"""What senders do to the delivery ledger: claim, begin, finish, and settle what was lost.

What may follow what is `newsletter.delivery`'s; here it is made to hold when several senders
share the table. A claim takes rows by a conditional update and gives them an owner, a new
attempt number and a lease; whatever is written later is written `WHERE owner = mine AND attempt =
mine`, so a sender that lost its lease changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    bindparam,
    cast,
    func,
    or_,
    select,
    update,
)

from newsletter.delivery import WAITING, Decision, DeliveryState, Outcome
from newsletter.store import history, issue_acts
from newsletter.store.beside import beside
from newsletter.store.history import Happened
from newsletter.store.ledger import HELD, Cleared, free, silenced, takeable
from newsletter.store.listed import each, listed
from newsletter.store.schema import deliveries
from subscribers.model import State
from subscribers.schema import Instant, subscribers, suppressions

LOST = "the sender stopped after the content may have left; not sent again by itself"
BY_RECEIPT = "receipts"  # who wrote what a receipt told


class Claimed(NamedTuple):
    """A delivery that is ours to send until the lease ends."""

    id: int
    issue_id: int
    subscriber_id: int
    address: str
    confirmed: bool  # whether the subscriber still wants it
    suppressed: str  # why the address gets nothing now; empty where it does
    since: datetime  # the subscriber's consent
    picks: str  # as kept; `read_picks` reads them
    kind: str  # wording.DigestKind
    language: str
    beyond: int
    due_at: datetime  # dates the message, whenever it goes
    news_from: datetime  # what its age as news counts from: `due_at`, or an operator's retry
    tries: int
    attempt: int
    lease_until: datetime  # nothing of it may leave after that


class Finished(NamedTuple):
    """How a claimed delivery ended."""

    claim: Claimed
    decision: Decision
    transport: str
    refusal: Outcome | None = None  # what the next server said where it refused the recipient
    reply: str = ""  # the next server's last word; empty where it said none


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a server said of a delivery while the database could not be written."""

    delivery_id: int
    attempt: int
    state: DeliveryState  # sent, failed or deferred
    reason: str
    transport: str
    at: datetime
    next_at: datetime | None  # of a deferred one
    charged: bool
    reply: str = ""


def claim(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    subscriber_id: int | None = None,
    cleared: Cleared | None = None,
) -> list[Claimed]:
    """Takes up to `limit` deliveries whose time has come, the longest due first.

    Of all issues, or those `cleared`.
    """
    until = now + lease
    ids = _first_due(connection, now, limit, subscriber_id, cleared)
    told = {"ids": ids, "me": owner, "now": now, "until": until}
    taken = connection.scalars(_TAKE, told).all()
    rows = connection.execute(_TAKEN, {"ids": taken, "now": now})
    return [Claimed._make((*row, until)) for row in rows]


def _first_due(
    connection: Connection,
    now: datetime,
    limit: int,
    subscriber_id: int | None,
    cleared: Cleared | None,
) -> list[int]:
    """What a sender may take now, the longest due first; ours until the transaction ends.

    A state at a time, and by nothing but the instant: each is then read off the front of an index.
    PostgreSQL would sort all that is due for every claim, be it a million.
    """
    found: list[tuple[datetime, int]] = []
    told = {"now": now, "most": limit}
    if subscriber_id is not None:
        told["reader"] = subscriber_id
    for state in sorted(WAITING):
        query = _due(state, cleared, of_one=subscriber_id is not None)
        found += ((row[0], row[1]) for row in connection.execute(query, told))
    return [number for _, number in sorted(found)[:limit]]


@lru_cache(maxsize=64)
def _due(state: DeliveryState, cleared: Cleared | None, *, of_one: bool) -> Select[datetime, int]:
    query = takeable(
        select(deliveries.c.next_at, deliveries.c.id),
        _NOW,
        bindparam("most", type_=Integer),
        bindparam("reader", type_=Integer) if of_one else None,
        cleared=cleared,
        states=(state,),
    )
    return query.order_by(None).order_by(deliveries.c.next_at).with_for_update(skip_locked=True)


def begin(
    connection: Connection,
    owner: str,
    claims: Iterable[Claimed],
    now: datetime,
    lease: timedelta | None = None,
) -> set[int]:
    """Writes `sending` for claims that are still ours; returns the ids of those.

    To be committed before the first byte of their content leaves. A `lease` begins anew: the last
    of many claims must not be sent on the rest of it.
    """
    begun: set[int] = set()
    for group in _alike(owner, claims, None if lease is None else now + lease):
        begun.update(connection.scalars(_BEGIN, group | {"now": now}))
    return begun


def finish(
    connection: Connection, owner: str, results: Iterable[Finished], now: datetime
) -> list[Finished]:
    """Writes what became of claims that are still ours; returns those.

    What would be tried again is skipped where its issue was cancelled meanwhile. Whatever did not
    end as sent has a line in the history; one that did tells it all in its own row.
    """
    found = _cancelled(connection, list(results))
    ours = _still_ours(connection, owner, [one.claim for one in found])
    written = [one for one in found if (one.claim.id, one.claim.attempt) in ours]
    for group in _ended_alike(written, now):
        connection.execute(_FINISH, group)
    history.append(
        connection,
        (
            Happened(
                delivery_id=one.claim.id,
                at=now,
                attempt=one.claim.attempt,
                state=one.decision.state,
                words=one.decision.reason,
                transport=one.transport,
                by=owner,
            )
            for one in written
            if one.decision.state is not DeliveryState.SENT
        ),
    )
    return written


def _cancelled(connection: Connection, results: list[Finished]) -> list[Finished]:
    """The results, those that would be tried again skipped where their issue is cancelled."""
    again = {one.claim.issue_id for one in results if one.decision.state is DeliveryState.DEFERRED}
    gone = {
        issue_id: issue_acts.reason(connection, issue_id)
        for issue_id in sorted(again)
        if issue_acts.is_cancelled(connection, issue_id)
    }
    return [
        one._replace(
            decision=one.decision._replace(
                state=DeliveryState.SKIPPED,
                reason=f"{gone[one.claim.issue_id]}; {one.decision.reason}",
                next_at=None,
            ),
        )
        if one.decision.state is DeliveryState.DEFERRED and one.claim.issue_id in gone
        else one
        for one in results
    ]


def replay(connection: Connection, receipts: Iterable[Receipt]) -> int:
    """Settles what was sending, or unknown since, by what the server said; returns how many."""
    settled = [
        one
        for one in receipts
        if connection.execute(
            update(deliveries)
            .where(deliveries.c.id == one.delivery_id, deliveries.c.attempt == one.attempt)
            .where(deliveries.c.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN)))
            .values(
                state=one.state,
                reason=one.reason,
                transport=one.transport,
                owner=None,
                lease_until=None,
                tries=deliveries.c.tries + int(one.charged),
                next_at=one.next_at or deliveries.c.next_at,
                sent_at=one.at if one.state is DeliveryState.SENT else None,
                reply=one.reply or deliveries.c.reply,
            )
        ).rowcount
    ]
    history.append(
        connection,
        (
            Happened(
                delivery_id=one.delivery_id,
                at=one.at,
                attempt=one.attempt,
                state=one.state,
                words=one.reason or one.reply,
                transport=one.transport,
                by=BY_RECEIPT,
            )
            for one in settled
        ),
    )
    return len(settled)


def _ended_alike(written: Iterable[Finished], now: datetime) -> Iterator[dict[str, Any]]:
    """Results that differ in nothing but the server's word, each group as one statement is told."""
    groups: dict[tuple[Decision, str], dict[int, str]] = {}
    for one in written:
        groups.setdefault((one.decision, one.transport), {})[one.claim.id] = one.reply
    for (decision, transport), replies in groups.items():
        yield {
            "to_state": decision.state,
            "to_reason": decision.reason,
            "to_transport": transport,
            "charge": int(decision.charged),
            "to_next_at": decision.next_at,
            "to_sent_at": now if decision.state is DeliveryState.SENT else None,
            "replies": replies,
        }


def release(connection: Connection, owner: str, claims: Iterable[Claimed]) -> None:
    """Gives claims back that were not begun, so that nobody waits for their lease to end."""
    for group in _alike(owner, claims):
        del group["until"]
        connection.execute(_RELEASE, group)


def settle_lost(connection: Connection, now: datetime) -> int:
    """Marks `unknown` what stands in `sending` under a lease that has ended; returns how many."""
    lost = connection.execute(
        select(deliveries.c.id, deliveries.c.attempt, deliveries.c.owner)
        .where(deliveries.c.state == DeliveryState.SENDING, deliveries.c.lease_until <= now)
        .order_by(deliveries.c.id)  # as `finish` locks them: nobody waits in a circle
        .with_for_update()
    ).all()
    if not lost:
        return 0
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_([row.id for row in lost]))
        .values(state=DeliveryState.UNKNOWN, reason=LOST, owner=None, lease_until=None)
    )
    told = ((row.id, row.attempt, row.owner or "") for row in lost)
    history.became(connection, told, now, DeliveryState.UNKNOWN, LOST)
    return len(lost)


def _alike(
    owner: str, claims: Iterable[Claimed], until: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Claims of the same attempt and lease, each group as what one statement is told.

    With the lease's end, or `until` in its place.
    """
    groups: dict[tuple[int, datetime], list[int]] = {}
    for one in claims:
        groups.setdefault((one.attempt, until or one.lease_until), []).append(one.id)
    for (attempt, ends), ids in groups.items():
        yield {"attempt_": attempt, "until": ends, "ids": ids, "me": owner}


def _still_ours(
    connection: Connection, owner: str, claims: Sequence[Claimed]
) -> set[tuple[int, int]]:
    """Which claims are ours, as number and attempt; nobody takes them within the transaction."""
    if not claims:
        return set()
    wanted = {"ids": [one.id for one in claims], "me": owner}
    return {(row[0], row[1]) for row in connection.execute(_STILL_OURS, wanted)}


# Built once: in the loop of a sender, building a statement would cost more than running it.
_NOW = bindparam("now", type_=Instant)
_UNTIL = bindparam("until", type_=Instant)
_MINE = listed(deliveries.c.id, "ids"), deliveries.c.owner == bindparam("me")
_WAITS = or_(*(beside(deliveries.c.state) == one for one in sorted(WAITING)))
_TAKE = (
    update(deliveries)
    .where(listed(deliveries.c.id, "ids"), _WAITS, free(_NOW))
    .values(owner=bindparam("me"), attempt=deliveries.c.attempt + 1, lease_until=_UNTIL)
    .returning(deliveries.c.id)
)
_TAKEN = (  # as Claimed has it
    select(
        deliveries.c.id,
        deliveries.c.issue_id,
        deliveries.c.subscriber_id,
        subscribers.c.address,
        subscribers.c.state == State.CONFIRMED,
        func.coalesce(suppressions.c.reason, ""),
        subscribers.c.consent_at,
        deliveries.c.picks,
        deliveries.c.kind,
        deliveries.c.language,
        deliveries.c.beyond,
        deliveries.c.due_at,
        func.coalesce(deliveries.c.retried_at, deliveries.c.due_at),
        deliveries.c.tries,
        deliveries.c.attempt,
    )
    .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
    .outerjoin(suppressions, silenced(_NOW))
    .where(listed(deliveries.c.id, "ids"))
    .order_by(deliveries.c.next_at, deliveries.c.id)
)
_STILL_OURS = (
    select(deliveries.c.id, deliveries.c.attempt)
    .where(*_MINE)
    .order_by(deliveries.c.id)
    .with_for_update()
)
_OURS = update(deliveries).where(*_MINE, deliveries.c.attempt == bindparam("attempt_"))
_BEGIN = (
    _OURS.where(_WAITS, deliveries.c.lease_until > _NOW, deliveries.c.issue_id.not_in(HELD))
    .values(state=DeliveryState.SENDING, lease_until=_UNTIL)
    .returning(deliveries.c.id)
)
_RELEASE = _OURS.where(_WAITS).values(owner=None, lease_until=None)
_REPLIES = each("replies")
_FINISH = (
    update(deliveries)
    .where(deliveries.c.id == cast(_REPLIES.c.key, deliveries.c.id.type))
    .values(
        state=bindparam("to_state"),
        reason=bindparam("to_reason"),
        owner=None,
        lease_until=None,
        transport=bindparam("to_transport"),
        tries=deliveries.c.tries + bindparam("charge"),
        next_at=func.coalesce(bindparam("to_next_at", type_=Instant), deliveries.c.due_at),
        sent_at=bindparam("to_sent_at"),
        reply=func.coalesce(func.nullif(_REPLIES.c.value, ""), deliveries.c.reply),
    )
)
