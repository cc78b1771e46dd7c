"""A publication of several hosts that lose each other, and what may be left of it.

A round queues the issue anew, has each host work, strikes at random instants, and waits until all
has come to an end by itself. It returns what was wrong.
"""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import text

from newsletter.app import App
from newsletter.config import load
from newsletter.delivery import DeliveryState
from newsletter.pipeline import Edition
from newsletter.store import issues, ledger
from subscribers import store
from subscribers.model import Consent, Preferences
from tests.commands import newsletter
from tests.crash.hosts import CENTRE, HUB, Command, Hosts, Pace, Running, Served, inside
from tests.crash.rounds import Tally
from tests.crash.sink import Sink
from tests.crash.world import Crashing

NAMES = ("one", "two", "three")
READERS = 400
CONNECTIONS = 4  # of one host: the jobs of a worker are done one after the other
LEASE = 3.0  # seconds
PACE = 0.06  # seconds that the mail server thinks before and after each message
BUSY = 5 * PACE  # seconds; who was heard within is in the middle of messages
PATIENCE = 90  # seconds until all has come to an end
STRIKES = ("cut", "freeze", "kill", "restart")
HIT = ("cut", "freeze", "kill")  # strikes at one host
SETTINGS = """
[sender]
address = "daily@papers.example.org"
postal_address = "1 Example Road, Oslo"
[sources.votes]
kind = "jsonl"
path = "papers.jsonl"
[schedule]
compose_at = "00:00"
catch_up_hours = 24
send_seconds = 5
engine = "procrastinate"
"""


@dataclass(frozen=True, kw_only=True)
class Strike:
    """What happens, to whom, and when."""

    kind: str  # of STRIKES
    host: str  # of NAMES; empty where it is the database
    at: int  # messages that the mail server has when it comes
    after: float  # seconds after that
    lasts: float  # seconds that it lasts, longer than the lease; 0: for ever, or at once
    way: str  # in which a host is cut off: of Hosts.cut

    def __str__(self) -> str:
        who = f" {self.host}" if self.host else ""
        way = f" by its {self.way}" if self.kind == "cut" else ""
        return f"{self.kind}{who}{way} at {self.at}+{self.after:.2f}s for {self.lasts:.1f}s"


def draw(chance: random.Random, kinds: tuple[str, ...] = ()) -> list[Strike]:
    """Some strikes at random; each of `kinds` where they are named, at a host of its own."""
    apart = dict(zip(HIT, chance.sample(NAMES, len(NAMES)), strict=True))
    longest = 1.8 if kinds else 5.0  # leases
    chosen = kinds or tuple(chance.sample(STRIKES, chance.randint(1, len(STRIKES))))
    found = []
    for kind in chosen:
        anyone = apart[kind] if kinds and kind in apart else chance.choice(NAMES)
        found.append(
            Strike(
                kind=kind,
                host="" if kind == "restart" else anyone,
                at=chance.randrange(int(READERS * 0.7)),
                after=chance.random() * 2 * PACE,
                lasts=LEASE * chance.uniform(1.2, longest) if kind in ("cut", "freeze") else 0,
                way=chance.choice(("port", "card")),
            )
        )
    return found


class Slow(Sink):
    """A mail server that takes its time, so that there is a middle to strike in."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._heard: dict[str, float] = {}

    def is_busy(self, client: str) -> bool:
        """Whether this host is in the middle of its messages."""
        return time.monotonic() - self._heard.get(client, 0) < BUSY

    def _pass(self, phase: str, client: str) -> None:
        self._heard[client] = time.monotonic()
        if phase in ("content", "dot"):
            time.sleep(PACE)


class Matrix(Crashing):
    """The publication; its ledger is looked at through a socket that no cut reaches."""

    def __init__(self, hosts: Hosts, place: Path, server: Served) -> None:
        self.hosts, self.place, self.server = hosts, place, server
        self.round = 0
        super().__init__(server.create(), place, server)

    def _fill(self) -> None:
        (self.place / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
        now = datetime.now(UTC)
        seen = {"source": "votes", "listed": f"{now:%Y-%m-%d}", "at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        votes = [seen | {"votes": 9}]
        paper = {"id": "arxiv:2603.00001", "title": "A paper", "observations": votes}
        (self.place / "papers.jsonl").write_text(json.dumps(paper), encoding="utf-8")
        self.settings = {
            "DATABASE__URL": self.url,
            "SECRET": "a key of forty characters, for the tests",
            "LOG__FORMAT": "json",
        }
        self.command("db", "upgrade")
        consent = Consent(at=now - timedelta(days=2), form="test")
        with self.database.write() as connection:
            for at in range(READERS):
                wants = Preferences(at=datetime.min.time())
                store.subscribe(connection, f"r{at}@example.org", wants, consent)
        self.command("collect")
        self.command("compose")
        with self.database.read() as connection:
            newest = issues.latest_day(connection)
            assert newest is not None
            self.issue = issues.get(connection, newest)

    def _names(self) -> dict[bytes, str]:
        told = {f"NEWSLETTER_{key}": word for key, word in self.settings.items()}
        edition = Edition(self.issue, App(load(self.place / "newsletter.toml", told)).signer)
        found = self.entries(self.issue.id).values()
        wanted = [one for one in found if one.picks != "[]"]
        assert len(wanted) >= READERS
        return {edition.message(one).message_id.encode(): one.address for one in wanted}

    def command(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """What a command prints that does not work on a host."""
        done = newsletter(self.place, *words, **self.settings)
        assert done.returncode in codes, done.stderr
        return str(done.stdout)

    def reset(self) -> None:
        """As if nothing had been sent; what stands on the queue still does."""
        super().reset()
        self.round += 1
        with self.database.write() as connection:
            connection.execute(text("UPDATE deliveries SET due_at = now(), next_at = now()"))

    def on(self, host: str, port: int, *words: str) -> Command:
        """A command of a host, with receipts and a log of its own."""
        road = {"HOST": CENTRE, "PORT": str(port), "SECURITY": "none", "LOCAL_HOSTNAME": host}
        road |= {"TIMEOUT": "3", "REPLY_TIMEOUT": "5"}
        settings = self.settings | {
            "CONFIG": str(self.place / "newsletter.toml"),
            "DATABASE__URL": self.server.afar(self.url),
            "DELIVERY__TRANSPORT": "smtp",
            "DELIVERY__CONNECTIONS": str(CONNECTIONS),
            "DELIVERY__RECEIPTS": str(self.receipts / host),
            **{f"TRANSPORTS__SMTP__{name}": word for name, word in road.items()},
        }
        return Command(
            host=host,
            room=self.hosts.room(host),
            place=self.place,
            words=words,
            settings=settings,
            pace=Pace(lease=LEASE),
            log=self.place / f"{self.round}-{host}.log",
        )

    def states(self) -> dict[DeliveryState, int]:
        """What has become of the issue so far."""
        with self.database.read() as connection:
            return ledger.count(connection, self.issue.id)


def play(world: Matrix, strikes: list[Strike], tally: Tally) -> list[str]:
    """Plays a round and adds it to the tally; returns its faults, each with the strikes."""
    began = time.monotonic()
    world.reset()
    faults: list[str] = []
    with inside(world.hosts.room(HUB)):
        sink = Slow(CENTRE)
    with sink, _working(world, sink) as working, _counting(world, tally):
        _strike(world, sink, working, strikes, tally)
        _await(lambda: ledger.is_finished(world.states()), "the issue did not come to an end")
        for name, one in working.items():
            killed = any((it.kind, it.host) == ("kill", name) for it in strikes)
            faults += one.ends(-signal.SIGKILL if killed else 0)
        most = sum(CONNECTIONS * (1 if one.host else len(NAMES)) for one in strikes)
        faults += _judge(world, sink, most, tally)
    tally.rounds += 1
    tally.faults += len(faults)
    tally.seconds += time.monotonic() - began
    told = ", ".join(map(str, strikes))
    return [f"{told}: {fault}" for fault in faults]


@contextmanager
def _working(world: Matrix, sink: Slow) -> Iterator[dict[str, Running]]:
    """Each host with a worker, and the clock beside the database; all are gone afterwards."""
    working: dict[str, Running] = {}
    try:
        for name in NAMES:
            working[name] = world.on(name, sink.port, "worker", "--concurrency", "1").start()
        for one in working.values():  # who cannot reach the database at its start says so and ends
            _await(partial(one.told, "worker.started"), "a worker did not start")
        working[HUB] = world.on(HUB, sink.port, "run", "--no-pages").start()
        _await(partial(working[HUB].told, "run.started"), "the clock did not start")
        yield working
    finally:
        for one in working.values():
            one.kill()


@contextmanager
def _counting(world: Matrix, tally: Tally) -> Iterator[None]:
    """Counts the answers that hosts keep in receipts until they can tell the ledger."""
    seen: dict[Path, int] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            for file in world.receipts.rglob("*.jsonl"):
                with suppress(FileNotFoundError):  # it has just been replayed
                    seen[file] = len(file.read_text(encoding="utf-8").splitlines())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
        tally.replayed += sum(seen.values())


def _strike(
    world: Matrix, sink: Slow, working: dict[str, Running], strikes: list[Strike], tally: Tally
) -> None:
    """Strikes each at its instant, beside each other; returns when the last is over."""
    failed: list[BaseException] = []

    def one(strike: Strike) -> None:
        try:
            _await(lambda: sum(sink.taken.values()) >= strike.at, f"no time came for {strike}")
            time.sleep(strike.after)
            met = any(sink.is_busy(name) for name in ([strike.host] if strike.host else NAMES))
            tally.strikes[strike.kind if met else f"{strike.kind} while idle"] += 1
            _do(world, working, strike)
        except BaseException as error:  # raised where the round waits, not in this thread
            failed.append(error)

    threads = [threading.Thread(target=one, args=(it,)) for it in strikes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _do(world: Matrix, working: dict[str, Running], strike: Strike) -> None:
    match strike.kind:
        case "cut":
            with world.hosts.cut(strike.host, strike.way):
                time.sleep(strike.lasts)
        case "freeze":
            working[strike.host].signal(signal.SIGSTOP)
            time.sleep(strike.lasts)
            working[strike.host].signal(signal.SIGCONT)
        case "kill":
            working[strike.host].signal(signal.SIGKILL)
        case "restart":
            world.server.restart()


def _judge(world: Matrix, sink: Slow, most: int, tally: Tally) -> list[str]:
    """Holds the ledger against the mail server, as it is and once all receipts are told."""
    verdict = world.judge(sink.taken)
    unknown = verdict.states[DeliveryState.UNKNOWN]
    faults = [one for one in verdict.faults(most) if "receipts" not in one]
    told = json.loads(world.command("status", "--json", codes=(0, 1)))
    if not told["balanced"] or not told["finished"]:
        faults.append("status: not balanced, or not finished")
    listed = world.command("deliveries", "list", "--state", "unknown", "--limit", "1000", "--json")
    if len(json.loads(listed)) != unknown:
        faults.append(f"{unknown} in doubt, listed: {listed}")
    waiting = sorted({file.parent.name for file in world.receipts.glob("*/*")})
    for name in waiting:  # what a host had in hand is told when it next sends
        again = world.on(name, sink.port, "send").start()
        again.process.join(PATIENCE)
        faults += again.ends()
    after = world.judge(sink.taken)
    faults += [f"once receipts were told: {one}" for one in after.faults(unknown)]
    tally.unknown += after.states[DeliveryState.UNKNOWN]
    tally.twice += len(verdict.twice)
    tally.lost += len(after.lost | after.untold | after.forgotten)
    return faults


def _await(true: Callable[[], bool], otherwise: str) -> None:
    ends_at = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends_at, otherwise
        time.sleep(0.02)
