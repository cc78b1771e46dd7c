"""What operators do to issues and deliveries, on both databases, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter import pipeline
from newsletter.delivery import DeliveryState, Policy
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.pipeline.operating import Retried
from newsletter.pipeline.receipts import FileReceipts
from newsletter.store import claiming, deliveries, history, issue_acts, operator_acts, standings
from newsletter.store.history import Happened
from newsletter.store.issue_acts import IssueAct
from newsletter.store.ledger import Waits, unfinished, waiting
from newsletter.store.schema import deliveries as table
from newsletter.store.schema import delivery_history
from newsletter.transports import Refused, Reply
from subscribers import store
from subscribers.schema import subscribers
from tests.contract.test_belt import NOON, READERS
from tests.world import LATER, LEASE, LOST, NEVER, SENT, Ledger, Scripted

ALIGNMENT, EVERYTHING, ROBOTS = READERS
DAY = timedelta(days=1)
S = DeliveryState
FULL = Refused(Reply(code=452, text="4.2.2 mailbox full"))


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


def composed(ledger: Ledger) -> Issue:
    issue = ledger.compose().issue
    assert issue is not None
    return issue


def retry(ledger: Ledger, issue: Issue, *states: S, now: object = NOON, **more: object) -> Retried:
    asked = {"by": "ida", "why": "they mended it", "now": now, "policy": Policy()} | more
    return pipeline.retry(ledger.database, issue, states or (S.FAILED,), **asked)  # type: ignore[arg-type]


def past(ledger: Ledger, delivery_id: int) -> list[tuple[str, str, str]]:
    with ledger.database.read() as connection:
        return [(x.state, x.words, x.by) for x in history.of(connection, delivery_id)]


def test_the_servers_last_word_is_kept_and_what_is_sent_has_no_history(ledger: Ledger) -> None:
    """A reply finds the message in the relay's log; the happy path writes no second row."""
    issue = composed(ledger)
    ledger.post(Scripted())
    sent = [one for one in ledger.entries(issue.id).values() if one.state is S.SENT]
    assert [one.reply for one in sent] == ["250 taken", "250 taken"]
    with ledger.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(delivery_history)) == 0


def test_every_try_that_did_not_end_well_is_told_in_order(ledger: Ledger) -> None:
    """Each with the server's words, its claim, the road, and the sender's name."""
    issue = composed(ledger)
    with ledger.database.read() as connection:
        reader = store.get(connection, ALIGNMENT).id
    ledger.post(Scripted(LATER), reader=reader)
    ledger.post(Scripted(NEVER), NOON + timedelta(hours=1), reader=reader)
    one = ledger.entries(issue.id)[ALIGNMENT]
    with ledger.database.read() as connection:
        told = history.of(connection, one.id)
    assert told == [
        Happened(
            delivery_id=one.id,
            at=NOON,
            attempt=1,
            state=S.DEFERRED,
            words="refused for now: 450 later",
            transport="scripted",
            by="one",
        ),
        Happened(
            delivery_id=one.id,
            at=NOON + timedelta(hours=1),
            attempt=2,
            state=S.FAILED,
            words="refused: 550 no such user",
            transport="scripted",
            by="one",
        ),
    ]
    assert one.reply == "550 no such user"


def test_what_a_dead_sender_left_is_in_the_history_by_its_name(ledger: Ledger) -> None:
    """Once, however often it is looked for."""
    issue = composed(ledger)
    (one,) = ledger.claim("dead")
    ledger.begin("dead", [one])
    ledger.settle(NOON + LEASE)
    ledger.settle(NOON + LEASE)
    assert past(ledger, one.id) == [("unknown", claiming.LOST, "dead")]
    with ledger.database.write() as connection:
        assert operator_acts.reconcile(connection, one.id, S.QUEUED, "not there", NOON, by="ida")
    assert past(ledger, one.id)[1:] == [("queued", "not there", "ida")]
    assert ledger.entries(issue.id)[one.address].tries == 0


def test_a_receipt_keeps_the_reply(
    ledger: Ledger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And the history tells that the answer came that way."""
    issue = composed(ledger)
    (one,) = ledger.claim("one")
    ledger.begin("one", [one])
    receipts = FileReceipts(tmp_path_factory.mktemp("receipts"))
    ended = claiming.Finished(
        claim=one,
        decision=SENT,
        transport="scripted",
        reply="250 2.0.0 Ok: queued as 4F1A2",
    )
    receipts.keep([ended], NOON)
    assert receipts.replay(ledger.database) == 1
    assert ledger.entries(issue.id)[one.address].reply == "250 2.0.0 Ok: queued as 4F1A2"
    assert past(ledger, one.id) == [("sent", "250 2.0.0 Ok: queued as 4F1A2", claiming.BY_RECEIPT)]


def test_what_failed_goes_again_as_the_same_message(ledger: Ledger) -> None:
    """Though it is no longer news by its hour; its tries count anew, and the act is kept."""
    issue = composed(ledger)
    road = Scripted(NEVER)
    ledger.post(road)
    (failed,) = [x for x in ledger.entries(issue.id).values() if x.state is S.FAILED]
    late = NOON + 10 * DAY
    done = retry(ledger, issue, now=late)
    assert (done.queued, done.was_news, done.paused, done.later) == (1, False, False, False)
    assert done.suppressed == 0
    queued = ledger.entries(issue.id)[failed.address]
    assert (queued.state, queued.tries, queued.reason) == (S.QUEUED, 0, "")
    assert (queued.due_at, queued.next_at, queued.retried_at) == (failed.due_at, late, late)
    assert past(ledger, failed.id)[-1] == ("queued", "retry: they mended it", "ida")
    again = Scripted()
    assert ledger.post(again, late).states == {S.SENT: 1}
    first = next(content for to, content in road.offered if to == failed.address)
    assert again.offered == [(failed.address, first)]


def test_a_retry_to_a_silenced_address_is_told(ledger: Ledger) -> None:
    """It is queued, and will be skipped until somebody lets the address have mail."""
    issue = composed(ledger)
    ledger.post(Scripted(Refused(Reply(code=550, text="5.1.1 no such user"))))
    assert retry(ledger, issue).suppressed == 1
    assert ledger.post(Scripted()).states == {S.SKIPPED: 1}


def test_a_retry_is_news_for_as_long_as_a_new_one_and_no_longer(ledger: Ledger) -> None:
    """From the retry on; a deferral does not make it young again."""
    issue = composed(ledger)
    ledger.post(Scripted(FULL, FULL), NOON)
    ledger.post(Scripted(), NOON + 3 * DAY)
    old = [x for x in ledger.entries(issue.id).values() if x.state is S.FAILED]
    assert {x.reason for x in old} == {"no longer news when it could be sent"}
    assert retry(ledger, issue, now=NOON + 3 * DAY).queued == 2
    ledger.post(Scripted(FULL, FULL), NOON + 4 * DAY)
    assert ledger.counts(issue.id)[S.DEFERRED] == 2
    ledger.post(Scripted(), NOON + 5 * DAY)
    assert ledger.counts(issue.id)[S.FAILED] == 2


def _states(ledger: Ledger, issue: Issue) -> dict[str, S]:
    return {address: one.state for address, one in ledger.entries(issue.id).items()}


def test_only_what_is_named_is_retried(ledger: Ledger) -> None:
    """By state, reader and domain; the unknown and the skipped only when asked for."""
    ledger.add_readers(4)
    with ledger.database.write() as connection:
        store.unsubscribe(connection, store.get(connection, "r3@example.org").id, NOON)
    issue = composed(ledger)
    ledger.post(Scripted(NEVER, NEVER, NEVER, LOST))
    before = _states(ledger, issue)
    assert sorted(before.values()).count(S.FAILED) == 3
    assert retry(ledger, issue, domain="elsewhere.example").queued == 0
    one = next(address for address, state in before.items() if state is S.FAILED)
    assert retry(ledger, issue, addresses=[one.upper()]).queued == 1
    assert _states(ledger, issue) == before | {one: S.QUEUED}
    assert retry(ledger, issue, domain="example.org").queued == 2
    assert S.UNKNOWN in _states(ledger, issue).values()
    assert retry(ledger, issue, S.UNKNOWN).queued == 1
    assert retry(ledger, issue, S.UNKNOWN).queued == 0
    assert retry(ledger, issue, S.SKIPPED).queued == 0  # it has nothing in it


@pytest.mark.parametrize(
    ("address", "script", "words"),
    [
        (EVERYTHING, (NEVER,), "was sent already"),
        (ALIGNMENT, (LOST,), "is unknown; to send it again all the same, add --state unknown"),
        (ALIGNMENT, (LATER,), "is deferred and goes by itself"),
        (ROBOTS, (), "has nothing in it: nothing new matched"),
    ],
)
def test_what_may_not_be_retried_is_refused_in_words(
    ledger: Ledger, address: str, script: tuple[Exception, ...], words: str
) -> None:
    """And nothing of the same request is done either."""
    issue = composed(ledger)
    ledger.post(Scripted(*script))
    before = ledger.entries(issue.id)
    with pytest.raises(RequestError, match=words):
        retry(ledger, issue, addresses=[address])
    assert ledger.entries(issue.id) == before


def test_a_retry_may_repeat_papers_and_says_so(ledger: Ledger) -> None:
    """Where a later issue was composed meanwhile."""
    issue = composed(ledger)
    ledger.post(Scripted(NEVER))
    ledger.compose(NOON + DAY)
    assert retry(ledger, issue, now=NOON + DAY).later


def test_a_paused_issue_is_left_alone_until_it_is_resumed(ledger: Ledger) -> None:
    """By claims, by who holds some already, and by the counts of what is due."""
    issue = composed(ledger)
    held = ledger.claim("one", limit=1)
    (gone,) = ledger.claim("two", limit=1)
    assert ledger.begin("two", [gone]) == {gone.id}
    done = {"by": "ida", "why": "a wrong title", "now": NOON}
    pipeline.pause(ledger.database, issue, IssueAct.PAUSE, **done)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="is paused already, by ida since 2026-03-12 12:00"):
        pipeline.pause(ledger.database, issue, IssueAct.PAUSE, **done)  # type: ignore[arg-type]
    assert ledger.begin("one", held) == set()
    assert len(ledger.finish("two", gone)) == 1  # what is leaving ends as it ends
    assert ledger.post(Scripted(), NOON + timedelta(hours=1)).states == {}
    with ledger.database.write() as connection:
        assert waiting(connection, NOON - DAY) == Waits()
        assert unfinished(connection, NOON) == 0
        assert deliveries.bring_forward(connection, NOON - DAY) == 0
    other = ledger.compose(NOON + DAY)
    assert other.queued
    assert ledger.post(Scripted(), NOON + DAY).states == {S.SENT: other.queued}
    pipeline.pause(ledger.database, issue, IssueAct.RESUME, by="bo", why="", now=NOON)
    with pytest.raises(RequestError, match="is not paused"):
        pipeline.pause(ledger.database, issue, IssueAct.RESUME, by="bo", why="", now=NOON)
    assert ledger.post(Scripted(), NOON + timedelta(hours=1)).states == {S.SENT: 1}
    with ledger.database.read() as connection:
        acts = issue_acts.standing(connection, issue.id).acts
    assert [(x.act, x.by, x.why) for x in acts] == [
        (IssueAct.PAUSE, "ida", "a wrong title"),
        (IssueAct.RESUME, "bo", ""),
    ]


def test_a_claim_beside_a_pause_cannot_begin(ledger: Ledger) -> None:
    """Even one that the pause did not see, because it was committed just after."""
    issue = composed(ledger)
    (seen,) = ledger.claim("early")
    pipeline.pause(ledger.database, issue, IssueAct.PAUSE, by="ida", why="", now=NOON)
    with ledger.database.write() as connection:
        row = connection.execute(select(table.c.id).where(table.c.state == "queued")).first()
        assert row is not None
        connection.execute(
            table.update()
            .where(table.c.id == row.id)
            .values(owner="late", attempt=1, lease_until=NOON + LEASE)
        )
    assert ledger.begin("late", [seen._replace(id=row.id, attempt=1)]) == set()
    pipeline.pause(ledger.database, issue, IssueAct.RESUME, by="ida", why="", now=NOON)
    assert len(ledger.claim("next", limit=9)) == 2  # nobody waits for that lease


def cancel(ledger: Ledger, issue: Issue) -> int:
    return pipeline.cancel(ledger.database, issue, by="ida", why="wrong list", now=NOON)


def test_a_cancelled_issue_ends_and_stays_so(ledger: Ledger) -> None:
    """What waits is skipped and says why; nobody is added, nothing resumed, nothing retried."""
    ledger.add_readers(3)
    issue = composed(ledger)
    ledger.post(Scripted(LATER, NEVER))
    counts = ledger.counts(issue.id)
    assert counts[S.SENT] == 3
    assert cancel(ledger, issue) == 1
    assert ledger.counts(issue.id) == {S.SENT: 3, S.FAILED: 1, S.SKIPPED: 2}
    (one,) = [x for x in ledger.entries(issue.id).values() if x.reason.startswith("cancelled")]
    assert one.reason == "cancelled by ida: wrong list"
    assert past(ledger, one.id)[-1] == ("skipped", "cancelled by ida: wrong list", "ida")
    ledger.add_readers(5)
    again = ledger.compose()
    assert (again.queued, again.cancelled) == (0, "cancelled by ida: wrong list")
    for act in (IssueAct.PAUSE, IssueAct.RESUME):
        with pytest.raises(RequestError, match="was cancelled by ida: wrong list"):
            pipeline.pause(ledger.database, issue, act, by="bo", why="", now=NOON)
    with pytest.raises(RequestError, match="That is for ever"):
        retry(ledger, issue)
    with pytest.raises(RequestError, match="That is for ever"):
        cancel(ledger, issue)


@pytest.mark.parametrize(
    ("meets", "state"), [(None, S.SENT), (LATER, S.SKIPPED), (NEVER, S.FAILED), (LOST, S.UNKNOWN)]
)
def test_what_is_leaving_while_it_is_cancelled_ends_as_it_ends(
    ledger: Ledger, meets: Exception | None, state: S
) -> None:
    """Only another try it does not get: the issue is finished."""
    issue = composed(ledger)

    def strike() -> None:
        cancel(ledger, issue)
        if meets is not None:
            raise meets

    assert ledger.post(Scripted(strike)).states == {state: 1}
    expected = {S.SKIPPED: 3} if state is S.SKIPPED else {state: 1, S.SKIPPED: 2}
    assert ledger.counts(issue.id) == expected
    with ledger.database.read() as connection:
        assert standings.of(connection, issue.id, NOON).ready == 0
        assert unfinished(connection, NOON + DAY) == 0


def test_cancelled_again_it_ends_what_a_crash_left(ledger: Ledger) -> None:
    """The flag is committed first, the rows after it."""
    issue = composed(ledger)
    done = issue_acts.Done(act=IssueAct.CANCEL, by="bo", why="first", at=NOON)
    with ledger.database.write() as connection:
        assert issue_acts.record(connection, issue.id, done)
    assert ledger.counts(issue.id)[S.QUEUED] == 2
    assert ledger.post(Scripted()).states == {}
    assert cancel(ledger, issue) == 2
    reasons = {x.reason for x in ledger.entries(issue.id).values() if x.address != ROBOTS}
    assert reasons == {"cancelled by bo: first"}


def test_the_sums_of_an_issue_add_up(ledger: Ledger) -> None:
    """By state, domain, transport and reason, whatever happened to each."""
    ledger.add_readers(6)
    with ledger.database.write() as connection:
        consent = store.get(connection, EVERYTHING).consent
        wants = store.get(connection, EVERYTHING).preferences
        store.subscribe(connection, "asa@Else.example", wants, consent)
        for at in range(20):
            store.subscribe(connection, f"x@d{at:02}.example", wants, consent)
    issue = composed(ledger)
    with ledger.database.read() as connection:
        domain = select(subscribers.c.domain).where(subscribers.c.address.like("asa@%"))
        assert connection.scalar(domain) == "else.example"
    worded = [
        Refused(Reply(code=550, text=f"5.1.1 <r{at}@example.org> unknown here")) for at in (1, 2)
    ]
    ledger.post(Scripted(*worded, LATER, LOST))  # the last of them ends the run
    ledger.post(Scripted(), NOON + timedelta(seconds=10))
    with ledger.database.read() as connection:
        sums = standings.of(connection, issue.id, NOON + timedelta(seconds=20))
    counts = {state: number for state, number in sums.counts.items() if number}
    assert counts == ledger.counts(issue.id)
    shares = [*sums.domains, sums.others]
    assert sum(one.composed for one in shares if one) == sum(counts.values())
    assert sum(one.sent for one in shares if one) == counts[S.SENT]
    assert (sums.domains[0].name, sums.domains[0].composed) == ("example.org", 9)
    assert len(sums.domains) == standings.DOMAINS
    assert sums.others is not None
    assert sums.others.composed == 21 - 14
    (road,) = sums.transports
    assert (road.name, road.sent, road.failed) == ("scripted", counts[S.SENT], 2)
    assert [(x.state, x.number, x.words) for x in sums.causes] == [
        (S.FAILED, 2, "refused: 550 5.1.1 … unknown here"),
        (S.UNKNOWN, 1, "no answer after the content left: no answer"),
        (S.DEFERRED, 1, "refused for now: 450 later"),
    ]
    assert sums.sent_lately == counts[S.SENT]
    assert sums.per_second_lately == counts[S.SENT] / 60
    assert sums.left is None  # the deferred one has to wait
    assert sums.first_sent_at == NOON + timedelta(seconds=10)


def test_the_speed_is_told_where_time_passed(ledger: Ledger) -> None:
    """Over the whole, and over the last minute with what is left at that pace."""
    ledger.add_readers(6)
    issue = composed(ledger)
    with ledger.database.write() as connection:
        ids = connection.scalars(select(table.c.id).where(table.c.state == "queued")).all()
        for at, number in enumerate(ids[:5]):
            connection.execute(
                table.update()
                .where(table.c.id == number)
                .values(state="sent", sent_at=NOON + timedelta(seconds=30 * at))
            )
    with ledger.database.read() as connection:
        sums = standings.of(connection, issue.id, NOON + timedelta(seconds=130))
    assert sums.per_second == pytest.approx(4 / 120)
    assert sums.sent_lately == 2
    assert sums.ready == 3
    assert sums.left == timedelta(seconds=90)
