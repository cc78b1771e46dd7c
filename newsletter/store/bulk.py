"""Writes many rows by the driver's own executemany, where SQLAlchemy would look at every value.

What is written is said once, a `Bulk` a table. Rows are tuples of its columns, and values are what
the columns' types take; but of JSON it is the text, so that what stands in two places is encoded
once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.store.insert import Insert

Values = tuple[Any, ...]
Process = Callable[[Any], Any]
_INSERTS: dict[str, Callable[[Table], Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


class Bulk:
    """Rows of some columns of a table, told apart by `key`."""

    def __init__(self, table: Table, columns: Sequence[str], key: Sequence[str]) -> None:
        """`columns` stand in the table's own order."""
        self._table = table
        self._columns = tuple(columns)
        self._key = tuple(key)
        self._order = itemgetter(*(self._columns.index(name) for name in key))

    def put(self, connection: Connection, rows: list[Values]) -> None:
        """Inserts rows, or overwrites those of the same key; `rows` are put in order.

        Written in the order of the key, so that two writers never wait for each other.
        """
        rows.sort(key=self._order)
        self._run(connection, rows, overwrites=True)

    def add(self, connection: Connection, rows: list[Values]) -> int:
        """Inserts the rows whose key is not there yet; returns how many those are, on SQLite.

        Elsewhere drivers do not count the rows of many statements.
        """
        return self._run(connection, rows, overwrites=False)

    def _run(self, connection: Connection, rows: list[Values], *, overwrites: bool) -> int:
        if not rows:
            return 0
        statement, processes, names = _prepared(connection.dialect, self, overwrites)
        if processes:
            columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
            for place, process in processes:
                columns[place] = [*map(_Once(process).__getitem__, columns[place])]
            rows = list(zip(*columns, strict=True))
        given: Any = rows
        if names:
            given = [dict(zip(names, row, strict=True)) for row in rows]
        return connection.exec_driver_sql(statement, given).rowcount

    def prepare(
        self, dialect: Dialect, *, overwrites: bool
    ) -> tuple[str, list[tuple[int, Process]], tuple[str, ...]]:
        """The statement, what makes values ready by place, and names where values go by name."""
        insert = _INSERTS[dialect.name](self._table)
        if overwrites:
            written = {name: insert.excluded[name] for name in self._columns}
            for name in self._key:
                del written[name]
            insert = insert.on_conflict_do_update(index_elements=list(self._key), set_=written)
        else:
            insert = insert.on_conflict_do_nothing()
        compiled = insert.compile(dialect=dialect, column_keys=list(self._columns))
        processes = list[tuple[int, Process]]()
        for place, name in enumerate(self._columns):
            kind = self._table.c[name].type
            process = kind.dialect_impl(dialect).bind_processor(dialect)
            if process is not None and not isinstance(kind, JSON):
                processes.append((place, process))
        return str(compiled), processes, () if dialect.positional else self._columns


class _Once(dict[Any, Any]):
    """Makes each value ready once: a day or an instant stands in many rows."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process

    def __missing__(self, value: Any) -> Any:
        ready = self[value] = self._process(value)
        return ready


@lru_cache(maxsize=64)  # a dialect is one engine's own
def _prepared(
    dialect: Dialect, bulk: Bulk, overwrites: bool
) -> tuple[str, list[tuple[int, Process]], tuple[str, ...]]:
    return bulk.prepare(dialect, overwrites=overwrites)
