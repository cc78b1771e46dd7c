"""The ledger on both databases: who may write what, when, and what a reader is offered again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import insert, select

from newsletter import pipeline
from newsletter.delivery import JITTER, DeliveryState, Policy
from newsletter.errors import StoreError
from newsletter.store import claiming, deliveries, issues, operator_acts
from newsletter.store.deliveries import NewDelivery
from newsletter.store.ledger import held
from newsletter.store.schema import deliveries as table
from newsletter.transports import TransportUnavailable
from subscribers import store
from subscribers.model import Consent
from tests.contract.test_belt import NOON, READERS, SIGNER, issue_id
from tests.world import LATER, LEASE, LOST, NEVER, Closed, Ledger, Scripted

ALIGNMENT, EVERYTHING, ROBOTS = READERS


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


def test_a_reader_has_one_delivery_of_an_issue(ledger: Ledger) -> None:
    """The database itself refuses a second row, and `add` passes over it."""
    done = ledger.compose()
    assert done.issue is not None
    before = ledger.entries(done.issue.id)
    with ledger.database.read() as connection:
        row = connection.execute(select(table).limit(1)).one()._asdict()
    del row["id"]
    with pytest.raises(StoreError), ledger.database.write() as connection:
        connection.execute(insert(table).values(row))
    again = NewDelivery(subscriber_id=row["subscriber_id"], picks=(), reason="late", due_at=NOON)
    with ledger.database.write() as connection:
        assert deliveries.add(connection, done.issue, [again]) == []
    assert ledger.entries(done.issue.id) == before


def test_two_composers_at_once_make_one_issue(ledger: Ledger) -> None:
    """Of two that freeze the same day, one wins, and no reader is written twice."""
    start = Barrier(2)

    def compose() -> pipeline.Composed:
        start.wait(30)
        return ledger.compose()

    with ThreadPoolExecutor(2) as pool:
        one, two = (job.result() for job in [pool.submit(compose), pool.submit(compose)])
    assert issue_id(one) == issue_id(two)
    assert (one.queued + two.queued, one.skipped + two.skipped) == (2, 1)
    with ledger.database.read() as connection:
        assert len(issues.listed(connection, 9)) == 1


def test_owners_that_claim_at_once_share_no_row(ledger: Ledger) -> None:
    """Four senders that claim at the same time get every row, and none of them twice."""
    ledger.add_readers(40)
    ledger.compose()
    start = Barrier(4)

    def take(owner: str) -> list[int]:
        start.wait(30)
        mine: list[int] = []
        while some := ledger.claim(owner, limit=3):
            mine += [one.id for one in some]
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [one for ids in pool.map(take, "abcd") for one in ids]
    assert len(taken) == 42  # two of the three other readers have something to get
    assert len(set(taken)) == 42


def test_a_claim_past_its_lease_is_worth_nothing(ledger: Ledger) -> None:
    """It cannot begin, and whoever took the row meanwhile is not disturbed by it."""
    done = ledger.compose()
    (old,) = ledger.claim("slow")
    late = NOON + LEASE
    assert ledger.begin("slow", [old], late) == set()
    (new,) = ledger.claim("quick", late)
    assert (new.id, new.attempt) == (old.id, old.attempt + 1)
    assert ledger.begin("slow", [old], NOON) == set()  # not even by a clock that is behind
    with ledger.database.write() as connection:
        claiming.release(connection, "slow", [old])
    assert ledger.begin("quick", [new], late) == {new.id}
    assert ledger.finish("slow", old, late) == []
    assert len(ledger.finish("quick", new, late)) == 1
    assert ledger.entries(issue_id(done))[new.address].transport == "quick"


def test_an_older_claim_of_the_same_owner_is_refused(ledger: Ledger) -> None:
    """The attempt tells a sender's two claims of one row apart."""
    ledger.compose()
    (old,) = ledger.claim("one")
    (new,) = ledger.claim("one", NOON + LEASE)
    assert ledger.begin("one", [old], NOON + LEASE) == set()
    assert ledger.begin("one", [new], NOON + LEASE) == {new.id}
    assert ledger.finish("one", old) == []


def test_what_stood_in_sending_when_its_lease_ended_is_unknown(ledger: Ledger) -> None:
    """Not a moment earlier, once only, and it is never claimed again."""
    done = ledger.compose()
    (one,) = ledger.claim("slow")
    ledger.begin("slow", [one])
    assert ledger.settle(NOON + LEASE - timedelta(seconds=1)) == 0
    assert ledger.settle(NOON + LEASE) == 1
    assert ledger.settle(NOON + LEASE) == 0
    entry = ledger.entries(issue_id(done))[one.address]
    assert (entry.state, entry.reason) == (DeliveryState.UNKNOWN, claiming.LOST)
    assert one.id not in {other.id for other in ledger.claim("next", NOON + LEASE, 9)}
    assert ledger.finish("slow", one, NOON + LEASE) == []
    assert ledger.entries(issue_id(done))[one.address] == entry


def test_a_claim_that_was_not_begun_is_not_lost(ledger: Ledger) -> None:
    """A sender that died before `sending` leaves nothing in doubt: the row is free again."""
    ledger.compose()
    (one,) = ledger.claim("dead")
    assert ledger.settle(NOON + LEASE) == 0
    assert one.id in {other.id for other in ledger.claim("next", NOON + LEASE, 9)}


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.FAILED])
def test_an_operator_ends_what_is_unknown(ledger: Ledger, state: DeliveryState) -> None:
    """Sent or failed by word of an operator is final: no other word is taken."""
    done = ledger.compose()
    ledger.post(Scripted(LOST))
    now = NOON + timedelta(hours=1)
    (one,) = [x for x in ledger.entries(issue_id(done)).values() if x.state == "unknown"]
    with ledger.database.write() as connection:
        assert operator_acts.reconcile(connection, one.id, state, "by hand", now)
        assert not operator_acts.reconcile(connection, one.id, DeliveryState.QUEUED, "no", now)
    after = ledger.entries(issue_id(done))[one.address]
    assert (after.state, after.reason) == (state, "by hand")
    assert after.sent_at == (now if state is DeliveryState.SENT else None)


def test_what_goes_again_is_the_same_message(ledger: Ledger) -> None:
    """Queued again by an operator, or tried again by itself, the bytes do not change."""
    done = ledger.compose()
    road = Scripted(LATER, LOST)
    ledger.post(road)
    now = NOON + timedelta(hours=1)
    (lost,) = [x for x in ledger.entries(issue_id(done)).values() if x.state == "unknown"]
    with ledger.database.write() as connection:
        operator_acts.reconcile(connection, lost.id, DeliveryState.QUEUED, "by hand", now)
    second = Scripted()
    ledger.post(second, now)
    assert len(second.taken) == 2
    assert dict(second.offered) == dict(road.offered)


@pytest.mark.parametrize("state", [s for s in DeliveryState if s is not DeliveryState.UNKNOWN])
def test_only_the_unknown_is_reconciled(ledger: Ledger, state: DeliveryState) -> None:
    """What stands anywhere else is not an operator's to move."""
    done = ledger.compose()
    (one,) = ledger.claim("one")
    with ledger.database.write() as connection:
        connection.execute(table.update().where(table.c.id == one.id).values(state=state))
    before = ledger.entries(issue_id(done))
    with ledger.database.write() as connection:
        for to in DeliveryState:
            assert not operator_acts.reconcile(connection, one.id, to, "by hand", NOON)
    assert ledger.entries(issue_id(done)) == before


def _refused(_: Ledger) -> Scripted:
    return Scripted(NEVER)


def _left_and_came_back(ledger: Ledger) -> Scripted:
    with ledger.database.write() as connection:
        store.unsubscribe(connection, store.get(connection, ALIGNMENT).id, NOON)
    ledger.post(Scripted())
    with ledger.database.write() as connection:
        consent = Consent(at=NOON, form="test")
        store.subscribe(connection, ALIGNMENT, READERS[ALIGNMENT], consent)
    return Scripted()


def _in_doubt(_: Ledger) -> Scripted:
    return Scripted(LOST)


def _deferred(_: Ledger) -> Scripted:
    return Scripted(LATER)


def _taken(_: Ledger) -> Scripted:
    return Scripted()


@pytest.mark.parametrize(
    ("first_day", "state", "repeated"),
    [
        (_refused, DeliveryState.FAILED, True),
        (_left_and_came_back, DeliveryState.SKIPPED, True),
        (_in_doubt, DeliveryState.UNKNOWN, False),
        (_deferred, DeliveryState.DEFERRED, False),
        (_taken, DeliveryState.SENT, False),
    ],
)
def test_papers_come_again_only_where_they_never_left(
    ledger: Ledger,
    first_day: Callable[[Ledger], Scripted],
    state: DeliveryState,
    repeated: bool,
) -> None:
    """The next issue offers what was failed or skipped, and nothing a reader may have."""
    first = ledger.compose()
    with ledger.database.read() as connection:
        reader = store.get(connection, ALIGNMENT).id
    ledger.post(first_day(ledger), reader=reader)
    before = ledger.entries(issue_id(first))[ALIGNMENT]
    assert before.state is state
    second = ledger.compose(NOON + timedelta(days=1))
    after = ledger.papers(ledger.entries(issue_id(second))[ALIGNMENT])
    had = ledger.papers(before)
    assert had
    assert set(had) <= set(after) if repeated else set(had).isdisjoint(after)


def test_sending_is_on_the_disk_before_the_first_byte(ledger: Ledger) -> None:
    """While a message leaves, everybody else can read that it does; the next, that it is sent."""
    done = ledger.compose()
    seen: list[dict[DeliveryState, int]] = []

    def look() -> None:
        seen.append(ledger.counts(issue_id(done)))

    ledger.post(Scripted(look, look))
    skipped = {DeliveryState.SKIPPED: 1}
    assert seen == [
        {DeliveryState.QUEUED: 1, DeliveryState.SENDING: 1} | skipped,
        {DeliveryState.SENDING: 1, DeliveryState.SENT: 1} | skipped,
    ]


def test_the_accounts_balance_at_every_step(ledger: Ledger) -> None:
    """Whatever servers answer, each reader stands in one state, and sent is what was taken."""
    ledger.add_readers(7)
    done = ledger.compose()
    road = Scripted(LATER, NEVER, LOST)  # the last of them ends the run
    now = NOON
    taken = 0
    for script in ([], [LATER, TransportUnavailable("away")], [NEVER, LATER], []):
        counts = ledger.counts(issue_id(done))
        assert sum(counts.values()) == 10
        assert counts.get(DeliveryState.SENT, 0) == taken
        road.script += script
        ledger.post(road, now)
        taken = len(road.taken)
        now += timedelta(hours=2)
    ledger.post(road, now)
    counts = ledger.counts(issue_id(done))
    assert counts[DeliveryState.SENT] == len(road.taken) == len(set(road.taken))
    assert counts == {
        DeliveryState.SENT: 6,
        DeliveryState.FAILED: 2,
        DeliveryState.UNKNOWN: 1,
        DeliveryState.SKIPPED: 1,
    }


def test_a_road_closed_from_the_start_touches_nothing(ledger: Ledger) -> None:
    """The error is told to the caller, and no row has changed, not even its attempt."""
    ledger.compose()

    def rows() -> list[object]:
        with ledger.database.read() as connection:
            return list(connection.execute(select(table).order_by(table.c.id)))

    before = rows()
    with pytest.raises(TransportUnavailable, match="nobody listens"):
        ledger.post(Closed())
    assert rows() == before


@pytest.mark.parametrize(
    ("meets", "state", "tries"),
    [
        (TransportUnavailable("away"), DeliveryState.DEFERRED, 0),
        (LOST, DeliveryState.UNKNOWN, 1),
        (LATER, DeliveryState.DEFERRED, 1),
        (NEVER, DeliveryState.FAILED, 1),
    ],
)
def test_an_outcome_is_charged_to_whom_it_is_about(
    ledger: Ledger, meets: Exception, state: DeliveryState, tries: int
) -> None:
    """A closed road charges no try; a 4yz waits its five minutes, more or less by the jitter."""
    ledger.compose()
    road = Scripted(meets)
    ledger.post(road)
    assert road.closed == 1
    with ledger.database.read() as connection:
        row = connection.execute(select(table).where(table.c.attempt > 0).order_by(table.c.id))
        found = row.all()[0]
    assert (found.state, found.tries) == (state, tries)
    assert (found.owner, found.lease_until) == (None, None)
    if meets is LATER:
        wait = (found.next_at - NOON) / timedelta(minutes=5)
        assert 1 - JITTER <= wait <= 1 + JITTER
        assert ledger.post(Scripted(), found.next_at - timedelta(seconds=1)).states == {}
        assert ledger.post(Scripted(), found.next_at).states == {DeliveryState.SENT: 1}


def test_a_stop_gives_back_what_was_not_begun(ledger: Ledger) -> None:
    """After a stop nobody waits for a lease: another sender takes the rest at once."""
    ledger.add_readers(5)
    ledger.compose()
    road = Scripted()
    done = ledger.post(road, stopped=lambda: len(road.taken) == 2)
    assert done.states == {DeliveryState.SENT: 2}
    with ledger.database.read() as connection:
        assert held(connection, NOON) == (0, None)
    assert len(ledger.claim("other", limit=99)) == 5


def test_brought_forward_is_dated_now_unless_it_was_tried(ledger: Ledger) -> None:
    """A first copy carries the hour it leaves at, a second one the hour of the first."""
    dawn = NOON.replace(hour=5)
    done = ledger.compose(dawn)
    hours = {address: one.due_at for address, one in ledger.entries(issue_id(done)).items()}
    with ledger.database.write() as connection:
        chosen = store.get(connection, ALIGNMENT).id
        assert deliveries.bring_forward(connection, dawn, subscriber_id=chosen) == 1
    assert ledger.entries(issue_id(done))[ALIGNMENT].due_at == dawn != hours[ALIGNMENT]
    assert ledger.entries(issue_id(done))[EVERYTHING].due_at == hours[EVERYTHING]
    road = Scripted(LATER)
    ledger.post(road, dawn)
    minute = dawn + timedelta(minutes=1)
    with ledger.database.write() as connection:
        assert deliveries.bring_forward(connection, minute) == 2
    entries = ledger.entries(issue_id(done))
    assert (entries[ALIGNMENT].due_at, entries[ALIGNMENT].next_at) == (dawn, minute)
    assert entries[EVERYTHING].due_at == minute
    ledger.post(road, minute)
    assert sorted(road.taken) == [ALIGNMENT, EVERYTHING]
    assert [content for to, content in road.offered if to == ALIGNMENT] == [
        ledger.mail(entries[ALIGNMENT])
    ] * 2
    assert dict(road.offered)[EVERYTHING] == ledger.mail(entries[EVERYTHING])


def test_what_a_sender_holds_is_not_brought_forward(ledger: Ledger) -> None:
    """Its date may be in bytes that are leaving already."""
    done = ledger.compose(NOON.replace(hour=5))
    eight = NOON.replace(hour=8)
    ledger.claim("one", eight, 9)
    with ledger.database.write() as connection:
        assert deliveries.bring_forward(connection, NOON.replace(hour=6)) == 0
    assert ledger.entries(issue_id(done))[ALIGNMENT].due_at == eight


def test_a_reader_who_comes_later_is_added_to_the_frozen_issue(ledger: Ledger) -> None:
    """The others' deliveries stay as they are, and the reader without papers keeps the reason."""
    first = ledger.compose()
    before = ledger.entries(issue_id(first))
    assert json.loads(before[ROBOTS].picks) == []
    assert "off topic" in before[ROBOTS].reason
    ledger.add_readers(1)
    again = ledger.compose(NOON + timedelta(hours=1))
    assert (again.queued, again.skipped, again.fresh) == (1, 0, False)
    after = ledger.entries(issue_id(again))
    assert {address: after[address] for address in before} == before


def test_what_is_held_past_its_lease_and_claimed_again_goes_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that slept and finds its own claims free takes them anew, not beside the old."""
    monkeypatch.setattr(sys.modules["newsletter.pipeline.dispatch"], "BATCH", 3)
    ledger.add_readers(12)
    ledger.compose()
    lines = [Scripted() for _ in range(4)]
    slept, looks = timedelta(0), 0

    def looked() -> bool:
        """Asked before each hand-over; what was under way is back; at the fourth it slept."""
        nonlocal slept, looks
        looks += 1
        time.sleep(0.1)
        if looks >= 4:
            slept = 2 * LEASE
        return False

    post = pipeline.Post(
        roads=[pipeline.Road(name="four", transports=lines)],
        owner="one",
        policy=Policy(tries=3, news=timedelta(days=9)),
        lease=LEASE,
        clock=lambda: NOON + slept,
        stopped=looked,
    )
    for _ in range(2):
        pipeline.dispatch(ledger.database, SIGNER, post)
    taken = [address for line in lines for address in line.taken]
    assert len(taken) == len(set(taken)) == 14
