"""The matrix of signals, instants, senders and databases, at random with the seed printed.

`make crash` runs as many rounds as it is told; a plain test run a few. The sink's record judges:
nobody twice, nobody lost, in doubt no more than the open connections, and all of those listed.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from newsletter.delivery import DeliveryState
from tests.crash.sink import PHASES, Cut, Sink
from tests.crash.world import CONNECTIONS, LEASE, READERS, Crashing

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "12"))  # of each database
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(10**6))))
STRIKES = ("kill", "term", "reset", "freeze")
PATIENCE = 120  # seconds for a sender to end by itself
LATER = 2 * LEASE.total_seconds()  # when every lease of a dead sender has ended


@pytest.fixture(scope="module")
def sqlite_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashing]:
    place = tmp_path_factory.mktemp("crash")
    made = Crashing(f"sqlite:///{place}/newsletter.db", place)
    yield made
    made.database.close()


@pytest.fixture
def world(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Crashing]:
    """A world on each database."""
    made = Crashing(database_url, tmp_path)
    yield made
    made.database.close()


def test_at_random(world: Crashing, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever strikes whenever: twice = 0, lost = 0, in doubt at most the open connections."""
    chance = random.Random(SEED)
    told: Counter[str] = Counter()
    for number in range(ROUNDS):
        strike = chance.choice(STRIKES)
        phase = chance.choice(PHASES)
        senders = chance.choice((1, 3))
        most = CONNECTIONS if phase == "greeting" else READERS - 1
        at = chance.randrange(most)
        try:
            states = _round(world, strike, phase, senders, at)
        except AssertionError as error:
            what = f"{strike} at {phase} {at}, {senders} senders"
            raise AssertionError(f"round {number} of seed {SEED}: {what}: {error}") from error
        told[strike] += 1
        told["unknown"] += states[DeliveryState.UNKNOWN]
    with capsys.disabled():
        kind = world.url.partition(":")[0]
        print(f"\n{kind}: {ROUNDS} rounds of seed {SEED}: {dict(sorted(told.items()))}")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("strike", STRIKES)
def test_every_strike_at_every_instant(sqlite_world: Crashing, strike: str, phase: str) -> None:
    """Each cell of the matrix once, with one sender."""
    _round(sqlite_world, strike, phase, senders=1, at=1)


def _round(
    world: Crashing, strike: str, phase: str, senders: int, at: int
) -> Counter[DeliveryState]:
    world.reset()
    with Sink() as sink:
        started: list[BaseProcess] = []

        def struck() -> None:
            if strike == "reset":
                raise Cut
            victim = started[0]
            if victim.pid is None or not victim.is_alive():
                return
            os.kill(victim.pid, {"kill": 9, "term": 15, "freeze": signal.SIGSTOP}[strike])
            if strike == "kill":
                victim.join(PATIENCE)

        sink.at(phase, at, struck)
        started += [world.start(sink.port) for _ in range(senders)]
        frozen = _wait(started, may_freeze=strike == "freeze")
        froze = time.monotonic()
        later = world.start(sink.port, ahead=LATER)
        later.join(PATIENCE)
        assert later.exitcode == 0, "the second sender did not end"
        if frozen:
            time.sleep(max(0.0, froze + LEASE.total_seconds() + 0.2 - time.monotonic()))
            after = Counter(sink.taken)
            for one in frozen:
                assert one.pid is not None
                os.kill(one.pid, signal.SIGCONT)
            for one in frozen:
                one.join(PATIENCE)
                assert one.exitcode is not None, "a sender that was frozen did not end"
            # Content that was on its way when it froze arrives; nothing new leaves.
            more = sum((sink.taken - after).values())
            assert more <= (CONNECTIONS if phase == "content" else 0), f"{more} after its lease"
        final = world.start(sink.port, ahead=2 * LATER)
        final.join(PATIENCE)
        states = world.judge(sink.taken, senders * CONNECTIONS)
        waiting = states[DeliveryState.QUEUED] + states[DeliveryState.DEFERRED]
        assert waiting == 0, f"forgotten: {states}"
        assert states[DeliveryState.FAILED] == states[DeliveryState.SENDING] == 0, states
        return states


def _wait(started: list[BaseProcess], *, may_freeze: bool) -> list[BaseProcess]:
    """Waits until all have ended, or are frozen; returns the frozen ones."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        alive = [one for one in started if one.is_alive()]
        if not alive:
            return []
        if may_freeze:
            stopped = [one for one in alive if _is_stopped(one)]
            if stopped and len(stopped) == len(alive):
                return stopped
        time.sleep(0.01)
    raise AssertionError("a sender neither ended nor froze")


def _is_stopped(process: BaseProcess) -> bool:
    try:
        status = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has just ended
        return False
    return status[0] == "T"
