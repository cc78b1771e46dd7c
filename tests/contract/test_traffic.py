"""Several transports, limits, and domains that ask to go slower, on each database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import update

from newsletter import pipeline
from newsletter.delivery import DeliveryState, Policy
from newsletter.pacing import EASE, DomainLimits, RoadLimits, WarmUp, per_hour, per_second, slowed
from newsletter.pipeline import Road
from newsletter.pipeline.traffic import STUCK, Heard, Traffic
from newsletter.store import deliveries, pacing
from newsletter.store.issue_acts import Done, IssueAct, record
from newsletter.store.ledger import held, paused, unfinished, waiting
from newsletter.store.schema import issues
from newsletter.transports import Refused, Reply, TransportUnavailable
from subscribers.addresses import domain as domain_of
from tests.contract.test_belt import NOON, SIGNER
from tests.world import LEASE, Closed, Ledger, Scripted

SLOW_DOWN = Refused(Reply(code=421, text="4.7.28 unusual rate"))
S = DeliveryState


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


class Clock:
    """Stands still but for those who sleep."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def road(name: str, *connections: Scripted, **more: object) -> Road:
    return Road(name=name, transports=list(connections), **more)  # type: ignore[arg-type]


def run(
    ledger: Ledger,
    roads: Sequence[Road],
    clock: Clock,
    domains: Mapping[str, DomainLimits] | None = None,
    *,
    wait: bool = True,
) -> pipeline.Dispatched:
    post = pipeline.Post(
        roads=roads,
        domains=domains or {},
        owner="one",
        policy=Policy(tries=3, news=timedelta(hours=36)),
        lease=LEASE,
        clock=clock,
        sleep=clock.sleep,
        wait=wait,
    )
    return pipeline.dispatch(ledger.database, SIGNER, post)


def composed(ledger: Ledger, readers: int) -> None:
    ledger.add_readers(readers)
    assert ledger.compose().issue is not None


def test_transports_share_the_mail_by_their_weights(ledger: Ledger) -> None:
    """Three and one: three of four messages go by the first."""
    composed(ledger, 24)
    first, second = Scripted(), Scripted()
    run(ledger, [road("a", first, weight=3), road("b", second, weight=1)], Clock())
    total = len(first.taken) + len(second.taken)
    assert total >= 12
    assert len(first.taken) == pytest.approx(0.75 * total, abs=2)


def test_a_transport_that_is_closed_is_left_out(ledger: Ledger) -> None:
    """The other carries everything, nobody is charged, and the run tells of it."""
    composed(ledger, 6)
    good = Scripted()
    done = run(ledger, [road("shut", Closed()), road("good", good)], Clock())
    assert set(done.closed) == {"shut"}
    assert done.stranded is None
    assert len(good.taken) == done.states[S.SENT] >= 6


def test_a_transport_that_closes_on_the_way_hands_over_to_the_next(ledger: Ledger) -> None:
    """What it was handed and did not take goes by the other road; nobody twice."""
    composed(ledger, 6)
    breaks = Scripted(TransportUnavailable("hung up"))
    good = Scripted()
    done = run(ledger, [road("breaks", breaks), road("good", good)], Clock())
    assert breaks.taken == []
    assert sorted(good.taken) == sorted(set(good.taken))
    assert len(good.taken) == done.states[S.SENT] >= 6


def test_a_spare_is_used_only_while_no_other_is_open(ledger: Ledger) -> None:
    """A weight of zero carries nothing beside an open road, and all in its place."""
    composed(ledger, 4)
    good, spare = Scripted(), Scripted()
    done = run(ledger, [road("good", good), road("spare", spare, weight=0)], Clock())
    assert not spare.opened
    assert done.states[S.SENT] == len(good.taken)
    ledger.reset_all()
    run(ledger, [road("shut", Closed()), road("spare", spare, weight=0)], Clock())
    assert len(spare.taken) == len(good.taken)


def test_with_every_transport_closed_nothing_is_touched(ledger: Ledger) -> None:
    """It is told at once, as before."""
    composed(ledger, 2)
    with pytest.raises(TransportUnavailable):
        run(ledger, [road("a", Closed()), road("b", Closed(), weight=0)], Clock())


def test_messages_a_second_are_waited_for(ledger: Ledger) -> None:
    """Two a second: the run takes as long as that takes."""
    composed(ledger, 9)
    clock, line = Clock(), Scripted()
    done = run(ledger, [road("a", line, limits=RoadLimits(rates=(per_second(2),)))], clock)
    assert done.held_back is None
    assert (clock.now - NOON).total_seconds() == pytest.approx((len(line.taken) - 1) / 2, abs=0.6)


def test_the_pace_of_a_limit_is_no_wait(ledger: Ledger) -> None:
    """With --no-wait too: pauses of two seconds and less are how fast it sends."""
    composed(ledger, 9)
    clock, line = Clock(), Scripted()
    limits = RoadLimits(rates=(per_second(2),))
    done = run(ledger, [road("a", line, limits=limits)], clock, wait=False)
    assert done.held_back is None
    assert len(line.taken) > 9


def test_without_waiting_the_run_says_when_to_come_again(ledger: Ledger) -> None:
    """With --no-wait what limits hold back stays queued, uncharged."""
    composed(ledger, 5)
    clock, line = Clock(), Scripted()
    limits = RoadLimits(rates=(per_hour(10),))
    done = run(ledger, [road("a", line, limits=limits)], clock, wait=False)
    assert len(line.taken) == 1
    assert done.held_back == NOON + timedelta(minutes=6)


def test_two_senders_share_one_limit(ledger: Ledger) -> None:
    """What one has used the other does not have."""
    composed(ledger, 5)
    limits = RoadLimits(rates=(per_hour(10),))
    first, second = Scripted(), Scripted()
    run(ledger, [road("a", first, limits=limits)], Clock(), wait=False)
    run(ledger, [road("a", second, limits=limits)], Clock(), wait=False)
    assert (len(first.taken), len(second.taken)) == (1, 0)


def test_a_warm_up_ends_the_day(ledger: Ledger) -> None:
    """Three today and not one more; the next day's number tomorrow."""
    composed(ledger, 8)
    clock, line = Clock(), Scripted()
    limits = RoadLimits(warm_up=WarmUp(since=NOON.date(), days=(3, 4)))
    done = run(ledger, [road("a", line, limits=limits)], clock)
    assert len(line.taken) == 3
    assert done.held_back is not None
    assert done.held_back.date() == NOON.date() + timedelta(days=1)
    clock.now = done.held_back
    run(ledger, [road("a", line, limits=limits)], clock)
    assert len(line.taken) == 7


def test_a_limited_domain_does_not_hold_up_the_others(ledger: Ledger) -> None:
    """Its readers get theirs by and by, everybody else at once."""
    composed(ledger, 6)
    other = ledger.add_reader("someone@example.net")
    ledger.compose()
    clock, line = Clock(), Scripted()
    limits = {"example.org": DomainLimits(rates=(per_hour(60),))}
    done = run(ledger, [road("a", line)], clock, limits, wait=False)
    assert other in line.taken
    assert done.held_back is not None
    clock.now += timedelta(minutes=2)
    run(ledger, [road("a", line)], clock, limits)
    clock.now += timedelta(minutes=20)
    run(ledger, [road("a", line)], clock, limits)
    assert len(line.taken) == len(set(line.taken)) >= 7


def test_a_domain_has_no_more_connections_than_it_may(ledger: Ledger) -> None:
    """Of four connections one at a time goes to it."""
    composed(ledger, 6)
    clock, lines = Clock(), [Scripted() for _ in range(4)]
    limits = {"*": DomainLimits(connections=1)}
    done = run(ledger, [road("a", *lines)], clock, limits)
    taken = [one for line in lines for one in line.taken]
    assert len(taken) == len(set(taken)) == done.states[S.SENT] >= 6


def test_a_domain_that_asks_to_go_slower_gets_ten_minutes(ledger: Ledger) -> None:
    """Gmail's 4.7.28: nothing more to it for ten minutes, the others are not slowed."""
    composed(ledger, 5)
    other = ledger.add_reader("someone@example.net")
    ledger.compose()
    clock, line = Clock(), Scripted(SLOW_DOWN)
    done = run(ledger, [road("a", line)], clock, wait=False)
    assert [one.domain for one in done.slowed] == ["example.org"]
    assert line.taken == [other]
    assert done.held_back == NOON + timedelta(minutes=10, seconds=0)
    with ledger.database.read() as connection:
        assert pacing.slow(connection)["example.org"].connections == 1


def test_after_the_pause_they_get_theirs(ledger: Ledger) -> None:
    """A run that waits sends to it after ten minutes, one at a time; nobody is forgotten."""
    composed(ledger, 30)
    clock, line = Clock(), Scripted(SLOW_DOWN)
    run(ledger, [road("a", line)], clock)
    assert clock.now >= NOON + timedelta(minutes=10)
    clock.now += timedelta(hours=1)  # the one that was refused has a wait of its own
    run(ledger, [road("a", line)], clock)
    assert len(line.taken) == len(set(line.taken)) >= 30


def test_bringing_forward_again_and_again_puts_nobody_off_further(ledger: Ledger) -> None:
    """What a limit put off lines up anew each time: the next one leaves six seconds later."""
    composed(ledger, 6)
    clock, sink = Clock(), Scripted()
    limits = {"example.org": DomainLimits(rates=(per_second(1 / 6),))}
    for left in range(1, 5):
        done = run(ledger, [road("a", sink)], clock, limits, wait=False)
        assert len(sink.taken) == left
        assert done.held_back == clock.now + timedelta(seconds=6)
        clock.now += timedelta(seconds=6)
        with ledger.database.write() as connection:
            deliveries.bring_forward(connection, clock.now)


def test_what_waits_is_told_by_what_it_waits_for(ledger: Ledger) -> None:
    """A limit, the next try and the reader's hour are three things, and an issue may be paused."""
    composed(ledger, 4)
    later = Refused(Reply(code=450, text="later"))
    limits = {"example.org": DomainLimits(rates=(per_second(1 / 6),))}
    run(ledger, [road("a", Scripted(later))], Clock(), limits, wait=False)
    with ledger.database.read() as connection:
        waits = waiting(connection, NOON)
        early = waiting(connection, NOON - timedelta(days=1))
        assert unfinished(connection, NOON) == waits.limits.number
    assert (waits.hour.number, waits.again.number) == (0, 1)
    assert waits.limits.number == waits.number - 1 > 0
    assert waits.first == waits.limits.first
    assert (early.hour.number, early.limits.number) == (waits.limits.number, 0)
    with ledger.database.write() as connection:
        pause = Done(act=IssueAct.PAUSE, by="ida", why="", at=NOON)
        assert record(connection, 1, pause)
    with ledger.database.read() as connection:
        assert waiting(connection, NOON).number == 0
        assert list(paused(connection).values()) == [waits.number]


def test_a_rate_slower_than_the_lease_of_what_is_held(ledger: Ledger) -> None:
    """A claim of fifty at a hundred an hour outlasts its lease: the run goes on all the same."""
    composed(ledger, 60)
    clock, line = Clock(), Scripted()
    done = run(ledger, [road("a", line, limits=RoadLimits(rates=(per_hour(100),)))], clock)
    assert len(line.taken) == len(set(line.taken)) == done.states[S.SENT] >= 60
    assert clock.now < NOON + timedelta(hours=1)


def test_what_is_brought_forward_does_not_wait_behind_itself(ledger: Ledger) -> None:
    """Asked again and again to send now, one a minute leaves: nothing is put off ever further."""
    composed(ledger, 20)
    clock, line = Clock(), Scripted()
    limits = {"example.org": DomainLimits(rates=(per_hour(60),))}
    for minute in range(5):
        clock.now = NOON + timedelta(minutes=minute)
        with ledger.database.write() as connection:
            deliveries.bring_forward(connection, clock.now)
        done = run(ledger, [road("a", line)], clock, limits, wait=False)
        assert done.held_back == clock.now + timedelta(minutes=1)
    assert len(line.taken) == 5


@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_nothing_waits_behind_an_issue_that_is_held(ledger: Ledger, act: str) -> None:
    """The instants that its messages had are free for those of the next one."""
    ledger.add_readers(20)
    issue = ledger.compose().issue
    assert issue is not None
    limits = {"example.org": DomainLimits(rates=(per_hour(60),))}
    run(ledger, [road("a", Scripted())], Clock(), limits, wait=False)
    with ledger.database.write() as connection:
        assert pacing.tail(connection, "example.org", NOON) > NOON + timedelta(minutes=15)
    if act == "pause":
        pipeline.pause(ledger.database, issue, IssueAct.PAUSE, by="ida", why="", now=NOON)
    else:
        pipeline.cancel(ledger.database, issue, by="ida", why="", now=NOON)
    with ledger.database.write() as connection:
        assert pacing.tail(connection, "example.org", NOON) == NOON


def test_a_domain_that_recovers_locks_nobody_in_a_circle(postgres_database_url: str) -> None:
    """One sender calls its messages back while another has limits of an earlier domain in hand."""
    ledger = Ledger(postgres_database_url)
    for domain in ("a.example", "z.example"):
        ledger.add_reader(f"asa@{domain}")
    ledger.compose()
    asks = slowed(None, "z.example", "4.7.0", "slower", 4, NOON)
    with ledger.database.write() as connection:
        pacing.put_slow(connection, replace(asks, taken=EASE - 1, until=NOON))
        for name in ("a.example", "z.example"):
            pacing.tail(connection, name, NOON)
    claims = {domain_of(one.address): one for one in ledger.claim("one", limit=10)}
    sent = Heard(address=claims["z.example"].address, taken=True)
    one = Traffic([], {"*": DomainLimits(connections=4)})
    failed: list[Exception] = []

    def beside() -> None:
        try:
            with ledger.database.write() as connection:
                pacing.tail(connection, "a.example", NOON)
                between.wait(5)
                between.wait(5)
                pacing.tail(connection, "z.example", NOON)
        except Exception as error:
            failed.append(error)

    between = Barrier(2)
    thread = Thread(target=beside)
    thread.start()
    with ledger.database.write() as connection:
        one.look(connection, NOON)
        between.wait(5)
        one.heard(connection, [sent], NOON)
        between.wait(5)
        one.admit(connection, [claims["a.example"]], [], {}, NOON)
    one.call_back(ledger.database, NOON)
    thread.join()
    assert failed == []
    with ledger.database.read() as connection:
        assert pacing.slow(connection)["z.example"].connections == asks.connections + 1
    ledger.database.close()


def test_a_domain_that_asks_another_sender_is_gone_easy_on_by_this_one(ledger: Ledger) -> None:
    """What a run has claimed already is put off too, once it heard of it."""
    composed(ledger, 30)
    clock = Clock()

    def elsewhere() -> None:
        clock.now += timedelta(seconds=2)
        asks = slowed(None, "example.org", "4.7.28", "unusual rate", 4, clock.now)
        with ledger.database.write() as connection:
            pacing.put_slow(connection, asks)

    line = Scripted(elsewhere)
    done = run(ledger, [road("a", line)], clock, wait=False)
    assert len(line.taken) == 1
    assert done.held_back == clock.now + timedelta(minutes=10)


def test_what_was_claimed_as_its_issue_was_paused_is_given_back(ledger: Ledger) -> None:
    """A claim that a pause could not see yet does not hold it until the lease ends."""
    ledger.add_readers(6)
    issue = ledger.compose().issue
    assert issue is not None

    def paused() -> None:
        with ledger.database.write() as connection:
            connection.execute(update(issues).values(paused=True))

    assert ledger.post(Scripted(paused)).states == {S.SENT: 1}
    with ledger.database.read() as connection:
        assert held(connection, NOON) == (0, None)


def test_a_road_that_is_stuck_holds_up_no_other(ledger: Ledger) -> None:
    """Roads keep their shares while servers answer; one whose server does not is not waited for."""
    ledger.add_readers(12)
    ledger.compose()
    ready = ledger.claim("one", limit=12)
    traffic = Traffic([road("quick", Scripted()), road("stuck", Scripted())], {})
    now, carried = NOON, Counter[str]()

    def admit(quick: int, stuck: int) -> datetime | None:
        idle = {"quick": quick, "stuck": stuck}
        with ledger.database.write() as connection:
            done = traffic.admit(connection, ready[: quick + stuck], [], idle, now)
        carried.update(name for _, name in done.go)
        return done.next_at

    assert admit(1, 1) is None
    assert admit(1, 0) is None
    assert carried == {"quick": 2, "stuck": 1}
    until = admit(1, 0)
    assert (carried["quick"], until) == (2, NOON + STUCK)  # it has carried more than its share
    now = NOON + STUCK
    for _ in range(3):
        assert admit(1, 0) is None
    assert carried == {"quick": 5, "stuck": 1}
    for _ in range(2):
        admit(1, 1)  # it answered after all, and need not make up for what it missed
    assert carried == {"quick": 7, "stuck": 3}
