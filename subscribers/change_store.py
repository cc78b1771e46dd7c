"""Keeps addresses that readers want their mail sent to instead, on a caller's connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from subscribers import addresses, event_store, store
from subscribers.errors import AddressError, UnknownSubscriber
from subscribers.events import EventKind
from subscribers.model import State, Subscriber
from subscribers.schema import address_changes, subscribers


@dataclass(frozen=True, kw_only=True)
class Change:
    """An address asked for."""

    id: int
    subscriber_id: int
    address: str  # normalised
    asked_at: datetime
    done_at: datetime | None = None


def ask(connection: Connection, subscriber_id: int, address: str, now: datetime) -> Change:
    """Notes that a reader wants another address, in place of what was asked for before.

    Raises AddressError.
    """
    forget(connection, subscriber_id)  # one wish at a time: a mistyped address must not win later
    row: dict[str, Any] = {
        "subscriber_id": subscriber_id,
        "address": addresses.normalise(address),
        "asked_at": now,
    }
    made = connection.execute(insert(address_changes).values(row).returning(address_changes.c.id))
    return Change(id=made.scalar_one(), **row)


def find(connection: Connection, change_id: int) -> Change:
    """A change by its number; raises UnknownSubscriber where it is not there any more."""
    query = select(address_changes).where(address_changes.c.id == change_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownSubscriber("This change of address is not wanted any more.")
    return Change(**row._mapping)


def finish(connection: Connection, change: Change, now: datetime, by: str) -> Subscriber:
    """Gives a reader the address; twice is once. Raises AddressError where another one has it."""
    reader = store.by_id(connection, change.subscriber_id, lock=True)
    if change.done_at is not None or reader.address == change.address:
        return reader
    other = store.find(connection, change.address, lock=True)
    if other is not None and other.id != reader.id and other.state is State.CONFIRMED:
        raise AddressError(f"{change.address} is subscribed already; unsubscribe it there first.")
    if other is not None and other.id != reader.id:
        store.erase(connection, other.id, now, by)  # who had left, or never confirmed
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == reader.id)
        .values(
            address=change.address,
            address_key=addresses.key(change.address),
            domain=addresses.domain(change.address),
        )
    )
    connection.execute(
        update(address_changes).where(address_changes.c.id == change.id).values(done_at=now)
    )
    event_store.append(connection, reader.id, EventKind.CHANGED, now, by)
    return store.by_id(connection, reader.id)


def forget(connection: Connection, subscriber_id: int) -> None:
    """Forgets every address a reader asked for."""
    mine = address_changes.c.subscriber_id == subscriber_id
    connection.execute(delete(address_changes).where(mine))
