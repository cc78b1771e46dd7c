"""Keeps a batch of a file's rows, in the transaction the caller opened, by a few statements.

A person's own choices win: who is here, has left or is suppressed stays so.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from subscribers import addresses, event_store, store, suppression_store
from subscribers.errors import PreferenceError
from subscribers.events import EventKind
from subscribers.model import Preferences, State, Subscriber
from subscribers.roster import masked
from subscribers.roster_entries import Entry, Refusal
from subscribers.schema import subscribers

BY = "import"  # what events say made them
SUBSCRIBED, CONFIRMED, CHANGED = EventKind.SUBSCRIBED, EventKind.CONFIRMED, EventKind.CHANGED


@dataclass(kw_only=True)
class Kept:
    """What came of a batch."""

    new: list[tuple[int, str]] = field(default_factory=list)  # numbers and addresses
    here: int = 0  # and left as they are
    changed: int = 0
    refused: list[Refusal] = field(default_factory=list)


def put(
    connection: Connection,
    entries: Sequence[Entry],
    now: datetime,
    *,
    hashed: Callable[[str], tuple[str, ...]],
    change: bool = False,
) -> Kept:
    """Subscribes those that are not here yet; `change` gives those here what their rows name.

    The entries have different keys; `hashed` tells what an erased one may be suppressed under.
    """
    kept = Kept()
    if not entries:
        return kept
    known = _known(connection, [one.key for one in entries])
    fresh = [one for one in entries if one.key not in known]
    names = {one.key: (one.key, *hashed(one.key)) for one in fresh}
    silenced = suppression_store.silenced(connection, list(chain(*names.values())), now)
    wanted_new = []
    for one in fresh:
        word = next((silenced[name] for name in names[one.key] if name in silenced), None)
        if word is None:
            wanted_new.append(one)
        else:
            reason = f"suppressed here: {word.reason.rstrip('.')}"
            kept.refused.append(Refusal(one.line, masked(one.address), reason))
    kept.new = _insert(connection, wanted_new, now)
    # Somebody else may have subscribed one of them in the meantime, and is not asked twice.
    kept.here = len(wanted_new) - len(kept.new)
    wanted: list[tuple[Subscriber, Preferences]] = []
    for one in entries:
        before = known.get(one.key)
        if before is None:
            continue
        if before.state is State.UNSUBSCRIBED:
            reason = f"unsubscribed here on {before.unsubscribed_at:%Y-%m-%d}"
            kept.refused.append(Refusal(one.line, masked(one.address), reason))
            continue
        kept.here += 1
        if change:
            try:
                preferences = Preferences(**{**vars(before.preferences), **one.wishes.named})
            except PreferenceError as error:
                kept.here -= 1
                refusal = Refusal(one.line, masked(one.address), str(error).rstrip("."))
                kept.refused.append(refusal)
                continue
            wanted.append((before, preferences))
    kept.changed = _change(connection, wanted, now)
    kept.here -= kept.changed
    return kept


def unite(connection: Connection, entries: Iterable[Entry], now: datetime) -> None:
    """Adds the topics of later rows to what the first row of the same address subscribed."""
    more: dict[str, frozenset[str]] = {}
    for one in entries:
        more[one.key] = more.get(one.key, frozenset()) | one.wishes.preferences.follows
    wanted = []
    for key, before in _known(connection, list(more)).items():
        own = before.preferences
        if before.state is not State.UNSUBSCRIBED:
            follows = own.follows | (more[key] - own.mutes)
            wanted.append((before, Preferences(**(vars(own) | {"follows": follows}))))
    _change(connection, wanted, now)


def leave(connection: Connection, keys: Iterable[str], now: datetime) -> None:
    """Unsubscribes those whom a later row of the same file lists as gone."""
    for before in _known(connection, list(keys)).values():
        store.unsubscribe(connection, before.id, now, BY)


class Seen:
    """What came of the addresses of a file so far, in constant memory: kept on disk by SQLite.

    It is this run's own and gone with it. The database cannot tell: it does not know who was
    refused, and a dry run writes nothing into it.
    """

    NEW, HERE, GONE = "new", "here", "gone"

    def __init__(self) -> None:
        self._file = sqlite3.connect("")  # a nameless file that is deleted when it is closed
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute("PRAGMA cache_size = -8192")  # KiB
        self._file.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, what TEXT NOT NULL) WITHOUT ROWID"
        )

    def find(self, keys: Iterable[str]) -> dict[str, str]:
        """What is noted of these addresses, by their keys."""
        named = {_short(key): key for key in keys}
        marks = ", ".join("?" * len(named))
        query = f"SELECT key, what FROM seen WHERE key IN ({marks})"  # noqa: S608  marks only
        return {named[key]: what for key, what in self._file.execute(query, list(named))}

    def note(self, keys: Mapping[str, str]) -> None:
        """Notes what came of addresses."""
        rows = sorted((_short(key), what) for key, what in keys.items())
        self._file.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", rows)

    def close(self) -> None:
        """Forgets all."""
        self._file.close()


@lru_cache(maxsize=4096)  # many readers share their preferences
def _row(preferences: Preferences) -> Mapping[str, Any]:
    return store.preferences_row(preferences)


def _short(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _known(connection: Connection, keys: list[str]) -> dict[str, Subscriber]:
    if not keys:
        return {}
    key = subscribers.c.address_key
    query = select(key, *store.COLUMNS).where(key.in_(keys)).with_for_update()
    rows = connection.execute(query.order_by(subscribers.c.id))
    return {mine: store.read(row) for mine, *row in rows}


def _insert(
    connection: Connection, entries: Sequence[Entry], now: datetime
) -> list[tuple[int, str]]:
    """The numbers and addresses of those that were not there yet."""
    if not entries:
        return []
    values: list[dict[str, Any]] = [
        {
            "address": one.address,
            "address_key": one.key,
            "domain": addresses.domain(one.address),
            "state": one.state.value,
            "consent_at": one.consent.at,
            "consent_form": one.consent.form,
            "next_due_at": now if one.state is State.CONFIRMED else None,
            **_row(one.wishes.preferences),
        }
        for one in entries
    ]
    values.sort(key=lambda row: row["address_key"])  # two writers never wait for each other
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    columns = (subscribers.c.id, subscribers.c.address, subscribers.c.state)
    statement = dialect.insert(subscribers).on_conflict_do_nothing().returning(*columns)
    done = connection.execute(statement, values).all()
    event_store.append_all(connection, [row.id for row in done], SUBSCRIBED, now, BY)
    confirmed = [row.id for row in done if row.state == State.CONFIRMED]
    event_store.append_all(connection, confirmed, CONFIRMED, now, BY)
    return [(row.id, row.address) for row in done]


def _change(
    connection: Connection, wanted: Sequence[tuple[Subscriber, Preferences]], now: datetime
) -> int:
    """Gives subscribers other preferences; how many had others before."""
    rows = [
        {
            "number": before.id,
            **store.preferences_row(preferences),
            "next_due_at": now if before.state is State.CONFIRMED else None,
        }
        for before, preferences in wanted
        if before.preferences != preferences
    ]
    if rows:
        statement = update(subscribers).where(subscribers.c.id == bindparam("number"))
        connection.execute(statement, rows)
        event_store.append_all(connection, [row["number"] for row in rows], CHANGED, now, BY)
    return len(rows)
