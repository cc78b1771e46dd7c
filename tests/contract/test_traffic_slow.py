"""Limits beside servers that take their time: what may leave does, whoever has not answered yet."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from newsletter.pacing import DomainLimits, RoadLimits, per_second
from tests.contract.test_belt import NOON
from tests.contract.test_traffic import Clock, composed, ledger, road, run
from tests.world import Ledger, Scripted

__all__ = ["ledger"]


class Running(Clock):
    """Goes on from noon."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.monotonic()

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=time.monotonic() - self.start)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_a_rate_is_reached_by_servers_that_answer_slowly(ledger: Ledger) -> None:
    """Ten a second over eight connections of half a second each: not one after the other."""
    composed(ledger, 14)
    clock, lines = Running(), [Scripted(*[lambda: time.sleep(0.5)] * 30) for _ in range(8)]
    run(ledger, [road("a", *lines, limits=RoadLimits(rates=(per_second(10),)))], clock)
    taken = sum(len(line.taken) for line in lines)
    passed = (clock() - NOON).total_seconds()
    assert taken >= 14
    assert taken / 10 - 0.2 < passed < taken * 0.5 / 2


def test_one_slow_answer_does_not_hold_up_a_rate(ledger: Ledger) -> None:
    """While one connection waits for its answer the other carries all the rest."""
    composed(ledger, 6)
    clock, slow, quick = Running(), Scripted(lambda: time.sleep(2)), Scripted()
    run(ledger, [road("a", slow, quick, limits=RoadLimits(rates=(per_second(20),)))], clock)
    assert len(slow.taken) == 1
    assert len(quick.taken) >= 5


def test_one_slow_answer_does_not_hold_up_what_was_put_off(ledger: Ledger) -> None:
    """Of a limited domain, too: each message leaves at its instant."""
    composed(ledger, 3)
    clock, slow, quick = Running(), Scripted(lambda: time.sleep(3)), Scripted()
    limits = {"example.org": DomainLimits(rates=(per_second(5),))}
    run(ledger, [road("a", slow, quick)], clock, limits)
    assert len(slow.taken) == 1
    assert len(quick.taken) >= 3
