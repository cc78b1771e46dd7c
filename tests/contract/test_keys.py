"""Keys of the JSON API in the store, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.errors import RequestError
from newsletter.scopes import Scope
from newsletter.store import keys
from newsletter.store.database import Database
from newsletter.store.keys import ApiKey
from newsletter.store.schema import api_keys

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = "tp_" + "k" * 43


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.upgrade()
    yield made
    made.close()


def find(database: Database, text: str, now: datetime = NOON) -> ApiKey | None:
    with database.write() as connection:
        found = keys.look(connection, text, now)
        if found is None:
            return None
        key, is_stale = found
        if is_stale:
            keys.note(connection, key, now)
        return key


def used(database: Database) -> datetime | None:
    with database.read() as connection:
        (one,) = keys.listed(connection)
    return one.used_at


def test_a_key_is_found_by_its_text_alone(database: Database) -> None:
    """With its scopes; nothing of the text is kept, and no other text finds it."""
    scopes = [Scope.READ, Scope.STATUS, Scope.READ]
    with database.write() as connection:
        made = keys.add(connection, TEXT, "dashboard", scopes, NOON)
        keys.add(connection, TEXT[:-1] + "x", "other", [Scope.READ], NOON)
    assert find(database, TEXT) == made
    assert made == ApiKey(
        id=made.id, name="dashboard", scopes=frozenset({Scope.READ, Scope.STATUS})
    )
    for wrong in ("", "tp_", TEXT[:-1], TEXT + "k", TEXT.upper(), "é" * 46, "tp_\udc80", "x" * 999):
        assert find(database, wrong) is None
    with database.read() as connection:
        kept = repr(connection.execute(select(api_keys)).all())
        hashed = connection.scalars(select(api_keys.c.hash).order_by(api_keys.c.id)).all()
    assert TEXT not in kept
    assert find(database, hashed[0]) is None
    assert find(database, f"tp_{hashed[0]}") is None


def test_its_use_is_noted_once_an_hour(database: Database) -> None:
    """A busy key does not write at every request."""
    with database.write() as connection:
        keys.add(connection, TEXT, "dashboard", [Scope.READ], NOON)
    assert used(database) is None
    find(database, "tp_other")
    assert used(database) is None
    for now, noted in (
        (NOON, NOON),
        (NOON + 0.9 * HOUR, NOON),
        (NOON + HOUR, NOON + HOUR),
        (NOON, NOON + HOUR),  # a clock that went back
    ):
        assert find(database, TEXT, now) is not None
        assert used(database) == noted


def test_a_revoked_key_is_none(database: Database) -> None:
    """It stays in the list; what cannot be revoked is told."""
    with database.write() as connection:
        made = keys.add(connection, TEXT, "dashboard", [Scope.READ], NOON)
    with database.write() as connection:
        assert keys.revoke(connection, made.id, NOON) == made
    assert find(database, TEXT) is None
    with database.write() as connection:
        (one,) = keys.listed(connection)
        assert one.revoked_at == NOON
        assert keys.listed(connection, revoked=False) == []
        with pytest.raises(RequestError, match="revoked already, on 2026-03-11"):
            keys.revoke(connection, made.id, NOON)
        with pytest.raises(RequestError, match="no key number 99"):
            keys.revoke(connection, 99, NOON)
