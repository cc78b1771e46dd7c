"""What operators do to single deliveries: settle what is unknown, send again what ended unsent.

A delivery queued again keeps its Message-ID, which comes from the issue and the reader, and its
date where a sender ever held it, so that a second copy is the same message to whoever had the
first. Its age as news cannot be judged by that date: an operator retries just because the hour is
past. So `retried_at` is kept, and a delivery is news from then on, for as long as one composed at
that instant would be. (Moving `due_at` instead would make the second copy another message; judging
by `next_at` would make every deferral young again, and nothing would ever be too old.) The tries
count from none again, for the same reason.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, select, update

from newsletter.delivery import RECONCILED, RETRIED, DeliveryState
from newsletter.store import history
from newsletter.store.beside import beside
from newsletter.store.history import Happened
from newsletter.store.schema import deliveries
from subscribers.schema import subscribers

NOTHING = "[]"  # the picks of a delivery that has none


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which deliveries of an issue an operator means."""

    states: Collection[DeliveryState]
    subscriber_ids: Collection[int] | None = None  # None: everybody
    domain: str | None = None


def retry(
    connection: Connection,
    issue_id: int,
    which: Which,
    *,
    why: str,
    by: str,
    now: datetime,
    after: int = 0,
    limit: int = 5_000,
) -> list[int]:
    """Queues up to `limit` deliveries again, numbered above `after`; returns their numbers.

    In order, and only such as may be retried and have something to send.
    """
    states = [state for state in which.states if state in RETRIED]
    chosen = (
        select(deliveries.c.id)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state.in_(states))
        .where(deliveries.c.picks != NOTHING, deliveries.c.id > after)
        .order_by(deliveries.c.id)
        .limit(limit)
        .with_for_update()
    )
    if which.subscriber_ids is not None:
        chosen = chosen.where(deliveries.c.subscriber_id.in_(list(which.subscriber_ids)))
    if which.domain is not None:
        here = select(subscribers.c.id).where(subscribers.c.domain == which.domain)
        chosen = chosen.where(deliveries.c.subscriber_id.in_(here))
    ids = connection.scalars(chosen).all()
    rows = connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), beside(deliveries.c.state).in_(states))
        .values(_again(now))
        .returning(deliveries.c.id, deliveries.c.attempt)
    ).all()
    told = ((row.id, row.attempt, by) for row in rows)
    history.became(connection, told, now, DeliveryState.QUEUED, f"retry: {why}")
    return sorted(row.id for row in rows)


def reconcile(
    connection: Connection,
    delivery_id: int,
    state: DeliveryState,
    reason: str,
    now: datetime,
    *,
    by: str = "",
) -> bool:
    """Settles an unknown delivery as an operator knows it; False where it was not unknown."""
    allowed = [before for before, after in RECONCILED.items() if state in after]
    values: dict[str, Any] = {"state": state, "reason": reason, "owner": None, "lease_until": None}
    if state is DeliveryState.SENT:
        values["sent_at"] = now
    if state is DeliveryState.QUEUED:
        values |= _again(now) | {"reason": reason}
    row = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(allowed))
        .values(values)
        .returning(deliveries.c.attempt)
    ).one_or_none()
    if row is None:
        return False
    line = Happened(
        delivery_id=delivery_id,
        at=now,
        attempt=row.attempt,
        state=state,
        words=reason,
        transport="",
        by=by,
    )
    history.append(connection, [line])
    return True


def _again(now: datetime) -> dict[str, Any]:
    return {
        "state": DeliveryState.QUEUED,
        "reason": "",
        # Never in a sender's hands, so in nobody's mailbox: dated as it leaves.
        "due_at": case((deliveries.c.attempt == 0, now), else_=deliveries.c.due_at),
        "next_at": now,
        "retried_at": now,
        "tries": 0,
        "owner": None,
        "lease_until": None,
    }
