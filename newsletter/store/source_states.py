"""Keeps where each source stands, and what addresses last answered, on a caller's connection.

Only what is named is written, so that two runs of one source do not undo each other's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from newsletter.store.insert import append, put_rows
from newsletter.store.schema import source_pending, source_states, validators

MOST_REFUSED_TOLD = 20  # refusals of a run kept in words; the rest are counted


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """Where a source stands, and how its last run for what is new went."""

    name: str
    cursor: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime | None = None
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0  # in a row
    error: str = ""
    notes: Sequence[str] = ()
    papers: int = 0
    refused: tuple[int, Sequence[str]] = (0, ())  # how many, and the first of them in words
    newest: date | None = None  # the newest day that anything read spoke of, by whatever run


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What a run that did not end still has to ask."""

    ask: str  # for which days; "" for what is new
    requests: Sequence[Mapping[str, Any]]
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Validator:
    """What an address said of its last answer, to ask whether it changed."""

    etag: str | None = None
    last_modified: str | None = None


def get(connection: Connection, name: str) -> SourceState:
    """The state of a source; the empty one where it has not run yet."""
    row = connection.execute(
        select(source_states).where(source_states.c.name == name)
    ).one_or_none()
    return SourceState(name=name) if row is None else _state(dict(row._mapping))


def listed(connection: Connection) -> dict[str, SourceState]:
    """The states of all sources that ever ran, by name."""
    rows = connection.execute(select(source_states).order_by(source_states.c.name))
    return {row.name: _state(dict(row._mapping)) for row in rows}


def put(connection: Connection, name: str, **changes: Any) -> None:
    """Keeps some fields of a source's state; `refused` is cut to what is told."""
    if "refused" in changes:
        number, told = changes["refused"]
        changes["refused"] = [number, list(told)[:MOST_REFUSED_TOLD]]
    if "notes" in changes:
        changes["notes"] = list(changes["notes"])
    append(connection, source_states, [_EMPTY | {"name": name}])
    if changes:
        connection.execute(
            update(source_states).where(source_states.c.name == name).values(changes)
        )


def pending(connection: Connection, name: str) -> list[Pending]:
    """What runs of a source that did not end still have to ask, oldest first."""
    rows = connection.execute(
        select(source_pending)
        .where(source_pending.c.name == name)
        .order_by(source_pending.c.since, source_pending.c.ask)
    )
    return [Pending(ask=row.ask, requests=row.requests, since=row.since) for row in rows]


def leave(connection: Connection, name: str, left: Pending) -> None:
    """Keeps what a run still has to ask, in place of what was kept of the same ask."""
    if left.requests:
        row = {"name": name, "ask": left.ask, "requests": list(left.requests), "since": left.since}
        put_rows(connection, source_pending, [row], key=("name", "ask"))
    else:
        connection.execute(
            delete(source_pending)
            .where(source_pending.c.name == name)
            .where(source_pending.c.ask == left.ask)
        )


def validator(connection: Connection, location: str) -> Validator | None:
    """What an address said of its last answer; None where nothing is known."""
    row = connection.execute(
        select(validators).where(validators.c.location == location)
    ).one_or_none()
    return None if row is None else Validator(etag=row.etag, last_modified=row.last_modified)


def remember(
    connection: Connection, location: str, etag: str | None, last_modified: str | None
) -> None:
    """Keeps what an address says of its answer, once that answer is kept."""
    row = {"location": location, "etag": etag, "last_modified": last_modified}
    put_rows(connection, validators, [row], key=("location",))


def _state(row: Mapping[str, Any]) -> SourceState:
    values = {one.name: row[one.name] for one in fields(SourceState)}
    refused, told = values["refused"]
    return SourceState(**values | {"refused": (refused, tuple(told))})


_EMPTY: dict[str, Any] = {
    "cursor": {},
    "failures": 0,
    "error": "",
    "notes": [],
    "papers": 0,
    "refused": [0, []],
}
