"""The delivery ledger as it is read: counts, lists, and what a sender may take now.

What is written to it is `store/deliveries.py`'s and `store/claiming.py`'s.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, exists, func, or_, select

from newsletter.delivery import OPEN, WAITING, DeliveryState
from newsletter.issue import Issue
from newsletter.selection import Pick
from newsletter.store.beside import beside
from newsletter.store.schema import deliveries, issues
from subscribers.model import State
from subscribers.schema import subscribers, suppressions
from subscribers.suppression_store import holds

HELD = select(issues.c.id).where(or_(issues.c.paused, issues.c.cancelled))
"""The issues that nothing leaves of; an index holds just these."""

Now = datetime | ColumnElement[datetime]  # or a parameter that is told when it is asked


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """Which issues a run may send: those that were there when it began and passed."""

    up_to: int  # the number of the newest
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A delivery as people look at it."""

    id: int
    issue_id: int
    subscriber_id: int
    address: str
    since: datetime
    state: DeliveryState
    reason: str
    picks: str
    kind: str
    language: str
    beyond: int
    due_at: datetime
    next_at: datetime
    sent_at: datetime | None
    transport: str | None
    tries: int
    retried_at: datetime | None
    reply: str


def count(connection: Connection, issue_id: int) -> dict[DeliveryState, int]:
    """How many of an issue's deliveries stand in each state."""
    query = (
        select(deliveries.c.state, func.count())
        .where(deliveries.c.issue_id == issue_id)
        .group_by(deliveries.c.state)
    )
    found = {DeliveryState(state): number for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in DeliveryState}


def composed(connection: Connection, issue_id: int) -> int:
    """How many deliveries an issue has, counted apart from their states."""
    query = select(func.count()).where(deliveries.c.issue_id == issue_id)
    return connection.scalar(query) or 0


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Deliveries that wait for one kind of thing."""

    number: int = 0
    first: datetime | None = None  # when the first of them may be tried


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What is not tried now, by what it waits for."""

    hour: Wait = Wait()  # the reader's
    again: Wait = Wait()  # the next try, after one that went wrong
    limits: Wait = Wait()  # those of its domain

    @property
    def number(self) -> int:
        """All of them."""
        return self.hour.number + self.again.number + self.limits.number

    @property
    def first(self) -> datetime | None:
        """When the first of all may be tried."""
        firsts = (self.hour.first, self.again.first, self.limits.first)
        return min((one for one in firsts if one is not None), default=None)


def waiting(connection: Connection, now: datetime, *, issue_id: int | None = None) -> Waits:
    """Which deliveries (of an issue) wait for a later instant, and for what.

    Those of issues that are paused or cancelled do not.
    """
    late = deliveries.c.due_at <= now
    query = (
        select(
            deliveries.c.state,
            func.count().label("number"),
            func.min(deliveries.c.next_at).label("first"),
            func.count(case((late, 1))).label("late"),
            func.min(case((late, deliveries.c.next_at))).label("first_late"),
            func.min(case((~late, deliveries.c.next_at))).label("first_early"),
        )
        .where(
            deliveries.c.state.in_(WAITING),
            deliveries.c.next_at > now,
            deliveries.c.issue_id.not_in(HELD),
        )
        .group_by(deliveries.c.state)  # in the order of the index: nothing is sorted
    )
    if issue_id is not None:
        query = query.where(beside(deliveries.c.issue_id) == issue_id)
    found: dict[str, Wait] = {}
    for row in connection.execute(query):
        if row.state == DeliveryState.DEFERRED:
            found["again"] = Wait(number=row.number, first=row.first)
        else:
            found["limits"] = Wait(number=row.late, first=row.first_late)
            found["hour"] = Wait(number=row.number - row.late, first=row.first_early)
    return Waits(**found)


def paused(connection: Connection) -> dict[date, int]:
    """The issues that are paused and wait for it, the oldest first: how many deliveries of each."""
    query = (
        select(issues.c.day, func.count())
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .where(issues.c.paused, issues.c.cancelled.is_(False), deliveries.c.state.in_(WAITING))
        .group_by(issues.c.day)
        .order_by(issues.c.day)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def unfinished(connection: Connection, now: datetime, *, subscriber_id: int | None = None) -> int:
    """How many deliveries whose time has come are not ended: free, held by a sender, or leaving.

    Those that limits hold back are among them.
    """
    state: ColumnElement[str] = deliveries.c.state
    query = select(func.count()).where(deliveries.c.issue_id.not_in(HELD))
    if subscriber_id is not None:
        query = query.where(deliveries.c.subscriber_id == subscriber_id)
        state = beside(state)
    query = query.where(
        or_(
            and_(state == DeliveryState.QUEUED, deliveries.c.due_at <= now),
            and_(state == DeliveryState.DEFERRED, deliveries.c.next_at <= now),
            state == DeliveryState.SENDING,
        )
    )
    return connection.scalar(query) or 0


def still_open(connection: Connection) -> int:
    """How many deliveries of all issues are queued, sending or deferred, whatever holds them."""
    query = select(func.count()).select_from(deliveries).where(deliveries.c.state.in_(OPEN))
    return connection.scalar(query) or 0


def held(connection: Connection, now: datetime) -> tuple[int, datetime | None]:
    """How many deliveries a sender holds, or held when it died, and when the last lease ends."""
    row = connection.execute(
        select(func.count(), func.max(deliveries.c.lease_until)).where(
            deliveries.c.state.in_((*WAITING, DeliveryState.SENDING)),
            deliveries.c.lease_until > now,
        )
    ).one()
    return row[0], row[1]


def count_silenced(connection: Connection, issue_id: int, now: datetime) -> int:
    """How many waiting deliveries of an issue are to addresses that get nothing."""
    query = (
        select(func.count())
        .select_from(deliveries)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(suppressions, silenced(now))
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state.in_(WAITING))
    )
    return connection.scalar(query) or 0


def first_due(connection: Connection, issue_id: int) -> datetime | None:
    """The earliest hour of an issue's deliveries that wait."""
    mine = (deliveries.c.issue_id == issue_id, deliveries.c.state.in_(WAITING))
    found: datetime | None = connection.scalar(select(func.min(deliveries.c.due_at)).where(*mine))
    return found


def reasons(
    connection: Connection, issue_id: int, state: DeliveryState, limit: int
) -> dict[str, int]:
    """Why deliveries of an issue are in a state, the commonest reasons first."""
    number = func.count()
    query = (
        select(deliveries.c.reason, number)
        .where(deliveries.c.issue_id == issue_id, beside(deliveries.c.state) == state)
        .group_by(deliveries.c.reason)
        .order_by(number.desc(), deliveries.c.reason)
        .limit(limit)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def is_finished(counts: Mapping[DeliveryState, int]) -> bool:
    """Whether nothing of an issue is queued, sending or deferred."""
    return not any(counts[state] for state in OPEN)


def entries(
    connection: Connection,
    issue_id: int,
    *,
    subscriber_id: int | None = None,
    states: Iterable[DeliveryState] | None = None,
    domain: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Entry]:
    """An issue's deliveries in order of subscriber, of those numbered after one."""
    query = (
        _ENTRIES.where(deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id > after)
        .order_by(deliveries.c.subscriber_id)
        .limit(limit)
    )
    if subscriber_id is not None:
        query = query.where(deliveries.c.subscriber_id == subscriber_id)
    if states is not None:
        query = query.where(deliveries.c.state.in_(list(states)))
    if domain is not None:
        query = query.where(subscribers.c.domain == domain)
    return [_entry(row) for row in connection.execute(query)]


def by_id(connection: Connection, delivery_id: int) -> Entry | None:
    """The delivery of a number."""
    row = connection.execute(_ENTRIES.where(deliveries.c.id == delivery_id)).one_or_none()
    return None if row is None else _entry(row)


def by_ids(connection: Connection, delivery_ids: Sequence[int]) -> list[Entry]:
    """The deliveries of these numbers, a few hundred at most, in their order."""
    rows = connection.execute(_ENTRIES.where(deliveries.c.id.in_(delivery_ids)))
    found = {row.id: _entry(row) for row in rows}
    return [found[one] for one in delivery_ids if one in found]


def due(
    connection: Connection,
    now: datetime,
    *,
    limit: int | None = None,
    subscriber_id: int | None = None,
    early: bool = False,
) -> list[Entry]:
    """What `claim` would take now; `early` as if every hour had come."""
    query = (
        takeable(_ENTRIES, now, limit, subscriber_id, early=early)
        .where(subscribers.c.state == State.CONFIRMED)
        .where(~exists().where(silenced(now)))
    )
    return [_entry(row) for row in connection.execute(query)]


def count_due(
    connection: Connection,
    now: datetime,
    *,
    subscriber_id: int | None = None,
    cleared: Cleared | None = None,
) -> int:
    """How many deliveries `claim` could take now."""
    query = takeable(select(deliveries.c.id), now, None, subscriber_id, cleared=cleared)
    query = query.order_by(None)
    return connection.scalar(select(func.count()).select_from(query.subquery())) or 0


def read_picks(kept: str, issue: Issue) -> tuple[Pick, ...]:
    """The picks of a delivery, best first."""
    candidates = issue.candidates
    return tuple(
        [
            Pick(candidates[place].paper_id, score, tuple(reasons))
            for place, score, reasons in json.loads(kept)
        ]
    )


_ENTRIES = select(
    deliveries.c.id,
    deliveries.c.issue_id,
    deliveries.c.subscriber_id,
    subscribers.c.address,
    subscribers.c.consent_at.label("since"),
    deliveries.c.state,
    deliveries.c.reason,
    deliveries.c.picks,
    deliveries.c.kind,
    deliveries.c.language,
    deliveries.c.beyond,
    deliveries.c.due_at,
    deliveries.c.next_at,
    deliveries.c.sent_at,
    deliveries.c.transport,
    deliveries.c.tries,
    deliveries.c.retried_at,
    deliveries.c.reply,
).join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(**(dict(row._mapping) | {"state": DeliveryState(row.state)}))


def takeable(
    query: Select[*tuple[Any, ...]],
    now: Now,
    limit: int | ColumnElement[int] | None,
    subscriber_id: int | ColumnElement[int] | None,
    *,
    early: bool = False,
    cleared: Cleared | None = None,
    states: Collection[DeliveryState] = WAITING,
) -> Select[*tuple[Any, ...]]:
    """Narrows a query to what a sender may take now, or `early`, the longest due first."""
    state: ColumnElement[str] = deliveries.c.state
    if subscriber_id is not None:  # who has few, of any state
        query = query.where(deliveries.c.subscriber_id == subscriber_id)
        state = beside(state)
    # An IN would be written anew whenever it is asked.
    stands = state == next(iter(states)) if len(states) == 1 else state.in_(states)
    query = query.where(stands, free(now), deliveries.c.issue_id.not_in(HELD))
    if not early:
        query = query.where(deliveries.c.next_at <= now)
    if cleared is not None:
        query = query.where(deliveries.c.issue_id <= cleared.up_to)
        if cleared.without:
            query = query.where(deliveries.c.issue_id.not_in(cleared.without))
    return query.order_by(deliveries.c.next_at, deliveries.c.id).limit(limit)


def free(now: Now) -> ColumnElement[bool]:
    """Whether no sender holds a delivery, or not any more."""
    return or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= now)


def silenced(now: Now) -> ColumnElement[bool]:
    """Joins a subscriber to the suppression that holds for the address."""
    return and_(suppressions.c.address_key == subscribers.c.address_key, holds(now))
