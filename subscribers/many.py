"""Runs one statement for very many rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Update
from sqlalchemy.sql.compiler import SQLCompiler

Statement = Insert | Update | Delete
Ready = Callable[[Any], Any] | None


def run_many(
    connection: Connection, statement: Statement, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Runs a statement once a row; returns how many rows of the table that changed, on SQLite.

    The statement is one that is built once; the rows, one at least, name the same values, two or
    more. On SQLite they are made ready a name at a time and handed to the driver: to have
    SQLAlchemy go over every value of every row costs as much again as writing them.
    """
    if connection.dialect.name != "sqlite":
        return connection.execute(statement, rows).rowcount
    text, values_of, how = _compiled(statement, tuple(rows[0]), connection.dialect)
    by_name = zip(*map(values_of, rows), strict=True)
    ready = [map(make, one) if make else one for one, make in zip(by_name, how, strict=True)]
    return connection.exec_driver_sql(text, list(zip(*ready, strict=True))).rowcount


@lru_cache(maxsize=64)
def _compiled(
    statement: Statement, names: tuple[str, ...], dialect: Dialect
) -> tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]], list[Ready]]:
    """The text, what takes a row's values in the order of the text, and what makes each ready."""
    compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=names)
    places = compiled.positiontup or ()
    kinds = [compiled.binds[one].type.dialect_impl(dialect) for one in places]
    return compiled.string, itemgetter(*places), [one.bind_processor(dialect) for one in kinds]
