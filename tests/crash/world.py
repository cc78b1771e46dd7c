"""An issue for some readers, and real processes that compose and send it."""

from __future__ import annotations

import importlib
import multiprocessing
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Lock

from sqlalchemy import Connection, text, update

from newsletter import catalogue, pipeline
from newsletter.delivery import DeliveryState, Policy
from newsletter.errors import NewsletterError
from newsletter.pipeline import Edition
from newsletter.pipeline.receipts import FileReceipts
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.store import issues, ledger
from newsletter.store import schema as tables
from newsletter.store.database import Database
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_options import SmtpOptions
from subscribers import store
from subscribers.model import Consent, Preferences
from subscribers.schema import subscribers as readers
from tests.contract.test_belt import NOON, SIGNER
from tests.crash.troubles import FORK, Trouble
from tests.golden.test_golden import TERMS
from tests.world import Ledger

LEASE = timedelta(seconds=15)  # longer than any trouble here lasts
SHORT_LEASE = timedelta(seconds=1.2)  # where a sender is frozen past it, in real time
SHORT_PATIENCE = 0.7  # seconds others wait for what a frozen process holds; 30 in production
LATER = 2 * LEASE.total_seconds()  # by a clock that far ahead every lease of the dead has ended
CONNECTIONS = 3  # of one sender
READERS = 24
TROUBLE = 3  # the exit code of a process that told its trouble and ended


@dataclass(frozen=True, kw_only=True)
class Orders:
    """How a sender or composer of a round differs from one in production."""

    batch: int  # deliveries a claim, readers a transaction: few, so that processes meet
    lease: timedelta = LEASE
    busy: float | None = None  # seconds to wait for what others hold; None: as in production
    ahead: float = 0  # seconds its clock is ahead of the others'

    def obey(self, room: str) -> None:
        """Sets the constants of this process."""
        _tune(room, "BATCH", self.batch)
        if self.busy is not None:
            _tune("newsletter.store.database", "BUSY", self.busy)
            had = importlib.import_module("newsletter.store.database").PATIENCE
            told = had.replace("session_timeout = '30s'", f"session_timeout = '{self.busy}s'")
            assert told != had
            _tune("newsletter.store.database", "PATIENCE", told)


def _tune(room: str, name: str, value: object) -> None:
    module = importlib.import_module(room)
    assert hasattr(module, name), f"{room} has no {name} any more"
    setattr(module, name, value)


def send(url: str, port: int, receipts: str, begun: float, orders: Orders) -> None:
    """What a sending process does. All clocks count from NOON at `begun`."""
    asked = Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())  # as `newsletter send` does
    orders.obey("newsletter.pipeline.dispatch")
    database = Database(url)
    pid = multiprocessing.current_process().pid
    options = SmtpOptions(
        host="127.0.0.1",
        port=port,
        security="none",
        timeout=15,
        reply_timeout=15,
        local_hostname=str(pid),  # so that the sink knows whom to strike
    )
    post = pipeline.Post(
        roads=[
            pipeline.Road(
                name="sink", transports=[SmtpTransport(options) for _ in range(CONNECTIONS)]
            )
        ],
        owner=f"sender/{pid}",
        policy=Policy(tries=5, news=timedelta(days=2)),
        lease=orders.lease,
        clock=lambda: NOON + timedelta(seconds=time.time() - begun + orders.ahead),
        stopped=asked.is_set,
        receipts=FileReceipts(Path(receipts)),
    )
    try:
        pipeline.dispatch(database, SIGNER, post)
    except NewsletterError:  # a closed road, a database that is away; the next sender goes on
        sys.exit(TROUBLE)
    finally:
        database.close()


def compose(url: str, orders: Orders, now: datetime, tell: Pipe) -> None:
    """What a composing process does; tells each range of readers that it has committed."""
    orders.obey("newsletter.pipeline.enrolling")
    database = Database(url)
    topics = catalogue.load(folder("seeds") / "topics.toml")
    renderer = Renderer(Templates(folder("templates")))

    def committed(_: int) -> None:
        tell.send_bytes(b".")

    try:
        pipeline.compose(database, renderer, topics, TERMS, now, committed)
    except NewsletterError:
        sys.exit(TROUBLE)
    finally:
        database.close()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the sink's record and the ledger say of each other."""

    states: Counter[DeliveryState]  # of the readers who have something to get
    twice: set[str]  # whom the server has more than once
    lost: set[str]  # sent, says the ledger, but the server has nothing
    untold: set[str]  # whom the server has, and the ledger says neither sent nor unknown
    forgotten: set[str]  # neither sent nor unknown at the end of all
    kept: int  # files of receipts that nobody replayed

    def faults(self, most_unknown: int) -> list[str]:
        """What is wrong with it, in words."""
        unknown = self.states[DeliveryState.UNKNOWN]
        found = [
            f"{name}: {sorted(people)}"
            for name in ("twice", "lost", "untold", "forgotten")
            if (people := getattr(self, name))
        ]
        if unknown > most_unknown:
            found.append(f"{unknown} in doubt, where {most_unknown} may be")
        if self.kept:
            found.append(f"{self.kept} files of receipts were not replayed")
        return found


class Crashing(Ledger):
    """The ledger of one issue, set back before every round; and what happens to its database."""

    def __init__(self, url: str, place: Path, trouble: Trouble) -> None:
        super().__init__(url)
        self.url = url
        self.kind = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
        self.trouble = trouble
        self.begun = time.time()
        self.receipts = place / "receipts"
        self._fill()
        self.names = self._names()

    def _fill(self) -> None:
        self.add_readers(READERS)
        done = self.compose()
        assert done.issue is not None
        self.issue = done.issue

    def _names(self) -> dict[bytes, str]:
        """Message-IDs, each with the reader it goes to."""
        edition = Edition(self.issue, SIGNER)
        return {
            edition.message(one).message_id.encode(): one.address
            for one in self.entries(self.issue.id).values()
            if one.picks != "[]"
        }

    def reset(self) -> None:
        """Every digest that holds papers is queued again, as if nothing had happened."""
        with self.database.write() as connection:
            _clear(connection)
            connection.execute(
                text(
                    "UPDATE deliveries SET state = 'queued', reason = '', owner = NULL, "
                    "attempt = 0, tries = 0, lease_until = NULL, transport = NULL, "
                    "sent_at = NULL, next_at = due_at WHERE picks <> '[]' AND issue_id = :issue"
                ),
                {"issue": self.issue.id},
            )

    def start(self, port: int, orders: Orders) -> BaseProcess:
        """A sender."""
        process = FORK.Process(
            target=send, args=(self.url, port, str(self.receipts), self.begun, orders)
        )
        process.start()
        return process

    def kept(self) -> int:
        """How many answers wait in files to be replayed."""
        return sum(len(file.read_text().splitlines()) for file in self.receipts.rglob("*.jsonl"))

    def judge(self, taken: Counter[bytes]) -> Verdict:
        """Holds the ledger against the sink's record."""
        with self.database.read() as connection:
            assert issues.by_id(connection, self.issue.id)
            counts = ledger.count(connection, self.issue.id)
            assert sum(counts.values()) == ledger.composed(connection, self.issue.id)
        found = self.entries(self.issue.id)
        states = {address: found[address].state for address in self.names.values()}
        have = {self.names[name] for name in taken}
        sent = {address for address, state in states.items() if state is DeliveryState.SENT}
        unknown = {address for address, state in states.items() if state is DeliveryState.UNKNOWN}
        return Verdict(
            states=Counter(states.values()),
            twice={self.names[name] for name, number in taken.items() if number > 1},
            lost=sent - have,
            untold=have - sent - unknown,
            forgotten=set(states) - sent - unknown,
            kept=len([file for file in self.receipts.rglob("*") if file.is_file()]),
        )


class Composing(Crashing):
    """The second issue of readers who want different things, wiped before every round."""

    day = NOON + timedelta(days=1)

    def _fill(self) -> None:
        topics = sorted(catalogue.load(folder("seeds") / "topics.toml").topics)
        chance = random.Random("who follows what")
        consent = Consent(at=NOON, form="test")
        with self.database.write() as connection:
            for at in range(READERS * 2):
                follows = frozenset(chance.sample(topics, chance.choice((0, 1, 1, 2, 3))))
                days = frozenset(chance.sample(range(7), 6))
                wants = Preferences(follows=follows, days=days, length=chance.choice((1, 2, 5)))
                store.subscribe(connection, f"c{at}@example.org", wants, consent)
        first = self.compose(NOON)  # what they have had, which the second must not bring again
        assert first.issue is not None
        with self.database.write() as connection:
            connection.execute(
                text(
                    "UPDATE deliveries SET state = 'sent' "
                    "WHERE state = 'queued' AND subscriber_id % 2 = 0"
                )
            )
            connection.execute(
                text("UPDATE deliveries SET state = 'failed' WHERE state = 'queued'")
            )
        done = self.compose(self.day)
        assert done.issue is not None
        self.issue = done.issue
        self.clean = self.composed()
        self.begun -= timedelta(days=1).total_seconds()

    def composed(self) -> list[tuple[object, ...]]:
        """What composing decided for every reader."""
        return [
            (one.address, one.state, one.reason, one.picks, one.due_at)
            for one in self.entries(self.issue.id).values()
        ]

    def wipe(self) -> None:
        """As if the issue had never been composed."""
        with self.database.write() as connection:
            _clear(connection)
            for table, column in (
                ("deliveries", "issue_id"),
                ("issue_papers", "issue_id"),
                ("issues", "id"),
            ):
                connection.execute(
                    text(f"DELETE FROM {table} WHERE {column} > :first"),
                    {"first": self.first},
                )
            looked = update(readers).values(served_on=NOON.date(), next_due_at=NOON)
            connection.execute(looked)

    @property
    def first(self) -> int:
        """The number of the issue of the day before."""
        with self.database.read() as connection:
            return issues.get(connection, NOON.date()).id

    def compose_in_process(self, orders: Orders) -> tuple[BaseProcess, Pipe]:
        """A composer, and what it tells."""
        mine, its = FORK.Pipe(duplex=False)
        process = FORK.Process(target=compose, args=(self.url, orders, self.day, its))
        process.start()
        its.close()
        return process, mine

    def find_issue(self) -> None:
        """Looks which number the issue has now."""
        with self.database.read() as connection:
            again = issues.get(connection, self.day.date())
        assert again.candidates == self.issue.candidates
        self.issue = again


def _clear(connection: Connection) -> None:
    for table in (tables.delivery_history, tables.delivery_events, tables.slowdowns, tables.rates):
        connection.execute(table.delete())


_LOOKING = Lock()  # of two threads that look at once, one is told that a process ended with 255


def alive(processes: Iterable[BaseProcess]) -> list[BaseProcess]:
    """Those that have not ended."""
    with _LOOKING:
        return [one for one in processes if one.is_alive()]
