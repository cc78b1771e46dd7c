"""Plays a round: starts processes, strikes one of them or their database, and judges what is left.

A round returns what was wrong; it raises only where the test itself, or a process, does not end.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from newsletter.delivery import DeliveryState
from tests.crash.sink import PHASES, Cut, Sink
from tests.crash.troubles import Kind, signalled
from tests.crash.world import (
    CONNECTIONS,
    LATER,
    READERS,
    SHORT_LEASE,
    SHORT_PATIENCE,
    TROUBLE,
    Composing,
    Crashing,
    Orders,
    alive,
)

STRIKES = ("kill", "term", "reset", "freeze", "database")
SENDERS = (1, 3)
COMPOSER_STRIKES = ("kill", "term", "freeze", "database")
COMPOSERS = (1, 2)
COMPOSING = "composing"
PATIENCE = 120  # seconds for a process to end by itself
POLL = 0.005  # seconds between looks at processes
RANGE = 6  # readers a transaction of a composer: ten and more transactions an issue
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "freeze": signal.SIGSTOP}


@dataclass(frozen=True, kw_only=True)
class Round:
    """What happens in a round."""

    strike: str  # of STRIKES
    phase: str  # of PHASES, or COMPOSING
    processes: int  # that begin together
    at: int  # how often the phase is passed before the strike
    batch: int  # deliveries a claim
    trouble: Kind  # where the database is struck
    wait: float  # how far into composing it strikes, as a share of what composing takes

    def __str__(self) -> str:
        what = self.trouble.name if self.strike == "database" else self.strike
        return f"{what} at {self.phase} {self.at}, {self.processes} processes, batch {self.batch}"


@dataclass
class Tally:
    """What was played on a database, to be told at the end."""

    rounds: int = 0
    strikes: Counter[str] = field(default_factory=Counter)  # those that met a process
    unknown: int = 0
    replayed: int = 0  # answers that waited in receipts
    twice: int = 0
    lost: int = 0  # lost, forgotten, or taken and not told
    faults: int = 0
    seconds: float = 0

    def __str__(self) -> str:
        struck = ", ".join(f"{name} {number}" for name, number in sorted(self.strikes.items()))
        return (
            f"{self.rounds} rounds in {self.seconds:.0f} s: twice {self.twice}, lost {self.lost}, "
            f"faults in all {self.faults}, "
            f"in doubt and listed {self.unknown}, answers replayed from receipts {self.replayed}; "
            f"struck: {struck}"
        )


def draw(
    chance: random.Random,
    world: Crashing,
    strike: str = "",
    phase: str = "",
    processes: int = 0,
) -> Round:
    """A round at random, but for what is named."""
    phase = phase or chance.choice(PHASES)
    composing = phase == COMPOSING
    return Round(
        strike=strike or chance.choice(COMPOSER_STRIKES if composing else STRIKES),
        phase=phase,
        processes=processes or chance.choice(COMPOSERS if composing else SENDERS),
        at=chance.randrange(CONNECTIONS if phase == "greeting" else READERS - 1),
        batch=chance.choice((4, 50)),
        trouble=chance.choice(world.trouble.kinds),
        wait=chance.random(),
    )


def play(world: Crashing, one: Round, tally: Tally) -> list[str]:
    """Plays a round and adds it to the tally; returns its faults, each with the round."""
    began = time.monotonic()
    if isinstance(world, Composing):
        faults = _composing(world, one, tally)
    else:
        faults = _sending(world, one, tally)
    tally.rounds += 1
    tally.faults += len(faults)
    tally.seconds += time.monotonic() - began
    return [f"{one}: {fault}" for fault in faults]


def _sending(world: Crashing, one: Round, tally: Tally) -> list[str]:
    world.reset()
    frozen_ones = one.strike == "freeze"
    orders = Orders(
        batch=one.batch,
        **({"lease": SHORT_LEASE, "busy": SHORT_PATIENCE} if frozen_ones else {}),
        **({"busy": one.trouble.busy} if one.strike == "database" else {}),
    )
    struck: list[str] = []
    with Sink() as sink:
        started: list[BaseProcess] = []

        def strike(client: str) -> None:
            if one.strike == "database":
                struck.append(one.strike)
                world.trouble.begin(one.trouble)
                return
            if one.strike == "reset":
                struck.append(one.strike)
                raise Cut
            here = alive(started)
            victims = [it for it in here if str(it.pid) == client] or here
            if not victims:
                return
            victim = victims[0]
            if not signalled(victim, SIGNALS[one.strike]):
                return
            struck.append(one.strike)
            if one.strike == "kill":
                while alive([victim]):
                    time.sleep(POLL)

        sink.at(one.phase, one.at, strike)
        started += [world.start(sink.port, orders) for _ in range(one.processes)]
        frozen = _wait(started, may_freeze=frozen_ones)
        froze = time.monotonic()
        world.trouble.end()
        faults = _ends(started, {0, TROUBLE, -signal.SIGKILL} if struck else {0}, frozen)
        replayed = world.kept()
        later = world.start(
            sink.port, Orders(batch=50, ahead=LATER, busy=SHORT_PATIENCE if frozen else None)
        )
        later.join(PATIENCE)
        # SQLite's lock may be in the frozen process: then it says so and ends.
        faults += _ends([later], {0, TROUBLE} if frozen else {0})
        if frozen:
            lease_over = froze + SHORT_LEASE.total_seconds() + 0.1
            time.sleep(max(0.0, lease_over - time.monotonic()))
            after = Counter(sink.taken)
            _thaw(frozen)
            faults += _ends(frozen, {0, TROUBLE})
            # Content that was on its way when it froze arrives; nothing new leaves. Unless it froze
            # with SQLite's lock, so that nobody went on: then it claims anew, and may.
            more = sum((sink.taken - after).values())
            went_on = later.exitcode == 0
            if went_on and more > (CONNECTIONS if one.phase == "content" else 0):
                faults.append(f"{more} left after the lease")
        final = world.start(sink.port, Orders(batch=50, ahead=2 * LATER))
        final.join(PATIENCE)
        faults += _ends([final], {0})
        faults += _judge(world, sink, _most_unknown(one), tally)
    tally.replayed += replayed
    tally.strikes[struck[0] if struck else "nobody"] += 1
    return faults


def _most_unknown(one: Round) -> int:
    """How many may be in doubt: what the connections of the struck process had under way."""
    match one.strike:
        case "term":
            return 0
        case "reset":
            return 1
        case "database":
            return 0 if one.trouble.harmless else one.processes * CONNECTIONS
    return CONNECTIONS


def _composing(world: Composing, one: Round, tally: Tally) -> list[str]:
    world.wipe()
    busy = {"freeze": SHORT_PATIENCE, "database": one.trouble.busy}.get(one.strike)
    orders = Orders(batch=RANGE, busy=busy)
    begun = [world.compose_in_process(orders) for _ in range(one.processes)]
    victim, heard = begun[0]
    _await(victim, heard, one)
    if one.strike == "database":
        world.trouble.begin(one.trouble)
        struck = True
    else:
        struck = signalled(victim, SIGNALS[one.strike])
    started = [process for process, _ in begun]
    frozen = _wait(started, may_freeze=one.strike == "freeze")
    world.trouble.end()
    allowed = {0, TROUBLE, -signal.SIGKILL, -signal.SIGTERM} if struck else {0}
    faults = _ends(started, allowed, frozen)
    if frozen:  # another one begins while it stands still, and they go on together
        begun.append(world.compose_in_process(orders))
        begun[-1][0].join(0.3)
        _thaw(frozen)
        faults += _ends([process for process, _ in begun], {0, TROUBLE})
    again = [world.compose_in_process(Orders(batch=RANGE)) for _ in range(one.processes)]
    faults += _ends([process for process, _ in again], {0})
    for _, connection in begun + again:
        connection.close()
    world.find_issue()
    if world.composed() != world.clean:
        faults.append("composed otherwise than without a crash")
    with Sink() as sink:
        sender = world.start(sink.port, Orders(batch=50))
        sender.join(PATIENCE)
        faults += _ends([sender], {0})
        faults += _judge(world, sink, 0, tally)
    tally.strikes[f"{one.strike} while composing" if struck else "nobody"] += 1
    return faults


def _await(victim: BaseProcess, heard: Connection, one: Round) -> None:
    """Waits for some ranges to be committed, and for an instant within the next."""
    ranges = int(one.wait * 2 * READERS / RANGE)  # as many as there are at most
    until = time.monotonic() + PATIENCE
    for _ in range(ranges):
        while not heard.poll(POLL):
            if not victim.is_alive():
                return
            assert time.monotonic() < until, "a composer neither ended nor went on"
        try:
            heard.recv_bytes()
        except EOFError:  # it has ended
            return
    share = one.wait * 2 * READERS / RANGE - ranges
    time.sleep(share * (0.2 if ranges == 0 else 0.01))  # freezing the issue takes longer


def _judge(world: Crashing, sink: Sink, most: int, tally: Tally) -> list[str]:
    verdict = world.judge(sink.taken)
    tally.unknown += verdict.states[DeliveryState.UNKNOWN]
    tally.twice += len(verdict.twice)
    tally.lost += len(verdict.lost | verdict.untold | verdict.forgotten)
    return verdict.faults(most)


def _wait(started: list[BaseProcess], *, may_freeze: bool) -> list[BaseProcess]:
    """Waits until all have ended, or are frozen; returns the frozen ones."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        here = alive(started)
        if not here:
            return []
        if may_freeze:
            stopped = [one for one in here if _is_stopped(one)]
            if stopped and len(stopped) == len(here):
                return stopped
        time.sleep(POLL)
    raise AssertionError("a process neither ended nor froze")


def _ends(
    processes: Iterable[BaseProcess], allowed: set[int], but: Iterable[BaseProcess] = ()
) -> list[str]:
    """Waits for them to end; says who ended otherwise than is allowed."""
    faults = []
    for process in processes:
        if process in list(but):
            continue
        process.join(PATIENCE)
        if process.exitcode not in allowed:
            faults.append(f"a process ended with {process.exitcode}")
    return faults


def _thaw(frozen: Iterable[BaseProcess]) -> None:
    for one in frozen:
        signalled(one, signal.SIGCONT)


def _is_stopped(process: BaseProcess) -> bool:
    try:
        status = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has just ended
        return False
    return status[0] == "T"
