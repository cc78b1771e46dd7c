"""Keeps where each source stands, and what addresses last answered, on a caller's connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from newsletter.store.insert import put_rows
from newsletter.store.schema import source_states, validators

MOST_REFUSED_TOLD = 20  # refusals of a run kept in words; the rest are counted


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """Where a source stands, and how its last run went."""

    name: str
    cursor: Mapping[str, str] = field(default_factory=dict)
    ask: str = ""  # of the run that did not end
    pending: Sequence[Mapping[str, Any]] = ()  # what it still had to ask; empty: the run ended
    pending_at: datetime | None = None
    started_at: datetime | None = None
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0  # in a row
    error: str = ""
    notes: Sequence[str] = ()
    papers: int = 0
    refused: tuple[int, Sequence[str]] = (0, ())  # how many, and the first of them in words
    newest: date | None = None


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


def put(connection: Connection, state: SourceState) -> None:
    """Keeps a state."""
    refused, told = state.refused
    row = asdict(state) | {
        "pending": list(state.pending),
        "notes": list(state.notes),
        "refused": [refused, list(told)[:MOST_REFUSED_TOLD]],
    }
    put_rows(connection, source_states, [row], key=("name",))


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
