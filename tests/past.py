"""A newsletter with a long past, drawn at random: readers, issues and deliveries of two years."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Table, insert, select, update

from newsletter.delivery import DeliveryState
from newsletter.editor import Act, Entry
from newsletter.issue import Issue
from newsletter.papers import Observation, Paper, PaperId
from newsletter.pipeline.candidates import trends_of
from newsletter.selection import Candidate
from newsletter.snapshot import Snapshot
from newsletter.store import editor_acts, erasing, issues, papers
from newsletter.store.database import Database
from newsletter.store.schema import (
    deliveries,
    delivery_events,
    delivery_history,
    letters,
    topics,
    votes,
    webhooks,
)
from newsletter.trending import ADDED, Trend
from subscribers import store, suppression_store
from subscribers.model import Consent, Preferences
from subscribers.schema import address_changes, subscriber_events
from subscribers.suppression import Suppression, SuppressionKind
from tests.contract.test_belt import World
from tests.golden.test_golden import TERMS

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PAPERS, ISSUES, READERS = 70, 30, 14
OLDEST = 720  # days
STATES = [*DeliveryState, *[DeliveryState.SENT] * 8]


class Past:
    """A random past in an empty database; the same number draws the same one."""

    def __init__(self, url: str, seed: int, now: datetime = NOW) -> None:
        self.now = now
        world = World(url)
        world.compose(self.now - OLDEST * DAY)
        self.database: Database = world.database
        self._chance = random.Random(seed)
        self.readers: list[int] = []
        with self.database.write() as connection:
            self._snapshot = issues.by_id(connection, 1).snapshot
            self._slugs = sorted(self._snapshot.chips)[:2]
            self._papers = self._collect(connection)
            self._subscribe(connection)
            for age in sorted(self._chance.sample(range(2, OLDEST), ISSUES), reverse=True):
                self._publish(connection, self.now - age * DAY)
            self._beside(connection)
            self.today = self._compose(connection)

    def _collect(self, connection: Connection) -> dict[PaperId, datetime]:
        """Papers with their ages; some stand in a list again, some are pinned."""
        chance = self._chance
        ages = sorted((chance.randrange(3, OLDEST) for _ in range(PAPERS)), reverse=True)
        known: dict[PaperId, datetime] = {}
        for number, age in enumerate(ages):
            name, seen = PaperId(f"arxiv:2401.{number:05}"), self.now - age * DAY
            paper = Paper(id=name, title=f"A paper on the {number}th way", abstract=f"W{number}.")
            known[name] = seen
            put = papers.put(connection, [paper], seen, source="hf", trust=50)
            looks = [seen + look * timedelta(hours=9) for look in range(chance.randrange(1, 7))]
            if chance.random() < 0.15:
                looks.append(self.now + timedelta(hours=1) - chance.randrange(1, 9) * DAY)
            told = [
                Observation(
                    paper_id=name,
                    source=chance.choice(("hf", "hf", "second")),
                    at=at,
                    listed=None if chance.random() < 0.3 else seen.date(),
                    votes=chance.choice((None, chance.randrange(90))),
                    position=chance.choice((None, 1 + chance.randrange(9))),
                    of=9,
                )
                for at in looks
            ]
            papers.observe(connection, told, put.ids)
        for place, name in enumerate([*list(known)[:4], *chance.sample(sorted(known), 6)]):
            act = chance.choice((Act.PIN, Act.ADD, Act.UNPIN)) if place else Act.PIN
            at = self.now - chance.randrange(1, 200 if place > 3 else 7) * DAY
            editor_acts.record(connection, Entry(paper_id=name, act=act, words="", by="ed", at=at))
        return known

    def _subscribe(self, connection: Connection) -> None:
        chance = self._chance
        for number in range(READERS):
            consent = Consent(at=self.now - OLDEST * DAY, form="test")
            wants = Preferences(follows=frozenset(self._slugs))
            done = store.subscribe(connection, f"r{number}@example.org", wants, consent)
            self.readers.append(done.subscriber.id)
            if chance.random() < 0.2:
                rest = Suppression(
                    address_key=f"r{number}@example.org",
                    kind=SuppressionKind.SOFT,
                    reason="Rests.",
                    at=self.now - 20 * DAY,
                    by="reply",
                )
                suppression_store.put(connection, rest)

    def _publish(self, connection: Connection, now: datetime) -> None:
        chance = self._chance
        seen = [name for name, at in self._papers.items() if at <= now]
        if not seen:
            return
        names = chance.sample(seen, min(8, len(seen)))
        issue = self._freeze(connection, now, [_candidate(name, now) for name in names])
        asleep = self.readers[1:3] if now > self.now - 200 * DAY else []
        for reader in chance.sample(self.readers, chance.randrange(READERS)):
            if reader in asleep:
                continue
            state = chance.choice(STATES)
            picks = chance.sample(range(len(names)), chance.randrange(1, len(names) + 1))
            slugs = chance.sample(self._slugs, chance.randrange(3))
            kept = json.dumps([[place, 0.5, slugs] for place in picks])
            late = chance.random() < 0.05
            row = {
                "issue_id": issue.id,
                "subscriber_id": reader,
                "state": state.value,
                "reason": "" if state is DeliveryState.SENT else "said so",
                "picks": kept,
                "kind": "daily",
                "language": "",
                "beyond": 0,
                "due_at": now,
                "next_at": now,
                "tries": 1,
                "attempt": 1,
                "reply": "250 taken",
                "retried_at": self.now - DAY if late else None,
                "sent_at": now if state is DeliveryState.SENT else None,
            }
            made = connection.execute(insert(deliveries).values(row).returning(deliveries.c.id))
            number = made.scalar_one()
            if chance.random() < 0.3:
                self._happened(connection, number, now)

    def _happened(self, connection: Connection, delivery: int, now: datetime) -> None:
        line = {"delivery_id": delivery, "at": now, "attempt": 1, "state": "failed"}
        line |= {"words": "550", "transport": "smtp", "by": "one"}
        connection.execute(insert(delivery_history).values(line))
        came = {"delivery_id": delivery, "kind": "bounced", "at": now, "code": "4.2.2"}
        came |= {"permanent": False, "words": "full"}
        connection.execute(insert(delivery_events).values(came))

    def _freeze(
        self, connection: Connection, now: datetime, candidates: Sequence[Candidate]
    ) -> Issue:
        card = next(iter(self._snapshot.cards.values()))
        cards = {one.paper_id: replace(card, paper_id=one.paper_id) for one in candidates}
        snapshot: Snapshot = replace(self._snapshot, cards=cards)
        return issues.freeze(connection, now.date(), now, candidates, snapshot)

    def _beside(self, connection: Connection) -> None:
        """Events, letters, votes, erased readers, rules."""
        chance = self._chance
        for reader in self.readers:
            for _ in range(9):
                at = self.now - chance.randrange(OLDEST) * DAY
                event = {"subscriber_id": reader, "kind": "changed", "at": at, "by": "test"}
                connection.execute(insert(subscriber_events).values(event))
                letter = {"key": f"welcome/{reader}/{chance.random()}", "kind": "welcome"}
                letter |= {"subscriber_id": reader, "address": "x@example.org", "reason": "550 no"}
                letter |= {"state": chance.choice(("sent", "failed", "queued")), "tries": 1}
                letter |= {"queued_at": at, "next_at": at, "sent_at": None, "transport": "smtp"}
                connection.execute(insert(letters).values(letter))
            wish = {"subscriber_id": reader, "address": "y@example.org", "asked_at": at}
            connection.execute(insert(address_changes).values(wish))
            vote = {"subscriber_id": reader, "value": 1, "clicked": False, "at": self.now - DAY}
            vote["paper_id"] = chance.choice(sorted(self._papers))
            connection.execute(insert(votes).values(vote))
        rule = {"definition": {}, "own": True, "removed": False, "by": "a reader"}
        for slug in ("own-followed", "own-alone"):
            connection.execute(
                insert(topics).values(rule | {"slug": slug, "at": self.now - 99 * DAY})
            )
        first = store.by_id(connection, self.readers[0])
        wants = replace(first.preferences, follows=frozenset({"own-followed"}))
        store.change(connection, first.id, wants, self.now, "test")
        for place, reader in enumerate(chance.sample(self.readers[3:], 5)):
            at = self.now - (chance.randrange(90) if place else 60) * DAY  # one at least may go
            erasing.erase(connection, reader)
            store.erase(connection, reader, at, "test")
            if not place or chance.random() < 0.6:
                mine = deliveries.c.subscriber_id == reader
                connection.execute(update(deliveries).where(mine).values(state="skipped"))
        newest = connection.scalar(
            select(subscriber_events.c.id).order_by(subscriber_events.c.id.desc()).limit(1)
        )
        hook = {"url": "https://example.org/", "kinds": [], "created_at": self.now, "tries": 0}
        hook |= {
            "next_at": self.now,
            "lost": 0,
            "answer": "",
            "cursor": (newest or 0) - chance.randrange(3),
        }
        connection.execute(insert(webhooks).values(hook))

    def _compose(self, connection: Connection) -> Issue:
        found = standing(connection, self.now).items()
        return self._freeze(
            connection,
            self.now,
            [replace(_candidate(name, self.now), trend=trend.score) for name, trend in found],
        )

    def bring_back(self, names: Iterable[PaperId]) -> Issue:
        """The issue of tomorrow, of papers that an editor brings back."""
        with self.database.write() as connection:
            found = [_candidate(name, self.now) for name in sorted(names)]
            return self._freeze(connection, self.now + DAY, found)

    def rows(self, *tables: Table) -> list[list[tuple[object, ...]]]:
        """All rows of tables."""
        with self.database.read() as connection:
            return [
                [tuple(row) for row in connection.execute(select(one).order_by(*one.primary_key))]
                for one in tables
            ]


def _candidate(name: PaperId, now: datetime) -> Candidate:
    return Candidate(paper_id=name, seen=now.date(), trend=0.5, matches={"alignment": 0.5})


def standing(connection: Connection, now: datetime = NOW) -> dict[PaperId, Trend]:
    """The papers that an issue of today may carry, with their trends."""
    since = now - TERMS.window
    hands = editor_acts.hands(connection).items()
    wanted = [
        name
        for name, one in hands
        if any(at is not None and at >= since for at in (one.pinned_at, one.added_at))
    ]
    kept = {one.paper.id: one for one in papers.since(connection, since, besides=wanted)}
    found = trends_of(kept, TERMS, now)
    return {name: found.get(name, ADDED) for name in sorted(kept)}
