"""A preflight of a real issue, on both databases: its sample, its accounts, what it lets go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from newsletter import pipeline
from newsletter.delivery import DeliveryState
from newsletter.issue import Issue
from newsletter.pipeline.preflight import SAMPLE, Means
from newsletter.preflight.findings import Level
from newsletter.preflight.house import House
from newsletter.preflight.report import Report
from newsletter.store import claiming, issues, preflights
from subscribers import store
from subscribers.model import Consent, Preferences
from subscribers.schema import subscribers as readers
from tests.contract.test_belt import NOON, SIGNER, issue_id
from tests.golden.test_golden import TERMS
from tests.world import NEVER, Ledger, Scripted

HOUSE = House(
    address=TERMS.masthead.from_address,
    reply_to=TERMS.masthead.reply_to,
    list_id=TERMS.masthead.list_id,
    domain=TERMS.masthead.domain,
    postal_address=TERMS.imprint,
)
MEANS = Means(signer=SIGNER, house=HOUSE)
DAY = timedelta(days=1)


class Preflown(Ledger):
    """The ledger's world, judged."""

    def judge(self, issue: Issue, means: Means = MEANS) -> Report:
        return pipeline.preflight(self.database, means, issue, NOON)

    def composed(self, now: object = NOON) -> Issue:
        done = self.compose(now)  # type: ignore[arg-type]
        assert done.issue is not None
        return done.issue

    def unbegun(self, now: object = NOON, reader: int | None = None) -> list[int]:
        with self.database.read() as connection:
            return preflights.unbegun(connection, now, subscriber_id=reader)  # type: ignore[arg-type]

    def clear(self, *, force: bool = False, means: Means = MEANS) -> pipeline.Clearance:
        return pipeline.clear(
            self.database, lambda issue: self.judge(issue, means), NOON, force=force
        )


@pytest.fixture
def world(database_url: str) -> Iterator[Preflown]:
    made = Preflown(database_url)
    yield made
    made.database.close()


def test_a_composed_issue_passes(world: Preflown) -> None:
    """What the product composes from the saved page has no error, and its accounts are told."""
    issue = world.composed()
    report = world.judge(issue)
    assert [one for one in report.findings if one.level is not Level.WARNING] == []
    assert report.passes()
    assert (report.accounts.readers, report.accounts.reached) == (3, 2)
    assert report.accounts.nothing == {"nothing new matched": 1}
    assert report.accounts.by_topic == {"alignment": 1}
    assert report.accounts.untopical == 1
    assert report.before is None
    assert world.counts(issue.id) == {DeliveryState.QUEUED: 2, DeliveryState.SKIPPED: 1}


def test_the_sample_is_always_the_same(world: Preflown) -> None:
    """A hundred readers and three, the median, shortest and longest among them."""
    consent = Consent(at=NOON, form="test")
    with world.database.write() as connection:
        for at in range(150):
            wants = Preferences(length=1 + at % 10)
            store.subscribe(connection, f"r{at}@example.org", wants, consent)
    issue = world.composed()
    report = world.judge(issue)
    assert SAMPLE <= len(report.mails) <= SAMPLE + 3
    by_why = {one.why: one.octets for one in report.mails}
    assert by_why["shortest"] == min(one.octets for one in report.mails)
    assert by_why["longest"] == max(one.octets for one in report.mails)
    assert by_why["shortest"] < by_why["median"] < by_why["longest"]
    assert world.judge(issue).mails == report.mails
    assert len({one.reader for one in report.mails}) == len(report.mails)


def test_a_host_that_no_paper_names_is_found(world: Preflown) -> None:
    """Papers are asked as they are now; the finding names the reader and the paper."""
    issue = world.composed()
    with world.database.write() as connection:
        connection.execute(text("UPDATE papers SET code_url = NULL"))
    found = [one for one in world.judge(issue).findings if one.level is not Level.WARNING]
    assert {one.check for one in found} == {"host"}
    assert any("github.com" in one.says for one in found)
    allowed = replace(HOUSE, web_hosts=frozenset({"github.com", "anonymous.4open.science"}))
    assert world.judge(issue, replace(MEANS, house=allowed)).passes()


def test_a_mail_that_cannot_be_built_is_fatal(world: Preflown) -> None:
    """The reader is named, and force changes nothing."""
    issue = world.composed()
    broken = replace(issue, candidates=issue.candidates[:1])
    report = world.judge(broken)
    assert ("build", Level.FATAL) in {(one.check, one.level) for one in report.findings}
    assert not report.passes(force=True)


def test_the_issue_before_is_compared_with(world: Preflown) -> None:
    """Both issues' figures are there; a cancelled one is passed over."""
    first = world.composed()
    second = world.composed(NOON + DAY)
    report = world.judge(second)
    assert report.before is not None
    assert report.before.issue == first.name
    assert report.figures.octets
    assert report.before.octets
    assert "difference-subject" not in {one.check for one in report.findings}
    with world.database.write() as connection:  # as if the same papers went out again
        connection.execute(
            text(
                "UPDATE deliveries SET picks = (SELECT picks FROM deliveries AS d WHERE "
                "d.subscriber_id = deliveries.subscriber_id AND d.issue_id = 1) WHERE issue_id = 2"
            )
        )
    assert "difference-subject" in {one.check for one in world.judge(second).findings}
    with world.database.write() as connection:
        connection.execute(text("UPDATE issues SET cancelled = true WHERE id = 1"))
    with world.database.read() as connection:
        assert issues.before(connection, second) is None


def test_who_came_left_or_was_suppressed_since_is_counted(world: Preflown) -> None:
    """Beside the accounts of the composing."""
    issue = world.composed()
    world.add_reader("late@example.org")
    with world.database.write() as connection:
        gone = store.get(connection, "alignment@example.org")
        store.unsubscribe(connection, gone.id, NOON)
    accounts = world.judge(issue).accounts
    assert (accounts.not_due, accounts.left, accounts.suppressed) == (1, 1, 0)


def test_an_issue_is_judged_until_a_mail_of_it_left(world: Preflown) -> None:
    """Not before it is due, not while it is held, not after its first mail."""
    issue = world.composed()
    assert world.unbegun(NOON - DAY) == []
    assert world.unbegun() == [issue.id]
    world.post(Scripted(NEVER, NEVER))
    with world.database.write() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'queued' WHERE picks <> '[]'"))
    assert world.unbegun() == [issue.id]
    with world.database.write() as connection:
        connection.execute(text("UPDATE issues SET paused = true"))
    assert world.unbegun() == []
    with world.database.write() as connection:
        connection.execute(text("UPDATE issues SET paused = false"))
        (claimed,) = claiming.claim(connection, owner="one", now=NOON, lease=DAY, limit=1)
        claiming.begin(connection, "one", [claimed], NOON)
    assert world.unbegun() == []


def test_a_mail_to_one_reader_by_name_is_a_trial(world: Preflown) -> None:
    """What an operator sends to look at does not let the others' mail go unjudged."""
    issue = world.composed()
    with world.database.write() as connection:
        reader = store.get(connection, "alignment@example.org").id
        preflights.mark_trial(connection, reader, "ida", NOON)
    assert world.post(Scripted(), reader=reader).states == {DeliveryState.SENT: 1}
    assert world.unbegun() == [issue.id]
    assert world.post(Scripted()).states == {DeliveryState.SENT: 1}
    assert world.unbegun() == []


def test_what_is_refused_stays_and_the_rest_goes(world: Preflown) -> None:
    """An issue with errors holds up no other, nor does one composed after the judging go along."""
    with world.database.write() as connection:  # they were there the day before
        connection.execute(update(readers).values(next_due_at=NOON - DAY))
    old = world.composed(NOON - DAY)
    world.post(Scripted(), now=NOON - DAY)
    world.add_readers(3, NOON - DAY)
    world.composed(NOON - DAY)  # adds the three to yesterday's, which is begun
    new = world.composed()
    strict = replace(MEANS, house=replace(HOUSE, postal_address="", goes_out=True))
    clearance = world.clear(means=strict)
    assert [one.issue for one in clearance.refused] == [new.name]
    assert clearance.cleared.without == {new.id}
    sink = Scripted()
    done = world.post(sink, cleared=clearance.cleared)
    assert done.states == {DeliveryState.SENT: 3}
    assert world.counts(new.id)[DeliveryState.QUEUED] > 0
    assert world.clear(means=strict, force=True).refused == ()
    before = replace(clearance.cleared, up_to=old.id, without=frozenset())
    assert world.post(sink, cleared=before).states == {}
    assert world.post(sink, cleared=world.clear(force=True, means=strict).cleared).states


def test_nothing_composed_clears_nothing(world: Preflown) -> None:
    """Without an issue there is nothing to judge, and nothing that may go."""
    clearance = world.clear()
    assert (clearance.passed, clearance.refused, clearance.cleared.up_to) == ((), (), 0)
    assert issue_id(world.compose()) > 0
