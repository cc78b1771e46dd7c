"""Whose turn it is to ask a group of hosts: one at a time, with a pause, across all processes.

A turn is a row that a process holds while it asks. One that died loses it after a while. The
pause counts from the start of a turn to the start of the next (arXiv: one request every three
seconds over a single connection, https://info.arxiv.org/help/api/tou.html).
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from newsletter.store.database import Database
from newsletter.store.insert import append
from newsletter.store.schema import turns

LONGEST_TURN = timedelta(minutes=5)  # well over the longest a request may take
FURTHEST = 2 * LONGEST_TURN  # from now to any true instant in a row, clocks apart or not
LOOK_AGAIN = 0.25  # seconds between looks at a turn that another process holds
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


_HERE = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]  # tells machines apart


class Turns:
    """Turns kept in the database that the processes share."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sleep = sleep

    @contextmanager
    def turn(self, group: str, pause: float) -> Iterator[None]:
        """Waits until nobody asks `group` and `pause` seconds are over since the last began."""
        holder = f"{_HERE}/{os.getpid()}/{uuid.uuid4().hex[:16]}"
        while (wait := self._take(group, holder, pause)) > 0:
            self._sleep(wait)
        begun = self._clock()  # taking it took a while too
        try:
            yield
        finally:
            with self._database.write() as connection:
                connection.execute(
                    update(turns)
                    .where(turns.c.name == group, turns.c.holder == holder)
                    .values(holder=None, until=None, next_at=begun + timedelta(seconds=pause))
                )

    def _free_from_the_dead(self, connection: Connection, group: str) -> None:
        """Takes the turn from a process of this machine that is no more."""
        holder = connection.scalar(select(turns.c.holder).where(turns.c.name == group))
        host, _, rest = str(holder).rpartition("/")[0].rpartition("/")
        if host == _HERE and rest.isdecimal() and not _is_alive(int(rest)):
            connection.execute(
                update(turns)
                .where(turns.c.name == group, turns.c.holder == holder)
                .values(holder=None, until=None)
            )

    def _take(self, group: str, holder: str, pause: float) -> float:
        """Takes the turn and returns 0, or returns the seconds to wait before looking again."""
        with self._database.write() as connection:
            append(connection, turns, [{"name": group, "next_at": LONG_AGO}])
            self._free_from_the_dead(connection, group)
            now = self._clock()
            # What is further ahead than a turn and a pause can be was written before the clock was
            # set back, and must not make us wait for days.
            absurd = now + FURTHEST
            taken = connection.execute(
                update(turns)
                .where(turns.c.name == group)
                .where(or_(turns.c.next_at <= now, turns.c.next_at > absurd))
                .where(or_(turns.c.holder.is_(None), turns.c.until <= now, turns.c.until > absurd))
                .values(
                    holder=holder,
                    until=now + LONGEST_TURN,
                    next_at=now + timedelta(seconds=pause),
                )
            ).rowcount
            if taken:
                return 0
            next_at = connection.scalar(select(turns.c.next_at).where(turns.c.name == group))
        wait = (next_at - now).total_seconds() if next_at else 0
        return min(max(wait, LOOK_AGAIN), max(pause, LOOK_AGAIN))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
