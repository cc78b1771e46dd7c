"""Folds digests that were missed by hours into the next ones: their papers wait for those."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from newsletter.delivery import DeliveryState
from newsletter.store import history
from newsletter.store.beside import beside
from newsletter.store.issue_acts import IssueAct
from newsletter.store.ledger import HELD, free
from newsletter.store.schema import deliveries, issue_acts

TOO_LATE = "missed by hours; its papers wait for the next digest"


def fold(connection: Connection, before: datetime, now: datetime, limit: int) -> int:
    """Skips up to `limit` deliveries that were due before an instant and never tried.

    Not what limits put off, what waited for an operator up to then, or what an operator queued
    again; and nothing while a sender is at work, who gets to them.
    """
    busy = exists().where(
        deliveries.c.state == DeliveryState.SENDING, deliveries.c.lease_until > now
    )
    released = exists().where(
        issue_acts.c.issue_id == deliveries.c.issue_id,
        issue_acts.c.act.in_((IssueAct.APPROVE, IssueAct.RESUME)),
        issue_acts.c.at >= before,
    )
    if connection.scalar(select(busy)):
        return 0
    late = (
        select(deliveries.c.id)
        .where(
            deliveries.c.state == DeliveryState.QUEUED,
            deliveries.c.next_at < before,
            deliveries.c.next_at == deliveries.c.due_at,
            deliveries.c.retried_at.is_(None),
            deliveries.c.issue_id.not_in(HELD),
            free(now),
            ~released,
        )
        .order_by(deliveries.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = connection.scalars(late).all()
    rows = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.id.in_(ids),
            beside(deliveries.c.state) == DeliveryState.QUEUED,
            free(now),
        )
        .values(state=DeliveryState.SKIPPED, reason=TOO_LATE, owner=None, lease_until=None)
        .returning(deliveries.c.id, deliveries.c.attempt)
    ).all()
    told = ((row.id, row.attempt, "newsletter") for row in rows)
    history.became(connection, told, now, DeliveryState.SKIPPED, TOO_LATE)
    return len(rows)
