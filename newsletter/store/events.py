"""Keeps what came back of deliveries, and tells an address's history as facts for the rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from newsletter.bounces import EventKind
from newsletter.delivery import DeliveryState
from newsletter.server_words import code_of, line
from newsletter.store.beside import beside
from newsletter.store.insert import insert_new
from newsletter.store.schema import deliveries, delivery_events, issues, letters
from subscribers.suppression import Fact, FactKind

LOOK_BACK = 30  # deliveries of an address that a judgement looks at: four times the longest row

S = DeliveryState


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that came back of a delivery."""

    delivery_id: int
    kind: EventKind
    at: datetime
    code: str = ""
    permanent: bool = False
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event as people look at it."""

    issue: date
    kind: EventKind
    at: datetime
    code: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A delivery that something came back of."""

    id: int
    subscriber_id: int
    issue: date
    due_at: datetime  # its hour


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A delivery that must have been sent."""

    id: int
    due_at: datetime
    by: EventKind  # what came back of it


def add(connection: Connection, new: Event) -> bool:
    """Keeps an event; False where one of that kind is kept of that delivery."""
    values = vars(new) | {"kind": new.kind.value}
    return bool(insert_new(connection, delivery_events, [values], returning=delivery_events.c.id))


def facts(connection: Connection, subscriber_id: int, after: datetime | None) -> list[Fact]:
    """What was heard of a subscriber's latest deliveries and letters, the first sent first.

    Of those sent after an instant only, where one is named.
    """
    sent = _sent_at()
    query = (
        select(deliveries.c.id, deliveries.c.state, sent.label("sent"))
        .where(deliveries.c.subscriber_id == subscriber_id)
        # A bounce may be quicker than our own note that it was sent.
        .where(deliveries.c.state.in_((S.SENT, S.FAILED, S.UNKNOWN, S.SENDING)))
        .order_by(sent.desc(), deliveries.c.id.desc())
        .limit(LOOK_BACK)
    )
    if after is not None:
        query = query.where(sent > after)
    rows = connection.execute(query).all()[::-1]
    events = select(delivery_events).where(
        delivery_events.c.delivery_id.in_([row.id for row in rows]),
        delivery_events.c.kind != EventKind.UNSUBSCRIBED,
    )
    heard: dict[int, Fact] = {}
    sent_at = {row.id: row.sent for row in rows}
    for event in connection.execute(events.order_by(delivery_events.c.id)):
        complained = event.kind == EventKind.COMPLAINED
        if event.delivery_id in heard and not complained:
            continue
        heard[event.delivery_id] = Fact(
            kind=FactKind.COMPLAINED if complained else FactKind.FAILED,
            at=sent_at[event.delivery_id],
            code=event.code,
            permanent=event.permanent,
            words=event.words,
        )
    found = []
    for row in rows:
        if row.id in heard:
            found.append(heard[row.id])
        elif row.state == S.SENT:
            found.append(Fact(kind=FactKind.ACCEPTED, at=row.sent))
    return _latest([*found, *_refused_letters(connection, subscriber_id, after)])


def _refused_letters(
    connection: Connection, subscriber_id: int, after: datetime | None
) -> list[Fact]:
    """Letters that the next server refused for good.

    One that it took is no success: should it be returned, nobody would know.
    """
    query = (
        select(letters.c.next_at, letters.c.reason)
        .where(letters.c.subscriber_id == subscriber_id, beside(letters.c.state) == "failed")
        .where(letters.c.transport.is_not(None))  # else it was never offered
        .order_by(letters.c.next_at.desc(), letters.c.id.desc())
        .limit(LOOK_BACK)
    )
    if after is not None:
        query = query.where(letters.c.next_at > after)
    return [
        Fact(
            kind=FactKind.FAILED,
            at=row.next_at,
            code=code_of(row.reason),
            permanent=row.reason.startswith("5"),  # RFC 5321 4.2.1
            words=line(row.reason),
        )
        for row in connection.execute(query)
    ]


def _latest(facts: Sequence[Fact]) -> list[Fact]:
    """The last that a judgement looks at, in order."""
    return sorted(facts, key=lambda one: one.at)[-LOOK_BACK:]


def delivery(connection: Connection, subscriber_id: int, issue_id: int) -> Delivered | None:
    """The delivery of an issue to a subscriber."""
    return _one(
        connection,
        deliveries.c.subscriber_id == subscriber_id,
        deliveries.c.issue_id == issue_id,
    )


def last_sent(
    connection: Connection, subscriber_id: int, by: datetime | None = None
) -> Delivered | None:
    """The last delivery that a subscriber was sent; by an instant, if one is named.

    Where nothing was sent by then, clocks differ: the first, so that the answer stays the same.
    """
    mine = deliveries.c.subscriber_id == subscriber_id, deliveries.c.state == S.SENT
    if by is None:
        return _one(connection, *mine)
    return _one(connection, *mine, _sent_at() <= by) or _one(connection, *mine, first=True)


def posted(connection: Connection, subscriber_id: int, at: datetime) -> Delivered | None:
    """The delivery to a subscriber whose Date header told that second."""
    return _one(
        connection,
        deliveries.c.subscriber_id == subscriber_id,
        deliveries.c.due_at >= at,
        deliveries.c.due_at < at + timedelta(seconds=1),
    )


def proven(connection: Connection) -> list[Proven]:
    """Deliveries in `unknown` of which something came back.

    A wish to leave is joined by guess and proves nothing.
    """
    query = (
        select(deliveries.c.id, deliveries.c.due_at, delivery_events.c.kind)
        .join(delivery_events, delivery_events.c.delivery_id == deliveries.c.id)
        .where(
            deliveries.c.state == S.UNKNOWN,
            delivery_events.c.kind.in_((EventKind.BOUNCED, EventKind.COMPLAINED)),
        )
        .order_by(delivery_events.c.id)
    )
    return [
        Proven(id=row.id, due_at=row.due_at, by=EventKind(row.kind))
        for row in connection.execute(query)
    ]


def issue_ids(connection: Connection, days: Collection[date]) -> dict[date, int]:
    """The issues of these days."""
    query = select(issues.c.day, issues.c.id).where(issues.c.day.in_(days))
    return {row.day: row.id for row in connection.execute(query)}


def subscriber_ids(connection: Connection, issue_id: int, size: int = 10_000) -> Iterator[int]:
    """The subscribers that an issue was composed for, in constant memory."""
    last = 0
    while True:
        query = (
            select(deliveries.c.subscriber_id)
            .where(deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id > last)
            .order_by(deliveries.c.subscriber_id)
            .limit(size)
        )
        found: Sequence[int] = connection.scalars(query).all()
        if not found:
            return
        last = found[-1]
        yield from found


def told(connection: Connection, subscriber_id: int, limit: int) -> list[Told]:
    """What came back of a subscriber's deliveries, the latest first."""
    query = (
        select(
            issues.c.day.label("issue"),
            delivery_events.c.kind,
            delivery_events.c.at,
            delivery_events.c.code,
            delivery_events.c.words,
        )
        .join(deliveries, deliveries.c.id == delivery_events.c.delivery_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(deliveries.c.subscriber_id == subscriber_id)
        .order_by(delivery_events.c.at.desc(), delivery_events.c.id.desc())
        .limit(limit)
    )
    return [
        Told(**(dict(row._mapping) | {"kind": EventKind(row.kind)}))
        for row in connection.execute(query)
    ]


def of_delivery(connection: Connection, delivery_id: int) -> list[Told]:
    """What came back of one delivery, in the order it was heard."""
    query = (
        select(
            issues.c.day.label("issue"),
            delivery_events.c.kind,
            delivery_events.c.at,
            delivery_events.c.code,
            delivery_events.c.words,
        )
        .join(deliveries, deliveries.c.id == delivery_events.c.delivery_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(delivery_events.c.delivery_id == delivery_id)
        .order_by(delivery_events.c.id)
    )
    return [
        Told(**(dict(row._mapping) | {"kind": EventKind(row.kind)}))
        for row in connection.execute(query)
    ]


def _one(
    connection: Connection, *where: ColumnElement[bool], first: bool = False
) -> Delivered | None:
    order = (_sent_at(), deliveries.c.id)
    query = (
        select(
            deliveries.c.id,
            deliveries.c.subscriber_id,
            deliveries.c.due_at,
            issues.c.day.label("issue"),
        )
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .where(*where)
        .order_by(*(order if first else [column.desc() for column in order]))
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Delivered(**row._mapping)


def _sent_at() -> ColumnElement[datetime]:
    # What was refused has no hour of its own: the reader's is near it.
    return func.coalesce(deliveries.c.sent_at, deliveries.c.due_at)
