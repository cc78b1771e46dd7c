"""Rows that are handed to SQLite's driver at once are those that SQLAlchemy would have written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Table,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.sql import bindparam

from newsletter.errors import StoreError
from newsletter.store.database import Connection, Database
from subscribers.many import run_many
from subscribers.schema import Instant

OSLO = timezone(timedelta(hours=1))
THEN = datetime(2026, 3, 5, 8, 0, tzinfo=OSLO)

kinds = Table(
    "kinds",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", Instant),
    Column("day", Date),
    Column("yes", Boolean),
    Column("what", JSON),
)
ADD = insert(kinds)
MOVE = (
    update(kinds)
    .where(kinds.c.id == bindparam("number"), kinds.c.at == bindparam("seen"))
    .values(at=bindparam("to_at"))
)
ROWS: list[dict[str, Any]] = [
    {"what": [1, "å"], "id": 1, "at": THEN, "day": date(2026, 3, 5), "yes": True},
    {"what": {}, "id": 2, "at": None, "day": None, "yes": None},
    {"what": None, "id": 3, "at": THEN + timedelta(microseconds=7), "day": None, "yes": False},
]


@pytest.fixture
def database(database_url: str) -> Database:
    made = Database(database_url)
    with made.write() as connection:
        kinds.create(connection)
    return made


def stored(connection: Connection) -> list[tuple[Any, ...]]:
    """The rows as the database keeps them, whatever a type makes of them."""
    return [tuple(row) for row in connection.execute(text("SELECT * FROM kinds ORDER BY id"))]


def test_many_rows_are_kept_as_one_is(database: Database) -> None:
    """Values of every kind, named in another order than the table's, and what is missing."""
    with database.write() as connection:
        for row in ROWS:
            connection.execute(ADD, row)
        one_by_one = stored(connection)
        connection.execute(kinds.delete())
        run_many(connection, ADD, ROWS)
        assert stored(connection) == one_by_one
        found = [row._asdict() for row in connection.execute(select(kinds).order_by(kinds.c.id))]
        assert found == ROWS
    database.close()


def test_only_what_stands_as_it_was_seen_is_changed(database: Database) -> None:
    """Conditions are compared with values made ready in the same way; SQLite tells how many met."""
    later = THEN.astimezone(UTC) + timedelta(days=1)
    moves = [
        {"number": 1, "seen": THEN.astimezone(UTC), "to_at": later},
        {"number": 3, "seen": THEN, "to_at": later},  # it is seven microseconds after that
    ]
    with database.write() as connection:
        run_many(connection, ADD, ROWS)
        changed = run_many(connection, MOVE, moves)
        times = list(connection.scalars(select(kinds.c.at).order_by(kinds.c.id)))
    assert times == [later, None, ROWS[2]["at"]]
    assert changed == 1 or not database.embedded
    database.close()


def test_an_instant_is_kept_as_a_datetime_is(database: Database) -> None:
    """So that what older versions wrote compares with what is written now."""
    plain = Table("kinds", MetaData(), Column("id", Integer), Column("at", DateTime(timezone=True)))
    with database.write() as connection:
        run_many(connection, ADD, ROWS)
        written = stored(connection)
        utc = THEN.astimezone(UTC)
        connection.execute(update(plain).where(plain.c.id == 1).values(at=utc))
        assert stored(connection) == written
    database.close()


@pytest.mark.parametrize(
    "written",
    ["2026-03-05 07:00:00", "2026-03-05 08:00:00+01:00", "2026-03-05 08:00:00.000+01"],
)
def test_an_instant_in_other_hands_words_is_read(tmp_path: Path, written: str) -> None:
    """SQLite keeps whatever text it is given: without a fraction, or with an offset."""
    database = Database(f"sqlite:///{tmp_path}/newsletter.db")
    with database.write() as connection:
        kinds.create(connection)
        connection.execute(text("INSERT INTO kinds (at) VALUES (:at)"), {"at": written})
        assert connection.scalar(select(kinds.c.at)) == THEN
    database.close()


def test_a_naive_instant_is_refused(database: Database) -> None:
    """Nobody knows what it would mean: one alone, or one of many."""
    naive = ROWS[0] | {"at": datetime(2026, 3, 5, 8, 0)}  # noqa: DTZ001
    with pytest.raises((StoreError, ValueError)), database.write() as connection:
        run_many(connection, ADD, [naive])
    with pytest.raises((StoreError, ValueError)), database.write() as connection:
        connection.execute(ADD, naive)
    database.close()


def test_an_hour_that_comes_twice_is_two_instants(database: Database) -> None:
    """Python takes the two for equal, so nothing that goes by equality may stand between."""
    twice = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Oslo"))
    both = [{"id": 1 + fold, "at": twice.replace(fold=fold)} for fold in (0, 1)]
    with database.write() as connection:
        run_many(connection, ADD, both)
        first, second = connection.scalars(select(kinds.c.at).order_by(kinds.c.id))
    assert second - first == timedelta(hours=1)
    database.close()
