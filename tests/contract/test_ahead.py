"""What is built while servers are busy is what would be built when it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import update

from newsletter import pipeline
from newsletter.delivery import Policy
from newsletter.pipeline import connections
from subscribers.schema import subscribers
from tests.contract.test_belt import NOON, READERS, SIGNER
from tests.world import LEASE, Ledger, Scripted

ALIGNMENT, EVERYTHING, ROBOTS = READERS
NEW = "new@example.org"


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


def test_a_claim_that_was_lost_and_taken_anew_is_built_anew(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender slept with a message ready, and its reader has another address since."""
    monkeypatch.setattr(connections, "GATHER", 30)  # so that two answers at least come together
    ledger.add_readers(2)
    last = ledger.add_reader("last@example.org")
    ledger.compose()
    answers = Barrier(4)
    slept = timedelta()

    def wait() -> None:
        """Answers when the others do, which is when the process runs again."""
        answers.wait(30)
        answers.wait(30)

    def sleep() -> None:
        """The first four leave, the fifth is built, and the process is frozen past its lease."""
        nonlocal slept
        answers.wait(30)
        slept = 2 * LEASE
        moved = update(subscribers).where(subscribers.c.address == last)
        with ledger.database.write() as connection:
            connection.execute(moved.values(address=NEW, address_key=NEW))
        answers.wait(30)

    lines = Scripted(sleep), *[Scripted(wait) for _ in range(3)]
    post = pipeline.Post(
        roads=[pipeline.Road(name="four", transports=lines)],
        owner="one",
        policy=Policy(tries=3, news=timedelta(days=9)),
        lease=LEASE,
        clock=lambda: NOON + slept,
    )
    pipeline.dispatch(ledger.database, SIGNER, post)
    taken = {address for line in lines for address in line.taken}
    assert taken == {ALIGNMENT, EVERYTHING, "r0@example.org", "r1@example.org", NEW}
