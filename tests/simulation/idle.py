"""Runs a publication that has nothing to do by a clock that jumps, and notes what it holds.

`python -m tests.simulation.idle FOLDER DAYS [SECONDS]` prints a line a simulated day: the day, the
KiB in memory (VmRSS), and the objects that Python knows of, both after a collection of garbage.
SECONDS is the step of the clock, by default half an hour; a duty is called at each step that its
own time has come by.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from starlette.testclient import TestClient

from newsletter.duties import Duties
from newsletter.pipeline.connections import Road
from newsletter.scheduler import ALERT, PRUNE, WATCH
from newsletter.web import Site, create
from subscribers.model import Preferences
from tests.simulation.drive import Clock, Noting, Simulated
from tests.simulation.world import House, Plan

START = datetime(2028, 3, 1, 4, 0, tzinfo=UTC)
STEP = 1800  # seconds
AWAY = Preferences(at=time(8, 0), zone="Europe/Oslo", paused_until=date(2038, 1, 1))
READERS = 5
SCRAPE = 15.0  # seconds between two looks of a monitor


class Held(NamedTuple):
    """What a process holds at the end of a day."""

    day: int
    kib: int
    objects: int


@dataclass
class Tick:
    """A duty, and when it is called next."""

    work: Callable[[], object]
    every: timedelta
    next_at: datetime

    def come(self, now: datetime) -> None:
        """Does it where its time has come, once whatever was missed."""
        if now >= self.next_at:
            self.work()
            self.next_at = now + self.every


def idle(folder: Path, days: int, step: timedelta) -> Iterator[Held]:
    """What a publication holds each day, with readers who are all away and papers that stay."""
    plan = Plan(start=START, days=days, step=step, readers=(AWAY,) * READERS)
    house, clock = House(folder), Clock(START)
    house.found(plan)
    house.tell_papers(START)
    app = Simulated(house.config(), Road(name="noting", transports=[Noting(house.sent, clock)]))
    duties, own = Duties(app, clock), app.settings.schedule
    site = Site(app, clock)
    with TestClient(create(site), client=("127.0.0.1", 1)) as monitor:

        def scrape() -> None:
            for path in ("/healthz", "/readyz", "/metrics"):
                assert monitor.get(path, headers={"Host": "localhost"}).status_code == 200

        ticks = [
            Tick(work, timedelta(seconds=seconds), START)
            for work, seconds in (
                (duties.collect, own.collect_minutes * 60),
                (duties.compose, WATCH),
                (duties.send, own.send_seconds),
                (duties.letters, own.send_seconds),
                (duties.tell, WATCH),
                (duties.alert, ALERT),
                (duties.prune, PRUNE),
                (scrape, SCRAPE),
            )
        ]
        midnight = START + timedelta(days=1)
        for at in plan.steps(START):
            clock.now = at
            for tick in ticks:
                tick.come(at)
            if at + step >= midnight:
                gc.collect()
                yield Held((midnight - START).days, _resident(), len(gc.get_objects()))
                midnight += timedelta(days=1)
    app.close()


def _resident() -> int:
    """KiB of this process in memory."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    more = int(sys.argv[3]) if len(sys.argv) > 3 else STEP
    for held in idle(Path(sys.argv[1]), int(sys.argv[2]), timedelta(seconds=more)):
        print(*held, flush=True)
