"""Keeps what happened to subscriptions, in order, on a connection the caller opened.

A row is written in the transaction of what it tells, so that what is told happened, and what
happened is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, literal, select

from subscribers.events import EventKind, SubscriberEvent
from subscribers.schema import subscriber_events, subscribers


def append(
    connection: Connection, subscriber_id: int, kind: EventKind, at: datetime, by: str
) -> None:
    """Notes that something happened."""
    row = {"subscriber_id": subscriber_id, "kind": kind.value, "at": at, "by": by[:64]}
    connection.execute(insert(subscriber_events).values(row))


def append_all(
    connection: Connection, subscriber_ids: Sequence[int], kind: EventKind, at: datetime, by: str
) -> None:
    """Notes that the same happened to many, up to some thousands, in the order of their numbers.

    The database makes the rows itself: that costs a third of sending them.
    """
    if not subscriber_ids:
        return
    columns = subscriber_events.c
    same = (literal(kind.value), literal(at, columns.at.type), literal(by[:64]))
    rows = select(subscribers.c.id, *same).where(subscribers.c.id.in_(subscriber_ids))
    ordered = rows.order_by(subscribers.c.id)
    names = ["subscriber_id", "kind", "at", "by"]
    connection.execute(insert(subscriber_events).from_select(names, ordered))


def after(
    connection: Connection, last: int, limit: int, kinds: Iterable[EventKind] = ()
) -> list[SubscriberEvent]:
    """What happened after event number `last`, the earliest first; all kinds if none is named."""
    query = select(subscriber_events).where(subscriber_events.c.id > last)
    if wanted := [kind.value for kind in kinds]:
        query = query.where(subscriber_events.c.kind.in_(wanted))
    rows = connection.execute(query.order_by(subscriber_events.c.id).limit(limit))
    return [SubscriberEvent(**{**row._mapping, "kind": EventKind(row.kind)}) for row in rows]


def of(connection: Connection, subscriber_id: int) -> list[SubscriberEvent]:
    """What happened to one subscription, the earliest first."""
    query = select(subscriber_events).where(subscriber_events.c.subscriber_id == subscriber_id)
    rows = connection.execute(query.order_by(subscriber_events.c.id))
    return [SubscriberEvent(**{**row._mapping, "kind": EventKind(row.kind)}) for row in rows]


def newest(connection: Connection) -> int:
    """The number of the last event; 0 before the first."""
    return connection.scalar(select(func.max(subscriber_events.c.id))) or 0
