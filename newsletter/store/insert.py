"""Inserts that expect to find rows already there, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")


def insert_new(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    returning: ColumnElement[T],
) -> list[T]:
    """Inserts the rows whose unique keys are not there yet; returns a column of those."""
    if not rows:
        return []
    statement = _insert(connection, table).values(list(rows)).on_conflict_do_nothing()
    return list(connection.scalars(statement.returning(returning)))


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Collection[str],
    keep: Collection[str] = (),
) -> None:
    """Inserts rows, or overwrites those of the same `key` in all columns but `keep`."""
    if not rows:
        return
    statement = _insert(connection, table).values(list(rows))
    written = {
        name: statement.excluded[name] for name in rows[0] if name not in key and name not in keep
    }
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=written))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
