"""A publication, its readers in all zones, what they change, and when it does not run."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from newsletter.app import App
from newsletter.config import Config, load
from subscribers import store
from subscribers.model import Consent, Preferences

PAPERS = 8  # new ones a day
WINDOW = 3  # days a paper is told of, and stays a candidate
QUARTER = timedelta(minutes=15)  # readers' hours, and the step of the clock, are whole quarters
SETTINGS = """
secret = "a key for simulated readers, of no other use"
[database]
url = "{url}"
[sender]
address = "daily@papers.example.org"
postal_address = "1 Example Road, Oslo"
[issue]
window_days = {window}
[sources.votes]
kind = "jsonl"
path = "papers.jsonl"
[schedule]
collect_minutes = 720
"""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a reader does on their page."""

    at: datetime
    reader: int
    preferences: Preferences


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A stretch of time: who reads, what they change, when nothing runs."""

    start: datetime
    days: int
    step: timedelta
    readers: tuple[Preferences, ...]  # number 1 is the first
    changes: tuple[Change, ...] = ()
    outages: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def end(self) -> datetime:
        """When it is over."""
        return self.start + timedelta(days=self.days)

    def runs(self, at: datetime) -> bool:
        """Whether the publication runs at an instant."""
        return not any(first <= at < last for first, last in self.outages)

    def steps(self, start: datetime) -> Iterator[datetime]:
        """The instants at which its clock is looked at, from one on."""
        at = start
        while at < self.end:
            if self.runs(at):
                yield at
            at += self.step


def zones() -> list[str]:
    """Every zone by its usual names; those the tables keep for compatibility are left out."""
    odd = ("Etc/", "SystemV/", "posix/", "right/")
    named = [one for one in available_timezones() if "/" in one and not one.startswith(odd)]
    return sorted([*named, "UTC"])


def drawn(
    seed: int,
    *,
    start: datetime,
    days: int,
    readers: int,
    changes: int,
    outages: int,
    step: timedelta = 2 * QUARTER,
) -> Plan:
    """A plan by chance."""
    chance = random.Random(seed)
    names = zones()
    wants = [_wishes(chance, names[at % len(names)]) for at in range(readers)]
    now = list(wants)
    span = timedelta(days=days)
    told = []
    for at in sorted(start + span * chance.random() for _ in range(changes)):
        number = chance.randrange(readers)
        now[number] = _changed(chance, now[number], names, at)
        told.append(Change(at=at, reader=number + 1, preferences=now[number]))
    away = []
    for _ in range(outages):
        first = start + timedelta(days=1) + (span - timedelta(days=1)) * chance.random()
        away.append((first, first + timedelta(hours=chance.choice((0.6, 2, 5, 9, 15, 30, 60)))))
    return Plan(
        start=start,
        days=days,
        step=step,
        readers=tuple(wants),
        changes=tuple(told),
        outages=tuple(away),
    )


def _wishes(chance: random.Random, zone: str) -> Preferences:
    kinds = (range(7), range(7), range(5), (chance.randrange(7),), chance.sample(range(7), 3))
    return Preferences(
        at=time(chance.randrange(24), chance.choice((0, 30))),
        zone=zone,
        days=frozenset(chance.choice(kinds)),
        length=3,
    )


def _changed(
    chance: random.Random, before: Preferences, names: list[str], at: datetime
) -> Preferences:
    fresh = _wishes(chance, before.zone)
    match chance.randrange(4):
        case 0:
            more: dict[str, object] = {"at": fresh.at}
        case 1:
            more = {"days": fresh.days}
        case 2:
            more = {"zone": chance.choice(names)}
        case _:
            today = at.astimezone(ZoneInfo(before.zone)).date()
            more = {"paused_until": today + timedelta(days=chance.randrange(2, 20))}
    return Preferences(**(vars(before) | more))


@dataclass
class House:
    """The folder of a publication."""

    folder: Path
    url: str = "sqlite:///newsletter.db"
    _told: date | None = field(default=None, init=False)

    @property
    def sent(self) -> Path:
        """What left: a line a mail, `NUMBER INSTANT`."""
        return self.folder / "sent.log"

    def config(self) -> Config:
        """Its settings."""
        file = self.folder / "newsletter.toml"
        file.write_text(SETTINGS.format(url=self.url, window=WINDOW), encoding="utf-8")
        return load(file)

    def found(self, plan: Plan) -> None:
        """Makes the database, with all readers in it, a few hours before the first step."""
        app = App(self.config())
        consent = Consent(at=plan.start - timedelta(hours=1), form="simulation")
        for first in range(0, len(plan.readers), 1000):
            with app.database.write() as connection:
                for number, wants in enumerate(plan.readers[first : first + 1000], first + 1):
                    done = store.subscribe(connection, f"r{number}@r.example.org", wants, consent)
                    assert done.subscriber.id == number
        app.close()

    def tell_papers(self, at: datetime) -> None:
        """Has the source tell the papers of the last days."""
        if self._told == at.date():
            return
        self._told = at.date()
        rows = []
        for ago in range(WINDOW):
            day = at.date() - timedelta(days=ago)
            told = datetime.combine(day, time(), tzinfo=UTC)
            for place in range(PAPERS):
                seen = {"source": "votes", "listed": f"{day}", "at": f"{told:%Y-%m-%dT%H:%M:%SZ}"}
                name = f"arxiv:{day:%y%m}.{day.day:02}{place:03}"
                rows.append(
                    {
                        "id": name,
                        "title": f"On question {place} of {day:%d %B %Y}",
                        "observations": [seen | {"votes": 90 - place}],
                    }
                )
        whole = self.folder / f"papers-{os.getpid()}.new"
        whole.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        whole.rename(self.folder / "papers.jsonl")
