"""The belt from page to transport, on both databases: nobody twice, nobody forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from newsletter import catalogue, pipeline, sources
from newsletter.delivery import Decision, DeliveryState, Policy
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.store import claiming, deliveries, ledger, operator_acts
from newsletter.store.database import Database
from newsletter.topics import Catalogue
from newsletter.transports import Envelope, Refused, Reply, TransportUnavailable
from newsletter.transports.memory import MemoryTransport
from subscribers import store
from subscribers.model import Consent, Preferences
from subscribers.tokens import Signer
from tests.golden.test_golden import TERMS, offline

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
SIGNER = Signer(b"a secret of the tests")
READERS = {
    "alignment@example.org": Preferences(follows=frozenset({"alignment"})),
    "everything@example.org": Preferences(),
    "robots@example.org": Preferences(follows=frozenset({"robotics"})),
}


class Breaking(MemoryTransport):
    """Takes messages until it is told to do something else with the next one."""

    def __init__(self, *acts: Exception | Callable[[], None]) -> None:
        super().__init__()
        self.acts = list(acts)

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        act = self.acts.pop(0) if self.acts else None
        if isinstance(act, Exception):
            raise act
        if act is not None:
            act()
        return super().send(envelope, message)


@cache
def topics() -> Catalogue:
    """The built-in catalogue, read once."""
    return catalogue.load(folder("seeds") / "topics.toml")


@cache
def renderer() -> Renderer:
    """Our own templates, compiled once."""
    return Renderer(Templates(folder("templates")))


class World:
    """A database with the saved page and three readers, and the verbs to run on it."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.database.upgrade()
        page = {"path": str(folder("seeds") / "trending-papers.txt")}
        pipeline.collect(
            self.database, offline(), [sources.build("page", page, folder("seeds"))], NOON
        )
        with self.database.write() as connection:
            for address, wants in READERS.items():
                consent = Consent(at=NOON, form="test")
                store.subscribe(connection, address, wants, consent)

    def compose(self, now: datetime = NOON) -> pipeline.Composed:
        return pipeline.compose(self.database, renderer(), topics(), TERMS, now)

    def send(
        self,
        transport: MemoryTransport,
        now: datetime = NOON,
        owner: str = "one",
        limit: int | None = None,
    ) -> pipeline.Dispatched:
        post = pipeline.Post(
            roads=[pipeline.Road(name="memory", transports=[transport])],
            owner=owner,
            policy=Policy(tries=2, news=timedelta(hours=36)),
            lease=timedelta(minutes=15),
            clock=lambda: now,
        )
        return pipeline.dispatch(self.database, SIGNER, post, limit=limit)

    def counts(self, issue_id: int) -> dict[DeliveryState, int]:
        with self.database.read() as connection:
            counts = ledger.count(connection, issue_id)
            assert sum(counts.values()) == ledger.composed(connection, issue_id)
        return {state: number for state, number in counts.items() if number}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


def issue_id(done: pipeline.Composed) -> int:
    assert done.issue is not None
    return done.issue.id


def test_composing_and_sending_again_adds_nothing(world: World) -> None:
    """Every verb can be repeated: nobody gets an issue twice."""
    first = world.compose()
    assert (first.queued, first.skipped) == (2, 1)
    again = world.compose(NOON + timedelta(hours=1))
    assert (again.queued, again.skipped, again.fresh) == (0, 0, False)
    sink = MemoryTransport()
    assert world.send(sink).states == {DeliveryState.SENT: 2}
    assert world.send(sink).states == {}
    assert sorted(envelope.recipient for envelope, _ in sink.messages) == [
        "alignment@example.org",
        "everything@example.org",
    ]
    assert world.counts(issue_id(first)) == {DeliveryState.SENT: 2, DeliveryState.SKIPPED: 1}


def test_preview_shows_the_bytes_that_are_sent(world: World) -> None:
    """What is built for a ledger entry is what the transport was handed."""
    done = world.compose()
    assert done.issue is not None
    edition = pipeline.Edition(done.issue, SIGNER)
    with world.database.read() as connection:
        entries = ledger.entries(connection, done.issue.id)
    previews = {one.address: edition.message(one).content for one in entries if one.picks != "[]"}
    sink = MemoryTransport()
    world.send(sink)
    assert {envelope.recipient: content for envelope, content in sink.messages} == previews


def test_the_next_issue_repeats_no_paper(world: World) -> None:
    """Over two days a reader is never shown a paper twice."""
    shown: list[str] = []
    for day in range(3):
        now = NOON + timedelta(days=day)
        done = world.compose(now)
        assert done.issue is not None
        world.send(MemoryTransport(), now)
        with world.database.read() as connection:
            for one in ledger.entries(connection, done.issue.id):
                if one.address == "everything@example.org":
                    picks = ledger.read_picks(one.picks, done.issue)
                    shown += [pick.paper_id for pick in picks]
    assert len(shown) == len(set(shown)) == 30


def test_a_road_that_closes_charges_nobody(world: World) -> None:
    """Before DATA the delivery waits, uncharged, and the next run sends it."""
    done = world.compose()
    road = Breaking(TransportUnavailable("the road is closed"))
    result = world.send(road)
    assert result.stranded is not None
    assert world.counts(issue_id(done)) == {
        DeliveryState.DEFERRED: 1,
        DeliveryState.QUEUED: 1,
        DeliveryState.SKIPPED: 1,
    }
    with world.database.read() as connection:
        assert [one.tries for one in _claimable(connection)] == [0, 0]
    assert world.send(MemoryTransport()).states == {DeliveryState.SENT: 2}


def _claimable(connection: deliveries.Connection) -> list[claiming.Claimed]:
    return claiming.claim(
        connection, owner="looking", now=NOON, lease=timedelta(seconds=0), limit=9
    )


def test_an_answer_that_is_lost_is_unknown_and_never_sent_again(world: World) -> None:
    """In doubt means unknown, listed, and left to an operator."""
    done = world.compose()
    road = Breaking(TransportUnavailable("no answer", in_doubt=True))
    world.send(road)
    sink = MemoryTransport()
    world.send(sink)
    assert len(sink.messages) == 1
    counts = world.counts(issue_id(done))
    assert counts[DeliveryState.UNKNOWN] == 1
    with world.database.write() as connection:
        (one,) = ledger.entries(connection, issue_id(done), states=[DeliveryState.UNKNOWN])
        assert operator_acts.reconcile(connection, one.id, DeliveryState.QUEUED, "by hand", NOON)
        assert not operator_acts.reconcile(connection, one.id, DeliveryState.SENT, "again", NOON)
    assert world.send(MemoryTransport()).states == {DeliveryState.SENT: 1}


def test_refusals_wait_and_end(world: World) -> None:
    """4yz is tried again later and not for ever; 5yz fails at once."""
    done = world.compose()
    later = Refused(Reply(code=450, text="later"))
    never = Refused(Reply(code=550, text="no such user"))
    assert world.send(Breaking(later, never)).states == {
        DeliveryState.DEFERRED: 1,
        DeliveryState.FAILED: 1,
    }
    assert world.send(MemoryTransport()).states == {}
    after = NOON + timedelta(hours=1)
    assert world.send(Breaking(later), after).states == {DeliveryState.FAILED: 1}
    assert world.counts(issue_id(done)) == {DeliveryState.FAILED: 2, DeliveryState.SKIPPED: 1}


def test_a_sender_that_lost_its_lease_changes_nothing(world: World) -> None:
    """Past its lease a delivery in `sending` is unknown, whatever its sender says later."""
    done = world.compose()
    lease = timedelta(minutes=15)
    with world.database.write() as connection:
        claims = claiming.claim(connection, owner="slow", now=NOON, lease=lease, limit=1)
        assert claiming.begin(connection, "slow", claims, NOON) == {claims[0].id}
    with world.database.write() as connection:
        assert len(_claimable(connection)) == 1  # not the one that is being sent
        assert ledger.held(connection, NOON) == (1, NOON + lease)
    late = NOON + lease
    assert world.send(MemoryTransport(), late).lost == 1
    with world.database.write() as connection:
        assert claiming.begin(connection, "slow", claims, late) == set()
        decision = Decision(state=DeliveryState.SENT, reason="")
        ended = claiming.Finished(claim=claims[0], decision=decision, transport="memory")
        assert claiming.finish(connection, "slow", [ended], late) == []
    assert world.counts(issue_id(done))[DeliveryState.UNKNOWN] == 1


def test_two_senders_send_it_once(world: World) -> None:
    """While one sender holds a claim, another that runs meanwhile finds only the rest."""
    world.compose()
    second = MemoryTransport()

    def meanwhile() -> None:
        world.send(second, owner="two")

    first = Breaking(meanwhile)
    world.send(first, owner="one")
    assert len(first.messages) + len(second.messages) == 2


def test_who_left_and_what_is_old_is_not_sent(world: World) -> None:
    """Unsubscribed after composing is skipped; older than its news value fails."""
    done = world.compose()
    with world.database.write() as connection:
        store.unsubscribe(connection, store.get(connection, "alignment@example.org").id, NOON)
    sink = MemoryTransport()
    world.send(sink, NOON + timedelta(hours=37))
    assert sink.messages == []
    assert world.counts(issue_id(done)) == {DeliveryState.SKIPPED: 2, DeliveryState.FAILED: 1}


def test_a_limit_is_kept_and_hours_are_waited_for(world: World) -> None:
    """`limit` counts messages; before the reader's hour nothing is due until brought forward."""
    dawn = NOON.replace(hour=5)
    world.compose(dawn)
    assert world.send(MemoryTransport(), dawn).states == {}
    with world.database.write() as connection:
        assert deliveries.bring_forward(connection, dawn) == 2
    assert world.send(MemoryTransport(), dawn, limit=1).states == {DeliveryState.SENT: 1}
