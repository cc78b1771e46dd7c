"""Alerts on every database: told once, reminded daily, told over, no flood, two at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from newsletter import pipeline
from newsletter.pipeline import alerts
from newsletter.pipeline.alerts import Watch
from newsletter.store import alerts as kept
from newsletter.store import issue_skips, source_states
from newsletter.store.database import Database
from newsletter.store.issue_skips import Skip
from tests.contract.test_belt import NOON
from tests.contract.test_letters import Office
from tests.golden.test_golden import TERMS
from tests.world import LOST, NEVER, Scripted

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TO = "ops@example.org"
WATCH = Watch(terms=replace(TERMS, compose_at=time(20)), sources=("arxiv", "lab"), host="one")


class Watched(Office):
    """The office, with somebody who looks."""

    def __init__(self, url: str, *, full: bool) -> None:
        if full:
            super().__init__(url)
        else:  # what alerts are told needs no papers and no readers
            self.database = Database(url)
            self.database.upgrade()

    def source(self, name: str = "arxiv", failures: int = 5, error: str = "500") -> None:
        with self.database.write() as connection:
            source_states.put(connection, name, failures=failures, error=error)

    def look(self, now: datetime, watch: Watch = WATCH) -> bool:
        return pipeline.alert(self.database, TO, watch, now)

    def open_(self) -> list[str]:
        with self.database.read() as connection:
            return [one.alert.name for one in kept.listed(connection)]

    def mail(self, now: datetime) -> str:
        """The mail that is due by now: its subject and text; empty where there is none."""
        road = Scripted()
        self.send(road, now=now)
        if not road.offered:
            return ""
        ((to, content),) = road.offered
        assert to == TO
        mail = message_from_bytes(content, policy=policy.default)
        body = mail.get_body(("plain",))
        assert body is not None
        return f"{mail['Subject']}\n{body.get_content()}"


@pytest.fixture
def watched(database_url: str) -> Iterator[Watched]:
    made = Watched(database_url, full=False)
    yield made
    made.database.close()


@pytest.fixture
def full(database_url: str) -> Iterator[Watched]:
    """With papers and readers."""
    made = Watched(database_url, full=True)
    yield made
    made.database.close()


def test_an_alert_is_told_once_reminded_of_and_told_over(watched: Watched) -> None:
    """One mail when it comes, one a day while it lasts, one when it is over, then silence."""
    assert not watched.look(NOON)
    watched.source()
    assert watched.look(NOON)
    told = watched.mail(NOON)
    assert told.startswith("Needs a hand: The source arxiv failed 5 times in a row: 500")
    watched.source(failures=6)
    for hours in (0.1, 2, 12, 23.9):
        assert not watched.look(NOON + hours * HOUR)
    assert watched.look(NOON + DAY)
    told = watched.mail(NOON + DAY)
    assert told.startswith("Still needs a hand: The source arxiv failed 6 times")
    assert "Since 2026-03-12 12:00 UTC" in told
    watched.source(failures=0, error="")
    assert watched.look(NOON + DAY + 2 * HOUR)
    assert watched.open_() == []
    told = watched.mail(NOON + DAY + 2 * HOUR)
    assert told.startswith("Over: The source arxiv")
    assert "From 2026-03-12 12:00 UTC to 2026-03-13 14:00 UTC" in told
    assert not watched.look(NOON + 3 * DAY)


def test_several_are_one_mail_and_an_hour_has_one(watched: Watched) -> None:
    """What comes up within the hour waits for its end, and is told as new then."""
    watched.source("arxiv")
    watched.source("lab")
    assert watched.look(NOON)
    told = watched.mail(NOON)
    assert "(and 1 more)" in told
    assert "The source lab" in told
    more = replace(WATCH, sources=("arxiv", "lab", "third"))
    watched.source("third")
    assert not watched.look(NOON + HOUR / 2, more)
    assert watched.look(NOON + HOUR, more)
    told = watched.mail(NOON + HOUR)
    assert told.startswith("Needs a hand: The source third")
    assert told.index("AS BEFORE") < told.index("The source lab")


def test_while_the_road_is_down_one_mail_waits_and_nothing_is_lost(watched: Watched) -> None:
    """What comes meanwhile is in the next one."""
    watched.source("arxiv")
    assert watched.look(NOON)
    watched.source("lab")
    for hours in range(1, 30):
        assert not watched.look(NOON + hours * HOUR)
    late = NOON + 30 * HOUR
    assert "The source lab" not in watched.mail(late)
    assert watched.look(late)
    told = watched.mail(late)
    assert told.startswith("Needs a hand: The source lab")


def test_what_was_over_before_its_mail_left_is_told_as_over(watched: Watched) -> None:
    """The mail that waited is not sent; the next one says that it was, and is no more."""
    watched.source()
    assert watched.look(NOON)
    watched.source(failures=0, error="")
    assert not watched.look(NOON + HOUR / 2)
    assert watched.mail(NOON + HOUR) == ""
    assert "was settled before" in watched.states()[0][1]
    assert watched.look(NOON + HOUR)
    assert watched.mail(NOON + HOUR).startswith("Over: The source arxiv")


def test_what_only_seemed_to_be_over_is_not_told_twice(watched: Watched) -> None:
    """Over and back within the hour: nobody was told of an end, so there is nothing new."""
    watched.source()
    assert watched.look(NOON)
    assert watched.mail(NOON)
    watched.source(failures=0, error="")
    assert not watched.look(NOON + HOUR / 3)
    watched.source()
    assert not watched.look(NOON + HOUR / 2)
    assert not watched.look(NOON + 2 * HOUR)
    with watched.database.read() as connection:
        assert [one.since for one in kept.listed(connection)] == [NOON]
        assert kept.ended(connection) == []


def test_two_daemons_queue_one_mail(watched: Watched) -> None:
    """Both look at the same instant, time and again."""
    for at in range(5):
        now = NOON + at * 2 * HOUR
        watched.source(f"source{at}")
        watch = replace(WATCH, sources=[f"source{one}" for one in range(5)])
        told: list[bool] = []
        start = threading.Barrier(3)

        def look(watch: Watch = watch, now: datetime = now) -> None:
            start.wait()  # noqa: B023  joined within the round
            told.append(watched.look(now, watch))  # noqa: B023

        threads = [threading.Thread(target=look) for _ in range(3)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sorted(told) == [False, False, True]
        assert f"source{at}" in watched.mail(now)


def test_a_tick_that_fails_once_is_no_news_and_is_its_own_machine_s(watched: Watched) -> None:
    """A mail comes after a quarter of an hour; another machine does not end it."""
    failing = replace(WATCH, failures={"send": "TransportUnavailable: no road"})
    assert not watched.look(NOON, failing)
    assert watched.open_() == ["run/one/send"]
    assert not watched.look(NOON + HOUR / 6)
    assert watched.open_() == []
    assert not watched.look(NOON + HOUR, failing)
    assert not watched.look(NOON + 1.1 * HOUR, replace(WATCH, host="two"))
    assert watched.look(NOON + 1.25 * HOUR, failing)
    assert "on one, send fails" in " ".join(watched.mail(NOON + 1.25 * HOUR).split())
    # A machine that never comes back does not leave it open for ever, nor is anybody told.
    assert not watched.look(NOON + 1.5 * HOUR + alerts.KEPT, replace(WATCH, host="two"))
    assert watched.open_() == []


def test_without_anybody_to_tell_alerts_are_kept_all_the_same(watched: Watched) -> None:
    """`newsletter alerts` lists them."""
    watched.source()
    assert not pipeline.alert(watched.database, None, WATCH, NOON)
    assert watched.open_() == ["failing/arxiv"]
    assert watched.states() == []


def test_an_issue_that_goes_wrong_is_noticed(full: Watched) -> None:
    """Refusals, an answer that was lost, and digests that are late."""
    full.add_readers(6)
    issue = full.compose().issue
    assert issue is not None
    late = NOON + HOUR
    assert [one.name for one in alerts.look(full.database, WATCH, NOON)] == []
    assert f"late/{issue.name}" in {one.name for one in alerts.look(full.database, WATCH, late)}
    full.post(Scripted(*[NEVER] * 5, LOST), late)  # a road that closes: two of them stay
    found = {one.name: one.words() for one in alerts.look(full.database, WATCH, late)}
    assert found[f"failed/{issue.name}"] == f"5 of 6 digests of issue {issue.name} failed."
    assert f"unknown/{issue.name}" in found
    assert found[f"late/{issue.name}"].startswith(f"Nothing of issue {issue.name} leaves: 2 of")
    full.post(Scripted(), late)
    found = {one.name: one.words() for one in alerts.look(full.database, WATCH, late)}
    assert f"late/{issue.name}" not in found


def test_an_issue_that_is_due_and_not_there(full: Watched) -> None:
    """Two hours after composing, on a day that has one, with papers that no issue had."""
    terms = replace(TERMS, compose_at=time(10))
    due = replace(WATCH, terms=terms)
    missing = ["missing/2026-03-12"]
    for watch, now, expected in (
        (due, NOON, missing),
        (replace(due, terms=replace(terms, compose_at=time(23))), NOON + 13 * HOUR, missing),
        (replace(due, terms=replace(terms, compose_at=time(10, 1))), NOON, []),
        (replace(due, terms=replace(terms, weekdays=frozenset({4}))), NOON, []),  # it is a Thursday
        (replace(due, terms=replace(terms, holidays=frozenset({date(2026, 3, 12)}))), NOON, []),
        (replace(due, terms=replace(terms, least_papers=1000)), NOON, []),
        (due, NOON + 99 * DAY, []),  # no paper is new
    ):
        assert [one.name for one in alerts.look(full.database, watch, now)] == expected
    with full.database.write() as connection:
        assert issue_skips.skip(connection, Skip(day=NOON.date(), by="ida", why="", at=NOON))
    assert alerts.look(full.database, due, NOON) == []
    with full.database.write() as connection:
        assert issue_skips.unskip(connection, NOON.date())
    full.compose()
    assert alerts.look(full.database, due, NOON) == []
    found = alerts.look(full.database, due, NOON + DAY)  # the same papers, a day later
    assert [one.name for one in found] == ["late/2026-03-12"]


def test_complaints_bounces_and_suppressions_are_counted(full: Watched) -> None:
    """Those of the last days, and of suppressions only those that no operator named."""
    full.add_readers(20)
    full.compose()
    full.post(Scripted())
    with full.database.write() as connection:
        ids = connection.scalars(text("SELECT id FROM deliveries WHERE state = 'sent'")).all()
        for at, number in enumerate(ids[:12]):
            kind = "complained" if at < 3 else "bounced"
            values = {"id": number, "kind": kind, "at": NOON - (8 * DAY if at == 0 else HOUR)}
            connection.execute(
                text(
                    "INSERT INTO delivery_events (delivery_id, kind, at, code, permanent, words) "
                    "VALUES (:id, :kind, :at, '', TRUE, '')"
                ),
                values | {"at": values["at"].replace(tzinfo=None)},
            )
        for at in range(24):
            connection.execute(
                text(
                    "INSERT INTO suppressions (address_key, kind, reason, at, by, lifted_by) "
                    "VALUES (:key, :kind, '', :at, '', '')"
                ),
                {
                    "key": f"s{at}@example.org",
                    "kind": "manual" if at < 13 else "hard",
                    "at": (NOON - HOUR).replace(tzinfo=None),
                },
            )
    found = {one.name: one.values for one in alerts.look(full.database, WATCH, NOON)}
    assert found == {"suppressions": {"n": 11, "usual": "0.0"}}  # two complaints, nine bounces
    with full.database.write() as connection:
        connection.execute(
            text("UPDATE delivery_events SET at = :at"), {"at": NOON.replace(tzinfo=None)}
        )
    found = {one.name: one.values for one in alerts.look(full.database, WATCH, NOON)}
    assert found["complaints/0.3%"]["n"] == 3
