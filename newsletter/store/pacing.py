"""What has been used of every rate, and which domains are gone easy on; shared by all senders.

Rows are taken for update, so that two senders never use the same room. A rate that is not limited
has no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, select, update

from newsletter.delivery import DeliveryState
from newsletter.pacing import Slowdown
from newsletter.store.insert import append, put_rows
from newsletter.store.schema import day_counts, deliveries, rates, slowdowns
from subscribers.schema import subscribers


def kept(connection: Connection, names: Iterable[str], now: datetime) -> dict[str, datetime]:
    """What is kept of these rates, ours alone until the transaction ends."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    append(connection, rates, [{"name": name, "kept": now, "tail": now} for name in wanted])
    rows = connection.execute(
        select(rates.c.name, rates.c.kept)
        .where(rates.c.name.in_(wanted))
        .order_by(rates.c.name)  # always the same way round: nobody waits in a circle
        .with_for_update()
    )
    return {row.name: row.kept for row in rows}


def keep(connection: Connection, used: Mapping[str, datetime]) -> None:
    """Writes what is kept of rates from now on."""
    for name, instant in sorted(used.items()):
        connection.execute(update(rates).where(rates.c.name == name).values(kept=instant))


def tail(connection: Connection, name: str, now: datetime) -> datetime:
    """Up to when messages that have to wait have been given an instant."""
    append(connection, rates, [{"name": name, "kept": now, "tail": now}])
    query = select(rates.c.tail).where(rates.c.name == name).with_for_update()
    found: datetime = connection.execute(query).scalar_one()
    return max(found, now)


def set_tail(connection: Connection, name: str, instant: datetime) -> None:
    """Moves that instant."""
    connection.execute(update(rates).where(rates.c.name == name).values(tail=instant))


def forget_tails(connection: Connection, now: datetime) -> None:
    """Gives instants anew from now on: what had them no longer keeps to them.

    Always safe. Where some still do, a few messages come in vain and are put off again.
    """
    later = select(rates.c.name).where(rates.c.tail > now)
    for name in connection.scalars(later.order_by(rates.c.name).with_for_update()).all():
        set_tail(connection, name, now)


def used_on(connection: Connection, name: str, day: date) -> int:
    """How many a transport that warms up has carried on a day, ours alone from here on."""
    append(connection, day_counts, [{"name": name, "day": day, "used": 0}])
    query = select(day_counts.c.used).where(day_counts.c.name == name, day_counts.c.day == day)
    found: int = connection.execute(query.with_for_update()).scalar_one()
    return found


def use_on(connection: Connection, name: str, day: date, number: int) -> None:
    """Counts some more."""
    connection.execute(
        update(day_counts)
        .where(day_counts.c.name == name, day_counts.c.day == day)
        .values(used=day_counts.c.used + number)
    )


def under_way(connection: Connection, domain: str, now: datetime) -> int:
    """How many messages to a domain all senders have under way."""
    query = (
        select(func.count())
        .select_from(deliveries)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(deliveries.c.state == DeliveryState.SENDING, deliveries.c.lease_until > now)
        .where(subscribers.c.domain == domain)
    )
    return connection.execute(query).scalar_one()


def put_off(connection: Connection, owner: str, until: Mapping[tuple[int, int], datetime]) -> None:
    """Gives claims (delivery, attempt) back, not to be tried before an instant each."""
    for (delivery_id, attempt), instant in until.items():
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.owner == owner)
            .where(deliveries.c.attempt == attempt)
            .where(deliveries.c.state.in_((DeliveryState.QUEUED, DeliveryState.DEFERRED)))
            .values(owner=None, lease_until=None, next_at=instant)
        )


def call_back(connection: Connection, domain: str, now: datetime) -> int:
    """Makes due again what was put off to a domain; returns how many those were.

    A delivery never tried whose hour has come can wait for nothing else.
    """
    theirs = select(subscribers.c.id).where(subscribers.c.domain == domain)
    set_tail(connection, domain, now)  # first: whoever holds a tail may go on to deliveries
    return connection.execute(
        update(deliveries)
        .where(deliveries.c.state == DeliveryState.QUEUED, deliveries.c.next_at > now)
        .where(deliveries.c.due_at <= now, deliveries.c.subscriber_id.in_(theirs))
        .values(next_at=now)
    ).rowcount


def slow(connection: Connection) -> dict[str, Slowdown]:
    """The domains that are gone easy on."""
    rows = connection.execute(select(slowdowns).order_by(slowdowns.c.domain))
    return {row.domain: Slowdown(**row._mapping) for row in rows}


def slow_of(connection: Connection, domain: str) -> Slowdown | None:
    """How one domain is gone easy on, ours alone until the transaction ends."""
    query = select(slowdowns).where(slowdowns.c.domain == domain).with_for_update()
    row = connection.execute(query).one_or_none()
    return Slowdown(**row._mapping) if row else None


def put_slow(connection: Connection, one: Slowdown) -> None:
    """Keeps how a domain is gone easy on."""
    put_rows(connection, slowdowns, [asdict(one)], key=["domain"])


def forget_slow(connection: Connection, domain: str) -> None:
    """The domain is like any other again."""
    connection.execute(delete(slowdowns).where(slowdowns.c.domain == domain))
