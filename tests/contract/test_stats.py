"""The statistics on both databases: what is counted there adds up to what plain rows tell."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from newsletter.delivery import OPEN, DeliveryState, Outcome, OutcomeKind, Policy, decide
from newsletter.pipeline import statistics
from newsletter.statistics import Line, Period, Statistics, percentile
from newsletter.store import schema
from newsletter.store.database import Database
from newsletter.store.stats import WAYS
from newsletter.web.leaving import BY, ONE_CLICK
from subscribers import store
from subscribers.model import Consent, Preferences, State
from tests.contract.stats_world import NOW, PERIOD, Rows, add_issue, delivery, fill

KOLKATA = ZoneInfo("Asia/Kolkata")  # its midnight is at half past an hour of UTC
NEW_YORK = ZoneInfo("America/New_York")  # its clocks go forward on 8 March 2026


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.upgrade()
    yield made
    made.close()


def test_an_empty_database_tells_nothing(database: Database) -> None:
    """No number is made up, and no share of nothing is taken."""
    found = told(database, PERIOD, KOLKATA)
    assert found.silent
    assert (found.topics, found.plain, found.own.followers) == ((), 0, 0)
    assert found.subject("returns").line("bounce_rate").total is None
    assert found.subject("digests").line("latency_p95").total is None


@pytest.mark.parametrize(("seed", "zone"), [(1, KOLKATA), (2, NEW_YORK)])
def test_the_days_add_up_to_what_the_rows_tell(
    database: Database, seed: int, zone: ZoneInfo
) -> None:
    """Of a random world, each number of each day is what counting row by row gives."""
    with database.write() as connection:
        fill(connection, random.Random(seed))
    found = told(database, PERIOD, zone)
    with database.read() as connection:
        rows = Rows(connection, zone)
    for subject in found.subjects:
        for line in subject.lines:
            if line.unit == "count":
                assert line.total == sum(day or 0 for day in line.days), line.key
    readers, digests = found.subject("readers"), found.subject("digests")
    for kind in ("subscribed", "confirmed", "unsubscribed", "erased"):
        same(readers.line(kind), rows.days("subscriber_events", kind=kind))
    left = found.subject("leaving")
    for way in WAYS:
        leavers = rows.days("subscriber_events", kind="unsubscribed", by=way)
        same(left.line(way.replace(" ", "_")), leavers)
    assert left.line("unsubscribed").days == readers.line("unsubscribed").days
    net, ends = rows.readers()
    same(readers.line("net"), net)
    assert readers.line("readers").days == tuple(ends(day) for day in PERIOD.days)
    assert readers.line("readers").before == ends(PERIOD.before.last)
    assert sum(readers.now.values()) == len(rows.tables["subscribers"])

    for state in ("sent", "failed", "skipped", "unknown"):
        same(digests.line(state), rows.issued({state}))
    same(digests.line("composed"), rows.issued(set(DeliveryState)))
    same(digests.line("waiting"), rows.issued(OPEN))
    same(digests.line("given_up"), rows.issued({"failed"}, "no longer news"))
    for share, key in ((0.5, "latency_p50"), (0.95, "latency_p95")):
        assert digests.line(key).total == percentile(rows.waits(PERIOD.days), share)
        assert digests.line(key).days == tuple(
            percentile(rows.waits([day]), share) for day in PERIOD.days
        )

    returns = found.subject("returns")
    bounced = rows.came(kind="refused") + rows.came(kind="bounced")
    complained = rows.came(kind="complained")
    same(returns.line("bounced"), bounced)
    same(returns.line("complained"), complained)
    same(returns.line("hard"), rows.came(code="5.1.1"))
    same(returns.line("soft"), rows.came(code="4.2.2"))
    same(returns.line("ours"), rows.came(code="5.7.26"))
    sent = rows.issued({"sent"})
    refused = rows.came(kind="refused")
    shares(returns.line("complaint_rate"), complained, sent)
    shares(returns.line("bounce_rate"), bounced, sent + refused)

    votes = found.subject("votes")
    same(votes.line("more"), rows.days("votes", value=1, clicked=False))
    same(votes.line("less"), rows.days("votes", value=-1, clicked=False))
    same(votes.line("followed"), rows.days("votes", clicked=True))
    suppressions = found.subject("suppressions")
    for kind in ("soft", "hard", "complaint", "manual"):
        same(suppressions.line(kind), rows.days("suppressions", kind=kind))
        assert suppressions.now[kind] == rows.silenced(kind)
    same(digests.line("letters_sent"), rows.days("letters", state="sent"))

    issues = found.subject("issues")
    same(issues.line("issues"), Counter(one.day for one in rows.tables["issues"]))
    same(
        issues.line("papers"),
        Counter(rows.day[one.issue_id] for one in rows.tables["issue_papers"]),
    )
    topics = {one.slug: one for one in found.topics} | {"own": found.own, "": None}
    papers = rows.papers(PERIOD.days)
    for slug, one in topics.items():
        if one is None:
            assert found.plain == papers[""]
        else:
            assert (one.followers, one.mutes) == (
                rows.wants("follows", slug),
                rows.wants("mutes", slug),
            )
            assert one.papers == papers[slug]
            assert one.change == rows.moved(slug)
    assert papers.keys() <= topics.keys()
    assert not any("own-" in one.slug for one in found.topics)


def test_who_comes_back_is_one_reader(database: Database) -> None:
    """Undoing, asking again and being erased after leaving change the number of readers once."""
    day = timedelta(days=1)
    then = datetime(2026, 3, 5, 12, tzinfo=UTC)
    consent = Consent(at=then, form="subscribe page")
    with database.write() as connection:
        wants = Preferences(follows=frozenset({"robotics"}))
        asa, bo, cy = (
            store.subscribe(connection, f"{name}@example.org", wants, consent, state).subscriber.id
            for name, state in (
                ("asa", State.CONFIRMED),
                ("bo", State.PENDING),
                ("cy", State.CONFIRMED),
            )
        )
        store.unsubscribe(connection, asa, then + day, ONE_CLICK)
        store.resume(connection, asa, then + 2 * day, BY)  # undone
        store.resume(connection, asa, then + 2 * day, BY)  # twice is once
        store.unsubscribe(connection, bo, then + day, "mail")  # was never a reader
        store.unsubscribe(connection, cy, then + 3 * day, BY)
        store.erase(connection, cy, then + 4 * day, "the reader")
    found = told(database, PERIOD, ZoneInfo("UTC"))
    readers, left = found.subject("readers"), found.subject("leaving")
    assert readers.line("readers").days == (2, 1, 2, 1, 1, 1, 1)
    assert readers.line("net").days == (2, -1, 1, -1, 0, 0, 0)
    assert readers.now == {"confirmed": 1, "pending": 0, "unsubscribed": 1, "erased": 1}
    assert [one.total for one in left.lines[:5]] == [3, 1, 1, 1, 0]
    (robotics,) = found.topics
    assert (robotics.followers, robotics.change) == (1, 1)  # of who is erased nothing is known


@pytest.mark.parametrize(("tries", "age", "given_up"), [(5, 0, 1), (1, 36, 1), (1, 0, 0)])
def test_running_out_is_told_from_a_refusal(
    database: Database, tries: int, age: int, given_up: int
) -> None:
    """What `decide` says of a delivery that ran out of tries or time is found again as given up."""
    due = datetime(2026, 3, 10, 8, tzinfo=UTC)
    decision = decide(
        key="one",
        tries=tries - 1,
        due_at=due,
        outcome=Outcome(
            kind=OutcomeKind.REFUSED, code=450 if given_up else 550, text="refused 9 times, last: x"
        ),
        policy=Policy(),
        now=due + timedelta(hours=age),
    )
    assert decision.state is DeliveryState.FAILED
    with database.write() as connection:
        consent = Consent(at=due, form="test")
        store.subscribe(connection, "asa@example.org", Preferences(), consent)
        add_issue(connection, 1, due.date())
        row = delivery(1, 1, 1, due) | {"state": "failed", "reason": decision.reason}
        connection.execute(insert(schema.deliveries), [row])
    digests = told(database, PERIOD, KOLKATA).subject("digests")
    assert (digests.line("failed").total, digests.line("given_up").total) == (1, given_up)


def told(database: Database, period: Period, zone: ZoneInfo) -> Statistics:
    with database.read() as connection:
        return statistics(connection, period, zone, NOW)


def same(line: Line, days: Counter[date]) -> None:
    assert line.days == tuple(days[day] for day in PERIOD.days), line.key
    assert line.before == sum(days[day] for day in PERIOD.before.days), line.key


def shares(line: Line, part: Counter[date], whole: Counter[date]) -> None:
    assert line.days == tuple(part[x] / whole[x] if whole[x] else None for x in PERIOD.days)
    assert line.total == sum(part[x] for x in PERIOD.days) / sum(whole[x] for x in PERIOD.days)
