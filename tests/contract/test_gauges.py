"""What monitors ask of every database, and what a run of sending tells the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event as events

from newsletter import logs
from newsletter.bounces import EventKind
from newsletter.delivery import DeliveryState as State
from newsletter.errors import RequestError
from newsletter.log_events import Event
from newsletter.pipeline import operating
from newsletter.store import events as returned
from newsletter.store import gauges
from newsletter.store.database import Database
from newsletter.store.issue_acts import IssueAct
from newsletter.transports import Refused, Reply, TransportUnavailable
from tests.contract.test_belt import NOON, issue_id
from tests.world import LATER, LOST, Closed, Ledger, Scripted

LATE = NOON + timedelta(hours=1)
Heard = list[tuple[Event, Mapping[str, object]]]


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Ledger]:
    """One database, for what does not depend on which it is."""
    made = Ledger(f"sqlite:///{tmp_path}/newsletter.db")
    yield made
    made.database.close()


@contextmanager
def hearing() -> Iterator[Heard]:
    """All that is told meanwhile."""
    heard: Heard = []

    def ear(event: Event, fields: Mapping[str, object]) -> None:
        heard.append((event, dict(fields)))

    logs.hear(ear)
    try:
        yield heard
    finally:
        logs.ignore(ear)


def waiting(database: Database) -> gauges.Waiting:
    with database.read() as connection:
        return gauges.waiting(connection, LATE)


def test_what_waits_is_counted(ledger: Ledger) -> None:
    """By state, with how long the oldest could have left; what an operator holds is not due."""
    none = waiting(ledger.database)
    assert (none.due, none.oldest, none.letters) == (0, None, 0)
    done = ledger.compose()
    assert done.issue is not None
    found = waiting(ledger.database)
    assert found.states == {State.QUEUED: 2, State.SENDING: 0, State.DEFERRED: 0, State.UNKNOWN: 0}
    first = min(one.next_at for one in ledger.entries(done.issue.id).values() if one.picks != "[]")
    assert (found.due, found.oldest) == (2, first)
    database = ledger.database
    operating.pause(database, done.issue, IssueAct.PAUSE, by="ops", why="", now=NOON)
    held = waiting(database)
    assert (held.states, held.due, held.oldest) == (found.states, 0, None)
    operating.pause(database, done.issue, IssueAct.RESUME, by="ops", why="", now=NOON)
    ledger.post(Scripted(LATER))
    again = waiting(database)
    assert (again.states[State.QUEUED], again.states[State.DEFERRED]) == (0, 1)
    assert again.due == 1
    assert again.oldest is not None
    assert again.oldest > NOON


def test_the_newest_issue_is_counted(ledger: Ledger) -> None:
    """All its deliveries, and when the last of them left."""
    with ledger.database.read() as connection:
        assert gauges.newest(connection) == gauges.Newest()
    number = issue_id(ledger.compose())
    ledger.post(Scripted(LATER))
    with ledger.database.read() as connection:
        found = gauges.newest(connection)
    assert {state: many for state, many in found.states.items() if many} == ledger.counts(number)
    assert found.states[State.SENT] == 1
    assert (found.composed_at, found.last_sent_at) == (NOON, NOON)


def test_returns_are_counted_from_where_the_last_look_ended(ledger: Ledger) -> None:
    """Nothing twice, whatever came before."""
    number = issue_id(ledger.compose())
    ids = [one.id for one in ledger.entries(number).values()]
    with ledger.database.write() as connection:
        before = gauges.returns_up_to(connection)
        for kind, delivery in zip((EventKind.BOUNCED, EventKind.COMPLAINED), ids, strict=False):
            returned.add(connection, returned.Event(delivery_id=delivery, kind=kind, at=NOON))
        last = gauges.returns_up_to(connection)
        assert gauges.returns(connection, before, last) == {"bounced": 1, "complained": 1}
        assert gauges.returns(connection, last, last) == Counter()


def test_readers_papers_and_room_are_told(ledger: Ledger) -> None:
    """As they are in the database."""
    with ledger.database.read() as connection:
        known = gauges.known(connection, NOON)
    assert (known.papers, known.subscribers["confirmed"]) == (70, 3)
    assert known.suppressions == {}
    sizes = gauges.sizes(ledger.database).parts
    assert sizes[("file" if ledger.database.embedded else "database")] > 0


def test_no_scrape_reads_the_whole_ledger(embedded: Ledger) -> None:
    """Every question about deliveries goes by an index, as the embedded database plans it.

    PostgreSQL plans by how many rows there are, and here are few.
    """
    embedded.compose()
    asked: list[tuple[str, object]] = []

    def note(_c: object, _k: object, statement: str, given: object, *_: object) -> None:
        asked.append((statement, given))

    events.listen(embedded.database.engine, "before_cursor_execute", note)
    with embedded.database.read() as connection:
        gauges.waiting(connection, LATE)
        gauges.newest(connection)
    events.remove(embedded.database.engine, "before_cursor_execute", note)
    of_deliveries = [one for one in asked if "FROM deliveries" in one[0]]
    assert len(of_deliveries) >= 5
    with embedded.database.read() as connection:
        for statement, given in of_deliveries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            for row in plan:
                assert "SCAN deliveries" not in row[3], (statement, row[3])


@pytest.mark.parametrize(
    ("meets", "event", "words"),
    [
        (None, Event.DELIVERY_SENT, ""),
        (LATER, Event.DELIVERY_DEFERRED, "later"),
        (Refused(Reply(code=550, text="no\r\n{} \x1b[2J")), Event.DELIVERY_FAILED, "550"),
        (LOST, Event.DELIVERY_UNKNOWN, "no answer"),
    ],
)
def test_what_became_of_a_delivery_is_told(
    embedded: Ledger, meets: Refused | TransportUnavailable | None, event: Event, words: str
) -> None:
    """Once it is recorded, with its number, issue, transport and what was said."""
    done = embedded.compose()
    assert done.issue is not None
    with hearing() as heard:
        embedded.post(Scripted(*([meets] if meets else [])))
    told = [fields for kind, fields in heard if kind is event]
    assert len(told) == (1 if meets else 2)
    one = next(x for x in embedded.entries(done.issue.id).values() if x.id == told[0]["delivery"])
    assert told[0]["issue"] == done.issue.name
    assert (told[0]["address"], told[0]["transport"], told[0]["attempt"]) == (
        one.address,
        "scripted",
        1,
    )
    assert words in str(told[0]["words"])
    rests = [fields["transport"] for kind, fields in heard if kind is Event.TRANSPORT_RESTS]
    assert rests == (["scripted"] if meets is LOST else [])
    (run,) = (fields for kind, fields in heard if kind is Event.DISPATCH_DONE)
    assert run[event.told.name.partition(".")[2]] == len(told)


def test_a_closed_road_is_told(embedded: Ledger) -> None:
    """By its name, with what is wrong; a run that had nothing to do is not."""
    embedded.compose()
    with hearing() as heard, pytest.raises(TransportUnavailable):
        embedded.post(Closed())
    assert heard == [
        (
            Event.TRANSPORT_UNAVAILABLE,
            {"transport": "scripted", "words": "nobody listens there"},
        )
    ]
    embedded.post(Scripted())
    with hearing() as heard:
        embedded.post(Scripted())
    assert heard == []


def test_what_an_operator_does_is_told(embedded: Ledger) -> None:
    """Who, what, why, of which issue; once it is done, and not where it was refused."""
    done = embedded.compose()
    assert done.issue is not None
    database, issue = embedded.database, done.issue
    with hearing() as heard:
        operating.pause(database, issue, IssueAct.PAUSE, by="ops", why="a typo", now=NOON)
        with pytest.raises(RequestError):
            operating.pause(database, issue, IssueAct.PAUSE, by="ops", why="again", now=NOON)
        operating.cancel(database, issue, by="ops", why="all wrong", now=NOON)
    assert [event for event, _ in heard] == [Event.OPERATOR_ACTED] * 2
    first, last = (fields for _, fields in heard)
    assert (first["act"], first["issue"], first["by"], first["why"]) == (
        "pause",
        issue.name,
        "ops",
        "a typo",
    )
    assert (last["act"], last["number"]) == ("cancel", 2)
