"""Keeps the vectors of texts, so that a text is put to a model once, on a caller's connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from newsletter.store.insert import put_rows
from newsletter.store.schema import text_vectors

CHUNK = 500


def find(connection: Connection, keys: Sequence[str]) -> dict[str, bytes]:
    """The vectors of those keys that have one."""
    found: dict[str, bytes] = {}
    for start in range(0, len(keys), CHUNK):
        query = select(text_vectors.c.key, text_vectors.c.vector).where(
            text_vectors.c.key.in_(keys[start : start + CHUNK])
        )
        found |= {row.key: row.vector for row in connection.execute(query)}
    return found


def stale(connection: Connection, keys: Sequence[str], before: datetime) -> list[str]:
    """Those of the keys that were not asked for since an instant, in order."""
    found: list[str] = []
    for start in range(0, len(keys), CHUNK):
        mine = text_vectors.c.key.in_(keys[start : start + CHUNK])
        query = select(text_vectors.c.key).where(mine, text_vectors.c.asked_at < before)
        found += connection.scalars(query)
    return sorted(found)


def keep(connection: Connection, vectors: Mapping[str, bytes], now: datetime) -> None:
    """Keeps vectors by key."""
    rows = [{"key": key, "vector": one, "asked_at": now} for key, one in vectors.items()]
    for start in range(0, len(rows), CHUNK):
        put_rows(connection, text_vectors, rows[start : start + CHUNK], key=("key",))


def used(connection: Connection, keys: Sequence[str], now: datetime) -> None:
    """Notes that vectors are still asked for."""
    for start in range(0, len(keys), CHUNK):
        mine = text_vectors.c.key.in_(keys[start : start + CHUNK])
        connection.execute(update(text_vectors).where(mine).values(asked_at=now))


def forget(connection: Connection, before: datetime) -> None:
    """Drops what nobody asked for since an instant."""
    connection.execute(delete(text_vectors).where(text_vectors.c.asked_at < before))
