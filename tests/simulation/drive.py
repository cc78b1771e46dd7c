"""Runs the duties of a publication by a clock that jumps, in a process that may be killed."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from newsletter.app import App
from newsletter.config import Config
from newsletter.duties import Duties
from newsletter.pipeline.connections import Road
from newsletter.transports import Envelope, Reply
from subscribers import store
from tests.simulation.world import House, Plan

CONNECTIONS = 12
COLLECT = timedelta(hours=6)


class Noting:
    """A transport that notes who was sent to and when, by the clock that jumps."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._clock = clock

    def open(self) -> None:
        """Is open."""

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Notes one mail, in one write."""
        assert message
        number = envelope.recipient.partition("@")[0][1:]
        os.write(self._file, f"{number} {self._clock.now.isoformat()}\n".encode())
        return Reply(code=250, text="noted")

    def close(self) -> None:
        """Stays open."""


class Clock:
    """The instant it is."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The instant it is."""
        return self.now


class Simulated(App):
    """A publication whose mail is noted."""

    def __init__(self, config: Config, road: Road) -> None:
        super().__init__(config)
        self._only_road = road

    def roads(self) -> list[Road]:
        """The one road."""
        return [self._only_road]


def tell(kept: Path, at: datetime) -> None:
    """Keeps how far a process has come."""
    fresh = kept.with_suffix(".new")
    fresh.write_text(at.isoformat())
    fresh.rename(kept)


def together(house: House, at: datetime, others: tuple[str, ...]) -> None:
    """Waits until the others have come to an instant too: it is one time for all of them."""
    for name in others:
        kept = house.folder / f"clock-{name}"
        while not (kept.exists() and datetime.fromisoformat(kept.read_text()) >= at):
            time.sleep(0.005)


def drive(house: House, plan: Plan, name: str, others: tuple[str, ...] = ()) -> None:
    """Runs from where the last process of that name stopped, to the end of the plan.

    Each step is done whole before the clock goes on; one that was cut short is done again. Others
    do the same steps at the same time.
    """
    kept = house.folder / f"clock-{name}"
    start = datetime.fromisoformat(kept.read_text()) if kept.exists() else plan.start
    clock = Clock(start)
    noting = Noting(house.sent, clock)
    app = Simulated(house.config(), Road(name="noting", transports=[noting] * CONNECTIONS))

    duties = Duties(app, clock)
    changes = [one for one in plan.changes if one.at >= start - 2 * plan.step]
    reached = start
    for at in plan.steps(start):
        if reached > plan.start:
            together(house, reached, others)
        clock.now = at
        house.tell_papers(at)
        while changes and changes[0].at <= at:
            one = changes[0]
            with app.database.write() as connection:
                store.change(connection, one.reader, one.preferences, at, "simulation")
            changes.pop(0)
        if (at - plan.start) % COLLECT < plan.step:
            duties.collect()
        duties.compose()
        duties.send()
        if (at - plan.start) % timedelta(days=1) < plan.step:
            duties.alert()
            duties.prune()
        reached = at + plan.step
        tell(kept, reached)
    tell(kept, plan.end)
    app.close()
    (house.folder / f"done-{name}").touch()
    sys.stdout.flush()
