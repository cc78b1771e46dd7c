"""Counts what operators are told of readers: what happened, votes, letters, suppressions.

Every number is counted by the database, by quarters of an hour of UTC, of which
`statistics.by_day` makes days of a zone; memory grows with the length of a period alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    or_,
    select,
)

from newsletter.statistics import QUARTER
from newsletter.store.schema import letters, votes
from subscribers.events import EventKind
from subscribers.schema import subscriber_events, subscribers, suppressions
from subscribers.store import ERASED
from subscribers.suppression_store import holds

TOLD = (EventKind.SUBSCRIBED, EventKind.CONFIRMED, EventKind.UNSUBSCRIBED, EventKind.ERASED)
WAYS = ("one click", "unsubscribe page", "mail")  # as what ends a subscription calls itself
OTHERWISE = "otherwise"

Quarters = dict[int, int]


def happened(connection: Connection, start: datetime, end: datetime) -> dict[str, Quarters]:
    """How often each of TOLD happened."""
    at = subscriber_events.c.at
    what = subscriber_events.c.kind
    query = _quarters(connection, at, what).where(at >= start, at < end, what.in_(TOLD))
    return _read(connection, query)


def ways(connection: Connection, start: datetime, end: datetime) -> dict[str, Quarters]:
    """How readers left: by each of WAYS, and otherwise."""
    at, by = subscriber_events.c.at, subscriber_events.c.by
    what = case((by.in_(WAYS), by), else_=OTHERWISE)
    left = subscriber_events.c.kind == EventKind.UNSUBSCRIBED
    query = _quarters(connection, at, what).where(at >= start, at < end, left)
    return _read(connection, query)


def moves(connection: Connection, start: datetime, end: datetime) -> Quarters:
    """By how many the readers grew: who confirmed and was none, less who left and was one."""
    moved = moved_readers(start, end)
    when = _quarter(connection, moved.c.at)
    query = select(when.label("quarter"), func.sum(moved.c.step).label("number")).group_by(when)
    return {row.quarter: row.number for row in connection.execute(query)}


def moved_readers(start: datetime, end: datetime) -> Subquery:
    """Each event that made somebody a reader (`step` 1), no reader (-1), or neither (0).

    What came before an event of a subscription tells which: who undoes leaving twice comes once.
    Of subscriptions older than events nothing is told: those who leave were readers.
    """
    one, earlier = subscriber_events, subscriber_events.alias("earlier")
    last = (
        select(earlier.c.kind)
        .where(
            earlier.c.subscriber_id == one.c.subscriber_id,
            earlier.c.id < one.c.id,
            earlier.c.kind.in_(TOLD),
        )
        .order_by(earlier.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = (
        select(one.c.subscriber_id, one.c.at, one.c.kind, last.label("last"))
        .where(one.c.at >= start, one.c.at < end, one.c.kind.in_(TOLD))
        .subquery()
    )
    confirmed = EventKind.CONFIRMED.value
    was = found.c.last == confirmed
    step = case(
        (and_(found.c.kind == confirmed, or_(found.c.last.is_(None), ~was)), 1),
        (
            and_(
                found.c.kind.in_((EventKind.UNSUBSCRIBED, EventKind.ERASED)),
                or_(found.c.last.is_(None), was),
            ),
            -1,
        ),
        else_=0,
    )
    return select(found.c.subscriber_id, found.c.at, step.label("step")).subquery("moved")


def erased(connection: Connection) -> int:
    """How many had themselves erased, or were never confirmed."""
    return connection.scalar(select(func.count()).where(subscribers.c.domain == ERASED)) or 0


def cast_votes(connection: Connection, start: datetime, end: datetime) -> dict[str, Quarters]:
    """Votes for "more" and "less" as they stand now, and links "followed" by who opted in."""
    what = case((votes.c.clicked, "followed"), (votes.c.value > 0, "more"), else_="less")
    at = votes.c.at
    return _read(connection, _quarters(connection, at, what).where(at >= start, at < end))


def queued_letters(connection: Connection, start: datetime, end: datetime) -> dict[str, Quarters]:
    """Letters by their state, on the day they were queued."""
    at = letters.c.queued_at
    query = _quarters(connection, at, letters.c.state).where(at >= start, at < end)
    return _read(connection, query)


def suppressed(connection: Connection, start: datetime, end: datetime) -> dict[str, Quarters]:
    """Suppressions by kind, on the day they were made; the last word on each address alone."""
    at = suppressions.c.at
    query = _quarters(connection, at, suppressions.c.kind).where(at >= start, at < end)
    return _read(connection, query)


def suppressed_now(connection: Connection, now: datetime) -> dict[str, int]:
    """How many addresses get nothing now, by kind."""
    kind = suppressions.c.kind
    query = select(kind, func.count()).where(holds(now)).group_by(kind)
    return {row[0]: row[1] for row in connection.execute(query)}


def seconds(connection: Connection, at: ColumnElement[Any]) -> ColumnElement[int]:
    """The whole seconds of an instant since 1970."""
    if connection.dialect.name == "postgresql":
        return cast(func.floor(func.extract("epoch", at)), BigInteger)
    return cast(func.strftime("%s", at), Integer)


def _quarter(connection: Connection, at: ColumnElement[Any]) -> ColumnElement[int]:
    return seconds(connection, at) // QUARTER


def _quarters(
    connection: Connection, at: ColumnElement[Any], what: ColumnElement[str]
) -> Select[str, int, int]:
    when = _quarter(connection, at)
    return select(what.label("what"), when.label("quarter"), func.count().label("number")).group_by(
        what, when
    )


def _read(connection: Connection, query: Select[str, int, int]) -> dict[str, Quarters]:
    found: Mapping[str, Quarters] = defaultdict(dict)
    for row in connection.execute(query):
        found[row.what][row.quarter] = row.number
    return dict(found)
