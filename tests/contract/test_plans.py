"""At a million deliveries every question that is asked again and again goes by an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from newsletter.delivery import Decision, DeliveryState
from newsletter.papers import PaperId
from newsletter.pipeline.pruning import Retention
from newsletter.store import (
    alert_facts,
    claiming,
    deliveries,
    erasing,
    events,
    folding,
    gauges,
    history,
    issue_acts,
    issues,
    ledger,
    letters,
    mail_stats,
    operator_acts,
    pacing,
    preflights,
    pruning,
    reading,
    standings,
    topic_stats,
    withdrawals,
)
from newsletter.store.claiming import Claimed, Finished
from newsletter.store.database import Database
from newsletter.store.issue_acts import Done, IssueAct
from newsletter.store.letters import LetterKind
from newsletter.store.operator_acts import Which
from subscribers import due_store, store
from tests.conftest import fresh_postgres
from tests.contract import million
from tests.contract.million import DAY, NEWEST, NOW
from tests.contract.plans import plans

Act = Callable[[Connection], object]
S = DeliveryState
LEASE = timedelta(minutes=15)
CLOSE = list(range(1001, 1501))  # readers whose numbers follow each other
APART = list(range(1000, 50_000, 100))
ONE = 17  # a reader
TODAY = NOW.date()


def claim(connection: Connection, reader: int | None = None) -> list[Claimed]:
    """As many as a sender takes at once."""
    return claiming.claim(
        connection, owner="me", now=NOW, lease=LEASE, limit=50, subscriber_id=reader
    )


def send(connection: Connection) -> None:
    """Claims, begins and finishes."""
    mine = claim(connection)
    assert len(claiming.begin(connection, "me", mine, NOW, LEASE)) == 50
    decision = Decision(state=S.SENT, reason="")
    ended = [Finished(claim=one, decision=decision, transport="smtp") for one in mine]
    assert len(claiming.finish(connection, "me", ended, NOW)) == 50


def put_off(connection: Connection) -> None:
    """Claims, and gives back until a limit lets go."""
    pacing.put_off(connection, "me", {(one.id, one.attempt): NOW for one in claim(connection)})


def forget(connection: Connection) -> None:
    """One batch of an issue's deliveries that have had their time, and one of the erased."""
    terms = Retention(deliveries=90 * DAY, events=90 * DAY, observations=90 * DAY, erased=30 * DAY)
    horizons = terms.horizons(NOW + 95 * DAY)
    kept = pruning.Kept(wanted=[], told=None, newest=NEWEST)
    assert pruning.deliveries_of([1], horizons, kept).take(connection, 50)["deliveries"] == 50
    pruning.deliveries_of_erased(horizons).take(connection, 50)
    pruning.readers(horizons, kept).take(connection, 20)


def picked_for(readers: list[int]) -> Act:
    """What selection asks of a batch of readers."""

    def ask(connection: Connection) -> None:
        issue = issues.by_id(connection, NEWEST)
        assert len(deliveries.had(connection, issue, readers)) > len(readers) / 2
        assert len(deliveries.last_reasons(connection, issue, readers)) > len(readers) / 2
        assert deliveries.had_any(connection, [NEWEST - 1, NEWEST - 2], readers)
        deliveries.due_to(connection, NEWEST, readers)

    return ask


STATE, ISSUE, SUMS, READER, NUMBER = (
    "ix_deliveries_state_next_at",
    "uq_deliveries_issue_id_subscriber_id",
    "ix_deliveries_issue_id_state",
    "ix_deliveries_subscriber_id",
    "pk_deliveries",
)
PERSON, DOMAIN, DUE = "pk_subscribers", "ix_subscribers_domain", "ix_subscribers_next_due_at"
ADDRESS = "uq_subscribers_address_key"
PAST, BACK, LATELY = (
    "ix_delivery_history_delivery_id",
    "uq_delivery_events_delivery_id_kind",
    "ix_delivery_events_at",
)
WAITING, LETTER = "ix_letters_state_next_at", "pk_letters"
OWN_LETTERS, KIND = "ix_letters_subscriber_id", "ix_letters_kind_id"

# What is asked, and which indexes of big tables that may go by, on either database. Nothing of a
# big table may be read from end to end.
HOT: dict[str, tuple[Act, set[str]]] = {
    "claim": (claim, {STATE, NUMBER, PERSON}),
    "claim of one reader": (lambda c: claim(c, 27), {READER, STATE, NUMBER, PERSON}),
    "claim, begin and finish": (send, {STATE, NUMBER, PERSON}),
    "release": (lambda c: claiming.release(c, "me", claim(c)), {STATE, NUMBER, PERSON}),
    "put off": (put_off, {STATE, NUMBER, PERSON}),
    "settle what is lost": (lambda c: claiming.settle_lost(c, NOW), {STATE, NUMBER}),
    "call back a domain": (lambda c: pacing.call_back(c, "d8.example.org", NOW), {STATE, DOMAIN}),
    "under way": (lambda c: pacing.under_way(c, "d7.example.org", NOW), {STATE, PERSON}),
    "fold": (lambda c: folding.fold(c, NOW - DAY, NOW, 100), {STATE, NUMBER}),
    "bring a reader's forward": (
        lambda c: deliveries.bring_forward(c, NOW, subscriber_id=ONE),
        {READER, STATE, NUMBER},  # PostgreSQL may read what two indexes share
    ),
    "due": (lambda c: ledger.due(c, NOW, limit=10), {STATE, PERSON}),
    "count due": (lambda c: ledger.count_due(c, NOW), {STATE}),
    "unfinished": (lambda c: ledger.unfinished(c, NOW), {STATE}),
    "held by senders": (lambda c: ledger.held(c, NOW), {STATE}),
    "still open": (ledger.still_open, {STATE}),
    "what waits": (lambda c: ledger.waiting(c, NOW), {STATE}),
    "what waits of an issue": (lambda c: ledger.waiting(c, NOW, issue_id=NEWEST), {STATE, ISSUE}),
    "gauges of what waits": (lambda c: gauges.waiting(c, NOW), {STATE, WAITING}),
    "gauges of the newest": (gauges.newest, {ISSUE, SUMS}),
    "what came back since": (lambda c: gauges.returns(c, 90_000, 90_010), {"pk_delivery_events"}),
    "alerts of returns": (lambda c: alert_facts.bounces(c, NOW - DAY / 24), {LATELY}),
    "alerts of complaints": (lambda c: alert_facts.complaints(c, NOW - DAY / 24), {LATELY}),
    "issue by state": (lambda c: ledger.count(c, NEWEST), {ISSUE, SUMS, STATE}),
    "a page of an issue": (
        lambda c: ledger.entries(c, NEWEST, after=100, limit=50),
        {ISSUE, PERSON},
    ),
    "a reader's delivery": (
        lambda c: ledger.entries(c, NEWEST, subscriber_id=ONE),
        {ISSUE, PERSON},
    ),
    "a delivery": (lambda c: ledger.by_id(c, 500_000), {NUMBER, PERSON}),
    "a delivery's history": (lambda c: history.of(c, 999_999), {PAST}),
    "readers who are due": (lambda c: due_store.now_due(c, NOW, 500), {DUE}),
    "all who are due": (lambda c: due_store.before(c, NOW, 0, 500), {DUE, PERSON}),
    "whether anybody is due": (lambda c: due_store.is_any(c, NOW), {DUE}),
    "what a batch had": (picked_for(CLOSE), {ISSUE, READER, NUMBER}),
    "what readers far apart had": (picked_for(APART), {ISSUE, READER, NUMBER}),
    "who of a batch gets nothing": (
        lambda c: deliveries.silent(c, CLOSE, NOW),
        {PERSON, ADDRESS},
    ),
    "who gets nothing of readers far apart": (
        lambda c: deliveries.silent(c, APART, NOW),
        {PERSON, ADDRESS},
    ),
    "take back": (
        lambda c: deliveries.take_back(c, NEWEST, CLOSE, NOW),
        {ISSUE, READER, STATE, PAST, BACK},
    ),
    "withdraw a paper": (lambda c: withdrawals.withdraw(c, PaperId("p195")), {ISSUE}),
    "a reader's digests": (lambda c: reading.of_reader(c, ONE, 30), {READER}),
    "what is known of an address": (
        lambda c: events.facts(c, ONE, None),
        {READER, BACK, OWN_LETTERS, WAITING},
    ),
    "the delivery of a bounce": (lambda c: events.last_sent(c, ONE, NOW), {READER}),
    "the delivery of a date": (lambda c: events.posted(c, ONE, NOW), {READER}),
    "what is unknown and came back": (events.proven, {STATE, BACK}),
    "what came back of a reader": (lambda c: events.told(c, ONE, 9), {READER, BACK}),
    "an address": (lambda c: store.find(c, "r20@d20.example.org"), {ADDRESS}),
    "claim letters": (lambda c: letters.claim(c, "me", NOW, LEASE, 5), {WAITING, LETTER}),
    "letters that wait": (lambda c: letters.waiting(c, NOW), {WAITING}),
    "who is asked to confirm": (
        lambda c: letters.asked_since(c, CLOSE, NOW),
        {OWN_LETTERS, KIND},
    ),
    "letters to a reader": (
        lambda c: letters.queued_since(c, LetterKind.WELCOME, ONE, NOW),
        {OWN_LETTERS},
    ),
    "the last report": (lambda c: letters.newest(c, LetterKind.REPORT), {KIND}),
    "erase a reader": (lambda c: erasing.erase(c, ONE), {OWN_LETTERS, READER, PAST, BACK}),
    "retry": (
        lambda c: operator_acts.retry(
            c, NEWEST, Which(states=[S.UNKNOWN]), why="", by="", now=NOW, limit=500
        ),
        {STATE, ISSUE, SUMS, NUMBER},
    ),
    "pause": (
        lambda c: issue_acts.record(c, NEWEST, Done(act=IssueAct.PAUSE, by="", why="", at=NOW)),
        {ISSUE, SUMS, STATE},
    ),
    "skip what a cancelled issue has": (
        lambda c: issue_acts.skip_waiting(c, NEWEST, by="", now=NOW, limit=100),
        {ISSUE, SUMS, STATE, NUMBER},
    ),
    "what may be sent": (lambda c: preflights.unbegun(c, NOW), {STATE, ISSUE, PAST}),
    "prune": (forget, {ISSUE, READER, NUMBER, PERSON, DOMAIN, ADDRESS, PAST, BACK, OWN_LETTERS}),
}

# What looks at a whole issue: of the ledger its own deliveries and no others. Who they are to may
# be read as it comes.
WHOLE: dict[str, tuple[Act, set[str]]] = {
    "status": (lambda c: standings.of(c, NEWEST, NOW), {ISSUE, SUMS, STATE}),
    "why nothing was sent": (
        lambda c: ledger.reasons(c, NEWEST, S.SKIPPED, 5),
        {ISSUE, SUMS, STATE},
    ),
    "to silent addresses": (
        lambda c: ledger.count_silenced(c, NEWEST, NOW),
        {ISSUE, SUMS, STATE},
    ),
    "alerts of issues": (
        lambda c: alert_facts.issues_since(c, NOW - DAY, NOW),
        {ISSUE, SUMS, STATE},
    ),
    "digests of a day": (lambda c: mail_stats.digests(c, TODAY, TODAY), {ISSUE, SUMS}),
    "how late digests were": (lambda c: mail_stats.waits(c, TODAY, TODAY), {ISSUE, STATE}),
    "what came back of a day": (lambda c: mail_stats.returned(c, TODAY, TODAY), {ISSUE, NUMBER}),
    "topics of a day": (lambda c: topic_stats.picked(c, TODAY, TODAY), {ISSUE, STATE}),
    "preflight": (lambda c: list(preflights.alike(c, NEWEST)), {ISSUE}),
    "who gets nothing": (lambda c: preflights.not_due(c, NEWEST), {ISSUE}),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A ledger of a million deliveries on each database, made once."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('million')}/newsletter.db")
        database.upgrade()
        million.fill(database)
        yield database
        database.close()
        return
    with fresh_postgres(request.getfixturevalue("postgres_url")) as url:
        database = Database(url)
        database.upgrade()
        million.fill(database)
        yield database
        database.close()


@pytest.mark.parametrize("name", HOT)
def test_what_is_asked_often_goes_by_an_index(full: Database, name: str) -> None:
    """By one that it was made for, and no big table is read from end to end."""
    act, wanted = HOT[name]
    with full.engine.connect() as connection:  # what it writes is taken back
        found = plans(connection, act)
    assert found
    for plan in found:
        assert not plan.scanned, (plan.statement, plan.told)
        assert plan.indexes, (plan.statement, plan.told)
        assert plan.indexes <= wanted, (plan.statement, plan.told)


@pytest.mark.parametrize("name", WHOLE)
def test_what_looks_at_an_issue_reads_no_other(full: Database, name: str) -> None:
    """Its deliveries are found by their issue, whatever else is read."""
    act, wanted = WHOLE[name]
    with full.engine.connect() as connection:
        found = [one for one in plans(connection, act) if "deliveries" in one.statement]
    assert found
    for plan in found:
        assert "deliveries" not in plan.scanned, (plan.statement, plan.told)
        assert plan.indexes & wanted, (plan.statement, plan.told)


def test_a_claim_sorts_nothing(full: Database) -> None:
    """What is due is read off the front of an index: were it sorted, a claim would cost by it."""
    with full.engine.connect() as connection:
        found = plans(connection, claim)
    chosen = [one for one in found if "LIMIT" in one.statement]
    assert len(chosen) == 2
    for plan in chosen:
        assert not any("Sort" in line or "B-TREE" in line for line in plan.told), plan.told
