"""Keeps who is told what happens to subscriptions, and how far, on a caller's connection.

A result is kept only where nobody else was quicker: under the condition that the cursor and the
tries are still those that were read.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from newsletter.errors import RequestError
from newsletter.store.schema import webhooks
from newsletter.webhooks import Webhook
from subscribers import event_store
from subscribers.events import EventKind


def add(connection: Connection, url: str, kinds: Collection[EventKind], now: datetime) -> Webhook:
    """Keeps a new webhook, which is told what happens from now on."""
    row = {
        "url": url,
        "kinds": sorted(set(kinds)),
        "created_at": now,
        "cursor": settled(connection),
        "tries": 0,
        "next_at": now,
        "lost": 0,
        "answer": "",
        "removed_at": None,
    }
    return _read(connection.execute(insert(webhooks).values(row).returning(webhooks)).one())


def listed(connection: Connection, *, removed: bool = False) -> list[Webhook]:
    """The webhooks, the oldest first; those that were removed too where asked for."""
    query = select(webhooks).order_by(webhooks.c.id)
    if not removed:
        query = query.where(webhooks.c.removed_at.is_(None))
    return [_read(row) for row in connection.execute(query)]


def get(connection: Connection, webhook_id: int) -> Webhook:
    """The webhook of a number; raises RequestError where there is none, or none any more."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).one_or_none()
    if row is None:
        raise RequestError(
            f"There is no webhook number {webhook_id}. `newsletter webhooks list` shows all."
        )
    if row.removed_at is not None:
        raise RequestError(f"Webhook {webhook_id} was removed on {row.removed_at:%Y-%m-%d}.")
    return _read(row)


def settled(connection: Connection) -> int:
    """The number of the last event, once all before it are there; in a transaction that writes.

    PostgreSQL gives out numbers before they are kept, so that a number can appear after a higher
    one, when the cursor has gone by. The lock waits until whoever is writing events has ended.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE subscriber_events IN SHARE MODE")
    return event_store.newest(connection)


def claim(connection: Connection, webhook: Webhook, now: datetime, until: datetime) -> bool:
    """Holds a webhook that is due for one run; False where another run has it."""
    held = _mine(webhook).where(webhooks.c.next_at <= now).values(next_at=until)
    return connection.execute(held).rowcount > 0


def advance(
    connection: Connection,
    webhook: Webhook,
    cursor: int,
    next_at: datetime,
    *,
    answer: str | None = None,
    lost: int = 0,
) -> Webhook | None:
    """Is done with all up to `cursor`; returns how it is then, None where another was quicker."""
    values: dict[str, Any] = {
        "cursor": cursor,
        "tries": 0,
        "next_at": next_at,
        "lost": webhooks.c.lost + lost,
    }
    if answer is not None:
        values["answer"] = answer
    return _changed(connection, webhook, values)


def postpone(
    connection: Connection, webhook: Webhook, next_at: datetime, answer: str
) -> Webhook | None:
    """Notes a try that failed; returns how it is then, None where another was quicker."""
    values = {"tries": webhook.tries + 1, "next_at": next_at, "answer": answer}
    return _changed(connection, webhook, values)


def remove(connection: Connection, webhook: Webhook, now: datetime, answer: str) -> Webhook | None:
    """Tells it nothing more; returns how it is then, None where it was removed before."""
    mine = webhooks.c.id == webhook.id, webhooks.c.removed_at.is_(None)
    removed = update(webhooks).where(*mine).values(removed_at=now, answer=answer)
    row = connection.execute(removed.returning(webhooks)).one_or_none()
    return None if row is None else _read(row)


def _changed(connection: Connection, webhook: Webhook, values: dict[str, Any]) -> Webhook | None:
    row = connection.execute(_mine(webhook).values(values).returning(webhooks)).one_or_none()
    return None if row is None else _read(row)


def _mine(webhook: Webhook) -> Any:
    return update(webhooks).where(
        webhooks.c.id == webhook.id,
        webhooks.c.cursor == webhook.cursor,
        webhooks.c.tries == webhook.tries,
        webhooks.c.removed_at.is_(None),
    )


def _read(row: Row[Any]) -> Webhook:
    kinds = frozenset(EventKind(one) for one in row.kinds)
    return Webhook(**{**row._mapping, "kinds": kinds})
