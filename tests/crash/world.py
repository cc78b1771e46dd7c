"""An issue for some readers, and real processes that send it."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event

from sqlalchemy import text

from newsletter import pipeline
from newsletter.delivery import DeliveryState, Policy
from newsletter.errors import NewsletterError
from newsletter.pipeline import Edition
from newsletter.pipeline.receipts import FileReceipts
from newsletter.store import issues, ledger
from newsletter.store.database import Database
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_options import SmtpOptions
from tests.contract.test_belt import NOON, SIGNER
from tests.world import Ledger

LEASE = timedelta(seconds=4)  # short enough to be frozen past it
CONNECTIONS = 3  # of one sender
READERS = 24

# Forked from a server that has everything imported and no threads: a process in milliseconds.
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.crash.world"])


def send(url: str, port: int, receipts: str, begun: float, ahead: float) -> None:
    """What a sending process does; its clock is `ahead` seconds of the others'.

    All clocks count from NOON at `begun`.
    """
    database = Database(url)
    options = SmtpOptions(
        host="127.0.0.1", port=port, security="none", timeout=15, reply_timeout=15
    )
    asked = Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())  # as `newsletter send` does
    post = pipeline.Post(
        roads=[
            pipeline.Road(
                name="sink", transports=[SmtpTransport(options) for _ in range(CONNECTIONS)]
            )
        ],
        owner=f"sender/{multiprocessing.current_process().pid}",
        policy=Policy(tries=5, news=timedelta(days=2)),
        lease=LEASE,
        clock=lambda: NOON + timedelta(seconds=time.time() - begun + ahead),
        stopped=asked.is_set,
        receipts=FileReceipts(Path(receipts)),
    )
    with suppress(NewsletterError):  # a closed road; the next sender goes on
        pipeline.dispatch(database, SIGNER, post)
    database.close()


class Crashing(Ledger):
    """The ledger of one issue, set back before every round."""

    def __init__(self, url: str, place: Path) -> None:
        super().__init__(url)
        self.url = url
        self.begun = time.time()
        self.receipts = place / "receipts"
        self.add_readers(READERS)
        done = self.compose()
        assert done.issue is not None
        self.issue = done.issue
        edition = Edition(self.issue, SIGNER)
        self.names = {
            edition.message(one).message_id.encode(): one.address
            for one in self.entries(self.issue.id).values()
            if one.picks != "[]"
        }

    def reset(self) -> None:
        """Every digest that holds papers is queued again, as if nothing had happened."""
        with self.database.write() as connection:
            connection.execute(
                text(
                    "UPDATE deliveries SET state = 'queued', reason = '', owner = NULL, "
                    "attempt = 0, tries = 0, lease_until = NULL, transport = NULL, "
                    "sent_at = NULL, next_at = due_at WHERE picks <> '[]'"
                )
            )

    def start(self, port: int, ahead: float = 0) -> BaseProcess:
        """A sender."""
        process = FORK.Process(
            target=send, args=(self.url, port, str(self.receipts), self.begun, ahead)
        )
        process.start()
        return process

    def states(self) -> dict[str, DeliveryState]:
        """Of every reader with papers."""
        with self.database.read() as connection:
            assert issues.by_id(connection, self.issue.id)
            counts = ledger.count(connection, self.issue.id)
            assert sum(counts.values()) == ledger.composed(connection, self.issue.id)
        found = self.entries(self.issue.id)
        return {address: found[address].state for address in self.names.values()}

    def judge(self, taken: Counter[bytes], connections: int) -> Counter[DeliveryState]:
        """Holds the ledger against the sink's record; `connections` were open at most."""
        twice = {self.names[name]: number for name, number in taken.items() if number > 1}
        assert not twice, f"twice: {twice}"
        states = self.states()
        have = {self.names[name] for name in taken}
        claimed = {address for address, state in states.items() if state is DeliveryState.SENT}
        assert claimed <= have, f"lost: {claimed - have}"
        unknown = {address for address, state in states.items() if state is DeliveryState.UNKNOWN}
        assert len(unknown) <= connections, f"{len(unknown)} in doubt of {connections}"
        silent = have - claimed - unknown
        assert not silent, f"taken and not told: {silent}"
        return Counter(states.values())
