"""A publication runs by itself for weeks, is killed and cut off, and each reader gets just theirs.

`SIMULATION_DAYS`, `SIMULATION_READERS` and `SIMULATION_SEED` ask for a longer or another one, and
`SIMULATION_PAIR_DAYS` for more days of two processes beside each other.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import select, text

from newsletter.delivery import DeliveryState
from newsletter.store.database import Database
from newsletter.store.schema import issues
from tests.simulation.drive import CONNECTIONS, drive
from tests.simulation.oracle import Oracle, differences, noted
from tests.simulation.world import House, Plan, drawn

FORK = multiprocessing.get_context("fork")
DAYS = int(os.environ.get("SIMULATION_DAYS", "14"))
PAIR_DAYS = int(os.environ.get("SIMULATION_PAIR_DAYS", "3"))
READERS = int(os.environ.get("SIMULATION_READERS", "150"))
SEED = int(os.environ.get("SIMULATION_SEED", "2028"))
START = datetime(2028, 2, 28, 4, 0, tzinfo=UTC)  # before a leap day; clocks change on March 12
PATIENCE = 300 + max(DAYS, PAIR_DAYS) * READERS / 100  # seconds


def start(house: House, plan: Plan, name: str, names: tuple[str, ...]) -> BaseProcess:
    """A process that runs the publication, beside those of other names."""
    others = tuple(one for one in names if one != name)
    process = FORK.Process(target=drive, args=(house, plan, name, others))
    process.start()
    return process


def run_and_kill(
    house: House, plan: Plan, names: tuple[str, ...], kills: int, chance: random.Random
) -> None:
    """Runs a plan to its end by processes that are killed so many times, and started again."""
    running = {name: start(house, plan, name, names) for name in names}
    ends_at = time.monotonic() + PATIENCE
    while running:
        assert time.monotonic() < ends_at, "It does not come to its end."
        name = chance.choice(sorted(running))
        running[name].join(chance.uniform(0.2, PATIENCE / 60) if kills else PATIENCE)
        if running[name].exitcode is None and kills:
            kills -= 1
            number = running[name].pid
            assert number is not None
            os.kill(number, signal.SIGKILL)
            running[name].join()
        code = running.pop(name).exitcode
        if not (house.folder / f"done-{name}").exists():
            assert code == -signal.SIGKILL, f"{name} ended by itself: {code}"
            running[name] = start(house, plan, name, names)


def accounts(house: House, plan: Plan) -> tuple[list[str], int]:
    """What went otherwise than the oracle says, and how many digests are in doubt."""
    database = Database(house.url.replace("///", f"///{house.folder}/"))
    with database.read() as connection:
        lost = dict(
            connection.execute(
                text(
                    "SELECT subscriber_id, count(*) FROM deliveries WHERE state IN (:a, :b) "
                    "GROUP BY subscriber_id"
                ),
                {"a": DeliveryState.UNKNOWN, "b": DeliveryState.SENDING},
            ).all()
        )
        twice = connection.execute(
            text(
                "SELECT subscriber_id, paper_id FROM deliveries d, json_each(d.picks) pick "
                "JOIN issue_papers p ON p.issue_id = d.issue_id "
                "AND p.place = json_extract(pick.value, '$[0]') "
                "WHERE d.state IN ('sent', 'unknown', 'sending') "
                "GROUP BY subscriber_id, paper_id HAVING count(*) > 1"
            )
        ).all()
        composed = connection.execute(select(issues.c.day, issues.c.composed_at)).all()
    database.close()
    oracle = Oracle(plan, sorted((row.day, row.composed_at) for row in composed))
    got = noted(house.sent)
    told = [f"reader {reader} had {paper} twice" for reader, paper in twice]
    told += oracle.days_without()
    for reader in range(1, len(plan.readers) + 1):
        told += differences(plan, oracle, reader, got.get(reader, []), lost.get(reader, 0))
    return told, sum(lost.values())


def check(house: House, plan: Plan, names: tuple[str, ...], kills: int) -> None:
    """Runs a plan and holds it to the oracle."""
    began = time.monotonic()
    house.found(plan)
    run_and_kill(house, plan, names, kills, random.Random(SEED))
    told, doubtful = accounts(house, plan)
    mails = house.sent.read_text(encoding="ascii").count("\n")
    most = CONNECTIONS * kills
    print(
        f"seed {SEED}: {plan.days} days, {len(plan.readers)} readers, {len(plan.changes)} changes, "
        f"{len(plan.outages)} outages, {kills} kills: {mails} mails, {doubtful} in doubt, "
        f"{len(told)} wrong, {time.monotonic() - began:.0f} s"
    )
    assert not told, f"seed {SEED}: {told[:20]}"
    assert doubtful <= most, f"seed {SEED}: {doubtful} in doubt of {kills} kills"
    assert mails > plan.days * len(plan.readers) / 4


def test_each_reader_gets_just_what_they_ask_for(tmp_path: Path) -> None:
    """With clocks changing, outages, changes of mind, and a process that is killed at random."""
    plan = drawn(
        SEED,
        start=START,
        days=DAYS,
        readers=READERS,
        changes=READERS * DAYS // 60,
        outages=max(2, DAYS // 6),
    )
    check(House(tmp_path), plan, ("one",), kills=max(2, DAYS // 8))


def test_two_beside_each_other_are_like_one(tmp_path: Path) -> None:
    """On one database, each killed now and then: nobody gets anything twice, or nothing."""
    plan = drawn(SEED + 1, start=START, days=PAIR_DAYS, readers=READERS, changes=20, outages=0)
    check(House(tmp_path), plan, ("one", "two"), kills=3)
