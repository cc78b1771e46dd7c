"""Keeps suppressions, on a connection the caller opened. The rule is `suppression.py`'s."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from subscribers import addresses
from subscribers.errors import NotSuppressed
from subscribers.schema import suppressions
from subscribers.suppression import Suppression, SuppressionKind


def put(connection: Connection, new: Suppression) -> Suppression:
    """Keeps a suppression unless a weightier one holds; returns the one that holds then."""
    query = select(suppressions).where(suppressions.c.address_key == new.address_key)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is not None and row.lifted_at is None:
        before = _read(row)
        if not new.kind.outweighs(before.kind):
            return before
    forgiven_at = row.forgiven_at if row is not None else None
    values = vars(new) | {"kind": new.kind.value, "forgiven_at": forgiven_at}
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        insert(suppressions)
        .values(values)
        .on_conflict_do_update(index_elements=["address_key"], set_=values)
    )
    return new


def lift(
    connection: Connection, address_key: str, now: datetime, by: str, *, forgive: bool
) -> Suppression | None:
    """Lifts a suppression; returns it, None if there is none.

    To forgive is to count no more what was sent before; else the facts stay what they were.
    """
    before = find(connection, address_key)
    if before is None or before.lifted_at is not None:
        return None
    values = {"lifted_at": now, "lifted_by": by} | ({"forgiven_at": now} if forgive else {})
    connection.execute(
        update(suppressions)
        .where(suppressions.c.address_key == address_key, suppressions.c.lifted_at.is_(None))
        .values(values)
    )
    return before


def release(connection: Connection, address: str, now: datetime, by: str) -> Suppression:
    """Lifts the suppression of an address as typed; raises AddressError or NotSuppressed."""
    address = addresses.normalise(address)
    lifted = lift(connection, addresses.key(address), now, by, forgive=True)
    if lifted is None:
        raise NotSuppressed(
            f"{address} is not suppressed. `newsletter subscribers suppressions` lists who is."
        )
    return lifted


def find(connection: Connection, address_key: str) -> Suppression | None:
    """The latest word on an address, in force or not."""
    query = select(suppressions).where(suppressions.c.address_key == address_key)
    row = connection.execute(query).one_or_none()
    return None if row is None else _read(row)


def forget(connection: Connection, address_key: str) -> None:
    """Forgets that an address was ever suppressed."""
    connection.execute(delete(suppressions).where(suppressions.c.address_key == address_key))


def listed(
    connection: Connection,
    *,
    kind: SuppressionKind | None = None,
    lifted: bool = False,
    limit: int | None = None,
) -> list[Suppression]:
    """Suppressions, the newest first; those lifted too if asked for."""
    query = select(suppressions).order_by(suppressions.c.at.desc(), suppressions.c.id.desc())
    if kind is not None:
        query = query.where(suppressions.c.kind == kind)
    if not lifted:
        query = query.where(suppressions.c.lifted_at.is_(None))
    return [_read(row) for row in connection.execute(query.limit(limit))]


def silenced(
    connection: Connection, address_keys: list[str], now: datetime
) -> dict[str, Suppression]:
    """Which of these addresses get nothing now, by their keys."""
    query = select(suppressions).where(suppressions.c.address_key.in_(address_keys), holds(now))
    return {row.address_key: _read(row) for row in connection.execute(query)}


def holds(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """`Suppression.silences` in SQL."""
    return and_(
        suppressions.c.lifted_at.is_(None),
        or_(suppressions.c.until.is_(None), suppressions.c.until > now),
    )


def _read(row: Row[Any]) -> Suppression:
    values = dict(row._mapping) | {"kind": SuppressionKind(row.kind)}
    del values["id"]
    return Suppression(**values)
