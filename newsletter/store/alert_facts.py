"""What alerts are judged by, as the database has it, on a connection the caller opened."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from newsletter.alerts import IssueFacts
from newsletter.bounces import EventKind
from newsletter.delivery import WAITING, DeliveryState
from newsletter.store import ledger
from newsletter.store.schema import deliveries, delivery_events, issues
from subscribers.schema import suppressions
from subscribers.suppression import SuppressionKind

RETURNED = (EventKind.REFUSED, EventKind.BOUNCED)


def issues_since(connection: Connection, instant: datetime, late_by: datetime) -> list[IssueFacts]:
    """The issues composed since an instant that are not cancelled, the newest first.

    Late is what could be sent and has waited since `late_by` or longer.
    """
    query = (
        select(issues.c.id, issues.c.day, issues.c.composed_at, issues.c.paused)
        .where(issues.c.composed_at >= instant, issues.c.cancelled.is_(False))
        .order_by(issues.c.day.desc())
    )
    return [
        _facts(connection, row.id, row.day.isoformat(), row.composed_at, late_by, row.paused)
        for row in connection.execute(query).all()
    ]


def _facts(
    connection: Connection,
    issue_id: int,
    name: str,
    composed_at: datetime,
    late_by: datetime,
    paused: bool,
) -> IssueFacts:
    counts = ledger.count(connection, issue_id)
    late, since, last = 0, None, None
    if not paused and any(counts[state] for state in WAITING):
        mine = deliveries.c.issue_id == issue_id
        waits = (deliveries.c.state.in_(WAITING), deliveries.c.next_at <= late_by)
        found = select(func.count(), func.min(deliveries.c.due_at)).where(mine, *waits)
        late, since = connection.execute(found).one()
        last = connection.scalar(select(func.max(deliveries.c.sent_at)).where(mine))
    return IssueFacts(
        name=name,
        composed_at=composed_at,
        sent=counts[DeliveryState.SENT],
        failed=counts[DeliveryState.FAILED],
        unknown=counts[DeliveryState.UNKNOWN],
        late=late,
        late_since=since,
        last_sent_at=last,
    )


def complaints(connection: Connection, since: datetime) -> int:
    """How many digests were reported as spam, as we heard since an instant."""
    query = select(func.count()).where(
        delivery_events.c.at >= since, delivery_events.c.kind == EventKind.COMPLAINED
    )
    return connection.scalar(query) or 0


def bounces(connection: Connection, since: datetime) -> int:
    """How many digests were refused for good or returned, as we heard since an instant."""
    query = select(func.count(delivery_events.c.delivery_id.distinct())).where(
        delivery_events.c.at >= since,
        delivery_events.c.kind.in_(RETURNED),
        delivery_events.c.permanent,
    )
    return connection.scalar(query) or 0


def suppressed(connection: Connection, since: datetime, until: datetime) -> int:
    """How many addresses were suppressed within a span, but for those an operator named."""
    query = select(func.count()).where(
        suppressions.c.at >= since,
        suppressions.c.at < until,
        suppressions.c.kind != SuppressionKind.MANUAL,
    )
    return connection.scalar(query) or 0
