"""Keeps who may use the JSON API for what, on a caller's connection.

Of a key only its SHA-256 is kept. It has 256 bits of chance, so no slow hash is needed: nobody
guesses it. And it is looked up by its hash, so how long that takes tells nothing of the key: who
alters one sign of it alters all of its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, insert, or_, select, update

from newsletter.errors import RequestError
from newsletter.scopes import Scope
from newsletter.store.schema import api_keys

PREFIX = "tp_"  # so that people and scanners of leaked secrets know what it is
LONGEST = 128  # characters of what is looked up; ours have 46
USED_EVERY = timedelta(hours=1)  # so that a busy key does not write at every request

_SHOWN = (api_keys.c.id, api_keys.c.name, api_keys.c.scopes)


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """Who asks, and what they may."""

    id: int
    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, kw_only=True)
class KeptKey(ApiKey):
    """A key as it is listed."""

    created_at: datetime
    used_at: datetime | None  # to the hour
    revoked_at: datetime | None


def add(
    connection: Connection, key_text: str, name: str, scopes: Iterable[Scope], now: datetime
) -> ApiKey:
    """Keeps a new key, by its hash."""
    row = {
        "name": name,
        "hash": _hash(key_text),
        "scopes": sorted(set(scopes)),
        "created_at": now,
        "used_at": None,
        "revoked_at": None,
    }
    return _key(connection.execute(insert(api_keys).values(row).returning(*_SHOWN)).one())


def listed(connection: Connection, *, revoked: bool = True) -> list[KeptKey]:
    """All keys, the oldest first; without `revoked` those that can be used."""
    query = select(api_keys).order_by(api_keys.c.id)
    if not revoked:
        query = query.where(api_keys.c.revoked_at.is_(None))
    return [
        KeptKey(
            **vars(_key(row)),
            created_at=row.created_at,
            used_at=row.used_at,
            revoked_at=row.revoked_at,
        )
        for row in connection.execute(query)
    ]


def revoke(connection: Connection, key_id: int, now: datetime) -> ApiKey:
    """Ends a key for good; raises RequestError where there is none that can be used."""
    row = connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(*_SHOWN)
    ).one_or_none()
    if row is not None:
        return _key(row)
    ended = connection.scalar(select(api_keys.c.revoked_at).where(api_keys.c.id == key_id))
    if ended is None:
        raise RequestError(f"There is no key number {key_id}. `newsletter keys list` shows all.")
    raise RequestError(f"Key {key_id} was revoked already, on {ended:%Y-%m-%d}.")


def look(connection: Connection, key_text: str, now: datetime) -> tuple[ApiKey, bool] | None:
    """The key that has this text, and whether its use is to be noted; None for all that is none."""
    if not is_like_one(key_text):
        return None
    row = connection.execute(
        select(*_SHOWN, api_keys.c.used_at).where(
            api_keys.c.hash == _hash(key_text), api_keys.c.revoked_at.is_(None)
        )
    ).one_or_none()
    if row is None:
        return None
    return _key(row), row.used_at is None or row.used_at <= now - USED_EVERY


def note(connection: Connection, key: ApiKey, now: datetime) -> None:
    """Notes that a key was used, at most once an hour, in a transaction that writes."""
    stale = or_(api_keys.c.used_at.is_(None), api_keys.c.used_at <= now - USED_EVERY)
    mine = update(api_keys).where(api_keys.c.id == key.id, stale)
    connection.execute(mine.values(used_at=now))


def is_like_one(key_text: str) -> bool:
    """Whether a text can be a key at all."""
    return key_text.startswith(PREFIX) and len(key_text) <= LONGEST


def _hash(key_text: str) -> str:
    return hashlib.sha256(key_text.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: Row[*tuple[object, ...]]) -> ApiKey:
    scopes = frozenset(Scope(one) for one in row.scopes)
    return ApiKey(id=row.id, name=row.name, scopes=scopes)
