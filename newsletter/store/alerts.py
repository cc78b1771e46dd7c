"""Keeps which alerts are open, and which ended of late, on a connection the caller opened.

An alert is kept as its sentence and what fills it, so that it is told in any language. One that has
ended stays under a name that begins with its end, until a mail has told it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, delete, insert, select, update

from newsletter.alerts import Alert
from newsletter.store.insert import insert_new
from newsletter.store.schema import alerts

_OVER = "over/"
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An alert, since when it is open, and when it ended."""

    alert: Alert
    since: datetime
    ended_at: datetime | None = None


def listed(connection: Connection) -> list[Kept]:
    """The alerts that are open, the oldest first."""
    query = select(alerts).where(alerts.c.name.not_like(f"{_OVER}%"))
    rows = connection.execute(query.order_by(alerts.c.since, alerts.c.name))
    return [_kept(row) for row in rows]


def ended(connection: Connection) -> list[Kept]:
    """Those that ended and are kept, the first to end first."""
    query = select(alerts).where(alerts.c.name.like(f"{_OVER}%")).order_by(alerts.c.name)
    return [_kept(row) for row in connection.execute(query)]


def open_(connection: Connection, alert: Alert, since: datetime) -> bool:
    """Keeps an alert; False where it is open already."""
    row = {"name": alert.name, "since": since, "words": _written(alert)}
    return bool(insert_new(connection, alerts, [row], returning=alerts.c.name))


def tell_anew(connection: Connection, alert: Alert) -> None:
    """Keeps an open alert's words as they are now."""
    mine = alerts.c.name == alert.name
    connection.execute(update(alerts).where(mine).values(words=_written(alert)))


def end(connection: Connection, one: Kept, now: datetime) -> None:
    """Ends an open alert; it is kept until `forget`."""
    if forget(connection, one):
        name = f"{_OVER}{now.astimezone(UTC):{_STAMP}}/{one.alert.name}"
        values = {"name": name, "since": one.since, "words": _written(one.alert)}
        connection.execute(insert(alerts).values(values))


def forget(connection: Connection, one: Kept) -> bool:
    """Forgets an alert, open or ended; False where somebody else was quicker."""
    name = one.alert.name
    if one.ended_at is not None:
        name = f"{_OVER}{one.ended_at:{_STAMP}}/{name}"
    return connection.execute(delete(alerts).where(alerts.c.name == name)).rowcount > 0


def _written(alert: Alert) -> str:
    return json.dumps([alert.text, dict(alert.values), alert.look], ensure_ascii=False)


def _kept(row: Row[tuple[str, datetime, str]]) -> Kept:
    name, ended_at = row.name, None
    if name.startswith(_OVER):
        _, stamp, name = name.split("/", 2)
        ended_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    text, values, look = json.loads(row.words)
    return Kept(
        alert=Alert(name=name, text=text, values=values, look=look),
        since=row.since,
        ended_at=ended_at,
    )
