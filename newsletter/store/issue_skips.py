"""Keeps the days that an operator wants no issue on, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, select

from newsletter.store.insert import insert_new
from newsletter.store.schema import issue_skips


@dataclass(frozen=True, kw_only=True)
class Skip:
    """A day without an issue."""

    day: date
    by: str
    why: str
    at: datetime


def skip(connection: Connection, new: Skip) -> bool:
    """Keeps a day free of an issue; False where it is so already."""
    return bool(insert_new(connection, issue_skips, [vars(new)], returning=issue_skips.c.day))


def unskip(connection: Connection, day: date) -> bool:
    """Lets a day have its issue again; False where it was not skipped."""
    return connection.execute(delete(issue_skips).where(issue_skips.c.day == day)).rowcount > 0


def skipped(connection: Connection, day: date) -> Skip | None:
    """By whom and why a day is skipped; None where it is not."""
    row = connection.execute(select(issue_skips).where(issue_skips.c.day == day)).one_or_none()
    return None if row is None else Skip(**row._mapping)


def days(connection: Connection) -> frozenset[date]:
    """All days that are skipped."""
    return frozenset(connection.scalars(select(issue_skips.c.day)))


def listed(connection: Connection, since: date) -> list[Skip]:
    """The skipped days from one on, the earliest first."""
    query = select(issue_skips).where(issue_skips.c.day >= since).order_by(issue_skips.c.day)
    return [Skip(**row._mapping) for row in connection.execute(query)]
