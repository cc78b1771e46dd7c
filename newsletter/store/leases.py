"""Keeps which process has a duty that one is enough for; one that died loses it after a while.

What is done under a lease can be repeated: a lease saves work, the ledger keeps the promises.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, update

from newsletter.store.insert import append
from newsletter.store.schema import turns
from newsletter.store.turns import LONG_AGO


def take(connection: Connection, name: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Takes or keeps a lease; False where another holds it."""
    row = {"name": name, "next_at": LONG_AGO}
    append(connection, turns, [row])
    # One that ends later than any lease taken now was written before the clock was set back.
    free = or_(
        turns.c.holder.is_(None),
        turns.c.holder == holder,
        turns.c.until <= now,
        turns.c.until > now + 2 * lease,
    )
    taken = connection.execute(
        update(turns).where(turns.c.name == name, free).values(holder=holder, until=now + lease)
    )
    return bool(taken.rowcount)


def give_back(connection: Connection, name: str, holder: str) -> None:
    """Lets another have it at once."""
    connection.execute(
        update(turns)
        .where(turns.c.name == name, turns.c.holder == holder)
        .values(holder=None, until=None)
    )
