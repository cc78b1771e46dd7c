"""A database as the first release left it: `tests/releases/` says how it came to be."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Connection, Date, DateTime, MetaData, Table, insert, select, text

from newsletter.store.database import Database

HERE = Path(__file__).parent / "releases"
PAGE = HERE / "page.txt"  # the papers it had collected
SECRET = "what the tests of upgrades sign with"
LEAVE = "1.lcuezOK2iSA-ilSmTHBjvg"  # of the mail it sent: ends Asa's subscription
TABLES = ("papers", "observations", "issues", "issue_papers", "subscribers", "deliveries")
NUMBERED = ("issues", "subscribers", "deliveries")

Rows = dict[str, list[dict[str, Any]]]


LATER = timedelta(hours=6)  # what was left of yesterday is news for 36 hours: all of today


def put(url: str, day: date | None = None) -> Rows:
    """Fills an empty database with it, as if it had been written on a day; by default yesterday.

    Returns what stands in it.
    """
    day = day or (datetime.now(UTC) - timedelta(days=1)).date()
    kept = json.loads((HERE / "0.1.0.json").read_text().replace("DAY", day.isoformat()))
    database = Database(url)
    to(database, "0001")
    with database.write() as connection:
        known = _known(connection)
        for name in TABLES:
            table = known.tables[name]
            rows = [_typed(table, row, embedded=database.embedded) for row in kept[name]]
            connection.execute(insert(table), rows)
            if name in NUMBERED and not database.embedded:
                connection.execute(
                    text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))")
                )
    found = rows_of(database)
    database.close()
    return found


def to(database: Database, revision: str) -> None:
    """Migrates no further than a revision."""
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def rows_of(database: Database, like: Rows | None = None) -> Rows:
    """All rows of the first release's tables; with `like` the columns that it has."""
    found: Rows = {}
    with database.read() as connection:
        known = _known(connection)
        for name in TABLES:
            table = known.tables[name]
            columns = list(like[name][0]) if like else [one.name for one in table.columns]
            query = select(*(table.c[one] for one in columns)).order_by(*table.primary_key)
            found[name] = [dict(row._mapping) for row in connection.execute(query)]
    return found


def _known(connection: Connection) -> MetaData:
    known = MetaData()
    known.reflect(connection, only=TABLES)
    return known


def _typed(table: Table, row: dict[str, Any], *, embedded: bool) -> dict[str, Any]:
    return {name: _value(table.c[name], value, embedded=embedded) for name, value in row.items()}


def _value(column: Column[Any], value: Any, *, embedded: bool) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if isinstance(column.type, DateTime):
        at = datetime.fromisoformat(value) + LATER
        return at if embedded else at.replace(tzinfo=UTC)
    return date.fromisoformat(value) if isinstance(column.type, Date) else value
