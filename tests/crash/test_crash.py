"""The matrix of strikes, instants, processes and databases, at random with the seed printed.

`make crash` plays the whole matrix and as many random rounds as it is told; a plain test run some
of both. The sink's record judges: nobody twice, nobody lost, in doubt no more than the open
connections, and all of those listed.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

import pytest

from tests.crash.rounds import (
    COMPOSER_STRIKES,
    COMPOSERS,
    COMPOSING,
    SENDERS,
    STRIKES,
    Tally,
    draw,
    play,
)
from tests.crash.sink import PHASES
from tests.crash.world import Composing, Crashing

FULL = "CRASH_ROUNDS" in os.environ
ROUNDS = {
    "sqlite": int(os.environ.get("CRASH_ROUNDS", "6")),
    "postgresql": int(os.environ.get("CRASH_ROUNDS_PG", "6")),
}
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(10**6))))
OF_COMPOSING = 6  # one round in so many strikes a composer: it is one of six instants


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where rounds are played on one database, and what was."""

    name: str
    sending: Crashing
    composing: Composing
    tally: Tally


@pytest.mark.parametrize("database", ROUNDS)
def test_at_random(stages: dict[str, Stage], request: pytest.FixtureRequest, database: str) -> None:
    """Whatever strikes whenever: twice = 0, lost = 0, in doubt at most the open connections."""
    if database not in stages:
        request.getfixturevalue("crash_postgres")  # which tells why it is not there
    stage = stages[database]
    faults: list[str] = []
    for number in range(ROUNDS[database]):
        chance = random.Random(f"{SEED}/{database}/{number}")
        composing = chance.randrange(OF_COMPOSING) == 0
        world = stage.composing if composing else stage.sending
        one = draw(chance, world, phase=COMPOSING if composing else "")
        faults += [f"round {number}: {fault}" for fault in play(world, one, stage.tally)]
    assert not faults, f"seed {SEED}: " + "\n".join(faults)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("strike", STRIKES)
def test_every_strike_at_every_instant(stages: dict[str, Stage], strike: str, phase: str) -> None:
    """Each cell of the matrix; a plain run takes the database and the senders by chance."""
    _cell(stages, strike, phase, SENDERS)


@pytest.mark.parametrize("strike", COMPOSER_STRIKES)
def test_every_strike_while_composing(stages: dict[str, Stage], strike: str) -> None:
    """Composed again after a strike, the issue is the one that it would have been without."""
    _cell(stages, strike, COMPOSING, COMPOSERS)


def _cell(stages: dict[str, Stage], strike: str, phase: str, processes: tuple[int, ...]) -> None:
    cells = [(stage, number) for stage in stages.values() for number in processes]
    if not FULL:
        cells = [random.Random(f"{SEED}/{strike}/{phase}").choice(cells)]
    faults: list[str] = []
    for stage, number in cells:
        chance = random.Random(f"{SEED}/{stage.name}/{strike}/{phase}/{number}")
        world = stage.composing if phase == COMPOSING else stage.sending
        one = draw(chance, world, strike, phase, number)
        faults += [f"{stage.name}: {fault}" for fault in play(world, one, stage.tally)]
    assert not faults, f"seed {SEED}: " + "\n".join(faults)
