"""The queue of many machines: real workers that share a publication on a real PostgreSQL."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from newsletter import jobs
from newsletter.delivery import DeliveryState
from newsletter.engines.queued import Queued
from newsletter.errors import ConfigError, StoreError
from newsletter.jobs import Collect, Compose, Dispatch, Job
from newsletter.pacing import per_hour
from newsletter.store import issues, ledger, queues
from newsletter.store.database import Database
from subscribers import due_store, store
from subscribers.model import Consent, Preferences
from tests.commands import Started, newsletter, refused, smtp, start
from tests.crash.sink import Sink

PATIENCE = 60  # seconds; most takes two
NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
CONNECTIONS = 4  # of a worker to the mail server
LINK_KEY = "a key of forty characters, for the tests"
SETTINGS = """
[sender]
address = "daily@papers.example.org"
[sources.votes]
kind = "jsonl"
path = "papers.jsonl"
[schedule]
compose_at = "00:00"
catch_up_hours = 24
send_seconds = 5
engine = "procrastinate"
"""


def until(true: Callable[[], bool]) -> None:
    """Waits for it."""
    ends_at = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends_at, "It did not come to pass."
        time.sleep(0.05)


@dataclass
class Process:
    """A command that runs until it is stopped, and what it logs."""

    process: Started
    log: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it told so far, whole lines."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(one) for one in lines if one.startswith("{") and one.endswith("\n")]

    def told(self, event: str) -> list[dict[str, Any]]:
        """Those of one name."""
        return [one for one in self.events if one["event"] == event]

    def stop(self) -> None:
        """Ends it as a service manager does."""
        if self.process.runs():
            os.kill(self.process.pid, signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert code in (0, -signal.SIGKILL), self.log.read_text(encoding="utf-8")


@dataclass
class Publication:
    """A publication of some readers whose hour has come, on a database of many machines."""

    place: Path
    url: str
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.place / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
        now = datetime.now(UTC)
        seen = {"source": "votes", "listed": f"{now:%Y-%m-%d}", "at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        paper = {
            "id": "arxiv:2603.00001",
            "title": "A paper",
            "observations": [seen | {"votes": 9}],
        }
        (self.place / "papers.jsonl").write_text(json.dumps(paper), encoding="utf-8")
        self.more |= {
            "DATABASE__URL": self.url,
            "SECRET": LINK_KEY,
            "DELIVERY__CONNECTIONS": str(CONNECTIONS),
            "DELIVERY__RECEIPTS": str(self.place / "receipts"),
        }
        self.database = Database(self.url)
        assert "tables of the queue were made" in self.command("db", "upgrade").stdout

    def command(self, *words: str, **more: str) -> Any:
        """A command with its settings."""
        return newsletter(self.place, *words, **(self.more | more))

    def subscribe(self, number: int) -> None:
        """So many readers, at midnight."""
        consent = Consent(at=datetime.now(UTC) - timedelta(days=2), form="test")
        with self.database.write() as connection:
            for at in range(number):
                wants = Preferences(at=datetime.min.time())
                store.subscribe(connection, f"r{at}@example.org", wants, consent)

    def compose(self, number: int) -> None:
        """An issue that is due to so many readers."""
        self.subscribe(number)
        assert self.command("collect").returncode == 0
        assert self.command("compose").returncode == 0
        self.sql("UPDATE deliveries SET due_at = now(), next_at = now()")

    def put_turns(self) -> None:
        """Two turns of sending, for whoever takes them."""
        turns = [Dispatch(made_at=datetime.now(UTC), up_to=1, turn=turn) for turn in range(2)]
        Queued(self.database).run(turns, lambda _: None)

    @contextmanager
    def run(self, name: str, *words: str, **more: str) -> Iterator[Process]:
        """A command that goes on."""
        settings = {"SENDER__POSTAL_ADDRESS": "1 Example Road, Oslo"} | self.more | more
        told = {f"NEWSLETTER_{key}": value for key, value in settings.items()}
        log = self.place / f"{name}.log"
        with log.open("wb") as file:
            running = Process(start(self.place, words, told, file, file), log)
            try:
                yield running
            finally:
                running.stop()

    def worker(self, name: str, **more: str) -> Any:
        """A worker that says its own name to the mail server."""
        return self.run(
            name, "worker", "--concurrency", "1", TRANSPORTS__SMTP__LOCAL_HOSTNAME=name, **more
        )

    def states(self) -> Counter[DeliveryState]:
        """What became of the deliveries of today's issue."""
        with self.database.read() as connection:
            issue = issues.latest_day(connection)
            if issue is None:
                return Counter()
            return ledger.count(connection, issues.get(connection, issue).id)

    def workers(self) -> list[int]:
        """Those that the queue knows."""
        return self.sql(f"SELECT id FROM {queues.SCHEMA}.procrastinate_workers")

    def sql(self, statement: str, **values: object) -> list[Any]:
        """Asks, or changes, what no command does."""
        with self.database.write() as connection:
            found = connection.execute(text(statement), values)
            return list(found.scalars()) if found.returns_rows else []


@pytest.fixture
def publication(tmp_path: Path, postgres_database_url: str) -> Iterator[Publication]:
    """On an empty database."""
    made = Publication(tmp_path, postgres_database_url)
    yield made
    made.database.close()


def dispatched(worker: Process) -> bool:
    """Whether it had a turn of sending."""
    return any(one["job"].startswith("dispatch/") for one in worker.told("job.done"))


def test_two_workers_share_an_issue(publication: Publication) -> None:
    """What one process wants by the clock, two others do: each digest once, and both send."""
    publication.subscribe(220)
    with Sink() as sink, ExitStack() as stack:
        publication.more |= smtp(sink.port)
        workers = [stack.enter_context(publication.worker(name)) for name in ("a.test", "b.test")]
        until(lambda: all(one.told("worker.started") for one in workers))
        clock = stack.enter_context(publication.run("clock", "run", "--no-pages"))
        until(lambda: sum(sink.taken.values()) >= 220)
        until(lambda: publication.states()[DeliveryState.SENT] == 220)
        assert set(sink.taken.values()) == {1}
        until(lambda: sum(one["sent"] for w in workers for one in w.told("dispatch.done")) == 220)
    for one in workers:
        assert sum(run["sent"] for run in one.told("dispatch.done")) > 0
        assert one.told("worker.stopped")
    done = [one["job"] for worker in workers for one in worker.told("job.done")]
    assert {"collect/votes", "dispatch/0", "dispatch/1"} <= set(done)
    assert any(one.startswith("compose/") for one in done)
    assert not clock.told("dispatch.done")
    assert not clock.told("digests.written")
    assert not publication.workers()


def test_a_worker_that_dies_is_replaced(publication: Publication) -> None:
    """kill -9 in the middle of a message: the other takes its job, and nobody gets two."""
    publication.compose(120)
    with Sink() as sink, ExitStack() as stack:
        publication.more |= smtp(sink.port)
        pids: dict[str, Process] = {}
        struck: list[str] = []

        def strike(client: str) -> None:
            pids[client].process.kill()
            struck.append(client)

        sink.at("content", 20, strike)
        numbers: list[int] = []  # by which the queue knows them
        for name in ("a.test", "b.test"):
            pids[name] = stack.enter_context(publication.worker(name))
            until(lambda: len(publication.workers()) == len(pids))
            numbers.append(*set(publication.workers()) - set(numbers))
        publication.put_turns()
        until(lambda: bool(struck) and not pids[struck[0]].process.runs())
        (started,) = pids[struck[0]].told("worker.started")
        left = next(one for name, one in pids.items() if name != struck[0])
        # As if its leases and half a minute of silence were over.
        publication.sql(
            "UPDATE deliveries SET lease_until = now() WHERE starts_with(owner, :owner)",
            owner=started["owner"],
        )
        publication.sql(
            f"UPDATE {queues.SCHEMA}.procrastinate_workers "
            "SET last_heartbeat = now() - interval '1 hour' WHERE id = :dead",
            dead=numbers[list(pids).index(struck[0])],
        )

        def ended() -> bool:
            states = publication.states()
            return states[DeliveryState.SENT] + states[DeliveryState.UNKNOWN] == 120

        until(ended)
        until(lambda: bool(left.told("job.inherited")))
        states = publication.states()
        assert 0 < states[DeliveryState.UNKNOWN] <= CONNECTIONS
        assert set(sink.taken.values()) == {1}
        assert states[DeliveryState.SENT] <= sum(sink.taken.values()) <= 120


def test_limits_hold_for_all_workers_together(publication: Publication) -> None:
    """What one may send in a moment, two may send in it together."""
    publication.compose(120)
    with Sink() as sink, ExitStack() as stack:
        publication.more |= smtp(sink.port, PER_HOUR="600")
        workers = [stack.enter_context(publication.worker(name)) for name in ("a.test", "b.test")]
        until(lambda: all(one.told("worker.started") for one in workers))
        began = time.monotonic()

        def both_had_turns() -> bool:
            publication.put_turns()  # one of them may have taken those that were there
            return all(dispatched(one) for one in workers)

        until(both_had_turns)
        since = math.ceil((time.monotonic() - began) * 600 / 3600)
        assert 0 < sum(sink.taken.values()) <= per_hour(600).burst + since + 1


def test_a_job_waits_once_and_goes_with_its_kind(publication: Publication) -> None:
    """However often the clock comes by; what is wrong in a transaction puts none of it."""
    queue = Queued(publication.database)
    assert not queue.make()
    both: list[Job] = [
        Collect(sources=("votes",)),
        Compose(issue=date(2026, 3, 11), after=0, up_to=7),
    ]
    for _ in range(3):
        queue.run([*both, Dispatch(made_at=NOON, up_to=1, without=frozenset({3}))], lambda _: None)
    rows = f"SELECT args FROM {queues.SCHEMA}.procrastinate_jobs ORDER BY queue_name"
    assert publication.sql(rows) == [
        {"sources": ["votes"]},
        {"issue": "2026-03-11", "after": 0, "up_to": 7},
        {"made_at": NOON.isoformat(), "up_to": 1, "without": [3], "turn": 0},
    ]
    publication.sql(f"COMMENT ON SCHEMA {queues.SCHEMA} IS 'made of another'")
    with pytest.raises(StoreError, match="newsletter db upgrade"):
        queue.prepare()
    assert "tables of the queue were made" in publication.command("db", "upgrade").stdout
    assert publication.sql(rows) == []
    publication.sql(f"DROP SCHEMA {queues.SCHEMA} CASCADE")
    with pytest.raises(StoreError, match="The queue failed: .*does not exist"):
        queue.run(both, lambda _: None)
    refused(
        publication.command("worker", LOG__LEVEL="error"),
        StoreError.exit_code,
        "newsletter db upgrade",
    )
    refused(
        publication.command("run", LOG__LEVEL="error"),
        StoreError.exit_code,
        "newsletter db upgrade",
    )


@pytest.mark.parametrize(
    "job",
    [
        Collect(sources=("a", "b")),
        Compose(issue=date(2026, 3, 11), after=5, up_to=9),
        Dispatch(made_at=NOON, up_to=4, without=frozenset({2, 3}), turn=1),
    ],
)
def test_a_job_comes_back_from_json(job: Job) -> None:
    """As it was, whatever it is."""
    assert jobs.read(job.kind, json.loads(json.dumps(jobs.write(job)))) == job


def test_blocks_hold_every_reader_once(database_url: str) -> None:
    """Whatever their size, who is to be looked at is in one of them."""
    database = Database(database_url)
    database.upgrade()
    now = datetime.now(UTC)
    then = now + timedelta(days=2)
    with database.write() as connection:
        assert due_store.blocks(connection, then, 3) == []
        for at in range(8):
            consent = Consent(at=now, form="test")
            store.subscribe(connection, f"r{at}@example.org", Preferences(), consent)
        for size in (1, 3, 8, 9):
            found = due_store.blocks(connection, then, size)
            assert found == list(range(-(-8 // size)))
            readers = [
                one.reader.id
                for at in found
                for one in due_store.before(connection, then, at * size, 99, up_to=(at + 1) * size)
            ]
            assert readers == list(range(1, 9))
    database.close()


def test_what_cannot_be_meant_is_told(tmp_path: Path) -> None:
    """A worker without a queue, a queue without PostgreSQL, a job that there is not."""
    quiet = {"LOG__LEVEL": "error"}
    told = newsletter(tmp_path, "worker", **quiet)
    refused(told, ConfigError.exit_code, "schedule.engine", "embedded")
    wanted = quiet | {"SCHEDULE__ENGINE": "procrastinate"}
    for words in (("worker",), ("run",), ("db", "upgrade")):
        told = newsletter(tmp_path, *words, **wanted)
        refused(told, ConfigError.exit_code, "needs PostgreSQL", "sqlite:///")
    refused(newsletter(tmp_path, "worker", "--jobs", "compose,nap", **wanted), 2, "'nap'")
    away = wanted | {"DATABASE__URL": "postgresql+psycopg://papers@127.0.0.1:1/papers"}
    refused(newsletter(tmp_path, "worker", **away), StoreError.exit_code, "127.0.0.1:1")
    wrong = newsletter(tmp_path, "worker", SCHEDULE__ENGINE="celery")
    refused(wrong, ConfigError.exit_code, "SCHEDULE__ENGINE", "procrastinate")


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what installs it."""
    from newsletter import engines
    from newsletter.app import App
    from newsletter.config import load

    told = {
        "NEWSLETTER_SCHEDULE__ENGINE": "procrastinate",
        "NEWSLETTER_DATABASE__URL": "postgresql+psycopg://papers@127.0.0.1:1/papers",
    }
    (tmp_path / "newsletter.toml").write_text("", encoding="utf-8")
    app = App(load(tmp_path / "newsletter.toml", told))
    monkeypatch.delitem(sys.modules, "newsletter.engines.queued", raising=False)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    with pytest.raises(ConfigError, match="procrastinate; install it .*postgres"):
        engines.build(app)
