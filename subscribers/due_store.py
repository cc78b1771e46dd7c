"""Keeps when each reader is looked at next, so that a look costs by who is due.

`next_due_at` is never after the next hour a reader chose. It is sooner, namely now, where
something changed: what is due then is worked out when they are looked at (`schedule.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from subscribers import store
from subscribers.many import run_many
from subscribers.model import State, Subscriber
from subscribers.schema import subscribers

_DUE = (subscribers.c.next_due_at, subscribers.c.served_on, *store.COLUMNS)


class Due(NamedTuple):
    """A reader who is to be looked at."""

    reader: Subscriber
    look_at: datetime  # `next_due_at` as it stood
    served_on: date | None


class Looked(NamedTuple):
    """When a reader who was looked at is looked at again."""

    number: int
    seen: datetime  # `next_due_at` as it stood: what changed since then is not undone
    look_at: datetime
    served_on: date | None


def before(
    connection: Connection, until: datetime, after: int, limit: int, *, up_to: int | None = None
) -> list[Due]:
    """Readers to be looked at before an instant, in order of number.

    Those numbered over `after`, and `up_to` at most, the first `limit` of them.
    """
    query = (
        select(*_DUE)
        .where(
            subscribers.c.state == State.CONFIRMED,
            subscribers.c.next_due_at < until,
            subscribers.c.id > after,
        )
        .order_by(subscribers.c.id)
        .limit(limit)
    )
    if up_to is not None:
        query = query.where(subscribers.c.id <= up_to)
    return [_due(row) for row in connection.execute(query)]


def blocks(connection: Connection, until: datetime, size: int) -> list[int]:
    """Which blocks of `size` numbers, 1 to `size` the 0th, hold readers to be looked at by then."""
    query = select((subscribers.c.id - 1) // size).where(
        subscribers.c.state == State.CONFIRMED, subscribers.c.next_due_at < until
    )
    return sorted(connection.scalars(query.distinct()))


def now_due(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Readers whose instant has come, the first `limit` of them, in order of number."""
    query = (
        select(*_DUE)
        .where(subscribers.c.state == State.CONFIRMED, subscribers.c.next_due_at <= now)
        .order_by(subscribers.c.next_due_at)
        .limit(limit)
    )
    found = [_due(row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: one.reader.id)


def is_any(connection: Connection, now: datetime) -> bool:
    """Whether the instant of any reader has come."""
    query = select(subscribers.c.id).where(
        subscribers.c.state == State.CONFIRMED, subscribers.c.next_due_at <= now
    )
    return connection.execute(query.limit(1)).first() is not None


def looked(connection: Connection, rows: Iterable[Looked]) -> None:
    """Keeps when readers are looked at again."""
    values = [
        {
            "number": one.number,
            "seen": one.seen,
            "to_look_at": one.look_at,
            "to_served_on": one.served_on,
        }
        for one in rows
    ]
    if values:
        run_many(connection, _LOOKED, values)


def served(connection: Connection, number: int, day: date, look_at: datetime) -> None:
    """Keeps that a reader had the digest of a day, in their zone."""
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == number)
        .values(served_on=day, next_due_at=look_at)
    )


def by_hour(connection: Connection, after: datetime, first: datetime, hours: int) -> list[int]:
    """How many readers are due `after` an instant, in each hour from `first` on."""
    last = first + timedelta(hours=hours)
    query = (
        select(subscribers.c.next_due_at, func.count())
        .where(
            subscribers.c.state == State.CONFIRMED,
            subscribers.c.next_due_at > after,
            subscribers.c.next_due_at < last,
        )
        .group_by(subscribers.c.next_due_at)
    )
    found = [0] * hours
    for at, number in connection.execute(query):
        found[int((at - first) / timedelta(hours=1))] += number
    return found


def every_now_due(connection: Connection, now: datetime, size: int = 1000) -> Iterator[list[Due]]:
    """All readers whose instant has come, `size` at a time, in constant memory."""
    last = 0
    while batch := before(connection, now, last, size):
        yield batch
        last = batch[-1].reader.id


def _due(row: Sequence[Any]) -> Due:
    look_at, served_on, *reader = row
    return Due(store.read(reader), look_at, served_on)


_LOOKED = (
    update(subscribers)
    .where(subscribers.c.id == bindparam("number"))
    .where(subscribers.c.next_due_at == bindparam("seen"))
    .values(next_due_at=bindparam("to_look_at"), served_on=bindparam("to_served_on"))
)
