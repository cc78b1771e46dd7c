"""Counts what monitors ask for again and again, so that each question stays cheap.

At a million deliveries an issue three things would be slow, and are not asked: all deliveries by
state (every row there ever was), when anything was last sent (no index has it), and what came back
in all. Of open deliveries an index is counted; of the newest issue alone every row, which is the
dearest question here: whoever asks has to ask it seldom. What came back is counted from where the
last look ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from newsletter.delivery import WAITING, DeliveryState
from newsletter.store import letters, papers
from newsletter.store.database import Database
from newsletter.store.ledger import HELD
from newsletter.store.schema import deliveries, delivery_events, issues
from subscribers import event_store
from subscribers import store as people
from subscribers.schema import suppressions
from subscribers.suppression_store import holds

S = DeliveryState
COUNTED = (S.QUEUED, S.SENDING, S.DEFERRED, S.UNKNOWN)  # few rows, or an index to count them by


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What is to be sent."""

    states: Mapping[DeliveryState, int]  # of all issues
    due: int
    oldest: datetime | None  # since when the oldest that is due could leave
    letters: int


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The newest issue."""

    composed_at: datetime | None = None
    states: Mapping[DeliveryState, int] = field(default_factory=dict)
    last_sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """Papers, and those who read of them."""

    papers: int
    subscribers: Mapping[str, int]
    suppressions: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the database takes up, in bytes by its parts."""

    parts: Mapping[str, int]


def waiting(connection: Connection, now: datetime) -> Waiting:
    """What is to be sent; nothing of issues that are held, paused or cancelled is due."""
    held = list(connection.scalars(HELD))
    states, due, oldest = {}, 0, None
    for state in COUNTED:
        mine = deliveries.c.state == state
        states[state] = connection.scalar(select(func.count()).where(mine)) or 0
        if state not in WAITING or not states[state]:
            continue
        # Two questions: each is answered by one end of an index, both at once would read it all.
        free = [mine, deliveries.c.next_at <= now]
        if held:
            free.append(deliveries.c.issue_id.not_in(held))
        due += connection.scalar(select(func.count()).where(*free)) or 0
        first = select(deliveries.c.next_at).where(*free).order_by(deliveries.c.next_at).limit(1)
        since = connection.scalar(first)
        oldest = min(filter(None, (oldest, since)), default=None)
    return Waiting(states=states, due=due, oldest=oldest, letters=letters.waiting(connection, now))


def newest(connection: Connection) -> Newest:
    """How the newest issue stands: every delivery of it is looked at."""
    row = connection.execute(
        select(issues.c.id, issues.c.composed_at).order_by(issues.c.day.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return Newest()
    query = (
        select(deliveries.c.state, func.count(), func.max(deliveries.c.sent_at))
        .where(deliveries.c.issue_id == row.id)
        .group_by(deliveries.c.state)
    )
    states, last = dict.fromkeys(S, 0), None
    for state, number, sent_at in connection.execute(query):
        states[S(state)] = number
        last = max(filter(None, (last, sent_at)), default=None)
    return Newest(composed_at=row.composed_at, states=states, last_sent_at=last)


def known(connection: Connection, now: datetime) -> Known:
    """How many papers and readers there are."""
    query = (
        select(suppressions.c.kind, func.count()).where(holds(now)).group_by(suppressions.c.kind)
    )
    return Known(
        papers=papers.count(connection),
        subscribers={state.value: many for state, many in people.count(connection).items()},
        suppressions={row[0]: row[1] for row in connection.execute(query)},
    )


def returns_up_to(connection: Connection) -> int:
    """The number of the last thing that came back; 0 before the first."""
    return connection.scalar(select(func.max(delivery_events.c.id))) or 0


def returns(connection: Connection, after: int, up_to: int) -> Counter[str]:
    """What came back from one number to another, by kind."""
    query = (
        select(delivery_events.c.kind, func.count())
        .where(delivery_events.c.id > after, delivery_events.c.id <= up_to)
        .group_by(delivery_events.c.kind)
    )
    return Counter({row[0]: row[1] for row in connection.execute(query)})


def newest_event(connection: Connection) -> int:
    """The number of the last thing that happened to a subscription."""
    return event_store.newest(connection)


def sizes(database: Database) -> Sizes:
    """What the database takes up."""
    file = database.file
    if file is None:
        return Sizes(parts={"database": database.size()})
    parts = {"file": file, "log": file.with_name(f"{file.name}-wal")}
    return Sizes(
        parts={name: one.stat().st_size if one.exists() else 0 for name, one in parts.items()}
    )
