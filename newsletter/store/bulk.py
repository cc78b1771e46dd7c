"""Writes many rows of one table: what is written is said once, a `Bulk` a table."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Connection, Table

from newsletter.store.insert import added, append, put
from subscribers.many import run_rows

Values = tuple[Any, ...]


class Bulk:
    """Rows of some columns of a table, told apart by `key`.

    Rows are tuples of the columns, and values are what the columns' types take; but of JSON it is
    the text, so that what stands in two places is encoded once.
    """

    def __init__(self, table: Table, columns: Sequence[str], key: Sequence[str]) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._key = tuple(key)
        self._order = itemgetter(*(self._columns.index(name) for name in key))
        self._texts = frozenset(one for one in columns if isinstance(table.c[one].type, JSON))

    def put(self, connection: Connection, rows: list[Values]) -> None:
        """Inserts rows, or overwrites those of the same key; `rows` are put in order.

        Written in the order of the key, so that two writers never wait for each other.
        """
        if rows:
            rows.sort(key=self._order)
            statement = put(connection.dialect.name, self._table, self._columns, self._key)
            run_rows(connection, statement, self._columns, rows, self._texts)

    def add(self, connection: Connection, rows: list[Values]) -> int:
        """Inserts the rows whose key, the table's own, is not there yet; returns how many they are.

        Of a table without JSON.
        """
        if not rows:
            return 0
        if connection.dialect.name == "postgresql":  # psycopg counts no rows of many statements
            told = [dict(zip(self._columns, row, strict=True)) for row in rows]
            return append(connection, self._table, told)
        statement = added(connection.dialect.name, self._table)
        return run_rows(connection, statement, self._columns, rows, self._texts)
