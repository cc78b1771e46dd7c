"""Keeps the tables of the queue: those of the library that reads them, in a schema of their own.

Nothing in a queue has to last, for the clock makes its jobs anew. So where another version of the
library wants other tables they are made afresh, without what was waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from sqlalchemy import text

from newsletter.errors import StoreError
from newsletter.store.database import Connection, Database

SCHEMA = "newsletter_queue"
FIND = f"SET search_path TO {SCHEMA}"
_MARK = "made of "


def prepare(database: Database, script: str) -> None:
    """Raises StoreError where the tables are not those that the script makes."""
    with database.read() as connection:
        found = _mark(connection)
    if found != _mark_of(script):
        raise StoreError(
            f"The database has {'other' if found else 'no'} tables for the queue of "
            "schedule.engine. Run `newsletter db upgrade`."
        )


def make(database: Database, script: str) -> bool:
    """Makes them by the script, in one transaction; False where they were there already."""
    with database.write() as connection:
        mark = _mark_of(script)
        if _mark(connection) == mark:
            return False
        # Without parameters the driver takes many statements in one text.
        whole = connection.execution_options(no_parameters=True)
        whole.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        whole.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        whole.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}")
        whole.exec_driver_sql(script)
        whole.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{mark}'")
        return True


@contextmanager
def writing(database: Database) -> Iterator[Any]:
    """A transaction of the driver's own kind, in which the library finds its tables.

    All of it is kept, or after an error nothing. Raises StoreError.
    """
    with database.write() as connection:
        connection.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}")
        yield connection.connection.driver_connection


def _mark_of(script: str) -> str:
    return _MARK + sha256(script.encode()).hexdigest()[:16]


def _mark(connection: Connection) -> str | None:
    query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :name"
    found: str | None = connection.scalar(text(query), {"name": SCHEMA})
    return found
