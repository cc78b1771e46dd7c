"""What happened to subscriptions, in order: appended with the change itself, read by who follows.

A row is written in the transaction of what it tells, so that what is told happened, and what
happened is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, insert, select

from subscribers.schema import subscriber_events


class EventKind(StrEnum):
    """What happened."""

    SUBSCRIBED = "subscribed"  # asked for mail; confirmed or not yet
    CONFIRMED = "confirmed"
    CHANGED = "changed"  # preferences or address
    BOUNCED = "bounced"  # mail came back for good, or so often that it is not sent any more
    COMPLAINED = "complained"  # reported as spam
    UNSUBSCRIBED = "unsubscribed"
    ERASED = "erased"


@dataclass(frozen=True, kw_only=True)
class SubscriberEvent:
    """Something that happened to a subscription."""

    id: int  # grows; gaps are possible
    subscriber_id: int
    kind: EventKind
    at: datetime
    by: str  # "command line", "subscribe page", "bounce", ...


def append(
    connection: Connection, subscriber_id: int, kind: EventKind, at: datetime, by: str
) -> None:
    """Notes that something happened."""
    row = {"subscriber_id": subscriber_id, "kind": kind.value, "at": at, "by": by[:64]}
    connection.execute(insert(subscriber_events).values(row))


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
