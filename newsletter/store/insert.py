"""Inserts that expect to find rows already there, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from subscribers.many import run_many

T = TypeVar("T")
Insert = sqlite.Insert | postgresql.Insert


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
    return list(connection.scalars(_new(connection.dialect.name, table, returning), list(rows)))


def put_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]
) -> None:
    """Inserts rows of the same columns, or overwrites those of the same `key`.

    Written in the order of the key, so that two writers never wait for each other.
    """
    if not rows:
        return
    statement = put(connection.dialect.name, table, tuple(rows[0]), tuple(key))
    connection.execute(statement, sorted(rows, key=lambda row: [row[name] for name in key]))


def append(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Inserts the rows whose primary keys are not there yet; returns how many those are."""
    if not rows:
        return 0
    if connection.dialect.name == "postgresql":  # psycopg counts no rows of many statements
        return len(insert_new(connection, table, rows, returning=next(iter(table.primary_key))))
    return run_many(connection, added(connection.dialect.name, table), rows)


@cache
def added(dialect: str, table: Table) -> Insert:
    """Inserts a row unless one of its key is there."""
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _new(dialect: str, table: Table, returning: ColumnElement[T]) -> ReturningInsert[tuple[T]]:
    return added(dialect, table).returning(returning)


@cache
def put(dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> Insert:
    """Inserts a row of some columns, or overwrites the one of the same `key`."""
    statement = _insert(dialect, table)
    written = {name: statement.excluded[name] for name in columns if name not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=written)


def _insert(dialect: str, table: Table) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
