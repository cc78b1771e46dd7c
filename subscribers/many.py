"""Runs one statement for very many rows, by the driver's own executemany.

To have SQLAlchemy go over every value of every row costs as much again as writing them. Here a
statement is compiled once, and values are made ready by its types, a name at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Dialect, Insert, Update
from sqlalchemy.sql.compiler import SQLCompiler

Statement = Insert | Update | Delete


class _Compiled(NamedTuple):
    """A statement as the driver takes it."""

    text: str
    places: tuple[int, ...]  # of the values it takes, in its order, among those that are given
    how: tuple[Callable[[Any], Any] | None, ...]  # what makes each of them ready
    names: tuple[str, ...]  # where values go by name; empty where by place


def run_many(
    connection: Connection, statement: Statement, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Runs a statement once a row; returns how many rows of the table that changed, on SQLite.

    The statement is one that is built once; the rows, one at least, name the same values, two or
    more. PostgreSQL's driver has SQLAlchemy's own way of sending many at once.
    """
    if connection.dialect.name != "sqlite":
        return connection.execute(statement, rows).rowcount
    names = tuple(rows[0])
    return run_rows(connection, statement, names, map(itemgetter(*names), rows))


def run_rows(
    connection: Connection,
    statement: Statement,
    names: tuple[str, ...],
    rows: Iterable[tuple[Any, ...]],
    ready: frozenset[str] = frozenset(),
) -> int:
    """The same for rows whose values, one row at least, stand in the order of `names`.

    Of those in `ready` the driver is given what stands there: the text of JSON, say.
    """
    text, places, how, named = _compiled(statement, names, ready, connection.dialect)
    columns = list(zip(*rows, strict=True))
    made = [
        columns[at] if make is None else map(make, columns[at])
        for at, make in zip(places, how, strict=True)
    ]
    given: Any = list(zip(*made, strict=True))
    if named:
        given = [dict(zip(named, row, strict=True)) for row in given]
    return connection.exec_driver_sql(text, given).rowcount


@lru_cache(maxsize=64)  # a dialect is one engine's own
def _compiled(
    statement: Statement, names: tuple[str, ...], ready: frozenset[str], dialect: Dialect
) -> _Compiled:
    compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=names)
    by_place = tuple(compiled.positiontup or ())
    taken = by_place or tuple(name for name in compiled.binds if name in names)
    kinds = [compiled.binds[one].type.dialect_impl(dialect) for one in taken]
    return _Compiled(
        text=compiled.string,
        places=tuple(map(names.index, taken)),
        how=tuple(
            None if name in ready else kind.bind_processor(dialect)
            for name, kind in zip(taken, kinds, strict=True)
        ),
        names=() if by_place else taken,
    )
