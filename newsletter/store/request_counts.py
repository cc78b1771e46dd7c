"""Counts what is asked of readers' pages, so that nobody asks for too much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.store.schema import request_counts

KEPT = timedelta(days=2)  # the longest window is a day


def count(connection: Connection, name: str, window: timedelta, now: datetime) -> int:
    """Counts one more of `name` in the window that `now` is in; how many there are with it."""
    seconds = int(window.total_seconds())
    starts = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {"name": name, "starts": starts, "many": 1}
    connection.execute(
        insert(request_counts)
        .values(row)
        .on_conflict_do_update(
            index_elements=["name", "starts"], set_={"many": request_counts.c.many + 1}
        )
    )
    mine = (request_counts.c.name == name, request_counts.c.starts == starts)
    return int(connection.execute(select(request_counts.c.many).where(*mine)).scalar_one())


def forget(connection: Connection, now: datetime) -> None:
    """Forgets the windows that are long over."""
    connection.execute(delete(request_counts).where(request_counts.c.starts < now - KEPT))
