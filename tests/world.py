"""The belt's world with a look at single rows, and a transport that does as it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import text

from newsletter import pipeline
from newsletter.delivery import Decision, DeliveryState, Policy
from newsletter.papers import PaperId
from newsletter.pipeline import Edition
from newsletter.store import claiming, issues, ledger
from newsletter.store.claiming import Claimed, Finished
from newsletter.store.ledger import Cleared, Entry
from newsletter.transports import Envelope, Refused, Reply, TransportUnavailable
from subscribers import store
from subscribers.model import Consent, Preferences
from tests.contract.test_belt import NOON, SIGNER, World

LEASE = timedelta(minutes=15)
SENT = Decision(state=DeliveryState.SENT, reason="")
LATER = Refused(Reply(code=450, text="later"))
NEVER = Refused(Reply(code=550, text="no such user"))
LOST = TransportUnavailable("no answer", in_doubt=True)


class Scripted:
    """A transport that meets what it is told to, message by message; then it takes them all."""

    def __init__(self, *script: Exception | Callable[[], None]) -> None:
        self.script = list(script)
        self.offered: list[tuple[str, bytes]] = []
        self.taken: list[str] = []
        self.opened = self.closed = 0

    def open(self) -> None:
        self.opened += 1

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        self.offered.append((envelope.recipient, message))
        meets = self.script.pop(0) if self.script else None
        if isinstance(meets, Exception):
            raise meets
        if meets is not None:
            meets()
        self.taken.append(envelope.recipient)
        return Reply(code=250, text="taken")

    def close(self) -> None:
        self.closed += 1


class Closed(Scripted):
    """A road that is closed from the start."""

    def open(self) -> None:
        raise TransportUnavailable("nobody listens there")


class Ledger(World):
    """The belt's world, with a look at single rows."""

    def post(
        self,
        transport: Scripted,
        now: datetime = NOON,
        stopped: Callable[[], bool] = lambda: False,
        reader: int | None = None,
        cleared: Cleared | None = None,
    ) -> pipeline.Dispatched:
        """A run of dispatch whose clock stands still."""
        post = pipeline.Post(
            roads=[pipeline.Road(name="scripted", transports=[transport])],
            owner="one",
            policy=Policy(tries=3, news=timedelta(hours=36)),
            lease=LEASE,
            clock=lambda: now,
            stopped=stopped,
            cleared=cleared,
        )
        return pipeline.dispatch(self.database, SIGNER, post, subscriber_id=reader)

    def claim(self, owner: str, now: datetime = NOON, limit: int = 1) -> list[Claimed]:
        with self.database.write() as connection:
            return claiming.claim(connection, owner=owner, now=now, lease=LEASE, limit=limit)

    def begin(self, owner: str, claims: list[Claimed], now: datetime = NOON) -> set[int]:
        with self.database.write() as connection:
            return claiming.begin(connection, owner, claims, now)

    def finish(self, owner: str, one: Claimed, now: datetime = NOON) -> list[Finished]:
        ended = Finished(claim=one, decision=SENT, transport=owner)
        with self.database.write() as connection:
            return claiming.finish(connection, owner, [ended], now)

    def settle(self, now: datetime) -> int:
        with self.database.write() as connection:
            return claiming.settle_lost(connection, now)

    def entries(self, issue: int) -> dict[str, Entry]:
        with self.database.read() as connection:
            return {one.address: one for one in ledger.entries(connection, issue)}

    def mail(self, one: Entry) -> bytes:
        """What preview shows."""
        with self.database.read() as connection:
            return Edition(issues.by_id(connection, one.issue_id), SIGNER).message(one).content

    def papers(self, one: Entry) -> list[PaperId]:
        with self.database.read() as connection:
            issue = issues.by_id(connection, one.issue_id)
        return [pick.paper_id for pick in ledger.read_picks(one.picks, issue)]

    def add_readers(self, number: int, since: datetime = NOON) -> None:
        consent = Consent(at=since, form="test")
        with self.database.write() as connection:
            for at in range(number):
                store.subscribe(connection, f"r{at}@example.org", Preferences(length=1), consent)

    def add_reader(self, address: str) -> str:
        """One more reader, who gets a digest."""
        with self.database.write() as connection:
            consent = Consent(at=NOON, form="test")
            store.subscribe(connection, address, Preferences(length=1), consent)
        return address

    def reset_all(self) -> None:
        """What was sent is queued again, as if nothing had happened."""
        with self.database.write() as connection:
            connection.execute(
                text("UPDATE deliveries SET state = 'queued', attempt = 0 WHERE picks <> '[]'")
            )
