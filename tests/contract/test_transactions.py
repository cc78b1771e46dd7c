"""No transaction is long: from page to mailbox, work is committed some rows at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event
from sqlalchemy.engine import Engine

from newsletter.delivery import DeliveryState
from newsletter.pipeline.enrolling import BATCH
from newsletter.store import deliveries
from newsletter.store.ledger import composed, count
from newsletter.store.schema import deliveries as kept
from tests.contract.test_belt import NOON, issue_id
from tests.world import Ledger, Scripted

ROWS = 2 * BATCH + 50  # of a batch of readers: a delivery and the next look at each
SECONDS = 10.0  # many times what a batch takes; one that waits for a server takes longer


@dataclass
class Transactions:
    """What was written and how long it took, transaction by transaction."""

    rows: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@contextmanager
def watched(engine: Engine) -> Iterator[Transactions]:
    """All transactions of an engine meanwhile, those of other threads too."""
    seen = Transactions()
    running: dict[Any, tuple[float, list[int]]] = {}

    def begun(connection: Any) -> None:
        at = connection.connection.dbapi_connection
        running[at] = (time.monotonic(), [-getattr(at, "total_changes", 0)])

    def wrote(connection: Any, cursor: Any, statement: str, given: Any, _: Any, many: bool) -> None:
        at = connection.connection.dbapi_connection
        if not hasattr(at, "total_changes") and not statement.startswith("SELECT"):
            counted = max(cursor.rowcount, 0)
            running[at][1][0] += counted or (len(given) if many else 0)

    def ended(connection: Any) -> None:
        at = connection.connection.dbapi_connection
        began, rows = running.pop(at)
        seen.rows.append(rows[0] + getattr(at, "total_changes", 0))
        seen.seconds.append(time.monotonic() - began)

    ears = {"begin": begun, "after_cursor_execute": wrote, "commit": ended, "rollback": ended}
    for name, ear in ears.items():
        event.listen(engine, name, ear)
    yield seen
    for name, ear in ears.items():
        event.remove(engine, name, ear)
    assert not running  # nothing is left open


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


def test_composing_and_sending_commit_some_rows_at_a_time(ledger: Ledger) -> None:
    """However many readers there are: a batch of them, or of their deliveries, a transaction."""
    readers = BATCH + 100
    ledger.add_readers(readers, NOON - timedelta(days=1))
    with watched(ledger.database.engine) as seen:
        number = issue_id(ledger.compose())
        ledger.post(Scripted())
    assert ledger.counts(number)[DeliveryState.SENT] >= readers
    assert sum(seen.rows) > 5 * readers  # composed, looked at, claimed, begun and finished
    assert max(seen.rows) <= ROWS
    assert max(seen.seconds) < SECONDS
    assert sum(1 for rows in seen.rows if rows > BATCH) == 1  # the full batch of readers


def test_what_waits_is_brought_forward_some_at_a_time(ledger: Ledger) -> None:
    """Whatever `send --now` finds, a transaction makes no more due than it is told to."""
    ledger.add_readers(20, NOON - timedelta(days=1))
    dawn = NOON.replace(hour=1)
    ledger.compose(dawn)
    done = []
    while not done or done[-1]:
        with ledger.database.write() as connection:
            done.append(deliveries.bring_forward(connection, dawn, limit=8))
    assert done == [8, 8, 6, 0]


def test_who_reads_sees_one_instant(ledger: Ledger) -> None:
    """What is counted twice in one look is the same: else an account seems not to balance."""
    ledger.add_readers(3, NOON - timedelta(days=1))
    number = issue_id(ledger.compose())
    with ledger.database.read() as connection:
        before = composed(connection, number)
        with ledger.database.write() as other:
            other.execute(delete(kept).where(kept.c.issue_id == number))
        assert sum(count(connection, number).values()) == composed(connection, number) == before
    with ledger.database.read() as connection:
        assert composed(connection, number) == 0
