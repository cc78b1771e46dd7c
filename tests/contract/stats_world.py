"""A world of chance for the statistics, and its rows counted by hand."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from newsletter.delivery import DeliveryState
from newsletter.statistics import Period
from newsletter.store import schema
from newsletter.store.database import Connection
from newsletter.web.leaving import BY, ONE_CLICK
from subscribers import schema as people
from subscribers import store
from subscribers.model import Consent, Preferences, State

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
PERIOD = Period(first=date(2026, 3, 5), last=date(2026, 3, 11))
TOPICS = ("alignment", "robotics", "own-0123456789ab", "own-ba9876543210")


class Rows:
    """Every row of the world, counted by hand."""

    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        self._zone = zone
        named = {one.name: one for one in schema.metadata.sorted_tables}
        names = (
            *("subscribers", "subscriber_events", "suppressions", "deliveries", "delivery_events"),
            *("votes", "letters", "issues", "issue_papers"),
        )
        self.tables: dict[str, Any] = {
            name: connection.execute(select(named[name])).all() for name in names
        }
        self.day = {one.id: one.day for one in self.tables["issues"]}
        self._delivered = {one.id: one for one in self.tables["deliveries"]}

    def _of(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def days(self, table: str, **equal: object) -> Counter[date]:
        at = "queued_at" if table == "letters" else "at"
        found = self.tables[table]
        return Counter(self._of(getattr(one, at)) for one in found if _is(one, equal))

    def issued(self, states: Collection[str], reason: str | None = None) -> Counter[date]:
        return Counter(
            self.day[one.issue_id]
            for one in self.tables["deliveries"]
            if one.state in states and reason in (None, one.reason)
        )

    def came(self, **equal: object) -> Counter[date]:
        return Counter(
            self.day[self._delivered[one.delivery_id].issue_id]
            for one in self.tables["delivery_events"]
            if _is(one, equal)
        )

    def steps(self) -> list[tuple[datetime, int, int]]:
        """When each reader became one, or ceased to be."""
        is_one = Counter[int]()
        found = []
        for one in sorted(self.tables["subscriber_events"], key=lambda one: one.id):
            if one.kind in ("confirmed", "unsubscribed", "erased"):
                is_now = int(one.kind == "confirmed")
                found.append((one.at, one.subscriber_id, is_now - is_one[one.subscriber_id]))
                is_one[one.subscriber_id] = is_now
        return found

    def readers(self) -> tuple[Counter[date], Callable[[date], int]]:
        net = Counter[date]()
        for at, _, step in self.steps():
            net[self._of(at)] += step
        return net, lambda day: sum(many for on, many in net.items() if on <= day)

    def moved(self, slug: str) -> int:
        steps = Counter[int]()
        for at, number, step in self.steps():
            steps[number] += step if PERIOD.first <= self._of(at) <= PERIOD.last else 0
        chosen = {one.id for one in self.tables["subscribers"] if _has(one.follows, slug)}
        return sum(step for number, step in steps.items() if number in chosen)

    def wants(self, how: str, slug: str) -> int:
        readers = [one for one in self.tables["subscribers"] if one.state == "confirmed"]
        return sum(_has(getattr(one, how), slug) for one in readers)

    def papers(self, days: tuple[date, ...]) -> Counter[str]:
        found = Counter[str]()
        for one in self.tables["deliveries"]:
            if one.state == "sent" and self.day[one.issue_id] in days:
                for _, _, reasons in json.loads(one.picks):
                    found.update(["own" if x.startswith("own-") else x for x in reasons or [""]])
        return found

    def waits(self, days: Any) -> Counter[int]:
        found = Counter[int]()
        for one in self.tables["deliveries"]:
            if one.state == "sent" and self.day[one.issue_id] in days:
                took = max(0, int((one.sent_at - (one.retried_at or one.due_at)).total_seconds()))
                grain = 1 if took < 120 else 60 if took < 7200 else 600
                found[min(took // grain * grain, 604_800)] += 1
        return found

    def silenced(self, kind: str) -> int:
        rows = [one for one in self.tables["suppressions"] if one.kind == kind]
        return sum(x.lifted_at is None and (x.until is None or x.until > NOW) for x in rows)


def _is(row: Any, equal: dict[str, object]) -> bool:
    return all(getattr(row, name) == value for name, value in equal.items())


def _has(chosen: str, slug: str) -> bool:
    slugs = json.loads(chosen)
    return any(one.startswith("own-") for one in slugs) if slug == "own" else slug in slugs


def fill(connection: Connection, chance: random.Random) -> None:
    """A world of chance, from before the period before to after the period."""
    start = datetime(2026, 2, 22, tzinfo=UTC)
    span = (NOW - start).total_seconds()

    def some_time() -> datetime:
        return start + timedelta(seconds=chance.randrange(int(span)))

    moments: list[tuple[datetime, int, State]] = []
    for number in range(1, 41):
        slugs = chance.sample(TOPICS, chance.randrange(4))
        wants = Preferences(follows=frozenset(slugs[:2]), mutes=frozenset(slugs[2:]))
        at = some_time()
        consent = Consent(at=at, form="test")
        address = f"r{number}@example.org"
        store.subscribe(connection, address, wants, consent, State.PENDING)
        moments += [(some_time(), number, chance.choice(list(State))) for _ in range(3)]
    erased = set[int]()
    for at, number, state in sorted(moments):
        if number in erased:
            continue
        if state is State.CONFIRMED:
            store.resume(connection, number, at, "test")
        elif state is State.UNSUBSCRIBED:
            by = chance.choice((ONE_CLICK, BY, "mail", "command line"))
            store.unsubscribe(connection, number, at, by)
        elif chance.random() < 0.3:
            store.erase(connection, number, at, "test")
            erased.add(number)
    _fill_issues(connection, chance, start, some_time)
    connection.execute(
        insert(people.suppressions), [_suppression(chance, n, some_time) for n in range(30)]
    )
    connection.execute(insert(schema.letters), [_letter(chance, n, some_time) for n in range(30)])


def _fill_issues(
    connection: Connection,
    chance: random.Random,
    start: datetime,
    some_time: Callable[[], datetime],
) -> None:
    rows, events = list[dict[str, Any]](), list[dict[str, Any]]()
    for number in range(1, 19):
        if number % 5 == 0:
            continue  # a day without an issue
        day = start.date() + timedelta(days=number - 1)
        add_issue(connection, number, day)
        for reader in range(1, 41):
            due = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=8)
            one = delivery(len(rows) + 1, number, reader, due)
            one["state"] = chance.choice([*DeliveryState, *[DeliveryState.SENT] * 12]).value
            if one["state"] == "sent":
                one["sent_at"] = due + timedelta(seconds=10 ** chance.uniform(-1, 5.9) - 5)
                one["retried_at"] = due + timedelta(hours=1) if chance.random() < 0.1 else None
                one["picks"] = json.dumps(
                    [[at, 0.5, chance.sample(TOPICS, chance.randrange(3))] for at in range(3)]
                )
            elif one["state"] == "failed":
                one["reason"] = chance.choice(("refused: 550 no longer news", "no longer news"))
            rows.append(one)
            if one["state"] in ("sent", "failed") and chance.random() < 0.2:
                kind = chance.choice(("bounced", "complained", "unsubscribed"))
                kind = kind if one["state"] == "sent" else "refused"
                code = chance.choice(("5.1.1", "4.2.2", "5.7.26"))
                quiet = kind in ("complained", "unsubscribed")
                events.append(
                    {
                        "delivery_id": one["id"],
                        "kind": kind,
                        "at": due,
                        "words": "",
                        "code": "" if quiet else code,
                        "permanent": code.startswith("5"),
                    }
                )
    connection.execute(insert(schema.deliveries), rows)
    connection.execute(insert(schema.delivery_events), events)
    cast = [
        {
            "subscriber_id": reader,
            "paper_id": f"p{paper}",
            "at": some_time(),
            "value": chance.choice((-1, 1)),
            "clicked": chance.random() < 0.3,
        }
        for reader in range(1, 41)
        for paper in range(3)
    ]
    connection.execute(insert(schema.votes), cast)


def add_issue(connection: Connection, number: int, day: date) -> None:
    """An issue of three papers."""
    at = datetime.combine(day, datetime.min.time(), UTC)
    if number == 1:
        for name in range(3):
            paper = {"id": f"p{name}", "title": "A title", "abstract": "", "authors": []}
            paper |= {"classes": [], "detail": {}, "first_seen_at": at}
            connection.execute(insert(schema.papers), paper)
    issue = {"id": number, "day": day, "composed_at": at, "snapshot": {}}
    connection.execute(insert(schema.issues), issue | {"paused": False, "cancelled": False})
    papers = [
        {
            "issue_id": number,
            "place": place,
            "paper_id": f"p{place}",
            "seen": day,
            "trend": 0.5,
            "pinned": False,
            "matches": {},
            "card": {},
        }
        for place in range(3)
    ]
    connection.execute(insert(schema.issue_papers), papers)


def delivery(number: int, issue: int, reader: int, due: datetime) -> dict[str, Any]:
    """A delivery that waits."""
    return {
        "id": number,
        "issue_id": issue,
        "subscriber_id": reader,
        "state": "queued",
        "reason": "",
        "picks": "[]",
        "kind": "daily",
        "language": "",
        "beyond": 0,
        "due_at": due,
        "next_at": due,
        "tries": 0,
        "attempt": 0,
        "reply": "",
        "sent_at": None,
        "retried_at": None,
    }


def _suppression(
    chance: random.Random, number: int, some_time: Callable[[], datetime]
) -> dict[str, Any]:
    return {
        "address_key": f"s{number}@example.org",
        "reason": "",
        "at": some_time(),
        "by": "test",
        "kind": chance.choice(("soft", "hard", "complaint", "manual")),
        "lifted_by": "",
        "until": chance.choice((None, NOW - timedelta(hours=1), NOW + timedelta(hours=1))),
        "lifted_at": chance.choice((None, None, NOW)),
    }


def _letter(
    chance: random.Random, number: int, some_time: Callable[[], datetime]
) -> dict[str, Any]:
    return {
        "key": f"l{number}",
        "kind": "welcome",
        "address": "x@example.org",
        "reason": "",
        "state": chance.choice(("queued", "sent", "failed")),
        "tries": 0,
        "queued_at": some_time(),
        "next_at": NOW,
    }
