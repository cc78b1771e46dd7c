"""Three workers on hosts of their own: one cut off, one frozen, one killed, the database restarted.

A plain run plays the whole of it once and one round by chance, with the seed printed;
MATRIX_ROUNDS plays so many, and MATRIX_SEED the same again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import partial

import pytest

from tests.crash.hosts import HUB, Hosts, Served
from tests.crash.matrix import NAMES, STRIKES, Matrix, draw, play
from tests.crash.rounds import Tally
from tests.crash.troubles import own_postgres

ROUNDS = int(os.environ.get("MATRIX_ROUNDS", "1"))
SEED = int(os.environ.get("MATRIX_SEED", str(random.SystemRandom().randrange(10**6))))


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The hosts with a publication; all of it is gone afterwards."""
    with Hosts(NAMES) as hosts, own_postgres(partial(Served, room=hosts.room(HUB))) as server:
        world = Matrix(hosts, tmp_path_factory.mktemp("hosts"), server)
        yield world
        world.database.close()


def test_hosts_that_lose_each_other(matrix: Matrix, capsys: pytest.CaptureFixture[str]) -> None:
    """twice = 0, lost = 0, in doubt at most the connections of those hit, all by itself."""
    tally, faults = Tally(), []
    for number in range(ROUNDS):
        chance = random.Random(f"{SEED}/{number}")
        strikes = draw(chance, STRIKES if number % 2 == 0 else ())
        faults += [f"round {number}: {fault}" for fault in play(matrix, strikes, tally)]
    with capsys.disabled():
        print(f"\nhosts, seed {SEED}: {tally}")
    assert not faults, f"seed {SEED}: " + "\n".join(faults)
