"""The duties of a running publication, by a clock that is set by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter import pipeline
from newsletter.delivery import DeliveryState
from newsletter.duties import Duties
from newsletter.jobs import Collect, Do, Job, JobKind
from newsletter.pipeline.connections import Road
from newsletter.store import folding, issues, leases, ledger, source_states
from newsletter.store.ledger import Entry
from newsletter.store.letters import LetterKind
from subscribers import due_store, store
from subscribers.model import Consent, Preferences
from tests.simulation.drive import Clock, Noting, Simulated
from tests.simulation.oracle import noted
from tests.simulation.world import House

MORNING = datetime(2028, 3, 6, 4, 0, tzinfo=UTC)  # a Monday, an hour before the issue
EVENING = Preferences(at=time(18, 0))


class Running:
    """A publication that looks at its clock when it is told to."""

    def __init__(self, folder: Path, url: str) -> None:
        self.house = House(folder, url)
        self.clock = Clock(MORNING)
        noting = Noting(self.house.sent, self.clock)
        self.app = Simulated(self.house.config(), Road(name="noting", transports=[noting]))
        self.duties = Duties(self.app, self.clock)

    def reads(self, name: str, wants: Preferences) -> int:
        """Somebody subscribes; their number."""
        with self.app.database.write() as connection:
            consent = Consent(at=self.clock.now, form="test")
            return store.subscribe(
                connection, f"r{name}@r.example.org", wants, consent
            ).subscriber.id

    def changes(self, number: int, wants: Preferences) -> None:
        """Somebody changes their mind."""
        with self.app.database.write() as connection:
            store.change(connection, number, wants, self.clock.now, "test")

    def at(self, hour: int, minute: int = 0, *, day: int = 6) -> None:
        """It is that instant of March 2028, and the publication looks at its clock."""
        self.clock.now = MORNING.replace(day=day, hour=hour, minute=minute)
        self.house.tell_papers(self.clock.now)
        self.duties.compose()
        self.duties.send()

    def sent(self, number: int) -> list[datetime]:
        """When mails to somebody left."""
        return noted(self.house.sent).get(number, [])

    def waits(self, day: int = 6) -> list[Entry]:
        """The deliveries of an issue."""
        with self.app.database.read() as connection:
            issue = issues.get(connection, date(2028, 3, day))
            return ledger.entries(connection, issue.id)


@pytest.fixture
def anywhere(tmp_path: Path, database_url: str) -> Iterator[Running]:
    """On every database."""
    made = Running(tmp_path, database_url)
    if database_url.startswith("postgresql"):
        made.app.bare_database.upgrade()
    yield made
    made.app.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """On the embedded one: what is decided there is the same on each."""
    made = Running(tmp_path, f"sqlite:///{tmp_path}/newsletter.db")
    yield made
    made.app.close()


def test_a_digest_that_waits_follows_what_its_reader_wants(anywhere: Running) -> None:
    """Another hour, a pause and its end, each before the hour: one digest, at the last of them."""
    asa = anywhere.reads("1", EVENING)
    anywhere.at(5)
    assert [one.due_at.hour for one in anywhere.waits()] == [18]
    anywhere.changes(asa, Preferences(at=time(20, 0)))
    anywhere.at(9)
    assert [one.due_at.hour for one in anywhere.waits()] == [20]
    anywhere.changes(asa, Preferences(at=time(20, 0), paused_until=date(2028, 3, 9)))
    anywhere.at(18)
    assert anywhere.waits() == []
    anywhere.changes(asa, Preferences(at=time(20, 0), length=1))
    anywhere.at(19)
    (entry,) = anywhere.waits()
    assert len(json.loads(entry.picks)) == 1
    anywhere.at(20)
    anywhere.at(20, 1)
    assert anywhere.sent(asa) == [MORNING.replace(hour=20)]


def test_an_hour_is_served_by_the_issue_before_it(running: Running) -> None:
    """Wherever its reader is: nobody waits for an issue of their own day."""
    tokyo = running.reads("1", Preferences(zone="Asia/Tokyo"))  # 08:00 is 23:00 UTC
    running.at(5)
    running.at(23)
    running.at(5, day=7)
    assert running.sent(tokyo) == [MORNING.replace(hour=23)]


def test_clocks_that_change_make_an_issue_early_and_nobody_late(running: Running) -> None:
    """An hour just after the issue's comes just before it; the next mail is still a day later."""
    berlin = running.reads("1", Preferences(at=time(6, 0), zone="Europe/Berlin"))  # 05:00 UTC
    running.at(5, day=25)
    running.at(4, day=26)  # summer time: 06:00 is 04:00 UTC
    running.at(5, day=26)
    running.at(4, day=27)
    assert [at.day for at in running.sent(berlin)] == [25, 26, 27]


def test_another_zone_does_not_move_the_issue(running: Running) -> None:
    """Who had the newest issue some hours ago has had that day's."""
    mover = running.reads("1", Preferences(at=time(12, 0)))
    running.at(5)
    running.at(12)
    running.changes(mover, Preferences(at=time(12, 0), zone="Pacific/Auckland"))  # 23:00 UTC
    running.at(23)
    running.at(4, day=7)
    with running.app.database.read() as connection:
        assert issues.latest_day(connection) == date(2028, 3, 6)
    running.at(5, day=7)
    running.at(23, day=7)
    assert [at.day for at in running.sent(mover)] == [6, 7]


def test_what_was_missed_by_hours_waits_for_the_next(anywhere: Running) -> None:
    """Six hours are sent late, more are not; the papers come with the next digest."""
    early = anywhere.reads("1", Preferences(at=time(7, 0), length=1))
    late = anywhere.reads("2", Preferences(at=time(9, 0), length=1))
    anywhere.at(5)
    anywhere.at(14)
    assert (anywhere.sent(early), len(anywhere.sent(late))) == ([], 1)
    (folded,) = [one for one in anywhere.waits() if one.subscriber_id == early]
    assert (folded.state, folded.reason) == (DeliveryState.SKIPPED, folding.TOO_LATE)
    anywhere.at(5, day=7)
    anywhere.at(7, day=7)
    with anywhere.app.database.read() as connection:
        places = connection.execute(
            text("SELECT picks FROM deliveries WHERE subscriber_id = :one ORDER BY id"),
            {"one": early},
        ).scalars()
        assert len(list(places)) == 2
    assert len(anywhere.sent(early)) == 1


def test_what_waited_for_an_editor_goes_when_it_is_approved(anywhere: Running) -> None:
    """However long after its hour that is."""
    asa = anywhere.reads("1", Preferences(at=time(6, 0)))
    anywhere.at(5)
    with anywhere.app.database.read() as connection:
        issue = issues.get(connection, date(2028, 3, 6))
    now = anywhere.clock.now
    pipeline.hold(anywhere.app.database, issue, by="op", why="", now=now, editor=None)
    anywhere.at(15)
    assert anywhere.sent(asa) == []
    pipeline.approve(anywhere.app.database, issue, by="op", why="", now=anywhere.clock.now)
    anywhere.at(15, 1)
    assert len(anywhere.sent(asa)) == 1


def test_a_weekend_without_issues_gives_monday_what_friday_had(running: Running) -> None:
    """Who had Friday's gets none; who reads on Mondays alone gets it, if no other came."""
    daily = running.reads("1", Preferences(at=time(3, 0)))
    mondays = running.reads("2", Preferences(at=time(3, 0), days=frozenset({0})))
    terms = running.app.terms
    running.app.__dict__["terms"] = type(terms)(**(vars(terms) | {"weekdays": frozenset(range(5))}))
    running.at(5, day=10)  # a Friday
    for day in (11, 12, 13):
        running.at(3, day=day)
        running.at(5, day=day)
    assert [at.day for at in running.sent(daily)] == [11]
    assert [at.day for at in running.sent(mondays)] == [13]


def test_one_process_has_the_duties_and_another_takes_over(anywhere: Running) -> None:
    """Once the lease of the first has ended, or it gives it back."""
    other = Duties(anywhere.app, anywhere.clock)
    assert anywhere.duties.mine()
    assert not other.mine()
    anywhere.clock.now += timedelta(seconds=91)
    assert other.mine()
    assert not anywhere.duties.mine()
    other.give_back()
    assert anywhere.duties.mine()


class Elsewhere:
    """An engine whose jobs wait until somebody does them, or are lost."""

    apart = True

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def run(self, jobs: Sequence[Job], do: Do) -> None:
        """Has them wait."""
        self.jobs += jobs

    def takes(self, kind: JobKind) -> list[Job]:
        """Those of a kind, which wait no more."""
        taken = [one for one in self.jobs if one.kind is kind]
        self.jobs = [one for one in self.jobs if one.kind is not kind]
        return taken


def test_jobs_are_done_by_whoever_takes_them(anywhere: Running) -> None:
    """The clock makes them and another process does them; a range that is lost is done anyway."""
    engine = Elsewhere()
    worker = Duties(anywhere.app, anywhere.clock, engine=engine)
    anywhere.duties = Duties(anywhere.app, anywhere.clock, engine=engine)
    anywhere.duties.collect()
    assert engine.takes(JobKind.COLLECT) == [Collect(sources=("votes",))]
    asa = anywhere.reads("1", EVENING)
    anywhere.at(5)
    (compose,) = engine.takes(JobKind.COMPOSE)
    assert anywhere.waits() == []
    worker.do(compose)
    worker.do(compose)
    assert [one.subscriber_id for one in anywhere.waits()] == [asa]
    anywhere.at(18)
    (dispatch,) = engine.takes(JobKind.DISPATCH)
    assert anywhere.sent(asa) == []
    worker.do(dispatch)
    worker.do(dispatch)
    assert len(anywhere.sent(asa)) == 1
    anywhere.at(5, day=7)
    assert len(engine.takes(JobKind.COMPOSE)) == 1  # and nobody does it
    worker.do(compose)  # of an issue that is not the newest any more
    assert anywhere.waits(day=7) == []
    anywhere.at(18, day=7)
    anywhere.at(18, 1, day=7)
    for one in engine.takes(JobKind.DISPATCH):
        worker.do(one)
    assert len(anywhere.sent(asa)) == 2


def test_what_waited_long_for_a_worker_is_judged_anew(running: Running) -> None:
    """What the preflight cleared then may be refused by now."""
    engine = Elsewhere()
    asa = running.reads("1", Preferences(at=time(6, 0)))
    running.at(5)
    running.duties = Duties(running.app, running.clock, engine=engine)
    running.at(6)
    (dispatch,) = engine.takes(JobKind.DISPATCH)
    with running.app.database.write() as connection:  # the card is broken meanwhile
        connection.execute(text("UPDATE issue_papers SET card = replace(card, '<', '&lt;')"))
    running.clock.now += timedelta(minutes=20)
    running.duties.do(dispatch)
    assert running.sent(asa) == []
    assert [one.state for one in running.waits()] == [DeliveryState.QUEUED]


def test_a_clock_that_was_wrong_holds_no_lease_for_ever(running: Running) -> None:
    """A lease that ends years from now was taken before the clock was set right."""
    minute = timedelta(minutes=1)
    with running.app.database.write() as connection:
        assert leases.take(connection, "x", "wrong", MORNING + timedelta(days=900), minute)
        assert leases.take(connection, "x", "right", MORNING, minute)
        assert not leases.take(connection, "x", "third", MORNING, minute)


def test_a_look_costs_by_who_is_due(running: Running) -> None:
    """The index on the next due instant is used, and the rows of others are not read."""
    running.reads("1", EVENING)
    with running.app.database.read() as connection:
        assert due_store.is_any(connection, MORNING)
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM subscribers WHERE state = 'confirmed' "
                "AND next_due_at <= '2028-03-06' ORDER BY next_due_at LIMIT 500"
            )
        ).all()
        assert "ix_subscribers_next_due_at" in str(plan)


def test_an_issue_without_papers_is_tried_again_without_asking_sources(running: Running) -> None:
    """They are asked once for it, and else as often as the operator wants."""
    running.clock.now = MORNING.replace(hour=5)
    (running.house.folder / "papers.jsonl").touch()
    asked = set()
    for minute in range(0, 40, 11):
        running.clock.now = MORNING.replace(hour=5, minute=minute)
        running.duties.compose()
        with running.app.database.read() as connection:
            (state,) = source_states.listed(connection).values()
            asked.add(state.started_at)
    assert asked == {MORNING.replace(hour=5)}
    running.house.tell_papers(running.clock.now)
    running.duties.collect()
    running.clock.now += timedelta(minutes=11)
    running.duties.compose()
    with running.app.database.read() as connection:
        assert issues.latest_day(connection) == date(2028, 3, 6)


def test_letters_do_not_wait_for_digests(running: Running) -> None:
    """Who just came gets theirs while many digests are still to leave."""
    bo = running.reads("2", EVENING)
    running.reads("1", Preferences(at=time(6, 0)))
    running.at(5)
    running.clock.now = MORNING.replace(hour=6)
    with running.app.database.write() as connection:
        reader = store.by_id(connection, bo)
        pipeline.queue_letter(connection, LetterKind.WELCOME, reader, running.clock.now)
    running.duties.letters()
    assert noted(running.house.sent) == {2: [running.clock.now]}
    running.at(6)
    assert noted(running.house.sent) == {1: [running.clock.now], 2: [running.clock.now]}
