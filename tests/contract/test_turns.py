"""Whose turn it is, on both databases and across real processes: one at a time, with a pause."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from newsletter.sources.http import Http, Limits
from newsletter.sources.port import Manners, Request
from newsletter.store.database import Database
from newsletter.store.turns import FURTHEST, LONGEST_TURN, Turns
from tests.contract.upstream import Play, Upstream

SPAWN = multiprocessing.get_context("spawn")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATE = 0.2  # seconds that a loaded machine may take to note what it just did


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.upgrade()
    yield made
    made.close()


class Clock:
    """A clock that moves when somebody sleeps by it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.slept = 0.0

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 60
        self.slept += seconds
        self.now += timedelta(seconds=seconds)
        assert self.slept < 3 * FURTHEST.total_seconds(), "waits for ever"

    def turns(self, database: Database) -> Turns:
        return Turns(database, self, self.sleep)


def _ask(url: str, log: str, holds: tuple[float, ...], pause: float) -> None:
    """What a process does: takes turns, and notes when each began and ended."""
    database = Database(url)
    turns = Turns(database)
    for hold in holds:
        with turns.turn("arxiv", pause):
            begun = time.time()
            time.sleep(hold)
            line = f"{begun} {time.time()}\n"
            with Path(log).open("a") as file:
                file.write(line)
    database.close()


def _die(url: str) -> None:
    """What a process does that is killed while it asks."""
    with Turns(Database(url)).turn("arxiv", 3):
        os._exit(9)


def _in_process(*arguments: object, target: object = _ask) -> multiprocessing.process.BaseProcess:
    process = SPAWN.Process(target=target, args=arguments)  # type: ignore[arg-type]
    process.start()
    return process


def test_processes_ask_one_at_a_time(database: Database, database_url: str, tmp_path: Path) -> None:
    """Of several, none asks while another does, and their starts keep the pause."""
    log, pause = tmp_path / "turns", 0.3
    processes = [
        _in_process(database_url, str(log), holds, pause)
        for holds in [(0.0, 0.5, 0.0), (0.5, 0.0, 0.1), (0.0, 0.0, 0.5)]
    ]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    lines = sorted(log.read_text().splitlines())
    turns = [(float(begun), float(ended)) for begun, ended in map(str.split, lines)]
    assert len(turns) == 9
    for (begun, ended), (begun_next, _) in pairwise(turns):
        assert begun_next >= ended
        assert begun_next - begun >= pause - LATE


def test_the_pause_is_kept_where_nobody_else_asks(database: Database) -> None:
    """Three turns in a row are two pauses."""
    clock = Clock()
    turns = clock.turns(database)
    begun = []
    for _ in range(3):
        with turns.turn("arxiv", 3):
            begun.append(clock.now)
    assert begun[0] == NOON
    assert begun[1] - begun[0] == begun[2] - begun[1] == timedelta(seconds=3)


@pytest.mark.parametrize(("held", "waits"), [(0, 3), (1, 2), (3, 0), (60, 0)])
def test_the_pause_counts_from_the_start(held: float, waits: float, database: Database) -> None:
    """A request that took longer than the pause has paid for it."""
    clock = Clock()
    turns = clock.turns(database)
    with turns.turn("arxiv", 3):
        clock.now += timedelta(seconds=held)
    with turns.turn("arxiv", 3):
        assert clock.slept == waits


def test_the_pause_counts_from_when_the_turn_was_held(database: Database) -> None:
    """A database that is slow to grant a turn does not eat into the next one's pause."""

    class Slow(Clock):
        looks = 0

        def __call__(self) -> datetime:
            told, self.looks = self.now, self.looks + 1
            if self.looks == 1:  # the first turn is granted two seconds after it was taken
                self.now += timedelta(seconds=2)
            return told

    clock = Slow()
    turns = clock.turns(database)
    with turns.turn("arxiv", 10):
        begun = clock.now
    with turns.turn("arxiv", 10):
        assert clock.now - begun >= timedelta(seconds=10)


def test_groups_do_not_wait_for_each_other(database: Database) -> None:
    """Another group's turn is free while one is held."""
    clock = Clock()
    turns = clock.turns(database)
    with turns.turn("arxiv", 3), turns.turn("elsewhere", 3):
        assert clock.slept == 0


def test_an_error_ends_the_turn(database: Database) -> None:
    """Who failed does not keep the others waiting for more than the pause."""
    clock = Clock()
    turns = clock.turns(database)
    with pytest.raises(KeyError), turns.turn("arxiv", 1):
        raise KeyError
    with turns.turn("arxiv", 1):
        assert clock.slept == 1


def test_a_turn_is_waited_for_while_it_is_held(database: Database) -> None:
    """It is looked at often enough that nobody waits much longer than needed."""
    turns = Turns(database)
    order: list[str] = []

    def second() -> None:
        with turns.turn("arxiv", 0):
            order.append("second")

    with turns.turn("arxiv", 0):
        waiting = Thread(target=second)
        waiting.start()
        waiting.join(1)
        order.append("first")
    waiting.join(30)
    assert order == ["first", "second"]


def test_a_holder_that_died_here_loses_its_turn(database: Database, database_url: str) -> None:
    """A process of this machine that was killed while it asked is not waited for, its pause is."""
    process = _in_process(database_url, target=_die)
    process.join(60)
    assert process.exitcode == 9
    clock = Clock(datetime.now(UTC))
    with clock.turns(database).turn("arxiv", 3):
        assert clock.slept <= 3


def test_a_holder_that_died_elsewhere_loses_its_turn(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another machine's process does cannot be seen: a turn's longest is waited for."""
    process = _in_process(database_url, target=_die)
    process.join(60)
    monkeypatch.setattr("newsletter.store.turns._HERE", "another machine")
    clock = Clock(datetime.now(UTC))
    longest = LONGEST_TURN.total_seconds()
    with clock.turns(database).turn("arxiv", 3):
        assert longest - 60 < clock.slept < longest + 1


def test_a_holder_that_comes_back_too_late_ends_only_its_own_turn(database: Database) -> None:
    """Whoever holds the turn by then keeps it, with its pause."""
    clock = Clock()
    turns = clock.turns(database)
    with ExitStack() as late, ExitStack() as next_one:
        late.enter_context(turns.turn("arxiv", 3))
        clock.now += LONGEST_TURN
        next_one.enter_context(turns.turn("arxiv", 3))
        assert clock.slept == 0
        clock.now += timedelta(seconds=1)
        late.close()
        third = LONGEST_TURN.total_seconds() - 1
        with turns.turn("arxiv", 3):
            assert third <= clock.slept < third + 1


@pytest.mark.parametrize("back", [timedelta(minutes=4), timedelta(days=400)])
@pytest.mark.parametrize("died", [False, True])
def test_a_clock_that_was_set_back_does_not_wait_for_ever(
    died: bool, back: timedelta, database: Database
) -> None:
    """At worst some minutes are lost, never the days that it went back."""
    clock = Clock()
    turns = clock.turns(database)
    with ExitStack() as held:
        held.enter_context(turns.turn("arxiv", 3))
        if not died:
            held.close()
        clock.now -= back
        with turns.turn("arxiv", 3):
            assert clock.slept <= FURTHEST.total_seconds() + 1
            if not died:
                assert clock.slept <= back.total_seconds() + 4


@pytest.mark.parametrize("apart", [timedelta(minutes=-2), timedelta(minutes=2)])
def test_machines_whose_clocks_differ_keep_to_one_at_a_time(
    apart: timedelta, database: Database
) -> None:
    """A clock that is some minutes off does not take a turn that is held."""
    here, there = Clock(), Clock(NOON + apart)
    with here.turns(database).turn("arxiv", 3), there.turns(database).turn("arxiv", 3):
        waited = there.slept
    assert waited >= (LONGEST_TURN - abs(apart)).total_seconds()


def test_requests_of_two_machines_are_as_far_apart_as_their_manners_say(
    database: Database, database_url: str
) -> None:
    """What an upstream sees of several clients is one at a time, with the pause."""
    manners = Manners(group="theirs", pause=0.3)
    second = Database(database_url)
    with Upstream() as upstream:
        upstream.always("/a", Play(body=b"[]", wait=0.05))
        request = Request(location=f"{upstream.url}/a", manners=manners)

        def client(over: Database) -> None:
            http = Http(Limits(agent="test"), Turns(over))
            for _ in range(3):
                http.get(request, None, None)
            http.close()

        clients = [Thread(target=client, args=(over,)) for over in (database, second)]
        for one in clients:
            one.start()
        for one in clients:
            one.join(60)
        second.close()
        assert len(upstream.at) == 6
        assert upstream.most_at_once == 1
        # Five pauses; a busy machine may see the first late, and one gap short for the one before.
        assert upstream.at[-1] - upstream.at[0] >= 4 * manners.pause
